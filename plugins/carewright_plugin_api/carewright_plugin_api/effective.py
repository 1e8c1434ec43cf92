"""Dated values with their sources: the numbers of a rule book, kept out of the code.

A parameter is a history of rows. A row holds from a day to a day and says where it is written:

    citations:
      ngs: {title: NGS care-management page, basis: published}
    parameters:
      ccm.conditions:
        unit: chronic conditions
        history:
          - {from: 2015-01-01, to: 2026-12-31, value: 2, citation: ngs, status: FINAL, reviewed_on: 2026-11-22}

Asking for a day that no row covers is an error, never the nearest value. A row with no `to` holds until a later row
is written. PROPOSED rows can be shown and compared, and cannot be billed on.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

import yaml

from carewright_plugin_api.decisions import Basis, Citation, Status

_ROW_KEYS = {"from", "to", "value", "citation", "status", "reviewed_on"}
_CITATION_KEYS = {"title", "section", "where", "basis"}
_MOST_REMEMBERED = 20_000
_COUNTING_SOURCES = ("counting.py", "effective.py", "ladder.py")


class ParameterError(LookupError):
    """A value that was asked for cannot be used. parameter and on say which and when."""

    def __init__(self, message: str, parameter: str, on: date | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.on = on


class OutsideHistory(ParameterError):
    """No row covers that day."""


class OnlyProposed(ParameterError):
    """The row that covers that day is a proposal."""


@dataclass(frozen=True, slots=True)
class Dated:
    """One row: `value` holds from `starts` to `ends` (None: until a later row). Lists are tuples, maps read-only."""

    parameter: str
    value: Any
    unit: str
    starts: date
    ends: date | None
    status: Status
    citation: Citation

    @property
    def whole(self) -> int:
        """The value as a whole number. TypeError if it is something else."""
        if type(self.value) is not int:
            raise TypeError(f"{self.parameter} is {self.value!r}, not a whole number")
        return self.value

    @property
    def words(self) -> tuple[str, ...]:
        """The value as a list of words. TypeError if it is something else."""
        if not isinstance(self.value, tuple) or not all(isinstance(word, str) for word in self.value):
            raise TypeError(f"{self.parameter} is {self.value!r}, not a list of words")
        return self.value

    @property
    def table(self) -> Mapping[str, Any]:
        """The value as a read-only map. TypeError if it is something else."""
        if type(self.value) is not MappingProxyType and not isinstance(self.value, Mapping):
            raise TypeError(f"{self.parameter} is {self.value!r}, not a map")
        return self.value

    def covers(self, day: date) -> bool:
        return self.starts <= day and (self.ends is None or day <= self.ends)


class Parameters:
    """The histories of one plugin, by name. Read-only once made."""

    def __init__(self, rows: Iterable[Dated]) -> None:
        histories: dict[str, list[Dated]] = {}
        for row in rows:
            histories.setdefault(row.parameter, []).append(row)
        self._histories = {
            name: tuple(sorted(held, key=lambda row: row.starts)) for name, held in sorted(histories.items())
        }
        #: a month's rules ask for the same few rows on the same day, for one patient after another
        self._found: dict[tuple[str, date], Dated] = {}

    @staticmethod
    def rows_of(package: str) -> list[Dated]:
        """Every row of every `parameters/*.yaml` of an installed package. ValueError names what is malformed."""
        found = sorted((files(package) / "parameters").iterdir(), key=lambda file: file.name)
        texts = ((file.read_text("utf-8"), file.name) for file in found if file.name.endswith(".yaml"))
        return [row for text, name in texts for row in read(text, name)]

    def on(self, name: str, day: date) -> Dated:
        """The row to bill by. Raises OutsideHistory or OnlyProposed, naming the parameter and the day."""
        row = self._found.get((name, day)) or self.row(name, day)
        if row.status != "FINAL":
            raise OnlyProposed(
                f"{name} on {day} is only proposed ({row.citation.title}); nothing is billed on a proposal",
                name,
                day,
            )
        return row

    def row(self, name: str, day: date) -> Dated:
        """The row covering `day`, proposed or not. Raises OutsideHistory."""
        found = self._found.get((name, day))
        if found is not None:
            return found
        for row in self.history(name):
            if row.covers(day):
                if len(self._found) > _MOST_REMEMBERED:
                    self._found.clear()
                self._found[name, day] = row
                return row
        raise OutsideHistory(f"{name} has no value for {day}", name, day)

    def known(self, name: str, day: date) -> bool:
        """Whether some row covers `day`: how to ask if a code existed then."""
        return (name, day) in self._found or any(row.covers(day) for row in self._histories.get(name, ()))

    def history(self, name: str) -> tuple[Dated, ...]:
        """All rows, oldest first. Raises ParameterError for a name nobody wrote."""
        if name not in self._histories:
            raise ParameterError(f"there is no parameter {name}", name)
        return self._histories[name]

    def names(self, prefix: str = "") -> tuple[str, ...]:
        return tuple(name for name in self._histories if name.startswith(prefix))

    @property
    def oldest_review(self) -> date:
        """The day the least recently checked row was checked."""
        return min(
            row.citation.reviewed_on or row.starts for held in self._histories.values() for row in held
        )

    def problems(self) -> list[str]:
        """Gaps, overlaps and rows that end before they start, as sentences. A plugin's tests assert there are none."""
        found: list[str] = []
        for name, held in self._histories.items():
            for row in held:
                if row.ends is not None and row.ends < row.starts:
                    found.append(f"{name}: the row from {row.starts} ends on {row.ends}, before it starts")
            for earlier, later in pairwise(held):
                if earlier.ends is None or later.starts <= earlier.ends:
                    found.append(f"{name}: the rows from {earlier.starts} and {later.starts} overlap")
                elif later.starts > earlier.ends + timedelta(days=1):
                    found.append(f"{name}: nothing holds between {earlier.ends} and {later.starts}")
        return found


def read(text: str, name: str) -> list[Dated]:
    """The rows written in one YAML text. ValueError names the file, the parameter and what is wrong with it."""
    data = load_yaml(text)
    citations = {key: _citation(key, held, name) for key, held in (data.get("citations") or {}).items()}
    rows: list[Dated] = []
    for parameter, held in (data.get("parameters") or {}).items():
        where = f"{name}: {parameter}"
        unit, history = held.get("unit"), held.get("history")
        if not unit or not history or set(held) != {"unit", "history"}:
            raise ValueError(f"{where} needs a unit and a history, and nothing else")
        rows += [_row(parameter, unit, row, citations, where) for row in history]
    return rows


def load_yaml(text: str) -> Any:
    """YAML, safe, and without its two silent traps: a key written twice, and a bare `on` read as true."""
    return yaml.load(text, Loader=_Strict)  # noqa: S506 - a subclass of the safe loader


def rule_set_hash(package: str) -> str:
    """sha256 over a plugin's parameters and source, and over the counting code it rests on."""
    digest = hashlib.sha256()
    for path, file in sorted(_sources(files(package), package)):
        digest.update(f"{path}\n".encode())
        digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    for source in _COUNTING_SOURCES:
        digest.update(files(__package__).joinpath(source).read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _sources(folder: Traversable, path: str) -> Iterable[tuple[str, Traversable]]:
    for item in folder.iterdir():
        if item.is_dir() and item.name != "__pycache__":
            yield from _sources(item, f"{path}/{item.name}")
        elif item.name.endswith(".py") or (item.name.endswith(".yaml") and path.endswith("/parameters")):
            yield f"{path}/{item.name}", item


def _row(parameter: str, unit: str, row: dict[str, Any], citations: dict[str, Citation], where: str) -> Dated:
    starts = row.get("from")
    where = f"{where} from {starts}"
    if set(row) - _ROW_KEYS:
        raise ValueError(f"{where} has no use for {', '.join(sorted(set(row) - _ROW_KEYS))}")
    missing = _ROW_KEYS - {"to"} - set(row)
    if missing:
        raise ValueError(f"{where} lacks {', '.join(sorted(missing))}")
    ends, reviewed = row.get("to"), row["reviewed_on"]
    if type(starts) is not date or type(reviewed) is not date or not (ends is None or type(ends) is date):
        raise ValueError(f"{where}: from, to and reviewed_on are dates")
    if row["status"] not in get_args(Status):
        raise ValueError(f"{where}: status is {row['status']!r}; it is one of {', '.join(get_args(Status))}")
    if row["citation"] not in citations:
        raise ValueError(f"{where} cites {row['citation']!r}, which the file does not describe")
    cited = citations[row["citation"]]
    citation = Citation(cited.title, cited.section, cited.where, row["status"], reviewed, cited.basis)
    return Dated(parameter, _frozen(row["value"], where), unit, starts, ends, row["status"], citation)


def _citation(key: str, held: dict[str, Any], name: str) -> Citation:
    if not isinstance(held, dict) or not held.get("title") or set(held) - _CITATION_KEYS:
        raise ValueError(f"{name}: citation {key} needs a title, and may have a section, where and basis")
    basis = held.get("basis", "published")
    if basis not in get_args(Basis):
        raise ValueError(
            f"{name}: citation {key} has the basis {basis!r}; it is one of {', '.join(get_args(Basis))}"
        )
    return Citation(held["title"], str(held.get("section", "")), str(held.get("where", "")), basis=basis)


def _frozen(value: Any, where: str) -> Any:
    if isinstance(value, float):
        raise ValueError(f"{where}: {value} is a floating number; write money as text")
    if isinstance(value, list):
        return tuple(_frozen(item, where) for item in value)
    if isinstance(value, dict):
        return MappingProxyType({str(key): _frozen(held, where) for key, held in value.items()})
    return value


if TYPE_CHECKING:
    _SafeLoader = yaml.SafeLoader
else:  # libyaml's reader, where PyYAML came with it, is ten times as quick and reads the same
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Strict(_SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(keys)) != len(keys):
            twice = sorted({str(key) for key in keys if keys.count(key) > 1})
            raise ValueError(f"{', '.join(twice)} stands twice near line {node.start_mark.line + 1}")
        if any(isinstance(key, bool) for key in keys):
            raise ValueError(
                f"a bare on, off, yes or no is a key near line {node.start_mark.line + 1}: quote it"
            )
        return super().construct_mapping(node, deep)
