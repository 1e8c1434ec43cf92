"""Closing a month: ask each payer's rules about each patient's month, keep lines and holds with their proof."""

import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from carewright_plugin_api.canonical import to_data
from carewright_plugin_api.decisions import Decision, Hold, Line
from carewright_plugin_api.facts import Coverage, MonthFacts
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from server.claims.gather import first_billed, gather, house_of, patients_of_month
from server.claims.month import (
    House,
    PatientMonth,
    deciding_coverage,
    facts_of,
    month_bounds,
    no_coverage,
    plugin_fault,
    unknown_payer,
)
from server.claims.tables import ClaimHold, ClaimLine, MonthClose, MonthDecision
from server.clock import now, today
from server.errors import Refused
from server.ids import new_id
from server.plugin_host.discover import Loaded, plugins
from server.plugin_host.runner import Fault, Runner
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

_BATCH = 200  # patient-months per question to a plugin and per transaction

Progress = Callable[[int, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Closed:
    """What a closing run came to. unchanged: patient-months whose answer was the same as before."""

    id: UUID
    month: str
    patients: int
    lines: int
    holds: int
    unchanged: int
    result_hash: str


@dataclass(frozen=True, slots=True)
class _Answer:
    known: PatientMonth
    coverage: Coverage | None
    plugin: Loaded | None
    facts: str
    fingerprint: str
    decision: Decision


async def close_month(
    actor: Actor, month: str, *, runner: Runner | None = None, progress: Progress | None = None
) -> Closed:
    """Decide every patient's month. Running it again with the same facts changes nothing; with others, the next
    version of each decision that differs is appended.

    Opens its own doors, a batch at a time, so that a long month holds no lock for long. Refused: a month that is
    not over on the practice's clock.
    """
    actor.require("claims.close")
    first_instant, end, first, last = month_bounds(month, actor.zone)
    if last >= today(actor.zone):
        raise Refused(
            "MONTH_NOT_OVER",
            f"{first:%B %Y} is not over yet: work done on its last day would be left out.",
            f"Close it from the first of the following month on ({end:%Y-%m-%d}).",
            field="month",
        )
    async with tenant_db(actor) as db:
        house = await house_of(db)
        ids = await patients_of_month(db, first_instant, end, first, last)
        before = await first_billed(db, first)
        run = MonthClose(
            tenant_id=actor.tenant_id,
            id=new_id(),
            month=month,
            state="running",
            made_at=now(),
            made_by=actor.staff_id,
        )
        db.add(run)
        db.note(actor, "claims.close", entity="month_close", entity_ids=[run.id], effect="write", month=month)
    own = runner is None
    runner = runner or Runner()
    unchanged = 0
    try:
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            async with tenant_db(actor, read_only=True) as db:
                known = await gather(db, actor, batch, first_instant, end, first, last)
            answers = await _ask(known, month, first, last, house, before, runner)
            async with tenant_db(actor) as db:
                unchanged += await _store(db, actor, run.id, month, answers)
            if progress is not None:
                await progress(min(start + _BATCH, len(ids)), len(ids))
    finally:
        if own:
            await runner.close()
    async with tenant_db(actor) as db:
        return await _finish(db, run.id, month, len(ids), unchanged)


async def _ask(
    known: Sequence[PatientMonth],
    month: str,
    first: date,
    last: date,
    house: House,
    before: dict[tuple[UUID, str], date],
    runner: Runner,
) -> list[_Answer]:
    """One answer per patient: the owner's rules, or the house's own hold where nobody's rules apply."""
    answers: list[_Answer] = []
    asked: dict[str, list[tuple[PatientMonth, Coverage, MonthFacts]]] = defaultdict(list)
    owners: dict[str, Loaded] = {}
    for one in known:
        program = one.enrollments[0].program if one.enrollments else one.spans[0].program if one.spans else ""
        coverage = deciding_coverage(one, first, last)
        if coverage is None:
            answers.append(_house_answer(one, None, no_coverage(house.policy, program)))
            continue
        owner = plugins().owner_of(coverage)
        if owner is None:
            answers.append(_house_answer(one, coverage, unknown_payer(house.policy, program, coverage.payer)))
            continue
        billed = {staff: day for (staff, payer), day in before.items() if payer == coverage.payer}
        facts = facts_of(replace(one, first_billed=billed), coverage, month, house)
        owners[owner.name] = owner
        asked[owner.name].append((one, coverage, facts))
    for name, questions in asked.items():
        replies = await runner.decide(owners[name], [facts for _, _, facts in questions])
        for (one, coverage, facts), reply in zip(questions, replies, strict=True):
            program = facts.enrollments[0].program if facts.enrollments else ""
            decision = (
                plugin_fault(house.policy, program, reply.plugin, reply.why)
                if isinstance(reply, Fault)
                else reply
            )
            answers.append(
                _Answer(one, coverage, owners[name], facts.to_json(), facts.fingerprint(), decision)
            )
    return answers


def _house_answer(known: PatientMonth, coverage: Coverage | None, decision: Decision) -> _Answer:
    return _Answer(known, coverage, None, "", "", decision)


async def _store(db: Db, actor: Actor, close_id: UUID, month: str, answers: Sequence[_Answer]) -> int:
    """Append the decisions that differ from the newest stored one; returns how many did not."""
    # Two closings of one month take turns here, so that each sees what the other stored.
    await db.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"{actor.tenant_id} close {month}"},
    )
    newest = {
        row.patient_id: row
        for row in await db.execute(
            select(
                MonthDecision.patient_id,
                MonthDecision.version,
                MonthDecision.decision_hash,
                MonthDecision.rule_set_hash,
            )
            .where(
                MonthDecision.month == month,
                MonthDecision.patient_id.in_([a.known.patient_id for a in answers]),
            )
            .ext(distinct_on(MonthDecision.patient_id))
            .order_by(MonthDecision.patient_id, MonthDecision.version.desc())
        )
    }
    decided_at = now()
    labels = plugins().payer_kinds()
    decided: set[UUID] = set()
    decisions: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    holds: list[dict[str, Any]] = []
    same = 0
    for answer in answers:
        told = answer.decision.to_json()
        digest = hashlib.sha256(f"{answer.fingerprint}\n{told}".encode()).hexdigest()
        rule_set = answer.plugin.manifest.rule_set_hash if answer.plugin else ""
        last_one = newest.get(answer.known.patient_id)
        if last_one is not None and last_one.decision_hash == digest and last_one.rule_set_hash == rule_set:
            same += 1
            continue
        id = new_id()
        decided.add(answer.known.patient_id)
        decisions.append(
            {
                "tenant_id": actor.tenant_id,
                "id": id,
                "patient_id": answer.known.patient_id,
                "close_id": close_id,
                "month": month,
                "version": 1 if last_one is None else last_one.version + 1,
                "coverage_id": UUID(answer.coverage.id) if answer.coverage else None,
                "payer_name": labels.get(answer.coverage.payer, answer.coverage.payer)
                if answer.coverage
                else "",
                "plugin": answer.plugin.name if answer.plugin else "",
                "plugin_version": answer.plugin.manifest.version if answer.plugin else "",
                "rule_set_hash": rule_set,
                "policy": answer.decision.policy,
                "facts_fingerprint": answer.fingerprint,
                "decision_hash": digest,
                "facts": answer.facts,
                "decision": told,
                "decided_at": decided_at,
            }
        )
        lines += [
            _line_row(actor, answer, id, number, line) for number, line in enumerate(answer.decision.lines, 1)
        ]
        holds += [
            _hold_row(actor, answer, id, number, hold) for number, hold in enumerate(answer.decision.holds, 1)
        ]
    for table, rows in ((MonthDecision, decisions), (ClaimLine, lines), (ClaimHold, holds)):
        if rows:
            await db.execute(insert(table), rows)
    if decisions:
        changed = [a.known.patient_id for a in answers if a.known.patient_id in decided]
        db.note(
            actor, "claims.decide", entity="month_decision", patient_ids=changed, effect="write", month=month
        )
    return same


def _line_row(actor: Actor, answer: _Answer, decision_id: UUID, number: int, line: Line) -> dict[str, Any]:
    told = to_data(line)
    return {
        "tenant_id": actor.tenant_id,
        "id": new_id(),
        "patient_id": answer.known.patient_id,
        "decision_id": decision_id,
        "number": number,
        "program": told["program"],
        "code": told["code"],
        "label": told.get("label", ""),
        "units": told["units"],
        "modifiers": told.get("modifiers", []),
        "service_on": line.date_of_service,
        "amount": line.amount,
        "amount_note": told.get("amount_note", ""),
        "entry_ids": [UUID(id) for id in told.get("entry_ids", [])],
        "rule_id": told["rule_id"],
        "sentence": told["sentence"],
        "facts_used": told.get("facts_used", []),
        "citations": told["citations"],
        "what_would_change": told["what_would_change"],
    }


def _hold_row(actor: Actor, answer: _Answer, decision_id: UUID, number: int, hold: Hold) -> dict[str, Any]:
    told = to_data(hold)
    counted = {entry for minutes in answer.decision.minutes for entry in minutes.entry_ids}
    return {
        "tenant_id": actor.tenant_id,
        "id": new_id(),
        "patient_id": answer.known.patient_id,
        "decision_id": decision_id,
        "number": number,
        "program": told["program"],
        "reason": told["code"],
        "sentence": told["sentence"],
        "next_step": told["next_step"],
        "entry_ids": sorted(UUID(id) for id in counted),
        "rule_id": told["rule_id"],
        "facts_used": told.get("facts_used", []),
        "citations": told["citations"],
        "what_would_change": told["what_would_change"],
    }


async def _finish(db: Db, close_id: UUID, month: str, patients: int, unchanged: int) -> Closed:
    """Add up the month as it now stands and sign it with a hash over every newest decision."""
    rows = (
        await db.execute(
            select(MonthDecision.id, MonthDecision.patient_id, MonthDecision.decision_hash)
            .where(MonthDecision.month == month)
            .ext(distinct_on(MonthDecision.patient_id))
            .order_by(MonthDecision.patient_id, MonthDecision.version.desc())
        )
    ).all()
    digest = hashlib.sha256(
        "".join(f"{row.patient_id} {row.decision_hash}\n" for row in rows).encode()
    ).hexdigest()
    newest = [row.id for row in rows]
    lines = await db.scalar(
        select(func.count()).select_from(ClaimLine).where(ClaimLine.decision_id.in_(newest))
    )
    holds = await db.scalar(
        select(func.count()).select_from(ClaimHold).where(ClaimHold.decision_id.in_(newest))
    )
    closed = Closed(close_id, month, patients, lines or 0, holds or 0, unchanged, digest)
    await db.execute(
        update(MonthClose)
        .where(MonthClose.id == close_id)
        .values(
            state="done",
            patients=patients,
            lines=closed.lines,
            holds=closed.holds,
            unchanged=unchanged,
            result_hash=digest,
            ended_at=now(),
        )
    )
    return closed
