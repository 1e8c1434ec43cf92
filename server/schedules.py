"""Schedules are rows: one for each occasion, with a unique due instant, the next one waiting.

A room registers what repeats, and the kind of job each occasion adds:

    schedule("minutes.proof", Daily(time(2, 40)), PROVE, says=N_("Prove the totals"), args=lambda day: {"day": day})

Every practice has every schedule, on its own clock. The worker's turn with a practice marks what has come due, adds
its job and writes down the next occasion, all in one transaction (`plan`); what a practice lacks it is given there
too. Two workers, or two clocks, cannot both take an occasion: only one of them changes the waiting row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import text

from server import jobs
from server.ids import new_id
from server.recurrence import Due, Rule, as_due, first_after, following

if TYPE_CHECKING:  # the rooms above: their shapes only, never their code
    from server.tenants.actor import Actor
    from server.tenants.db import Db

#: after an outage: run the newest missed occasion alone, or every one of them
CatchUp = Literal["latest", "all"]
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Schedule:
    """What repeats. args: the job's arguments from the occasion's name. says: what it does, in plain words, marked
    with N_."""

    name: str
    rule: Rule
    kind: str
    catch_up: CatchUp
    says: str
    args: Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Now:
    """A practice's zone, the database's clock, and what waits by name."""

    zone: str
    at: datetime
    waiting: Mapping[str, Due]


SCHEDULES: dict[str, Schedule] = {}


def schedule(
    name: str,
    rule: Rule,
    kind: str,
    *,
    says: str,
    catch_up: CatchUp = "latest",
    args: Callable[[str], Mapping[str, Any]] = lambda occasion: {},
) -> None:
    """Have every practice add a job of `kind` at each occasion of `rule`."""
    made = Schedule(name, rule, kind, catch_up, says, args)
    if SCHEDULES.get(name, made).rule != rule:
        raise ValueError(f"two rules for the schedule {name!r}")
    SCHEDULES[name] = made


async def is_behind(db: "Db") -> bool:
    """Whether `plan` has something to do for this practice. One statement."""
    found = await _now(db)
    return found is not None and any(
        (due := found.waiting.get(name)) is None
        or due.at <= found.at
        or as_due(one.rule, found.zone, due) != due
        for name, one in SCHEDULES.items()
    )


async def plan(db: "Db", actor: "Actor", at: datetime | None = None) -> int:
    """Add the jobs of all occasions that have come, and write down the next ones; how many jobs were added.

    at: instead of the database's clock.
    """
    found = await _now(db)
    if found is None:
        return 0
    added = 0
    for name in sorted(
        SCHEDULES
    ):  # in one order, so that two of us wait for each other instead of deadlocking
        added += await _advance(
            db, actor, SCHEDULES[name], found.zone, found.waiting.get(name), at or found.at
        )
    return added


async def _now(db: "Db") -> _Now | None:
    row = (await db.execute(text(_NOW))).one_or_none()
    if row is None:
        return None
    waiting = {name: Due(datetime.fromisoformat(at), occasion) for name, occasion, at in row.waiting or ()}
    return _Now(row.time_zone, row.at, waiting)


_NOW = """
select p.time_zone, clock_timestamp() as at, (
  select json_agg(json_build_array(s.name, s.occasion, s.due_at)) from schedule s
  where s.tenant_id = p.tenant_id and s.state = 'waiting') as waiting
from practice p"""


async def _advance(
    db: "Db", actor: "Actor", one: Schedule, zone: str, waiting: Due | None, at: datetime
) -> int:
    if waiting is None:
        waiting = await _next(db, one, zone, at)
        await _write(db, actor, one.name, [(waiting, "waiting")], at)
    elif (right := as_due(one.rule, zone, waiting)) != waiting:
        # The practice has moved to another zone, or the rule was changed: the same occasion, at its right instant.
        if not await _take(db, one.name, waiting, None, at):
            return 0
        waiting = await _next(db, one, zone, at, right)
        await _write(db, actor, one.name, [(waiting, "waiting")], at)

    missed: list[Due] = []
    coming = waiting
    while coming.at <= at and (one.catch_up == "latest" or len(missed) < _AT_ONCE):
        missed.append(coming)
        coming = following(one.rule, zone, coming)
    if not missed:
        return 0
    run = missed if one.catch_up == "all" else missed[-1:]
    state = {due.occasion: "added" if due in run else "skipped" for due in missed}
    if not await _take(db, one.name, waiting, state[waiting.occasion], at):
        return 0  # another worker has just done all this
    rows = [(due, state[due.occasion]) for due in missed[1:]]
    await _write(db, actor, one.name, [*rows, (coming, "waiting")], at)
    for due in run:
        key = f"{one.name}@{due.occasion}"
        await jobs.add(db, actor, one.kind, key, one.args(due.occasion), once=True)
    return len(run)


async def _next(db: "Db", one: Schedule, zone: str, at: datetime, first: Due | None = None) -> Due:
    """The occasion after the last that was; where none has been yet, `first`, or the first to come."""
    last = (
        await db.execute(
            text("select due_at, occasion from schedule where name = :name order by due_at desc limit 1"),
            {"name": one.name},
        )
    ).one_or_none()
    return following(one.rule, zone, Due(*last)) if last else first or first_after(one.rule, zone, at)


async def _take(db: "Db", name: str, due: Due, state: str | None, at: datetime) -> bool:
    """Give the waiting row its end, or take it away (None); False if another did meanwhile."""
    verb = "delete from schedule" if state is None else "update schedule set state = :state, done_at = :at"
    taken = await db.execute(
        text(
            f"{verb} where name = :name and occasion = :occasion and due_at = :due "
            "and state = 'waiting' returning id"
        ),
        {"name": name, "occasion": due.occasion, "due": due.at}
        | ({} if state is None else {"state": state, "at": at}),
    )
    return taken.scalar_one_or_none() is not None


async def _write(db: "Db", actor: "Actor", name: str, rows: list[tuple[Due, str]], at: datetime) -> None:
    await db.execute(
        text("""
        insert into schedule (tenant_id, id, name, occasion, due_at, state, done_at)
        values (:tenant, :id, :name, :occasion, :due, :state, :done) on conflict do nothing"""),
        [
            {
                "tenant": actor.tenant_id, "id": new_id(), "name": name, "occasion": due.occasion, "due": due.at,
                "state": state, "done": None if state == "waiting" else at,
            }
            for due, state in rows
        ],
    )  # fmt: skip
