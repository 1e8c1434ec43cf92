"""A file of comma-separated values, whatever made it: its encoding, its separator, its header, its rows. Pure."""

import csv
import io
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, islice
from typing import Final

from server.csv_text import restored
from server.errors import Refused
from server.patients.search import fold
from server.words import N_, say

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_ROWS: Final = 250_000
MOST_COLUMNS: Final = 200
LONGEST_CELL: Final = 10_000  # characters
#: the column that a file to be mended carries; by it we know our own, so it is the same in all languages
TO_MEND: Final = "Carewright: what to mend"
_SPREADSHEETS = (
    (b"PK\x03\x04", N_("This is an Excel or OpenDocument file, not a CSV file.")),
    (b"\xd0\xcf\x11\xe0", N_("This is an old Excel file, not a CSV file.")),
)
_PIECE: Final = 1024 * 1024  # bytes
_LINES_FOR_HEADER: Final = 1000
_LINES_ABOVE: Final = 3  # a title, and names in two lines
_SEPARATORS: Final = (",", ";", "\t", "|")
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


Line = tuple[int, tuple[str, ...]]  # the line of the file where a row ends, and its cells


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it was sent, without its rows."""

    header: tuple[str, ...]
    encoding: str
    separator: str
    ours: bool = False

    @property
    def shape(self) -> str:
        """Which header this is, whatever its spelling of case, accents and punctuation."""
        names = [fold(name) for name in self.header if name != TO_MEND]
        return sha256("\n".join(names).encode()).hexdigest()


def read_sheet(data: bytes) -> tuple[Sheet, Iterator[Line]]:
    """The table in these bytes, and its rows one after the other, each as wide as the header or wider. Formulas are text
    like any other. Only one row at a time is in memory.

    Raises Refused FILE_TOO_LARGE, SPREADSHEET_FILE, NOT_TEXT, NO_ROWS, TOO_MANY_ROWS, TOO_MANY_COLUMNS, CELL_TOO_LONG,
    QUOTATION_MARK; the last four also while the rows are read.
    """
    if len(data) > MOST_BYTES:
        raise Refused(
            "FILE_TOO_LARGE",
            say(
                "This file has %(size)s MB; a table may have %(most)s.",
                size=f"{len(data) / 2**20:.0f}",
                most=MOST_BYTES // 2**20,
            ),
            say("Split it into several files, each with the header line."),
            "file",
        )
    for start, what in _SPREADSHEETS:
        if data.startswith(start):
            raise Refused(
                "SPREADSHEET_FILE",
                say(what),
                say(
                    "Open it in the spreadsheet program, choose File, Save as, and there “CSV UTF-8 "
                    "(comma separated)”; then bring that file."
                ),
                "file",
            )
    encoding = _encoding(data)
    separator = _separator(_opened(data, encoding).read(65536))
    lines = _lines(_opened(data, encoding), separator)
    first = list(islice(lines, _LINES_FOR_HEADER))
    header = _header(first)
    if not header or not first:
        raise Refused(
            "NO_ROWS",
            say("There is no row under the header in this file.")
            if header
            else say("There is nothing in this file."),
            say("The first line names the columns; each further line is one person."),
            "file",
        )
    ours = TO_MEND in header
    if ours:
        header = tuple(map(restored, header))
    wide = ((line, _as_wide(cells, len(header))) for line, cells in chain(first, lines))
    rows = ((line, tuple(map(restored, cells))) for line, cells in wide) if ours else wide
    return Sheet(header, {"utf-8-sig": "utf-8"}.get(encoding, encoding), separator, ours), rows


def _encoding(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if not encoding and b"\x00" in data[:4096]:
        # UTF-16 without its mark: Latin letters leave every other byte empty.
        encoding = "utf-16-le" if data[1:4096:2].count(0) > data[0:4096:2].count(0) else "utf-16-be"
    for name in (encoding,) if encoding else ("utf-8", "cp1252", "latin-1"):
        try:
            text = not any("\x00" in part for part in _decoded(data, name))
        except UnicodeError:
            continue
        if text:
            return name
        break
    raise Refused(
        "NOT_TEXT",
        say("This file is not text that a table could be read from."),
        say("Save it as “CSV UTF-8” in the program it comes from."),
        "file",
    )


def _decoded(data: bytes, encoding: str) -> Iterator[str]:
    """Piece by piece: the whole text at once takes up to four times the file."""
    decoder = getincrementaldecoder(encoding)()
    for start in range(0, len(data), _PIECE):
        yield decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))


def _opened(data: bytes, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(data), encoding, newline="")


def _separator(first: str) -> str:
    """The sign that cuts the first lines into the most columns, the same number on most of them."""

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


def _lines(text: io.TextIOWrapper, separator: str) -> Iterator[Line]:
    # Strict: a quotation mark that got lost would otherwise take all rows to the next one into its cell, unsaid.
    reader = csv.reader(text, delimiter=separator, strict=True)
    number = 0
    start = 1  # the line where the row begins
    try:
        for cells in reader:
            start = reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > MOST_COLUMNS:
                raise Refused(
                    "TOO_MANY_COLUMNS",
                    say(
                        "Line %(line)s has %(n)s columns; a table may have %(most)s.",
                        line=reader.line_num,
                        n=f"{len(cells):,}",
                        most=MOST_COLUMNS,
                    ),
                    say("Leave out the columns that are not about the person."),
                    "file",
                )
            if max(map(len, cells)) > LONGEST_CELL:
                raise _too_long(reader.line_num)
            number += 1
            if number > MOST_ROWS + _LINES_ABOVE:
                raise Refused(
                    "TOO_MANY_ROWS",
                    say("This file has more than %(most)s rows.", most=f"{MOST_ROWS:,}"),
                    say("Split it into several files, each with the header line."),
                    "file",
                )
            yield reader.line_num, tuple(cells)
    except csv.Error as error:
        if "field limit" in str(error):
            raise _too_long(reader.line_num) from None
        raise Refused(
            "QUOTATION_MARK",
            say(
                "In the row that begins on line %(line)s a quotation mark is opened and never closed.",
                line=f"{start:,}",
            )
            if "end of data" in str(error)
            else say(
                "In the row that begins on line %(line)s a quotation mark is opened and closed in the middle "
                "of a cell.",
                line=f"{start:,}",
            ),
            say(
                "Close it at the end of its cell. A quotation mark that belongs to the text is written "
                "twice, inside others."
            ),
            "file",
        ) from None


def _too_long(line: int) -> Refused:
    return Refused(
        "CELL_TOO_LONG",
        say(
            "A cell that ends near line %(line)s has more than %(most)s characters.",
            line=f"{line:,}",
            most=f"{LONGEST_CELL:,}",
        ),
        say("Most often a quotation mark was opened there and never closed. Close it, or shorten the cell."),
        "file",
    )


_DATA = re.compile(r"\d")


def _header(lines: list[Line]) -> tuple[str, ...]:
    """The header's names, taken off `lines`: a title above it is passed over, merged cells are joined with the line
    below, repeated and empty names get numbers."""
    widest = max((len(cells) for _, cells in lines[:20]), default=0)
    while len(lines) > 1 and widest > 2 and len([c for c in lines[0][1] if c.strip()]) == 1:
        lines.pop(0)
    if not lines:
        return ()
    names = [name.strip() for name in _as_wide(lines.pop(0)[1], widest)]
    while len(names) > 1 and not names[-1] and not any(len(cells) >= len(names) for _, cells in lines):
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
    # “Column 3” is not said: a header is known again by its names.
    seen: set[str] = set()
    for place, name in enumerate(names, 1):
        plain = told = " ".join(name.split())[:100] or f"Column {place}"
        times = 1
        while told.casefold() in seen:
            times += 1
            told = f"{plain} ({times})"
        seen.add(told.casefold())
        yield told


def _as_wide(cells: tuple[str, ...], width: int) -> tuple[str, ...]:
    while len(cells) > width and not cells[-1].strip():
        cells = cells[:-1]
    return cells + ("",) * (width - len(cells))
