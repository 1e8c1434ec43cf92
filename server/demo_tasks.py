"""A handful of tasks for each who works in a demo practice: asked, waiting, handed on, come back."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from server.clock import today
from server.ids import new_id
from server.lives.diary import working_day
from server.patients.tables import Patient
from server.tasks.tables import Task, TaskEvent, TaskReport
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff


@dataclass(frozen=True, slots=True)
class Asked:
    """by: who asked; who: whose it is, or `any` and a role; days from today, asked that long ago. came: what became of it
    (state, in whose words, the words, whether whoever asked has read them). handed: to whom, with which words."""

    by: str
    who: str
    person: str
    kind: str
    what: str
    why: str
    days: int
    ago: int = 1
    at: str = ""
    came: tuple[str, str, str, bool] | None = None
    handed: tuple[str, str] | None = None


_TASKS: Final = {
    "lakeside": (
        Asked("dr_lin", "nora", "Walker", "look", "Ask how she sleeps since the water pill went up", "If she still needs two pillows I would like to see her this week.", 0, at="14:00"),
        Asked("nora", "nora", "Kowalski", "call", "Call after the cold front", "Two puffs became four the last time.", 1),
        Asked("nora", "nora", "Walker", "other", "Ask whether the wider shoes will do for dancing", "The wedding is what all of this is for.", 3),
        Asked("rosa", "nora", "Ortega", "medicine", "Look over the evening pills with Marisol", "She fills the box on Sundays and found two left over.", -1, ago=4),
        Asked("nora", "mika", "Walker", "paper", "Send her another weight chart", "The calendar in her kitchen is full.", -1, ago=3,
              came=("done", "mika", "Posted it in large print, and rang so that she looks out for it.", False)),
        Asked("nora", "any front_desk", "Kowalski", "book", "Book her breathing test", "A Thursday, when Stan can drive.", 2),
        Asked("nora", "fred", "Adeyemi", "ride", "Find a ride to the eye clinic", "Grace does not drive after dark.", 4),
        Asked("nora", "bill", "Adeyemi", "cover", "Does Acme pay for a cuff at home?", "He would rather measure there than come in.", 3),
        Asked("mika", "dr_lin", "Adeyemi", "decide", "Renew the pressure tablets", "Nine left, he says.", 1),
        Asked("nora", "dr_lin", "Kowalski", "decide", "Is it time for another inhaler?", "Two bad nights; both are in the diary.", 0),
        Asked("dr_lin", "rosa", "Tran", "support", "Find somebody to talk to in Vietnamese", "A woman, if there is one: she said she talks more freely.", 5, ago=3),
        Asked("rosa", "rosa", "Ortega", "teach", "Bring the Spanish cookbook", "Bread at night is the hard part.", 1),
        Asked("rosa", "any medical_assistant", "Tran", "call", "Confirm the interpreter for the next visit", "Mornings are best for both of them.", 1),
        Asked("hana", "mika", "Walker", "records", "Get the echo from St. Brigid", "So that we need not do it twice.", 1),
        Asked("dr_lin", "mika", "Ortega", "records", "Get his last kidney numbers", "", -1, ago=3,
              came=("dismissed", "mika", "They came by fax on Monday and are in the chart.", False)),
        Asked("ada", "fred", "Tran", "paper", "Mail her the privacy notice in Vietnamese", "The English one came back unread.", 2),
        Asked("bill", "ada", "Adeyemi", "cover", "Who may sign the form Acme sends?", "It asks for an officer of the practice.", 4),
        Asked("nora", "rosa", "Ortega", "call", "Ask Marisol which day suits her", "", -3, ago=6,
              came=("done", "rosa", "Sundays. She fills the box while the coffee brews.", True)),
        Asked("dr_lin", "nora", "Tran", "ask", "What keeps her awake?", "She did not say it in front of the interpreter.", 2, ago=2,
              handed=("rosa", "You know her sister.")),
    ),
    "hillcrest": (
        Asked("dr_vega", "tomas", "Bright", "look", "Watch her on the stairs once", "Joan says she holds on with both hands.", 2),
        Asked("tomas", "june", "Papadakis", "call", "Ask what the new pill does to him", "He will say it if he is asked plainly.", 1),
    ),
}  # fmt: skip


async def seed_tasks(db: Db, actor: Actor, slug: str) -> None:
    """Part of making a demo practice's people, in its transaction."""
    people: dict[str, UUID] = {}
    for family, id in await db.execute(
        select(Patient.family_name, Patient.id).order_by(Patient.made_at.desc(), Patient.id.desc())
    ):
        people[family] = id  # of two records of one name the first one
    staff = {email.partition("@")[0]: id for email, id in await db.execute(select(Staff.email, Staff.id))}
    on = today(actor.zone)
    tasks: list[Any] = []
    events: list[Any] = []
    reports: list[Any] = []
    for place, one in enumerate(_TASKS[slug]):
        task, happened, owed = _rows(actor, one, people[one.person], staff, on, place)
        tasks.append(task)
        events += happened
        reports += owed
    for rows in (tasks, events, reports):  # without relationships the session does not know their order
        db.add_all(rows)
        await db.flush()


def _rows(
    actor: Actor, one: Asked, patient_id: UUID, staff: dict[str, UUID], on: date, place: int
) -> tuple[Task, list[TaskEvent], list[TaskReport]]:
    def moment(days_ago: int, hour: int) -> datetime:
        day = on - timedelta(days=days_ago)
        day -= timedelta(days=max(0, day.weekday() - 4))  # nobody asks at a weekend
        wall = time(hour, 3 * place % 60)
        return datetime.combine(day, wall, ZoneInfo(actor.zone)).astimezone(UTC)

    role = one.who.removeprefix("any ") if one.who.startswith("any ") else ""
    first = None if role else staff[one.who]
    holder = staff[one.handed[0]] if one.handed else first
    task = Task(
        tenant_id=actor.tenant_id, id=new_id(), patient_id=patient_id, kind=one.kind, what=one.what, why=one.why,
        due_on=working_day(on + timedelta(days=one.days)) if one.days > 0 else on + timedelta(days=one.days),
        due_time=time.fromisoformat(one.at) if one.at else None, asked_by=staff[one.by], holder_id=holder, for_role=role,
        state=one.came[0] if one.came else "open", outcome=one.came[2] if one.came else "",
        closed_at=moment(1, 15) if one.came else None, made_at=moment(one.ago, 9), made_by=staff[one.by],
    )  # fmt: skip

    def event(kind: str, by: str, to: UUID | None, at: datetime, words: str = "") -> TaskEvent:
        return TaskEvent(
            tenant_id=actor.tenant_id, id=new_id(), task_id=task.id, kind=kind, to_id=to,
            to_role="" if to else role, words=words, made_at=at, made_by=staff[by],
        )  # fmt: skip

    events = [event("asked", one.by, first, moment(one.ago, 9))]
    if one.handed:
        events.append(event("handed_on", one.who, holder, moment(1, 14), one.handed[1]))
    reports = []
    if one.came:
        state, by, words, read = one.came
        events.append(event(state, by, holder, moment(1, 15), words))
        reports.append(
            TaskReport(
                tenant_id=actor.tenant_id, id=new_id(), task_id=task.id, event_id=events[-1].id, staff_id=staff[one.by],
                read_at=moment(1, 16) if read else None,
            )
        )  # fmt: skip
    return task, events, reports
