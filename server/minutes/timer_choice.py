"""How one's own timer starts, and after how long a silence it asks: what was chosen, else what suits the role."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from server.errors import Refused
from server.ids import new_id
from server.minutes.tables import STARTS, TimerChoice
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say

IDLE_MINUTES: Final = 5
_USUALLY: Final = {"provider": "automatic", "care_manager": "manual", "medical_assistant": "manual"}


def usual_start(role: str) -> str:
    """How the timer starts for a role until the person chooses: `automatic`, `manual` or `never`."""
    return _USUALLY.get(role, "never")


@dataclass(frozen=True, slots=True)
class Choice:
    """How one's timer starts, and how many minutes of silence are pointed out."""

    start: str
    idle_minutes: int


async def my_choice(db: Db, actor: Actor) -> Choice:
    """What the actor chose, else what suits their role."""
    actor.require("minutes.write")
    row = (
        await db.execute(
            select(TimerChoice.start, TimerChoice.idle_minutes).where(TimerChoice.staff_id == actor.staff_id)
        )
    ).one_or_none()
    return Choice(*row) if row else Choice(usual_start(actor.role), IDLE_MINUTES)


async def choose_timer_start(db: Db, actor: Actor, *, start: str, idle_minutes: int) -> None:
    """How one's own timer starts, and after how many minutes of silence it asks."""
    actor.require("minutes.write")
    if start not in STARTS:
        raise Refused(
            "START_UNKNOWN",
            say("“%(choice)s” is no way to start.", choice=start[:40]),
            say("Choose one of %(choices)s.", choices=", ".join(STARTS)),
            "start",
        )
    if not 1 <= idle_minutes <= 60:
        raise Refused(
            "BAD_MINUTES",
            say("%(minutes)s minutes of silence cannot be watched for.", minutes=idle_minutes),
            say("Choose 1 to 60 minutes."),
            "idle_minutes",
        )
    values = {"start": start, "idle_minutes": idle_minutes}
    await db.execute(
        insert(TimerChoice)
        .values(tenant_id=actor.tenant_id, id=new_id(), staff_id=actor.staff_id, **values)
        .on_conflict_do_update(index_elements=["tenant_id", "staff_id"], set_=values)
    )
    db.note(actor, "timer.choose", entity="timer_choice", effect="write")
