"""A table cut into portions small enough for one transaction each. Pure."""

import json
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import Final

from server.interop.sheets.columns import Counting, Days
from server.interop.sheets.reading import Sheet, read_sheet

ROWS_IN_A_PORTION: Final = 500
Rows = list[tuple[int, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that was read: its table, how many rows it has, how each column writes days, and the rows in portions."""

    sheet: Sheet
    rows: int
    days: tuple[Days, ...]
    portions: tuple[bytes, ...]


def prepared(data: bytes) -> Prepared:
    """Read a file and cut it up, one portion in memory at a time. Raises what `read_sheet` raises."""
    sheet, lines = read_sheet(data)
    counting, portions, rows = Counting(len(sheet.header)), [], 0
    while portion := list(islice(lines, ROWS_IN_A_PORTION)):
        rows += len(portion)
        counting.add([cells for _, cells in portion])
        portions.append(zlib.compress(json.dumps(portion).encode(), 1))
    return Prepared(sheet, rows, counting.days, tuple(portions))


def unpacked(cells: bytes) -> Rows:
    return [(line, tuple(row)) for line, row in json.loads(zlib.decompress(cells))]
