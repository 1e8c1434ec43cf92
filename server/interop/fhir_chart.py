"""Chart facts from FHIR: one row per source record, replaced when the source changes it, retracted when it says so."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Table as SqlTable
from sqlalchemy import bindparam, insert, select, update

from server.interop.fhir.chart_columns import ChartRow, fact_columns
from server.interop.fhir.dates import NotADate, parse_when
from server.interop.fhir.rows import StayRow, Translated, VisitRow
from server.interop.fhir_raw import Key, Record, bodies, last_updated_text
from server.interop.intake import Columns, Intake, asked, sql
from server.patients.tables import Allergy, Condition, Medication, Observation, Procedure, Stay, Visit
from server.words import say

_TABLES = {
    "condition": sql(Condition),
    "medication": sql(Medication),
    "allergy": sql(Allergy),
    "observation": sql(Observation),
    "visit": sql(Visit),
    "procedure": sql(Procedure),
    "stay": sql(Stay),
}
_KINDS = {
    "Condition": ("condition",),
    "MedicationRequest": ("medication",),
    "MedicationStatement": ("medication",),
    "AllergyIntolerance": ("allergy",),
    "Observation": ("observation",),
    "Encounter": ("visit", "stay"),
    "Procedure": ("procedure",),
    "Immunization": ("procedure",),
}


@dataclass(slots=True)
class _Here:
    """A fact as it is stored."""

    id: UUID
    raw_id: UUID | None
    patient_id: UUID
    retracted: bool


def chart_row(outcome: Translated) -> ChartRow | None:
    """The one row of a record that belongs in the chart: days in a facility are a stay and not a visit as well."""
    rows = [row for row in outcome.rows if isinstance(row, ChartRow)]
    return next((row for row in rows if isinstance(row, StayRow)), next(iter(rows), None))


async def keep_facts(intake: Intake, given: Sequence[tuple[Record, ChartRow, UUID]]) -> None:
    """Store the facts of one portion of a file, a statement or three for each table."""
    portions: dict[str, list[tuple[Record, UUID, Columns]]] = defaultdict(list)
    for record, row, patient_id in given:
        found = fact_columns(row, intake.actor.zone)
        if isinstance(found, str):
            resource = record.resource
            step = say("Correct it in the sending system and bring the file in again.")
            intake.error(resource.kind, resource.source_id, f"{resource.place}: {resource.kind}", found, step)
        else:
            portions[found[0]].append((record, patient_id, found[1]))
    for name, portion in portions.items():
        await _keep(intake, _TABLES[name], portion)
    await _swap_visits_and_stays(intake, given)


async def _keep(intake: Intake, table: SqlTable, portion: list[tuple[Record, UUID, Columns]]) -> None:
    here = await _here(intake, table, (record.key for record, _, _ in portion))
    older = await _older_than_here(intake, here, portion)
    inserts, updates = [], []
    for record, patient_id, columns in portion:
        known, kind = here.get(record.key), record.resource.kind
        if known is None:
            inserts.append(_provenance(intake, record, patient_id) | columns | intake.made())
            intake.count(kind, "added")
        elif known.retracted and not record.new:
            # An old file must not bring back what the source has since taken back.
            intake.count(kind, "same")
        elif known.patient_id != patient_id:
            # Ids are unique within one system only: moving the fact could take it from the right person.
            intake.error(
                kind,
                record.resource.source_id,
                f"{record.resource.place}: {kind}",
                say(
                    "A %(kind)s with this id is already here, and is about someone else. Nothing was "
                    "changed.",
                    kind=kind,
                ),
                say("If the files come from two systems, bring each in under its own source name."),
            )
        elif known.raw_id == record.raw_id and not known.retracted:
            intake.count(kind, "same")
        elif record.key in older:
            intake.count(kind, "same")
            intake.finding(
                kind,
                record.resource.source_id,
                kind,
                say("This version is older than the one that is here, which was kept."),
                say("Bring in the newest export."),
            )
        else:
            intake.touched.add(patient_id)
            changes = columns | {"raw_id": record.raw_id, "retracted": False}
            updates.append({"old_id": known.id} | {f"new_{key}": value for key, value in changes.items()})
            intake.count(kind, "changed")
    if inserts:
        await intake.db.execute(insert(table), inserts)
    if updates:
        names = [key.removeprefix("new_") for key in updates[0] if key != "old_id"]
        statement = update(table).where(table.c.id == bindparam("old_id"))
        values = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
        await intake.db.execute(statement.values(values), updates)


def _provenance(intake: Intake, record: Record, patient_id: UUID) -> Columns:
    source, kind, source_id = record.key
    return intake.columns(
        patient_id,
        source=source,
        source_kind=kind,
        source_id=source_id,
        raw_id=record.raw_id,
        retracted=False,
    )


async def _here(intake: Intake, table: SqlTable, keys: Iterable[Key]) -> dict[Key, _Here]:
    wanted = set(keys)
    if not wanted:
        return {}
    c, key = table.c, asked(wanted, "source", "source_kind", "source_id").c
    statement = select(c.source, c.source_kind, c.source_id, c.id, c.raw_id, c.patient_id, c.retracted).where(
        c.source_id != "",  # said aloud, so that the partial index may serve
        c.source == key.source,
        c.source_kind == key.source_kind,
        c.source_id == key.source_id,
    )
    return {(row[0], row[1], row[2]): _Here(*row[3:]) for row in await intake.db.execute(statement)}


async def _older_than_here(
    intake: Intake, here: dict[Key, _Here], portion: list[tuple[Record, UUID, Columns]]
) -> set[Key]:
    """Records whose stored version the source wrote later than the one that comes in now."""
    dated = {}
    for record, _, _ in portion:
        known, updated = here.get(record.key), record.resource.provenance.last_updated
        if known is not None and known.raw_id not in (None, record.raw_id) and updated is not None:
            dated[record.key] = (known.raw_id, updated)
    kept = await bodies(intake, {raw_id for raw_id, _ in dated.values() if raw_id}) if dated else {}
    older = set()
    for key, (raw_id, updated) in dated.items():
        try:
            ours = parse_when(last_updated_text(kept.get(raw_id, "") if raw_id else "")).instant
        except NotADate:
            continue
        if ours is not None and ours > updated:
            older.add(key)
    return older


# --- retracting -----------------------------------------------------------------------------------------------


async def retract(intake: Intake, records: Sequence[Record]) -> None:
    """The source says these were entered in error: what was made of them stays, marked."""
    by_kind: dict[str, set[Key]] = defaultdict(set)
    for record in records:
        by_kind[record.resource.kind].add(record.key)
    for kind, keys in by_kind.items():
        marked: set[Key] = set()
        for name in _KINDS.get(kind, ()):
            marked |= await _mark(intake, _TABLES[name], keys)
        intake.count(kind, "retracted", len(marked))
        intake.count(kind, "same", len(keys) - len(marked))
        if kind not in _KINDS:
            for record in records:
                if record.resource.kind == kind and record.new:
                    intake.finding(
                        kind,
                        record.resource.source_id,
                        kind,
                        say("The source says this %(kind)s was entered in error.", kind=kind),
                        say("Look at the person's page and correct there what came from it."),
                    )


async def _mark(intake: Intake, table: SqlTable, keys: set[Key]) -> set[Key]:
    found = {
        key: fact
        for key, fact in (await _here(intake, table, keys)).items()
        if key in keys and not fact.retracted
    }
    if found:
        statement = update(table).where(table.c.id == bindparam("old_id")).values(retracted=True)
        await intake.db.execute(statement, [{"old_id": fact.id} for fact in found.values()])
        intake.touched |= {fact.patient_id for fact in found.values()}
    return set(found)


async def _swap_visits_and_stays(intake: Intake, given: Sequence[tuple[Record, ChartRow, UUID]]) -> None:
    """An encounter that became a stay (or stopped being one) must not be told twice."""
    changed = [(record.key, row) for record, row, _ in given if record.previous is not None]
    stays = {key for key, row in changed if isinstance(row, StayRow)}
    visits = {key for key, row in changed if isinstance(row, VisitRow)}
    if stays:
        await _mark(intake, _TABLES["visit"], stays)
    if visits:
        await _mark(intake, _TABLES["stay"], visits)
