"""A file of comma-separated values, whatever made it: its encoding, its separator, its header, its rows. Pure."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from server.csv_text import restored
from server.errors import Refused
from server.patients.search import fold

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_ROWS: Final = 250_000
MOST_COLUMNS: Final = 200
LONGEST_CELL: Final = 10_000  # characters
#: the column that a file to be mended carries; by it we know our own
TO_MEND: Final = "Carewright: what to mend"
_SPREADSHEETS = ((b"PK\x03\x04", "an Excel or OpenDocument file"), (b"\xd0\xcf\x11\xe0", "an old Excel file"))
_SEPARATORS: Final = (",", ";", "\t", "|")
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it was sent. rows: (line of the file where the row ends, its cells as wide as the header or wider)."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    encoding: str
    separator: str
    ours: bool = False

    @property
    def shape(self) -> str:
        """Which header this is, whatever its spelling of case, accents and punctuation."""
        names = [fold(name) for name in self.header if name != TO_MEND]
        return sha256("\n".join(names).encode()).hexdigest()


def read_sheet(data: bytes) -> Sheet:
    """The table in these bytes. Formulas are text like any other.

    Raises Refused FILE_TOO_LARGE, SPREADSHEET_FILE, NOT_TEXT, NO_ROWS, TOO_MANY_ROWS, TOO_MANY_COLUMNS, CELL_TOO_LONG,
    QUOTATION_MARK.
    """
    if len(data) > MOST_BYTES:
        raise Refused(
            "FILE_TOO_LARGE",
            f"This file has {len(data) / 2**20:.0f} MB; a table may have {MOST_BYTES // 2**20}.",
            "Split it into several files, each with the header line.",
            "file",
        )
    for start, what in _SPREADSHEETS:
        if data.startswith(start):
            raise Refused(
                "SPREADSHEET_FILE",
                f"This is {what}, not a CSV file.",
                "Open it in the spreadsheet program, choose File, Save as, and there “CSV UTF-8 (comma separated)”; "
                "then bring that file.",
                "file",
            )
    text, encoding = _decoded(data)
    separator = _separator(text)
    lines = _lines(text, separator)
    header = _header(lines)
    if not header or not lines:
        raise Refused(
            "NO_ROWS",
            "There is no row under the header in this file." if header else "There is nothing in this file.",
            "The first line names the columns; each further line is one person.",
            "file",
        )
    ours = TO_MEND in header
    rows = tuple(
        (line, tuple(map(restored, cells)) if ours else cells)
        for line, cells in ((line, _as_wide(cells, len(header))) for line, cells in lines)
    )
    return Sheet(tuple(map(restored, header)) if ours else header, rows, encoding, separator, ours)


def _decoded(data: bytes) -> tuple[str, str]:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if not encoding and b"\x00" in data[:4096]:
        # UTF-16 without its mark: Latin letters leave every other byte empty.
        encoding = "utf-16-le" if data[1:4096:2].count(0) > data[0:4096:2].count(0) else "utf-16-be"
    for name in (encoding,) if encoding else ("utf-8", "cp1252", "latin-1"):
        try:
            text = data.decode(name)
        except UnicodeError:
            continue
        if "\x00" not in text:
            return text.removeprefix("\ufeff"), {"utf-8-sig": "utf-8"}.get(name, name)
        break
    raise Refused(
        "NOT_TEXT",
        "This file is not text that a table could be read from.",
        "Save it as “CSV UTF-8” in the program it comes from.",
        "file",
    )


def _separator(text: str) -> str:
    """The sign that cuts the first lines into the most columns, the same number on most of them."""
    first = text[:65536]

    def columns(separator: str) -> tuple[int, int]:
        reader = csv.reader(io.StringIO(first, newline=""), delimiter=separator)
        try:
            widths = [len(row) for _, row in zip(range(20), reader, strict=False) if any(row)]
        except csv.Error:
            return (0, 0)
        usual = max(set(widths), key=lambda w: (widths.count(w), w), default=0)
        return (widths.count(usual) if usual > 1 else 0, usual)

    found = max(_SEPARATORS, key=lambda s: (columns(s)[0], columns(s)[1], -_SEPARATORS.index(s)))
    return found if columns(found)[1] > 1 else ","


def _lines(text: str, separator: str) -> list[tuple[int, tuple[str, ...]]]:
    # Strict: a quotation mark that got lost would otherwise take all rows to the next one into its cell, unsaid.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    found = []
    start = 1  # the line where the row begins
    try:
        for cells in reader:
            start = reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > MOST_COLUMNS:
                raise Refused(
                    "TOO_MANY_COLUMNS",
                    f"Line {reader.line_num} has {len(cells):,} columns; a table may have {MOST_COLUMNS}.",
                    "Leave out the columns that are not about the person.",
                    "file",
                )
            if max(map(len, cells)) > LONGEST_CELL:
                raise _too_long(reader.line_num)
            found.append((reader.line_num, tuple(cells)))
            if len(found) > MOST_ROWS + 3:
                raise Refused(
                    "TOO_MANY_ROWS",
                    f"This file has more than {MOST_ROWS:,} rows.",
                    "Split it into several files, each with the header line.",
                    "file",
                )
    except csv.Error as error:
        if "field limit" in str(error):
            raise _too_long(reader.line_num) from None
        raise Refused(
            "QUOTATION_MARK",
            f"In the row that begins on line {start:,} a quotation mark is opened and "
            + ("never closed." if "end of data" in str(error) else "closed in the middle of a cell."),
            "Close it at the end of its cell. A quotation mark that belongs to the text is written twice, inside others.",
            "file",
        ) from None
    return found


def _too_long(line: int) -> Refused:
    return Refused(
        "CELL_TOO_LONG",
        f"A cell that ends near line {line:,} has more than {LONGEST_CELL:,} characters.",
        "Most often a quotation mark was opened there and never closed. Close it, or shorten the cell.",
        "file",
    )


_DATA = re.compile(r"\d")


def _header(lines: list[tuple[int, tuple[str, ...]]]) -> tuple[str, ...]:
    """The header's names, taken off `lines`: a title above it is passed over, merged cells are joined with the line
    below, repeated and empty names get numbers."""
    widest = max((len(cells) for _, cells in lines[:20]), default=0)
    while len(lines) > 1 and widest > 2 and len([c for c in lines[0][1] if c.strip()]) == 1:
        lines.pop(0)
    if not lines:
        return ()
    names = [name.strip() for name in _as_wide(lines.pop(0)[1], widest)]
    while len(names) > 1 and not names[-1] and not any(len(cells) >= len(names) for _, cells in lines[:1000]):
        names.pop()
    if lines and any(not name for name in names):
        below = [name.strip() for name in _as_wide(lines[0][1], len(names))]
        merged = all(below[i] for i, name in enumerate(names) if not name) and not any(
            map(_DATA.search, below)
        )
        if merged and len(lines) > 1:
            lines.pop(0)
            names = _joined(names, below)
    return tuple(_told_apart(names))


def _joined(above: Sequence[str], below: Sequence[str]) -> list[str]:
    names, last = [], ""
    for high, low in zip(above, below, strict=False):
        last = high or last
        names.append(f"{last} {low}".strip() if low else last)
    return names


def _told_apart(names: Sequence[str]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        plain = " ".join(name.split())[:100] or f"Column {place}"
        seen[plain.casefold()] = times = seen.get(plain.casefold(), 0) + 1
        yield plain if times == 1 else f"{plain} ({times})"


def _as_wide(cells: tuple[str, ...], width: int) -> tuple[str, ...]:
    while len(cells) > width and not cells[-1].strip():
        cells = cells[:-1]
    return cells + ("",) * (width - len(cells))
