"""The care plan: written together, version after version; read, printed to take home, its copies remembered."""

from typing import Any, Final
from uuid import UUID

from server.enrollment.queries import enrollments_of
from server.enrollment.tables import PROGRAMS
from server.errors import Refused, not_found
from server.patients import chart
from server.plans.actions import NewPlan, record_copy_given, write_plan
from server.plans.queries import PlanVersionRow, plan_copies_of, plan_versions_of
from server.plans.tables import WAYS
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import N_, reads, say
from web.pages.papers import calls_of, handed
from web.pages.person_sections import person_frame
from web.site import Answer, Visit, page
from web.typed import day_in, day_or_none, number_in, pairs, text_in

#: the plan's parts in the order a person reads them
PARTS: Final = (
    ("goals", N_("Goals")),
    ("steps", N_("Next steps, and who takes them")),
    ("supports", N_("Who and what helps")),
    ("medicines", N_("Medicines")),
    ("problems", N_("What it is about")),
    ("expected", N_("What we hope for")),
)
_TEXTS: Final = tuple(name for name, _ in PARTS)


@page.get("/people/{id:str}/plan", permission="chart.read")
async def plans(visit: Visit) -> Answer:
    """Every version, the newest of each program first."""
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        versions = (await plan_versions_of(db, actor, [id])).get(id, [])
        copies = await plan_copies_of(db, actor, [v.id for v in versions]) if versions else {}
    return visit.show(
        "plan/versions.html", versions=versions, copies=copies, titles=dict(pairs(PROGRAMS)), **given
    )


@page.get("/people/{id:str}/plan/new", permission="plans.write")
async def plan_form(visit: Visit) -> Answer:
    """The next version, beginning from what the last one says."""
    program = visit.query("program")
    given = await _form_page(visit, program)
    before: PlanVersionRow | None = given["before"]
    values: dict[str, Any] = {"dated_on": visit.today.isoformat(), "program": given["program"]}
    if before is not None:
        values |= {name: getattr(before, name) for name in _TEXTS}
    values["based_on"] = before.number if before else 0
    return visit.show("plan/write.html", values=values, **given)


@page.post("/people/{id:str}/plan", permission="plans.write")
async def plan_written(visit: Visit) -> Answer:
    id, form = visit.id("id", "patient"), await visit.form()
    try:
        new = NewPlan(
            program=form.get("program", ""),
            dated_on=day_in(form, "dated_on"),
            review_on=day_or_none(form, "review_on"),
            substantially_revised=form.get("substantially_revised") == "yes",
            based_on=number_in(form, "based_on"),
            **{name: form.get(name, "") for name in _TEXTS},
        )
        async with tenant_db(visit.actor) as db:
            version = await write_plan(db, visit.actor, id, new)
    except Refused as refused:
        given = await _form_page(visit, form.get("program", ""))
        before: PlanVersionRow | None = given["before"]
        typed = form
        moved = refused.code == "PLAN_MOVED_ON"
        if moved and before is not None:
            # The newer version is shown beside what was typed; seen, it is what the next save starts from.
            typed = form | {"based_on": str(before.number)}
        return visit.again("plan/write.html", refused, values=typed, moved=moved, **given)
    return visit.go(
        f"/people/{id}/plan/{version.id}", say("Written. Print it, or write down that a copy was given.")
    )


async def _form_page(visit: Visit, program: str) -> dict[str, Any]:
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id, permission="plans.write")
        versions = (await plan_versions_of(db, actor, [id])).get(id, [])
        open_ones = [e.program for e in (await enrollments_of(db, actor, [id])).get(id, []) if not e.ended_on]
        told = (await chart.stories(db, actor, [id])).get(id)
    chosen = program if program in PROGRAMS else next(iter([*open_ones, *PROGRAMS]))
    return given | {
        "before": next((v for v in versions if v.program == chosen), None),
        "program": chosen,
        "programs": pairs(PROGRAMS),
        "titles": dict(pairs(PROGRAMS)),
        "parts": [(name, say(words)) for name, words in PARTS],
        "matters": told.what_matters if told else "",
    }


@page.get("/people/{id:str}/plan/{version:str}", permission="chart.read")
async def plan(visit: Visit) -> Answer:
    given = await _plan_page(visit)
    return visit.show("plan/one.html", values=given["start"], **given)


@page.post("/people/{id:str}/plan/{version:str}/copies", permission="plans.write")
async def copy_given(visit: Visit) -> Answer:
    id, version_id = visit.id("id", "patient"), visit.id("version", "plan")
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await _version(db, visit.actor, id, version_id)
            await record_copy_given(
                db,
                visit.actor,
                version_id,
                given_on=day_in(form, "given_on"),
                how=form.get("how", ""),
                to_whom=text_in(form, "to_whom", 200),
            )
    except Refused as refused:
        given = await _plan_page(visit)
        return visit.again("plan/one.html", refused, values=form, **given)
    return visit.go(f"/people/{id}/plan/{version_id}", say("Written down: a copy was given."))


@page.get("/people/{id:str}/plan/{version:str}/home", permission="chart.read")
async def plan_to_take_home(visit: Visit) -> Answer:
    """Two pages at most, large, their words first, who to call, no codes."""
    given = await _plan_page(visit)
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        calls = await calls_of(db, actor)
        team = (await chart.care_team(db, actor, [id])).get(id, [])
        told = (await chart.stories(db, actor, [id])).get(id)
    language = reads(visit.query("lang") or given["patient_language"])
    here = f"/people/{id}/plan/{given['version'].id}"
    return handed(
        visit,
        "plan.html",
        language,
        given=given,
        at=f"{here}/home",
        back=here,
        note=""
        if language == "en"
        else say("Only headings and dates change: what you wrote together stays in your own words."),
        version=given["version"],
        matters=told.what_matters if told else "",
        team=[member.name for member in team],
        calls=calls,
    )


async def _version(db: Db, actor: Actor, id: UUID, version_id: UUID) -> PlanVersionRow:
    versions = (await plan_versions_of(db, actor, [id])).get(id, [])
    found = next((v for v in versions if v.id == version_id), None)
    if found is None:
        raise not_found("plan")
    return found


async def _plan_page(visit: Visit) -> dict[str, Any]:
    id, version_id, actor = visit.id("id", "patient"), visit.id("version", "plan"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        version = await _version(db, actor, id, version_id)
        newest = next(
            v for v in (await plan_versions_of(db, actor, [id]))[id] if v.program == version.program
        )
        copies = (await plan_copies_of(db, actor, [version_id])).get(version_id, [])
    return given | {
        "version": version,
        "newest": newest,
        "title": say(PROGRAMS[version.program]),
        "said": [(say(words), getattr(version, name)) for name, words in PARTS],
        "copies": copies,
        "ways": pairs(WAYS),
        "way_words": dict(pairs(WAYS)),
        "start": {"given_on": visit.today.isoformat(), "to_whom": given["name"]},
    }
