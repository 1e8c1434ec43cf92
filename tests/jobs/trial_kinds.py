"""Handlers of the kinds these tests register, here and in worker processes."""

import asyncio
from typing import Any

from sqlalchemy import text

CANARY = "Zebulon Quackenbush"
GATE = asyncio.Event()
AT_GATE = asyncio.Event()

EFFECT_TABLE = (
    "create table if not exists trial_effect (tenant_id uuid, word text, at timestamptz default clock_timestamp())",
    "grant select, insert on trial_effect to carewright_app",
)


async def effect(db: Any, actor: Any, args: dict[str, Any]) -> None:
    await db.execute(
        text("insert into trial_effect (tenant_id, word) values (:t, :w)"),
        {"t": actor.tenant_id, "w": str(args.get("word", "done"))},
    )


async def broken(db: Any, actor: Any, args: dict[str, Any]) -> None:
    await effect(db, actor, args)
    raise ValueError(CANARY)


async def gated(db: Any, actor: Any, args: dict[str, Any]) -> None:
    await effect(db, actor, args)
    AT_GATE.set()
    await GATE.wait()


async def slow(db: Any, actor: Any, args: dict[str, Any]) -> None:
    await effect(db, actor, args)
    await asyncio.sleep(float(args["milliseconds"]) / 1000)


async def adds_another(db: Any, actor: Any, args: dict[str, Any]) -> None:
    from server import jobs

    await effect(db, actor, args)
    if args["left"]:
        left = args["left"] - 1
        await jobs.add(
            db, actor, "trial.adds_another", f"left-{left}", {"left": left, "word": f"left-{left}"}
        )


async def who(db: Any, actor: Any, args: dict[str, Any]) -> None:
    seen = (await db.execute(text("select tenant_id from practice"))).scalars().all()
    patients = (
        await db.execute(text("select count(*) from staff where id = :id"), {"id": args["staff_id"]})
    ).scalar_one()
    rights = ",".join(sorted(actor.rights))
    practices = ",".join(sorted(str(id) for id in seen))
    await effect(
        db, actor, {"word": f"{practices} {rights} {actor.zone} {actor.staff_id} {actor.via} {patients}"}
    )


#: kind -> (handler, lease in seconds, attempts)
KINDS_OF_THESE_TESTS = {
    "trial.effect": (effect, 5, 3),
    "trial.broken": (broken, 5, 3),
    "trial.gated": (gated, 5, 3),
    "trial.slow": (slow, 0.6, 20),
    "trial.adds_another": (adds_another, 5, 3),
    "trial.who": (who, 5, 3),
}
