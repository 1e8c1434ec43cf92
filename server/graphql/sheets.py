"""Tables of people, over GraphQL: what the columns mean, what each row would do, bringing in and taking back.

Files come by page, which streams them; a small table may come as text."""

import asyncio
from datetime import datetime
from uuid import UUID

import strawberry

from server.graphql.connections import First, Node, global_id, id_of, node_kind, rows_to_fetch
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, LongText
from server.interop import sheet_actions, sheet_queries
from server.interop.sheet_queries import SheetRowState, SheetState
from server.interop.sheets.packing import prepared
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

WRITE = "imports.write"


@strawberry.type(description="How many rows of a table have a verdict or an outcome.")
class SheetCount:
    what: str = strawberry.field(
        description="A verdict (new, changed, same, differs, duplicate, error), an outcome (in, undone, stays), both as "
        "in_new, or decided: those that wait to be brought in as somebody said."
    )
    number: int


@strawberry.type(description="A column of a table, and what it means.")
class SheetColumn:
    place: int
    name: str
    field: str | None = strawberry.field(description="Null for a column that is left out.")
    date_order: str | None = strawberry.field(description="mdy or dmy, where it matters.")


@strawberry.type(description="A row of a table: what bringing it in would do or did.")
class SheetRow:
    line: int
    called: str
    verdict: str
    field: str
    sentence: str
    next_step: str
    patient_id: strawberry.ID | None
    choice: str
    outcome: str

    @classmethod
    def of(cls, row: SheetRowState) -> "SheetRow":
        return cls(
            line=row.line,
            called=row.called,
            verdict=row.verdict,
            field=row.field,
            sentence=row.sentence,
            next_step=row.next_step,
            patient_id=global_id("Patient", row.patient_id) if row.patient_id else None,
            choice=row.choice,
            outcome=row.outcome,
        )


@strawberry.type(description="A table of people that was brought.")
class Sheet(Node):
    name: str
    encoding: str
    separator: str
    row_count: int
    state: str = strawberry.field(description="columns, trying, tried, bringing, in, undoing or undone")
    portions: int
    portions_done: int
    made_at: datetime
    ended_at: datetime | None
    counts: list[SheetCount]
    columns: list[SheetColumn] = strawberry.field(
        description="As said, or for a new table as remembered or guessed."
    )

    @classmethod
    async def read(cls, db: Db, actor: Actor, row: SheetState) -> "Sheet":
        meaning, _ = await sheet_queries.meaning_of(db, actor, row)
        means = {place: name for name, place in meaning.columns.items()}
        return cls(
            id=global_id("Sheet", row.id),
            name=row.name,
            encoding=row.encoding,
            separator=row.separator,
            row_count=row.rows,
            state=row.state,
            portions=row.portions,
            portions_done=row.done,
            made_at=row.made_at,
            ended_at=row.ended_at,
            counts=[SheetCount(what=what, number=number) for what, number in sorted(row.counts.items())],
            columns=[
                SheetColumn(
                    place=place,
                    name=name,
                    field=means.get(place),
                    date_order=meaning.orders.get(means.get(place, "")),
                )
                for place, name in enumerate(row.header)
            ],
        )


@strawberry.type(description="A table that is no longer kept.")
class DiscardedSheet:
    sheet_id: strawberry.ID


async def _load(info: Info, id: UUID) -> Sheet:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        return await _read(db, actor, id)


async def _read(db: Db, actor: Actor, id: UUID) -> Sheet:
    return await Sheet.read(db, actor, await sheet_queries.sheet_state(db, actor, id))


node_kind("Sheet", permission=WRITE, loader=_load)


@strawberry.type
class SheetsQuery:
    @field(permission=WRITE, description="Tables of people that were brought, the newest first, at most 50.")
    async def sheets(self, info: Info) -> list[Sheet]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return [await Sheet.read(db, actor, row) for row in await sheet_queries.sheets(db, actor)]

    @field(
        permission=WRITE,
        description="Rows of a table in the file's order, after a line; of one verdict, or those decided and not in yet.",
    )
    async def sheet_rows(
        self,
        info: Info,
        sheet_id: strawberry.ID,
        verdict: Line | None = None,
        decided: bool = False,
        after_line: int = 0,
        first: First = 50,
    ) -> list[SheetRow]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            sheet = await sheet_queries.sheet_state(db, actor, id_of("Sheet", sheet_id, what="table"))
            found = await sheet_queries.rows_of(
                db, actor, sheet.id, verdict=verdict or "", decided=decided, after=after_line,
                limit=rows_to_fetch(first) - 1,
            )  # fmt: skip
            return [SheetRow.of(row) for row in found]

    @field(permission=WRITE, description="The first rows of a table as they came, at most 20.")
    async def sheet_first_rows(self, info: Info, sheet_id: strawberry.ID) -> list[list[str]]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            sheet = await sheet_queries.sheet_state(db, actor, id_of("Sheet", sheet_id, what="table"))
            rows = await sheet_queries.first_cells(db, actor, sheet.id, limit=20)
            return [list(cells) for _, cells in rows]

    @field(
        permission=WRITE,
        description="The rows that did not come in as a CSV file, each with what to mend, to be brought again.",
    )
    async def sheet_to_mend(self, info: Info, sheet_id: strawberry.ID) -> str:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return (await sheet_queries.to_mend(db, actor, id_of("Sheet", sheet_id, what="table")))[1]


@strawberry.input
class SheetColumnInput:
    place: int
    field: Line | None = strawberry.field(default=None, description="Null leaves the column out.")
    date_order: Line | None = strawberry.field(
        default=None, description="mdy or dmy, where the column's days leave it open."
    )


@strawberry.input
class SetSheetColumnsInput:
    sheet_id: strawberry.ID
    columns: list[SheetColumnInput]


@strawberry.type
class SheetsMutation:
    @mutation(permission=WRITE, description="Bring a small table as text (CSV). Nothing of it comes in yet.")
    async def take_sheet(self, info: Info, name: Line, text: LongText) -> Sheet:
        actor = actor_of(info)
        read = await asyncio.to_thread(prepared, text.encode())
        async with tenant_db(actor) as db:
            return await _read(db, actor, await sheet_actions.take_sheet(db, actor, name, read))

    @mutation(
        permission=WRITE,
        description="Say what the columns mean, and have the table tried out. It is remembered for such a header. Columns that are not named mean what is remembered or guessed.",
    )
    async def set_sheet_columns(self, info: Info, input: SetSheetColumnsInput) -> Sheet:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            id = id_of("Sheet", input.sheet_id, what="table")
            meaning, _ = await sheet_queries.meaning_of(
                db, actor, await sheet_queries.sheet_state(db, actor, id)
            )
            named = {each.place for each in input.columns} | {
                place for each in input.columns if (place := meaning.columns.get(str(each.field))) is not None
            }
            columns = {field: place for field, place in meaning.columns.items() if place not in named}
            columns |= {str(each.field): each.place for each in input.columns if each.field}
            # An order that was said of one column says nothing of another.
            orders = {
                field: order
                for field, order in meaning.orders.items()
                if columns.get(field) == meaning.columns[field]
            }
            orders |= {str(each.field): str(each.date_order) for each in input.columns if each.date_order}
            await sheet_actions.set_sheet_columns(db, actor, id, columns, orders)
            return await _read(db, actor, id)

    @mutation(permission=WRITE, description="Bring in what is new, changed or decided.")
    async def bring_in_sheet(self, info: Info, sheet_id: strawberry.ID) -> Sheet:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            id = id_of("Sheet", sheet_id, what="table")
            await sheet_actions.bring_in_sheet(db, actor, id)
            return await _read(db, actor, id)

    @mutation(
        permission=WRITE, description="Take back what a table brought, where nobody has touched it since."
    )
    async def undo_sheet(self, info: Info, sheet_id: strawberry.ID) -> Sheet:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            id = id_of("Sheet", sheet_id, what="table")
            await sheet_actions.undo_sheet(db, actor, id)
            return await _read(db, actor, id)

    @mutation(permission=WRITE, description="Forget a table of which nothing came in.")
    async def discard_sheet(self, info: Info, sheet_id: strawberry.ID) -> DiscardedSheet:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            await sheet_actions.discard_sheet(db, actor, id_of("Sheet", sheet_id, what="table"))
        return DiscardedSheet(sheet_id=sheet_id)

    @mutation(
        permission=WRITE,
        description="Answer what is asked about a row that is not in yet: same (the same person, what is here stays), table "
        "(the same person, and the table is right), new (a new person), or null to leave it open.",
    )
    async def decide_sheet_row(
        self, info: Info, sheet_id: strawberry.ID, line: int, choice: Line | None = None
    ) -> Sheet:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            id = id_of("Sheet", sheet_id, what="table")
            await sheet_actions.decide_sheet_row(db, actor, id, line, choice or "")
            return await _read(db, actor, id)
