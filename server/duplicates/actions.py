"""What somebody decides about two records: they are one person, or two, or it is for later; and taking that back.

Joining rewrites nothing that may not be rewritten. Rows that may change are moved to the record that stays, each written
down with whose it was; the record that goes points to the other (`Patient.merged_into`), and whatever is appended only
stays with it and is read through that pointer (`server.patients.records`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Date, delete, insert, literal, select, text, update

from server.clock import now, today
from server.duplicates.references import SAME, moved, undeclared
from server.duplicates.rules import Obstacle, against_joining, against_separating
from server.duplicates.standing import closing_now, record_facts, since_joined
from server.duplicates.tables import DuplicatePair, PatientMerge, PatientMergeRow
from server.errors import Refused, not_found
from server.ids import new_id
from server.minutes.closed import mark_changes
from server.minutes.jobs import ask_for_recount
from server.minutes.recount import mark_months
from server.minutes.tables import UndecidedChange
from server.patients.comparing import ask_to_compare
from server.patients.gate import Joined
from server.patients.records import change_whose
from server.patients.search import fold
from server.patients.tables import Patient
from server.patients.words import index_words
from server.tables import Table
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import N_, say

#: columns of which one record's value has to be chosen where the two differ -> words, in the order they are shown
FIELDS: Final[Mapping[str, str]] = {
    "family_name": N_("Family name"),
    "given_names": N_("Given names"),
    "preferred_name": N_("Called"),
    "name_prefix": N_("Before the name"),
    "name_suffix": N_("After the name"),
    "birth_date": N_("Born"),
    "sex": N_("Sex"),
    "birth_sex": N_("Sex at birth"),
    "gender_identity": N_("Gender"),
    "pronouns": N_("Pronouns"),
    "races": N_("Races"),
    "ethnicity": N_("Ethnicity"),
    "language": N_("Language"),
    "interpreter_needed": N_("Interpreter needed"),
    "marital_status": N_("Marital status"),
    "contact_notes": N_("How they like to be reached"),
    "confidential_contact": N_("Reach only this way"),
    "deceased_on": N_("Died"),
}
_WAIT_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class Separation:
    """What taking two records apart would do. obstacles: why not; made_since: rows that stay with the record that stayed."""

    obstacles: tuple[Obstacle, ...]
    goes_back: int
    made_since: tuple[tuple[str, int], ...]


async def join_records(
    db: Db, actor: Actor, keep_id: UUID, gone_id: UUID, *, take: Collection[str] = (), reason: str = ""
) -> PatientMerge:
    """Join record `gone_id` with `keep_id`, which stays. The same joining twice is one.

    take: of FIELDS, those whose value is the other record's; what only one of them knows is kept anyway. Refused: what
    `rules.against_joining` says, and a record that was joined already.
    """
    actor.require("patients.merge")
    if unknown := set(take) - set(FIELDS):
        raise Refused(
            "FIELD_UNKNOWN",
            say("A person has no %(field)s to choose.", field=sorted(unknown)[0]),
            say("Choose from %(fields)s.", fields=", ".join(FIELDS)),
            "take",
        )
    kept, gone = await _both(db, actor, keep_id, gone_id)
    if gone.merged_into == kept.id and (made := await _standing(db, gone.id)) is not None:
        return made
    await _check_not_joined(db, kept, gone)

    if wrong := undeclared():
        raise RuntimeError("; ".join(wrong))
    facts, closing = await record_facts(db, kept, gone), await closing_now(db)
    for obstacle in against_joining(*facts, closing=closing):
        raise obstacle.refused()

    at = now()
    merge = PatientMerge(
        tenant_id=actor.tenant_id, id=new_id(), kept_id=kept.id, gone_id=gone.id, reason=reason.strip(),
        made_at=at, made_by=actor.staff_id, taken=_take(kept, gone, take), rows=0,
    )  # fmt: skip
    db.add(merge)
    await db.flush()
    merge.rows = await _move(db, merge)
    gone.merged_into = kept.id
    await db.flush()
    await index_words(db, [kept.id, gone.id])
    await _changed(db, actor, kept.id, gone.id)
    await db.execute(
        update(UndecidedChange)
        .where(UndecidedChange.patient_id == kept.id, UndecidedChange.marked_at >= at)
        .values(marked_at=at)
    )
    await ask_to_compare(db, actor, [kept.id])
    _note(db, actor, "duplicates.join", merge)
    return merge


async def separate_records(db: Db, actor: Actor, merge_id: UUID, *, reason: str) -> PatientMerge:
    """Take a joining back: each record is as it was before. What was written since stays with the one that stayed.

    Refused: without a reason, and what `rules.against_separating` says. Twice is once.
    """
    actor.require("patients.merge")
    merge = await _merge_for(db, actor, merge_id)
    kept, gone = await _both(db, actor, merge.kept_id, merge.gone_id)
    await db.refresh(merge)
    if merge.undone_at is not None:
        return merge
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            say("Why are they two people after all?"),
            say("Write a few words for whoever reads this later."),
            "reason",
        )

    for obstacle in against_separating(kept.record_number, await since_joined(db, merge, kept)):
        raise obstacle.refused()

    await db.execute(
        delete(UndecidedChange).where(
            UndecidedChange.patient_id == kept.id, UndecidedChange.marked_at == merge.made_at
        )
    )
    await _move_back(db, merge)
    _give_back(kept, merge.taken)
    gone.merged_into = None
    merge.undone_at, merge.undone_by, merge.undone_reason = now(), actor.staff_id, reason.strip()
    await db.flush()
    await index_words(db, [kept.id, gone.id])
    await _changed(db, actor, kept.id, gone.id, closed=False)
    await ask_to_compare(db, actor, [kept.id, gone.id])
    _note(db, actor, "duplicates.separate", merge)
    return merge


async def separation_of(db: Db, actor: Actor, merge_id: UUID) -> Separation:
    """What taking this joining back would do, told before it is done."""
    actor.require("patients.merge")
    merge = await _merge_for(db, actor, merge_id)
    kept = (await db.execute(select(Patient).where(Patient.id == merge.kept_id))).scalar_one()
    since = await since_joined(db, merge, kept)
    made = await db.execute(_MADE_SINCE, {"kept": merge.kept_id, "at": merge.made_at})
    return Separation(
        tuple(against_separating(kept.record_number, since)),
        merge.rows,
        tuple((_MADE[what], int(count)) for what, count in made if count),
    )


async def tell_apart(db: Db, actor: Actor, pair_id: UUID, *, reason: str) -> DuplicatePair:
    """They are two people. Remembered with who said so and why, and not asked again while what tells them apart stays."""
    pair = await _pair_for(db, actor, pair_id)
    if pair.state == "different" and not reason.strip():
        return pair
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED", say("How do you know they are two people?"),
            say("A few words are enough, such as “twins” or “asked them both”."), "reason",
        )  # fmt: skip
    pair.state, pair.reason, pair.ask_on = "different", reason.strip(), None
    return await _decided(db, actor, pair, "duplicates.tell_apart")


async def ask_later(db: Db, actor: Actor, pair_id: UUID) -> DuplicatePair:
    """Not now: asked again in two weeks."""
    pair = await _pair_for(db, actor, pair_id)
    pair.state, pair.ask_on = "later", today(actor.zone) + timedelta(days=_WAIT_DAYS)
    return await _decided(db, actor, pair, "duplicates.ask_later")


async def look_for_duplicates(db: Db, actor: Actor) -> None:
    """Have everybody compared now, and not only tonight."""
    actor.require("patients.merge")
    await ask_to_compare(db, actor)
    db.note(actor, "duplicates.look", entity="duplicate_pair", effect="write")


# --- parts ----------------------------------------------------------------------------------------------------


async def _both(db: Db, actor: Actor, keep_id: UUID, gone_id: UUID) -> tuple[Patient, Patient]:
    """Both records, locked in the order of their ids, with nobody at work on either."""
    if keep_id == gone_id:
        raise Refused("ONE_RECORD", say("These are the same record."), say("Choose two."))
    await change_whose(db, actor)
    rows = await db.execute(
        select(Patient)
        .where(Patient.id.in_([keep_id, gone_id]))
        .order_by(Patient.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {patient.id: patient for patient in rows.scalars()}
    if len(found) < 2:
        db.note(actor, "patients.merge", entity="patient", entity_ids=[keep_id, gone_id], effect="refused")
        raise not_found("patient")
    return found[keep_id], found[gone_id]


async def _check_not_joined(db: Db, *records: Patient) -> None:
    for record in records:
        if record.merged_into is not None:
            into = (await db.execute(select(Patient).where(Patient.id == record.merged_into))).scalar_one()
            raise Joined(record, into)


async def _standing(db: Db, gone_id: UUID) -> PatientMerge | None:
    found: PatientMerge | None = (
        await db.execute(
            select(PatientMerge).where(PatientMerge.gone_id == gone_id, PatientMerge.undone_at.is_(None))
        )
    ).scalar_one_or_none()
    return found


async def _merge_for(db: Db, actor: Actor, merge_id: UUID) -> PatientMerge:
    merge = (await db.execute(select(PatientMerge).where(PatientMerge.id == merge_id))).scalar_one_or_none()
    if merge is None:
        db.note(actor, "patients.merge", entity="patient_merge", entity_ids=[merge_id], effect="refused")
        raise not_found("joining of records")
    return merge


async def _pair_for(db: Db, actor: Actor, pair_id: UUID) -> DuplicatePair:
    actor.require("patients.merge")
    pair = (
        await db.execute(select(DuplicatePair).where(DuplicatePair.id == pair_id).with_for_update())
    ).scalar_one_or_none()
    if pair is None:
        db.note(actor, "patients.merge", entity="duplicate_pair", entity_ids=[pair_id], effect="refused")
        raise not_found("pair of records")
    records = await db.execute(select(Patient).where(Patient.id.in_([pair.one_id, pair.other_id])))
    await _check_not_joined(db, *records.scalars())
    return pair


async def _decided(db: Db, actor: Actor, pair: DuplicatePair, action: str) -> DuplicatePair:
    pair.decided_at, pair.decided_by = now(), actor.staff_id
    await db.flush()
    db.note(
        actor, action, entity="duplicate_pair", entity_ids=[pair.id], patient_ids=[pair.one_id, pair.other_id],
        effect="write",
    )  # fmt: skip
    return pair


async def _move(db: Db, merge: PatientMerge) -> int:
    """Every row that may change now names the record that stays; how many those were."""
    rows = 0
    for one in moved():
        table = Table.metadata.tables[one.table]
        column = table.c[one.column]
        statement = select(table.c.id).where(column == merge.gone_id).with_for_update()
        if one.table in SAME:
            statement = statement.where(
                ~table.c.id.in_(
                    text(
                        f"select g.id from {one.table} g where g.{one.column} = :gone and exists (select from {one.table} k "  # noqa: S608 - names from the tables
                        f"where k.tenant_id = g.tenant_id and k.{one.column} = :kept and {SAME[one.table]})"
                    ).bindparams(gone=merge.gone_id, kept=merge.kept_id)
                )
            )
        ids = list((await db.execute(statement)).scalars())
        if not ids:
            continue
        await db.execute(
            insert(PatientMergeRow),
            [
                {
                    "tenant_id": merge.tenant_id, "id": new_id(), "merge_id": merge.id, "table_name": one.table,
                    "column_name": one.column, "row_id": id, "was": merge.gone_id,
                }
                for id in ids
            ],
        )  # fmt: skip
        await db.execute(
            update(table)
            .where(column == merge.gone_id, table.c.id.in_(_rows_of(merge, one.table, one.column)))
            .values({one.column: merge.kept_id})
        )
        rows += len(ids)
    return rows


async def _move_back(db: Db, merge: PatientMerge) -> None:
    for one in moved():
        table = Table.metadata.tables[one.table]
        await db.execute(
            update(table)
            .where(
                table.c[one.column] == merge.kept_id, table.c.id.in_(_rows_of(merge, one.table, one.column))
            )
            .values({one.column: literal(merge.gone_id)})
        )


def _rows_of(merge: PatientMerge, table: str, column: str) -> Any:
    row = PatientMergeRow
    return select(row.row_id).where(
        row.merge_id == merge.id, row.table_name == table, row.column_name == column
    )


def _take(kept: Patient, gone: Patient, take: Collection[str]) -> dict[str, Any]:
    """Give the record that stays what was chosen or what only the other one knows; what it was and what it is now. What
    the other one does not know takes nothing away."""
    taken: dict[str, Any] = {}
    for name in FIELDS:
        ours, theirs = getattr(kept, name), getattr(gone, name)
        if theirs in (None, "", []) or ours == theirs:
            continue
        if name in take or ours in (None, "", []):
            taken[name] = {"was": _plain(ours), "now": _plain(theirs)}
            setattr(kept, name, theirs)
    if "birth_date" in taken and kept.birth_date_precision != gone.birth_date_precision:
        taken["birth_date_precision"] = {"was": kept.birth_date_precision, "now": gone.birth_date_precision}
        kept.birth_date_precision = gone.birth_date_precision
    if taken:
        taken["revision"] = {"was": kept.revision, "now": kept.revision + 1}
        kept.revision += 1
    _fold(kept)
    return taken


def _give_back(kept: Patient, taken: Mapping[str, Any]) -> None:
    """What is still as joining left it becomes what it was; what somebody changed since stays as they left it."""
    for name, values in taken.items():
        if _plain(getattr(kept, name)) == values["now"]:
            was = values["was"]
            is_day = was is not None and isinstance(Patient.__table__.c[name].type, Date)
            setattr(kept, name, date.fromisoformat(was) if is_day else was)
    _fold(kept)


def _fold(patient: Patient) -> None:
    patient.family_key, patient.given_key = fold(patient.family_name), fold(patient.given_names)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


async def _changed(db: Db, actor: Actor, kept_id: UUID, gone_id: UUID, *, closed: bool = True) -> None:
    """The months with minutes of the record that goes or comes back are counted again, for both."""
    rows = await db.execute(_MONTHS, {"gone": gone_id, "zone": actor.zone})
    months = sorted(month for (month,) in rows)
    due = [(id, month) for id in (kept_id, gone_id) for month in months]
    # The record that goes has no totals any more: they are taken away here, where its months are no longer its own.
    await db.execute(
        text("delete from month_total where patient_id = any(:ids) and month = any(:months)").bindparams(
            ids=[kept_id, gone_id], months=months
        )
    )
    await mark_months(db, actor, due)
    if closed:
        await mark_changes(db, actor, [(kept_id, month) for month in months])
    await ask_for_recount(db, actor, months)


def _note(db: Db, actor: Actor, action: str, merge: PatientMerge) -> None:
    db.note(
        actor, action, entity="patient_merge", entity_ids=[merge.id], patient_ids=[merge.kept_id, merge.gone_id],
        effect="write", rows=merge.rows,
    )  # fmt: skip


_MONTHS = text("""
select distinct to_char(unnest(array[started_at, ended_at - interval '1 microsecond']) at time zone :zone, 'YYYY-MM')
from time_entry where patient_id = :gone
union select month from month_total where patient_id = :gone
union select month from dirty_month where patient_id = :gone
""")

#: table -> words for what is counted in it
_MADE: Final = {
    "encounter": N_("contact"),
    "time_entry": N_("entry of minutes"),
    "plan_version": N_("plan"),
    "consent": N_("consent"),
    "coverage": N_("coverage"),
}
_MADE_SINCE = text(
    " union all ".join(
        f"select '{table}', count(*) from {table} where patient_id = :kept and made_at > :at"  # noqa: S608 - the names above
        for table in _MADE
    )
)
