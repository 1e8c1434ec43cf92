"""Raw first: every resource is kept as it came, before anything is made of it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import insert, select

from server.ids import new_id
from server.interop.fhir.reader import Resource
from server.interop.fhir.rows import Outcome, Retracted, RowError, Translated, Unknown
from server.interop.intake import Intake, among_ids, asked, sql
from server.interop.tables import RawRecord

#: source, kind, source id: what the sending system calls one record.
Key = tuple[str, str, str]

_UPDATED = re.compile(r'"lastUpdated":"([^"]{4,40})"')


@dataclass(slots=True)
class Record:
    """A resource that is kept, and what it became.

    resource: without its content, which is in the raw row. raw_id: that row. previous: the newest other version kept before, if there is one. new: nothing was known of
    this version until now.
    """

    resource: Resource
    outcome: Outcome
    raw_id: UUID
    previous: UUID | None
    new: bool

    @property
    def key(self) -> Key:
        return key_of(self.resource)


def key_of(resource: Resource) -> Key:
    provenance = resource.provenance
    return provenance.source, provenance.kind, provenance.source_id


async def keep_raw(intake: Intake, read: Sequence[tuple[Resource, Outcome]]) -> list[Record]:
    """Store what is not yet stored. Of one record given twice the later one is returned, both are kept."""
    versions = await _versions(intake, {key_of(resource) for resource, _ in read})
    rows, records = [], {}
    for resource, outcome in read:
        key, sha256 = key_of(resource), resource.provenance.sha256
        known = versions.setdefault(key, {})
        newest = max(known.values(), default=None)
        new = sha256 not in known
        if new:
            known[sha256] = new_id()
            rows.append(
                {
                    "tenant_id": intake.actor.tenant_id,
                    "id": known[sha256],
                    "batch_id": intake.batch_id,
                    "source": key[0],
                    "kind": key[1],
                    "source_id": key[2],
                    "sha256": sha256,
                    "body": resource.raw,
                    "understood": isinstance(outcome, Translated | Retracted),
                    "at": intake.at,
                }
            )
        raw_id = known[sha256]
        # Its content is stored and translated by now; what waits for a person must not hold whole files in memory.
        light = replace(resource, content={}, raw="")
        records[key] = Record(light, outcome, raw_id, newest if newest != raw_id else None, new)
        intake.left_out += resource.left_out
    if rows:
        await intake.db.execute(insert(sql(RawRecord)), rows)
    for record in records.values():
        _note(intake, record)
    return list(records.values())


def _note(intake: Intake, record: Record) -> None:
    outcome, resource = record.outcome, record.resource
    if isinstance(outcome, RowError):
        path = f"{resource.place}: {outcome.path}"
        intake.error(resource.kind, resource.source_id, path, outcome.sentence, outcome.next_step)
    elif isinstance(outcome, Unknown):
        intake.count(resource.kind, "unknown")
    elif isinstance(outcome, Translated) and record.new:
        for notice in outcome.notices:
            if notice.code != "LEFT_OUT":  # counted, and said once for the whole import
                intake.finding(resource.kind, resource.source_id, notice.path, notice.sentence)


async def _versions(intake: Intake, keys: set[Key]) -> dict[Key, dict[str, UUID]]:
    """Every kept version of these records: sha256 -> raw id. Raw ids sort by birth."""
    if not keys:
        return {}
    key = asked(keys, "source", "kind", "source_id").c
    statement = select(
        RawRecord.source, RawRecord.kind, RawRecord.source_id, RawRecord.sha256, RawRecord.id
    ).where(RawRecord.source == key.source, RawRecord.kind == key.kind, RawRecord.source_id == key.source_id)
    found: dict[Key, dict[str, UUID]] = {}
    for source, kind, source_id, sha256, raw_id in await intake.db.execute(statement):
        found.setdefault((source, kind, source_id), {})[sha256] = raw_id
    return found


async def bodies(intake: Intake, raw_ids: Iterable[UUID]) -> dict[UUID, str]:
    statement = select(RawRecord.id, RawRecord.body).where(among_ids(RawRecord.id, raw_ids))
    return {row.id: row.body for row in await intake.db.execute(statement)}


def last_updated_text(body: str) -> str:
    """When the source says this version was written, as it wrote it; empty if it does not say."""
    found = _UPDATED.search(body)
    return found.group(1) if found else ""
