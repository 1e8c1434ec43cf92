"""B-1 to B-3: what the walls between practices cost."""

import asyncpg
from sqlalchemy import text

from bench.book import lay_out
from bench.house import House
from bench.rounds import Ratio, Variant, seconds
from bench.wire import wire
from server.tenants.actor import Actor
from server.tenants.db import Doors

_TIMES = {"ci": 300, "full": 2_000}
_ROUNDS = 9  # a round is short, so that a neighbour's noise falls on both sides
_PATIENTS = {"ci": (20, 300), "full": (200, 1_000)}

_ONE = "select family_name from patient where id = $1 {mine}"
_LIST = """
select p.id, p.family_name, p.given_names, p.birth_date,
  (select max(e.started_at) from time_entry e where e.tenant_id = p.tenant_id and e.patient_id = p.id)
from patient p where true {mine} order by p.family_key, p.given_key, p.id limit 50"""


async def measure(house: House, size: str) -> list[Ratio]:
    """Ratios of medians; equal statements and equal round trips on both sides of B-1."""
    practices, patients = _PATIENTS[size]
    actors = await lay_out(house, practices=practices, patients=patients, entries=3)
    return [
        *await _walls(house, actors, size),
        await _one_trip(house, actors, size),
        *await _trips(house, actors),
    ]


async def _walls(house: House, actors: list[Actor], size: str) -> list[Ratio]:
    app, owner = await asyncpg.connect(house.plain("app")), await house.owner()
    ids = {
        a.tenant_id: await owner.fetchval("select id from patient where tenant_id = $1 limit 1", a.tenant_id)
        for a in actors
    }

    def variant(connection: asyncpg.Connection, statement: str, *, walled: bool) -> Variant:
        async def run() -> None:
            for number in range(_TIMES[size]):
                tenant = actors[number % len(actors)].tenant_id
                await connection.execute(f"begin read only; set local app.tenant_id = '{tenant}'")
                mine = "" if walled else f"and tenant_id = '{tenant}'"
                await connection.fetch(
                    statement.format(mine=mine), *([ids[tenant]] if "$1" in statement else [])
                )
                await connection.execute("commit")

        return run

    ratios = []
    for name, statement in (("one patient by id", _ONE), ("a list of 50", _LIST)):
        taken = await seconds(
            {
                "walls": variant(app, statement, walled=True),
                "where": variant(owner, statement, walled=False),
            },
            rounds=_ROUNDS,
        )
        note = (
            f"{1e6 * taken['walls'] / _TIMES[size]:.0f} and {1e6 * taken['where'] / _TIMES[size]:.0f} µs each"
        )
        ratios.append(
            Ratio(
                "B-1",
                f"row level security / explicit WHERE, {name}",
                taken["walls"] / taken["where"],
                1.15,
                1.05,
                "less",
                note,
            )
        )
    await app.close()
    await owner.close()
    return ratios


async def _one_trip(house: House, actors: list[Actor], size: str) -> Ratio:
    bare = await asyncpg.create_pool(house.plain("app"), min_size=1, max_size=4)
    whose = "select staff.id from here join staff on staff.tenant_id = here.tenant_id where staff.email = $2"

    async def ours() -> None:
        for number in range(_TIMES[size]):
            await house.doors.glance(actors[number % len(actors)].tenant_id, whose, "nora@lakeside.example")

    async def plain() -> None:
        for number in range(_TIMES[size]):
            await bare.fetch(
                "select staff.id from staff where tenant_id = $1 and staff.email = $2",
                actors[number % len(actors)].tenant_id,
                "nora@lakeside.example",
            )

    taken = await seconds({"ours": ours, "plain": plain}, rounds=_ROUNDS)
    await bare.close()
    note = f"{1e6 * taken['ours'] / _TIMES[size]:.0f} and {1e6 * taken['plain'] / _TIMES[size]:.0f} µs each"
    return Ratio(
        "B-2",
        "read of a practice in one round trip / bare autocommit read",
        taken["ours"] / taken["plain"],
        1.5,
        1.2,
        "less",
        note,
    )


async def _trips(house: House, actors: list[Actor]) -> list[Ratio]:
    async with wire(house.urls["app"]) as counted:
        doors = Doors(counted.url, "", "", pool_size=1)
        actor = actors[0]

        async def glance() -> None:
            await doors.glance(
                actor.tenant_id, "select 1 from here join practice on practice.tenant_id = here.tenant_id"
            )

        async def read() -> None:
            async with doors.tenant(actor, read_only=True) as db:
                await db.execute(text("select name from practice"))

        async def write() -> None:
            async with doors.tenant(actor) as db:
                await db.execute(text("update practice set phone = phone"))
                db.note(actor, "bench.write", entity="practice", effect="write")

        found = []
        for what, ask, gate, goal in (
            ("a question asked at every request", glance, 3, 1),
            ("a read in a transaction", read, 3, 1),
            ("a write with its audit note", write, 4, 3),
        ):
            for _ in range(3):  # statements are prepared once per connection
                await ask()
            before = counted.trips
            await ask()
            found.append(
                Ratio("B-3", f"round trips: {what}", counted.trips - before, gate, goal, "less", counted=True)
            )
        await doors.close()
    return found
