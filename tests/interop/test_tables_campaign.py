"""Many rows (CAREWRIGHT_TABLE_ROWS; 200000 is the whole form): no request waits for them, no transaction holds more than a portion, and again nothing changes."""

import os
import time
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World

from server.interop import sheet_portions
from server.interop.sheets.packing import ROWS_IN_A_PORTION
from server.worker import drain_once, gather_kinds

gather_kinds()
ROWS = int(os.environ.get("CAREWRIGHT_TABLE_ROWS", "10000"))


def file() -> bytes:
    lines = ["MRN,Last Name,First Name,DOB,Sex"]
    lines += [
        f"R{n},Family{n % 9973},Given{n % 613},{1925 + n % 80}-{n % 12 + 1:02}-{n % 28 + 1:02},{'FM'[n % 2]}"
        for n in range(ROWS)
    ]
    return "\r\n".join(lines).encode()


@pytest.mark.campaign
@pytest.mark.timeout(1800)
async def test_many_rows(
    lakeside: World,
    hillcrest: World,
    table: Any,
    behind: Any,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
) -> None:
    longest = {"page": 0.0, "portion": 0.0}
    work = sheet_portions.work_on_portion

    async def timed(what: str, asked: Any) -> Any:
        start = time.perf_counter()
        answer = await asked
        longest[what] = max(longest[what], time.perf_counter() - start)
        return answer

    from server import jobs

    kind = jobs.KINDS[sheet_portions.PORTION]
    monkeypatch.setitem(
        jobs.KINDS, kind.name,
        jobs.Kind(kind.name, lambda db, actor, args: timed("portion", work(db, actor, args)), kind.lease_seconds,
                  kind.max_attempts, kind.rights, kind.says),
    )  # fmt: skip
    seconds = {}
    mine = await table(lakeside)
    for what, ask in (
        ("read", lambda: mine.brought(file())),
        ("tried", mine.tried),
        ("in", lambda: mine.does("bring")),
    ):
        start = time.perf_counter()
        await timed("page", ask())
        await drain_once()
        seconds[what] = round(time.perf_counter() - start, 1)
    page = await timed("page", mine.page())
    assert f"{ROWS:,} new people" in page.text
    async with behind.begin() as connection:
        count = sa.text("select count(*) from patient where tenant_id = :t")
        assert await connection.scalar(count, {"t": lakeside.tenant_id}) == ROWS
        assert await connection.scalar(count, {"t": hillcrest.tenant_id}) == 0
    again = await table(lakeside)
    await again.brought(file())
    await again.tried()
    start = time.perf_counter()
    await drain_once()
    seconds["tried again"] = round(time.perf_counter() - start, 1)
    assert "show=same" in (shown := (await again.page()).text)
    assert "show=new" not in shown
    assert "show=changed" not in shown
    assert longest["portion"] < 25, "a transaction holds a portion, not the file"
    assert longest["page"] < 30, "no request waits for the rows"
    record_property(
        "count",
        f"{ROWS:,} rows in portions of {ROWS_IN_A_PORTION}: {seconds} seconds; longest portion "
        f"{longest['portion']:.2f} s, longest page {longest['page']:.2f} s",
    )
