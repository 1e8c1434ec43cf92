"""The demo practices: made once, signed into like any other, and the only ones whose codes are shown."""

from typing import Any

import pytest
from sqlalchemy import func, select

from server import demo, demo_cast
from server.errors import Refused
from server.tenants import agreements, demo_code, payers, qualifications, sessions, sign_in, staff, totp
from server.tenants.db import tenant_db
from server.tenants.names import fold_email
from server.tenants.npi import check_npi
from server.tenants.passwords import check_password
from server.tenants.permissions import ROLES
from server.tenants.tables import AuditEvent


@pytest.fixture
async def sign_ins(database: str) -> list[dict[str, str]]:
    return await demo.seed()


def test_the_cast_is_sound() -> None:
    for practice in demo_cast.PRACTICES:
        check_npi(practice.npi)
        assert {m.role for m in practice.staff} == set(ROLES)
        assert {m.discipline for m in practice.staff} <= set(qualifications.DISCIPLINES)
        for member in practice.staff:
            assert fold_email(member.email(practice.slug)) == member.email(practice.slug)
            if member.npi:
                check_npi(member.npi)
    check_password(demo_cast.PASSWORD)
    assert len({m.email(p.slug) for p in demo_cast.PRACTICES for m in p.staff}) == 15  # one works in both


@pytest.fixture(autouse=True)
def _staff_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The people of the demo are tested in tests/house/test_demo.py; here it is about its staff."""

    async def nobody() -> None:
        return

    monkeypatch.setattr("server.demo_people.seed_people", nobody)


async def test_seeding_twice_changes_nothing(sign_ins: list[dict[str, str]], superuser: Any) -> None:
    tables = (
        "person",
        "directory",
        "membership",
        "staff",
        "site",
        "payer",
        "qualification",
        "acceptance",
        "practice",
    )
    snapshot = [await superuser(f"select t::text from {table} t order by 1") for table in tables]
    assert await demo.seed() == sign_ins
    assert [await superuser(f"select t::text from {table} t order by 1") for table in tables] == snapshot
    assert len(sign_ins) == 16


async def test_everybody_can_sign_in_with_what_is_printed(
    sign_ins: list[dict[str, str]], new_visitor: Any, superuser: Any
) -> None:
    await superuser("update person set totp_last_step = 0")
    for one in sign_ins[:8]:
        first = await sign_in.with_password(one["email"], one["password"], new_visitor())
        code = await demo_code.current_code(one["email"])
        assert code in {
            totp.code_at(one["totp_secret"], totp.step_at(sessions.now()) + d) for d in (-1, 0, 1)
        }
        full = await sign_in.second_factor(first.token, code, new_visitor())
        me = await sessions.session_actor(full.token)
        assert me is not None
        if one["email"] == "bill@lakeside.example":
            assert me.needs == "practice"
            assert {p.slug for p in me.practices} == {"lakeside", "hillcrest"}
        else:
            assert me.actor is not None
            assert me.actor.role == one["role"]
        assert one["email"] in demo.told(sign_ins)


async def test_the_practices_are_ready_for_patients(sign_ins: list[dict[str, str]]) -> None:
    actor = await demo.actor_of("lakeside", "nora")
    async with tenant_db(actor) as db:
        await agreements.require_open(db, actor)
        assert {p.name: p.kind for p in await payers.list_payers(db, actor)} == demo_cast.PAYERS
        people = await staff.list_staff(db, actor)
        assert [s.name for s in people if s.bills] == ["Lin Wei"]
        assert all(s.joined_at for s in people)
    async with tenant_db(actor, read_only=True) as db:
        events = await db.execute(select(func.count()).select_from(AuditEvent))
        assert events.scalar_one() > 0


async def test_codes_are_shown_for_demo_people_only(
    sign_ins: list[dict[str, str]], lakeside: Any, lou: Any, superuser: Any
) -> None:
    await superuser("update person set totp_last_step = 0")
    assert await demo_code.is_demo_person("nora@lakeside.example")
    for email in (lakeside.emails["nora"], lou.email, "nobody@somewhere.example"):
        assert not await demo_code.is_demo_person(email)
        with pytest.raises(Refused) as refused:
            await demo_code.current_code(email)
        assert refused.value.code == "NOT_DEMO"
    # Somebody who also works in a real practice is no demo person any more.
    [(person,)] = await superuser("select id from person where email = 'nora@lakeside.example'")
    await superuser(
        "insert into membership values (:person, :tenant)", person=person, tenant=lakeside.tenant_id
    )
    assert not await demo_code.is_demo_person("nora@lakeside.example")
    await superuser(
        "delete from membership where tenant_id = :tenant and person_id = :person",
        person=person,
        tenant=lakeside.tenant_id,
    )


async def test_used_up_codes_say_when_the_next_comes(sign_ins: list[dict[str, str]], superuser: Any) -> None:
    step = totp.step_at(sessions.now())
    await superuser(
        "update person set totp_last_step = :step where email = 'rosa@lakeside.example'", step=step
    )
    assert len(await demo_code.current_code("rosa@lakeside.example")) == 6
    await superuser(
        "update person set totp_last_step = :step where email = 'rosa@lakeside.example'", step=step + 2
    )
    with pytest.raises(Refused) as refused:
        await demo_code.current_code("rosa@lakeside.example")
    assert refused.value.code == "WAIT_FOR_CODE"
    assert await demo_code.is_demo_person("rosa@lakeside.example")


async def test_a_real_practice_of_the_name_is_left_alone(
    sign_ins: list[dict[str, str]], superuser: Any
) -> None:
    await superuser("update directory set demo = false where slug = 'hillcrest'")
    try:
        with pytest.raises(Refused) as refused:
            await demo.seed()
        assert refused.value.code == "DEMO_SLUG_TAKEN"
    finally:
        await superuser("update directory set demo = true where slug = 'hillcrest'")


async def test_a_seed_that_was_cut_off_is_finished_by_the_next(superuser: Any, database: str) -> None:
    await demo.seed()
    await superuser("update directory set state = 'preparing' where slug = 'hillcrest'")
    tenant = await demo.practice_id("hillcrest")
    for table in (
        "days_away",
        "working_hours",
        "qualification",
        "provider_billing",
        "site_billing",
        "charge",
        "payer_route",
        "site",
        "payer",
    ):
        await superuser(f"delete from {table} where tenant_id = :id", id=tenant)
    await superuser("delete from staff where tenant_id = :id and role <> 'administrator'", id=tenant)
    assert len(await demo.seed()) == 16
    actor = await demo.actor_of("hillcrest", "tomas")
    async with tenant_db(actor, read_only=True) as db:
        assert len(await staff.list_staff(db, actor)) == 7
