"""P21 for signing up, and the whole way from the form to an open practice."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from server.errors import Refused
from server.tenants import authenticator, links, sessions, sign_up, totp
from server.tenants.agreements import Accepted, accepted_documents, documents, require_open
from server.tenants.db import auth_db, tenant_db
from server.tenants.sign_up import Wish
from server.tenants.tables import Directory, OneTimeLink, Person, Practice, Staff

from server.clock import now  # isort: skip


def wish(**given: str) -> Wish:
    unique = secrets.token_hex(4)
    plain = Wish(
        "Harbor Clinic " + unique,
        "1234567893",
        "America/Detroit",
        "Ruth Vale",
        f"ruth-{unique}@harbor.example",
        "kettle otter marble song",
    )
    return replace(plain, **given)


def signed(name: str = "Ruth Vale") -> list[Accepted]:
    return [Accepted(d.kind, d.version, d.text_hash, name) for d in documents().values()]


async def enrolled(token: str) -> sessions.Issued:
    me = await sessions.session_actor(token)
    assert me is not None
    assert me.needs == "authenticator"
    enrolment = authenticator.begin(me)
    code = totp.code_at(enrolment.secret.replace(" ", ""), totp.step_at(now()))
    return await authenticator.confirm(token, enrolment.sealed, code)


async def confirmed(letters: Any, visitor: Any, asked: Wish) -> sessions.Issued:
    """Asked, confirmed and with a second factor: all that is left are the agreements."""
    await sign_up.request(asked, visitor)
    issued = await sign_up.confirm(await letters.link(asked.email), asked.password, visitor)
    return await enrolled(issued.token)


async def me_of(token: str) -> sessions.SignedIn:
    me = await sessions.session_actor(token)
    assert me is not None
    return me


async def test_from_the_form_to_an_open_practice(letters: Any, new_visitor: Any) -> None:
    asked, visitor = wish(), new_visitor()
    await sign_up.request(asked, visitor)
    token = await letters.link(asked.email)
    shown = await sign_up.look_confirm(token)
    assert (shown.practice_name, shown.name, shown.email) == (asked.practice_name, "Ruth Vale", asked.email)

    first = await sign_up.confirm(token, asked.password, visitor)
    assert first.stage == "password"
    full = await enrolled(first.token)
    assert len(full.recovery_codes) == 10
    me = await me_of(full.token)
    assert (me.needs, me.actor, [p.state for p in me.practices]) == ("agreements", None, ["preparing"])

    inside = await sign_up.open_practice(full.token, me.practices[0].id, signed())
    me = await me_of(inside.token)
    assert me.needs == ""
    assert me.actor is not None
    assert (me.actor.role, me.actor.zone) == ("administrator", "America/Detroit")
    assert me.practice is not None
    assert me.practice.slug.startswith("harbor-clinic-")
    async with tenant_db(me.actor) as db:
        practice = (await db.execute(select(Practice))).scalar_one()
        staff = (await db.execute(select(Staff))).scalar_one()
        kept = await accepted_documents(db, me.actor)
        await require_open(db, me.actor)
    assert (practice.name, practice.npi, staff.name, staff.person_id) == (
        asked.practice_name,
        "1234567893",
        "Ruth Vale",
        me.person_id,
    )
    assert {(a.document, a.version, a.text_hash, a.accepted_by, a.staff_id) for a in kept} == {
        (d.kind, d.version, d.text_hash, "Ruth Vale", staff.id) for d in documents().values()
    }
    assert await sessions.session_actor(full.token) is None  # every step gave a new token


@pytest.mark.parametrize(
    ("field", "typed", "code"),
    [
        ("practice_name", "", "TEXT_MISSING"),
        ("practice_name", "x\x00", "TEXT_UNSEEN"),
        ("npi", "1234567890", "NPI_CHECK_DIGIT"),
        ("time_zone", "Mars/Olympus", "ZONE_UNKNOWN"),
        ("name", " ", "TEXT_MISSING"),
        ("email", "ruth", "EMAIL_FORM"),
        ("password", "short", "PASSWORD_SHORT"),
        ("password", "password123456", "PASSWORD_COMMON"),
        ("password", "ruth vale ruth", "PASSWORD_ABOUT_YOU"),
    ],
)
async def test_a_bad_form_is_refused_at_its_field(
    new_visitor: Any, database: str, field: str, typed: str, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await sign_up.request(wish(**{field: typed}), new_visitor())
    assert (refused.value.code, refused.value.field) == (code, field)
    assert refused.value.message
    assert refused.value.next_step


async def test_an_existing_email_costs_the_same_and_is_not_told(
    lou: Any, letters: Any, new_visitor: Any, watch: Any, counts: Any
) -> None:
    done = {}
    for who, email in (("unknown", f"new-{secrets.token_hex(4)}@harbor.example"), ("known", lou.email)):
        with watch() as work:
            assert await sign_up.request(wish(email=email, name="Lou Adams"), new_visitor()) is None
        done[who] = work.done
    assert done["known"] == done["unknown"]
    assert sum(line.startswith("argon2") for line in done["known"]) == 1
    bodies = [(await letters(email))[0].body for email in (lou.email,)]
    assert "already had a Carewright sign-in" in bodies[0]  # the same words in every letter
    counts(f"sign-up: {len(done['known'])} statements and hashes, the same for known and unknown e-mail")


async def test_who_has_a_login_confirms_with_its_password_and_keeps_it(
    lou: Any, letters: Any, new_visitor: Any, good_password: str
) -> None:
    visitor = new_visitor()
    asked = wish(email=lou.email, password="another otter marble song")
    await sign_up.request(asked, visitor)
    token = await letters.link(lou.email)
    with pytest.raises(
        Refused
    ) as refused:  # the one typed at sign-up does not open somebody's existing login
        await sign_up.confirm(token, asked.password, visitor)
    assert refused.value.code == "SIGN_IN_WRONG"
    issued = await sign_up.confirm(token, good_password, visitor)
    assert (await me_of(issued.token)).needs == "code"  # and the second factor it has is asked for


async def test_nobody_can_have_their_own_password_confirmed_by_another(
    letters: Any, new_visitor: Any
) -> None:
    asked = wish()
    await sign_up.request(asked, new_visitor())
    token = await letters.link(asked.email)
    with pytest.raises(Refused) as refused:
        await sign_up.confirm(token, "not the words that were typed", new_visitor())
    assert refused.value.code == "SIGN_IN_WRONG"
    await sign_up.confirm(token, asked.password, new_visitor())  # a wrong try did not use the link up


async def test_a_link_works_once_even_a_hundred_times_at_once(
    letters: Any, new_visitor: Any, counts: Any
) -> None:
    asked = wish()
    await sign_up.request(asked, new_visitor())
    token = await letters.link(asked.email)
    tries = await asyncio.gather(
        *(sign_up.confirm(token, asked.password, new_visitor()) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(t, sessions.Issued) for t in tries) == 1
    assert {t.code for t in tries if isinstance(t, Refused)} <= {"LINK_OVER", "SIGN_IN_WRONG", "TRY_LATER"}
    async with auth_db() as db:
        made = (
            (await db.execute(select(Directory).where(Directory.name == asked.practice_name))).scalars().all()
        )
        people = (await db.execute(select(Person).where(Person.email == asked.email))).scalars().all()
    assert (len(made), len(people)) == (1, 1)

    async def use(token: str) -> None:
        async with auth_db() as db:
            await links.use(db, "reset", token)

    async with auth_db() as db:
        address = links.issue(db, "reset", asked.email, person_id=people[0].id)
    tries = await asyncio.gather(
        *(use(address.rpartition("/")[2]) for _ in range(100)), return_exceptions=True
    )
    assert sum(t is None for t in tries) == 1
    counts("one-time link: 20 simultaneous confirmations and 100 simultaneous uses, 1 success each")


async def test_control_a_link_that_is_looked_at_before_it_is_used_works_many_times(
    lou: Any, counts: Any
) -> None:
    """Without the condition inside the one statement, several of the simultaneous uses get through."""

    async def naive(token: str) -> bool:
        async with auth_db() as db:
            found = await links.look(db, "reset", token)
        async with auth_db() as db:
            row = await db.get(OneTimeLink, found.id)
            assert row is not None
            row.used_at = now()
        return True

    async with auth_db() as db:
        address = links.issue(db, "reset", lou.email, person_id=lou.id)
    tries = await asyncio.gather(
        *(naive(address.rpartition("/")[2]) for _ in range(50)), return_exceptions=True
    )
    through = sum(t is True for t in tries)
    assert through > 1
    counts(f"control: look-then-use let {through} of 50 simultaneous uses through")


async def test_old_wrong_and_foreign_links_are_one_answer(
    lou: Any, letters: Any, new_visitor: Any, superuser: Any
) -> None:
    asked = wish()
    await sign_up.request(asked, new_visitor())
    token = await letters.link(asked.email)
    answers = set()
    for bad in ("", "cw_link_" + "A" * 43, token + "x", token[:-1], "\x00", "\ud800"):
        with pytest.raises(Refused) as refused:
            await sign_up.look_confirm(bad)
        answers.add((refused.value.code, refused.value.message, refused.value.next_step))
    async with auth_db() as db:
        with pytest.raises(Refused) as refused:  # a link of one kind opens nothing of another
            await links.look(db, "reset", token)
    await superuser("update one_time_link set ends_at = now() where email = :email", email=asked.email)
    with pytest.raises(Refused) as refused:
        await sign_up.confirm(token, asked.password, new_visitor())
    answers.add((refused.value.code, refused.value.message, refused.value.next_step))
    assert len(answers) == 1


async def test_links_last_as_long_as_promised_and_only_hashes_are_kept(
    letters: Any, new_visitor: Any, superuser: Any
) -> None:
    asked = wish()
    await sign_up.request(asked, new_visitor())
    token = await letters.link(asked.email)
    [row] = await superuser("select * from one_time_link where email = :email", email=asked.email)
    assert row.ends_at - row.made_at == timedelta(hours=72)
    everything = await superuser(
        "select (select string_agg(l::text, ' ') from one_time_link l where email = :email) || "
        "(select string_agg(m::text, ' ') from mail m where to_address = :email) as text",
        email=asked.email,
    )
    assert token not in everything[0].text
    assert asked.password not in everything[0].text


async def test_the_same_name_twice_gives_two_slugs(letters: Any, new_visitor: Any) -> None:
    name = "Twin Clinic " + secrets.token_hex(3)
    for expected in ("", "-2"):
        asked = wish(practice_name=name)
        await sign_up.request(asked, new_visitor())
        issued = await sign_up.confirm(await letters.link(asked.email), asked.password, new_visitor())
        me = await me_of(issued.token)
        assert me.practices[0].slug == sign_up.slug_of(name) + expected


async def test_simultaneous_sign_ups_of_one_name_each_get_a_slug(new_visitor: Any, letters: Any) -> None:
    name = "Crowd Clinic " + secrets.token_hex(3)
    wishes = [wish(practice_name=name) for _ in range(8)]
    for asked in wishes:
        await sign_up.request(asked, new_visitor())
    tokens = [await letters.link(asked.email) for asked in wishes]
    issued = await asyncio.gather(
        *(sign_up.confirm(t, a.password, new_visitor()) for t, a in zip(tokens, wishes, strict=True))
    )
    slugs = {(await me_of(one.token)).practices[0].slug for one in issued}
    assert len(slugs) == 8


async def test_opening_twice_at_once_and_after_a_cut_makes_one_practice(
    letters: Any, new_visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = await confirmed(letters, new_visitor(), wish())
    me = await me_of(full.token)
    practice_id = me.practices[0].id

    async def cut(practice_id: object) -> None:
        raise ConnectionError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(sign_up, "_declare_open", cut)
        with pytest.raises(ConnectionError):
            await sign_up.open_practice(full.token, practice_id, signed())
    me = await me_of(full.token)
    assert (me.practices[0].state, me.actor) == ("preparing", None)  # half made, and nobody can enter
    with pytest.raises(Refused) as refused:
        await sessions.enter(full.token, practice_id)
    assert refused.value.code == "NOT_FOUND"

    tries = await asyncio.gather(
        *(sign_up.open_practice(full.token, practice_id, signed()) for _ in range(6)), return_exceptions=True
    )
    inside = [t for t in tries if isinstance(t, sessions.Issued)]
    assert inside
    assert {t.code for t in tries if isinstance(t, Refused)} <= {"SIGN_IN_AGAIN"}
    for one in inside:
        if (found := await sessions.session_actor(one.token)) is not None:
            break
    assert found is not None
    assert found.actor is not None
    async with tenant_db(found.actor, read_only=True) as db:
        assert len((await db.execute(select(Practice))).all()) == 1
        assert len((await db.execute(select(Staff))).all()) == 1
        assert len(await accepted_documents(db, found.actor)) == 2


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (lambda s: s[:1], "AGREEMENT_MISSING"),
        (lambda s: [], "AGREEMENT_MISSING"),
        (lambda s: [replace(s[0], version="2020-01"), s[1]], "AGREEMENT_CHANGED"),
        (lambda s: [s[0], replace(s[1], text_hash="0" * 64)], "AGREEMENT_CHANGED"),
        (lambda s: [s[0], replace(s[1], name="Ruth")], "SIGNATURE_SHORT"),
        (lambda s: [s[0], replace(s[1], name="")], "TEXT_MISSING"),
    ],
)
async def test_nothing_opens_without_both_agreements_as_shown(
    letters: Any, new_visitor: Any, given: Any, code: str
) -> None:
    full = await confirmed(letters, new_visitor(), wish())
    practice_id = (await me_of(full.token)).practices[0].id
    with pytest.raises(Refused) as refused:
        await sign_up.open_practice(full.token, practice_id, given(signed()))
    assert refused.value.code == code
    assert (await me_of(full.token)).practices[0].state == "preparing"


async def test_another_s_practice_cannot_be_opened(letters: Any, new_visitor: Any, lou: Any) -> None:
    theirs = await confirmed(letters, new_visitor(), wish())
    practice_id = (await me_of(theirs.token)).practices[0].id
    mine = await lou.in_()
    with pytest.raises(Refused) as refused:
        await sign_up.open_practice(mine.token, practice_id, signed())
    assert refused.value.code == "NOT_FOUND"


async def test_the_second_factor_comes_before_the_agreements(letters: Any, new_visitor: Any) -> None:
    asked = wish()
    await sign_up.request(asked, new_visitor())
    issued = await sign_up.confirm(await letters.link(asked.email), asked.password, new_visitor())
    practice_id = (await me_of(issued.token)).practices[0].id
    with pytest.raises(Refused) as refused:
        await sign_up.open_practice(issued.token, practice_id, signed())
    assert refused.value.code == "SIGN_IN_AGAIN"


async def test_without_acceptances_no_patient_may_be_entered(lakeside: Any, superuser: Any) -> None:
    actor = lakeside.actor("ada")
    await superuser(
        "delete from acceptance where tenant_id = :id and document = 'baa'", id=lakeside.tenant_id
    )
    async with tenant_db(actor) as db:
        with pytest.raises(Refused) as refused:
            await require_open(db, actor)
    assert refused.value.code == "NOT_OPEN"


async def test_letters_to_one_address_are_slowed(new_visitor: Any, letters: Any) -> None:
    asked = wish()
    for _ in range(3):
        await sign_up.request(asked, new_visitor())
    with pytest.raises(Refused) as refused:
        await sign_up.request(asked, new_visitor())
    assert refused.value.code == "TRY_LATER"
    assert len(await letters(asked.email)) == 3


def test_the_texts_are_ours_to_show() -> None:
    for document in documents().values():
        assert document.version == "2026-11"
        assert "Template for counsel's review" in document.text
        assert {block.kind for block in document.blocks} == {"heading", "paragraph", "list"}
        assert not any(line.startswith(("#", "-")) for block in document.blocks for line in block.lines)
