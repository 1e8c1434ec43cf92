"""Mending what is known of a person: details, ways to reach them, supports, care team, insurance; and the chart."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields as fields_of
from typing import Any
from uuid import UUID

from carewright_plugin_api.facts import local_day
from sqlalchemy import select

from server.claims.usual_site import set_usual_site, usual_site_of
from server.errors import Refused, not_found
from server.ids import parse_id
from server.patients import chart
from server.patients.coverages import Subscriber, add_coverage, change_subscriber, end_coverage
from server.patients.details import (
    PatientChanges,
    add_care_team_member,
    add_contact_way,
    add_support_person,
    change_patient,
    end_care_team_member,
    end_contact_way,
    end_support_person,
    set_address,
)
from server.patients.diagnoses import choose_diagnosis, end_diagnosis, find_codes
from server.patients.gate import patient_for
from server.patients.result_series import result_series
from server.patients.tables import RELATIONSHIPS, Patient
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.tenants.sites import list_sites
from server.tenants.tables import Payer, Staff
from server.words import N_, say
from web.charts import Value, run_chart
from web.pages.people import _choices, header_of
from web.rendering import called
from web.site import Answer, Visit, page
from web.typed import beside, day_in, day_or_none, id_chosen, number_in, pairs, text_in

Form = dict[str, str]
Act = Callable[[Db, Actor, UUID, Form], Awaitable[Any]]
_SEXES = {"female": N_("Female"), "male": N_("Male"), "unknown": N_("Unknown")}


# --- details ------------------------------------------------------------------------------------------------


@page.get("/people/{id:str}/details", permission="patients.write")
async def details(visit: Visit) -> Answer:
    return await _details(visit)


async def _details(visit: Visit, refused: Refused | None = None, typed: Form | None = None) -> Answer:
    """sent: which of the page's forms was refused, as the last of its address."""
    id, sent = visit.id("id", "patient"), visit.request.url.path.rpartition("/")[2]
    actor = visit.actor
    async with tenant_db(actor, read_only=True) as db:
        patient = await patient_for(db, actor, id, permission="patients.write")
        given: dict[str, Any] = {
            "person": await header_of(db, actor, patient, visit.today),
            "patient_id": str(id),
            "name": called(patient),
            "choices": _choices(),
            "words": {name: dict(offered) for name, offered in _choices().items()},
            "patient": _values(patient),
            "ways": (await chart.contact_ways(db, actor, [id])).get(id, []),
            "addresses": (await chart.addresses(db, actor, [id])).get(id, []),
            "supports": (await chart.supports(db, actor, [id])).get(id, []),
            "team": (await chart.care_team(db, actor, [id])).get(id, []),
            "coverages": (await chart.coverages(db, actor, [id])).get(id, []),
            "relationships": pairs(RELATIONSHIPS | {"self": N_("The holder themselves")}),
            "sexes": pairs(_SEXES),
            "usual_site": await usual_site_of(db, actor, id, visit.today),
            "sites": [(str(one.id), one.name) for one in await list_sites(db, actor)],
            "payers": [
                (str(row.id), row.name)
                for row in await db.execute(
                    select(Payer.id, Payer.name).where(Payer.active).order_by(Payer.name)
                )
            ],
            "staff": [
                (str(row.id), row.name)
                for row in await db.execute(
                    select(Staff.id, Staff.name).where(Staff.active).order_by(Staff.name)
                )
            ],
        }
    if refused is not None:
        return visit.again("people/details.html", refused, typed=typed or {}, sent=sent, **given)
    return visit.show("people/details.html", typed={}, sent="", **given)


def _values(patient: Patient) -> dict[str, Any]:
    found = {f.name: getattr(patient, f.name) for f in fields_of(PatientChanges)}
    found["revision"] = patient.revision
    for name in ("birth_date", "deceased_on"):
        found[name] = found[name].isoformat() if found[name] else ""
    return found


@page.post("/people/{id:str}/details", permission="patients.write")
async def details_saved(visit: Visit) -> Answer:
    races = await visit.many("races")

    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        text = (
            "family_name", "given_names", "preferred_name", "sex", "gender_identity", "pronouns", "ethnicity",
            "language", "contact_notes", "confidential_contact",
        )  # fmt: skip
        changes = PatientChanges(
            **{name: text_in(form, name) for name in text},
            races=races,
            birth_date=day_in(form, "birth_date"),
            interpreter_needed=form.get("interpreter_needed") == "yes",
            deceased_on=day_or_none(form, "deceased_on"),
        )
        await change_patient(db, actor, id, changes, revision=number_in(form, "revision"))

    return await _do(visit, act, say("Saved."))


async def _do(
    visit: Visit, act: Act, said: str, *, back: str = "details", fields: Mapping[str, str] | None = None
) -> Answer:
    """Run one small form of a person's page; refused, the page comes back with what was typed. fields: what the action
    calls them -> what the form does, where that differs."""
    id = visit.id("id", "patient")
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await act(db, visit.actor, id, form)
    except Refused as refused:
        if refused.code in {"NOT_FOUND", "NOT_ALLOWED"}:
            raise
        refused = beside(refused, fields or {})
        return await (
            _details(visit, refused, form) if back == "details" else _diagnoses(visit, refused, form)
        )
    return visit.go(f"/people/{id}/{back}", said=said)


def _uuid(form: Form, name: str, what: str) -> UUID:
    id = parse_id(form.get(name, ""))
    if id is None:
        raise not_found(what)
    return id


@page.post("/people/{id:str}/contact-ways", permission="patients.write")
async def contact_way_added(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await add_contact_way(
            db, actor, id, kind=form.get("kind", ""), value=text_in(form, "value", 200), use=text_in(form, "use", 40),
            message_ok=form.get("message_ok") == "yes", note=text_in(form, "note", 200),
            best_time=text_in(form, "best_time", 200),
        )  # fmt: skip

    return await _do(visit, act, say("Added."))


@page.post("/people/{id:str}/contact-ways/end", permission="patients.write")
async def contact_way_ended(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await end_contact_way(db, actor, id, _uuid(form, "which", "way to reach them"))

    return await _do(visit, act, say("No longer used."))


@page.post("/people/{id:str}/address", permission="patients.write")
async def address_set(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await set_address(
            db, actor, id, street=text_in(form, "street", 200), city=text_in(form, "city", 100),
            state=text_in(form, "state", 40), zip=text_in(form, "zip", 20),
        )  # fmt: skip

    return await _do(visit, act, say("Saved. The address before is kept."))


@page.post("/people/{id:str}/usual-site", permission="patients.write")
async def usual_site_set(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        site_id = id_chosen(form, "site", "site")
        await set_usual_site(db, actor, id, site_id, from_on=day_or_none(form, "seen_from"))

    return await _do(visit, act, say("Saved. Claims name it from that day on."))


@page.post("/people/{id:str}/supports", permission="patients.write")
async def support_added(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        if not form.get("name"):
            raise Refused("NAME_NEEDED", say("Who is it?"), say("Write a name."), "name")
        await add_support_person(
            db, actor, id, name=text_in(form, "name", 200), kind=form.get("kind", ""),
            relationship_words=text_in(form, "relationship", 100), legal_role=form.get("legal_role", ""),
            phone=text_in(form, "phone", 40), may_discuss=text_in(form, "may_discuss"),
            helps_with=text_in(form, "helps_with"),
        )  # fmt: skip

    return await _do(visit, act, say("Added."))


@page.post("/people/{id:str}/supports/end", permission="patients.write")
async def support_ended(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await end_support_person(db, actor, id, _uuid(form, "which", "support person"))

    return await _do(visit, act, say("Taken off the list."))


@page.post("/people/{id:str}/team", permission="patients.write")
async def team_added(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        staff_id = id_chosen(form, "staff_id", "person on the staff")
        await add_care_team_member(
            db, actor, id, part=form.get("part", ""), staff_id=staff_id, name=text_in(form, "name", 200)
        )

    return await _do(visit, act, say("Added to the care team."))


@page.post("/people/{id:str}/team/end", permission="patients.write")
async def team_ended(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await end_care_team_member(db, actor, id, _uuid(form, "which", "care team member"))

    return await _do(visit, act, say("No longer on the care team."))


@page.post("/people/{id:str}/coverages", permission="patients.write")
async def coverage_added(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        benefit = {"yes": True, "no": False}.get(form.get("care_management_benefit", ""))
        await add_coverage(
            db, actor, id, payer_id=_uuid(form, "payer_id", "payer"), from_on=day_in(form, "from_on"),
            to_on=day_or_none(form, "to_on"), member_id=text_in(form, "member_id", 60),
            product=text_in(form, "product", 60), rank=2 if form.get("rank") == "2" else 1,
            group_number=form.get("group_number", ""), subscriber=_subscriber(form),
            replaces_part_b=form.get("replaces_part_b") == "yes",
            qualified_beneficiary=form.get("qualified_beneficiary") == "yes", care_management_benefit=benefit,
        )  # fmt: skip

    return await _do(visit, act, say("Insurance added."))


def _subscriber(form: Form) -> Subscriber | None:
    """Whoever holds the policy, if it is somebody else."""
    relationship, family = form.get("relationship", "self"), form.get("subscriber_family_name", "")
    if relationship == "self":
        if family.strip():
            raise Refused(
                "SUBSCRIBER_IS_SELF",
                say(
                    "%(family)s is written as whoever holds the policy, and the list says it is their own.",
                    family=family[:60],
                ),
                say("Choose what they are to that person, or take the name away."),
                "relationship",
            )
        return None
    born = day_or_none(form, "subscriber_birth_date")
    given = form.get("subscriber_given_names", "")
    return Subscriber(relationship, family, given, born, form.get("subscriber_sex", ""))


@page.post("/people/{id:str}/coverages/card", permission="patients.write")
async def card_corrected(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await change_subscriber(
            db, actor, id, _uuid(form, "which", "coverage"), member_id=form.get("member_id", ""),
            group_number=form.get("group_number", ""), subscriber=_subscriber(form),
        )  # fmt: skip

    return await _do(visit, act, say("Saved."))


@page.post("/people/{id:str}/coverages/end", permission="patients.write")
async def coverage_ended(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await end_coverage(db, actor, id, _uuid(form, "which", "coverage"), day_in(form, "last_day"))

    return await _do(visit, act, say("Saved."), fields={"to_on": "last_day"})


# --- codes for claims ---------------------------------------------------------------------------------------


@page.get("/people/{id:str}/diagnoses", permission="diagnoses.write")
async def diagnoses(visit: Visit) -> Answer:
    return await _diagnoses(visit)


async def _diagnoses(visit: Visit, refused: Refused | None = None, typed: Form | None = None) -> Answer:
    id = visit.id("id", "patient")
    actor = visit.actor
    async with tenant_db(actor, read_only=True) as db:
        patient = await patient_for(db, actor, id)
        given: dict[str, Any] = {
            "person": await header_of(db, actor, patient, visit.today),
            "patient_id": str(id),
            "name": called(patient),
            "chosen": (await chart.diagnoses(db, actor, [id])).get(id, []),
            "hints": (await chart.conditions(db, actor, [id])).get(id, []) if actor.may("chart.read") else [],
        }
    if refused is not None:
        return visit.again("people/diagnoses.html", refused, values=typed or {}, **given)
    return visit.show("people/diagnoses.html", **given)


@page.post("/people/{id:str}/diagnoses", permission="diagnoses.write")
async def diagnosis_chosen(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        code = form.get("code") or form.get("q", "").partition(" ")[0]
        await choose_diagnosis(
            db, actor, id, code=code[:20], chronic=form.get("chronic") == "yes",
            from_on=day_or_none(form, "from_on"),
        )  # fmt: skip

    return await _do(visit, act, say("Added."), back="diagnoses")


@page.post("/people/{id:str}/diagnoses/end", permission="diagnoses.write")
async def diagnosis_ended(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await end_diagnosis(db, actor, id, _uuid(form, "which", "diagnosis"))

    return await _do(visit, act, say("Ended today; earlier months keep it."), back="diagnoses")


@page.get("/codes", permission="diagnoses.write")
async def codes(visit: Visit) -> Answer:
    """Codes for the search box: no person's words, only what a code is called."""
    async with tenant_db(visit.actor, read_only=True) as db:
        rows = await find_codes(db, visit.actor, visit.query("q")[:80], limit=12)
    return visit.fragment("people/codes.html", rows=rows)


# --- everything in the chart --------------------------------------------------------------------------------


@page.get("/people/{id:str}/chart", permission="chart.read")
async def whole_chart(visit: Visit) -> Answer:
    id = visit.id("id", "patient")
    actor = visit.actor
    async with tenant_db(actor, read_only=True) as db:
        patient = await patient_for(db, actor, id)
        head = await header_of(db, actor, patient, visit.today)
        parts = [
            (title, (await load(db, actor, [id])).get(id, []))
            for title, load in (
                (say("Problems"), chart.conditions),
                (say("Medicines"), chart.medications),
                (say("Allergies"), chart.allergies),
                (say("Newest results"), chart.latest_results),
                (say("Visits"), chart.visits),
                (say("Stays"), chart.stays),
                (say("Procedures and immunizations"), chart.procedures),
            )
        ]
        runs = [
            {
                "title": one.label,
                "unit": one.unit,
                "chart": run_chart([Value(local_day(at, actor.zone), value) for at, value in one.values]),
            }
            for one in await result_series(db, actor, id)
        ]
    return visit.show(
        "people/chart.html", person=head, patient_id=str(id), name=called(patient), parts=parts, runs=runs
    )
