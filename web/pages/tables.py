"""A table of people (CSV): brought, its columns said, tried out, brought in, taken back."""

import asyncio
from typing import Any

from litestar import Response

from server.errors import Refused
from server.interop.sheet_actions import (
    bring_in_sheet,
    decide_sheet_row,
    discard_sheet,
    set_sheet_columns,
    take_sheet,
    undo_sheet,
)
from server.interop.sheet_queries import SheetState, first_cells, meaning_of, rows_of, sheet_state, to_mend
from server.interop.sheets.columns import DATES, FIELDS, ORDERS
from server.interop.sheets.packing import prepared
from server.interop.sheets.reading import MOST_BYTES, TO_MEND
from server.interop.sheets.verdicts import VERDICTS
from server.tenants.db import tenant_db
from web.site import Answer, Visit, page

_ON_A_PAGE = 50
_ROOM = 1024 * 1024  # of a form around its file
_SAYS = {
    "trying": "The table is being tried out",
    "bringing": "People are being brought in",
    "undoing": "What this table brought is being taken back",
}
_OUTCOMES = {"in": "Brought in", "undone": "Taken back", "stays": "Stays"}


@page.get("/imports/tables", permission="imports.write")
async def new_table(visit: Visit) -> Answer:
    return visit.show("imports/table_new.html")


@page.post("/imports/tables", permission="imports.write", largest=MOST_BYTES + _ROOM)
async def table_brought(visit: Visit) -> Answer:
    uploads = [upload for upload in await visit.files("file") if upload.filename]
    try:
        if not uploads:
            raise Refused("NO_FILE", "No file was chosen.", "Choose a .csv file.", "file")
        name = (uploads[0].filename or "table").rpartition("/")[2].rpartition("\\")[2]
        read = await asyncio.to_thread(prepared, await uploads[0].read())
        async with tenant_db(visit.actor) as db:
            sheet_id = await take_sheet(db, visit.actor, name, read)
    except Refused as refused:
        return visit.again("imports/table_new.html", refused)
    return visit.go(f"/imports/tables/{sheet_id}/columns")


@page.get("/imports/tables/{id:str}/columns", permission="imports.write")
async def columns(visit: Visit) -> Answer:
    return await _columns(visit)


async def _columns(
    visit: Visit, refused: Refused | None = None, values: dict[str, str] | None = None
) -> Answer:
    id = visit.id("id", "table")
    async with tenant_db(visit.actor, read_only=True) as db:
        sheet = await sheet_state(db, visit.actor, id)
        meaning, said = await meaning_of(db, visit.actor, sheet)
        cells = await first_cells(db, visit.actor, id)
    if sheet.state not in ("columns", "tried"):
        return visit.go(f"/imports/tables/{id}")
    means = {place: name for name, place in meaning.columns.items()}
    given = values if values is not None else {
        **{f"column_{place}": name for place, name in means.items()},
        **{f"order_{name}": order for name, order in meaning.orders.items()},
    }  # fmt: skip
    shown: dict[str, Any] = {
        "sheet": sheet,
        "said": said,
        "fields": list(FIELDS.items()),
        "columns": [
            {"place": place, "name": name, "examples": _examples(cells, place)}
            for place, name in enumerate(sheet.header)
            if name != TO_MEND
        ],
        "orders": list(ORDERS.items()),
        "dates": [
            {"field": name, "words": FIELDS[name], "mixed": _days(sheet, given, name, "mixed")} for name in DATES
            if _days(sheet, given, name, "numeric")
        ],
    }  # fmt: skip
    if refused is not None:
        return visit.again("imports/table_columns.html", refused, values=given, **shown)
    return visit.show("imports/table_columns.html", values=given, **shown)


def _days(sheet: SheetState, given: dict[str, str], name: str, what: str) -> bool:
    """Whether the column that means this date has days in numbers, or such as fit neither order alone. Before a column
    is chosen, any column's days count: the question is asked once too often rather than never."""
    chosen = [
        int(k.removeprefix("column_")) for k, v in given.items() if v == name and k.startswith("column_")
    ]
    places = chosen or (range(len(sheet.header)) if name == "birth_date" else [])
    days = sheet.days_of
    return any(getattr(days[place], what) for place in places if place < len(days))


def _examples(cells: list[tuple[int, tuple[str, ...]]], place: int) -> list[str]:
    found = dict.fromkeys(row[place].strip()[:40] for _, row in cells if row[place].strip())
    return list(found)[:3]


@page.post("/imports/tables/{id:str}/columns", permission="imports.write")
async def columns_said(visit: Visit) -> Answer:
    id, form = visit.id("id", "table"), await visit.form()
    chosen = [
        (value, name.removeprefix("column_"))
        for name, value in form.items()
        if name.startswith("column_") and value
    ]
    try:
        twice = next((field for field, _ in chosen if [f for f, _ in chosen].count(field) > 1), None)
        if twice is not None:
            raise Refused(
                "FIELD_TWICE",
                f"Two columns mean “{FIELDS.get(twice, twice[:40])}”.",
                "Leave one of them out.",
                "columns",
            )
        places = {
            field: int(place) if place.isdecimal() and len(place) < 5 else -1 for field, place in chosen
        }
        orders = {field: form[f"order_{field}"] for field in DATES if form.get(f"order_{field}")}
        async with tenant_db(visit.actor) as db:
            await set_sheet_columns(db, visit.actor, id, places, orders)
    except Refused as refused:
        return await _columns(visit, refused, form)
    return visit.go(f"/imports/tables/{id}")


@page.get("/imports/tables/{id:str}", permission="imports.write")
async def table(visit: Visit) -> Answer:
    return await _table(visit)


async def _table(visit: Visit, refused: Refused | None = None) -> Answer:
    id = visit.id("id", "table")
    show, after = visit.query("show"), visit.query("after")
    async with tenant_db(visit.actor, read_only=True) as db:
        sheet = await sheet_state(db, visit.actor, id)
        if show not in VERDICTS and show not in _OUTCOMES:
            show = next(
                (v for v in ("error", "duplicate", "changed", "new", "same") if sheet.counts.get(v)), "new"
            )
        rows = await rows_of(
            db, visit.actor, id, verdict=show if show in VERDICTS else "", outcome=show if show in _OUTCOMES else "",
            after=int(after) if after.isdecimal() and len(after) < 8 else 0, limit=_ON_A_PAGE + 1,
        )  # fmt: skip
    if sheet.state == "columns":
        return visit.go(f"/imports/tables/{id}/columns")
    counts = sheet.counts
    kept = {**VERDICTS, **{k: w for k, w in _OUTCOMES.items() if k != "in"}}
    shown: dict[str, Any] = {
        "sheet": sheet,
        "says": _SAYS.get(sheet.state, ""),
        "show": show,
        "shown_words": kept.get(show, _OUTCOMES.get(show, "")),
        "tabs": [(words, f"/imports/tables/{id}?show={key}", key == show, counts.get(key, 0)) for key, words in kept.items()
                 if counts.get(key)],
        "rows": rows[:_ON_A_PAGE],
        "fields": FIELDS,
        "verdicts": VERDICTS,
        "outcomes": _OUTCOMES,
        "next": f"/imports/tables/{id}?show={show}&after={rows[_ON_A_PAGE - 1].line}" if len(rows) > _ON_A_PAGE else None,
        "waits": counts.get("duplicate", 0) > 0,
        "out": counts.get("error", 0) + counts.get("duplicate", 0),
    }  # fmt: skip
    if refused is not None:
        return visit.again("imports/table.html", refused, **shown)
    return visit.show("imports/table.html", **shown)


@page.get("/imports/tables/{id:str}/progress", permission="imports.write")
async def table_progress(visit: Visit) -> Answer:
    """How far the work on a table has come, asked again and again by its page; the page itself once it is over."""
    id = visit.id("id", "table")
    async with tenant_db(visit.actor, read_only=True) as db:
        sheet = await sheet_state(db, visit.actor, id)
    if visit.htmx and sheet.at_work:
        return visit.fragment("imports/_table_progress.html", sheet=sheet, says=_SAYS[sheet.state])
    return visit.go(f"/imports/tables/{id}")


@page.post("/imports/tables/{id:str}/bring", permission="imports.write")
async def table_in(visit: Visit) -> Answer:
    id = visit.id("id", "table")
    try:
        async with tenant_db(visit.actor) as db:
            await bring_in_sheet(db, visit.actor, id)
    except Refused as refused:
        return await _table(visit, refused)
    return visit.go(f"/imports/tables/{id}")


@page.post("/imports/tables/{id:str}/undo", permission="imports.write")
async def table_undone(visit: Visit) -> Answer:
    id = visit.id("id", "table")
    try:
        async with tenant_db(visit.actor) as db:
            await undo_sheet(db, visit.actor, id)
    except Refused as refused:
        return await _table(visit, refused)
    return visit.go(f"/imports/tables/{id}")


@page.post("/imports/tables/{id:str}/discard", permission="imports.write")
async def table_discarded(visit: Visit) -> Answer:
    id = visit.id("id", "table")
    try:
        async with tenant_db(visit.actor) as db:
            await discard_sheet(db, visit.actor, id)
    except Refused as refused:
        return await _table(visit, refused)
    return visit.go("/imports", "The table is forgotten; nothing of it had come in.")


@page.post("/imports/tables/{id:str}/rows", permission="imports.write")
async def row_decided(visit: Visit) -> Answer:
    """Whether somebody who is perhaps here already is the same person or a new one."""
    id, form = visit.id("id", "table"), await visit.form()
    line = form.get("line", "")
    try:
        async with tenant_db(visit.actor) as db:
            await decide_sheet_row(
                db,
                visit.actor,
                id,
                int(line) if line.isdecimal() and len(line) < 8 else 0,
                form.get("choice", ""),
            )
    except Refused as refused:
        return await _table(visit, refused)
    return visit.go(f"/imports/tables/{id}?show=duplicate")


@page.get("/imports/tables/{id:str}/to-mend.csv", permission="imports.write")
async def table_to_mend(visit: Visit) -> Answer:
    """The rows that did not come in, each with what to mend."""
    async with tenant_db(visit.actor, read_only=True) as db:
        name, text = await to_mend(db, visit.actor, visit.id("id", "table"))
    # With a byte-order mark: without it Excel reads accents wrongly.
    return Response(
        "\ufeff".encode() + text.encode(),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
