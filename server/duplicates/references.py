"""Every column that names a patient, found in the tables themselves, and what becomes of it when records are joined.

A table that may be changed is moved without a word from anybody. What stays must be said here, with the reason; a
table that may only be appended to and is not said anything of stops the joining of records (`undeclared`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import Table as SqlTable

from server.patients.tables import Patient
from server.tables import Table


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names a patient, or several (`patient_ids`)."""

    table: str
    column: str


_RECORD: Final = "may not be rewritten: it stays with its record, and is read by all records of a person"
_MONEY: Final = "money rests on it: a record with claims or billed lines is never the one that goes"
_THEN: Final = "says whom something was about then"
_OURS: Final = "says which records were joined or compared"

#: table -> why its rows keep the record they were written for
STAYS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "story_entry", "enrollment_change", "consent", "attestation", "decision_level", "encounter_amendment",
            "time_entry", "plan_version", "plan_copy", "month_override", "usual_site", "arrival",
            "assessment", "safety_concern", "safety_closing",
        ), _RECORD,
    ),
    **dict.fromkeys(
        (
            "month_decision", "claim_line", "claim_hold", "claim", "claim_standing", "claimed_service",
            "interchange_claim",
        ), _MONEY,
    ),
    **dict.fromkeys(
        ("audit_event", "audit_subject", "idempotency_key", "month_close_batch", "sheet_row"), _THEN
    ),
    **dict.fromkeys(("patient_merge", "duplicate_pair"), _OURS),
}  # fmt: skip

#: table -> how it is made anew
DERIVED: Final[Mapping[str, str]] = {
    "patient_word": "from the names of all records of a person",
    "month_total": "by the recount that joining asks for",
    "dirty_month": "by the marks that joining writes",
}

#: table -> when a row stays behind, because the record that stays says the same (k), as the one that goes (g) does
SAME: Final[Mapping[str, str]] = {
    "contact_way": "k.active and k.kind = g.kind and g.best_time in ('', k.best_time) "
    "and (k.value = g.value or (k.search_key <> '' and left(k.search_key, 10) = left(g.search_key, 10)))",
    "address": "k.to_on is null and lower(k.street) = lower(g.street) and k.zip = g.zip and k.use = g.use",
    "support_person": "k.active and lower(k.name) = lower(g.name) and k.phone = g.phone",
    "care_team_member": "k.to_on is null and g.to_on is null and k.part = g.part and k.name = g.name "
    "and k.staff_id is not distinct from g.staff_id",
    "coverage": "k.payer_id = g.payer_id and k.rank = g.rank and (k.member_id = g.member_id or g.member_id = '') "
    "and k.from_on <= coalesce(g.to_on, 'infinity') and g.from_on <= coalesce(k.to_on, 'infinity')",
    "referral": "k.ended_at is null and g.ended_at is null",
    "diagnosis": "k.to_on is null and g.to_on is null and k.code = g.code",
}

#: constraint of a moved table that takes the patient in -> what keeps two records' rows from colliding in it
COLLISIONS: Final[Mapping[str, str]] = {
    "uq_diagnosis_open": "a code that both chose stays behind (SAME)",
    "uq_referral_open": "where both are open, the one of the record that goes stays behind (SAME), found by person",
    "uq_enrollment_open": "two open enrollments in one program are refused (rules.py)",
}


def references() -> list[Reference]:
    """Every column of every table that names a patient, by a foreign key or by its name, but a patient's own id."""
    found = []
    for table in Table.metadata.sorted_tables:
        named = {column.name for column in table.columns if column.name in ("patient_id", "patient_ids")}
        for key in table.foreign_key_constraints:
            if key.referred_table.name == Patient.__tablename__:
                named |= {element.parent.name for element in key.elements} - {"tenant_id"}
        if table.name == "duplicate_pair":
            named |= {"one_id", "other_id"}
        found += [Reference(table.name, column) for column in sorted(named)]
    return found


def moved() -> list[Reference]:
    """What is moved to the record that stays, in the order of the tables."""
    return [one for one in references() if one.table not in STAYS and one.table not in DERIVED]


def undeclared() -> list[str]:
    """What is neither moved nor said to stay: append-only tables, and collisions nobody thought of. Empty is right."""
    kinds: dict[str, Any] = {
        mapper.local_table.name: mapper.class_
        for mapper in Table.registry.mappers
        if isinstance(mapper.local_table, SqlTable)
    }
    wrong = []
    for one in moved():
        table = Table.metadata.tables[one.table]
        if table.name in kinds and getattr(kinds[table.name], "append_only", False):
            wrong.append(f"{one.table} may only be appended to, and is not said to stay")
        if one.column == "patient_ids":
            wrong.append(f"{one.table}.{one.column} names several patients, and is not said to stay")
        uniques: list[UniqueConstraint | Index] = [
            *(key for key in table.constraints if isinstance(key, UniqueConstraint)),
            *(index for index in table.indexes if index.unique),
        ]
        wrong += [
            f"{key.name} of {one.table} may collide, and nobody said how that is resolved"
            for key in uniques
            if one.column in {column.name for column in key.columns} and key.name not in COLLISIONS
        ]
    return wrong
