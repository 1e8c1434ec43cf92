"""A contact: written down with its minutes in one save, read, mended while unsigned, signed, amended with a reason."""

from typing import Any, Final
from uuid import UUID

from server.encounters.actions import (
    CHANGEABLE,
    MovedOn,
    NewEncounter,
    amend_encounter,
    save_encounter,
    sign_encounter,
)
from server.encounters.queries import EncounterRow, amendments_of, encounter_row
from server.encounters.tables import KINDS, OUTCOMES
from server.encounters.under_way import my_note_draft
from server.enrollment.tables import PROGRAMS
from server.errors import Refused, not_found
from server.ids import parse_id
from server.minutes.actions import NewMinutes, record_contact
from server.minutes.arithmetic import Span
from server.minutes.queries import minutes_of_encounters
from server.minutes.tables import ACTIVITIES
from server.minutes.timers import Stop, record_contact_with_timer
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import say
from web.pages.comparison import (
    FIELDS,
    LARGEST,
    LENGTHS,
    WRITTEN,
    as_chosen,
    comparison,
    form_of,
    settled,
)
from web.pages.diary import contact_title
from web.pages.drafts import draft_again, finish_draft_of, keep_form, opened_draft, said_when, writing_said
from web.pages.person_sections import composer_of, person_frame
from web.rendering import moment
from web.site import Answer, Visit, page
from web.timer_line import heard_in
from web.typed import (
    Form,
    beside,
    id_chosen,
    moment_in,
    number_in,
    pairs,
    span_in,
    text_in,
    whole,
    why_now,
)

#: what the ledger and the contact say no about -> the field that holds it
_FIELDS: Final = {
    "at": "began", "started_at": "began", "ended_at": "minutes", "about_code": "about_code", "timer_id": "timer",
}  # fmt: skip
#: kind or outcome of a contact -> what its time was spent on, unless said otherwise
_USUALLY: Final = {"on_behalf": "coordination", "reached_supporter": "supporter_contact"}
_TEXTS: Final = ("who_else", "note", "next_step", "about_code")


# --- writing down ---------------------------------------------------------------------------------------------


@page.get("/people/{id:str}/contacts/new", permission="encounters.write")
async def new_contact(visit: Visit) -> Answer:
    id = visit.id("id", "patient")
    async with tenant_db(visit.actor, read_only=True) as db:
        given = await _composer_page(db, visit, id)
        given["draft"], row = await opened_draft(db, visit.actor, id, chosen=parse_id(visit.query("draft")))
    return visit.show(
        "contact/new.html", values=given["composer"]["start"] | (row.fields if row else {}), **given
    )


@page.post("/people/{id:str}/contacts", permission="encounters.write", largest=LARGEST)
async def record(visit: Visit) -> Answer:
    """One save makes the note and its minutes; asked to, it signs the note too."""
    id = visit.id("id", "patient")
    form = await visit.form(longest=WRITTEN)
    actor = visit.actor
    try:
        span = span_in(form, actor.zone)
        new = _contact_in(form, actor.zone, span)
        timer_id = id_chosen(form, "timer", "timer")
        async with tenant_db(actor) as db:
            if timer_id is None:
                encounter, _ = await record_contact(db, actor, id, new, _minutes_in(form, span))
            else:
                stop = Stop(new.program, _spent_on(form), heard_in(form.get("heard", "")))
                encounter, _ = await record_contact_with_timer(
                    db, actor, id, new, timer_id, stop, typed=span is not None, **why_now(form)
                )
            if form.get("then") == "sign":
                await sign_encounter(db, actor, encounter.id, revision=encounter.revision)
            await finish_draft_of(db, actor, id, form)
    except Refused as refused:
        return await new_again(visit, refused, form)
    said = say("Written down, with its minutes.") if span or timer_id else say("Written down.")
    return visit.go(f"/people/{id}", said)


async def new_again(visit: Visit, refused: Refused, form: Form) -> Answer:
    """The page of a new contact with what was typed, and what was refused."""
    async with tenant_db(visit.actor, read_only=True) as db:
        given = await _composer_page(db, visit, visit.id("id", "patient"))
    return visit.again(
        "contact/new.html", beside(refused, _FIELDS), values=form, draft=draft_again(form), **given
    )


async def _composer_page(db: Db, visit: Visit, id: UUID) -> dict[str, Any]:
    from server.enrollment.queries import enrollments_of

    given = await person_frame(db, visit, id)
    enrolled = (await enrollments_of(db, visit.actor, [id])).get(id, [])
    programs = [e.program for e in enrolled if e.ended_on is None]
    return given | {
        "composer": await composer_of(db, visit.actor, id, programs),
        "writing": await writing_said(db, visit.actor, id),
    }


def _contact_in(form: Form, zone: str, span: Span | None) -> NewEncounter:
    texts: dict[str, Any] = {name: text_in(form, name, LENGTHS[name]) for name in _TEXTS}
    return NewEncounter(
        kind=form.get("kind", ""),
        at=span.start if span else moment_in(form, "on", "began", zone),
        outcome=form.get("outcome") or "reached",
        program=form.get("program", ""),
        video_declined=form.get("video_declined") == "yes",
        **texts,
    )


def _minutes_in(form: Form, span: Span | None) -> list[NewMinutes]:
    if span is None:
        return []
    if not form.get("program"):
        raise Refused(
            "PROGRAM_NEEDED",
            say("Minutes belong to a program."),
            say("Choose which, or leave the minutes empty."),
            "program",
        )
    return [
        NewMinutes(
            program=form["program"],
            activity=_spent_on(form),
            started_at=span.start,
            ended_at=span.end,
            **why_now(form),
        )
    ]


def _spent_on(form: Form) -> str:
    usually = _USUALLY.get(form.get("kind", "")) or _USUALLY.get(form.get("outcome", "")) or "contact"
    return form.get("activity") or usually


# --- one contact ----------------------------------------------------------------------------------------------


@page.get("/people/{id:str}/contacts/{contact:str}", permission="encounters.read")
async def contact(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        given = await _contact_page(db, visit)
    return visit.show("contact/one.html", **given)


@page.get("/people/{id:str}/contacts/{contact:str}/change", permission="encounters.write")
async def change_form(visit: Visit) -> Answer:
    """To mend it while it is unsigned; to amend it with a reason afterwards."""
    id, contact_id = visit.id("id", "patient"), visit.id("contact", "contact")
    async with tenant_db(visit.actor, read_only=True) as db:
        given = await _change_page(db, visit)
        given["draft"], row = await opened_draft(
            db, visit.actor, id, contact_id, chosen=parse_id(visit.query("draft"))
        )
    values = form_of(given["contact"], visit.zone)
    if row is not None and row.revision != given["contact"].revision:
        return _compared(visit, given, row.fields, row.base)
    if row is not None:
        values |= {"video_declined": ""} | row.fields  # a box that is not ticked is not sent
    return visit.show("contact/change.html", values=values, **given)


@page.post("/people/{id:str}/contacts/{contact:str}", permission="encounters.write", largest=LARGEST)
async def change(visit: Visit) -> Answer:
    id, contact_id = visit.id("id", "patient"), visit.id("contact", "contact")
    form = await visit.form(longest=WRITTEN)
    actor = visit.actor
    revision = number_in(form, "revision")
    try:
        async with tenant_db(actor) as db:
            row = await _row(db, actor, id, contact_id)
            chosen = settled(form, form_of(row, actor.zone)) if form.get("merging") else form
            changes = _changes_in(chosen, actor.zone)
            if row.signed_at is None:
                await save_encounter(db, actor, contact_id, revision=revision, changes=changes)
            else:
                reason = text_in(form, "reason", LENGTHS["reason"])
                await amend_encounter(
                    db, actor, contact_id, revision=revision, reason=reason, changes=changes
                )
            await finish_draft_of(db, actor, id, form)
    except MovedOn as moved:
        return await _kept_and_compared(visit, moved, form, contact_id)
    except Refused as refused:
        return await change_again(visit, refused, form, contact_id)
    return visit.go(f"/people/{id}/contacts/{contact_id}", say("Saved."))


async def change_again(visit: Visit, refused: Refused, form: Form, contact_id: UUID) -> Answer:
    """The page of a change with what was typed, and what was refused."""
    async with tenant_db(visit.actor, read_only=True) as db:
        given = await _change_page(db, visit, contact_id)
        given["draft"] = draft_again(form)
        _, row = await opened_draft(db, visit.actor, visit.id("id"), contact_id)
    if form.get("merging"):
        picked = {one: f"pick_{one}" for one in _TEXTS}
        return _compared(visit, given, form, row.base if row else {}, beside(refused, _FIELDS | picked))
    return visit.again("contact/change.html", beside(refused, _FIELDS), values=form, **given)


async def _kept_and_compared(visit: Visit, moved: MovedOn, form: Form, contact_id: UUID) -> Answer:
    """Somebody was faster: what this author wrote stays their draft, and is laid beside what the contact says now."""
    id, actor = visit.id("id", "patient"), visit.actor
    try:
        async with tenant_db(actor) as db:
            kept = await keep_form(db, actor, id, form, contact_id)
    except Refused as refused:
        return await change_again(visit, refused, form, contact_id)
    async with tenant_db(actor, read_only=True) as db:
        given = await _change_page(db, visit, contact_id)
        row = await my_note_draft(db, actor, kept.id)
    given["draft"] = {
        "id": str(kept.id),
        "sequence": kept.sequence,
        "said": say("Kept as your draft, saved %(when)s", when=said_when(kept.saved_at, actor.zone)),
    }
    return _compared(visit, given, form, row.base if row else {}, whole(moved))


def _compared(
    visit: Visit,
    given: dict[str, Any],
    mine: Form,
    base: dict[str, Any],
    refused: Refused | None = None,
) -> Answer:
    """Both texts side by side; the author says field by field what stays."""
    row: EncounterRow = given["contact"]
    mine = as_chosen(mine, row)
    shown = comparison(row, mine, base, visit.zone)
    values = {**form_of(row, visit.zone), **mine, "revision": str(row.revision)}
    if refused is None:
        return visit.show("contact/compare.html", compared=shown, fields=FIELDS, values=values, **given)
    return visit.again("contact/compare.html", refused, compared=shown, fields=FIELDS, values=values, **given)


@page.post("/people/{id:str}/contacts/{contact:str}/sign", permission="encounters.write")
async def sign(visit: Visit) -> Answer:
    id, contact_id = visit.id("id", "patient"), visit.id("contact", "contact")
    revision = number_in(await visit.form(), "revision")
    try:
        async with tenant_db(visit.actor) as db:
            await _row(db, visit.actor, id, contact_id)
            await sign_encounter(db, visit.actor, contact_id, revision=revision)
    except Refused as refused:
        async with tenant_db(visit.actor, read_only=True) as db:
            given = await _contact_page(db, visit)
        return visit.again("contact/one.html", whole(refused), newer=isinstance(refused, MovedOn), **given)
    return visit.go(f"/people/{id}/contacts/{contact_id}", say("Signed."))


def _changes_in(form: Form, zone: str) -> dict[str, Any]:
    new = _contact_in(form, zone, None)
    return {name: getattr(new, name) for name in CHANGEABLE}


async def _row(db: Db, actor: Actor, id: UUID, contact_id: UUID) -> EncounterRow:
    row = await encounter_row(db, actor, contact_id)
    if row is None or row.patient_id != id:
        raise not_found("contact")
    return row


async def _contact_page(db: Db, visit: Visit, contact_id: UUID | None = None) -> dict[str, Any]:
    id, actor = visit.id("id", "patient"), visit.actor
    given = await person_frame(db, visit, id)
    row = await _row(db, actor, id, contact_id or visit.id("contact", "contact"))
    minutes = (await minutes_of_encounters(db, actor, [row.id])).get(row.id, [])
    amendments = (await amendments_of(db, actor, [row.id])).get(row.id, [])
    return given | {
        "contact": row,
        "title": contact_title(row, minutes),
        "when": moment(row.at, actor.zone),
        "minutes": minutes,
        "activities": dict(pairs(ACTIVITIES)),
        "kinds": dict(pairs(KINDS)),
        "outcomes": dict(pairs(OUTCOMES)),
        "programs": dict(pairs(PROGRAMS)),
        "amendments": amendments,
        "mine": row.staff_id == actor.staff_id,
    }


async def _change_page(db: Db, visit: Visit, contact_id: UUID | None = None) -> dict[str, Any]:
    given = await _contact_page(db, visit, contact_id)
    id, actor = visit.id("id", "patient"), visit.actor
    composer = await composer_of(db, actor, id, [])
    row = given["contact"]
    if row.about_code and row.about_code not in {code for code, _ in composer["codes"]}:
        composer["codes"].append((row.about_code, row.about_code))
    return given | {"composer": composer, "writing": await writing_said(db, actor, id)}
