"""Bringing people in from files, and what came of it."""

from typing import Any

from server.errors import Refused
from server.interop.fhir_import import Incoming, bring_in
from server.interop.queries import batch_for, batches, issues_of
from server.interop.sheet_queries import sheets
from server.tenants.db import tenant_db
from server.words import N_, say
from web.site import Answer, Visit, file_name, page
from web.typed import text_in

_LARGEST = 128 * 1024 * 1024  # bytes of one upload, all files together
_WORDS = {
    "added": N_("new"),
    "changed": N_("changed"),
    "same": N_("the same as before"),
    "retracted": N_("taken back by the source"),
    "waiting": N_("waiting for a person who is not here"),
    "unknown": N_("kept as they came"),
    "errors": N_("not readable"),
}


_TABLE_STATES = {
    "columns": N_("Waiting for what its columns mean"),
    "trying": N_("Being tried out"),
    "tried": N_("Tried out; not brought in"),
    "bringing": N_("Being brought in"),
    "in": N_("Brought in"),
    "undoing": N_("Being taken back"),
    "undone": N_("Taken back"),
}


@page.get("/imports", permission="imports.write")
async def imports(visit: Visit) -> Answer:
    return await _imports(visit)


async def _imports(
    visit: Visit, refused: Refused | None = None, values: dict[str, str] | None = None
) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        rows = await batches(db, visit.actor)
        tables = await sheets(db, visit.actor)
    given: dict[str, Any] = {
        "rows": [
            {
                "href": f"/imports/{row.id}",
                "when": row.made_at,
                "source": row.source,
                "files": row.files,
                "state": row.state,
                "added": row.total("added"),
                "changed": row.total("changed"),
                "errors": row.total("errors"),
            }
            for row in rows
        ],
        "tables": tables,
        "table_states": {state: say(words) for state, words in _TABLE_STATES.items()},
    }
    if refused is not None:
        return visit.again("imports/list.html", refused, values=values or {}, **given)
    return visit.show("imports/list.html", **given)


@page.post("/imports", permission="imports.write", largest=_LARGEST)
async def bring(visit: Visit) -> Answer:
    """Take the files in and show what came of it."""
    form = await visit.form()
    files = [
        Incoming(file_name(upload), await upload.read())
        for upload in await visit.files("files")
        if upload.filename
    ]
    try:
        if not files:
            raise Refused(
                "NO_FILE",
                say("No file was chosen."),
                say("Choose one or more .json or .ndjson files."),
                "files",
            )
        report = await bring_in(visit.actor, files, source=text_in(form, "source", 80))
    except Refused as refused:
        return await _imports(visit, refused, form)
    return visit.go(f"/imports/{report.batch_id}", said=say("The files were read; here is what came in."))


@page.get("/imports/{id:str}", permission="imports.write")
async def batch(visit: Visit) -> Answer:
    id = visit.id("id", "import")
    async with tenant_db(visit.actor, read_only=True) as db:
        row = await batch_for(db, visit.actor, id)
        issues, total = await issues_of(db, visit.actor, id, limit=200)
    kinds = [
        (kind, [(number, say(_WORDS.get(what, what))) for what, number in counts.items() if number])
        for kind, counts in row.counts.items()
    ]
    return visit.show("imports/batch.html", batch=row, kinds=kinds, issues=issues, total=total)
