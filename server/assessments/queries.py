"""Reads of assessments, their answers and scores, and of worries about safety; each for many in one statement."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import aliased

from server.assessments.instrument import Answer
from server.assessments.tables import (
    Assessment,
    AssessmentAnswer,
    AssessmentScore,
    SafetyClosing,
    SafetyConcern,
)
from server.enrollment.queries import by_patient
from server.patients.records import of_people, person_of
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of


@dataclass(frozen=True, slots=True)
class AssessmentRow:
    """One time somebody answered. corrected_by: the row that stands in its place, where one does."""

    id: UUID
    patient_id: UUID
    instrument: str
    version: str
    language: str
    at: datetime
    mode: str
    mode_reason: str
    answered_by: str
    state: str
    note: str
    corrects_id: UUID | None
    reason: str
    made_at: datetime
    made_by: UUID | None
    made_by_name: str | None
    corrected_by: UUID | None

    @property
    def stands(self) -> bool:
        """Neither corrected nor taken back."""
        return self.corrected_by is None and self.state != "taken_back"


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One score of one assessment."""

    assessment_id: UUID
    key: str
    value: int
    band: str


@dataclass(frozen=True, slots=True)
class ConcernRow:
    """A worry about somebody's safety."""

    id: UUID
    patient_id: UUID
    domain: str
    assessment_id: UUID | None
    words: str
    made_at: datetime
    made_by: UUID | None
    made_by_name: str | None
    closed: bool


@dataclass(frozen=True, slots=True)
class ClosingRow:
    """How a worry was closed."""

    concern_id: UUID
    done: str
    done_by: str
    talked_with: str
    words: str
    done_on: date
    made_at: datetime
    made_by_name: str | None


@dataclass(frozen=True, slots=True)
class OpenConcern:
    """A worry that one opened oneself and that is still open, with whom it is about."""

    id: UUID
    patient_id: UUID
    given_names: str
    family_name: str
    preferred_name: str
    domain: str
    made_at: datetime


_LATER: Final = aliased(Assessment)
_OF_ASSESSMENT: Final = tuple(
    name for name in AssessmentRow.__dataclass_fields__ if name not in {"made_by_name", "corrected_by"}
)


def _columns(table: Any, names: Sequence[str]) -> list[Any]:
    return [person_of(table.patient_id) if name == "patient_id" else getattr(table, name) for name in names]


async def assessments_of(
    db: Db, actor: Actor, patient_ids: Sequence[UUID]
) -> dict[UUID, list[AssessmentRow]]:
    """Everything these people answered, newest first; what was corrected or taken back is among it, and says so."""
    actor.require("chart.read")
    db.note(actor, "chart.read", entity="assessment", patient_ids=patient_ids)
    later = (
        select(_LATER.id)
        .where(_LATER.tenant_id == Assessment.tenant_id, _LATER.corrects_id == Assessment.id)
        .correlate(Assessment)
        .scalar_subquery()
    )
    rows: Any = await db.execute(
        select(*_columns(Assessment, _OF_ASSESSMENT), name_of(Assessment.made_by), later)
        .where(of_people(Assessment.patient_id, patient_ids))
        .order_by(Assessment.at.desc(), Assessment.made_at.desc(), Assessment.id.desc())
    )
    return by_patient([AssessmentRow(*row) for row in rows])


async def scores_of(db: Db, actor: Actor, assessment_ids: Sequence[UUID]) -> dict[UUID, list[ScoreRow]]:
    """The scores of each, by key. The caller has read the assessments."""
    actor.require("chart.read")
    rows: Any = await db.execute(
        select(*(getattr(AssessmentScore, name) for name in ScoreRow.__dataclass_fields__))
        .where(AssessmentScore.assessment_id.in_(assessment_ids))
        .order_by(AssessmentScore.assessment_id, AssessmentScore.key)
    )
    found: dict[UUID, list[ScoreRow]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(ScoreRow(*row))
    return dict(found)


async def answers_of(db: Db, actor: Actor, assessment_ids: Sequence[UUID]) -> dict[UUID, list[Answer]]:
    """What was answered in each, by item. The caller has read the assessments."""
    actor.require("chart.read")
    table = AssessmentAnswer
    rows: Any = await db.execute(
        select(table.assessment_id, table.item, table.codes, table.number, table.text)
        .where(table.assessment_id.in_(assessment_ids))
        .order_by(table.assessment_id, table.item)
    )
    found: dict[UUID, list[Answer]] = defaultdict(list)
    for assessment_id, item, codes, number, text in rows:
        found[assessment_id].append(Answer(item, tuple(codes), number, text))
    return dict(found)


async def concerns_of(db: Db, actor: Actor, patient_ids: Sequence[UUID]) -> dict[UUID, list[ConcernRow]]:
    """Worries about these people's safety, newest first, the closed ones too."""
    actor.require("chart.read")
    db.note(actor, "chart.read", entity="safety_concern", patient_ids=patient_ids)
    names = [n for n in ConcernRow.__dataclass_fields__ if n not in {"made_by_name", "closed"}]
    rows: Any = await db.execute(
        select(*_columns(SafetyConcern, names), name_of(SafetyConcern.made_by), _is_closed())
        .where(of_people(SafetyConcern.patient_id, patient_ids))
        .order_by(SafetyConcern.made_at.desc(), SafetyConcern.id.desc())
    )
    return by_patient([ConcernRow(*row) for row in rows])


async def closings_of(db: Db, actor: Actor, concern_ids: Sequence[UUID]) -> dict[UUID, ClosingRow]:
    """How each of them was closed, where it was. The caller has read the worries."""
    actor.require("chart.read")
    names = [n for n in ClosingRow.__dataclass_fields__ if n != "made_by_name"]
    rows: Any = await db.execute(
        select(*(getattr(SafetyClosing, name) for name in names), name_of(SafetyClosing.made_by)).where(
            SafetyClosing.concern_id.in_(concern_ids)
        )
    )
    return {row[0]: ClosingRow(*row) for row in rows}


async def my_open_concerns(db: Db, actor: Actor, *, limit: int) -> list[OpenConcern]:
    """What I opened and nobody has closed, oldest first."""
    actor.require("chart.read")
    rows: Any = await db.execute(
        select(
            SafetyConcern.id, Patient.id, Patient.given_names, Patient.family_name, Patient.preferred_name,
            SafetyConcern.domain, SafetyConcern.made_at,
        )
        .join(
            Patient,
            and_(Patient.tenant_id == SafetyConcern.tenant_id, Patient.id == person_of(SafetyConcern.patient_id)),
        )
        .where(SafetyConcern.made_by == actor.staff_id, ~_is_closed())
        .order_by(SafetyConcern.made_at, SafetyConcern.id)
        .limit(limit)
    )  # fmt: skip
    found = [OpenConcern(*row) for row in rows]
    db.note(actor, "chart.read", entity="safety_concern", patient_ids=[row.patient_id for row in found])
    return found


def _is_closed() -> Any:
    return exists().where(
        SafetyClosing.tenant_id == SafetyConcern.tenant_id, SafetyClosing.concern_id == SafetyConcern.id
    )
