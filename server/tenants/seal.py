"""Sealing the audit: the sealer chains what was written, signs where each chain ends, and `verify` checks it all.

Every five seconds the worker's `tick` seals the practices that have unsealed events; a job per practice signs the
head at most once a minute into a store outside the database. So a change to the audit shows with its place; what
happened in the last minute before a break-in is the stretch that only the database itself vouches for.
"""

import asyncio
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, delete, func, insert, literal, select, text

from server import jobs
from server.clock import now
from server.ids import new_id
from server.logs import log
from server.sealed import keyed_hash
from server.settings import settings
from server.tables import JSON
from server.tenants.actor import Actor, system
from server.tenants.chain import Breach, Event, Head, Seal, broken_ends, broken_links, link, origin
from server.tenants.db import Db, Doors
from server.tenants.tables import AuditEvent, AuditSeal, AuditSubject, AuditUnsealed
from server.words import N_, say

_FIELDS: Final = tuple(field.name for field in fields(Event))
_EVENT: Final = [getattr(AuditEvent, name) for name in _FIELDS]
_BATCH: Final = 1000
_SIGN_AFTER: Final = timedelta(seconds=55)
_PAGE: Final = 5000
SIGN: Final = "audit.sign"


# --- sealing --------------------------------------------------------------------------------------------------


async def tick(doors: Doors) -> int:
    """Seal every practice's unsealed events; how many were sealed. One practice's trouble does not stop the others."""
    async with doors.bell() as bell:
        waiting = (await bell.execute(select(AuditUnsealed.tenant_id).distinct())).scalars().all()
    sealed = 0
    for tenant_id in waiting:
        try:
            sealed += await _seal_all(doors, tenant_id)
        except Exception as error:
            log.error("audit.seal_failed", practice=tenant_id, error=error)
    return sealed


async def _seal_all(doors: Doors, tenant_id: UUID) -> int:
    actor = system(tenant_id, "UTC")
    total = 0
    while True:
        async with doors.tenant(actor) as db:
            done = await seal_events(db, actor)
        total += done
        if done < _BATCH:
            return total


async def seal_events(db: Db, actor: Actor) -> int:
    """Append up to a thousand waiting events to the practice's chain; how many."""
    tenant = actor.tenant_id
    turn = await db.execute(
        text("select pg_try_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"audit {tenant}"}
    )
    if not turn.scalar_one():
        return 0  # another worker is at it
    rows = await db.execute(
        select(*_EVENT)
        .where(
            AuditEvent.tenant_id == tenant,
            AuditEvent.id.in_(select(AuditUnsealed.event_id).where(AuditUnsealed.tenant_id == tenant)),
        )
        .order_by(AuditEvent.at, AuditEvent.id)
        .limit(_BATCH)
    )
    events = [_event(row) for row in rows]
    if not events:
        return 0

    last = (await db.execute(_newest(tenant))).one_or_none()
    number, before = (last.number, last.chain_hash) if last else (0, origin(tenant))
    at = now()
    seals, subjects = [], []
    for event in events:
        number += 1
        seal_id = new_id()
        before = link(before, seal_id, number, at, event)
        seals.append(
            {
                "tenant_id": tenant, "id": seal_id, "number": number, "event_id": event.id,
                "chain_hash": before, "sealed_at": at,
            }
        )  # fmt: skip
        subjects += [
            {"tenant_id": tenant, "id": new_id(), "patient_id": patient, "event_id": event.id, "at": event.at}
            for patient in event.patient_ids
        ]

    await db.execute(insert(AuditSeal), seals)
    if subjects:
        await db.execute(insert(AuditSubject), subjects)
    await db.execute(
        delete(AuditUnsealed).where(
            AuditUnsealed.tenant_id == tenant, AuditUnsealed.event_id.in_([event.id for event in events])
        )
    )
    await jobs.add(db, actor, SIGN, "", {}, run_at=at + _SIGN_AFTER)
    return len(seals)


def _event(row: Any) -> Event:
    told = row._asdict()
    return Event(
        **{**told, "patient_ids": tuple(told["patient_ids"]), "entity_ids": tuple(told["entity_ids"])}
    )


def _newest(tenant_id: UUID) -> Any:
    return (
        select(AuditSeal.number, AuditSeal.chain_hash)
        .where(AuditSeal.tenant_id == tenant_id)
        .order_by(AuditSeal.number.desc())
        .limit(1)
    )


# --- signing --------------------------------------------------------------------------------------------------


class HeadStore(Protocol):
    """Where signed heads are kept: append-only, and not where the database is. A bucket with object lock will do."""

    def append(self, tenant_id: UUID, line: bytes) -> None: ...

    def lines(self, tenant_id: UUID) -> list[bytes]: ...


@dataclass(frozen=True, slots=True)
class HeadFiles:
    """One file per practice in the data folder, written to its end only."""

    folder: Path

    def append(self, tenant_id: UUID, line: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        to = os.open(self.folder / f"{tenant_id}.heads", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # One write, so that lines of two workers do not mix; the newline first, so that a line torn by a power
            # cut spoils no other.
            os.write(to, b"\n" + line)
            os.fsync(to)
        finally:
            os.close(to)

    def lines(self, tenant_id: UUID) -> list[bytes]:
        try:
            return [line for line in (self.folder / f"{tenant_id}.heads").read_bytes().split(b"\n") if line]
        except FileNotFoundError:
            return []


def head_store() -> HeadStore:
    """This installation's store."""
    return HeadFiles(Path(settings().data_dir) / "seals")


async def sign_head(db: Db, actor: Actor, _args: JSON) -> None:
    """The job: write down, outside the database, where the practice's chain ends now. Twice does no harm."""
    last = (await db.execute(_newest(actor.tenant_id))).one_or_none()
    if last is not None:
        line = signed(actor.tenant_id, last.number, last.chain_hash, now())
        await asyncio.to_thread(head_store().append, actor.tenant_id, line)


jobs.register(
    SIGN,
    sign_head,
    lease_seconds=30,
    max_attempts=20,
    says=N_("Sign the end of the record of who opened what"),
)


def signed(tenant_id: UUID, number: int, chain_hash: str, at: datetime) -> bytes:
    """A head as the store keeps it: one line of JSON with its signature."""
    told = {"practice": str(tenant_id), "number": number, "hash": chain_hash, "at": at.isoformat()}
    return json.dumps({**told, "signature": _signature(told)}).encode()


def heads_of(tenant_id: UUID, lines: Sequence[bytes]) -> list[Head]:
    """The heads that `lines` hold; what was not signed here for this practice is marked so."""
    return [_head(tenant_id, line) for line in lines]


def _head(tenant_id: UUID, line: bytes) -> Head:
    try:
        told = json.loads(line)
        signature = str(told.pop("signature"))
        genuine = hmac.compare_digest(signature, _signature(told)) and told["practice"] == str(tenant_id)
        return Head(int(told["number"]), str(told["hash"]), genuine)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Head(0, "", genuine=False)


def _signature(told: dict[str, Any]) -> str:
    return keyed_hash("audit head", json.dumps(told, sort_keys=True).encode()).hex()


# --- verifying ------------------------------------------------------------------------------------------------


async def verify(db: Db, actor: Actor, store: HeadStore | None = None) -> list[Breach]:
    """Everything that was done to the practice's audit behind the door's back. Reads it whole, in pages.

    store: where the signed heads are; this installation's own if not given.
    """
    tenant = actor.tenant_id
    heads = heads_of(tenant, await asyncio.to_thread((store or head_store()).lines, tenant))
    found: list[Breach] = []
    hashes: dict[int, str] = {}
    wanted = {head.number for head in heads}
    after: Seal | None = None
    while True:
        links = await _page(db, tenant, after.number if after else 0)
        found += broken_links(after, tenant, links)
        hashes.update({seal.number: seal.chain_hash for seal, _ in links if seal.number in wanted})
        if links:
            after = links[-1][0]
        if len(links) < _PAGE:
            break
    found += broken_ends(after.number if after else 0, hashes, heads)
    for query, code, says in _STRAYS:
        strays = await db.execute(text(query), {"tenant": tenant})
        found += [Breach(code, row.number, row.number, row.event_id, say(says)) for row in strays]
    return found


async def count_sealed(db: Db) -> int:
    """How many events the practice's chain holds."""
    return int(await db.scalar(select(func.count()).select_from(AuditSeal)) or 0)


async def _page(db: Db, tenant: UUID, after: int) -> list[tuple[Seal, Event | None]]:
    seals = [
        Seal(*row)
        for row in await db.execute(
            select(
                AuditSeal.id, AuditSeal.number, AuditSeal.event_id, AuditSeal.chain_hash, AuditSeal.sealed_at
            )
            .where(AuditSeal.tenant_id == tenant, AuditSeal.number > after)
            .order_by(AuditSeal.number)
            .limit(_PAGE)
        )
    ]
    rows = await db.execute(
        select(*_EVENT).where(
            AuditEvent.tenant_id == tenant,
            AuditEvent.id == any_(literal([seal.event_id for seal in seals], ARRAY(Uuid))),
        )
    )
    events = {row.id: _event(row) for row in rows}
    return [(seal, events.get(seal.event_id)) for seal in seals]


_ABOUT = """
select e.id as event_id, patient_id, e.at from audit_event e, unnest(e.patient_ids) as patient_id
where e.tenant_id = :tenant
  and exists (select from audit_seal s where s.tenant_id = e.tenant_id and s.event_id = e.id)"""
_SUBJECTS = "select event_id, patient_id, at from audit_subject where tenant_id = :tenant"

#: (query for number and event_id, code, what it means)
_STRAYS: Final = (
    (
        """
        select cast(null as integer) as number, e.id as event_id from audit_event e
        where e.tenant_id = :tenant
          and not exists (select from audit_seal s where s.tenant_id = e.tenant_id and s.event_id = e.id)
          and not exists (select from audit_unsealed u where u.tenant_id = e.tenant_id and u.event_id = e.id)""",
        "UNSEALED",
        N_("An event that did not come through the door, or whose seal was taken away."),
    ),
    (
        """
        select cast(null as integer) as number, u.event_id from audit_unsealed u
        where u.tenant_id = :tenant
          and not exists (select from audit_event e where e.tenant_id = u.tenant_id and e.id = u.event_id)""",
        "LOST",
        N_("An event was deleted before it was sealed."),
    ),
    (
        f"""
        select (select number from audit_seal s where s.tenant_id = :tenant and s.event_id = odd.event_id) as number,
               odd.event_id
        from ((({_ABOUT}) except all ({_SUBJECTS})) union all (({_SUBJECTS}) except all ({_ABOUT}))) as odd""",  # noqa: S608 - our own two queries
        "SUBJECTS",
        N_("The index of who an event is about does not say what the event says."),
    ),
)
