"""P12: due instants are rows. Each occasion adds its job once, whatever clocks, outages and zones do."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

from server import schedules
from server.recurrence import Daily, Every, Monthly
from server.schedules import plan, schedule
from server.tenants.db import doors, tenant_db
from server.tenants.upkeep import wake_the_silent
from server.worker import drain_once, work_once

NIGHT = datetime(2030, 11, 3, 4, tzinfo=UTC)  # Detroit puts its clocks back two hours later


@pytest.fixture
def at_night() -> Iterator[None]:
    schedule(
        "trial.nightly",
        Daily(time(1, 30)),
        "trial.effect",
        says="x",
        args=lambda day: {"word": f"night-{day}"},
    )
    schedule(
        "trial.hourly", Every(1), "trial.effect", says="x", catch_up="all", args=lambda hour: {"word": f"hour-{hour}"}
    )  # fmt: skip
    schedule(
        "trial.monthly",
        Monthly(1, time(3)),
        "trial.effect",
        says="x",
        args=lambda day: {"word": f"month-{day}"},
    )
    yield
    schedules.SCHEDULES.clear()


async def planned(world: World, at: datetime) -> int:
    actor = world.system()
    async with tenant_db(actor) as db:
        return await plan(db, actor, at)


async def effects(world: World, ledger: Any) -> Counter[str]:
    await drain_once()
    return Counter(await ledger.effects(world))


async def test_a_practice_gets_its_schedules_and_each_occasion_adds_one_job(
    lakeside: World, hillcrest: World, ledger: Any, at_night: None
) -> None:
    assert await planned(lakeside, NIGHT) == 0, "what is new begins with the next occasion"
    assert await planned(lakeside, NIGHT + timedelta(minutes=59)) == 0
    assert await planned(lakeside, NIGHT + timedelta(minutes=60)) == 1
    assert await planned(lakeside, NIGHT + timedelta(minutes=60)) == 0
    assert await planned(lakeside, NIGHT + timedelta(minutes=95)) == 1  # 01:30, the first time
    assert await planned(lakeside, NIGHT + timedelta(minutes=155)) == 1  # 01:30 again: only the hour is due
    assert await effects(lakeside, ledger) == {
        "night-2030-11-03": 1, "hour-2030-11-03T05:00Z": 1, "hour-2030-11-03T06:00Z": 1,
    }  # fmt: skip
    assert await effects(hillcrest, ledger) == {}


async def test_two_schedulers_whose_clocks_differ_by_four_minutes_miss_and_double_nothing(
    lakeside: World, hillcrest: World, ledger: Any, at_night: None, record_property: Any
) -> None:
    """One practice walks through the night that is an hour longer, the other through the one that is shorter."""
    skew = timedelta(seconds=120)
    walked = 0
    spring = datetime(2031, 3, 9, 4, tzinfo=UTC)
    for world, start, night in ((lakeside, NIGHT, "2030-11-03"), (hillcrest, spring, "2031-03-09")):
        await planned(world, start)
        for minutes in range(0, 60 * 27, 5):
            at = start + timedelta(minutes=minutes)
            await asyncio.gather(planned(world, at + skew), planned(world, at - skew))
            walked += 2
        found = await effects(world, ledger)
        assert max(found.values()) == 1, "doubled"
        hours = {f"hour-{start + timedelta(hours=n):%Y-%m-%dT%H:%MZ}" for n in range(1, 27)}
        assert {*hours, f"night-{night}"} <= set(found), "missed"
    record_property(
        "count", f"P12: {walked} plans, two at a time, clocks +-120 s, both nights: 0 missed, 0 doubled"
    )


async def test_after_26_hours_of_outage_each_schedule_catches_up_as_it_says(
    lakeside: World, ledger: Any, at_night: None
) -> None:
    await planned(lakeside, NIGHT)
    back = NIGHT + timedelta(hours=26)
    assert sum(await asyncio.gather(*(planned(lakeside, back) for _ in range(4)))) == 26 + 1
    found = await effects(lakeside, ledger)
    assert found == {
        "night-2030-11-03": 1,
        **{f"hour-{NIGHT + timedelta(hours=n):%Y-%m-%dT%H:%MZ}": 1 for n in range(1, 27)},
    }
    assert await planned(lakeside, NIGHT + timedelta(hours=26 + 50)) == 50 + 1
    nights = [word for word in await effects(lakeside, ledger) if word.startswith("night")]
    assert sorted(nights) == ["night-2030-11-03", "night-2030-11-06"], "the newest missed night alone"
    rows = await ledger._all(
        "select occasion, state from schedule where tenant_id = :t and name = 'trial.nightly' order by due_at",
        t=lakeside.tenant_id,
    )
    assert [tuple(row) for row in rows] == [
        ("2030-11-03", "added"), ("2030-11-04", "skipped"), ("2030-11-05", "skipped"), ("2030-11-06", "added"),
        ("2030-11-07", "waiting"),
    ]  # fmt: skip


async def test_a_practice_that_moves_to_another_zone_has_each_night_once(
    lakeside: World, ledger: Any, at_night: None, ask: Any
) -> None:
    async def move(zone: str) -> None:
        await ledger._all(
            "update practice set time_zone = :z where tenant_id = :t", z=zone, t=lakeside.tenant_id
        )

    async def waits() -> datetime:
        (row,) = await ledger._all(
            "select due_at from schedule where tenant_id = :t and name = 'trial.nightly' and state = 'waiting'",
            t=lakeside.tenant_id,
        )
        return row[0]  # type: ignore[return-value]

    await planned(lakeside, NIGHT)
    for hours, zone in ((0, "Asia/Tokyo"), (0, "America/Chicago"), (40, "Pacific/Honolulu"), (80, "Pacific/Kiritimati"),
                        (81, "America/Detroit"), (150, "Europe/Berlin")):  # fmt: skip
        await move(zone)
        await planned(lakeside, NIGHT + timedelta(hours=hours))
        local = (await waits()).astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute) == (1, 30), zone
        await planned(lakeside, NIGHT + timedelta(hours=hours + 20))
    await planned(lakeside, NIGHT + timedelta(hours=24 * 9))
    found = {word: n for word, n in (await effects(lakeside, ledger)).items() if word.startswith("night")}
    assert max(found.values()) == 1
    rows = await ledger._all(
        "select occasion from schedule where tenant_id = :t and name = 'trial.nightly' order by due_at",
        t=lakeside.tenant_id,
    )
    days = [datetime.fromisoformat(str(row[0])) for row in rows]
    assert days == sorted(set(days))


async def test_a_change_of_zone_rings_so_that_the_next_turn_reckons_anew(
    lakeside: World, ledger: Any, at_night: None, browse: Any
) -> None:
    await ledger.add(lakeside, "trial.effect")
    await drain_once()
    assert await ledger.due_now(lakeside) is False
    from server.tenants.practice import change_practice

    ada = lakeside.actor("ada")
    async with tenant_db(ada) as db:
        await change_practice(
            db, ada, name="Lakeside", npi="1881000008", phone="", time_zone="America/Los_Angeles"
        )
    assert await ledger.due_now(lakeside) is True
    await drain_once()
    rows = await ledger._all(
        "select due_at from schedule where tenant_id = :t and name = 'trial.nightly'", t=lakeside.tenant_id
    )
    assert [row[0].astimezone(ZoneInfo("America/Los_Angeles")).hour for row in rows] == [1]  # type: ignore[attr-defined]


async def test_the_worker_plans_in_its_turn_and_the_bell_waits_for_the_next_occasion(
    lakeside: World, ledger: Any, at_night: None, behind: AsyncEngine
) -> None:
    await ledger.add(lakeside, "trial.effect", word="first")
    await drain_once()
    (bell,) = await ledger._all("select due_at from bell where tenant_id = :t", t=lakeside.tenant_id)
    (first,) = await ledger._all(
        "select min(due_at) from schedule where tenant_id = :t and state = 'waiting'", t=lakeside.tenant_id
    )
    assert abs(bell[0] - first[0]) <= timedelta(seconds=6)
    # As if two hours had passed: what waits is due, and the bell rings.
    await ledger._all(
        "update schedule set due_at = date_trunc('hour', now()) - interval '2 hours', occasion = to_char(date_trunc('hour', "
        "now()) - interval '2 hours', 'YYYY-MM-DD\"T\"HH24:MI\"Z\"') where name = 'trial.hourly' and tenant_id = :t",
        t=lakeside.tenant_id,
    )
    await ledger._all("update bell set due_at = now()")
    await drain_once()
    words = await ledger.effects(lakeside)
    assert len([word for word in words if word.startswith("hour")]) == 3
    assert await ledger.due_now(lakeside) is False


async def test_a_broken_schedule_holds_up_nothing_else_and_is_not_spun_on(
    lakeside: World, ledger: Any
) -> None:
    def broken(occasion: str) -> dict[str, str]:
        raise ValueError

    schedule("trial.broken", Every(1), "trial.effect", says="x", args=broken)
    await ledger.add(lakeside, "trial.effect", word="a")
    await drain_once()
    await ledger._all(
        "update schedule set due_at = date_trunc('hour', now()) - interval '1 hour' where name = 'trial.broken'"
    )
    await ledger.add(lakeside, "trial.effect", "2", word="b")
    turns = 0
    while await work_once(doors()) is not None:
        turns += 1
        assert turns < 10, "it must not be spun on"
    assert await ledger.effects(lakeside) == ["a", "b"]


async def test_practices_whose_bell_is_silent_are_woken(lakeside: World, ledger: Any, at_night: None) -> None:
    assert await ledger.due_now(lakeside) is None
    assert await wake_the_silent(doors()) >= 1
    assert await ledger.due_now(lakeside) is True
    await ledger._all("delete from bell where tenant_id <> :t", t=lakeside.tenant_id)
    await drain_once()
    rows = await ledger._all("select name from schedule where tenant_id = :t", t=lakeside.tenant_id)
    assert len(rows) == 3
    await wake_the_silent(doors())
    assert await ledger.due_now(lakeside) is False, "one that will ring by itself is left alone"
    await ledger._all("delete from bell")
