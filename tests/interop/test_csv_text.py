"""P25: no cell that leaves is taken for a formula, and what comes back is what was there. Pure, and every export."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.csv_text import as_csv, guarded, restored

PAYLOADS = [
    sign + rest
    for sign in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'=", "''@", "=\u200b")
    for rest in ("cmd()", 'HYPERLINK("https://x.example";"y")', "1+1")
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_leaves_raw_and_each_comes_back(payload: str) -> None:
    text = as_csv([payload], [[payload, "plain", payload]])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert all(cell.startswith("'") for cell in (rows[0][0], rows[1][0], rows[1][2]))
    assert [restored(cell) for cell in rows[1]] == [payload, "plain", payload]


@given(st.text(alphabet="'=+-@\t\r\n＝ab,\"", max_size=8))
def test_every_text_comes_back(cell: str) -> None:
    assert restored(guarded(cell)) == cell
    assert not re.match("[=+\\-@\t\r\n＝＋－＠]", guarded(cell))


def test_there_is_one_writer() -> None:
    root = Path(__file__).resolve().parents[2]
    writers = [
        str(path.relative_to(root))
        for folder in ("server", "web", "plugins")
        for path in (root / folder).rglob("*.py")
        if "csv.writer" in path.read_text() or "csv.DictWriter" in path.read_text()
    ]
    assert writers == ["server/csv_text.py"]
