"""Programs and consent: taking part is a person's choice, asked once, written down as it was said."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from carewright_plugin_api.facts import start_of_day

from server.clock import now
from server.enrollment.actions import (
    NewEnrollment,
    change_enrollment,
    end_enrollment,
    enroll,
    pause_enrollment,
    resume_enrollment,
)
from server.enrollment.consent import (
    METHODS,
    TOLD,
    ConsentRow,
    GivenConsent,
    SaidNo,
    TakenBack,
    live,
    standing,
)
from server.enrollment.consenting import record_consent, record_refusal, revoke_consent, strike_consent
from server.enrollment.gate import consent_for, enrollment_for
from server.enrollment.queries import consents_of, enrollment_history, enrollments_of
from server.enrollment.tables import PROGRAMS, STATUSES
from server.enrollment.wording import newest_wording
from server.errors import Refused, not_found
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import LANGUAGES, reads, say
from web.pages.papers import calls_of, handed
from web.pages.person_sections import consent_words, person_frame, practitioners
from web.site import Answer, Visit, page
from web.typed import Form, beside, day_in, day_or_none, id_chosen, moment_in, pairs, text_in

Act = Callable[[Db, Actor, UUID, Form], Awaitable[Any]]
_FIELDS: Final = {"at": "time", "started_on": "started_on"}


# --- programs -------------------------------------------------------------------------------------------------


@page.get("/people/{id:str}/programs", permission="enrollment.read")
async def programs(visit: Visit) -> Answer:
    return await _programs(visit)


async def _programs(visit: Visit, refused: Refused | None = None, typed: Form | None = None) -> Answer:
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        rows = (await enrollments_of(db, actor, [id])).get(id, [])
        history = await enrollment_history(db, actor, [row.id for row in rows])
        given |= {
            "enrollments": [{"row": row, "steps": history.get(row.id, [])} for row in rows],
            "titles": dict(pairs(PROGRAMS)),
            "statuses": dict(pairs(STATUSES)),
            "may_join": [p for p in PROGRAMS if p not in {row.program for row in rows if not row.ended_on}],
            "practitioners": await practitioners(db),
            "now_on": visit.today.isoformat(),
            "typed": typed or {},
        }
    if refused is not None:
        return visit.again("enrollment/programs.html", refused, **given)
    return visit.show("enrollment/programs.html", **given)


@page.get("/people/{id:str}/programs/new", permission="enrollment.write")
async def enroll_form(visit: Visit) -> Answer:
    given = await _enroll_page(visit)
    return visit.show("enrollment/enroll.html", values={"started_on": visit.today.isoformat()}, **given)


@page.post("/people/{id:str}/programs", permission="enrollment.write")
async def enrolled(visit: Visit) -> Answer:
    id, form = visit.id("id", "patient"), await visit.form()
    try:
        new = NewEnrollment(
            program=form.get("program", ""),
            started_on=day_in(form, "started_on", default=visit.today),
            practitioner_id=id_chosen(form, "practitioner_id", "colleague"),
            contact_frequency=text_in(form, "contact_frequency", 200),
        )
        async with tenant_db(visit.actor) as db:
            await enroll(db, visit.actor, id, new)
    except Refused as refused:
        given = await _enroll_page(visit)
        return visit.again("enrollment/enroll.html", refused, values=form, **given)
    return visit.go(
        f"/people/{id}/consent/{new.program}", say("Enrolled. Next, ask and write down what they say.")
    )


async def _enroll_page(visit: Visit) -> dict[str, Any]:
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id, permission="enrollment.write")
        open_ones = {
            row.program for row in (await enrollments_of(db, actor, [id])).get(id, []) if row.ended_on is None
        }
        return given | {
            "programs": pairs(PROGRAMS, only=[p for p in PROGRAMS if p not in open_ones]),
            "practitioners": await practitioners(db),
        }


async def _change(visit: Visit, act: Act, said: str) -> Answer:
    """Run one small form of an enrollment; refused, the page comes back with what was typed."""
    id, enrollment_id = visit.id("id", "patient"), visit.id("enrollment", "enrollment")
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            enrollment, _ = await enrollment_for(db, visit.actor, enrollment_id)
            if enrollment.patient_id != id:
                raise not_found("enrollment")
            await act(db, visit.actor, enrollment_id, form)
    except Refused as refused:
        return await _programs(visit, refused, form | {"which": str(enrollment_id)})
    return visit.go(f"/people/{id}/programs", said)


@page.post("/people/{id:str}/programs/{enrollment:str}/change", permission="enrollment.write")
async def changed(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await change_enrollment(
            db,
            actor,
            id,
            practitioner_id=id_chosen(form, "practitioner_id", "colleague"),
            contact_frequency=text_in(form, "contact_frequency", 200),
        )

    return await _change(visit, act, say("Saved."))


@page.post("/people/{id:str}/programs/{enrollment:str}/pause", permission="enrollment.write")
async def paused(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await pause_enrollment(db, actor, id, on=day_in(form, "on"), reason=text_in(form, "reason"))

    return await _change(visit, act, say("Paused. It is taken up again whenever they wish."))


@page.post("/people/{id:str}/programs/{enrollment:str}/resume", permission="enrollment.write")
async def resumed(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await resume_enrollment(db, actor, id, on=day_in(form, "on"))

    return await _change(visit, act, say("Taken up again."))


@page.post("/people/{id:str}/programs/{enrollment:str}/end", permission="enrollment.write")
async def ended(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await end_enrollment(db, actor, id, on=day_in(form, "on"), reason=text_in(form, "reason"))

    return await _change(visit, act, say("Ended. Everything written stays."))


# --- consent --------------------------------------------------------------------------------------------------


@page.get("/people/{id:str}/consent/{program:str}", permission="enrollment.read")
async def consent(visit: Visit) -> Answer:
    return await _consent(visit)


async def _consent(
    visit: Visit, refused: Refused | None = None, typed: dict[str, Any] | None = None
) -> Answer:
    id, actor, program = visit.id("id", "patient"), visit.actor, _program(visit)
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        log = [row for row in (await consents_of(db, actor, [id])).get(id, []) if row.program == program]
        current = next(
            (
                row
                for row in (await enrollments_of(db, actor, [id])).get(id, [])
                if row.program == program and row.ended_on is None
            ),
            None,
        )
        people = await practitioners(db)
    at = now()
    stands = standing(log, program, at)
    struck = {row.replaces_id for row in log if row.struck}
    language = (typed or {}).get("language") or visit.query("lang") or reads(given["patient_language"])
    wording = newest_wording(program, language)
    local = at.astimezone(ZoneInfo(actor.zone))
    start = {
        "day": local.date().isoformat(),
        "time": f"{local:%H:%M}",
        "given_by": "patient",
        "practitioner_id": str(current.practitioner_id) if current and current.practitioner_id else "",
    }
    given |= {
        "program": program,
        "title": say(PROGRAMS[program]),
        "in_force": stands.in_force(),
        "stands": _stands_words(log, program, at, actor.zone),
        "may_ask": stands.may_ask(visit.today),
        "answered": bool(stands.kind),
        "wording": wording,
        "paragraphs": _paragraphs(wording.text) if wording else [],
        "languages": [
            (
                words,
                f"/people/{id}/consent/{program}?lang={key}",
                wording is not None and key == wording.language,
            )
            for key, words in LANGUAGES.items()
        ],
        "told": pairs(TOLD),
        "methods": pairs(METHODS),
        "practitioners": people,
        "log": [
            {"row": row, "words": consent_words(row, actor.zone), "struck": row.id in struck} for row in log
        ],
        "start": start,
        "which": (typed or {}).get("which", ""),
    }
    if refused is not None:
        return visit.again("enrollment/consent.html", beside(refused, _FIELDS), values=typed or {}, **given)
    return visit.show("enrollment/consent.html", values=start, **given)


@page.get("/people/{id:str}/consent/{program:str}/words", permission="enrollment.read")
async def consent_to_take_home(visit: Visit) -> Answer:
    """The words of consent on paper, to read in peace, to keep, and to answer in writing where somebody wishes to."""
    id, actor, program = visit.id("id", "patient"), visit.actor, _program(visit)
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        calls = await calls_of(db, actor)
    wording = newest_wording(program, reads(visit.query("lang") or given["patient_language"]))
    if wording is None:
        raise not_found("wording")
    here = f"/people/{id}/consent/{program}"
    return handed(
        visit,
        "consent.html",
        wording.language,
        given=given,
        at=f"{here}/words",
        back=here,
        paragraphs=_paragraphs(wording.text),
        version=wording.version,
        calls=calls,
    )


def _stands_words(log: list[ConsentRow], program: str, at: datetime, zone: str) -> str:

    said = [row for row in live(log) if row.program == program and row.at <= at]
    return consent_words(said[-1], zone) if said else say("Nobody has asked yet.")


def _paragraphs(text: str) -> list[tuple[str, str]]:
    """The wording's few marks, read: (how it begins in bold, the rest), a heading first with no rest."""
    found = []
    for block in (" ".join(part.split()) for part in text.strip().split("\n\n")):
        if block.startswith("# "):
            found.append((block[2:], ""))
        elif block.startswith("**"):
            strong, _, rest = block[2:].partition("**")
            found.append((strong, rest.strip()))
        else:
            found.append(("", block))
    return found


async def _answer(visit: Visit, act: Act, said: str, which: str) -> Answer:
    id, program = visit.id("id", "patient"), _program(visit)
    form = await visit.form()
    typed: dict[str, Any] = {**form, "told": await visit.many("told"), "which": which}
    try:
        async with tenant_db(visit.actor) as db:
            await act(db, visit.actor, id, form)
    except Refused as refused:
        return await _consent(visit, refused, typed)
    return visit.go(f"/people/{id}/consent/{program}", said)


@page.post("/people/{id:str}/consent/{program:str}/given", permission="enrollment.write")
async def consent_given(visit: Visit) -> Answer:
    told = tuple(await visit.many("told"))

    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        if form.get("method", "") not in METHODS:
            raise Refused("METHOD_NEEDED", say("Spoken or signed?"), say("Choose how they agreed."), "method")
        new = GivenConsent(
            program=_program(visit),
            at=moment_in(form, "day", "time", actor.zone),
            method=form["method"],
            given_by=text_in(form, "given_by", 200),
            language=text_in(form, "language", 20) or "en",
            wording_version=text_in(form, "wording_version", 20),
            told=told,
            practitioner_id=id_chosen(form, "practitioner_id", "colleague"),
        )
        await record_consent(db, actor, id, new)

    return await _answer(visit, act, say("Written down: they agree."), "given")


@page.post("/people/{id:str}/consent/{program:str}/refused", permission="enrollment.write")
async def consent_refused(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        new = SaidNo(
            program=_program(visit),
            at=moment_in(form, "day", "time", actor.zone),
            given_by=text_in(form, "given_by", 200),
            reason=text_in(form, "reason"),
            what_would_help=text_in(form, "what_would_help"),
            ask_again_on=day_or_none(form, "ask_again_on"),
        )
        await record_refusal(db, actor, id, new)

    return await _answer(
        visit, act, say("Written down. Nobody asks again before the day they chose."), "refused"
    )


@page.post("/people/{id:str}/consent/{program:str}/revoked", permission="enrollment.write")
async def consent_taken_back(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        ends = None
        if last := day_or_none(form, "ends_on"):
            ends = start_of_day(last + timedelta(days=1), actor.zone)
        new = TakenBack(
            program=_program(visit),
            at=moment_in(form, "day", "time", actor.zone),
            given_by=text_in(form, "given_by", 200),
            reason=text_in(form, "reason"),
            effective_at=ends,
            method=form.get("method") or "verbal",
        )
        await revoke_consent(db, actor, id, new)

    return await _answer(visit, act, say("Written down. Nothing is billed from then on."), "revoked")


@page.post("/people/{id:str}/consent/{program:str}/{consent:str}/strike", permission="enrollment.write")
async def consent_struck(visit: Visit) -> Answer:
    consent_id = visit.id("consent", "consent")

    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        row = await consent_for(db, actor, consent_id)
        if row.patient_id != id:
            raise not_found("consent")
        await strike_consent(db, actor, consent_id, reason=text_in(form, "reason"))

    return await _answer(visit, act, say("Struck. Both entries stay readable."), str(consent_id))


def _program(visit: Visit) -> str:
    program = visit.path("program")
    if program not in PROGRAMS:
        raise not_found("program")
    return program
