"""What is appended stays: the app's own role cannot change or delete it. And the schema's words are the tables'."""

from enum import StrEnum

import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.exc import ProgrammingError

from server.encounters import tables as encounters
from server.enrollment import consent
from server.enrollment import tables as enrollment
from server.graphql import consents as consents_schema
from server.graphql import encounters as encounters_schema
from server.graphql import enrollment as enrollment_schema
from server.graphql import minutes as minutes_schema
from server.graphql import plans as plans_schema
from server.graphql import prerequisites as prerequisites_schema
from server.graphql import timers as timers_schema
from server.graphql.schema import sdl
from server.minutes import tables as minutes
from server.minutes.stretches import DECISIONS
from server.plans import tables as plans
from server.tables import Table
from server.tenants.db import tenant_db

ROOMS = (enrollment, plans, encounters, minutes)
APPENDED = sorted(
    mapper.class_.__tablename__
    for mapper in Table.registry.mappers
    if mapper.class_.__module__ in {room.__name__ for room in ROOMS}
    and getattr(mapper.class_, "append_only", False)
)
WORDS = [
    (enrollment_schema.Program, enrollment.PROGRAMS),
    (enrollment_schema.EnrollmentStatus, enrollment.STATUSES),
    (consents_schema.ConsentKind, consent.KINDS),
    (consents_schema.ConsentMethod, consent.METHODS),
    (consents_schema.ConsentPoint, consent.TOLD),
    (prerequisites_schema.PractitionerVisitKind, enrollment.VISIT_KINDS),
    (prerequisites_schema.Level, enrollment.LEVELS),
    (plans_schema.PlanCopyWay, plans.WAYS),
    (encounters_schema.EncounterKind, encounters.KINDS),
    (encounters_schema.EncounterOutcome, encounters.OUTCOMES),
    (minutes_schema.MinutesActivity, minutes.ACTIVITIES),
    (minutes_schema.MinutesMode, minutes.MODES),
    (minutes_schema.RoleClass, minutes.ROLE_CLASSES),
    (timers_schema.TimerStart, minutes.STARTS),
    (timers_schema.StretchDecision, DECISIONS),
]


def test_the_logs_of_these_rooms_are_append_only() -> None:
    assert APPENDED == [
        "attestation", "consent", "decision_level", "encounter_amendment", "enrollment_change", "plan_copy",
        "plan_version", "time_entry",
    ]  # fmt: skip


@pytest.mark.parametrize("table", APPENDED)
@pytest.mark.parametrize("statement", ["update {} set made_at = now()", "delete from {}"])
async def test_the_apps_role_cannot_change_or_delete_what_was_appended(
    lakeside: World, table: str, statement: str
) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with tenant_db(lakeside.system()) as db:
            await db.execute(sa.text(statement.format(table)))


@pytest.mark.parametrize(("schema", "words"), WORDS, ids=lambda one: getattr(one, "__name__", ""))
def test_the_schemas_words_are_the_tables_words(schema: type[StrEnum], words: dict[str, str]) -> None:
    assert [member.value for member in schema] == list(words)
    assert [member.name for member in schema] == [word.upper() for word in words]


def test_nobody_is_shown_how_many_minutes_are_to_go() -> None:
    text = sdl().lower()
    assert [
        word for word in ("togo", "remaining", "untilbillable", "threshold", "minutesleft") if word in text
    ] == []
