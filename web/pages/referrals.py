"""Referrals: from "this person could use help", on one screen, to what became of it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from server.clock import now
from server.enrollment.arrivals import note_arrival
from server.enrollment.introductions import introduced
from server.enrollment.referral_policy import introductions, referral_policy
from server.enrollment.referral_queries import (
    ReferralRow,
    ReferralStepRow,
    asked_again,
    care_managers,
    here_today,
    open_referrals,
    referral_rows,
    referral_steps_of,
    referrals_of,
)
from server.enrollment.referral_tables import HOW_SOON, INTRODUCERS, SOURCES, STATES
from server.enrollment.referring import (
    NewReferral,
    accept_referral,
    close_referral,
    confirm_referral,
    decline_referral,
    proposed_visit,
    read_referral,
    refer,
    referral_for,
    reroute_referral,
    say_coming,
    say_not_now,
    say_on_referral,
    take_back_referral,
)
from server.errors import Refused
from server.ids import parse_id
from server.patients import chart
from server.patients.queries import find_patients
from server.patients.search import sought
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.tenants.hours import there_at
from server.tenants.working_hours import who_is_there
from server.words import N_, say
from web.pages.people import note_of
from web.pages.person_sections import person_frame
from web.rendering import called, clock, day, moment, person_name
from web.site import Answer, Visit, page
from web.typed import Form, day_or_none, id_chosen, moment_in, text_in

_FEW: Final = 8
_RESULTS: Final = 12
#: kind of step -> the sentence of the history; who: who did it, whom: to whom
_SAID: Final = {
    "suggested": N_("%(who)s suggested it, for %(whom)s"),
    "asked": N_("%(who)s asked %(whom)s"),
    "joined": N_("%(who)s asked too"),
    "confirmed": N_("%(who)s confirmed it"),
    "said": N_("%(who)s said"),
    "coming": N_("%(who)s came at once"),
    "not_now": N_("%(who)s could not come at once"),
    "rerouted": N_("%(who)s handed it on to %(whom)s"),
    "accepted": N_("%(who)s took it up"),
    "enrolled": N_("%(who)s welcomed them: they take part"),
    "declined": N_("%(who)s heard their decision: not now"),
    "closed": N_("%(who)s closed it"),
    "taken_back": N_("%(who)s took it back"),
}
#: what those who asked hear; whom: what to call the person
_NEWS: Final = {
    "confirmed": N_("%(who)s confirmed it: %(whom)s is with the care manager now."),
    "said": N_("%(who)s says about %(whom)s: %(note)s"),
    "coming": N_("%(who)s is coming to %(whom)s now."),
    "not_now": N_("%(who)s cannot come to %(whom)s at once."),
    "rerouted": N_("%(who)s handed %(whom)s on to %(to)s: %(note)s"),
    "accepted": N_("%(who)s looks after %(whom)s."),
    "enrolled": N_("%(whom)s takes part now."),
    "declined": N_("%(whom)s decided not to take part for now: %(note)s"),
    "closed": N_("%(who)s closed it for %(whom)s: %(note)s"),
    "taken_back": N_("%(who)s took back what was asked for %(whom)s."),
}


# --- asking -----------------------------------------------------------------------------------------------------------


@page.get("/refer", permission="referrals.write")
async def refer_anybody(visit: Visit) -> Answer:
    return await _refer_page(visit, None)


@page.get("/people/{id:str}/refer", permission="referrals.write")
async def refer_somebody(visit: Visit) -> Answer:
    return await _refer_page(visit, visit.id("id", "patient"))


@page.post("/refer/find", permission="referrals.write")
async def refer_find(visit: Visit) -> Answer:
    """The first few people who match, for the form's first field."""
    typed = (await visit.form()).get("q", "")[:200]
    rows = await _matching(visit, typed) if len(typed) > 1 else []
    return visit.fragment("referrals/_found.html", rows=rows, typed=typed)


@page.post("/refer", permission="referrals.write")
async def referred(visit: Visit) -> Answer:
    form = await visit.form()
    id = parse_id(form.get("patient_id", ""))
    try:
        if id is None:
            id = await _by_words(visit, form)
        new = NewReferral(
            reason=text_in(form, "reason"),
            how_soon=form.get("how_soon", ""),
            to_id=id_chosen(form, "to_id", "colleague"),
            source=form.get("source") or "team",
            source_name=text_in(form, "source_name", 200),
            place=text_in(form, "place", 200),
            condition=text_in(form, "condition", 200),
            result=text_in(form, "result", 200),
        )
        async with tenant_db(visit.actor) as db:
            asked = await refer(db, visit.actor, id, new)
            held = (await referral_rows(db, visit.actor, [asked.referral.id]))[asked.referral.id]
    except Refused as refused:
        return await _refer_page(visit, id, refused, form)
    if asked.joined:
        return visit.go(
            f"/referrals/{held.id}",
            say("Somebody thought of them already. Your words were added, and you hear what becomes of it."),
            "info",
        )
    return visit.go(f"/referrals/{held.id}", say("Asked. What becomes of it stands on your first page."))


async def _by_words(visit: Visit, form: Form) -> UUID:
    """The person named in the first field, where no list was there to choose from."""
    typed = form.get("q", "")[:200]
    rows = await _matching(visit, typed) if typed else []
    if len(rows) == 1:
        return UUID(rows[0]["id"])
    raise Refused(
        "WHOM",
        say("Several people match “%(typed)s”.", typed=typed)
        if rows
        else say("Nobody matches “%(typed)s”.", typed=typed)
        if typed
        else say("Who could use help?"),
        say("Choose one of the list, or write the birth date or the record number."),
        "q",
    )


async def _matching(visit: Visit, typed: str) -> list[dict[str, str]]:
    async with tenant_db(visit.actor, read_only=True) as db:
        rows = await find_patients(db, visit.actor, sought(typed), limit=_FEW)
    return [{"id": str(row.id), "name": person_name(row), "note": note_of(row, visit.today)} for row in rows]


async def _refer_page(
    visit: Visit, id: UUID | None, refused: Refused | None = None, form: Form | None = None
) -> Answer:
    actor = visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given: dict[str, Any] = {"patient_id": ""}
        values: dict[str, str] = {"how_soon": "this_week", "source": "team"}
        if id is not None:
            given |= await person_frame(db, visit, id, permission="referrals.write")
            team = (await chart.care_team(db, actor, [id])).get(id, [])
            theirs = next((str(m.staff_id) for m in team if m.part == "care_manager" and m.staff_id), "")
            values["to_id"] = theirs
            if here := await here_today(db, actor, visit.today, patient_ids=[id]):
                values |= {"how_soon": "now", "place": here[0].place}
            if actor.may("chart.read"):
                conditions = (await chart.conditions(db, actor, [id])).get(id, [])
                results = (await chart.latest_results(db, actor, [id], most=_RESULTS)).get(id, [])
                given["conditions"] = _labels(one.label for one in conditions)
                given["results"] = _labels(_result_words(one) for one in results)
        given["managers"] = await _managers(db, visit)
        if "to_id" not in values and len(given["managers"]) == 1:
            values["to_id"] = given["managers"][0][0]
        given["policy"] = await referral_policy(db, actor)
    given |= {
        "how_soon": [(key, say(words)) for key, words in HOW_SOON.items()],
        "sources": [(key, say(words)) for key, words in SOURCES.items()],
    }
    if refused is not None:
        return visit.again("referrals/refer.html", refused, values={**(form or {})}, **given)
    return visit.show("referrals/refer.html", values=values, **given)


def _labels(words: Any) -> list[tuple[str, str]]:
    return [(one[:200], one[:200]) for one in dict.fromkeys(words) if one]


def _result_words(row: Any) -> str:
    value = f"{row.value.normalize():f}" if row.value is not None else row.detail
    on = f" ({day(row.when.date())})" if row.when else ""
    return f"{row.label} {value} {row.unit}".strip() + on


async def _managers(db: Db, visit: Visit) -> list[tuple[str, str]]:
    """Who can be asked, and until when they are here today."""
    there = await who_is_there(db, visit.actor, first=visit.today, days=1, today=visit.today)
    until = {one.staff_id: clock(one.ends_at, visit.zone) for one in there_at(now(), there)}
    return [
        (
            str(one.id),
            say("%(name)s, here until %(until)s", name=one.name, until=until[one.id])
            if one.id in until
            else one.name,
        )
        for one in await care_managers(db, visit.actor)
    ]


# --- one ----------------------------------------------------------------------------------------------------------------


@page.get("/referrals/{id:str}", permission="referrals.write")
async def referral(visit: Visit) -> Answer:
    return await _referral_page(visit)


async def _referral_page(
    visit: Visit, refused: Refused | None = None, form: Form | None = None, which: str = ""
) -> Answer:
    id, actor = visit.id("id", "referral"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        held = await referral_for(db, actor, id, permission="referrals.write")
        row = (await referral_rows(db, actor, [id]))[id]
        steps = (await referral_steps_of(db, actor, [id])).get(id, [])
        given = await person_frame(db, visit, row.patient_id, permission="referrals.write")
        decides = row.open and actor.may("enrollment.write")
        manages = decides and (actor.role == "care_manager" or actor.staff_id == row.to_id)
        proposed = await proposed_visit(db, actor, held) if manages and row.state != "accepted" else None
        given |= {
            "row": row,
            "steps": [step_said(step, visit.zone) for step in steps],
            "sentence": state_said(row, visit.zone),
            "facts": _facts(row, visit.zone),
            "decides": decides,
            "manages": manages,
            "confirms": row.state == "suggested" and actor.may("referrals.confirm"),
            "waits": manages
            and row.how_soon == "now"
            and row.answered_at is None
            and row.state in ("suggested", "asked"),
            "mine": row.open and actor.staff_id in row.asker_ids,
            "newest": str(steps[-1].id) if steps else "",
            "script": await _script(db, actor, row),
            "team_default": (await referral_policy(db, actor)).agreement == "team_default",
            "managers": [one for one in await _managers(db, visit) if one[0] != str(row.to_id)],
            "proposed": moment(proposed, visit.zone) if proposed else "",
            "which": which,
        }
    local = proposed.astimezone(ZoneInfo(visit.zone)) if proposed else None
    values = {"visit_on": f"{local:%Y-%m-%d}", "visit_time": f"{local:%H:%M}"} if local else {}
    if refused is not None:
        return visit.again("referrals/one.html", refused, values=form or {}, **given)
    return visit.show("referrals/one.html", values=values, **given)


async def _script(db: Db, actor: Actor, row: ReferralRow) -> list[str]:
    """Words for whoever is looking, in their role; a provider's for those who have none of their own."""
    scripts = {one.role: one.words for one in await introductions(db, actor)}
    speaker = actor.role if actor.role in INTRODUCERS else "provider"
    return introduced(
        scripts[speaker],
        {
            "patient": called(row),
            "care_manager": row.to_name,
            "colleague": row.made_by_name or say("A colleague"),
            "condition": row.condition,
            "result": row.result,
        },
    )


def state_said(row: ReferralRow, zone: str) -> str:
    """Where it stands, in a sentence."""
    whom = {"to": row.to_name, "name": called(row)}
    if row.state == "suggested":
        return say("Waits for a provider’s word. %(to)s may make first contact meanwhile.", **whom)
    if row.state == "asked" and row.first_visit_at:
        return say(
            "%(to)s proposes a first visit on %(when)s.", when=moment(row.first_visit_at, zone), **whom
        )
    if row.state == "asked":
        return say("%(to)s has been asked and has not taken it up yet.", **whom)
    if row.state == "accepted":
        return say("%(to)s looks after it: next, ask %(name)s and write down what they say.", **whom)
    if row.state == "enrolled":
        return say("%(name)s takes part.", **whom)
    if row.state == "declined":
        again = (
            say("We may ask again from %(day)s.", day=day(row.ask_again_on))
            if row.ask_again_on
            else say("They did not ask to be asked again.")
        )
        return say("%(name)s decided not to take part for now.", **whom) + " " + again
    return say(STATES[row.state]) + "."


def step_said(step: ReferralStepRow, zone: str) -> dict[str, str]:
    who = step.made_by_name or say("Somebody")
    words = say(_SAID[step.kind], who=who, whom=step.to_name or "")
    when = moment(step.made_at, zone)
    if step.first_visit_at:
        words += say("; first visit proposed for %(when)s", when=moment(step.first_visit_at, zone))
    return {"title": words, "when": when, "exact": step.made_at.isoformat(), "words": step.note}


def news_said(row: Any, zone: str) -> str:
    """What became of a referral, for whoever asked."""
    step = row.step
    values = {
        "who": step.made_by_name or say("Somebody"),
        "whom": f"{called(row.referral)} {row.referral.family_name}",
        "to": step.to_name or row.referral.to_name,
        "note": step.note,
    }
    words = say(_NEWS[step.kind], **values).removesuffix(": ")
    if step.first_visit_at:
        words += " " + say("First visit proposed: %(when)s.", when=moment(step.first_visit_at, zone))
    if step.note and step.kind in ("confirmed", "coming", "not_now", "accepted"):
        words += f" “{step.note}”"
    return words


def _facts(row: ReferralRow, zone: str) -> list[tuple[str, str]]:
    source = say(SOURCES[row.source]) + (f": {row.source_name}" if row.source_name else "")
    led = ", ".join(one for one in (row.condition, row.result) if one)
    found = [
        (say("Why"), row.reason),
        (say("What led here"), led),
        (say("How soon"), say(HOW_SOON[row.how_soon])),
        (say("Where they were"), row.place),
        (say("Who thought of it"), source),
        (say("Written down by"), f"{row.made_by_name or ''}, {moment(row.made_at, zone)}".strip(", ")),
        (say("Care manager"), row.to_name),
        (say("First visit"), moment(row.first_visit_at, zone)),
        (say("Introduced in person"), say("Yes") if row.introduced else ""),
        (say("Their reason") if row.state == "declined" else say("How it ended"), row.ended_reason),
        (say("What would help"), row.what_would_help),
    ]
    return [(term, words) for term, words in found if words]


# --- what is done about it ----------------------------------------------------------------------------------------------

Act = Callable[[Db, Actor, UUID, Form], Awaitable[Any]]


async def _done(visit: Visit, act: Act, said: str, which: str, *, to: str = "") -> Answer:
    """Run one form of a referral; refused, the page comes back with what was typed."""
    id, form = visit.id("id", "referral"), await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await act(db, visit.actor, id, form)
    except Refused as refused:
        return await _referral_page(visit, refused, form, which)
    return visit.go(to or f"/referrals/{id}", said)


@page.post("/referrals/{id:str}/confirm", permission="referrals.confirm")
async def referral_confirmed(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await confirm_referral(db, actor, id, note=text_in(form, "note"))

    return await _done(visit, act, say("Confirmed."), "confirm")


@page.post("/referrals/{id:str}/coming", permission="enrollment.write")
async def referral_coming(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await say_coming(db, actor, id)

    return await _done(visit, act, say("They know you are coming."), "coming")


@page.post("/referrals/{id:str}/not-now", permission="enrollment.write")
async def referral_not_now(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        at: datetime | None = None
        if form.get("visit_on") or form.get("visit_time"):
            at = moment_in(form, "visit_on", "visit_time", actor.zone)
        await say_not_now(db, actor, id, note=text_in(form, "note"), first_visit_at=at)

    return await _done(visit, act, say("Told. Whoever asked sees when the first visit is proposed."), "visit")


@page.post("/referrals/{id:str}/accept", permission="enrollment.write")
async def referral_accepted(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        met = form.get("introduced") == "yes"
        await accept_referral(db, actor, id, introduced=met)

    return await _done(visit, act, say("You look after it now, and whoever asked knows."), "accept")


@page.post("/referrals/{id:str}/reroute", permission="enrollment.write")
async def referral_rerouted(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        to = id_chosen(form, "to_id", "colleague")
        if to is None:
            raise Refused("TO_WHOM", say("To whom?"), say("Choose a colleague."), "to_id")
        await reroute_referral(db, actor, id, to_id=to, reason=text_in(form, "reason"))

    return await _done(visit, act, say("Handed on. Whoever asked sees why."), "reroute")


@page.post("/referrals/{id:str}/decline", permission="enrollment.write")
async def referral_declined(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await decline_referral(
            db,
            actor,
            id,
            reason=text_in(form, "reason"),
            what_would_help=text_in(form, "what_would_help"),
            ask_again_on=day_or_none(form, "ask_again_on"),
        )

    return await _done(
        visit, act, say("Written down. Nobody asks again before the day they chose."), "decline"
    )


@page.post("/referrals/{id:str}/close", permission="enrollment.write")
async def referral_closed(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await close_referral(db, actor, id, reason=text_in(form, "reason"))

    return await _done(visit, act, say("Closed. Whoever asked sees why."), "close")


@page.post("/referrals/{id:str}/take-back", permission="referrals.write")
async def referral_taken_back(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await take_back_referral(db, actor, id, reason=text_in(form, "reason"))

    return await _done(visit, act, say("Taken back."), "take-back")


@page.post("/referrals/{id:str}/say", permission="referrals.write")
async def referral_said(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await say_on_referral(db, actor, id, words=text_in(form, "words"))

    return await _done(visit, act, say("Said. Those involved see it on their first page."), "say")


@page.post("/referrals/{id:str}/read", permission="referrals.write")
async def referral_read(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        through = id_chosen(form, "through", "step")
        if through is not None:
            await read_referral(db, actor, id, through=through)

    return await _done(visit, act, "", "read", to="/")


# --- lists ---------------------------------------------------------------------------------------------------------------


@page.get("/referrals", permission="referrals.read")
async def referrals(visit: Visit) -> Answer:
    """Everybody who was thought of and has no answer yet; and those whose own day to be asked again has come."""
    async with tenant_db(visit.actor, read_only=True) as db:
        rows = await open_referrals(db, visit.actor)
        again = await asked_again(db, visit.actor, visit.today)
    mine = [row for row in rows if row.to_id == visit.actor.staff_id]
    return visit.show(
        "referrals/list.html",
        mine=[listed(row, visit.zone) for row in mine],
        others=[listed(row, visit.zone) for row in rows if row.to_id != visit.actor.staff_id],
        again=[listed(row, visit.zone) for row in again],
    )


def listed(row: ReferralRow, zone: str) -> dict[str, Any]:
    """One referral in a list."""
    return {
        "id": str(row.id),
        "patient_id": str(row.patient_id),
        "name": f"{called(row)} {row.family_name}".strip(),
        "href": f"/referrals/{row.id}",
        "why": row.reason,
        "helps": row.what_would_help,
        "soon": say(HOW_SOON[row.how_soon]),
        "now": row.how_soon == "now" and row.answered_at is None and row.state in ("suggested", "asked"),
        "place": row.place,
        "to": row.to_name,
        "who": row.made_by_name or "",
        "when": day(row.made_at.astimezone(ZoneInfo(zone)).date()),
        "state": state_said(row, zone),
    }


# --- here today -----------------------------------------------------------------------------------------------------------


@page.post("/people/{id:str}/here", permission="referrals.write")
async def arrived(visit: Visit) -> Answer:
    id, form = visit.id("id", "patient"), await visit.form()
    here = form.get("here") != "no"
    async with tenant_db(visit.actor) as db:
        await note_arrival(db, visit.actor, id, here=here, place=text_in(form, "place", 200))
    said = say("Noted until the end of the day. Their care manager sees it.") if here else say("Noted.")
    return visit.go(f"/people/{id}", said)


async def referral_section(db: Db, visit: Visit, patient_id: UUID) -> dict[str, Any]:
    """What the page of a person says: who was asked for them, and whether they are here. See people/_referral.html."""
    actor = visit.actor
    if not actor.may("referrals.write"):
        return {}
    here = await here_today(db, actor, visit.today, patient_ids=[patient_id])
    rows = (
        (await referrals_of(db, actor, [patient_id])).get(patient_id, [])
        if actor.may("referrals.read")
        else []
    )
    return {
        "here_now": {
            "place": here[0].place,
            "since": clock(here[0].noted_at, visit.zone),
            "who": here[0].noted_by or "",
        }
        if here
        else None,
        "referrals": [listed(row, visit.zone) | {"open": row.open} for row in rows],
    }
