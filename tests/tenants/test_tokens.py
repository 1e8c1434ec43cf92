"""API tokens: what they open, never more than their owner, and for how long."""

from datetime import timedelta
from typing import Any

import pytest

from server.clock import now
from server.errors import Refused
from server.ids import new_id
from server.tenants import tokens
from server.tenants.db import tenant_db
from server.tenants.permissions import SCOPES, permissions_of


async def made(world: Any, **given: Any) -> tokens.NewToken:
    ada = world.actor("ada")
    values: dict[str, Any] = {"name": "Nightly report", "scopes": ["read"], "days": 30} | given
    async with tenant_db(ada) as db:
        return await tokens.create_token(db, ada, **values)


async def test_made_used_listed_and_revoked(lakeside: Any, superuser: Any) -> None:
    new = await made(lakeside)
    assert new.text.startswith("cw_api_")
    assert abs((new.ends_at - now() - timedelta(days=30)).total_seconds()) < 30
    actor = await tokens.token_actor(new.text, request_id="r1")
    assert actor is not None
    assert (actor.tenant_id, actor.staff_id, actor.via, actor.request_id) == (
        lakeside.tenant_id,
        lakeside.staff["ada"],
        "graphql",
        "r1",
    )
    assert actor.rights == SCOPES["read"] & permissions_of("administrator")
    rows = await superuser("select t::text from api_token t where tenant_id = :id", id=lakeside.tenant_id)
    assert not any(new.text in row[0] for row in rows)
    ada = lakeside.actor("ada")
    async with tenant_db(ada) as db:
        lines = await tokens.list_tokens(db, ada)
        line = next(one for one in lines if one.id == new.id)
        assert (line.name, line.owner, line.scopes, line.state) == (
            "Nightly report",
            "Ada Brandt",
            ("read",),
            "live",
        )
        assert line.used_at is not None
        await tokens.revoke_token(db, ada, new.id)
        await tokens.revoke_token(db, ada, new.id)
    assert await tokens.token_actor(new.text) is None


async def test_a_token_is_never_more_than_its_owner_s_role(lakeside: Any, superuser: Any) -> None:
    everything = list(SCOPES)
    new = await made(lakeside, scopes=everything)
    before = await tokens.token_actor(new.text)
    assert before is not None
    assert before.rights <= permissions_of("administrator")
    assert not before.may("tokens.write")
    assert not before.may("self.write")
    await superuser("update staff set role = 'front_desk' where id = :id", id=lakeside.staff["ada"])
    after = await tokens.token_actor(new.text)
    assert after is not None
    assert after.rights <= permissions_of("front_desk")
    await superuser("update staff set active = false where id = :id", id=lakeside.staff["ada"])
    assert await tokens.token_actor(new.text) is None


async def test_the_ends_of_a_token(lakeside: Any, superuser: Any) -> None:
    for change in (
        "update api_token set ends_at = now() where id = :id",
        "update person set disabled_at = now() where id = (select person_id from api_token where id = :id)",
    ):
        new = await made(lakeside)
        await superuser(change, id=new.id)
        assert await tokens.token_actor(new.text) is None
    for bad in ("", "x", "cw_api_" + "A" * 43, "\x00", "\ud800"):
        assert await tokens.token_actor(bad) is None


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"scopes": ["root"]}, "SCOPE_UNKNOWN"),
        ({"scopes": []}, "SCOPE_EMPTY"),
        ({"days": 0}, "DAYS_RANGE"),
        ({"days": 366}, "DAYS_RANGE"),
        ({"name": " "}, "TEXT_MISSING"),
    ],
)
async def test_bad_tokens_are_refused(lakeside: Any, given: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        await made(lakeside, **given)
    assert refused.value.code == code


async def test_another_practice_s_token_cannot_be_seen_or_revoked(lakeside: Any, hillcrest: Any) -> None:
    theirs = await made(hillcrest)
    ada = lakeside.actor("ada")
    answers = set()
    async with tenant_db(ada) as db:
        assert theirs.id not in {line.id for line in await tokens.list_tokens(db, ada)}
        for id in (theirs.id, new_id()):
            with pytest.raises(Refused) as refused:
                await tokens.revoke_token(db, ada, id)
            answers.add((refused.value.code, refused.value.message))
    assert len(answers) == 1
    assert await tokens.token_actor(theirs.text) is not None


async def test_others_cannot_make_tokens(lakeside: Any) -> None:
    for who in ("nora", "dr_lin", "bill", "mona"):
        actor = lakeside.actor(who)
        async with tenant_db(actor) as db:
            for tried in (
                tokens.create_token(db, actor, name="x", scopes=["read"], days=1),
                tokens.list_tokens(db, actor),
                tokens.revoke_token(db, actor, new_id()),
            ):
                with pytest.raises(Refused) as refused:
                    await tried
                assert refused.value.code == "NOT_ALLOWED"


async def test_by_command(lakeside: Any) -> None:
    text = await tokens.create_for_command(lakeside.slug, lakeside.emails["nora"].upper(), ["read", "write"])
    actor = await tokens.token_actor(text)
    assert actor is not None
    assert actor.staff_id == lakeside.staff["nora"]
    assert actor.may("minutes.write")
    assert not actor.may("claims.close")
    reading = await tokens.token_actor(
        await tokens.create_for_command(lakeside.slug, lakeside.emails["nora"], [])
    )
    assert reading is not None
    assert not reading.may("minutes.write")
    for slug, email, code in (
        ("no-such-practice", lakeside.emails["nora"], "PRACTICE_UNKNOWN"),
        (lakeside.slug, "nobody@somewhere.example", "PERSON_UNKNOWN"),
    ):
        with pytest.raises(Refused) as refused:
            await tokens.create_for_command(slug, email, ["read"])
        assert refused.value.code == code
    with pytest.raises(Refused) as refused:
        await tokens.create_for_command(lakeside.slug, lakeside.emails["mona"], ["billing", "root"])
    assert refused.value.code == "SCOPE_UNKNOWN"


async def test_a_revocation_that_is_undone_is_never_one_that_was_told(lakeside: Any) -> None:
    """Whatever fails after it, the token is dead: nobody is told of a revocation that did not happen."""
    new, ada = await made(lakeside), lakeside.actor("ada")

    async def cut_off() -> None:
        async with tenant_db(ada) as db:
            await tokens.revoke_token(db, ada, new.id)
            raise ConnectionError("the power went")

    with pytest.raises(ConnectionError):
        await cut_off()
    assert await tokens.token_actor(new.text) is None
