"""People who may be on file twice, over GraphQL: pairs to look at, joining two records, taking that back."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import strawberry

from server.duplicates import actions, queries
from server.duplicates.queries import MergeRow, PairRow, Side
from server.duplicates.rules import Obstacle as ObstacleRow
from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    global_id,
    id_of,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

LIKELIEST = Ordering("duplicates.likeliest", Decimal, UUID)


@strawberry.enum(
    description="OPEN: somebody should look. LATER: put off, until `askOn`. DIFFERENT: two people, as somebody said."
)
class DuplicateState(StrEnum):
    OPEN = "open"
    LATER = "later"
    DIFFERENT = "different"


@strawberry.type(description="What stands in the way, and what to do about it.")
class Obstacle:
    code: str
    message: str
    next_step: str

    @classmethod
    def of(cls, row: ObstacleRow) -> "Obstacle":
        return cls(code=row.code, message=row.message, next_step=row.next_step)


@strawberry.type(description="One record of a pair.")
class DuplicateRecord:
    patient_id: strawberry.ID
    record_number: str
    given_names: str
    family_name: str
    birth_date: date

    @classmethod
    def of(cls, who: queries.Called) -> "DuplicateRecord":
        return cls(
            patient_id=global_id("Patient", who.id),
            record_number=who.record_number,
            given_names=who.given_names,
            family_name=who.family_name,
            birth_date=who.birth_date,
        )


@strawberry.type(
    description="Two records that may be one person. Nothing is joined by a score: a person decides."
)
class DuplicatePair(Node):
    one: DuplicateRecord
    other: DuplicateRecord
    score: float = strawberry.field(description="0 to 1.")
    alike: list[str] = strawberry.field(description="What speaks for one person, in words.")
    unlike: list[str] = strawberry.field(description="What speaks against it.")
    state: DuplicateState
    ask_on: date | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str

    @classmethod
    def of(cls, row: PairRow) -> "DuplicatePair":
        return cls(
            id=global_id("DuplicatePair", row.id),
            one=DuplicateRecord.of(row.one),
            other=DuplicateRecord.of(row.other),
            score=float(row.score),
            alike=row.alike,
            unlike=row.unlike,
            state=DuplicateState(row.state),
            ask_on=row.ask_on,
            decided_at=row.decided_at,
            decided_by=row.decided_by_name,
            reason=row.reason,
        )


@strawberry.type(description="How many rows of a kind hang on a record.")
class HangsOn:
    words: str
    count: int


@strawberry.type(description="One record of a pair in full.")
class DuplicateSide:
    record: DuplicateRecord
    hangs: list[HangsOn]
    last_contact_at: datetime | None
    obstacles: list[Obstacle] = strawberry.field(description="What stands against this record staying.")

    @classmethod
    def of(cls, side: Side) -> "DuplicateSide":
        return cls(
            record=DuplicateRecord.of(side.who),
            hangs=[HangsOn(words=words, count=count) for words, count in side.hangs],
            last_contact_at=side.last_contact_at,
            obstacles=[Obstacle.of(one) for one in side.obstacles],
        )


@strawberry.type(description="Two records side by side.")
class DuplicateComparison:
    pair: DuplicatePair
    sides: list[DuplicateSide]
    agrees: list[str] = strawberry.field(description="Names of fields both records have alike.")
    differs: list[str] = strawberry.field(description="Names of fields of which one has to be chosen.")


@strawberry.type(
    description="One record joined with another. What was written since stays with the one that stayed."
)
class PatientMerge(Node):
    kept_id: strawberry.ID
    gone_number: str = strawberry.field(description="The number of the record that went; it is still found.")
    reason: str
    taken: list[str] = strawberry.field(description="Fields whose value is the other record's.")
    rows_moved: int
    made_at: datetime
    made_by: str | None
    undone_at: datetime | None
    undone_by: str | None
    undone_reason: str

    @classmethod
    def of(cls, row: MergeRow) -> "PatientMerge":
        return cls(
            id=global_id("PatientMerge", row.id),
            kept_id=global_id("Patient", row.kept_id),
            gone_number=row.gone_number,
            reason=row.reason,
            taken=sorted(set(row.taken) & set(actions.FIELDS)),
            rows_moved=row.rows,
            made_at=row.made_at,
            made_by=row.made_by_name,
            undone_at=row.undone_at,
            undone_by=row.undone_by_name,
            undone_reason=row.undone_reason,
        )


@strawberry.type(description="What taking two records apart would do.")
class Separation:
    obstacles: list[Obstacle]
    rows_back: int = strawberry.field(description="Rows that go back to the other record.")
    made_since: list[HangsOn] = strawberry.field(
        description="What was written since the joining: it stays with the record that stayed."
    )


@strawberry.input
class JoinRecordsInput:
    keep_id: strawberry.ID = strawberry.field(description="The patient whose record stays.")
    gone_id: strawberry.ID = strawberry.field(description="The patient whose record is joined with it.")
    take: list[Line] | None = strawberry.field(
        default=None,
        description="Fields, such as family_name, whose value is the other record's. What only one of the two "
        "knows is kept anyway.",
    )
    reason: ShortText | None = None


@strawberry.input
class SeparateRecordsInput:
    merge_id: strawberry.ID
    reason: ShortText


@strawberry.input
class TellApartInput:
    pair_id: strawberry.ID
    reason: ShortText = strawberry.field(description="How it is known that they are two people.")


@strawberry.input
class AskLaterInput:
    pair_id: strawberry.ID


@strawberry.type
class LookedForDuplicates:
    asked: bool


@strawberry.type
class DuplicatesQuery:
    @field(
        permission="patients.merge",
        description="Pairs of records that may be one person, the likeliest first.",
    )
    async def duplicate_pairs(
        self,
        info: Info,
        state: DuplicateState = DuplicateState.OPEN,
        first: First = 50,
        after: After = None,
    ) -> Connection[DuplicatePair]:
        actor = actor_of(info)
        cursors = LIKELIEST.within(actor.tenant_id)
        async with tenant_db(actor, read_only=True) as db:
            rows = await queries.pairs_of(
                db, actor, state.value, limit=rows_to_fetch(first), position=cursors.read(after)
            )
        return page_from_rows(
            rows,
            first,
            cursor_of=lambda row: cursors.write(row.score, row.id),
            node_of=DuplicatePair.of,
            after=after,
        )

    @field(permission="patients.merge", description="Two records side by side, and what hangs on each.")
    async def duplicate_comparison(self, info: Info, pair_id: strawberry.ID) -> DuplicateComparison:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            found = await queries.comparison_of(db, actor, id_of("DuplicatePair", pair_id, what="pair"))
        return DuplicateComparison(
            pair=DuplicatePair.of(found.pair),
            sides=[DuplicateSide.of(side) for side in found.sides],
            agrees=list(found.agrees),
            differs=list(found.differs),
        )

    @field(
        permission="patients.merge",
        description="The joinings of a patient's record with others, those that were taken back too.",
    )
    async def patient_merges(self, info: Info, patient_id: strawberry.ID) -> list[PatientMerge]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            patient = await patient_for(db, actor, id_of("Patient", patient_id))
            return [PatientMerge.of(row) for row in await queries.merges_of(db, actor, patient.id)]

    @field(permission="patients.merge", description="What taking a joining back would do, before it is done.")
    async def separation(self, info: Info, merge_id: strawberry.ID) -> Separation:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            found = await actions.separation_of(db, actor, id_of("PatientMerge", merge_id, what="joining"))
        return Separation(
            obstacles=[Obstacle.of(one) for one in found.obstacles],
            rows_back=found.goes_back,
            made_since=[HangsOn(words=words, count=count) for words, count in found.made_since],
        )


@strawberry.type
class DuplicatesMutation:
    @mutation(
        permission="patients.merge",
        description="Two records are one person: everything of the other then belongs to the one that stays.",
    )
    async def join_records(self, info: Info, input: JoinRecordsInput) -> PatientMerge:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            merge = await actions.join_records(
                db, actor, id_of("Patient", input.keep_id), id_of("Patient", input.gone_id),
                take=input.take or (), reason=input.reason or "",
            )  # fmt: skip
            return await _merge(db, actor, merge.id)

    @mutation(permission="patients.merge", description="Take a joining back, with a reason.")
    async def separate_records(self, info: Info, input: SeparateRecordsInput) -> PatientMerge:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            merge = await actions.separate_records(
                db, actor, id_of("PatientMerge", input.merge_id, what="joining"), reason=input.reason
            )
            return await _merge(db, actor, merge.id)

    @mutation(
        permission="patients.merge",
        description="They are two people; not asked again while what tells them apart stays the same.",
    )
    async def tell_apart(self, info: Info, input: TellApartInput) -> DuplicatePair:
        actor, pair_id = actor_of(info), id_of("DuplicatePair", input.pair_id, what="pair")
        async with tenant_db(actor) as db:
            await actions.tell_apart(db, actor, pair_id, reason=input.reason)
            return DuplicatePair.of(await queries.pair_row(db, actor, pair_id))

    @mutation(permission="patients.merge", description="Not now: the pair is asked about again in two weeks.")
    async def ask_later(self, info: Info, input: AskLaterInput) -> DuplicatePair:
        actor, pair_id = actor_of(info), id_of("DuplicatePair", input.pair_id, what="pair")
        async with tenant_db(actor) as db:
            await actions.ask_later(db, actor, pair_id)
            return DuplicatePair.of(await queries.pair_row(db, actor, pair_id))

    @mutation(permission="patients.merge", description="Have everybody compared now, and not only tonight.")
    async def look_for_duplicates(self, info: Info) -> LookedForDuplicates:
        async with tenant_db(actor_of(info)) as db:
            await actions.look_for_duplicates(db, actor_of(info))
        return LookedForDuplicates(asked=True)


async def _merge(db: Db, actor: Actor, merge_id: UUID) -> PatientMerge:
    return PatientMerge.of((await queries.merges_of(db, actor, ids=[merge_id]))[0])
