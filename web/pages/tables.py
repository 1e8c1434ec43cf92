"""A table of people (CSV): brought, its columns said, tried out, brought in, taken back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
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
from server.interop.sheet_queries import SheetRowState, first_cells, meaning_of, rows_of, sheet_state, to_mend
from server.interop.sheets.columns import DATES, FIELDS, ORDERS
from server.interop.sheets.packing import prepared
from server.interop.sheets.reading import MOST_BYTES, TO_MEND
from server.interop.sheets.verdicts import VERDICTS
from server.tenants.db import tenant_db
from server.words import N_, say
from web.site import Answer, Visit, file_name, page

_ON_A_PAGE = 50
_ROOM = 1024 * 1024  # of a form around its file
_SAYS = {
    "trying": N_("The table is being tried out"),
    "bringing": N_("People are being brought in"),
    "undoing": N_("What this table brought is being taken back"),
}
_OUTCOMES = {"in": N_("Brought in"), "undone": N_("Taken back"), "stays": N_("Stays")}
#: the tabs of a table's rows, those first that wait for somebody
_TABS = {
    **{name: VERDICTS[name] for name in ("error", "duplicate", "differs")},
    "decided": N_("Decided"),
    **{name: VERDICTS[name] for name in ("changed", "new", "same")},
    **{name: _OUTCOMES[name] for name in ("undone", "stays")},
}


@page.get("/imports/tables", permission="imports.write")
async def new_table(visit: Visit) -> Answer:
    return visit.show("imports/table_new.html")


@page.post("/imports/tables", permission="imports.write", largest=MOST_BYTES + _ROOM)
async def table_brought(visit: Visit) -> Answer:
    uploads = [upload for upload in await visit.files("file") if upload.filename]
    try:
        if not uploads:
            raise Refused("NO_FILE", say("No file was chosen."), say("Choose a .csv file."), "file")
        name = file_name(uploads[0])
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
    chosen = {name: place for name, place in _chosen(given).items() if 0 <= place < len(sheet.header)}
    possible = {name: [sheet.days_of[chosen[name]]] for name in DATES if name in chosen}
    # Before a column is chosen for birth dates, any column's days count: asked once too often rather than never.
    possible.setdefault("birth_date", list(sheet.days_of))
    shown: dict[str, Any] = {
        "sheet": sheet,
        "said": said,
        "fields": [(name, say(words)) for name, words in FIELDS.items()],
        "columns": [
            {"place": place, "name": name, "examples": _examples(cells, place)}
            for place, name in enumerate(sheet.header)
            if name != TO_MEND
        ],
        "orders": [(order, say(words)) for order, words in ORDERS.items()],
        "dates": [
            {
                "field": name,
                "words": sheet.header[chosen[name]] if name in chosen else say(FIELDS[name]),
                "asked": chosen.get(name, ""),
                "mixed": any(days.mixed for days in possible[name]),
            }
            for name in DATES
            if any(days.numeric for days in possible.get(name, ()))
        ],
    }
    if refused is not None:
        return visit.again("imports/table_columns.html", refused, values=given, **shown)
    return visit.show("imports/table_columns.html", values=given, **shown)


def _chosen(form: Mapping[str, str]) -> dict[str, int]:
    """field -> place, the last that means it; a place that is no number is -1, which no table has."""
    return {
        field: int(place) if place.isdecimal() and len(place) < 5 else -1
        for name, field in form.items()
        if field and (place := name.removeprefix("column_")) != name
    }


def _examples(cells: list[tuple[int, tuple[str, ...]]], place: int) -> list[str]:
    found = dict.fromkeys(row[place].strip()[:40] for _, row in cells if row[place].strip())
    return list(found)[:3]


@page.post("/imports/tables/{id:str}/columns", permission="imports.write")
async def columns_said(visit: Visit) -> Answer:
    id, form = visit.id("id", "table"), await visit.form()
    said = [field for name, field in form.items() if name.startswith("column_") and field]
    try:
        twice = next((field for field in said if said.count(field) > 1), None)
        if twice is not None:
            raise Refused(
                "FIELD_TWICE",
                say(
                    "Two columns mean “%(field)s”.",
                    field=say(FIELDS[twice]) if twice in FIELDS else twice[:40],
                ),
                say("Leave one of them out."),
                "columns",
            )
        places = _chosen(form)
        # What was answered about one column says nothing of another.
        orders = {
            field: form[f"order_{field}"]
            for field in DATES
            if form.get(f"order_{field}") and form.get(f"asked_{field}", "") in ("", str(places.get(field)))
        }
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
        counts = sheet.counts
        if show not in (*_TABS, *_OUTCOMES):
            show = next((tab for tab in _TABS if counts.get(tab)), "new")
        rows = await rows_of(
            db, visit.actor, id, verdict=show if show in VERDICTS else "", outcome=show if show in _OUTCOMES else "",
            decided=show == "decided", after=int(after) if after.isdecimal() and len(after) < 8 else 0,
            limit=_ON_A_PAGE + 1,
        )  # fmt: skip
    if sheet.state == "columns":
        return visit.go(f"/imports/tables/{id}/columns")
    shown: dict[str, Any] = {
        "sheet": sheet,
        "says": say(_SAYS.get(sheet.state, "")),
        "show": show,
        "shown_words": say(_TABS.get(show, _OUTCOMES.get(show, ""))),
        "tabs": [
            (say(words), f"/imports/tables/{id}?show={key}", key == show, counts[key])
            for key, words in _TABS.items()
            if counts.get(key)
        ],
        "rows": rows[:_ON_A_PAGE],
        "fields": {name: say(words) for name, words in FIELDS.items()},
        "verdicts": {verdict: say(words) for verdict, words in VERDICTS.items()},
        "outcomes": {key: say(words) for key, words in _OUTCOMES.items()},
        "next": f"/imports/tables/{id}?show={show}&after={rows[_ON_A_PAGE - 1].line}"
        if len(rows) > _ON_A_PAGE
        else None,
        "answers": any(_answers(row) for row in rows[:_ON_A_PAGE]),
        "answers_of": _answers,
        "waits": counts.get("decided", 0) > 0,
        "out": counts.get("error", 0) + counts.get("duplicate", 0),
    }
    if refused is not None:
        return visit.again("imports/table.html", refused, **shown)
    return visit.show("imports/table.html", **shown)


def _answers(row: SheetRowState) -> list[tuple[str, str, bool]]:
    """(choice, words, whether it is the one chosen) of what may be answered about a row."""
    if row.outcome or not (row.choice or row.verdict in ("duplicate", "differs")):
        return []
    found = [("same", say("Keep what is here") if row.verdict == "differs" else say("Same person"))]
    if row.verdict == "differs" or row.choice == "table":
        found.append(("table", say("Take the table's")))
    if row.verdict != "differs":
        found.append(("new", say("A new person")))
    return [(choice, words, choice == row.choice) for choice, words in found]


@page.get("/imports/tables/{id:str}/progress", permission="imports.write")
async def table_progress(visit: Visit) -> Answer:
    """How far the work on a table has come, asked again and again by its page; the page itself once it is over."""
    id = visit.id("id", "table")
    async with tenant_db(visit.actor, read_only=True) as db:
        sheet = await sheet_state(db, visit.actor, id)
    if visit.htmx and sheet.at_work:
        return visit.fragment("imports/_table_progress.html", sheet=sheet, says=say(_SAYS[sheet.state]))
    return visit.go(f"/imports/tables/{id}")


@page.post("/imports/tables/{id:str}/bring", permission="imports.write")
async def table_in(visit: Visit) -> Answer:
    return await _done(visit, bring_in_sheet)


@page.post("/imports/tables/{id:str}/undo", permission="imports.write")
async def table_undone(visit: Visit) -> Answer:
    return await _done(visit, undo_sheet)


@page.post("/imports/tables/{id:str}/discard", permission="imports.write")
async def table_discarded(visit: Visit) -> Answer:
    return await _done(
        visit, discard_sheet, to="/imports", said=say("The table is forgotten; nothing of it had come in.")
    )


@page.post("/imports/tables/{id:str}/rows", permission="imports.write")
async def row_decided(visit: Visit) -> Answer:
    """What somebody answers to what is asked about a row."""
    form = await visit.form()
    line = form.get("line", "")
    return await _done(
        visit, decide_sheet_row, int(line) if line.isdecimal() and len(line) < 8 else 0, form.get("choice", ""),
        show=form.get("show", ""),
    )  # fmt: skip


async def _done(
    visit: Visit,
    do: Callable[..., Awaitable[None]],
    *more: object,
    to: str = "",
    show: str = "",
    said: str = "",
) -> Answer:
    """Do it to this table, and go back to its page (or `to`); refused, its page says why. show: of its tabs."""
    id = visit.id("id", "table")
    try:
        async with tenant_db(visit.actor) as db:
            await do(db, visit.actor, id, *more)
    except Refused as refused:
        return await _table(visit, refused)
    tab = f"?show={show}" if show in _TABS else ""
    return visit.go(to or f"/imports/tables/{id}{tab}", said)


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
