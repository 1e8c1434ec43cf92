"""P20: a token is good for exactly as long and as much as it should be."""

import asyncio
import secrets
from typing import Any

import pytest
from sqlalchemy import select

from server.errors import Refused
from server.ids import new_id
from server.tenants import own_password, sessions, sign_in, staff
from server.tenants.db import auth_db, tenant_db
from server.tenants.tables import AuditEvent, Membership, SignIn, Staff
from server.tenants.tokens_text import token_hash

GONE = None


async def me_of(token: str) -> sessions.SignedIn:
    me = await sessions.session_actor(token)
    assert me is not None
    return me


async def add_to(world: Any, login: Any, role: str = "biller") -> Any:
    """Put a login on a practice's staff."""
    async with tenant_db(world.system()) as db:
        row = Staff(
            tenant_id=world.tenant_id, id=new_id(), person_id=login.id, name=login.name, email=login.email, role=role,
            made_at=sessions.now(),
        )  # fmt: skip
        db.add(row)
    async with auth_db() as db:
        db.add(Membership(person_id=login.id, tenant_id=world.tenant_id))
    return row.id


async def test_the_cast_is_signed_in(lakeside: Any) -> None:
    me = await me_of(lakeside.sessions["nora"])
    assert me.actor is not None
    assert (me.actor.tenant_id, me.actor.role, me.actor.zone, me.needs) == (
        lakeside.tenant_id,
        "care_manager",
        "America/Detroit",
        "",
    )
    assert me.actor.rights == lakeside.actor("nora").rights


@pytest.mark.parametrize("token", ["", "x", "cw_session_" + "A" * 43, "\x00", "\ud800", "9" * 100_000])
async def test_what_was_never_issued_opens_nothing(database: str, token: str) -> None:
    assert await sessions.session_actor(token) is GONE


async def test_only_hashes_are_kept(lou: Any, superuser: Any) -> None:
    full = await lou.in_()
    rows = await superuser("select s::text from sign_in s where person_id = :id", id=lou.id)
    assert not any(full.token in row[0] or full.token.encode().hex() in row[0] for row in rows)


async def test_a_token_planted_before_sign_in_never_becomes_good(lou: Any, superuser: Any) -> None:
    first = await lou.password_stage()
    await lou.forget_steps()
    full = await sign_in.second_factor(first.token, lou.code(), lou.visitor)
    changed = await own_password.change(
        full.token, "kettle otter marble song", "marble song kettle otter", lou.visitor
    )
    everyone = [first.token, full.token, changed.token]
    assert len(set(everyone)) == 3
    alive = [await sessions.session_actor(token) is not None for token in everyone]
    assert alive == [False, False, True]


async def test_idle_and_absolute_ends(lou: Any, superuser: Any) -> None:
    for column, ago, alive in (
        ("seen_at", "14 minutes 50 seconds", True),
        ("seen_at", "15 minutes 1 second", False),
        ("ends_at", "1 second", False),
    ):
        full = await lou.in_()
        await superuser(
            f"update sign_in set {column} = now() - interval '{ago}' where id = :id", id=full.session_id
        )
        assert (await sessions.session_actor(full.token, touch=False) is not None) is alive, (column, ago)


async def test_twelve_hours_and_a_quarter_of_an_hour(lou: Any) -> None:
    first = await lou.password_stage()
    me = await me_of(first.token)
    assert abs((me.ends_at - sessions.now() - sessions.CHALLENGE).total_seconds()) < 30
    me = await me_of((await lou.in_()).token)
    assert abs((me.ends_at - sessions.now() - sessions.ABSOLUTE).total_seconds()) < 30
    assert abs((me.idle_at - sessions.now() - sessions.IDLE).total_seconds()) < 30


async def test_being_seen_is_written_down_at_most_every_half_minute(
    lou: Any, superuser: Any, watch: Any
) -> None:
    full = await lou.in_()
    with watch() as work:
        await sessions.session_actor(full.token)
    assert not any("UPDATE" in line for line in work.done)
    await superuser(
        "update sign_in set seen_at = now() - interval '31 seconds' where id = :id", id=full.session_id
    )
    with watch() as work:
        await sessions.session_actor(full.token, touch=False)  # a poll keeps nobody awake
    assert not any("UPDATE" in line for line in work.done)
    with watch() as work:
        await sessions.session_actor(full.token)
    assert sum("UPDATE" in line for line in work.done) == 1
    assert (await me_of(full.token)).idle_at > sessions.now() + sessions.IDLE / 2


async def test_signing_out_while_twenty_requests_run(lou: Any, counts: Any) -> None:
    full = await lou.in_()
    requests = [sessions.session_actor(full.token) for _ in range(20)]
    await asyncio.gather(*requests[:10], sessions.sign_out(full.token), *requests[10:])
    after = await asyncio.gather(*(sessions.session_actor(full.token) for _ in range(20)))
    assert after == [GONE] * 20
    await sessions.sign_out(full.token)  # twice is no error
    counts("20 requests during sign-out: 0 of 20 accepted after it")


async def test_everything_that_ends_sessions_ends_them(
    lakeside: Any, new_login: Any, superuser: Any, counts: Any
) -> None:
    accepted = 0
    for ending in (
        "sign out",
        "everywhere",
        "one by one",
        "password",
        "disabled",
        "deactivated",
        "role",
        "expired",
    ):
        lou = await new_login()
        staff_id = await add_to(lakeside, lou)
        full, other = await lou.in_(), await lou.in_()
        assert (await me_of(full.token)).actor is not None
        ada = lakeside.actor("ada")
        match ending:
            case "sign out":
                await sessions.sign_out(full.token)
            case "everywhere":
                await sessions.sign_out_everywhere(await me_of(other.token))
                assert await sessions.session_actor(other.token) is GONE
            case "one by one":
                await sessions.end_session(await me_of(other.token), full.session_id)
                assert (await me_of(other.token)).actor is not None
            case "password":
                await own_password.change(
                    other.token, "kettle otter marble song", "marble song kettle otter", lou.visitor
                )
            case "disabled":
                await superuser("update person set disabled_at = now() where id = :id", id=lou.id)
            case "deactivated":
                async with tenant_db(ada) as db:
                    await staff.deactivate(db, ada, staff_id)
            case "role":
                async with tenant_db(ada) as db:
                    await staff.change_role(db, ada, staff_id, "front_desk")
            case "expired":
                await superuser("update sign_in set ends_at = now() where id = :id", id=full.session_id)
        accepted += await sessions.session_actor(full.token) is not GONE
    assert accepted == 0
    counts("8 ways for a session to end: 0 accepted after")


async def test_a_role_taken_away_in_the_database_is_gone_at_the_next_request(
    lakeside: Any, new_login: Any, superuser: Any
) -> None:
    """Even if ending the sessions had been cut off: rights are never kept in a session."""
    lou = await new_login()
    await add_to(lakeside, lou, "administrator")
    full = await lou.in_()
    assert (await me_of(full.token)).actor.may("staff.write")  # type: ignore[union-attr]
    await superuser("update staff set role = 'front_desk' where person_id = :id", id=lou.id)
    me = await me_of(full.token)
    assert me.actor is not None
    assert (me.actor.role, me.actor.may("staff.write")) == ("front_desk", False)
    await superuser("update staff set active = false where person_id = :id", id=lou.id)
    me = await me_of(full.token)
    assert (me.actor, me.practice) == (None, None)


async def test_one_login_two_practices(lakeside: Any, hillcrest: Any, new_login: Any) -> None:
    lou = await new_login()
    await add_to(lakeside, lou, "biller")
    await add_to(hillcrest, lou, "administrator")
    full = await lou.in_()
    me = await me_of(full.token)
    assert (me.needs, me.actor) == ("practice", None)
    assert {p.slug for p in me.practices} == {lakeside.slug, hillcrest.slug}

    there = await sessions.enter(full.token, lakeside.tenant_id)
    assert await sessions.session_actor(full.token) is GONE
    actor = (await me_of(there.token)).actor
    assert actor is not None
    assert (actor.tenant_id, actor.role) == (lakeside.tenant_id, "biller")
    back = await sessions.enter(there.token, hillcrest.tenant_id)
    assert await sessions.session_actor(there.token) is GONE
    actor = (await me_of(back.token)).actor
    assert actor is not None
    assert (actor.tenant_id, actor.role) == (hillcrest.tenant_id, "administrator")
    async with tenant_db(lakeside.system(), read_only=True) as db:
        entered = await db.execute(select(AuditEvent.action).where(AuditEvent.staff_id.is_not(None)))
        assert list(entered.scalars()) == ["practice.enter"]

    ada = lakeside.actor("ada")
    async with tenant_db(ada) as db:  # leaving one practice does not sign out of the other
        rows = await staff.list_staff(db, ada)
        await staff.deactivate(db, ada, next(r.id for r in rows if r.person_id == lou.id))
    assert (await me_of(back.token)).actor is not None


async def test_another_practice_and_one_that_does_not_exist_are_one_answer(
    hillcrest: Any, lakeside: Any
) -> None:
    answers = set()
    for tenant_id in (hillcrest.tenant_id, new_id()):
        with pytest.raises(Refused) as refused:
            await sessions.enter(lakeside.sessions["nora"], tenant_id)
        answers.add((refused.value.code, refused.value.message, refused.value.next_step))
    assert len(answers) == 1
    assert (await me_of(lakeside.sessions["nora"])).actor is not None


async def test_a_membership_alone_opens_nothing(hillcrest: Any, new_login: Any) -> None:
    lou = await new_login(member_of=(hillcrest.tenant_id,))
    full = await lou.in_()
    me = await me_of(full.token)
    assert (me.actor, me.needs) == (None, "practice")
    with pytest.raises(Refused) as refused:
        await sessions.enter(full.token, hillcrest.tenant_id)
    assert refused.value.code == "NOT_FOUND"


async def test_one_s_own_sessions_are_listed_and_nobody_else_s_can_be_ended(lakeside: Any, lou: Any) -> None:
    full, other = await lou.in_(), await lou.in_()
    me = await me_of(full.token)
    shown = await sessions.my_sessions(me)
    assert {s.id for s in shown} == {full.session_id, other.session_id}
    assert [s.id for s in shown if s.this] == [full.session_id]
    assert {s.device for s in shown} == {"Firefox on Linux"}
    nora = await me_of(lakeside.sessions["nora"])
    for id in (nora.session_id, new_id()):
        with pytest.raises(Refused) as refused:
            await sessions.end_session(me, id)
        assert refused.value.code == "NOT_FOUND"
    await sessions.sign_out_everywhere(me, but_here=True)
    assert [s.id for s in await sessions.my_sessions(me)] == [full.session_id]
    assert (await me_of(lakeside.sessions["nora"])).actor is not None


async def test_csrf_secrets_change_with_the_token(lou: Any) -> None:
    first = await lou.password_stage()
    before = (await me_of(first.token)).csrf_secret
    await lou.forget_steps()
    full = await sign_in.second_factor(first.token, lou.code(), lou.visitor)
    assert (await me_of(full.token)).csrf_secret != before


async def test_old_sessions_are_forgotten(lou: Any, superuser: Any) -> None:
    token = secrets.token_hex(8)
    async with auth_db() as db:
        at = sessions.now()
        db.add(
            SignIn(
                id=new_id(), token_hash=token_hash(token), csrf_secret=b"x", person_id=lou.id, stage="full",
                made_at=at, seen_at=at, ends_at=at,
            )
        )  # fmt: skip
    await superuser(
        "update sign_in set ends_at = now() - interval '31 days' where person_id = :id", id=lou.id
    )
    assert await sessions.forget_old() >= 1
