"""The invented lives stored: whole, behind the wall of their practice, and shown by the pages people work with."""

import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cast import World, make_practice
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from server import demo_large
from server.claims.actions import ask_to_close
from server.clock import today
from server.demo_bulk import ORDER
from server.demo_lives import fill_practice
from server.demo_rows import rows_of
from server.errors import Refused
from server.lives.places import HILLCREST, LAKESIDE, TEAMS
from server.minutes.proof import prove_totals
from server.patients.tables import Patient
from server.tenants.db import tenant_db

PEOPLE = {"lakeside": 45, "hillcrest": 12}


@pytest.fixture
def superuser(behind: AsyncEngine) -> Callable[..., Any]:
    """Rows as the database has them, behind every door."""

    async def ask(statement: str, **values: object) -> list[tuple[Any, ...]]:
        async with behind.begin() as connection:
            return [tuple(row) for row in await connection.execute(text(statement), values)]

    return ask


@pytest.fixture(scope="module")
async def filled(database: str) -> tuple[World, World]:
    """Both practices with invented people. hillcrest's team is lakeside's here: the cast is the same in both."""
    here, there = await make_practice("lakeside"), await make_practice("hillcrest")
    for world, place in ((here, LAKESIDE), (there, HILLCREST)):
        came = await fill_practice(
            world.system("minutes.write"), place, TEAMS["lakeside"], 20, PEOPLE[place.slug]
        )
        assert came == PEOPLE[place.slug]
    return here, there


async def test_everything_is_stored_and_no_id_is_shared(filled: tuple[World, World], superuser: Any) -> None:
    here, there = filled
    for table in ORDER:
        rows = await superuser(
            f"select tenant_id, count(*), count(distinct id) from {table} where tenant_id in (:a, :b) group by 1",
            a=here.tenant_id, b=there.tenant_id,
        )  # fmt: skip
        assert all(count == ids for _, count, ids in rows)
        if table not in {
            "stay",
            "allergy",
            "safety_concern",
            "safety_closing",
            "dirty_month",
        }:  # a small practice may have none; marks go with the count
            assert len(rows) == 2, table
        shared = await superuser(
            f"select count(*) from {table} x join {table} y on y.id = x.id where x.tenant_id = :a and y.tenant_id = :b",
            a=here.tenant_id, b=there.tenant_id,
        )  # fmt: skip
        assert shared == [(0,)]


async def test_each_practice_sees_its_own_alone(filled: tuple[World, World], hillcrest: World) -> None:
    for world, people in zip((*filled, hillcrest), (45, 12, 0), strict=True):
        async with tenant_db(world.actor("nora"), read_only=True) as db:
            assert await db.scalar(select(func.count()).select_from(Patient)) == people


async def test_the_totals_are_what_a_count_from_zero_says(
    filled: tuple[World, World], drain: Any, superuser: Any
) -> None:
    await drain()
    for world in filled:
        ledger = await superuser("select count(*) from time_entry where tenant_id = :id", id=world.tenant_id)
        held = await superuser("select count(*) from person_time where tenant_id = :id", id=world.tenant_id)
        assert ledger == held
        assert ledger[0][0] > 50
        assert await superuser(
            "select count(*) from dirty_month where tenant_id = :id", id=world.tenant_id
        ) == [(0,)]
        actor = world.system("minutes.write")
        async with tenant_db(actor) as db:
            await prove_totals(db, actor, today(actor.zone))
        [(compared, different)] = await superuser(
            "select compared, different from total_proof where tenant_id = :id order by day desc limit 1", id=world.tenant_id
        )  # fmt: skip
        assert compared > 20
        assert different == 0


async def test_an_initiating_visit_is_of_whoever_wrote_its_note(
    filled: tuple[World, World], superuser: Any
) -> None:
    for world in filled:
        pairs = await superuser(
            "select v.practitioner_id, e.staff_id from practitioner_visit v join encounter e on e.patient_id = v.patient_id "
            "and (e.at at time zone :zone)::date = v.visited_on and e.kind = 'in_person' and e.program = '' "
            "where v.tenant_id = :id",
            id=world.tenant_id, zone=world.zone,
        )  # fmt: skip
        assert pairs
        assert all(practitioner == writer for practitioner, writer in pairs)


async def test_the_pages_open_and_never_say_case(filled: tuple[World, World], browse: Any) -> None:
    here, there = filled
    pages = browse(here, "nora")
    first = await pages.get("/")
    assert first.status_code == 200
    people = re.findall(r'href="(/people/[0-9a-f-]{36})"', first.text)
    assert len(set(people)) >= 5
    opened = {"/": first.text}
    for path in ("/people", *dict.fromkeys(people), f"{people[0]}/chart"):
        answer = await pages.get(path)
        assert answer.status_code == 200, path
        opened[path] = answer.text
    months = await browse(here, "ada").get("/month")
    assert months.status_code == 200
    opened["/month"] = months.text
    for path, html in opened.items():
        shown = re.sub(r"<[^>]+>", " ", html)
        assert not re.search(r"\bcases?\b", shown, re.IGNORECASE), path
    for path in people[:3]:
        assert (await browse(there, "nora").get(path)).status_code == 404


async def test_their_months_close_with_lines_and_holds(
    filled: tuple[World, World], drain: Any, superuser: Any
) -> None:
    here, _ = filled
    actor = here.actor("ada")
    first = today(actor.zone).replace(day=1)
    month = f"{first - timedelta(days=1):%Y-%m}"
    async with tenant_db(actor) as db:
        await ask_to_close(db, actor, month)
    for _ in range(3):
        await drain()
    [(state, patients, lines, holds)] = await superuser(
        "select state, patients, lines, holds from month_close where tenant_id = :id", id=here.tenant_id
    )
    assert state == "done"
    assert patients >= 15
    assert lines >= 5
    assert holds >= 1
    reasons = await superuser(
        "select distinct reason from claim_hold where tenant_id = :id", id=here.tenant_id
    )
    assert "PLUGIN_FAULT" not in {reason for (reason,) in reasons}


def test_rows_name_no_table_without_an_order() -> None:
    from datetime import date
    from uuid import UUID

    from server.demo_rows import House
    from server.lives.people import lives

    keys = [
        key
        for group in TEAMS["lakeside"].__class__.__slots__
        if group != "bills"
        for key in getattr(TEAMS["lakeside"], group)
    ]
    payers = {LAKESIDE.medicare: UUID(int=1), LAKESIDE.commercial: UUID(int=2), LAKESIDE.other: UUID(int=3)}
    house = House(UUID(int=9), LAKESIDE.zone, {key: UUID(int=9) for key in keys}, payers, UUID(int=9), {})
    for one in lives(20, LAKESIDE, TEAMS["lakeside"], date(2026, 11, 23), 60):
        _, rows = rows_of(house, one, "X")
        assert set(rows) <= set(ORDER)


async def test_large_practices_are_made_once_and_apart(database: str, superuser: Any) -> None:
    seed = secrets.randbelow(10**9)
    made = await demo_large.make(8, 2, seed)
    assert made["practices"] == [f"large-{seed}-1", f"large-{seed}-2"]
    rows = await superuser(
        "select d.slug, count(*), count(distinct p.given_names || p.family_name) from patient p "
        "join directory d on d.id = p.tenant_id where d.slug like :slug group by 1 order by 1",
        slug=f"large-{seed}-%",
    )
    assert rows == [(f"large-{seed}-1", 8, 8), (f"large-{seed}-2", 8, 8)]
    both = await superuser(
        "select p.given_names, p.family_name, p.birth_date from patient p join directory d on d.id = p.tenant_id "
        "where d.slug like :slug group by 1, 2, 3 having count(*) > 1",
        slug=f"large-{seed}-%",
    )
    assert both == []
    with pytest.raises(Refused) as refused:
        await demo_large.make(8, 1, seed)
    assert refused.value.code == "LARGE_DEMO_THERE"


def test_the_command_for_large_ones_says_what_it_needs() -> None:
    from typer.testing import CliRunner

    from server.cli import app

    said = CliRunner().invoke(app, ["demo"])
    assert said.exit_code == 2
    assert "--patients" in said.output
    assert "--practices" in said.output
