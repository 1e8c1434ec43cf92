"""A person who has everything a month needs, so that a test takes away exactly one thing."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from cast import World

from server.enrollment.actions import NewEnrollment, enroll
from server.enrollment.consent import GivenConsent
from server.enrollment.consenting import record_consent
from server.enrollment.prerequisites import NewPractitionerVisit, record_practitioner_visit
from server.enrollment.wording import newest_wording
from server.minutes.actions import NewMinutes, log_minutes
from server.patients.actions import NewPatient, register_patient
from server.patients.coverages import add_coverage
from server.patients.diagnoses import choose_diagnosis
from server.plans.actions import NewPlan, record_copy_given, write_plan
from server.tenants.db import tenant_db


def last_month(zone: str) -> str:
    """YYYY-MM of the month before this one, on the practice's clock."""
    first = datetime.now(ZoneInfo(zone)).date().replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


def at(world: World, month: str, day: int, hour: int, minute: int = 0) -> datetime:
    year, number = map(int, month.split("-"))
    return datetime(year, number, day, hour, minute, tzinfo=ZoneInfo(world.zone)).astimezone(UTC)


async def someone_in_care(
    world: World,
    month: str,
    *,
    payer: str = "medicare_part_b",
    program: str = "ccm",
    codes: Sequence[str] = ("I50.22", "E11.9"),
    consent: bool = True,
    plan: bool = True,
    visit: bool = True,
    covered: bool = True,
    name: str = "Walker",
) -> UUID:
    """Enrolled, agreed, planned, seen and covered since before the month, unless a part is left out."""
    year, number = map(int, month.split("-"))
    before = date(year, number, 1) - timedelta(days=40)
    nora = world.actor("nora")
    async with tenant_db(nora) as db:
        patient = await register_patient(
            db, nora, NewPatient(family_name=name, given_names="Ruth", birth_date=date(1944, 5, 2))
        )
        id = patient.id
        if covered:
            await add_coverage(
                db,
                nora,
                id,
                payer_id=world.payers[payer],
                from_on=date(2020, 1, 1),
                member_id="1EG4",
                care_management_benefit=True,
            )
        for code in codes:
            await choose_diagnosis(db, nora, id, code=code, chronic=True, from_on=before)
        await enroll(db, nora, id, NewEnrollment(program, before, world.staff["dr_lin"]))
        if consent:
            wording = newest_wording(program, "en")
            assert wording
            await record_consent(
                db,
                nora,
                id,
                GivenConsent(
                    program=program,
                    at=datetime.combine(before, datetime.min.time(), UTC) + timedelta(hours=16),
                    method="verbal",
                    given_by="patient",
                    language="en",
                    wording_version=wording.version,
                    told=("availability", "cost_share", "one_practitioner", "right_to_stop"),
                    practitioner_id=world.staff["dr_lin"],
                ),
            )
        if plan:
            version = await write_plan(db, nora, id, NewPlan(program, before, goals="Walk to church"))
            await record_copy_given(db, nora, version.id, given_on=before, how="paper", to_whom="Ruth")
        if visit:
            seen = NewPractitionerVisit("office_visit", before, world.staff["dr_lin"], initiating_for=program)
            await record_practitioner_visit(db, nora, id, seen)
    return id


async def minutes(
    world: World, patient_id: UUID, month: str, *lengths: int, who: str = "nora", **more: Any
) -> list[UUID]:
    """One span per length in minutes, on the 5th, 6th, 7th ... of the month."""
    actor = world.actor(who)
    program = more.pop("program", "ccm")
    hour = more.pop("hour", 14)
    made = []
    for day, length in enumerate(lengths, 5):
        start = at(world, month, day, hour)
        async with tenant_db(actor) as db:
            entry = await log_minutes(
                db,
                actor,
                patient_id,
                NewMinutes(
                    program=program,
                    activity="contact",
                    started_at=start,
                    ended_at=start + timedelta(minutes=length),
                    mode="phone",
                    reason="Written down later, from my notes",
                    **more,
                ),
            )
            made.append(entry.id)
    return made
