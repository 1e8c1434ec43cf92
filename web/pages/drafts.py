"""Drafts of notes: kept while somebody writes, opened again where they stopped, discarded, brought back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from carewright_plugin_api.facts import local_day
from litestar import Response

from server.clock import now
from server.encounters.drafting import KEPT, Earlier, Writing
from server.encounters.drafts import Kept, discard_draft, finish_draft, restore_draft, save_draft
from server.encounters.gate import draft_for
from server.encounters.tables import KINDS, NoteDraft
from server.encounters.under_way import DraftRow, colleagues_writing, my_note_drafts
from server.errors import Refused, not_found
from server.ids import new_id, parse_id
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import N_, say
from web.pages.comparison import LARGEST, LENGTHS, WRITTEN
from web.pages.diary import said_day
from web.rendering import called, clock, day
from web.site import Answer, Visit, page
from web.typed import Form, number_in

#: what a composer's form carries about its draft, and about itself; the rest is what somebody wrote
_ABOUT: Final = frozenset({"then", "cursor_field", "cursor_at", "timer", "heard"})
_MOST: Final = 20


# --- for the pages with a composer --------------------------------------------------------------------------------


async def opened_draft(
    db: Db, actor: Actor, patient_id: UUID, encounter_id: UUID | None = None, chosen: UUID | None = None
) -> tuple[dict[str, Any], DraftRow | None]:
    """What a composer is told of its draft, and the draft it opens with: the chosen one, else the newest."""
    mine = [
        row
        for row in await my_note_drafts(db, actor, limit=_MOST, patient_id=patient_id)
        if row.encounter_id == encounter_id
    ]
    row = next((row for row in mine if row.id == chosen), mine[0] if mine else None)
    given = {"id": str(new_id()), "sequence": 0, "others": len(mine) - (row is not None)}
    if row is not None:
        given |= {
            "earlier": f"{row.id}:{row.sequence}",
            "said": say("You were writing this. Saved %(when)s", when=said_when(row.saved_at, actor.zone)),
            "cursor_field": row.cursor_field,
            "cursor_at": row.cursor_at,
        }
    return given, row


def draft_again(form: Form) -> dict[str, Any]:
    """The same composer's draft, for a form that comes back with a refusal."""
    return {
        "id": str(_draft_id(form)),
        "sequence": number_of(form, "draft_sequence"),
        "earlier": f"{earlier.id}:{earlier.sequence}" if (earlier := _earlier(form)) else "",
    }


async def finish_draft_of(db: Db, actor: Actor, patient_id: UUID, form: Form) -> None:
    """In the transaction that saves what the form holds as a contact."""
    if form.get("draft"):
        await finish_draft(db, actor, patient_id, _draft_id(form), _earlier(form))


async def keep_form(
    db: Db, actor: Actor, patient_id: UUID, form: Form, encounter_id: UUID | None = None
) -> Kept:
    """What a form holds, kept as its draft; under a new id where its own is gone or was written by another window."""
    writing = _writing(form, encounter_id, number_of(form, "draft_sequence") + 1)
    kept = await save_draft(db, actor, patient_id, _draft_id(form), writing)
    return kept if kept.state == "saved" else await save_draft(db, actor, patient_id, new_id(), writing)


async def writing_said(db: Db, actor: Actor, patient_id: UUID) -> str:
    """`Mika Salo is writing about this person, saved 10:02 am.`: that, and nothing of what."""
    if not actor.may("encounters.write"):
        return ""
    rows = (await colleagues_writing(db, actor, [patient_id])).get(patient_id, [])
    return " ".join(
        say(
            "%(name)s is writing about this person, saved %(when)s.",
            name=row.staff_name,
            when=said_when(row.saved_at, actor.zone),
        )
        for row in rows
    )


def said_when(at: datetime, zone: str) -> str:
    """`10:02 am` today, `Tue 4 Aug, 10:02 am` before."""
    on, now_on = local_day(at, zone), local_day(now(), zone)
    if on == now_on:
        return clock(at, zone)
    return say("%(day)s, %(time)s", day=said_day(on, now_on), time=clock(at, zone))


def draft_title(row: DraftRow) -> str:
    """`Phone call with Maria Walker`."""
    return say("%(contact)s with %(name)s", contact=_kind(row), name=f"{called(row)} {row.family_name}")


def _kind(row: DraftRow) -> str:
    return say(KINDS.get(row.fields.get("kind", ""), N_("Contact")))


def composer_address(row: DraftRow) -> str:
    """Where a draft is gone on with."""
    of = f"contacts/{row.encounter_id}/change" if row.encounter_id else "contacts/new"
    return f"/people/{row.patient_id}/{of}?draft={row.id}"


def number_of(form: Form, name: str) -> int:
    """A number the script counts; 0 where it is none. Ten digits, so that the rules can say what is too much."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else 0


def _draft_id(form: Form) -> UUID:
    return parse_id(form.get("draft", "")) or new_id()


def _earlier(form: Form) -> Earlier | None:
    id, _, sequence = form.get("draft_earlier", "").partition(":")
    found = parse_id(id)
    return Earlier(found, number_of({"sequence": sequence}, "sequence")) if found else None


def _writing(form: Form, encounter_id: UUID | None, sequence: int) -> Writing:
    return Writing(
        fields=_written(form),
        sequence=sequence,
        cursor_field=form.get("cursor_field", ""),
        cursor_at=number_of(form, "cursor_at"),
        encounter_id=encounter_id,
        revision=number_in(form, "revision"),
        earlier=_earlier(form),
    )


def _written(form: Mapping[str, str]) -> dict[str, str]:
    return {
        name: text
        for name, text in form.items()
        if name not in _ABOUT and not name.startswith(("_", "draft")) and not _only_offered(form, name, text)
    }


def _only_offered(form: Mapping[str, str], name: str, text: str) -> bool:
    """Both texts together, too long to be saved and not chosen: it was filled in, and must not keep their own from being
    saved."""
    field = name.removeprefix("both_")
    return field != name and form.get(f"pick_{field}") != "both" and len(text) > LENGTHS.get(field, 0)


# --- keeping ------------------------------------------------------------------------------------------------------


@page.post("/people/{id:str}/note-drafts", permission="encounters.write", largest=LARGEST)
async def keep_draft(visit: Visit) -> Answer:
    """Of a new contact."""
    return await _kept(visit, None)


@page.post(
    "/people/{id:str}/contacts/{contact:str}/note-drafts", permission="encounters.write", largest=LARGEST
)
async def keep_draft_of_change(visit: Visit) -> Answer:
    return await _kept(visit, visit.id("contact", "contact"))


async def _kept(visit: Visit, encounter_id: UUID | None) -> Answer:
    """From the script every few seconds (answered in JSON), or from the button where there is no script."""
    if visit.request.headers.get("accept") != "application/json":
        return await _kept_by_button(visit, encounter_id)
    id, actor = visit.id("id", "patient"), visit.actor
    try:
        form = await visit.form(trim=False, longest=WRITTEN)
        writing = _writing(form, encounter_id, number_of(form, "draft_sequence"))
        async with tenant_db(actor) as db:
            kept = await save_draft(db, actor, id, _draft_id(form), writing)
    except Refused as refused:
        if refused.code in {"NOT_FOUND", "NOT_ALLOWED"}:
            raise
        return _told({"state": "refused", "said": f"{refused.message} {refused.next_step}"}, status=422)
    if kept.state != "saved":
        return _told({"state": kept.state, "draft": str(new_id())})
    return _told({"state": "saved", "said": say("Saved %(when)s", when=clock(kept.saved_at, actor.zone))})


def _told(answer: dict[str, str], status: int = 200) -> Answer:
    return Response(answer, media_type="application/json", status_code=status)


async def _kept_by_button(visit: Visit, encounter_id: UUID | None) -> Answer:
    from web.pages.contact import change_again, new_again

    id, actor = visit.id("id", "patient"), visit.actor
    form = await visit.form(longest=WRITTEN)
    try:
        async with tenant_db(actor) as db:
            kept = await keep_form(db, actor, id, form, encounter_id)
    except Refused as refused:
        if encounter_id is None:
            return await new_again(visit, refused, form)
        return await change_again(visit, refused, form, encounter_id)
    of = f"contacts/{encounter_id}/change" if encounter_id else "contacts/new"
    return visit.go(
        f"/people/{id}/{of}?draft={kept.id}", say("Kept as a draft. Nobody else can read what it says.")
    )


# --- one's drafts about one person --------------------------------------------------------------------------------


@page.get("/people/{id:str}/note-drafts", permission="encounters.write")
async def drafts(visit: Visit) -> Answer:
    """All of one's own about this person: to go on with, to discard, to bring back."""
    from web.pages.person_sections import person_frame

    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        opened = await my_note_drafts(db, actor, limit=_MOST, patient_id=id)
        discarded = await my_note_drafts(db, actor, limit=_MOST, patient_id=id, discarded=True)
    return visit.show(
        "contact/drafts.html",
        opened=[_shown(row, actor.zone) for row in opened],
        discarded=[_shown(row, actor.zone) for row in discarded],
        **given,
    )


def _shown(row: DraftRow, zone: str) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "title": say("%(contact)s, a change to a contact", contact=_kind(row))
        if row.encounter_id
        else _kind(row),
        "said": say("Saved %(when)s", when=said_when(row.saved_at, zone)),
        "words": row.fields.get("note", ""),
        "next_step": row.fields.get("next_step", ""),
        "href": composer_address(row),
        "until": day(local_day(row.gone_at + KEPT, zone)) if row.gone_at else "",
    }


@page.post("/people/{id:str}/note-drafts/{draft:str}/discard", permission="encounters.write", largest=LARGEST)
async def discard(visit: Visit) -> Answer:
    """Sent by a composer, what it holds now is kept first, so that all of it can be brought back."""
    id, draft_id, actor = visit.id("id", "patient"), visit.id("draft", "draft"), visit.actor
    form = await visit.form(longest=WRITTEN)
    try:
        async with tenant_db(actor) as db:
            draft = await _draft_about(db, actor, draft_id, id)
            if form.get("draft"):
                draft_id = (await keep_form(db, actor, id, form, draft.encounter_id)).id
            await discard_draft(db, actor, draft_id)
    except Refused as refused:
        return _back(visit, refused)
    return visit.go(
        f"/people/{id}/note-drafts", say("Discarded. You can bring it back from here for 14 days.")
    )


@page.post("/people/{id:str}/note-drafts/{draft:str}/restore", permission="encounters.write")
async def restore(visit: Visit) -> Answer:
    id, draft_id, actor = visit.id("id", "patient"), visit.id("draft", "draft"), visit.actor
    try:
        async with tenant_db(actor) as db:
            await _draft_about(db, actor, draft_id, id)
            await restore_draft(db, actor, draft_id)
    except Refused as refused:
        return _back(visit, refused)
    return visit.go(f"/people/{id}/note-drafts", say("Brought back."))


async def _draft_about(db: Db, actor: Actor, draft_id: UUID, patient_id: UUID) -> NoteDraft:
    draft = await draft_for(db, actor, draft_id)
    if draft.patient_id != patient_id:
        raise not_found("draft")
    return draft


def _back(visit: Visit, refused: Refused) -> Answer:
    if refused.code in {"NOT_FOUND", "NOT_ALLOWED"}:
        raise refused
    return visit.go(f"/people/{visit.id('id')}/note-drafts", f"{refused.message} {refused.next_step}", "soon")
