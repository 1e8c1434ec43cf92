"""Reads of imports: what came in, and what a person should look at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from server.errors import not_found
from server.interop.tables import ImportBatch, ImportIssue
from server.tenants.actor import Actor
from server.tenants.db import Db


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One import. counts: kind of record -> {added, changed, same, retracted, waiting, unknown, errors}."""

    id: UUID
    kind: str
    source: str
    state: str
    files: int
    counts: dict[str, dict[str, int]]
    made_at: datetime
    ended_at: datetime | None

    def total(self, what: str) -> int:
        return sum(counts.get(what, 0) for counts in self.counts.values())


@dataclass(frozen=True, slots=True)
class IssueRow:
    """Something of an import that a person should look at."""

    id: UUID
    severity: str
    kind: str
    source_id: str
    path: str
    sentence: str
    next_step: str
    file: str


_BATCH: tuple[Any, ...] = tuple(getattr(ImportBatch, name) for name in BatchRow.__dataclass_fields__)
_ISSUE: tuple[Any, ...] = tuple(getattr(ImportIssue, name) for name in IssueRow.__dataclass_fields__)


async def batches(db: Db, actor: Actor, *, limit: int = 50) -> list[BatchRow]:
    """The newest imports first."""
    actor.require("imports.write")
    rows = await db.execute(
        select(*_BATCH).order_by(ImportBatch.made_at.desc(), ImportBatch.id.desc()).limit(limit)
    )
    return [BatchRow(*row) for row in rows]


async def batch_for(db: Db, actor: Actor, batch_id: UUID) -> BatchRow:
    """One import of this practice."""
    actor.require("imports.write")
    row = (await db.execute(select(*_BATCH).where(ImportBatch.id == batch_id))).one_or_none()
    if row is None:
        raise not_found("import")
    db.note(actor, "imports.read", entity="import_batch", entity_ids=[batch_id])
    return BatchRow(*row)


async def issues_of(db: Db, actor: Actor, batch_id: UUID, *, limit: int = 500) -> tuple[list[IssueRow], int]:
    """What to look at in one import, errors first, and how many there are in all."""
    actor.require("imports.write")
    where = ImportIssue.batch_id == batch_id
    rows = await db.execute(
        select(*_ISSUE)
        .where(where)
        .order_by(ImportIssue.severity, ImportIssue.file, ImportIssue.id)
        .limit(limit)
    )
    total = await db.scalar(select(func.count()).select_from(ImportIssue).where(where))
    return [IssueRow(*row) for row in rows], int(total or 0)
