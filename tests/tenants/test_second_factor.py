"""P19: one code opens one door once; nothing goes around it."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from server.clock import now
from server.errors import Refused
from server.tenants import (
    attempts,
    authenticator,
    invitations,
    own_password,
    sessions,
    sign_in,
    staff,
    throttle,
    totp,
)
from server.tenants.db import auth_db, tenant_db
from server.tenants.tables import Person


async def me_of(token: str) -> sessions.SignedIn:
    me = await sessions.session_actor(token)
    assert me is not None
    return me


async def unslowed(buckets: object) -> attempts.Taken:
    return attempts.Taken(())


async def enrolled(token: str) -> tuple[sessions.Issued, str]:
    enrolment = authenticator.begin(await me_of(token))
    secret = enrolment.secret.replace(" ", "")
    return await authenticator.confirm(
        token, enrolment.sealed, totp.code_at(secret, totp.step_at(now()))
    ), secret


async def test_one_step_used_five_hundred_times_at_once_is_used_once(lou: Any, counts: Any) -> None:
    step = totp.step_at(now())

    async def use() -> bool:
        async with auth_db() as db:
            return await sign_in.use_step(db, lou.id, step)

    accepted = sum(await asyncio.gather(*(use() for _ in range(500))))
    assert accepted == 1
    counts(f"one TOTP step used 500 times at once: {accepted} accepted")


async def test_control_reading_the_last_step_first_accepts_it_many_times(lou: Any, counts: Any) -> None:
    """The same without `WHERE totp_last_step < :step` in the one statement."""
    step = totp.step_at(now())

    async def use() -> bool:
        async with auth_db() as db:
            last = (await db.execute(select(Person.totp_last_step).where(Person.id == lou.id))).scalar_one()
        if last >= step:
            return False
        async with auth_db() as db:
            row = await db.get(Person, lou.id)
            assert row is not None
            row.totp_last_step = step
        return True

    accepted = sum(await asyncio.gather(*(use() for _ in range(200))))
    assert accepted > 1
    counts(f"control: read-then-write accepted one step {accepted} times of 200")


async def test_the_same_code_in_a_hundred_sessions_at_once(
    lou: Any, monkeypatch: pytest.MonkeyPatch, counts: Any
) -> None:
    monkeypatch.setattr(attempts, "take_place", unslowed)  # only the code's own single use may decide here
    firsts = [await lou.password_stage() for _ in range(100)]
    code = lou.code()
    tries = await asyncio.gather(
        *(sign_in.second_factor(f.token, code, lou.visitor) for f in firsts), return_exceptions=True
    )
    accepted = [t for t in tries if isinstance(t, sessions.Issued)]
    assert len(accepted) == 1
    assert {t.code for t in tries if isinstance(t, Refused)} == {"CODE_USED"}
    counts("one code in 100 sessions at once: 1 accepted, 99 told that it was used")


async def test_neighbouring_steps_and_order(lou: Any) -> None:
    for offset, expected in (
        (-2, "CODE_WRONG"),
        (2, "CODE_WRONG"),
        (0, ""),
        (-1, "CODE_USED"),
        (0, "CODE_USED"),
        (1, ""),
    ):
        first = await lou.password_stage()
        try:
            await sign_in.second_factor(first.token, lou.code(offset), lou.visitor)
            got = ""
        except Refused as refused:
            got = refused.code
        assert got == expected, offset


async def test_another_s_code_does_not_fit(lou: Any, new_login: Any) -> None:
    other = await new_login()
    first = await lou.password_stage()
    with pytest.raises(Refused) as refused:
        await sign_in.second_factor(first.token, other.code(), lou.visitor)
    assert refused.value.code == "CODE_WRONG"
    assert refused.value.field == "code"


async def test_after_five_wrong_codes_it_starts_again_with_the_password(lou: Any) -> None:
    first = await lou.password_stage()
    codes = []
    for _ in range(6):
        with pytest.raises(Refused) as refused:
            await sign_in.second_factor(first.token, "000000", lou.visitor)
        codes.append(refused.value.code)
    assert codes == ["CODE_WRONG"] * 4 + ["CHALLENGE_OVER", "SIGN_IN_AGAIN"]
    with pytest.raises(Refused):
        await sign_in.second_factor(first.token, lou.code(), lou.visitor)


async def test_five_hundred_guesses_in_forty_challenges(
    lou: Any, counts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated = 0
    plain = sign_in._use_code

    async def counting(*given: Any) -> Any:
        nonlocal evaluated
        evaluated += 1
        return await plain(*given)

    monkeypatch.setattr(sign_in, "_use_code", counting)
    firsts = [await lou.password_stage() for _ in range(40)]
    right = {lou.code(offset) for offset in (-1, 0, 1, 2)}
    guesses = [f"{n:06d}" for n in range(500) if f"{n:06d}" not in right]
    tries: list[Any] = []
    for start in range(0, len(guesses), 100):  # as many at once as a slow machine's pool can seat
        tries += await asyncio.gather(
            *(
                sign_in.second_factor(firsts[n % 40].token, guesses[n], lou.visitor)
                for n in range(start, min(start + 100, len(guesses)))
            ),
            return_exceptions=True,
        )
    assert not any(isinstance(t, sessions.Issued) for t in tries)
    assert {t.code for t in tries if isinstance(t, Refused)} <= {
        "CODE_WRONG",
        "CHALLENGE_OVER",
        "SIGN_IN_AGAIN",
        "TRY_LATER",
    }
    assert len([t for t in tries if isinstance(t, Refused)]) == len(guesses)
    assert evaluated <= throttle.ACCOUNT.per_hour
    counts(f"{len(guesses)} guesses in 40 challenges at once: {evaluated} evaluated, 0 through")


async def test_recovery_codes_work_once_each(
    new_login: Any, counts: Any, monkeypatch: pytest.MonkeyPatch, letters: Any, superuser: Any
) -> None:
    monkeypatch.setattr(attempts, "take_place", unslowed)
    lou = await new_login()
    full = await lou.in_()
    codes = await authenticator.renew_recovery_codes(full.token, "kettle otter marble song", lou.visitor)
    assert len(codes) == 10
    assert await authenticator.codes_left(await me_of(full.token)) == 10
    firsts = [await lou.password_stage() for _ in range(60)]
    tries = await asyncio.gather(
        *(sign_in.second_factor(f.token, codes[0].upper().replace("-", " "), lou.visitor) for f in firsts),
        return_exceptions=True,
    )
    assert sum(isinstance(t, sessions.Issued) for t in tries) == 1
    assert {t.code for t in tries if isinstance(t, Refused)} == {"CODE_WRONG"}
    assert await authenticator.codes_left(await me_of(full.token)) == 9
    assert (await letters(lou.email))[0].subject == "A recovery code was used"
    rows = await superuser("select r::text from recovery_code r where person_id = :id", id=lou.id)
    assert not any(code.replace("-", "") in row[0] for code in codes for row in rows)

    again = await authenticator.renew_recovery_codes(full.token, "kettle otter marble song", lou.visitor)
    first = await lou.password_stage()
    with pytest.raises(Refused):
        await sign_in.second_factor(first.token, codes[1], lou.visitor)
    assert (await sign_in.second_factor(first.token, again[0], lou.visitor)).stage == "full"
    counts("one recovery code in 60 sessions at once: 1 accepted")


async def test_another_s_recovery_code_does_not_fit(lou: Any, new_login: Any) -> None:
    other = await new_login()
    codes = await authenticator.renew_recovery_codes(
        (await other.in_()).token, "kettle otter marble song", other.visitor
    )
    first = await lou.password_stage()
    with pytest.raises(Refused) as refused:
        await sign_in.second_factor(first.token, codes[0], lou.visitor)
    assert refused.value.code == "CODE_WRONG"


async def test_a_new_password_does_not_go_around_the_second_factor(lou: Any, letters: Any) -> None:
    before = await lou.in_()
    await own_password.ask_reset(lou.email, lou.visitor)
    token = await letters.link(lou.email)
    assert await own_password.look_reset(token) == lou.email
    with pytest.raises(Refused) as refused:  # a bad new password does not use the link up
        await own_password.reset(token, "password1234")
    assert refused.value.code == "PASSWORD_COMMON"
    assert await own_password.reset(token, "marble kettle otter song") is None  # and signs nobody in
    assert await sessions.session_actor(before.token) is None
    with pytest.raises(Refused):
        await lou.password_stage()
    first = await sign_in.with_password(lou.email, "marble kettle otter song", lou.visitor)
    assert (await me_of(first.token)).needs == "code"
    with pytest.raises(Refused) as refused:
        await own_password.reset(token, "kettle otter marble song")
    assert refused.value.code == "LINK_OVER"


async def test_a_reset_for_nobody_opens_nothing(new_visitor: Any, superuser: Any, database: str) -> None:
    from server.tenants import links

    async with auth_db() as db:
        token = links.issue(db, "reset", "nobody@somewhere.example").rpartition("/")[2]
    with pytest.raises(Refused) as refused:
        await own_password.reset(token, "marble kettle otter song")
    assert refused.value.code == "LINK_OVER"


async def test_an_invitation_does_not_go_around_the_second_factor(
    lakeside: Any, lou: Any, letters: Any, new_visitor: Any
) -> None:
    async with tenant_db(lakeside.actor("ada")) as db:
        await staff.invite(db, lakeside.actor("ada"), name="Lou Adams", email=lou.email, role="care_manager")
    issued = await invitations.accept_invitation(
        await letters.link(lou.email), "kettle otter marble song", new_visitor()
    )
    me = await me_of(issued.token)
    assert (me.stage, me.needs, me.actor) == ("password", "code", None)
    enrolment = authenticator.begin(me)
    with pytest.raises(Refused) as refused:  # nor can a second authenticator be set up beside the first
        await authenticator.confirm(
            issued.token,
            enrolment.sealed,
            totp.code_at(enrolment.secret.replace(" ", ""), totp.step_at(now())),
        )
    assert refused.value.code == "SIGN_IN_AGAIN"
    assert (await me_of(issued.token)).stage == "password"


async def test_set_up_is_bound_to_its_session_and_its_time(
    lakeside: Any, letters: Any, new_visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = []
    for name in ("Una Reed", "Vic Reed"):
        email = f"{name[:3].lower()}@{lakeside.slug}.example"
        async with tenant_db(lakeside.actor("ada")) as db:
            await staff.invite(db, lakeside.actor("ada"), name=name, email=email, role="provider")
        tokens.append(
            (
                await invitations.accept_invitation(
                    await letters.link(email), "marble song kettle otter", new_visitor()
                )
            ).token
        )
    mine, theirs = [authenticator.begin(await me_of(token)) for token in tokens]
    code = totp.code_at(mine.secret.replace(" ", ""), totp.step_at(now()))
    for sealed in (theirs.sealed, "", "zz", mine.sealed[:-2], "\ud800"):
        with pytest.raises(Refused) as refused:
            await authenticator.confirm(tokens[0], sealed, code)
        assert refused.value.code == "SET_UP_OVER"
    with pytest.raises(Refused) as refused:
        await authenticator.confirm(tokens[0], mine.sealed, "000000" if code != "000000" else "000001")
    assert refused.value.code == "CODE_WRONG"
    assert authenticator.again(await me_of(tokens[0]), mine.sealed).secret == mine.secret
    later = now() + authenticator._LIFETIME
    with monkeypatch.context() as patch:
        patch.setattr(authenticator, "now", lambda: later)
        with pytest.raises(Refused) as refused:
            await authenticator.confirm(tokens[0], mine.sealed, code)
    assert refused.value.code == "SET_UP_OVER"
    full = await authenticator.confirm(tokens[0], mine.sealed, code)
    assert (full.stage, len(full.recovery_codes)) == ("full", 10)
    assert (await me_of(full.token)).actor is not None  # one practice: already inside


async def test_the_code_that_finished_the_set_up_is_used(
    lakeside: Any, letters: Any, new_visitor: Any
) -> None:
    email, visitor = f"wes@{lakeside.slug}.example", new_visitor()
    async with tenant_db(lakeside.actor("ada")) as db:
        await staff.invite(db, lakeside.actor("ada"), name="Wes Hart", email=email, role="biller")
    issued = await invitations.accept_invitation(
        await letters.link(email), "marble song kettle otter", visitor
    )
    _, secret = await enrolled(issued.token)
    first = await sign_in.with_password(email, "marble song kettle otter", visitor)
    with pytest.raises(Refused) as refused:
        await sign_in.second_factor(first.token, totp.code_at(secret, totp.step_at(now())), visitor)
    assert refused.value.code == "CODE_USED"


async def test_moving_to_another_phone(lou: Any, letters: Any) -> None:
    full, elsewhere = await lou.in_(), await lou.in_()
    enrolment = authenticator.begin(await me_of(full.token))
    secret = enrolment.secret.replace(" ", "")
    code = totp.code_at(secret, totp.step_at(now()))
    with pytest.raises(Refused) as refused:
        await authenticator.replace_authenticator(
            full.token, enrolment.sealed, code, "not the right words", lou.visitor
        )
    assert refused.value.code == "SIGN_IN_WRONG"
    moved = await authenticator.replace_authenticator(
        full.token, enrolment.sealed, code, "kettle otter marble song", lou.visitor
    )
    assert len(moved.recovery_codes) == 10
    assert await sessions.session_actor(elsewhere.token) is None
    assert await sessions.session_actor(full.token) is None
    assert (await me_of(moved.token)).stage == "full"
    assert (await letters(lou.email))[0].subject == "Your authenticator was changed"
    first = await lou.password_stage()
    with pytest.raises(Refused) as refused:
        await sign_in.second_factor(first.token, lou.code(1), lou.visitor)
    assert refused.value.code == "CODE_WRONG"


async def test_a_password_stage_opens_nothing_else(lou: Any) -> None:
    token = (await lou.password_stage()).token
    for tried in (
        own_password.change(token, "kettle otter marble song", "marble song kettle otter", lou.visitor),
        authenticator.renew_recovery_codes(token, "kettle otter marble song", lou.visitor),
        authenticator.replace_authenticator(token, "", "", "", lou.visitor),
        sessions.enter(token, lou.id),
    ):
        with pytest.raises(Refused) as refused:
            await tried
        assert refused.value.code == "SIGN_IN_AGAIN"


async def test_wrong_codes_are_counted_for_the_practice_too(
    lakeside: Any, new_login: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[bytes, throttle.Limit]] = []
    plain = attempts.take_place

    async def watching(buckets: dict[bytes, throttle.Limit]) -> attempts.Taken:
        seen.append(buckets)
        return await plain(buckets)

    lou = await new_login(member_of=(lakeside.tenant_id,))
    first = await lou.password_stage()
    monkeypatch.setattr(attempts, "take_place", watching)
    with pytest.raises(Refused):
        await sign_in.second_factor(first.token, "000000", lou.visitor)
    assert attempts.bucket("practice", str(lakeside.tenant_id)) in seen[0]
    assert attempts.bucket("second factor", str(lou.id)) in seen[0]
