"""Imports, over GraphQL: what came in. Files themselves come by page or command, which stream them."""

from datetime import datetime
from uuid import UUID

import strawberry

from server.graphql.connections import Node, global_id, id_of, node_kind
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field
from server.interop.queries import BatchRow, IssueRow, batch_for, batches, issues_of
from server.tenants.db import tenant_db


@strawberry.type(description="How many records of one kind came in, and how.")
class ImportCount:
    kind: str
    what: str = strawberry.field(description="added, changed, same, retracted, waiting, unknown or errors")
    number: int


@strawberry.type(description="Something of an import that a person should look at.")
class ImportIssue(Node):
    severity: str
    kind: str
    path: str
    sentence: str
    next_step: str
    file: str

    @classmethod
    def of(cls, row: IssueRow) -> "ImportIssue":
        return cls(
            id=global_id("ImportIssue", row.id),
            severity=row.severity,
            kind=row.kind,
            path=row.path,
            sentence=row.sentence,
            next_step=row.next_step,
            file=row.file,
        )


@strawberry.type(description="One run of an import.")
class ImportBatch(Node):
    kind: str
    source: str
    state: str
    files: int
    made_at: datetime
    ended_at: datetime | None
    counts: list[ImportCount]

    @classmethod
    def of(cls, row: BatchRow) -> "ImportBatch":
        return cls(
            id=global_id("ImportBatch", row.id),
            kind=row.kind,
            source=row.source,
            state=row.state,
            files=row.files,
            made_at=row.made_at,
            ended_at=row.ended_at,
            counts=[
                ImportCount(kind=kind, what=what, number=number)
                for kind, counts in row.counts.items()
                for what, number in counts.items()
            ],
        )


async def _load(info: Info, id: UUID) -> ImportBatch:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return ImportBatch.of(await batch_for(db, actor_of(info), id))


node_kind("ImportBatch", permission="imports.write", loader=_load)


@strawberry.type
class ImportsQuery:
    @field(permission="imports.write", description="The newest imports first, at most 50.")
    async def import_batches(self, info: Info) -> list[ImportBatch]:
        async with tenant_db(actor_of(info), read_only=True) as db:
            return [ImportBatch.of(row) for row in await batches(db, actor_of(info))]

    @field(
        permission="imports.write", description="What to look at in one import, errors first, at most 500."
    )
    async def import_issues(self, info: Info, batch_id: strawberry.ID) -> list[ImportIssue]:
        async with tenant_db(actor_of(info), read_only=True) as db:
            batch = await batch_for(db, actor_of(info), id_of("ImportBatch", batch_id, what="import"))
            found, _ = await issues_of(db, actor_of(info), batch.id)
            return [ImportIssue.of(row) for row in found]
