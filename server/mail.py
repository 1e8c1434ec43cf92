"""One way out for the system's own mail: confirmations, new passwords, invitations. Never about a patient.

A letter is a row, written in the transaction that made it necessary. Without an SMTP server it stays here as
`local`, for the outbox page of a house that only its own machine can reach. With one, it goes out in two
steps: claimed (`sending`) in one transaction, closed in another (`sent`, or `refused` when the server says
that it never will take it). Whatever dies in between leaves
`unknown`, and that is never sent again by itself: the person asks for a new link, which is safe, while a
doubled one confuses.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server.clock import now
from server.errors import Refused
from server.ids import new_id
from server.sealed import seal, unseal
from server.settings import is_loopback, settings
from server.tables import Platform, Table, one_of
from server.words import say

#: After this long in `sending`, whoever claimed it is gone.
_GONE: Final = timedelta(minutes=5)
_TIMEOUT_SECONDS: Final = 20

Door = Callable[[], AbstractAsyncContextManager[AsyncSession]]


class Mail(Platform, Table):
    """The system's own mail (confirm, reset, invite). Never about a patient."""

    __tablename__ = "mail"
    __table_args__ = (one_of("state", "waiting", "sending", "sent", "refused", "unknown", "local"),)
    exempt = "Mail to people who may not belong to a practice yet; carries links, never patient data."
    roles: ClassVar[dict[str, str]] = {"auth": "select, insert, update"}

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    to_address: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]  # sealed: it holds a link that opens something; emptied once sent
    state: Mapped[str]
    made_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as the outbox page shows it."""

    id: UUID
    to: str
    subject: str
    body: str
    state: str
    made_at: datetime


def link(path: str) -> str:
    """An absolute address for a letter, from the configured origin alone: never from what a request says
    it is."""
    return settings().base_url + path


def post(db: AsyncSession, *, to: str, subject: str, body: str) -> None:
    """Put a letter in the post, within the caller's sign-in transaction. subject, body: our words, no
    patient's."""
    id = new_id()
    db.add(
        Mail(
            id=id, to_address=to, subject=subject, body=seal("mail", body.encode(), id.bytes).hex(),
            state="waiting" if settings().smtp_url else "local", made_at=now(),
        )
    )  # fmt: skip


async def outbox(db: AsyncSession, *, most: int = 50) -> list[Letter]:
    """The newest letters, for the local outbox page. Raises Refused NO_OUTBOX where anybody else could
    read it."""
    if not settings().loopback or settings().smtp_url:
        raise Refused(
            "NO_OUTBOX",
            say("There is no outbox page here: mail goes out by itself."),
            say("Look in your own mailbox."),
        )
    rows = await db.execute(select(Mail).where(Mail.state == "local").order_by(Mail.id.desc()).limit(most))
    return [_letter(row) for row in rows.scalars()]


async def deliver_waiting(door: Door, *, most: int = 100) -> int:
    """Send what waits; returns how many went out. For the sweep; safe to run in several processes at once.

    door: `auth_db`. Stops at the first sign that the server is not there; what was not yet handed over goes
    back to waiting, because then it is certain that nobody got it.
    """
    if not settings().smtp_url:
        return 0
    await _give_up_on_the_lost(door)
    sent = 0
    for _ in range(most):
        letter = await _claim(door)
        if letter is None:
            break
        outcome = await _send(letter)
        await _close(door, letter.id, outcome)
        if outcome == "waiting":
            break
        sent += outcome == "sent"
    return sent


async def _claim(door: Door) -> Letter | None:
    async with door() as db:
        first = (
            select(Mail.id)
            .where(Mail.state == "waiting")
            .order_by(Mail.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        claimed = (
            await db.execute(
                update(Mail)
                .where(Mail.id == first.scalar_subquery())
                .values(state="sending", sent_at=now())
                .returning(Mail)
            )
        ).scalar_one_or_none()
        return None if claimed is None else _letter(claimed)


async def _send(letter: Letter) -> str:
    """The state that follows: sent, refused (for good), waiting (surely not handed over), or unknown."""
    message = EmailMessage()
    message["From"] = settings().mail_from
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Message-ID"] = f"<{letter.id}@{urlsplit(settings().base_url).hostname or 'localhost'}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    try:
        client = aiosmtplib.SMTP(**_server(settings().smtp_url))
        await client.connect()
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        return "waiting"
    try:
        await client.send_message(message)
        return "sent"
    except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as refusal:
        return "refused" if _for_good(refusal) else "unknown"
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        return "unknown"
    finally:
        await asyncio.shield(_leave(client))


def _for_good(refusal: aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientsRefused) -> bool:
    """Whether every answer was a permanent refusal (RFC 5321, 4.2.1: codes that begin with 5)."""
    each = refusal.recipients if isinstance(refusal, aiosmtplib.SMTPRecipientsRefused) else [refusal]
    return all(500 <= one.code <= 599 for one in each)


async def _leave(client: aiosmtplib.SMTP) -> None:
    try:
        await client.quit()
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        client.close()


async def _close(door: Door, id: UUID, state: str) -> None:
    values: dict[str, Any] = {"state": state, "sent_at": now() if state == "sent" else None}
    if state != "waiting":
        values["body"] = ""
    async with door() as db:
        await db.execute(update(Mail).where(Mail.id == id, Mail.state == "sending").values(**values))


async def _give_up_on_the_lost(door: Door) -> None:
    async with door() as db:
        await db.execute(
            update(Mail)
            .where(Mail.state == "sending", Mail.sent_at < now() - _GONE)
            .values(state="unknown", sent_at=None, body="")
        )


def _letter(row: Mail) -> Letter:
    body = unseal("mail", bytes.fromhex(row.body), row.id.bytes).decode() if row.body else ""
    return Letter(row.id, row.to_address, row.subject, body, row.state, row.made_at)


def _server(url: str) -> dict[str, Any]:
    """aiosmtplib's arguments. smtp:// upgrades to TLS and insists on it, except on this machine; smtps://
    starts so."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    implicit = parts.scheme == "smtps"
    return {
        "hostname": host,
        "port": parts.port or (465 if implicit else 587),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "use_tls": implicit,
        "start_tls": None if implicit or is_loopback(host) else True,
        "timeout": _TIMEOUT_SECONDS,
    }
