"""The system's own mail: local where there is no server, two-phase where there is one, and never doubled."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from server import mail
from server.errors import Refused
from server.settings import settings
from server.tenants import own_password
from server.tenants.db import auth_db


class Mailbox:
    """A small SMTP server's memory; `answer` is what it says to a letter."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append((envelope.rcpt_tos[0], envelope.content.decode()))
        if self.answer == "hang up":
            server.transport.close()
            return "421 gone"
        return self.answer


@pytest.fixture
async def mailbox(database: str, monkeypatch: pytest.MonkeyPatch, superuser: Any) -> AsyncIterator[Mailbox]:
    box = Mailbox()
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    await superuser("update mail set state = 'local' where state in ('waiting', 'sending')")
    monkeypatch.setenv("CAREWRIGHT_SMTP_URL", f"smtp://127.0.0.1:{port}")
    settings.cache_clear()
    yield box
    listening.close()
    monkeypatch.undo()
    settings.cache_clear()


async def post(to: str) -> None:
    async with auth_db() as db:
        mail.post(db, to=to, subject="Hello", body="Here is a link: http://127.0.0.1:8080/x/secret-word\n")


async def state_of(superuser: Any, to: str) -> list[str]:
    return [
        row[0] for row in await superuser("select state from mail where to_address = :to order by id", to=to)
    ]


def address() -> str:
    return f"m-{secrets.token_hex(5)}@somewhere.example"


async def test_a_letter_goes_out_once_though_four_deliver_at_once(
    mailbox: Mailbox, superuser: Any, counts: Any
) -> None:
    people = [address() for _ in range(12)]
    for to in people:
        await post(to)
    sent = await asyncio.gather(*(mail.deliver_waiting(auth_db) for _ in range(4)))
    assert sum(sent) == 12
    assert sorted(to for to, _ in mailbox.got) == sorted(people)
    for to in people:
        assert await state_of(superuser, to) == ["sent"]
    assert "secret-word" in mailbox.got[0][1]
    left = await superuser("select body from mail where to_address = any(:to)", to=people)
    assert all(row[0] == "" for row in left)  # what was sent is not kept
    counts("12 letters, 4 deliveries at once: each handed over once")


async def test_what_ends_in_doubt_is_never_sent_again(mailbox: Mailbox, superuser: Any) -> None:
    for answer, state in (
        ("hang up", "unknown"),
        ("550 no such person", "refused"),
        ("451 later", "unknown"),
    ):
        mailbox.answer = answer
        to = address()
        await post(to)
        await mail.deliver_waiting(auth_db)
        assert await state_of(superuser, to) == [state], answer
        seen = len(mailbox.got)
        mailbox.answer = "250 OK"
        await mail.deliver_waiting(auth_db)
        assert len(mailbox.got) == seen


async def test_a_server_that_is_not_there_is_tried_again(
    mailbox: Mailbox, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = address()
    await post(to)
    with monkeypatch.context() as patch:
        patch.setenv("CAREWRIGHT_SMTP_URL", "smtp://127.0.0.1:9")
        settings.cache_clear()
        assert await mail.deliver_waiting(auth_db) == 0
    settings.cache_clear()
    assert await state_of(superuser, to) == ["waiting"]
    assert await mail.deliver_waiting(auth_db) == 1
    assert await state_of(superuser, to) == ["sent"]


async def test_whoever_died_while_sending_leaves_unknown(mailbox: Mailbox, superuser: Any) -> None:
    to = address()
    await post(to)
    await superuser(
        "update mail set state = 'sending', sent_at = now() - interval '6 minutes' where to_address = :to",
        to=to,
    )
    await mail.deliver_waiting(auth_db)
    assert await state_of(superuser, to) == ["unknown"]
    assert mailbox.got == []


async def test_without_a_server_letters_wait_on_the_local_page(
    database: str, letters: Any, superuser: Any
) -> None:
    to = address()
    await post(to)
    assert await state_of(superuser, to) == ["local"]
    assert await mail.deliver_waiting(auth_db) == 0
    assert "secret-word" in (await letters(to))[0].body
    rows = await superuser("select m::text from mail m where to_address = :to", to=to)
    assert "secret-word" not in rows[0][0]  # sealed: links are not for those who read the database


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PUBLIC_URL", "https://care.example.org"),
        ("TRUSTED_PROXY", "10.0.0.1"),
        ("HOST", "0.0.0.0"),
        ("SMTP_URL", "smtp://127.0.0.1:9"),
    ],
)
async def test_the_outbox_exists_only_where_nobody_else_can_come(
    database: str, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"CAREWRIGHT_{variable}", value)
    settings.cache_clear()
    try:
        async with auth_db() as db:
            with pytest.raises(Refused) as refused:
                await mail.outbox(db)
        assert refused.value.code == "NO_OUTBOX"
    finally:
        monkeypatch.undo()
        settings.cache_clear()


async def test_links_come_from_the_configured_origin(
    lou: Any, new_visitor: Any, monkeypatch: pytest.MonkeyPatch, superuser: Any
) -> None:
    monkeypatch.setenv("CAREWRIGHT_PUBLIC_URL", "https://care.example.org/")
    settings.cache_clear()
    try:
        await own_password.ask_reset(lou.email, new_visitor())
        rows = await superuser("select id, body from mail where to_address = :to", to=lou.email)
        body = mail.unseal("mail", bytes.fromhex(rows[0].body), rows[0].id.bytes).decode()
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert "https://care.example.org/password/new/cw_link_" in body


def test_tls_is_insisted_on_beyond_this_machine() -> None:
    assert mail._server("smtp://u%40x:p%3A@mail.example:2525") == {
        "hostname": "mail.example", "port": 2525, "username": "u@x", "password": "p:", "use_tls": False,
        "start_tls": True, "timeout": 20,
    }  # fmt: skip
    assert mail._server("smtps://mail.example")["use_tls"] is True
    assert mail._server("smtps://mail.example")["port"] == 465
    assert mail._server("smtp://localhost")["start_tls"] is None
