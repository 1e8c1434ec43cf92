"""What people do with a care plan: write the next version, give somebody a copy."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from carewright_plugin_api.facts import local_day
from sqlalchemy import func, select

from server.clock import now
from server.enrollment.days import check_day, written
from server.enrollment.gate import check_program, life_of
from server.errors import Refused, check_choice
from server.ids import new_id
from server.patients.gate import patient_for
from server.patients.records import of_people
from server.plans.gate import plan_version_for
from server.plans.keeping import keep_copy_tasks
from server.plans.tables import WAYS, PlanCopy, PlanVersion
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say


@dataclass(frozen=True, slots=True)
class NewPlan:
    """The whole plan as it reads from now on. based_on: the number of the version the writer had before them, if any.

    substantially_revised: more than a routine update.
    """

    program: str
    dated_on: date
    problems: str = ""
    goals: str = ""
    steps: str = ""
    medicines: str = ""
    supports: str = ""
    expected: str = ""
    review_on: date | None = None
    substantially_revised: bool = False
    based_on: int | None = None

    @property
    def says_something(self) -> bool:
        texts = (self.problems, self.goals, self.steps, self.medicines, self.supports, self.expected)
        return any(text.strip() for text in texts)


async def write_plan(db: Db, actor: Actor, patient_id: UUID, new: NewPlan) -> PlanVersion:
    """The next version. Earlier ones stay as they are; numbers run 1, 2, 3 without gaps, whoever writes when."""
    actor.require("plans.write")
    # Locked: two people writing at once get one number after the other.
    patient = await patient_for(db, actor, patient_id, permission="plans.write", for_update=True)
    check_program(new.program)
    check_day(life_of(patient, actor), new.dated_on, what=say("The plan"), field="dated_on")
    newest = (
        await db.execute(
            select(func.coalesce(func.max(PlanVersion.number), 0)).where(
                of_people(PlanVersion.patient_id, [patient_id]), PlanVersion.program == new.program
            )
        )
    ).scalar_one()
    _check_plan(new, newest)

    version = PlanVersion(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=patient_id,
        program=new.program,
        number=newest + 1,
        dated_on=new.dated_on,
        problems=new.problems,
        goals=new.goals,
        steps=new.steps,
        medicines=new.medicines,
        supports=new.supports,
        expected=new.expected,
        review_on=new.review_on,
        substantially_revised=new.substantially_revised,
        made_at=now(),
        made_by=actor.staff_id,
    )
    db.add(version)
    await db.flush()
    db.note(
        actor, "plans.write", entity="plan_version", entity_ids=[version.id], patient_ids=[patient_id],
        effect="write",
    )  # fmt: skip
    await keep_copy_tasks(
        db, actor, patient_id, because=say("Version %(number)s was written meanwhile.", number=version.number)
    )
    return version


def _check_plan(new: NewPlan, newest: int) -> None:
    if not new.says_something:
        raise Refused(
            "PLAN_EMPTY",
            say("This plan says nothing yet."),
            say("Write at least what matters most: a problem, a goal or a step."),
            "goals",
        )
    if new.review_on is not None and new.review_on <= new.dated_on:
        raise Refused(
            "REVIEW_TOO_SOON",
            say(
                "The review on %(review_on)s would not be later than the plan of %(dated_on)s.",
                review_on=written(new.review_on),
                dated_on=written(new.dated_on),
            ),
            say("Choose a later day, or leave it empty."),
            "review_on",
        )
    if new.based_on is not None and new.based_on != newest:
        raise Refused(
            "PLAN_MOVED_ON",
            say(
                "You started from version %(based_on)s; version %(newest)s has been written since, and "
                "saving yours would leave out what it says.",
                based_on=new.based_on,
                newest=newest,
            ),
            say(
                "Open version %(newest)s beside yours, bring the two together, and save again.", newest=newest
            ),
            "based_on",
        )


async def record_copy_given(
    db: Db, actor: Actor, version_id: UUID, *, given_on: date, how: str, to_whom: str
) -> PlanCopy:
    """A copy of this version was given to the person, or to someone who helps them."""
    version = await plan_version_for(db, actor, version_id, permission="plans.write")
    check_choice(how, WAYS, "how")
    if not to_whom.strip():
        raise Refused(
            "TO_WHOM_MISSING", say("A copy was given to somebody."), say("Write to whom."), "to_whom"
        )
    today = local_day(now(), actor.zone)
    if given_on > today:
        raise Refused(
            "DATED_IN_FUTURE",
            say(
                "The copy is dated %(given_on)s; today is %(today)s.",
                given_on=written(given_on),
                today=written(today),
            ),
            say("Check the date, or come back on that day."),
            "given_on",
        )
    if given_on < version.dated_on:
        raise Refused(
            "COPY_BEFORE_PLAN",
            say(
                "A copy given on %(given_on)s cannot be of a plan written on %(dated_on)s.",
                given_on=written(given_on),
                dated_on=written(version.dated_on),
            ),
            say("Check the date, or choose the version they were given."),
            "given_on",
        )

    copy = PlanCopy(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=version.patient_id,
        plan_version_id=version.id,
        given_on=given_on,
        how=how,
        to_whom=to_whom,
        made_at=now(),
        made_by=actor.staff_id,
    )
    db.add(copy)
    await db.flush()
    await keep_copy_tasks(
        db,
        actor,
        version.patient_id,
        because=say("A copy was given to %(whom)s on %(day)s.", whom=to_whom.strip(), day=written(given_on)),
    )
    return copy
