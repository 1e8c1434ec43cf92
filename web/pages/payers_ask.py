"""What payers ask about beside minutes: visits with a practitioner, how hard the decisions were, services billed
elsewhere, and statements that something is in place; each with why it is asked."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from carewright_plugin_api.facts import Coverage

from server.enrollment.gate import other_service_for, practitioner_visit_for
from server.enrollment.prerequisites import (
    NewPractitionerVisit,
    attest,
    record_decision_level,
    record_other_service,
    record_practitioner_visit,
    withdraw_other_service,
    withdraw_practitioner_visit,
)
from server.enrollment.queries import (
    attestations_of,
    decision_levels_of,
    enrollments_of,
    other_services_of,
    visits_of,
)
from server.enrollment.tables import LEVELS, PROGRAMS, VISIT_KINDS
from server.errors import Refused, not_found
from server.patients import chart
from server.plugin_host.discover import Loaded, plugins
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import say
from web.pages.person_sections import person_frame, practitioners
from web.site import Answer, Visit, page
from web.typed import Form, day_in, id_chosen, pairs, text_in

Act = Callable[[Db, Actor, UUID, Form], Awaitable[Any]]
#: an element that is answered by a record of its own -> where that record is kept
_KEPT: Final = {
    "consent": "consent/{program}",
    "conditions": "diagnoses",
    "care_plan": "plan?program={program}",
    "initiating_visit": "payers-ask#visits",
    "care_management_benefit": "details#insurance",
}
_OF_THE_TEAM: Final = {"training"}


@page.get("/people/{id:str}/payers-ask", permission="enrollment.read")
async def asked(visit: Visit) -> Answer:
    return await _asked(visit)


async def _asked(visit: Visit, refused: Refused | None = None, typed: Form | None = None) -> Answer:
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        enrolled = [
            row.program for row in (await enrollments_of(db, actor, [id])).get(id, []) if row.ended_on is None
        ]
        covers = (await chart.coverages(db, actor, [id])).get(id, [])
        attested = (await attestations_of(db, actor, [id])).get(id, [])
        on = visit.today
        given |= {
            "visits": (await visits_of(db, actor, [id])).get(id, []),
            "levels": (await decision_levels_of(db, actor, [id])).get(id, []),
            "others": (await other_services_of(db, actor, [id])).get(id, []),
            "practitioners": await practitioners(db, billing=False),
        }
    asking = _owners(covers) or list(plugins().loaded)
    newest: dict[str, Any] = {}
    for row in attested:
        newest.setdefault(row.element, row)
    given |= {
        "payers": [
            {
                "label": ", ".join(kind.label for kind in one.manifest.payers),
                "program": say(PROGRAMS[program]),
                "documents": [
                    _document(document, program, id, newest.get(document.element)) for document in documents
                ],
            }
            for one in asking
            for program in (enrolled or PROGRAMS)
            if (documents := one.rules.required_documents(program, on))
        ],
        "programs": pairs(PROGRAMS, only=enrolled or PROGRAMS),
        "program_titles": dict(pairs(PROGRAMS)),
        "visit_kinds": pairs(VISIT_KINDS),
        "kind_words": dict(pairs(VISIT_KINDS)),
        "level_choices": pairs(LEVELS),
        "level_words": dict(pairs(LEVELS)),
        "start": {
            "on": on.isoformat(),
            "month": f"{on:%Y-%m}",
            "program": enrolled[0] if enrolled else "",
        },
        "which": (typed or {}).get("which", ""),
    }
    if refused is not None:
        return visit.again("enrollment/payers_ask.html", refused, values=typed or {}, **given)
    return visit.show("enrollment/payers_ask.html", **given)


def _owners(covers: list[chart.CoverageRow]) -> list[Loaded]:
    """The plugins that speak for this person's payers, each once."""
    found: dict[str, Loaded] = {}
    for row in covers:
        coverage = Coverage(
            id=str(row.id),
            payer=row.payer_kind or row.payer_name,
            product=row.product,
            starts_on=row.from_on,
            ends_on=row.to_on,
            rank=row.rank,
        )
        if owner := plugins().owner_of(coverage):
            found[owner.name] = owner
    return list(found.values())


def _document(document: Any, program: str, id: UUID, said: Any) -> dict[str, Any]:
    kept = _KEPT.get(document.element)
    return {
        "element": document.element,
        "label": document.label,
        "sentence": document.sentence if document.sentence.rstrip(".") != document.label else "",
        "source": document.citations[0].title if document.citations else "",
        "href": f"/people/{id}/{kept.format(program=program)}" if kept else "",
        "of_the_team": document.element in _OF_THE_TEAM,
        "said": said,
    }


async def _do(visit: Visit, act: Act, said: str, which: str) -> Answer:
    id, form = visit.id("id", "patient"), await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await act(db, visit.actor, id, form)
    except Refused as refused:
        return await _asked(visit, refused, {**form, "which": which})
    return visit.go(f"/people/{id}/payers-ask#{which}", said)


@page.post("/people/{id:str}/visits", permission="enrollment.write")
async def visit_recorded(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        new = NewPractitionerVisit(
            kind=form.get("kind", ""),
            visited_on=day_in(form, "visited_on"),
            practitioner_id=id_chosen(form, "practitioner_id", "colleague"),
            initiating_for=form.get("initiating_for", ""),
            care_planning_by_practitioner=form.get("care_planning") == "yes",
        )
        await record_practitioner_visit(db, actor, id, new)

    return await _do(visit, act, say("The visit is written down."), "visits")


@page.post("/people/{id:str}/visits/{which:str}/withdraw", permission="enrollment.write")
async def visit_withdrawn(visit: Visit) -> Answer:
    which = visit.id("which", "visit")

    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        row = await practitioner_visit_for(db, actor, which)
        _of(row.patient_id, id, "visit")
        await withdraw_practitioner_visit(db, actor, which, reason=text_in(form, "reason"))

    return await _do(visit, act, say("Taken back. It stays in the list and says so."), "visits")


@page.post("/people/{id:str}/decision-levels", permission="enrollment.write")
async def level_recorded(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await record_decision_level(
            db,
            actor,
            id,
            program=form.get("program", ""),
            month=text_in(form, "month", 10),
            level=form.get("level", ""),
        )

    return await _do(visit, act, say("Written down."), "decisions")


@page.post("/people/{id:str}/other-services", permission="enrollment.write")
async def other_recorded(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        await record_other_service(
            db,
            actor,
            id,
            code=form.get("code", ""),
            on_date=day_in(form, "on_date"),
            practitioner_id=id_chosen(form, "practitioner_id", "colleague"),
            note=text_in(form, "note"),
        )

    return await _do(visit, act, say("Written down."), "elsewhere")


@page.post("/people/{id:str}/other-services/{which:str}/withdraw", permission="enrollment.write")
async def other_withdrawn(visit: Visit) -> Answer:
    which = visit.id("which", "service")

    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        row = await other_service_for(db, actor, which)
        _of(row.patient_id, id, "service")
        await withdraw_other_service(db, actor, which, reason=text_in(form, "reason"))

    return await _do(visit, act, say("Taken back. It stays in the list and says so."), "elsewhere")


@page.post("/people/{id:str}/attestations", permission="enrollment.write")
async def attested_to(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, id: UUID, form: Form) -> None:
        if form.get("met") not in {"yes", "no"}:
            raise Refused("ANSWER_NEEDED", say("Is it in place?"), say("Choose yes or no."), "met")
        if form.get("holds_for") not in {"person", "practice"}:
            raise Refused(
                "WHOM_NEEDED", say("For this person, or for everybody here?"), say("Choose one."), "holds_for"
            )
        await attest(
            db,
            actor,
            element=form.get("element", ""),
            met=form["met"] == "yes",
            on_date=day_in(form, "on_date", default=visit.today),
            note=text_in(form, "note"),
            patient_id=id if form["holds_for"] == "person" else None,
        )

    return await _do(visit, act, say("Written down."), "in-place")


def _of(patient_id: UUID, id: UUID, what: str) -> None:
    if patient_id != id:
        raise not_found(what)
