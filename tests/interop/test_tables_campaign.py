"""A hostile table of many rows (CAREWRIGHT_TABLE_ROWS; FULL is the whole form) from the file to brought in and taken back:
no request waits for the rows, no transaction holds more than a portion, later portions cost what the first ones do, and
brought again it changes nothing."""

import dataclasses
import os
import resource
import statistics
import time
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World

from server import jobs
from server.interop.sheet_portions import PORTION
from server.interop.sheets import packing
from server.patients.comparing import FIND
from server.worker import drain_once, gather_kinds

gather_kinds()
FULL = 200_000
ROWS = int(os.environ.get("CAREWRIGHT_TABLE_ROWS", "10000"))
HEADER = "MRN,Last Name,First Name,DOB,Sex,Home Phone,Cell,E-mail,Address,City,ST,Zip,Remarks"
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def unsound(n: int) -> bool:
    """Without a family name, or with one of 300 characters."""
    return n % 997 == 5 or n % 1000 == 999


def row(n: int) -> str:
    last = (
        ""
        if n % 997 == 5
        else "N" * 300
        if n % 1000 == 999
        else "=cmd()"
        if n % 501 == 1
        else f"Family{n % 9973}"
    )
    first = f"Given{n % 613}"
    if n % 7 == 3 and last.startswith("Family"):
        last = ["حداد", "الخطيب", "منصور", "سعيد", "نجار"][n % 5]
        first = f"ليلى {n}"
    # A day that many share, because whoever wrote it did not know.
    year, month, day = (1900, 1, 1) if n % 50 == 7 else (1925 + n % 80, n % 12 + 1, n % 28 + 1)
    born = (f"{year}-{month:02}-{day:02}", f"{month}/{day}/{year}", f"{day} {MONTHS[month - 1]} {year}")[
        n % 3
    ]
    number = "" if n % 10 == 0 else f"R{n}"
    phone = "(313) 555-0100" if n % 100 == 5 else f"({201 + n % 700}) 555-{n % 10000:04}"
    cell = f"{201 + n % 700}-556-{n % 10000:04} x{n % 90}" if n % 4 == 0 else ""
    return (
        f'{number},{last},{first},{born},{"FM"[n % 2]},{phone},{cell},p{n}@example.org,"{n} Elm St, Apt {n % 9}",Detroit,MI,'
        f"{48201 + n % 50},=HYPERLINK(x{n})"
    )


def file() -> bytes:
    return b"\xef\xbb\xbf" + "\r\n".join([HEADER, *map(row, range(ROWS))]).encode()


@pytest.mark.campaign
@pytest.mark.timeout(3600)
async def test_many_rows(
    lakeside: World,
    hillcrest: World,
    table: Any,
    behind: Any,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
) -> None:
    bad = sum(map(unsound, range(ROWS)))
    took: dict[str, list[float]] = {PORTION: [], FIND: []}

    def timed(name: str) -> None:
        kind = jobs.KINDS[name]

        async def run(db: Any, actor: Any, args: Any) -> None:
            start = time.perf_counter()
            await kind.handler(db, actor, args)
            took[name].append(time.perf_counter() - start)

        monkeypatch.setitem(jobs.KINDS, name, dataclasses.replace(kind, handler=run))

    timed(PORTION)
    timed(FIND)
    said = []

    async def step(what: str, ask: Any) -> Any:
        """The page once the worker is done with it."""
        for each in took.values():
            each.clear()
        start = time.perf_counter()
        page = await ask()
        asked = time.perf_counter() - start
        assert "/progress" in page.text, "no request waits for the rows"
        await drain_once()
        async with behind.begin() as connection:
            failed = await connection.scalars(
                sa.text("select kind from job where tenant_id = :t and last_error <> ''"),
                {"t": lakeside.tenant_id},
            )
            assert failed.all() == [], (
                "what a table asks for, such as the look for people twice on file, keeps up"
            )
        costs = []
        for name, each in took.items():
            if not each:
                continue
            fifth = max(1, len(each) // 5)
            early, late = statistics.median(each[:fifth]), statistics.median(each[-fifth:])
            assert max(each) < 25, "a transaction holds a portion, not the file"
            assert late < 2 * early + 0.3, f"{what}: a later {name} costs what an early one does"
            costs.append(f"{name} {early:.2f} to {late:.2f} s")
        said.append(f"{what} {time.perf_counter() - start:.1f} s (request {asked:.1f} s, {', '.join(costs)})")
        return await mine.page()

    data = file()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mine = await table(lakeside)
    start = time.perf_counter()
    assert (await mine.brought(data)).status_code == 303
    said.append(f"read {time.perf_counter() - start:.1f} s")
    page = await step("tried", mine.tried)
    assert mine.counts(page) == {"new": ROWS - bad, "error": bad}
    page = await step("brought in", lambda: mine.does("bring"))
    assert f"{ROWS - bad:,} new people" in page.text
    count = sa.text("select count(*) from patient where tenant_id = :t")
    async with behind.begin() as connection:
        assert await connection.scalar(count, {"t": lakeside.tenant_id}) == ROWS - bad
        assert await connection.scalar(count, {"t": hillcrest.tenant_id}) == 0
    first, mine = mine, await table(lakeside)
    await mine.brought(data)
    page = await step("tried again", mine.tried)
    assert mine.counts(page) == {"same": ROWS - bad, "error": bad}
    mine = first
    page = await step("taken back", lambda: mine.does("undo"))
    assert mine.counts(page)["undone"] == ROWS - bad
    async with behind.begin() as connection:
        assert await connection.scalar(count, {"t": lakeside.tenant_id}) == 0
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown < 400, "what is in memory is a portion, not the file"
    record_property(
        "count",
        f"{ROWS:,} of {FULL:,} rows, {bad} of them unsound: {', '.join(said)}; {grown} MB more at the peak",
    )


@pytest.mark.campaign
async def test_control_of_one_portion_the_request_waits_for_all_rows(
    lakeside: World, hillcrest: World, table: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "ROWS_IN_A_PORTION", ROWS)
    mine = await table(lakeside)
    await mine.brought("\r\n".join([HEADER, *map(row, range(1200))]))
    page = await mine.tried()
    assert "/progress" not in page.text
    assert mine.counts(page)["new"] > 1000
    assert await people(hillcrest) == []
