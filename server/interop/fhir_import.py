"""Bringing FHIR files into a practice.

Each file is one transaction: it comes in with everything it holds, or not at all. Within it a record that cannot be
read is reported and the others go on. Bringing the same file in again changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.clock import now, today
from server.errors import Refused
from server.ids import new_id
from server.interop.fhir.chart_columns import ChartRow
from server.interop.fhir.reader import Document, Limits, Resource, read
from server.interop.fhir.references import NAMED_KINDS, Index
from server.interop.fhir.rows import (
    CareTeamRow,
    CoverageRow,
    Outcome,
    PatientRow,
    Retracted,
    RowError,
    SupportPersonRow,
    Translated,
)
from server.interop.fhir.translate import translate
from server.interop.fhir_chart import chart_row, keep_facts, retract
from server.interop.fhir_coverage import keep_bills, keep_coverages
from server.interop.fhir_people import (
    keep_care_teams,
    keep_patients,
    keep_supporters,
    look_up,
    names_of,
    patient_meant,
)
from server.interop.fhir_raw import Record, keep_raw
from server.interop.intake import Intake, among_ids, sql, storable
from server.interop.tables import ImportBatch, ImportIssue
from server.interop.watch import ask_for_watch, not_stopped, only_import
from server.patients.comparing import ask_to_compare
from server.patients.records import keep_whose
from server.patients.words import index_words
from server.tenants.actor import Actor, system
from server.tenants.agreements import require_open
from server.tenants.db import Db, auth_db, tenant_db
from server.tenants.tables import Directory, Practice
from server.words import N_, say, say_of

Door = Callable[[Actor], AbstractAsyncContextManager[Db]]
Advance = Callable[[int, int], None]
Fact = SupportPersonRow | CareTeamRow | CoverageRow | ChartRow

_PORTION = 1000  # resources read and stored at a time
_SUFFIXES = (".json", ".ndjson", ".jsonl")
_COUNTED = {
    "added": N_("added"),
    "changed": N_("changed"),
    "same": N_("same"),
    "retracted": N_("retracted"),
    "waiting": N_("waiting"),
    "unknown": N_("unknown"),
    "errors": N_("errors"),
}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file to bring in: its name as the person knows it, and its bytes or where they lie."""

    name: str
    data: bytes | Path


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file. counts: kind of record -> {added, changed, same, retracted, waiting, unknown, errors}."""

    name: str
    refused: Refused | None = None
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """One import. `left_out` counts Social Security, driver's licence and passport numbers not kept."""

    batch_id: UUID
    files: tuple[FileReport, ...]
    issues: int  # errors and findings stored with the batch, what several files share counted once

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        return _summed(self.files)

    def total(self, what: str) -> int:
        return sum(counts.get(what, 0) for counts in self.counts.values())

    @property
    def left_out(self) -> int:
        return sum(each.left_out for each in self.files)

    @property
    def refused(self) -> tuple[FileReport, ...]:
        return tuple(each for each in self.files if each.refused)


async def import_files(
    paths: Sequence[Path], practice: str, advance: Advance, source: str = ""
) -> dict[str, Any]:
    """The command: files and folders into the practice of this short name. Refused: no such practice, no file.

    source: as for `bring_in`.
    """
    async with auth_db() as db:
        tenant_id = await db.scalar(select(Directory.id).where(Directory.slug == practice))
    if tenant_id is None:
        raise Refused(
            "NO_SUCH_PRACTICE",
            say("There is no practice with the short name %(practice)s.", practice=practice),
            say("Look it up under Practice, or in the address of the practice's pages."),
            "practice",
        )
    async with tenant_db(system(tenant_id, "UTC", via="command"), read_only=True) as db:
        zone = await db.scalar(select(Practice.time_zone))
    actor = system(tenant_id, zone or "UTC", "imports.write", via="command")
    report = await bring_in(actor, files_at(paths), source=source, advance=advance)
    return as_answer(report)


async def bring_in(
    actor: Actor,
    files: Sequence[Incoming],
    *,
    source: str = "",
    limits: Limits | None = None,
    advance: Advance | None = None,
    door: Door = tenant_db,
) -> ImportReport:
    """Bring files into the actor's practice. Files that are refused are in the report; the others come in.

    source: what the sending system is called; two systems whose ids may clash need two names. advance: told the
    bytes done and the bytes in all.
    """
    actor.require("imports.write")
    limits = limits or Limits()
    batch_id = await _begin(door, actor, source, len(files))
    sizes = [_size(each) for each in files]
    index, done, reports = Index(), 0, []
    for number in _order(files):
        incoming, size = files[number], sizes[number]

        def portion_done(part: float, before: int = done, size: int = size) -> None:
            if advance is not None:
                advance(before + int(size * part), sum(sizes))

        try:
            reports.append(
                await _bring_in_one(door, actor, batch_id, incoming, source, limits, index, portion_done)
            )
        except Refused as refused:
            reports.append(FileReport(incoming.name, refused))
        done += size
        portion_done(1.0, done - size)
    issues = await _end(door, actor, batch_id, reports)
    return ImportReport(batch_id, tuple(reports), issues)


def files_at(paths: Sequence[Path]) -> list[Incoming]:
    """The files named, and those in the folders named. Refused: there are none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
        else:
            found.append(path)
    if not found:
        raise Refused(
            "NOTHING_TO_IMPORT",
            say("There is no file ending in %(suffixes)s there.", suffixes=", ".join(_SUFFIXES)),
            say("Name the files, or the folder that holds them."),
            "paths",
        )
    return [Incoming(path.name, path) for path in dict.fromkeys(found)]


# --- one file -------------------------------------------------------------------------------------------------


async def _bring_in_one(
    door: Door,
    actor: Actor,
    batch_id: UUID,
    incoming: Incoming,
    source: str,
    limits: Limits,
    shared: Index,
    portion_done: Callable[[float], None],
) -> FileReport:
    data = await _bytes_of(incoming, limits)
    document = await asyncio.to_thread(read, data, limits=limits, source=source, shared=shared)
    try:
        async with door(actor) as db:
            await _alone(db, actor)
            await keep_whose(db, actor)
            intake = Intake(db, actor, batch_id, incoming.name, now(), today(actor.zone))
            await _store(intake, document, portion_done)
            await intake.write_issues()
            await index_words(db, intake.touched)
            if intake.touched:
                await ask_to_compare(db, actor, sorted(intake.touched))
            db.note(
                actor,
                "imports.write",
                entity="import_batch",
                entity_ids=[batch_id],
                patient_ids=sorted(intake.touched),
                effect="write",
            )
    except IntegrityError as collision:
        raise Refused(
            "IMPORT_COLLIDED",
            say("Someone changed the same records while this file came in, so nothing of it was taken."),
            say("Bring the file in again."),
            "file",
        ) from collision
    counts = {kind: {what: n for what, n in counter.items() if n} for kind, counter in intake.counts.items()}
    return FileReport(incoming.name, None, counts, intake.left_out)


async def _store(intake: Intake, document: Document, portion_done: Callable[[float], None]) -> None:
    bills: list[tuple[Record, CoverageRow]] = []
    waiting: list[tuple[Record, Fact]] = []
    seen = 0
    async for portion in _portions(document, intake.today):
        read_well = []
        for resource, outcome in portion:
            if isinstance(resource, RowError):
                intake.error(
                    resource.kind, resource.source_id, resource.place, resource.sentence, resource.next_step
                )
            elif outcome is not None:
                read_well.append((resource, outcome))
        records = await keep_raw(intake, read_well)
        await keep_patients(intake, list(_people(records)))
        await retract(intake, [record for record in records if isinstance(record.outcome, Retracted)])
        facts = list(_facts(intake, records))
        bills += [(r, row) for r, row in facts if isinstance(row, CoverageRow) and row.basis == "claim"]
        waiting += await _keep_known(intake, [pair for pair in facts if not _is_bill(pair[1])])
        seen += len(portion)
        portion_done(seen / max(document.count, 1))
    # A record may come before the person it is about.
    waiting = await _keep_known(intake, waiting)
    still = await _keep_known(intake, list(bills))
    _report_waiting(intake, [*waiting, *still])


async def _portions(
    document: Document, on: date
) -> AsyncIterator[list[tuple[Resource | RowError, Outcome | None]]]:
    """Resources with what they become, read beside the event loop."""
    resources = document.resources()

    def portion() -> list[tuple[Resource | RowError, Outcome | None]]:
        return [
            (each, None if isinstance(each, RowError) else translate(each, document.index, on))
            for each in islice(resources, _PORTION)
        ]

    while found := await asyncio.to_thread(portion):
        yield found


def _people(records: Sequence[Record]) -> Iterator[tuple[Record, PatientRow]]:
    for record in records:
        if isinstance(record.outcome, Translated):
            for row in record.outcome.rows:
                if isinstance(row, PatientRow):
                    yield record, row


def _facts(intake: Intake, records: Sequence[Record]) -> Iterator[tuple[Record, Fact]]:
    for record in records:
        if not isinstance(record.outcome, Translated) or record.resource.kind == "Patient":
            continue
        chart = chart_row(record.outcome)
        rows = [chart] if chart else [row for row in record.outcome.rows if isinstance(row, Fact)]
        if not rows:  # a bill that names no payer
            intake.count(record.resource.kind, "added" if record.new else "same")
        for row in rows:
            yield record, row


def _is_bill(row: Fact) -> bool:
    return isinstance(row, CoverageRow) and row.basis == "claim"


async def _keep_known(intake: Intake, facts: Sequence[tuple[Record, Fact]]) -> list[tuple[Record, Fact]]:
    """Store the facts of people who are here; returns those of people who are not."""
    names = (name for record, row in facts for name in names_of(row.patient, record.key[0]))
    await look_up(intake, names)
    waiting: list[tuple[Record, Fact]] = []
    supporters: list[tuple[Record, SupportPersonRow, UUID]] = []
    teams: list[tuple[Record, CareTeamRow, UUID]] = []
    coverages: list[tuple[Record, CoverageRow, UUID]] = []
    bills: list[tuple[Record, CoverageRow, UUID]] = []
    chart: list[tuple[Record, ChartRow, UUID]] = []
    for record, row in facts:
        patient_id = patient_meant(intake, row.patient, record.key[0])
        if patient_id is None:
            waiting.append((record, row))
        elif isinstance(row, SupportPersonRow):
            supporters.append((record, row, patient_id))
        elif isinstance(row, CareTeamRow):
            teams.append((record, row, patient_id))
        elif isinstance(row, CoverageRow):
            (bills if row.basis == "claim" else coverages).append((record, row, patient_id))
        else:
            chart.append((record, row, patient_id))
    if supporters:
        await keep_supporters(intake, supporters)
    if teams:
        await keep_care_teams(intake, teams)
    if coverages:
        await keep_coverages(intake, coverages)
    if bills:
        await keep_bills(intake, bills)
    if chart:
        await keep_facts(intake, chart)
    return waiting


def _report_waiting(intake: Intake, waiting: Sequence[tuple[Record, Fact]]) -> None:
    """Facts of people who are not here: kept raw, and told by person."""
    missing: dict[str, int] = {}
    for record, row in waiting:
        intake.count(record.resource.kind, "waiting")
        names = names_of(row.patient, record.key[0])
        named = row.patient.source_id or (names[0][1] if names else "")
        missing[named] = missing.get(named, 0) + 1
    for named, number in missing.items():
        intake.finding(
            "Patient",
            named,
            f"Patient/{named}",
            say_of(
                "%(n)s record is about the patient %(patient)s, who is not here.",
                "%(n)s records are about the patient %(patient)s, who is not here.",
                number,
                patient=named,
            ),
            say("Bring in that person's own record, then this file again."),
        )


async def _bytes_of(incoming: Incoming, limits: Limits) -> bytes:
    if isinstance(incoming.data, bytes):
        return incoming.data
    try:
        return await asyncio.to_thread(_first_bytes, incoming.data, limits.file_bytes + 1)
    except OSError as fault:
        raise Refused(
            "UNREADABLE_FILE",
            say("The file cannot be opened (%(reason)s).", reason=fault.strerror or say("unknown reason")),
            say("Check its name and who may read it."),
            "file",
        ) from None


async def _alone(db: Db, actor: Actor) -> None:
    """One file of a practice at a time: two at once could both think a person is new. Waits a few seconds."""
    for _ in range(40):
        if await only_import(db, actor):
            return
        await asyncio.sleep(0.25)
    raise Refused(
        "IMPORT_RUNNING",
        say("Another import into this practice is running."),
        say("Wait until it is done, then bring this file in."),
        "file",
    )


def _first_bytes(path: Path, most: int) -> bytes:
    with path.open("rb") as opened:
        return opened.read(most)


def _size(incoming: Incoming) -> int:
    if isinstance(incoming.data, bytes):
        return len(incoming.data)
    try:
        return incoming.data.stat().st_size
    except OSError:
        return 0


def _order(files: Sequence[Incoming]) -> list[int]:
    """People first, then those who give names, then facts: so that one import of a bulk export finds everyone."""

    def rank(number: int) -> int:
        data = files[number].data
        try:
            start = data[:400] if isinstance(data, bytes) else _first_bytes(data, 400)
        except OSError:
            return 2
        if b'"Patient"' in start:
            return 0
        return 1 if any(f'"{kind}"'.encode() in start for kind in NAMED_KINDS) else 2

    return sorted(range(len(files)), key=rank)


# --- the batch ------------------------------------------------------------------------------------------------


async def _begin(door: Door, actor: Actor, source: str, files: int) -> UUID:
    batch_id = new_id()
    async with door(actor) as db:
        await require_open(db, actor)
        await db.execute(
            insert(ImportBatch).values(
                tenant_id=actor.tenant_id,
                id=batch_id,
                kind="fhir",
                source=source or "file",
                state="running",
                files=files,
                counts={},
                made_at=now(),
                made_by=actor.staff_id,
            )
        )
        await ask_for_watch(db, actor, batch_id)
        db.note(actor, "imports.write", entity="import_batch", entity_ids=[batch_id], effect="write")
    return batch_id


async def _end(door: Door, actor: Actor, batch_id: UUID, reports: Sequence[FileReport]) -> int:
    """Close the batch, and keep why files were refused: their own transactions took everything back.

    Returns how many errors and findings the batch has.
    """
    refused = [(each.name, each.refused) for each in reports if each.refused is not None]
    async with door(actor) as db:
        if refused:
            await db.execute(
                insert(ImportIssue),
                [
                    {
                        "tenant_id": actor.tenant_id,
                        "id": new_id(),
                        "batch_id": batch_id,
                        "severity": "error",
                        "kind": "file",
                        "source_id": "",
                        "path": why.code,
                        "sentence": storable(why.message),
                        "next_step": why.next_step,
                        "file": name,
                    }
                    for name, why in refused
                ],
            )
        await not_stopped(db, batch_id)
        await db.execute(
            update(ImportBatch)
            .where(ImportBatch.id == batch_id)
            .values(
                state="refused" if refused and len(refused) == len(reports) else "done",
                counts=_summed(reports),
                ended_at=now(),
            )
        )
        return await _say_once(db, batch_id)


async def _say_once(db: Db, batch_id: UUID) -> int:
    """What several files of a batch have in common is told once, with their number; returns what is left."""
    table = sql(ImportIssue)
    found = await db.execute(select(table).where(table.c.batch_id == batch_id).order_by(table.c.id))
    alike: dict[tuple[str, ...], list[Any]] = {}
    for row in found.mappings():
        key = (row["severity"], row["kind"], row["source_id"], row["path"], row["sentence"], row["next_step"])
        alike.setdefault(key, []).append(row)
    for rows in alike.values():
        if len(rows) > 1:
            first, *others = rows
            sentence = say(
                "%(sentence)s (The same in %(n)s files.)", sentence=first["sentence"], n=f"{len(rows):,}"
            )
            await db.execute(
                update(table).where(table.c.id == first["id"]).values(sentence=sentence, file="")
            )
            await db.execute(delete(table).where(among_ids(table.c.id, [each["id"] for each in others])))
    return len(alike)


def _summed(reports: Sequence[FileReport]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for report in reports:
        for kind, counts in report.counts.items():
            for what, number in counts.items():
                into = total.setdefault(kind, {})
                into[what] = into.get(what, 0) + number
    return {kind: dict(sorted(counts.items())) for kind, counts in sorted(total.items())}


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {say(_COUNTED[what])}" for what, n in counts.items() if n)


def as_answer(report: ImportReport) -> dict[str, Any]:
    """For a program, and in `says` for a person. `failed` if a file was refused: nothing of it is here."""
    totals = {word: report.total(word) for word in _COUNTED}
    lines = [
        say_of("%(n)s file: %(counts)s.", "%(n)s files: %(counts)s.", len(report.files), counts=_told(totals))
    ]
    for kind, counts in report.counts.items():
        lines.append(f"  {kind}: {_told(counts)}")
    if report.left_out:
        lines.append(
            say_of(
                "%(n)s Social Security, driver's licence or passport number was not kept.",
                "%(n)s Social Security, driver's licence or passport numbers were not kept.",
                report.left_out,
            )
        )
    for each in report.refused:
        if each.refused is not None:
            lines.append(f"{each.name}: {each.refused.message} {each.refused.next_step}")
    issues = report.issues
    if issues:
        lines.append(
            say_of(
                "%(n)s thing to look at is listed with this import.",
                "%(n)s things to look at are listed with this import.",
                issues,
            )
        )
    return {
        "batch": str(report.batch_id),
        "totals": totals,
        "counts": report.counts,
        "private_numbers_left_out": report.left_out,
        "issues": issues,
        "refused": [
            {"file": each.name, "code": each.refused.code, "message": each.refused.message}
            for each in report.refused
            if each.refused is not None
        ],
        "failed": bool(report.refused),
        "says": "\n".join(lines),
    }
