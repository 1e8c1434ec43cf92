"""What other rooms add to the page of a person: programs and consent, the plan, the diary, the composer."""

from typing import Any, Final
from uuid import UUID

from carewright_plugin_api.facts import local_day
from sqlalchemy import select

from server.encounters.tables import KINDS, OUTCOMES
from server.enrollment.consent import ConsentRow, live, standing
from server.enrollment.queries import EnrollmentRow, consents_of, enrollments_of
from server.enrollment.tables import PROGRAMS, STATUSES
from server.minutes.tables import ACTIVITIES
from server.patients import chart
from server.patients.gate import patient_for
from server.patients.tables import Patient
from server.plans.queries import plan_copies_of, plan_versions_of
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff
from server.words import N_, listed, say
from web.pages.diary import diary_of
from web.pages.drafts import opened_draft, writing_said
from web.rendering import called, clock, day
from web.site import Visit
from web.typed import pairs

#: what was told before a consent -> the words within a sentence
TOLD_SHORT: Final = {
    "availability": N_("what it offers"),
    "cost_share": N_("the cost"),
    "one_practitioner": N_("one practitioner at a time"),
    "right_to_stop": N_("how to stop"),
}
_NEWEST = 12


async def person_frame(
    db: Db, visit: Visit, id: UUID, *, permission: str = "patients.read"
) -> dict[str, Any]:
    """What every page about one person is given: the header that stays, the id, what to call them."""
    from web.pages.people import header_of

    patient = await patient_for(db, visit.actor, id, permission=permission)
    return {
        "person": await header_of(db, visit.actor, patient, visit.today),
        "patient_id": str(id),
        "name": called(patient),
        "patient_language": patient.language,
    }


async def sections_of(db: Db, actor: Actor, patient: Patient) -> dict[str, Any]:
    """Values for templates/people/_care.html and _composer.html."""
    from web.pages.assessments import latest_said
    from web.pages.tasks import tasks_said

    id = patient.id
    given: dict[str, Any] = {}
    enrollments: list[EnrollmentRow] = []
    if actor.may("enrollment.read"):
        enrollments = (await enrollments_of(db, actor, [id])).get(id, [])
        log = (await consents_of(db, actor, [id])).get(id, [])
        given["programs"] = programs_said(enrollments, log, actor.zone)
        given["may_join"] = [
            p for p in PROGRAMS if p not in {e.program for e in enrollments if not e.ended_on}
        ]
    if actor.may("chart.read"):
        given["plans"] = await plans_said(db, actor, id)
        given["tasks"] = await tasks_said(db, actor, patient)
        given |= await latest_said(db, actor, id)
    if actor.may("encounters.read"):
        given["diary"], given["older"] = await diary_of(db, actor, id, limit=_NEWEST)
    if actor.may("encounters.write"):
        given["composer"] = await composer_of(
            db, actor, id, [e.program for e in enrollments if not e.ended_on]
        )
        given["draft"], row = await opened_draft(db, actor, id)
        given["composer"]["start"] |= row.fields if row else {}
        given["writing"] = await writing_said(db, actor, id)
    return given


def programs_said(enrollments: list[EnrollmentRow], log: list[ConsentRow], zone: str) -> list[dict[str, Any]]:
    """Each program this person is in or has answered to, in sentences."""
    from server.clock import now, today

    at, on = now(), today(zone)
    shown = []
    for program, title in PROGRAMS.items():
        mine = [e for e in enrollments if e.program == program]
        current = next((e for e in mine if e.ended_on is None), mine[0] if mine else None)
        said = [row for row in live(log) if row.program == program and row.at <= at]
        if current is None and not said:
            continue
        stands = standing(log, program, at)
        shown.append(
            {
                "program": program,
                "title": say(title),
                "open": current is not None and current.ended_on is None,
                "paused": current is not None and current.status == "paused",
                "status": _status_words(current),
                "rhythm": current.contact_frequency if current else "",
                "consent": consent_words(said[-1], zone) if said else say("Not asked yet."),
                "in_force": stands.in_force(),
                "ends": day(stands.ends_at.date()) if stands.ends_at else "",
                "may_ask": stands.may_ask(on),
            }
        )
    return shown


def _status_words(enrollment: EnrollmentRow | None) -> str:
    if enrollment is None:
        return ""
    began, name = day(enrollment.started_on), enrollment.practitioner_name
    if enrollment.ended_on is not None:
        return say("Took part from %(began)s until %(ended)s.", began=began, ended=day(enrollment.ended_on))
    status = say(STATUSES[enrollment.status])
    if enrollment.status == "paused" and name:
        return say("%(status)s; began on %(began)s, with %(name)s.", status=status, began=began, name=name)
    if enrollment.status == "paused":
        return say("%(status)s; began on %(began)s.", status=status, began=began)
    if name:
        return say("%(status)s since %(began)s, with %(name)s.", status=status, began=began, name=name)
    return say("%(status)s since %(began)s.", status=status, began=began)


def consent_words(row: ConsentRow, zone: str) -> str:
    """One row of the log of consents in a sentence or two."""
    on = day(local_day(row.at, zone))
    name = "" if row.given_by == "patient" else row.given_by
    if row.kind == "refused":
        said = (
            say("Said no on %(day)s by %(name)s.", day=on, name=name)
            if name
            else say("Said no on %(day)s.", day=on)
        )
        again = (
            say("We may ask again from %(day)s.", day=day(row.ask_again_on))
            if row.ask_again_on
            else say("We do not ask again.")
        )
        return f"{said} {again}"
    if row.kind == "revoked":
        return _taken_back(on, name, day(local_day(row.effective_at, zone)) if row.effective_at else "")
    how = say("signed") if row.method == "written" else say("spoken")
    told = [say(words) for key, words in TOLD_SHORT.items() if key in row.told]
    if told and name:
        return say(
            "Agreed on %(day)s, %(how)s by %(name)s; told about %(told)s.",
            day=on,
            how=how,
            name=name,
            told=listed(told),
        )
    if told:
        return say("Agreed on %(day)s, %(how)s; told about %(told)s.", day=on, how=how, told=listed(told))
    if name:
        return say(
            "Agreed on %(day)s, %(how)s by %(name)s; what they were told was not written down.",
            day=on,
            how=how,
            name=name,
        )
    return say("Agreed on %(day)s, %(how)s; what they were told was not written down.", day=on, how=how)


def _taken_back(on: str, name: str, ends: str) -> str:
    if name and ends:
        return say(
            "Took consent back on %(day)s by %(name)s, from %(ends)s on.", day=on, name=name, ends=ends
        )
    if name:
        return say("Took consent back on %(day)s by %(name)s.", day=on, name=name)
    if ends:
        return say("Took consent back on %(day)s, from %(ends)s on.", day=on, ends=ends)
    return say("Took consent back on %(day)s.", day=on)


async def plans_said(db: Db, actor: Actor, id: UUID) -> list[dict[str, Any]]:
    """The plan as it stands, one per program, with the copies given of it."""
    versions = (await plan_versions_of(db, actor, [id])).get(id, [])
    newest = {v.program: v for v in reversed(versions)}
    copies = await plan_copies_of(db, actor, [v.id for v in newest.values()]) if newest else {}
    return [
        {
            "version": version,
            "title": say(PROGRAMS[program]),
            "copy_given": copy_words(copies.get(version.id, [])),
            "href": f"/people/{id}/plan/{version.id}",
        }
        for program, version in newest.items()
    ]


def copy_words(copies: list[Any]) -> str:
    if not copies:
        return say("Nobody has been given a copy of this version yet.")
    last = copies[-1]
    return say("A copy was given to %(whom)s on %(when)s.", whom=last.to_whom, when=day(last.given_on))


async def composer_of(db: Db, actor: Actor, id: UUID, programs: list[str]) -> dict[str, Any]:
    """What the composer offers, and what it starts from."""
    from server.clock import now, today

    codes = (await chart.diagnoses(db, actor, [id])).get(id, []) if actor.may("chart.read") else []
    at = now()
    return {
        "kinds": pairs(KINDS),
        "outcomes": pairs(OUTCOMES),
        "activities": pairs(ACTIVITIES),
        "programs": pairs(PROGRAMS, only=[*programs, *(p for p in PROGRAMS if p not in programs)]),
        "codes": [(d.code, f"{d.code} {d.label}") for d in codes if d.to_on is None],
        "start": {
            "kind": "phone",
            "outcome": "reached",
            "on": today(actor.zone).isoformat(),
            "began": _wall(at, actor.zone),
            "program": programs[0] if programs else "",
        },
        "now": clock(at, actor.zone),
    }


def _wall(at: Any, zone: str) -> str:
    from zoneinfo import ZoneInfo

    return f"{at.astimezone(ZoneInfo(zone)):%H:%M}"


async def practitioners(db: Db, *, billing: bool = True) -> list[tuple[str, str]]:
    """Colleagues who may be named as practitioner."""
    statement = select(Staff.id, Staff.name).where(Staff.active).order_by(Staff.name)
    if billing:
        statement = statement.where(Staff.bills)
    return [(str(id), name) for id, name in await db.execute(statement)]
