"""How rows become a CSV file: the one writer for everything that leaves as a table. Pure.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line end for a formula, and so do some that
begin with the full-width twins of those signs. Such a cell goes out with an apostrophe before it, which spreadsheets
read as "this is text" (OWASP, CSV Injection). A cell that already begins with apostrophes before such a sign gets one
more, so that `restored` gives back exactly what was there.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

_SIGNS = "=+\\-@\t\r\n＝＋－＠"
_FORMULA = re.compile(f"'*[{_SIGNS}]")
_GUARDED = re.compile(f"'+[{_SIGNS}]")


def as_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Header and rows as RFC 4180 has them, no cell of which a spreadsheet takes for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([guarded(cell) for cell in header])
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return text.getvalue()


def guarded(cell: str) -> str:
    """The cell as it may leave."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def restored(cell: str) -> str:
    """The cell of a file of ours as it was before `guarded`."""
    return cell[1:] if _GUARDED.match(cell) else cell
