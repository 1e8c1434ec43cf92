"""Every column that names a patient is moved, made anew, or said to stay; a new table cannot be forgotten."""

import itertools
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

import migrations.model  # noqa: F401 - all tables there are
from server.duplicates.references import COLLISIONS, DERIVED, STAYS, moved, references, undeclared
from server.duplicates.rules import ROWS
from server.tables import Table


def test_everything_that_names_a_patient_is_spoken_for() -> None:
    assert undeclared() == []
    named = {one.table for one in references()}
    assert set(STAYS) | set(DERIVED) <= named, "said of a table that names no patient"
    assert {one.table for one in moved()} == named - set(STAYS) - set(DERIVED)
    assert {("patient", "merged_into"), ("encounter", "patient_id"), ("coverage", "patient_id")} <= {
        (one.table, one.column) for one in moved()
    }


def test_rules_for_collisions_name_constraints_that_exist() -> None:
    names = {
        index.name
        for one in moved()
        for index in (
            *Table.metadata.tables[one.table].indexes,
            *Table.metadata.tables[one.table].constraints,
        )
    }
    assert set(COLLISIONS) <= names


def test_there_are_words_for_every_row_that_may_lean_on_what_was_moved() -> None:
    moving = {one.table for one in moved()} - {"patient"}
    assert {
        table.name
        for table in Table.metadata.sorted_tables
        if "patient_id" in table.c
        and any(key.referred_table.name in moving for key in table.foreign_key_constraints)
    } == set(ROWS)


_NUMBERS = itertools.count()


@pytest.fixture
def planted() -> Iterator[type]:
    from sqlalchemy.orm import Mapped

    from server.tables import AboutPatient

    class Planted(AboutPatient, Table):
        __tablename__ = f"planted_{next(_NUMBERS)}"
        words: Mapped[str]

    yield Planted
    Table.metadata.remove(Planted.__table__)
    Table.registry._dispose_cls(Planted)


def test_a_new_table_is_moved_by_itself(planted: type) -> None:
    assert (planted.__tablename__, "patient_id") in {(one.table, one.column) for one in moved()}
    assert undeclared() == []


def test_a_new_table_that_may_only_be_appended_to_has_to_be_spoken_for(planted: type) -> None:
    planted.append_only = True  # type: ignore[attr-defined]
    assert undeclared() == [f"{planted.__tablename__} may only be appended to, and is not said to stay"]


def test_a_new_table_in_which_two_records_may_collide_has_to_be_spoken_for(planted: type) -> None:
    table = Table.metadata.tables[planted.__tablename__]
    table.append_constraint(sa.UniqueConstraint("tenant_id", "patient_id", "words", name="uq_planted"))
    assert undeclared() == [f"uq_planted of {table.name} may collide, and nobody said how that is resolved"]
