"""P18: guessing passwords is slow, tells nothing, and keeps nobody out."""

import asyncio
import json
import os
import secrets
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from server.clock import now
from server.errors import Refused
from server.tenants import attempts, own_password, passwords, sessions, sign_in, throttle
from server.tenants.visitor import day, new_mark

ROOT = Path(__file__).resolve().parent.parent.parent


def answer(refused: Refused) -> tuple[str, str, str, str | None]:
    return refused.code, refused.message, refused.next_step, refused.field


async def test_password_then_code(lou: Any) -> None:
    first = await sign_in.with_password(f" {lou.email.upper()} ", "kettle otter marble song", lou.visitor)
    me = await sessions.session_actor(first.token)
    assert me is not None
    assert (me.stage, me.needs, me.actor) == ("password", "code", None)
    second = await sign_in.second_factor(first.token, lou.code(), lou.visitor)
    assert (second.stage, second.session_id) == ("full", first.session_id)
    assert second.token != first.token
    assert await sessions.session_actor(first.token) is None
    me = await sessions.session_actor(second.token)
    assert me is not None
    assert (me.stage, me.email, me.practices) == ("full", lou.email, ())


async def test_unknown_disabled_and_wrong_are_one_answer_and_one_work(
    new_login: Any, new_visitor: Any, superuser: Any, watch: Any, counts: Any
) -> None:
    known, disabled = await new_login(), await new_login()
    await superuser("update person set disabled_at = now() where id = :id", id=disabled.id)
    answers, works = [], []
    for email, password in (
        (known.email, "not the right words"),
        (f"nobody-{secrets.token_hex(4)}@somewhere.example", "not the right words"),
        (disabled.email, "not the right words"),
        (disabled.email, "kettle otter marble song"),
        (known.email, "\ud800\x00"),
        (known.email, ""),
    ):
        with watch() as work, pytest.raises(Refused) as refused:
            await sign_in.with_password(email, password, new_visitor())
        answers.append(answer(refused.value))
        works.append(work.done)
    assert len(set(answers)) == 1
    assert all(done == works[0] for done in works)
    assert works[0].count("argon2_verify") == 1
    counts(f"sign-in: {len(works[0])} statements and hashes on each of {len(works)} failing paths, all alike")


async def test_reset_mail_costs_the_same_for_known_and_unknown(
    lou: Any, letters: Any, new_visitor: Any, watch: Any, counts: Any
) -> None:
    unknown = f"nobody-{secrets.token_hex(4)}@somewhere.example"
    works = []
    for email in (lou.email, unknown):
        with watch() as work:
            assert await own_password.ask_reset(email, new_visitor()) is None
        works.append(work.done)
    assert works[0] == works[1]
    assert "http" in (await letters(lou.email))[0].body
    assert "http" not in (await letters(unknown))[0].body
    assert (await letters(lou.email))[0].subject == (await letters(unknown))[0].subject
    counts(f"password reset: {len(works[0])} statements, the same for known and unknown e-mail")


async def test_times_alike_reported_only(lou: Any, new_visitor: Any, counts: Any, superuser: Any) -> None:
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for _ in range(30):
        for who, email in (("known", lou.email), ("unknown", f"n-{secrets.token_hex(4)}@somewhere.example")):
            started = time.perf_counter()
            with pytest.raises(Refused):
                await sign_in.with_password(email, "not the right words", new_visitor())
            times[who].append(time.perf_counter() - started)
        await superuser("delete from attempt")
    known, unknown = (statistics.median(times[who]) * 1000 for who in ("known", "unknown"))
    assert known > 0
    counts(
        f"sign-in medians over 30 pairs: known {known:.2f} ms, unknown {unknown:.2f} ms (reported, not judged)"
    )


async def test_a_storm_on_one_account_is_slowed_and_its_owner_gets_in(
    lou: Any, new_visitor: Any, monkeypatch: pytest.MonkeyPatch, counts: Any
) -> None:
    mark = (await lou.in_()).mark
    at = now()
    monkeypatch.setattr(
        attempts, "now", lambda: at
    )  # no waiting ends while a busy machine works through the storm
    evaluated = 0
    plain = passwords._verify

    def counting(stored: str, password: str) -> bool:
        nonlocal evaluated
        evaluated += 1
        return plain(stored, password)

    monkeypatch.setattr(passwords, "_verify", counting)
    guesses = [sign_in.with_password(lou.email, f"guess number {n}", new_visitor()) for n in range(300)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    codes = [r.code for r in results if isinstance(r, Refused)]
    assert len(codes) == 300
    assert set(codes) == {"SIGN_IN_WRONG", "TRY_LATER"}
    assert evaluated == codes.count("SIGN_IN_WRONG") == throttle.ACCOUNT.free
    stormed = evaluated

    with pytest.raises(Refused) as refused:  # a stranger's browser waits, even with the right password
        await sign_in.with_password(lou.email, "kettle otter marble song", new_visitor())
    assert refused.value.code == "TRY_LATER"
    issued = await sign_in.with_password(lou.email, "kettle otter marble song", new_visitor(mark=mark))
    assert issued.stage == "password"
    forged = new_mark("somebody@else.example", day(now()))
    with pytest.raises(Refused):
        await sign_in.with_password(lou.email, "kettle otter marble song", new_visitor(mark=forged))
    counts(
        f"storm of 300 guesses from 300 address blocks at once: {stormed} evaluated; the owner's own browser got in"
    )


async def test_control_without_the_place_taken_first_every_guess_is_evaluated(
    lou: Any, new_visitor: Any, monkeypatch: pytest.MonkeyPatch, counts: Any
) -> None:
    """Counting after the answer, as is usual, lets everything through that arrives before the first answer
    leaves."""

    async def none(buckets: object) -> attempts.Taken:
        return attempts.Taken(())

    monkeypatch.setattr(attempts, "take_place", none)
    guesses = [sign_in.with_password(lou.email, f"guess number {n}", new_visitor()) for n in range(60)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    through = sum(isinstance(r, Refused) and r.code == "SIGN_IN_WRONG" for r in results)
    assert through == 60 > throttle.ACCOUNT.per_hour
    counts(f"control: without taking a place first {through} of 60 guesses were evaluated")


async def test_several_processes_share_one_count(
    lou: Any, database: str, superuser: Any, counts: Any
) -> None:
    script = """
import asyncio, json, sys
from server.errors import Refused
from server.tenants import sign_in
from server.tenants.db import open_doors
from server.tenants.visitor import Visitor

async def main():
    doors = open_doors()
    async def guess(n):
        try:
            await sign_in.with_password(sys.argv[1], f"guess {n} of many words", Visitor(address=f"10.77.{n}.{sys.argv[2]}"))
        except Refused as refused:
            return refused.code
    codes = await asyncio.gather(*(guess(n) for n in range(60)))
    await doors.close()
    print(json.dumps(codes))

asyncio.run(main())
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CAREWRIGHT_POOL_SIZE": "3"}
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, lou.email, str(n), env=environment, stdout=asyncio.subprocess.PIPE
        )
        for n in range(3)
    ]
    codes = [code for process in running for code in json.loads((await process.communicate())[0])]
    assert len(codes) == 180
    evaluated = codes.count("SIGN_IN_WRONG")
    assert 1 <= evaluated <= throttle.ACCOUNT.per_hour
    assert set(codes) == {"SIGN_IN_WRONG", "TRY_LATER"}
    counts(f"3 processes, 180 guesses at one account: {evaluated} evaluated")


async def test_right_passwords_do_not_count(lou: Any) -> None:
    for _ in range(12):
        await lou.password_stage()


async def test_waits_end(lou: Any, new_visitor: Any, superuser: Any) -> None:
    for _ in range(5):
        with pytest.raises(Refused) as refused:
            await sign_in.with_password(lou.email, "not the right words", new_visitor())
        assert refused.value.code == "SIGN_IN_WRONG"
    with pytest.raises(Refused) as refused:
        await sign_in.with_password(lou.email, "kettle otter marble song", new_visitor())
    assert refused.value.code == "TRY_LATER"
    assert "2 seconds" in refused.value.next_step
    bucket = attempts.bucket("account", lou.email)
    await superuser("update attempt set at = at - interval '3 seconds' where bucket = :bucket", bucket=bucket)
    assert (
        await sign_in.with_password(lou.email, "kettle otter marble song", new_visitor())
    ).stage == "password"


async def test_one_address_block_trying_many_accounts_is_slowed(new_visitor: Any, database: str) -> None:
    visitor = new_visitor()
    codes = []
    for n in range(throttle.BLOCK.free + 3):
        with pytest.raises(Refused) as refused:
            await sign_in.with_password(
                f"n{n}-{secrets.token_hex(3)}@somewhere.example", "spring otter kettle", visitor
            )
        codes.append(refused.value.code)
    assert codes[: throttle.BLOCK.free] == ["SIGN_IN_WRONG"] * throttle.BLOCK.free
    assert "TRY_LATER" in codes[throttle.BLOCK.free :]


async def test_counters_name_nobody_and_are_forgotten(
    lou: Any, new_visitor: Any, behind: Any, superuser: Any
) -> None:
    with pytest.raises(Refused):
        await sign_in.with_password(lou.email, "not the right words", new_visitor(address="203.0.113.9"))
    async with behind.connect() as connection:
        text = (
            await connection.execute(sa.text("select string_agg(a::text, ' ') from attempt a"))
        ).scalar_one()
    assert lou.email not in text
    assert lou.email.encode().hex() not in text
    assert "203.0.113" not in text
    await superuser(
        "update attempt set at = at - interval '3 hours' where bucket = :b",
        b=attempts.bucket("account", lou.email),
    )
    assert await attempts.forget_old() >= 1


async def test_an_old_hash_is_made_anew(lou: Any, superuser: Any) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=2, memory_cost=32, parallelism=1).hash("kettle otter marble song")
    await superuser("update person set password_hash = :weak where id = :id", weak=weak, id=lou.id)
    await lou.password_stage()
    [(stored,)] = await superuser("select password_hash from person where id = :id", id=lou.id)
    assert stored != weak
    assert not passwords.needs_rehash(stored)
    await lou.password_stage()
