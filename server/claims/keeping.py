"""Keeps what the rules answered: appends the decisions that differ from the newest, never edits one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from carewright_plugin_api.canonical import to_data
from carewright_plugin_api.decisions import Hold, Line
from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from server.claims.asking import Answer
from server.claims.tables import ClaimHold, ClaimLine, MonthClose, MonthDecision
from server.clock import now
from server.ids import new_id
from server.minutes.closed import mark_changes
from server.minutes.tables import ClosedMonth
from server.plugin_host.discover import plugins
from server.tenants.actor import Actor
from server.tenants.db import Db


@dataclass(frozen=True, slots=True)
class _Rows:
    decisions: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    holds: list[dict[str, Any]]


async def keep(db: Db, actor: Actor, close_id: UUID, month: str, answers: Sequence[Answer]) -> int:
    """Append the decisions that differ from the newest stored one; returns how many did not."""
    actor.require("claims.close")
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
    rows = _Rows([], [], [])
    decided_at, labels = now(), plugins().payer_kinds()
    for answer in answers:
        digest = hashlib.sha256(f"{answer.fingerprint}\n{answer.told}".encode()).hexdigest()
        rule_set = answer.plugin.manifest.rule_set_hash if answer.plugin else ""
        last_one = newest.get(answer.known.patient_id)
        if last_one is not None and last_one.decision_hash == digest and last_one.rule_set_hash == rule_set:
            continue
        id = new_id()
        payer = answer.coverage.payer if answer.coverage else ""
        rows.decisions.append(
            {
                "tenant_id": actor.tenant_id,
                "id": id,
                "patient_id": answer.known.patient_id,
                "close_id": close_id,
                "month": month,
                "version": 1 if last_one is None else last_one.version + 1,
                "coverage_id": UUID(answer.coverage.id) if answer.coverage else None,
                "payer_name": labels.get(payer, payer),
                "plugin": answer.plugin.name if answer.plugin else "",
                "plugin_version": answer.plugin.manifest.version if answer.plugin else "",
                "rule_set_hash": rule_set,
                "policy": answer.decision.policy,
                "facts_fingerprint": answer.fingerprint,
                "decision_hash": digest,
                "facts": answer.facts,
                "decision": answer.told,
                "decided_at": decided_at,
            }
        )
        _add_items(rows, actor, answer, id)
    for table, values in ((MonthDecision, rows.decisions), (ClaimLine, rows.lines), (ClaimHold, rows.holds)):
        if values:
            await db.execute(insert(table), values)
    if rows.decisions:
        db.note(
            actor,
            "claims.decide",
            entity="month_decision",
            patient_ids=[row["patient_id"] for row in rows.decisions],
            effect="write",
            month=month,
        )
        await _mark_later_months(db, actor, [row["patient_id"] for row in rows.decisions], month)
    return len(answers) - len(rows.decisions)


async def _mark_later_months(db: Db, actor: Actor, ids: Sequence[UUID], month: str) -> None:
    """What is paid once is looked up in the months before: those decided after this one were told something else."""
    later = await db.execute(
        select(MonthDecision.patient_id, MonthDecision.month)
        .where(MonthDecision.patient_id.in_(ids), MonthDecision.month > month)
        .distinct()
        .order_by(MonthDecision.patient_id, MonthDecision.month)
    )
    await mark_changes(db, actor, [(row.patient_id, row.month) for row in later])


def _add_items(rows: _Rows, actor: Actor, answer: Answer, decision_id: UUID) -> None:
    whose = {
        "tenant_id": actor.tenant_id,
        "patient_id": answer.known.patient_id,
        "decision_id": decision_id,
    }
    counted = {entry for minutes in answer.decision.minutes for entry in minutes.entry_ids}
    rows.lines.extend(
        {**whose, "id": new_id(), "number": number, **_line_row(line)}
        for number, line in enumerate(answer.decision.lines, 1)
    )
    rows.holds.extend(
        {
            **whose,
            "id": new_id(),
            "number": number,
            **_hold_row(hold),
            "entry_ids": sorted(map(UUID, counted)),
        }
        for number, hold in enumerate(answer.decision.holds, 1)
    )


def _line_row(line: Line) -> dict[str, Any]:
    told = to_data(line)
    return {
        "program": line.program,
        "code": line.code,
        "label": line.label,
        "units": line.units,
        "modifiers": list(line.modifiers),
        "service_on": line.date_of_service,
        "amount": line.amount,
        "amount_note": line.amount_note,
        "entry_ids": [UUID(id) for id in line.entry_ids],
        "rule_id": line.rule_id,
        "sentence": line.sentence,
        "facts_used": told.get("facts_used", []),
        "citations": told["citations"],
        "what_would_change": line.what_would_change,
        "needs_diagnoses": line.needs_diagnoses,
        "diagnoses": list(line.diagnoses),
        "units_at_most": line.units_at_most,
        "goes_with": [line.rests_on] if line.rests_on else [],
    }


def _hold_row(hold: Hold) -> dict[str, Any]:
    told = to_data(hold)
    return {
        "program": hold.program,
        "reason": hold.code,
        "sentence": hold.sentence,
        "next_step": hold.next_step,
        "rule_id": hold.rule_id,
        "facts_used": told.get("facts_used", []),
        "citations": told["citations"],
        "what_would_change": hold.what_would_change,
        "mendable": hold.mendable,
        "may_accept": hold.may_accept,
    }


async def finish(db: Db, actor: Actor, close_id: UUID, month: str) -> None:
    """The run's last act: add up the month as it now stands and sign it with a hash over every newest decision. A run
    that was stopped meanwhile stays stopped."""
    actor.require("claims.close")
    rows = (
        await db.execute(
            select(MonthDecision.id, MonthDecision.patient_id, MonthDecision.decision_hash)
            .where(MonthDecision.month == month)
            .ext(distinct_on(MonthDecision.patient_id))
            .order_by(MonthDecision.patient_id, MonthDecision.version.desc())
        )
    ).all()
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row.patient_id} {row.decision_hash}\n".encode())
    newest = (
        select(MonthDecision.id)
        .where(MonthDecision.month == month)
        .ext(distinct_on(MonthDecision.patient_id))
        .order_by(MonthDecision.patient_id, MonthDecision.version.desc())
    )
    lines, holds = [
        await db.scalar(select(func.count()).select_from(table).where(table.decision_id.in_(newest))) or 0
        for table in (ClaimLine, ClaimHold)
    ]
    ended_at = now()
    done = await db.execute(
        update(MonthClose)
        .where(MonthClose.id == close_id, MonthClose.state.in_(("asked", "running")))
        .values(state="done", lines=lines, holds=holds, result_hash=digest.hexdigest(), ended_at=ended_at)
        .returning(MonthClose.id)
    )
    if done.scalar_one_or_none() is None:
        return  # somebody stopped it
    await db.execute(
        upsert(ClosedMonth)
        .values(tenant_id=actor.tenant_id, id=new_id(), month=month, closed_at=ended_at)
        .on_conflict_do_update(index_elements=["tenant_id", "month"], set_={"closed_at": ended_at})
    )
