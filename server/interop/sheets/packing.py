"""A table cut into portions small enough for one transaction each. Pure."""

import json
import zlib
from dataclasses import dataclass
from typing import Final

from server.interop.sheets.columns import Days, days_of
from server.interop.sheets.reading import Sheet, read_sheet

ROWS_IN_A_PORTION: Final = 500
Rows = list[tuple[int, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that was read: its table without the rows' text, and that text in portions."""

    sheet: Sheet
    days: tuple[Days, ...]
    portions: tuple[bytes, ...]


def prepared(data: bytes) -> Prepared:
    """Read a file and cut it up. Raises what `read_sheet` raises."""
    sheet = read_sheet(data)
    portions = tuple(
        zlib.compress(json.dumps(sheet.rows[start : start + ROWS_IN_A_PORTION]).encode(), 1)
        for start in range(0, len(sheet.rows), ROWS_IN_A_PORTION)
    )
    return Prepared(sheet, days_of(sheet), portions)


def unpacked(cells: bytes) -> Rows:
    return [(line, tuple(row)) for line, row in json.loads(zlib.decompress(cells))]
