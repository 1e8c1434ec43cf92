"""The guided set-up after sign-up: what a practice needs before its first month makes sense. Computed,
never ticked."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ScalarSelect, Select, func, select

from server.clock import now
from server.errors import Refused
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.permissions import PROVIDER
from server.tenants.practice import practice_of
from server.tenants.tables import Payer, Practice, Site, Staff
from server.words import say


@dataclass(frozen=True, slots=True)
class Step:
    """key: sites, providers, payers, staff or patients. needed: set-up cannot be finished without it."""

    key: str
    title: str
    why: str
    count: int
    done: bool
    needed: bool


@dataclass(frozen=True, slots=True)
class SetUp:
    steps: tuple[Step, ...]
    finished: bool

    @property
    def next(self) -> Step | None:
        """The first step that is not done."""
        return next((step for step in self.steps if not step.done), None)

    @property
    def ready(self) -> bool:
        """Whether everything that is needed is there."""
        return all(step.done for step in self.steps if step.needed)


async def set_up_of(db: Db, actor: Actor, *, patients: int) -> SetUp:
    """How far the set-up is. patients: how many people the practice has brought in (the patients' room
    knows)."""
    practice = await practice_of(db, actor)
    providers = select(Staff.id).where(Staff.active, Staff.npi != "", (Staff.role == PROVIDER) | Staff.bills)
    counts = (
        await db.execute(
            select(
                _count(select(Site.id).where(Site.active)),
                _count(providers),
                _count(select(Payer.id).where(Payer.active)),
                _count(select(Staff.id).where(Staff.active, Staff.invited_at.is_not(None))),
            )
        )
    ).one()
    return SetUp(_steps(*counts, patients), practice.set_up_done_at is not None)


async def finish_set_up(db: Db, actor: Actor, *, patients: int) -> Practice:
    """Put the checklist away. Raises Refused SET_UP_UNFINISHED while something needed is missing."""
    actor.require("practice.write")
    state = await set_up_of(db, actor, patients=patients)
    missing = [step.title for step in state.steps if step.needed and not step.done]
    if missing:
        raise Refused(
            "SET_UP_UNFINISHED",
            say("Still missing: %(missing)s. Claims could not be made without.", missing="; ".join(missing)),
            say("Do these first; the rest can wait."),
        )
    practice = await practice_of(db, actor)
    if practice.set_up_done_at is None:
        practice.set_up_done_at = now()
        db.note(actor, "practice.finish_set_up", entity="practice", entity_ids=[practice.id], effect="write")
    return practice


def _count(rows: Select[Any]) -> ScalarSelect[int]:
    return select(func.count()).select_from(rows.subquery()).scalar_subquery()


def _steps(sites: int, providers: int, payers: int, invited: int, patients: int) -> tuple[Step, ...]:
    return (
        Step("sites", say("Where you see people"), say("A claim names the place of service."), sites, sites > 0, True),
        Step(
            "providers", say("Providers with their NPI"), say("Somebody has to bill, and a claim carries their number."),
            providers, providers > 0, True,
        ),
        Step("payers", say("Payers you bill"), say("Each has its own rules for the same month."), payers, payers > 0, True),
        Step("staff", say("Your team"), say("Everybody signs in as themselves."), invited, invited > 0, False),
        Step(
            "patients", say("Your first patients"), say("From a file of your record system, or by hand."),
            patients, patients > 0, False,
        ),
    )  # fmt: skip
