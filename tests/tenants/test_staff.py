"""Who works in a practice, and P21 for invitations."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import any_, select

from server.errors import Refused
from server.ids import new_id
from server.tenants import invitations, practice, sessions, staff, tokens
from server.tenants.db import Doors, auth_db, tenant_db
from server.tenants.tables import AuditEvent, Membership, OneTimeLink, Staff

PASSWORD = "marble song kettle otter"


async def invite(
    world: Any, email: str = "", role: str = "care_manager", name: str = "Tess Moor", by: str = "ada"
) -> Any:
    actor = world.actor(by)
    async with tenant_db(actor) as db:
        return await staff.invite(
            db, actor, name=name, email=email or f"tess@{world.slug}.example", role=role
        )


async def row_of(world: Any, staff_id: Any) -> Any:
    async with tenant_db(world.actor("ada"), read_only=True) as db:
        return await staff.staff_for(db, world.actor("ada"), staff_id)


async def test_invited_joined_and_at_work(lakeside: Any, letters: Any, new_visitor: Any) -> None:
    made = await invite(lakeside)
    token = await letters.link(made.email)
    shown = await invitations.look_invitation(token)
    assert (shown.practice, shown.name, shown.role, shown.has_login) == (
        "Lakeside Family Medicine",
        "Tess Moor",
        "Care manager",
        False,
    )
    body = (await letters(made.email))[0].body
    assert "Ada Brandt invites you" in body
    issued = await invitations.accept_invitation(token, PASSWORD, new_visitor(), name="Tessa Moor")
    me = await sessions.session_actor(issued.token)
    assert me is not None
    assert (me.name, me.needs, [p.slug for p in me.practices]) == (
        "Tessa Moor",
        "authenticator",
        [lakeside.slug],
    )
    row = await row_of(lakeside, made.id)
    assert row.person_id == me.person_id
    assert row.joined_at is not None


async def test_accepting_a_hundred_times_at_once(
    lakeside: Any, letters: Any, new_visitor: Any, counts: Any
) -> None:
    made = await invite(lakeside)
    token = await letters.link(made.email)
    tries = await asyncio.gather(
        *(invitations.accept_invitation(token, PASSWORD, new_visitor()) for _ in range(100)),
        return_exceptions=True,
    )
    assert sum(isinstance(t, sessions.Issued) for t in tries) == 1
    assert {t.code for t in tries if isinstance(t, Refused)} <= {"LINK_OVER", "SIGN_IN_WRONG", "TRY_LATER"}
    counts("one invitation accepted 100 times at once: 1 success")


async def test_a_cut_between_the_two_doors_is_mended_by_the_next_entrance(
    lakeside: Any, lou: Any, letters: Any, new_visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await invite(lakeside, lou.email)

    async def cut(*given: object) -> None:
        raise ConnectionError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(sessions, "join", cut)
        with pytest.raises(ConnectionError):
            await invitations.accept_invitation(
                await letters.link(lou.email), "kettle otter marble song", new_visitor()
            )
    assert (await row_of(lakeside, made.id)).person_id is None
    full = await lou.in_()
    me = await sessions.session_actor(full.token)
    assert me is not None
    assert me.actor is not None
    assert me.actor.staff_id == made.id


async def test_an_invitation_is_bound_to_its_email_role_and_time(
    lakeside: Any, letters: Any, new_visitor: Any, superuser: Any
) -> None:
    made = await invite(lakeside, role="front_desk")
    token = await letters.link(made.email)
    for change, back in (
        ("role = 'administrator'", "role = 'front_desk'"),
        ("email = 'other@somewhere.example'", f"email = '{made.email}'"),
        ("active = false", "active = true"),
    ):
        await superuser(f"update staff set {change} where id = :id", id=made.id)
        with pytest.raises(Refused) as refused:
            await invitations.accept_invitation(token, PASSWORD, new_visitor())
        assert refused.value.code == "LINK_OVER", change
        await superuser(f"update staff set {back} where id = :id", id=made.id)
    [row] = await superuser("select * from one_time_link where staff_id = :id", id=made.id)
    assert row.ends_at - row.made_at == timedelta(hours=72)
    await superuser("update one_time_link set ends_at = now() where staff_id = :id", id=made.id)
    with pytest.raises(Refused) as refused:
        await invitations.look_invitation(token)
    assert refused.value.code == "LINK_OVER"


async def test_a_changed_role_or_a_second_letter_replaces_the_link(
    lakeside: Any, letters: Any, new_visitor: Any
) -> None:
    actor = lakeside.actor("ada")
    made = await invite(lakeside, role="front_desk")
    links = [await letters.link(made.email)]
    async with tenant_db(actor) as db:
        await staff.change_role(db, actor, made.id, "biller")
    links.append(await letters.link(made.email))
    async with tenant_db(actor) as db:
        await staff.invite_again(db, actor, made.id)
    links.append(await letters.link(made.email))
    assert len(set(links)) == 3
    for dead in links[:2]:
        with pytest.raises(Refused) as refused:
            await invitations.look_invitation(dead)
        assert refused.value.code == "LINK_OVER"
    assert (await invitations.look_invitation(links[2])).role == "Biller"


async def test_who_has_a_login_must_know_its_password(
    lakeside: Any, lou: Any, letters: Any, new_visitor: Any
) -> None:
    await invite(lakeside, lou.email)
    token = await letters.link(lou.email)
    assert (await invitations.look_invitation(token)).has_login
    with pytest.raises(Refused) as refused:
        await invitations.accept_invitation(token, PASSWORD, new_visitor())
    assert refused.value.code == "SIGN_IN_WRONG"
    issued = await invitations.accept_invitation(token, "kettle otter marble song", new_visitor())
    me = await sessions.session_actor(issued.token)
    assert me is not None
    assert me.person_id == lou.id
    assert me.name == "Lou Adams"


async def test_a_bad_new_password_leaves_the_link_alone(
    lakeside: Any, letters: Any, new_visitor: Any
) -> None:
    made = await invite(lakeside)
    token = await letters.link(made.email)
    with pytest.raises(Refused) as refused:
        await invitations.accept_invitation(token, "short", new_visitor())
    assert refused.value.code == "PASSWORD_SHORT"
    assert (await invitations.accept_invitation(token, PASSWORD, new_visitor())).stage == "password"


async def test_inviting_twice_says_who_is_there(lakeside: Any) -> None:
    made = await invite(lakeside)
    with pytest.raises(Refused) as refused:
        await invite(lakeside, made.email.upper())
    assert refused.value.code == "ALREADY_STAFF"
    assert "Tess Moor" in refused.value.message
    assert refused.value.field == "email"


async def test_the_same_email_in_two_practices_tells_neither(lakeside: Any, hillcrest: Any) -> None:
    """P5: what one practice holds cannot be noticed from another."""
    made = await invite(lakeside, "shared@somewhere.example")
    other = await invite(hillcrest, "shared@somewhere.example")
    assert made.id != other.id


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"name": ""}, "TEXT_MISSING", "name"),
        ({"name": "x\x00"}, "TEXT_UNSEEN", "name"),
        ({"email": "nobody"}, "EMAIL_FORM", "email"),
        ({"role": "owner"}, "ROLE_UNKNOWN", "role"),
        ({"npi": "1234567890"}, "NPI_CHECK_DIGIT", "npi"),
        ({"bills": True}, "BILLS_WITHOUT_NPI", "npi"),
    ],
)
async def test_bad_invitations_change_nothing(
    lakeside: Any, given: dict[str, Any], code: str, field: str
) -> None:
    actor = lakeside.actor("ada")
    values = {"name": "Tess Moor", "email": f"tess@{lakeside.slug}.example", "role": "provider"} | given
    with pytest.raises(Refused) as refused:
        async with tenant_db(actor) as db:
            await staff.invite(db, actor, **values)
    assert (refused.value.code, refused.value.field) == (code, field)
    async with auth_db() as db:
        links = await db.execute(select(OneTimeLink).where(OneTimeLink.tenant_id == lakeside.tenant_id))
        assert links.all() == []


async def test_only_administrators_change_the_staff(lakeside: Any) -> None:
    nora = lakeside.actor("nora")
    someone = lakeside.staff["fred"]
    async with tenant_db(nora) as db:
        for tried in (
            staff.invite(db, nora, name="T M", email="t@somewhere.example", role="biller"),
            staff.invite_again(db, nora, someone),
            staff.add_provider(db, nora, name="T M", npi="1234567893"),
            staff.change_staff(db, nora, someone, name="F O"),
            staff.change_role(db, nora, someone, "administrator"),
            staff.change_role(db, nora, lakeside.staff["nora"], "administrator"),
            staff.deactivate(db, nora, someone),
            staff.reactivate(db, nora, someone),
        ):
            with pytest.raises(Refused) as refused:
                await tried
            assert refused.value.code == "NOT_ALLOWED"


async def test_another_practice_s_staff_and_a_ghost_are_one_answer(
    lakeside: Any, hillcrest: Any, superuser: Any
) -> None:
    ada = lakeside.actor("ada")
    before = await superuser(
        "select s::text from staff s where tenant_id = :id order by id", id=hillcrest.tenant_id
    )
    verbs = (
        lambda db, id: staff.staff_for(db, ada, id),
        lambda db, id: staff.invite_again(db, ada, id),
        lambda db, id: staff.change_staff(db, ada, id, name="New Name"),
        lambda db, id: staff.change_role(db, ada, id, "mentor"),
        lambda db, id: staff.deactivate(db, ada, id),
        lambda db, id: staff.reactivate(db, ada, id),
    )
    for verb in verbs:
        answers = set()
        for id in (hillcrest.staff["nora"], new_id()):
            async with tenant_db(ada) as db:
                with pytest.raises(Refused) as refused:
                    await verb(db, id)
                answers.add((refused.value.code, refused.value.message))
        assert len(answers) == 1
        assert answers.pop()[0] == "NOT_FOUND"
    assert (
        await superuser(
            "select s::text from staff s where tenant_id = :id order by id", id=hillcrest.tenant_id
        )
        == before
    )


async def test_the_last_administrator_stays(lakeside: Any) -> None:
    ada = lakeside.actor("ada")
    await invite(lakeside, role="administrator")  # somebody who has not joined cannot take over
    for verb in (
        lambda db: staff.deactivate(db, ada, lakeside.staff["ada"]),
        lambda db: staff.change_role(db, ada, lakeside.staff["ada"], "mentor"),
    ):
        with pytest.raises(Refused) as refused:
            async with tenant_db(ada) as db:
                await verb(db)
        assert refused.value.code == "LAST_ADMINISTRATOR"
        assert "Ada Brandt" in refused.value.message
    async with tenant_db(ada) as db:
        await staff.change_role(db, ada, lakeside.staff["nora"], "administrator")
        await staff.change_role(db, ada, lakeside.staff["ada"], "mentor")


async def test_two_administrators_who_demote_each_other_at_once(lakeside: Any, counts: Any) -> None:
    ada = lakeside.actor("ada")
    for _ in range(5):
        async with tenant_db(ada) as db:
            for who in ("ada", "nora"):
                await staff.change_role(db, ada, lakeside.staff[who], "administrator")

        async def demote(who: str) -> None:
            async with tenant_db(ada) as db:
                await staff.change_role(db, ada, lakeside.staff[who], "mentor")

        results = await asyncio.gather(demote("ada"), demote("nora"), return_exceptions=True)
        assert [r.code for r in results if isinstance(r, Refused)] == ["LAST_ADMINISTRATOR"]
    counts("two administrators demoting each other at once, 5 rounds: one refused each time")


async def test_leaving_and_coming_back(lakeside: Any, superuser: Any) -> None:
    ada, fred = lakeside.actor("ada"), lakeside.staff["fred"]
    async with tenant_db(ada) as db:
        await staff.deactivate(db, ada, fred)
        await staff.deactivate(db, ada, fred)
    assert await sessions.session_actor(lakeside.sessions["fred"]) is None
    [(revoked,)] = await superuser(
        "select revoked_at from api_token where person_id = :id", id=lakeside.persons["fred"]
    )
    assert revoked is not None
    async with tenant_db(ada, read_only=True) as db:
        assert fred not in {s.id for s in await staff.list_staff(db, ada)}
        assert fred in {s.id for s in await staff.list_staff(db, ada, with_left=True)}
    async with tenant_db(ada) as db:
        assert (await staff.reactivate(db, ada, fred)).active
    async with auth_db() as db:
        back = select(Membership).where(Membership.person_id == lakeside.persons["fred"])
        assert (await db.execute(back)).first() is not None
    assert await sessions.session_actor(lakeside.sessions["fred"]) is None  # the old session stays ended


async def test_what_was_undone_in_the_practice_was_not_done_at_the_door(
    lakeside: Any, hillcrest: Any, superuser: Any, letters: Any
) -> None:
    """A change, and the failure of what came after it in the same transaction: nobody signed out, nothing mailed."""
    ada, fred, nora = lakeside.actor("ada"), lakeside.staff["fred"], lakeside.staff["nora"]
    door = """select (select count(*) from sign_in where ended_at is null),
      (select count(*) from api_token where revoked_at is null), (select count(*) from membership),
      (select count(*) from one_time_link where used_at is null), (select count(*) from mail),
      (select array_agg(name order by id) from directory)"""
    before = await superuser(door)

    async def everything() -> None:
        async with tenant_db(ada) as db:
            await staff.change_role(db, ada, nora, "biller")
            await staff.deactivate(db, ada, fred)
            await staff.invite(
                db, ada, name="Lou Ortiz", email="lou.undone@lakeside.example", role="care_manager"
            )
            await practice.change_practice(
                db, ada, name="Another name", npi="1881000008", phone="", time_zone="America/Detroit"
            )
            await tokens.create_token(db, ada, name="Undone", scopes=["read"], days=3)
            raise ConnectionError("the power went")

    with pytest.raises(ConnectionError):
        await everything()
    assert await superuser(door) == before
    assert await sessions.session_actor(lakeside.sessions["fred"]) is not None


async def test_coming_back_again_opens_the_door_that_a_cut_left_shut(
    lakeside: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, fred = lakeside.actor("ada"), lakeside.staff["fred"]

    async def cut(*_: object) -> None:
        raise ConnectionError("the power went")

    async with tenant_db(ada) as db:
        await staff.deactivate(db, ada, fred)
    with monkeypatch.context() as patch:
        patch.setattr(Doors, "_do_later", cut)
        with pytest.raises(ConnectionError):
            async with tenant_db(ada) as db:
                await staff.reactivate(db, ada, fred)
    there = "select count(*) from membership where person_id = :id and tenant_id = :tenant"
    named = {"id": lakeside.persons["fred"], "tenant": lakeside.tenant_id}
    assert await superuser(there, **named) == [(0,)]
    async with tenant_db(ada) as db:
        await staff.reactivate(db, ada, fred)
    assert await superuser(there, **named) == [(1,)]


async def test_leaving_again_ends_what_a_cut_left_open(
    lakeside: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, fred = lakeside.actor("ada"), lakeside.staff["fred"]

    async def cut(*_: object) -> None:
        raise ConnectionError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(Doors, "_do_later", cut)
        with pytest.raises(ConnectionError):
            async with tenant_db(ada) as db:
                await staff.deactivate(db, ada, fred)
    left = """select (select count(*) from sign_in where person_id = :id and ended_at is null),
      (select count(*) from api_token where person_id = :id and revoked_at is null),
      (select count(*) from membership where person_id = :id)"""
    assert await superuser(left, id=lakeside.persons["fred"]) == [(1, 1, 1)]
    me = await sessions.session_actor(lakeside.sessions["fred"])
    assert me is not None
    assert me.actor is None, "nothing is allowed meanwhile"
    async with tenant_db(ada) as db:
        await staff.deactivate(db, ada, fred)
    assert await superuser(left, id=lakeside.persons["fred"]) == [(0, 0, 0)]


async def test_a_provider_without_a_sign_in(lakeside: Any) -> None:
    ada = lakeside.actor("ada")
    async with tenant_db(ada) as db:
        made = await staff.add_provider(db, ada, name="Noor Haddad", npi="1881000008")
        with pytest.raises(Refused) as refused:
            await staff.add_provider(db, ada, name="Noor Haddad", npi="1881000008")
        assert refused.value.code == "NPI_TAKEN"
        with pytest.raises(Refused) as refused:
            await staff.add_provider(db, ada, name="Somebody", npi="")
        assert refused.value.code == "BILLS_WITHOUT_NPI"
        changed = await staff.change_staff(
            db, ada, made.id, name="Noor A. Haddad", npi="1881000008", bills=True
        )
    assert (changed.name, changed.role, changed.bills, changed.email, changed.person_id) == (
        "Noor A. Haddad",
        "provider",
        True,
        "",
        None,
    )


async def test_who_did_what_is_written_down(lakeside: Any) -> None:
    made = await invite(lakeside)
    ada = lakeside.actor("ada")
    async with tenant_db(ada) as db:
        await staff.change_role(db, ada, made.id, "biller")
        await staff.deactivate(db, ada, made.id)
        await staff.reactivate(db, ada, made.id)
    async with tenant_db(ada, read_only=True) as db:
        events = await db.execute(
            select(AuditEvent).where(made.id == any_(AuditEvent.entity_ids)).order_by(AuditEvent.id)
        )
        found = [(e.action, e.staff_id, e.effect) for e in events.scalars()]
    names = ("staff.invite", "staff.change_role", "staff.deactivate", "staff.reactivate")
    assert found == [(name, lakeside.staff["ada"], "write") for name in names]


async def test_my_own_row(lakeside: Any) -> None:
    nora = lakeside.actor("nora")
    async with tenant_db(nora, read_only=True) as db:
        row: Staff = await staff.my_staff_row(db, nora)
    assert row.name == "Nora Feld"
