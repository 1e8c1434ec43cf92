"""The instruments there are: every file of the folder `instruments` beside this one, read once.

A change of what an instrument says is a new version in a file of its own. What was answered against an earlier one is
read with that one, for as long as its file is there.
"""

from functools import cache
from pathlib import Path
from typing import Final

from server.assessments.instrument import Instrument
from server.assessments.reading import BadInstrument, read_instrument

FOLDER: Final = Path(__file__).with_name("instruments")


@cache
def _all() -> dict[tuple[str, str], Instrument]:
    found: dict[tuple[str, str], Instrument] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name.endswith(".cases.yaml"):
            continue
        one = read_instrument(path.read_text(encoding="utf-8"))
        if path.name != f"{one.key}.{one.version}.yaml":
            raise BadInstrument(f"{path.name} holds {one.key}, version {one.version}")
        found[one.key, one.version] = one
    return found


def known(key: str, version: str) -> Instrument | None:
    """That version of an instrument, however old."""
    return _all().get((key, version))


@cache
def newest() -> dict[str, Instrument]:
    """key -> the version that is answered now, by subject and title."""
    latest: dict[str, Instrument] = {}
    for one in sorted(_all().values(), key=lambda each: int(each.version)):
        latest[one.key] = one
    return {one.key: one for one in sorted(latest.values(), key=lambda each: (each.subject, each.title))}


def every_version() -> tuple[Instrument, ...]:
    return tuple(_all().values())
