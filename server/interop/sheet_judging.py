"""A portion of a table held against the people who are here: one statement for each kind of thing, not for each row."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.sql.expression import ColumnElement

from server.dates import dated
from server.errors import Refused
from server.interop.sheet_likeness import alike_here
from server.interop.sheet_people import here, source_of
from server.interop.sheets.columns import Meaning
from server.interop.sheets.packing import Rows
from server.interop.sheets.values import Fault, Said, said
from server.interop.sheets.verdicts import (
    Change,
    Here,
    change,
    changes_in_words,
    contested_in_words,
    number_taken,
    somebody_else,
)
from server.interop.tables import Sheet, SheetRow
from server.lookups import for_each
from server.patients.coverage_overlap import refuse_overlap
from server.patients.records import person_of
from server.patients.search import fold
from server.patients.tables import Patient, PatientIdentifier
from server.tenants.db import Db
from server.tenants.tables import Payer
from server.words import LANGUAGES, N_, say, speaking

#: the system under which a person's key in tables is kept, where the record number alone does not say who it is
SYSTEM: Final = "carewright:sheet"
#: verdicts of rows about one person who is here
_ABOUT_SOMEBODY: Final = ("changed", "same", "differs")
#: answers that say so
_SAME: Final = ("same", "table")
_END_FIRST: Final = N_("End that coverage on the person's page first, or leave the payer empty here.")


@dataclass(slots=True)
class Judged:
    """One row, what it says, and what bringing it in does."""

    line: int
    verdict: str = "error"
    said: Said | None = None
    key: str = ""
    fault: Fault | None = None
    sentence: str = ""
    next_step: str = ""
    patient_id: UUID | None = None
    here: Here | None = None
    change: Change = field(default_factory=Change)
    choice: str = ""
    row_id: UUID | None = None
    payer_id: UUID | None = None
    effects: list[dict[str, Any]] = field(default_factory=list)

    @property
    def goes_in(self) -> bool:
        return self.verdict in (*_ABOUT_SOMEBODY, "new")


class _Decided(NamedTuple):
    id: UUID
    choice: str
    patient_id: UUID | None
    sentence: str


async def judge(
    db: Db, sheet: Sheet, rows: Rows, meaning: Meaning, today: date, *, for_good: bool = False
) -> list[Judged]:
    """What each of these rows of a portion would do now. for_good: it is about to be done, so that a person's leave to
    write over what is here holds only for what they were shown."""
    if not rows:
        return []
    first = rows[0][0]
    judged = [
        _read(line, said(cells, meaning, len(sheet.header), sheet.separator, today)) for line, cells in rows
    ]
    sound = [one for one in judged if one.said is not None]
    await _payers(db, sound)
    await _told_apart(db, sheet, first, sound)
    sound = [one for one in sound if one.fault is None]
    keys = {one.key for one in sound}
    decided = await _decided(db, sheet, first, rows[-1][0])
    known = await _known(db, sound, keys)
    before = await _before(db, keys)
    for one in sound:
        told = decided.get(one.line)
        if told is not None:
            one.choice = told.choice
            one.row_id = told.id
            one.patient_id = told.patient_id
        one.patient_id = known.get(one.key) or one.patient_id
    people = await here(db, [one.patient_id for one in sound if one.patient_id], today)
    about = set()
    for one in sound:
        if one.patient_id not in people:
            one.patient_id = None
        elif one.key in known or one.choice in _SAME:
            about.add(one.line)
    strangers = [one for one in sound if one.line not in about and one.choice != "new"]
    alike = await alike_here(
        db, source_of(sheet), {one.line: one.said for one in strangers if one.said}, today
    )
    taken = await _taken(db, sheet, first, [one.patient_id for one in sound if one.line in about])
    for one in sound:
        if one.line in about:
            assert one.patient_id is not None
            shown = decided[one.line].sentence if for_good and one.line in decided else None
            _held_against(one, people[one.patient_id], before.get(one.key), taken, shown, today)
        elif one.line in alike:
            one.verdict = "duplicate"
            one.patient_id, one.fault = alike[one.line]
        else:
            one.verdict = "new"
    return judged


def _read(line: int, row: Said | Fault) -> Judged:
    if isinstance(row, Fault):
        return Judged(line, fault=row)
    return Judged(line, said=row, key=row.key)


def _held_against(
    one: Judged,
    found: Here,
    before: dict[str, str] | None,
    taken: dict[UUID | None, int],
    shown: str | None,
    today: date,
) -> None:
    """taken: who was met already -> in which line. shown: what the person who decided about this row was shown."""
    assert one.said is not None
    one.here = found
    one.fault = _not_theirs(one, one.said, found, before, taken)
    if one.fault is not None:
        return
    free, contested = change(one.said, found, before)
    whole = free | contested
    allowed = one.choice == "table" and (shown is None or shown in _in_all_languages(whole, found))
    one.change = whole if allowed else free
    if (fault := _overlap(one.said, one.change, found, today)) is not None:
        one.fault = fault
        return
    taken[found.id] = one.line
    one.sentence = changes_in_words(one.change, found)
    if contested and not allowed:
        one.verdict = "differs"
        kept = say("kept as it was written here: %(kept)s", kept=contested_in_words(contested, found))
        one.sentence = "; ".join(filter(None, (one.sentence, kept)))
        one.next_step = say("Leave it so, or take what the table says.")
    else:
        one.verdict = "changed" if one.change else "same"


def _in_all_languages(made: Change, here: Here) -> set[str]:
    """The change as anybody may have been shown it: the worker need not speak the language of who decided."""
    found = set()
    for language in LANGUAGES:
        with speaking(language):
            found.add(changes_in_words(made, here))
    return found


def _not_theirs(
    one: Judged, row: Said, found: Here, before: dict[str, str] | None, taken: dict[UUID | None, int]
) -> Fault | None:
    if found.id in taken:
        return Fault(
            "",
            say(
                "Line %(line)s is about %(person)s, record %(record_number)s, too.",
                line=f"{taken[found.id]:,}",
                person=found.called,
                record_number=found.record_number,
            ),
            say(
                "A table says one thing of each person: leave one of the rows out, or say that this is "
                "somebody else."
            ),
        )
    if one.choice not in _SAME and somebody_else(row, found):
        return number_taken(row, found)
    payer = row.coverage.get("payer")
    said_before = (before or {}).get("payer")
    if payer and found.coverage and payer not in (found.coverage["payer"], said_before):
        return Fault(
            "payer",
            say(
                "%(payer)s pays first for %(person)s since %(day)s.",
                payer=found.coverage["payer"],
                person=found.called,
                day=dated(found.coverage["from_on"]),
            ),
            say(_END_FIRST),
        )
    return None


def _overlap(row: Said, made: Change, found: Here, today: date) -> Fault | None:
    """Two that would pay first on one day, by the rule of a coverage that is written by hand."""
    if not made.coverage or found.coverage:
        return None
    goes_on = "to_on" in made.coverage
    others = [each for each in found.covered if not goes_on or each.from_on != found.ended["from_on"]]
    start = found.ended["from_on"] if goes_on else row.coverage["from_on"] or today
    try:
        refuse_overlap(others, start, None)
    except Refused as refused:
        return Fault("payer", refused.message, say(_END_FIRST))
    return None


async def _payers(db: Db, judged: Sequence[Judged]) -> None:
    """The payers that rows name, as the practice calls them."""
    if not any(one.said and one.said.coverage for one in judged):
        return
    payers = {
        fold(name): (id, name)
        for id, name in await db.execute(select(Payer.id, Payer.name).where(Payer.active))
    }
    for one in judged:
        if one.said is None or not (coverage := one.said.coverage):
            continue
        found = payers.get(fold(coverage["payer"]))
        if found is None:
            one.fault = Fault(
                "payer",
                say("The practice has no payer called “%(payer)s”.", payer=coverage["payer"][:60]),
                say("Add it under Practice, Payers, or write it as it is called there."),
            )
        else:
            one.payer_id = found[0]
            one.said = replace(one.said, coverage={**coverage, "payer": found[1]})


async def _told_apart(db: Db, sheet: Sheet, first: int, judged: Sequence[Judged]) -> None:
    """A person who stands in an earlier row of the same table: the later one is an error."""
    rows = await db.execute(
        for_each(
            select(SheetRow.key, SheetRow.line, SheetRow.called, SheetRow.sheet_id).where(
                _earlier(first), SheetRow.verdict != "error"
            ),
            SheetRow.key,
            [one.key for one in judged],
        )
    )
    earlier = {key: (line, called) for key, line, called, sheet_id in rows if sheet_id == sheet.id}
    for one in judged:
        if one.said is None or one.fault is not None:
            continue
        if one.key in earlier:
            line, called = earlier[one.key]
            number = one.said.record_number
            one.fault = Fault(
                "record_number",
                say(
                    "Line %(line)s has the same record number %(record_number)s, for %(person)s.",
                    line=f"{line:,}",
                    record_number=number,
                    person=called,
                )
                if number
                else say(
                    "Line %(line)s has the same name and birth date, for %(person)s.",
                    line=f"{line:,}",
                    person=called,
                ),
                say(
                    "If they are two people, give each their own record number; if one, leave one of "
                    "the rows out."
                ),
            )
        else:
            earlier[one.key] = (one.line, one.said.called)


def _earlier(first: int) -> ColumnElement[bool]:
    """Rows that stand before this line, or came in already."""
    return or_(SheetRow.line < first, SheetRow.outcome != "")


async def _taken(
    db: Db, sheet: Sheet, first: int, patient_ids: Sequence[UUID | None]
) -> dict[UUID | None, int]:
    """Whom an earlier row of the same table is about -> its line."""
    rows = await db.execute(
        for_each(
            select(SheetRow.patient_id, SheetRow.line, SheetRow.sheet_id).where(
                _earlier(first), or_(SheetRow.verdict.in_(_ABOUT_SOMEBODY), SheetRow.outcome != "")
            ),
            SheetRow.patient_id,
            [id for id in patient_ids if id],
        )
    )
    return {patient_id: line for patient_id, line, sheet_id in rows if sheet_id == sheet.id}


async def _decided(db: Db, sheet: Sheet, first: int, last: int) -> dict[int, _Decided]:
    rows = await db.execute(
        select(
            SheetRow.line, SheetRow.id, SheetRow.choice, person_of(SheetRow.patient_id), SheetRow.sentence
        ).where(SheetRow.sheet_id == sheet.id, SheetRow.line.between(first, last), SheetRow.choice != "")
    )
    return {
        line: _Decided(id, choice, patient_id, sentence) for line, id, choice, patient_id, sentence in rows
    }


async def _known(db: Db, judged: Sequence[Judged], keys: Collection[str]) -> dict[str, UUID]:
    """key -> who it is: by the record number, or as somebody said of an earlier table."""
    numbers = {one.said.record_number: one.key for one in judged if one.said and one.said.record_number}
    found = dict(
        (
            await db.execute(
                for_each(
                    select(PatientIdentifier.value, PatientIdentifier.patient_id).where(
                        PatientIdentifier.system == SYSTEM
                    ),
                    PatientIdentifier.value,
                    keys,
                )
            )
        ).all()
    )
    if numbers:
        rows = await db.execute(
            for_each(
                select(Patient.record_number, func.coalesce(Patient.merged_into, Patient.id)),
                Patient.record_number,
                numbers,
            )
        )
        found |= {numbers[record_number]: id for record_number, id in rows}
    return found


async def _before(db: Db, keys: Collection[str]) -> dict[str, dict[str, str]]:
    """What the last table that came in said of each."""
    rows = await db.execute(
        for_each(
            select(SheetRow.key, SheetRow.said)
            .where(SheetRow.outcome.in_(("in", "stays")))
            .order_by(SheetRow.at.desc())
            .limit(1),
            SheetRow.key,
            keys,
        )
    )
    return dict(rows.all())
