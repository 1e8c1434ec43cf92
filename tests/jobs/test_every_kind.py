"""Every registered kind of job: run twice, eight times at once and killed after any statement, it comes to the same end.

A kind without a sample in tests/jobs/samples fails here and says so.
"""

import json
import re
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World, make_practice
from every_kind import At, Trial, samples
from sqlalchemy.ext.asyncio import AsyncEngine
from whole_practice import Rows, taken_down

from server import jobs
from server.jobs import Doorbell
from server.settings import settings
from server.tenants.db import on_ring, tenant_db
from server.worker import drain_once, gather_kinds

gather_kinds()
KINDS = sorted(name for name in jobs.KINDS if not name.startswith("trial."))
pytestmark = [pytest.mark.usefixtures("real_kinds"), pytest.mark.timeout(300)]


def test_every_kind_has_a_sample() -> None:
    missing = sorted(set(KINDS) - set(samples()))
    assert missing == [], f"write tests/jobs/samples/<kind>.py for {missing}; README.md there says how"
    assert len(KINDS) >= 6


@pytest.mark.campaign
@pytest.mark.parametrize("kind", KINDS)
async def test_twice_eight_times_and_killed_anywhere_is_once(
    kind: str, idempotent_job: Any, record_property: Any
) -> None:
    trial: Trial = await idempotent_job(kind)
    await trial.once()
    await trial.twice()
    held = await trial.eight_at_once()
    killed = await trial.killed_everywhere()
    assert killed >= 5
    record_property(
        "count", f"{kind}: twice, {held} times at once, killed after each of {killed} statements: one end"
    )


async def test_control_a_job_that_is_not_idempotent_is_found_out(
    lakeside: World, hillcrest: World, behind: AsyncEngine
) -> None:
    """The same harness must catch a kind whose effect grows with every run, and one that commits before its end."""
    from types import SimpleNamespace

    from server.tenants.tables import Site

    async def grows(db: Any, actor: Any, _args: Any) -> None:
        await db.execute(sa.update(Site).values(name=Site.name + "!"))

    async def commits_early(db: Any, actor: Any, _args: Any) -> None:
        async with tenant_db(actor) as apart:
            await apart.execute(sa.update(Site).values(name=Site.name + "!"))
        await db.execute(sa.text("select 1"))

    at = At(lakeside, hillcrest, behind)

    def sample(kind: str) -> Any:
        async def situation(at: At) -> None:
            await at.add(kind, "1")

        async def check(at: At) -> None:
            pass

        return SimpleNamespace(KIND=kind, situation=situation, check=check)

    jobs.register("trial.grows", grows, lease_seconds=5, max_attempts=8)
    trial = Trial(at, sample("trial.grows"))
    await trial.once()
    with pytest.raises(AssertionError, match="twice"):
        await trial.twice()
    assert await trial.eight_at_once() == 8, "closing and effect commit together, so eight at once are one"

    jobs.register("trial.commits_early", commits_early, lease_seconds=5, max_attempts=8)
    trial = Trial(at, sample("trial.commits_early"))
    await trial.once()
    with pytest.raises(AssertionError, match="eight times at once"):
        await trial.eight_at_once()
    with pytest.raises(AssertionError, match="killed after statement"):
        await trial.killed_everywhere()


@pytest.mark.parametrize("kind", KINDS)
async def test_with_anothers_ids_a_job_does_nothing_to_either(
    kind: str, lakeside: World, hillcrest: World, behind: AsyncEngine, real_heads: Any
) -> None:
    """P6: in B's practice with A's ids, and the reverse."""
    for a, b in ((lakeside, hillcrest), (hillcrest, lakeside)):
        at = At(a, b, behind)
        await samples()[kind].situation(at)
        rows = await at.sql("select args from job where tenant_id = :t and kind = :kind", kind=kind)
        assert rows
        before, theirs = await taken_down(behind, a.tenant_id), ids_in(await taken_down(behind, b.tenant_id))
        async with tenant_db(b.system()) as db:
            await jobs.add(db, b.system(), kind, "borrowed", rows[0][0])
        await at.sql("delete from bell where tenant_id = :t")
        await at.sql("update bell set due_at = now() where tenant_id = :b", b=b.tenant_id)
        await drain_once()
        tried = await at.sql(
            "select attempts from job where tenant_id = :b and dedupe_key = 'borrowed' and kind = :kind",
            b=b.tenant_id, kind=kind,
        )  # fmt: skip
        assert tried, "the job is not there"
        assert tried[0][0] >= 1, "it was never tried, so this says nothing"
        assert await taken_down(behind, a.tenant_id) == before, "something happened to the other practice"
        after = {
            name: held for name, held in (await taken_down(behind, b.tenant_id)).items() if name != "job"
        }
        assert (ids_in(after) - theirs) & ids_in(before) == set(), "something of the other practice was taken"


async def test_control_a_job_that_reaches_into_another_practice_is_found_out(
    lakeside: World, hillcrest: World, behind: AsyncEngine
) -> None:
    async def reaches(db: Any, actor: Any, _args: Any) -> None:
        async with behind.begin() as owner:  # as nobody in the product can
            await owner.execute(
                sa.text("update site set name = name || '!' where tenant_id <> :t"), {"t": actor.tenant_id}
            )

    jobs.register("trial.reaches", reaches, lease_seconds=5, max_attempts=3)
    before = await taken_down(behind, lakeside.tenant_id)
    async with tenant_db(hillcrest.system()) as db:
        await jobs.add(db, hillcrest.system(), "trial.reaches", "borrowed", {})
    assert await drain_once() >= 1
    assert await taken_down(behind, lakeside.tenant_id) != before


def ids_in(rows: Rows) -> set[str]:
    return set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", json.dumps(rows)))


async def test_what_redis_holds_is_ours_and_about_nobody(
    lakeside: World, hillcrest: World, behind: AsyncEngine, record_property: Any
) -> None:
    """P6: real work is added and rung for; every key, its type and its value are looked at."""
    import redis.asyncio as redis

    bell = Doorbell(settings().redis_url)
    on_ring(bell.ring)
    try:
        worlds = [lakeside, hillcrest]
        for sample in (samples()[kind] for kind in KINDS):
            worlds.append(await make_practice("lakeside"))
            await sample.situation(At(worlds[-1], hillcrest, behind))
        assert bell._ringing is not None
        await bell._ringing
    finally:
        on_ring(lambda: None)
        await bell.close()
    canaries = [
        *("Walker", "Reed", "Ruth", "1944-05-02", "Lakeside", "Nora"),
        *(word for world in worlds for word in (str(world.tenant_id), world.tenant_id.hex, world.slug)),
        *(row[0] for row in await At(lakeside, hillcrest, behind).sql("select id::text from patient")),
    ]
    client = redis.from_url(settings().redis_url)
    keys = [key async for key in client.scan_iter()]
    held = []
    for key in keys:
        kind = (await client.type(key)).decode()
        value = await (client.get(key) if kind == "string" else client.zrange(key, 0, -1, withscores=True))
        held.append(f"{key!r} {value!r}")
    await client.aclose()
    ours = re.compile(rb"(carewright:|arq:(job|in-progress|retry|result|abort)\b)")
    assert keys, "nothing was rung for"
    assert [key for key in keys if not ours.match(key)] == []
    assert [(word, one) for word in canaries for one in held if word in one] == []
    record_property(
        "count", f"P6: {len(keys)} keys in Valkey, all ours, 0 of {len(canaries)} canaries in them"
    )
