"""People: finding them, registering them, and the page of one person, who comes first on it."""

from datetime import date
from typing import Any

from server.duplicates.queries import how_many_wait
from server.enrollment.referral_queries import InCare, in_care_of
from server.errors import Refused
from server.ids import parse_id
from server.patients import chart, choices
from server.patients.actions import NewPatient, register_patient
from server.patients.gate import patient_for
from server.patients.queries import PatientRow, also_on_file_as, find_patients, how_many, place_of
from server.patients.search import sought
from server.patients.story import save_story
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import say
from web.rendering import age, called, day, person_name, phone
from web.site import Answer, Visit, page
from web.typed import day_in, pairs, text_in

_PAGE = 50


# --- finding ------------------------------------------------------------------------------------------------


@page.get("/people", permission="patients.find")
async def people(visit: Visit) -> Answer:
    """Everybody, by name, a page at a time."""
    after = parse_id(visit.query("after"))
    async with tenant_db(visit.actor, read_only=True) as db:
        position = await place_of(db, visit.actor, after) if after else None
        rows = await find_patients(db, visit.actor, sought(""), limit=_PAGE + 1, position=position)
        total = await how_many(db, visit.actor)
        twice = (await how_many_wait(db, visit.actor))["open"] if visit.actor.may("patients.merge") else 0
    return _list(visit, rows, typed="", total=total, twice=twice)


@page.post("/people", permission="patients.find")
async def people_found(visit: Visit) -> Answer:
    """The people who match what was typed."""
    typed = (await visit.form()).get("q", "")[:200]
    async with tenant_db(visit.actor, read_only=True) as db:
        rows = await find_patients(db, visit.actor, sought(typed), limit=_PAGE + 1)
        total = await how_many(db, visit.actor)
    return _list(visit, rows, typed=typed, total=total)


def _list(visit: Visit, rows: list[PatientRow], *, typed: str, total: int, twice: int = 0) -> Answer:
    shown = rows[:_PAGE]
    more = f"/people?after={shown[-1].id}" if len(rows) > _PAGE and not typed else None
    on = visit.today
    return visit.show(
        "people/list.html",
        typed=typed,
        total=total,
        twice=twice,
        more=more,
        cut=len(rows) > _PAGE and bool(typed),
        rows=[
            {
                "href": f"/people/{row.id}",
                "name": person_name(row),
                "born": day(row.birth_date),
                "age": age(row.birth_date, row.deceased_on or on),
                "number": row.record_number,
                "language": say(choices.LANGUAGE.get(row.language, row.language))
                if row.language not in {"", "en"}
                else "",
                "interpreter": row.interpreter_needed,
                "deceased": day(row.deceased_on),
            }
            for row in shown
        ],
    )


@page.post("/people/find", permission="patients.find")
async def find_as_you_type(visit: Visit) -> Answer:
    """The first few matches, for the find box."""
    typed = (await visit.form()).get("q", "")[:200]
    if len(typed) < 2:
        return visit.fragment("people/found.html", rows=[], typed=typed)
    async with tenant_db(visit.actor, read_only=True) as db:
        rows = await find_patients(db, visit.actor, sought(typed), limit=8)
    on = visit.today
    return visit.fragment(
        "people/found.html",
        typed=typed,
        rows=[
            {
                "id": str(row.id),
                "name": person_name(row),
                "note": note_of(row, on),
            }
            for row in rows
        ],
    )


def note_of(row: PatientRow, on: date) -> str:
    """What tells two people of one name apart: age, birth date, record number."""
    return f"{age(row.birth_date, row.deceased_on or on)}, {day(row.birth_date)}, {row.record_number}"


# --- registering --------------------------------------------------------------------------------------------


@page.get("/people/new", permission="patients.write")
async def new_person(visit: Visit) -> Answer:
    return visit.show("people/new.html", choices=_choices())


@page.post("/people/new", permission="patients.write")
async def register(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        born = day_in(form, "birth_date")
        if not form.get("family_name"):
            raise Refused(
                "NAME_NEEDED", say("A family name is needed."), say("Write it to go on."), "family_name"
            )
        async with tenant_db(visit.actor) as db:
            patient = await register_patient(
                db,
                visit.actor,
                NewPatient(
                    family_name=text_in(form, "family_name", 200),
                    given_names=text_in(form, "given_names", 200),
                    birth_date=born,
                    preferred_name=text_in(form, "preferred_name", 200),
                    record_number=text_in(form, "record_number", 60),
                    sex=form.get("sex", ""),
                    language=form.get("language", ""),
                    interpreter_needed=form.get("interpreter_needed") == "yes",
                ),
            )
    except Refused as refused:
        return visit.again("people/new.html", refused, values=form, choices=_choices())
    if form.get("then") == "enroll" and visit.actor.may("enrollment.write"):
        return visit.go(f"/people/{patient.id}/programs/new", said=say("Registered."))
    return visit.go(
        f"/people/{patient.id}", said=say("Registered. Add how to reach them and who stands by them below.")
    )


def _choices() -> dict[str, list[tuple[str, str]]]:
    return {
        "sex": pairs(choices.SEX),
        "language": pairs(choices.LANGUAGE),
        "gender_identity": pairs(choices.GENDER_IDENTITY),
        "ethnicity": pairs(choices.ETHNICITY),
        "race": pairs(choices.RACE),
        "way": pairs(choices.WAY),
        "use": pairs(choices.USE),
        "support": pairs(choices.SUPPORT),
        "legal_role": pairs(choices.LEGAL_ROLE),
        "part": pairs(choices.CARE_TEAM_PART),
    }


# --- one person ---------------------------------------------------------------------------------------------


async def header_of(db: Db, actor: Actor, patient: Patient, on: date) -> dict[str, Any]:
    """The header that stays on every page about a person. See components/people.html."""
    ids = [patient.id]
    ways = (await chart.contact_ways(db, actor, ids)).get(patient.id, [])
    team = (await chart.care_team(db, actor, ids)).get(patient.id, [])
    supports = (await chart.supports(db, actor, ids)).get(patient.id, [])
    reach = patient.confidential_contact
    if not reach and ways:
        best = ways[0]
        reach = phone(best.value) + (f" ({best.use})" if best.use else "")
        if best.best_time:
            reach = f"{reach}: {best.best_time.rstrip('.')}"
        if patient.contact_notes:
            reach = f"{reach}. {patient.contact_notes}"
    care = (await in_care_of(db, actor, ids)).get(patient.id)
    signs: list[tuple[str, ...]] = []
    if patient.confidential_contact:
        signs.append((say("Reach this way only"), "soon", "lock"))
    if patient.interpreter_needed:
        signs.append((say("Interpreter"), "plain", "language"))
    if patient.deceased_on:
        signs.append((say("Died %(day)s", day=day(patient.deceased_on)), "plain", "heart"))
    return {
        "name": f"{patient.given_names} {patient.family_name}".strip(),
        "preferred": f"{called(patient)} {patient.family_name}" if patient.preferred_name else "",
        "age": say(
            "%(age)s years, born %(day)s",
            age=age(patient.birth_date, patient.deceased_on or on),
            day=day(patient.birth_date),
        ),
        "pronouns": patient.pronouns,
        "language": say(choices.LANGUAGE.get(patient.language, patient.language)) if patient.language else "",
        "interpreter": patient.interpreter_needed,
        "reach": reach,
        "team": ", ".join(
            f"{m.name} ({say(choices.CARE_TEAM_PART.get(m.part, m.part)).lower()})" for m in team[:3]
        ),
        "care": care_words(care) if care else "",
        "in_care": care is not None and care.ended_on is None,
        "supports": ", ".join(
            f"{s.name}{', ' + s.relationship_words if s.relationship_words else ''}" for s in supports[:3]
        ),
        "record_number": patient.record_number,
        "href": f"/people/{patient.id}",
        "signs": signs,
    }


def care_words(care: InCare) -> str:
    """Who cares for them, since when; or until when somebody did."""
    whom = care.staff_name or care.practitioner_name or ""
    if care.ended_on is not None:
        return say(
            "In care management until %(day)s; the practice looks after them since", day=day(care.ended_on)
        )
    if whom:
        return say("In care management with %(whom)s since %(day)s", whom=whom, day=day(care.since))
    return say("In care management since %(day)s", day=day(care.since))


@page.get("/people/{id:str}", permission="patients.read")
async def person(visit: Visit) -> Answer:
    """One person: what matters to them first, then their plan, their days, their chart."""
    from web.pages.person_sections import sections_of
    from web.pages.referrals import referral_section

    id = visit.id("id", "patient")
    actor = visit.actor
    async with tenant_db(actor, read_only=True) as db:
        patient = await patient_for(db, actor, id)
        given: dict[str, Any] = {
            "person": await header_of(db, actor, patient, visit.today),
            "patient_id": str(id),
            "name": called(patient),
            "coverages": (await chart.coverages(db, actor, [id])).get(id, []),
            "supports": (await chart.supports(db, actor, [id])).get(id, []),
            "choices": _words(),
            "also": await also_on_file_as(db, actor, id),
        }
        if actor.may("chart.read"):
            given["story"] = (await chart.stories(db, actor, [id])).get(id)
            given["diagnoses"] = [
                d for d in (await chart.diagnoses(db, actor, [id])).get(id, []) if d.to_on is None
            ]
            given["conditions"] = (await chart.conditions(db, actor, [id])).get(id, [])
            given["medications"] = (await chart.medications(db, actor, [id])).get(id, [])
            given["allergies"] = (await chart.allergies(db, actor, [id])).get(id, [])
            given["results"] = (await chart.latest_results(db, actor, [id], most=12)).get(id, [])
        given |= await sections_of(db, actor, patient)
        given |= await referral_section(db, visit, id)
    in_a_program = any(program["open"] for program in given.get("programs", ()))
    given["timer_starts"] = (
        visit.timer is not None
        and visit.timer["start"] == "automatic"
        and in_a_program
        and patient.deceased_on is None
    )
    return visit.show("people/person.html", **given)


def _words() -> dict[str, dict[str, str]]:
    return {"support": dict(pairs(choices.SUPPORT)), "legal_role": dict(pairs(choices.LEGAL_ROLE))}


@page.get("/people/{id:str}/story", permission="story.write")
async def story_form(visit: Visit) -> Answer:
    id = visit.id("id", "patient")
    async with tenant_db(visit.actor, read_only=True) as db:
        patient = await patient_for(db, visit.actor, id)
        head = await header_of(db, visit.actor, patient, visit.today)
        told = (await chart.stories(db, visit.actor, [id])).get(id)
    values = {"what_matters": told.what_matters, "story": told.story, "told_by": told.told_by} if told else {}
    return visit.show(
        "people/story.html", person=head, patient_id=str(id), name=called(patient), values=values
    )


@page.post("/people/{id:str}/story", permission="story.write")
async def story_saved(visit: Visit) -> Answer:
    id = visit.id("id", "patient")
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await save_story(
                db,
                visit.actor,
                id,
                what_matters=text_in(form, "what_matters", 10_000),
                story=form.get("story", ""),
                told_by=text_in(form, "told_by", 200),
            )
    except Refused as refused:
        if refused.code == "NOT_FOUND":
            raise
        async with tenant_db(visit.actor, read_only=True) as db:
            patient = await patient_for(db, visit.actor, id)
            head = await header_of(db, visit.actor, patient, visit.today)
        return visit.again(
            "people/story.html", refused, person=head, patient_id=str(id), name=called(patient), values=form
        )
    return visit.go(f"/people/{id}", said=say("Saved. What was said before is kept."))
