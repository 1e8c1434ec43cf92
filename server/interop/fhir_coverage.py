"""Who pays, from Coverage records; and from bills, where no record says it, as something to be confirmed.

A payer's name is not proof of the rules it follows ("medicare" may be an Advantage plan): a payer that is new here
comes in without a kind, and its claims wait for a person.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, insert, or_, select, update

from server.interop.fhir.payers import BilledPayer, billed_payers, coverage_columns, is_nobody, payer_name
from server.interop.fhir.rows import CoverageRow
from server.interop.fhir_raw import Record
from server.interop.intake import Columns, Intake, among_ids, sql
from server.patients.tables import Coverage, Patient
from server.tenants.tables import Payer
from server.words import say, say_of

Given = Sequence[tuple[Record, CoverageRow, UUID]]


async def keep_coverages(intake: Intake, given: Given) -> None:
    """Coverage records: one row each, replaced when the source changes it. One that stayed behind when two records were
    joined, because the other said the same, is here too: it comes in again once the source says something new."""
    payers = await _payers(intake, (payer_name(row) for _, row, _ in given if not is_nobody(payer_name(row))))
    table = sql(Coverage)
    people, ids = sql(Patient).c, {patient_id for _, _, patient_id in given}
    found = await intake.db.execute(
        select(table, people.merged_into)
        .join(sql(Patient), and_(people.tenant_id == table.c.tenant_id, people.id == table.c.patient_id))
        .where(or_(among_ids(people.id, ids), among_ids(people.merged_into, ids)))
    )
    here: dict[tuple[UUID, str], Any] = {}
    left_behind: dict[tuple[UUID, str], Any] = {}  # on a record that was joined with theirs
    for each in found.mappings():
        joined = each["merged_into"]
        (left_behind if joined else here)[joined or each["patient_id"], each["source"]] = each
    rows: list[Columns] = []
    for record, row, patient_id in given:
        if row.status == "draft" or is_nobody(payer_name(row)):
            intake.count("Coverage", "same")
            continue
        columns: Columns = {"payer_id": payers[payer_name(row).casefold()]} | coverage_columns(
            row, intake.today
        )
        source = f"{row.provenance.source} Coverage/{row.provenance.source_id}"
        known = here.get((patient_id, source))
        if known is None and not record.new and (patient_id, source) in left_behind:
            intake.count("Coverage", "same")
        elif known is None:
            rows.append(_coverage(intake, patient_id, source) | columns)
            intake.count("Coverage", "added")
            if row.start is None:
                intake.finding(
                    "Coverage",
                    row.provenance.source_id,
                    "Coverage.period.start",
                    say(
                        "The coverage by %(payer)s does not say since when; it was taken from today.",
                        payer=payer_name(row),
                    ),
                    say("Ask the payer since when, and correct the date before an earlier month is billed."),
                )
        elif record.new and any(known[name] != value for name, value in columns.items()):
            if row.start is None:
                del columns["from_on"]
            await intake.db.execute(update(table).where(table.c.id == known["id"]).values(columns))
            intake.touched.add(patient_id)
            intake.count("Coverage", "changed")
        else:
            intake.count("Coverage", "same")
    if rows:
        await intake.db.execute(insert(sql(Coverage)), rows)


async def keep_bills(intake: Intake, given: Given) -> None:
    """Payers that only bills name: the latest billed is taken as still paying, those before as ended.

    A payer the person has a coverage of already, from a record or by hand, is left as it is. A bill that says
    nobody pays ends what came before it.
    """
    by_patient: dict[tuple[UUID, str], list[CoverageRow]] = defaultdict(list)
    fresh: set[UUID] = set()
    for record, row, patient_id in given:
        by_patient[patient_id, row.provenance.source].append(row)
        intake.count(record.resource.kind, "added" if record.new else "same")
        fresh |= {patient_id} if record.new else set()
    summed = {key: billed_payers(rows) for key, rows in by_patient.items()}
    named = (each.payer for billed in summed.values() for each in billed if not is_nobody(each.payer))
    payers = await _payers(intake, named)
    table = sql(Coverage)
    found = await intake.db.execute(
        select(table).where(among_ids(table.c.patient_id, {patient_id for patient_id, _ in summed}))
    )
    here: dict[UUID, list[Columns]] = defaultdict(list)
    for known in found.mappings():
        here[known["patient_id"]].append(dict(known))
    rows: list[Columns] = []
    for (patient_id, source), billed in summed.items():
        label = f"{source} bills"
        for each in (one for one in billed if not is_nobody(one.payer)):
            ended = None if each.last == billed[0].last else each.last
            payer_id = payers[each.payer.casefold()]
            same = [c for c in here[patient_id] if c["payer_id"] == payer_id]
            if not same:
                rows.append(_from_bills(intake, patient_id, label, payer_id, each) | {"to_on": ended})
            elif patient_id in fresh:
                await _widen(intake, same, label, each)
    if rows:
        await intake.db.execute(insert(sql(Coverage)), rows)
        people = len({row["patient_id"] for row in rows})
        intake.finding(
            "Coverage",
            "",
            "Coverage",
            say_of(
                "Who pays for %(n)s person was read from old bills, not from a coverage record.",
                "Who pays for %(n)s people was read from old bills, not from a coverage record.",
                people,
            ),
            say("Check eligibility with the payer before a claim is made."),
        )


async def _widen(intake: Intake, known: list[Columns], label: str, billed: BilledPayer) -> None:
    """An earlier bill than any seen before shows that the payer paid longer ago than we knew."""
    for coverage in known:
        if coverage["source"] == label and billed.first < coverage["from_on"]:
            statement = update(Coverage).where(Coverage.id == coverage["id"]).values(from_on=billed.first)
            await intake.db.execute(statement)
            intake.touched.add(coverage["patient_id"])


def _from_bills(intake: Intake, patient_id: UUID, label: str, payer_id: UUID, billed: BilledPayer) -> Columns:
    return _coverage(intake, patient_id, label) | {
        "payer_id": payer_id,
        "product": billed.product,
        "member_id": billed.member_id,
        "rank": 1,
        "from_on": billed.first,
    }


def _coverage(intake: Intake, patient_id: UUID, source: str) -> Columns:
    told: Columns = {
        "replaces_part_b": False,
        "qualified_beneficiary": False,
        "care_management_benefit": None,
    }
    return intake.columns(patient_id, source=source) | told | intake.made()


async def _payers(intake: Intake, names: Iterable[str]) -> dict[str, UUID]:
    """Payer ids by case-folded name; payers not known here are added, without a kind."""
    wanted = {name.casefold(): name for name in names}
    found = await intake.db.execute(select(Payer.name, Payer.id).order_by(Payer.made_at.desc()))
    here = {name.casefold(): payer_id for name, payer_id in found}
    rows = []
    for folded, name in wanted.items():
        if folded not in here:
            row = intake.columns(name=name, kind="", edi_id="", active=True) | intake.made()
            here[folded] = row["id"]
            rows.append(row)
            intake.finding(
                "Coverage",
                "",
                "Coverage.payor",
                say("The payer “%(payer)s” is new here, and its rules are not known.", payer=name),
                say(
                    "Open Practice, then Payers, and say which payer it is; until then its claims wait "
                    "for you."
                ),
            )
    if rows:
        await intake.db.execute(insert(sql(Payer)), rows)
    return here
