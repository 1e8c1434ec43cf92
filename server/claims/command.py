"""`carewright close-month`: the same action as on the page, from a shell of the machine."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import text

from server.claims.actions import BATCH, SPLIT, ask_to_close
from server.claims.queries import MonthRow, close_row
from server.errors import Refused
from server.tenants.actor import Actor
from server.tenants.commands import actor_for
from server.tenants.db import Db, Doors, doors_for_work, tenant_db
from server.tenants.operations import words_for
from server.words import say

_LOOK_AGAIN_SECONDS = 0.2
_HANDS = 3  # one asks the rules, one reads, one stores

#: does what is due in a practice for a moment and says how much that was: `server.worker.work_for`
Work = Callable[[Doors, UUID], Awaitable[int]]


async def close_month(
    month: str, practice: str, work: Work, progress: Callable[[int, int], None] | None = None
) -> MonthRow:
    """Close `month` (YYYY-MM) of the practice with this slug and wait for it. progress: told (decided, of).

    Does the practice's due work itself, beside whatever workers run: it needs none. Refused with CLOSING_FAILED when
    the run is not at its end and none of its work is left that anybody would do, with CLOSING_STOPPED when somebody
    stopped it.
    """
    async with doors_for_work() as through:
        actor = await actor_for(practice, "claims.close", "claims.read")
        return await close_as(actor, month, practice, work, through, progress)


async def close_as(
    actor: Actor,
    month: str,
    practice: str,
    work: Work,
    through: Doors,
    progress: Callable[[int, int], None] | None = None,
) -> MonthRow:
    """The same in somebody's name, through doors for work that the caller opened."""
    async with tenant_db(actor) as db:
        close_id = await ask_to_close(db, actor, month)
    over = asyncio.Event()

    async def hand() -> None:
        while not over.is_set():
            if not await work(through, actor.tenant_id):
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    hands = [asyncio.create_task(hand()) for _ in range(_HANDS)]
    try:
        return await _end_of(actor, close_id, practice, hands, progress)
    finally:
        over.set()
        await asyncio.gather(*hands, return_exceptions=True)


async def _end_of(
    actor: Actor,
    close_id: UUID,
    practice: str,
    hands: list[asyncio.Task[None]],
    progress: Callable[[int, int], None] | None,
) -> MonthRow:
    while True:
        # One moment: a run and its work end together, and between two looks it would seem forsaken.
        async with tenant_db(actor, read_only=True, snapshot=True) as db:
            run = await close_row(db, actor, close_id)
            if run.under_way and not await _is_live(db, close_id):
                raise await _failed(db, run, practice)
        if progress is not None and run.patients:
            progress(run.decided, run.patients)
        if run.state == "stopped":
            raise Refused(
                "CLOSING_STOPPED",
                say(
                    "%(month)s was stopped by %(name)s after %(decided)s of %(patients)s patients.",
                    month=run.month,
                    name=run.stopped_by_name or say("somebody"),
                    decided=run.decided,
                    patients=run.patients,
                ),
                say("Ask them why; the same command takes up the rest."),
            )
        if not run.under_way:
            return run
        for one in hands:
            if one.done():
                one.result()  # a hand only ends by what it could not do
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


_OF_THE_RUN = "kind in (:split, :batch) and (dedupe_key = :run or starts_with(dedupe_key, :run || ':'))"


def _named(close_id: UUID) -> dict[str, str]:
    return {"split": SPLIT, "batch": BATCH, "run": str(close_id)}


async def _is_live(db: Db, close_id: UUID) -> bool:
    found = await db.scalar(
        text(f"select exists (select from job where state in ('ready', 'running') and {_OF_THE_RUN})"),  # noqa: S608 - a constant of ours
        _named(close_id),
    )
    return bool(found)


async def _failed(db: Db, run: MonthRow, practice: str) -> Refused:
    rows = await db.execute(
        text(f"""select kind, last_error, count(*) from job where state in ('dead', 'given_up') and {_OF_THE_RUN}
                 group by kind, last_error order by count(*) desc, kind, last_error limit 3"""),  # noqa: S608 - the same
        _named(run.id),
    )
    failed = [f"{words_for(kind)} ({number}): {where}" for kind, where, number in rows]
    return Refused(
        "CLOSING_FAILED",
        say(
            "%(month)s is not closed: %(decided)s of %(patients)s patients were decided, and nobody "
            "works on the rest. Failed at every attempt: %(jobs)s.",
            month=run.month,
            decided=run.decided,
            patients=run.patients,
            jobs="; ".join(failed),
        )
        if failed
        else say(
            "%(month)s is not closed: %(decided)s of %(patients)s patients were decided, and nobody "
            "works on the rest. Its work was taken back.",
            month=run.month,
            decided=run.decided,
            patients=run.patients,
        ),
        say(
            "`jobs failed --practice %(practice)s` shows where. Once that is mended, the same command "
            "takes up what is left.",
            practice=practice,
        ),
    )
