"""What one file's storing carries along: the transaction, what was counted, what a person should look at."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table as SqlTable
from sqlalchemy import any_, cast, func, insert
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.expression import ColumnElement, TableValuedAlias
from sqlalchemy.types import Text, Uuid

from server.ids import new_id
from server.interop.tables import ImportIssue
from server.tables import Table
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say

Columns = dict[str, Any]
#: An identifier's system and value: how other systems name a person.
Named = tuple[str, str]

_MOST_ISSUES = 500
_NUMBERS = re.compile(r"\d[\d,]*")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """A file's own words, quoted in ours: NUL and half a letter, which no database takes, as the sign for what is amiss."""
    return _UNSTORABLE.sub("\ufffd", text)


@dataclass(slots=True)
class Intake:
    """One file, while it is being stored. `at` and `today` are the batch's, so that its rows agree."""

    db: Db
    actor: Actor
    batch_id: UUID
    file: str
    at: datetime
    today: date
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    left_out: int = 0
    patients: dict[Named, UUID | None] = field(default_factory=dict)
    touched: set[UUID] = field(default_factory=set)
    _issues: dict[tuple[str, str, str, str], Columns] = field(default_factory=dict)
    _repeats: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)

    def count(self, kind: str, what: str, number: int = 1) -> None:
        """what: added, changed, same, retracted, waiting, unknown or errors."""
        self.counts[kind or "?"][what] += number

    def error(self, kind: str, source_id: str, path: str, sentence: str, next_step: str) -> None:
        self.count(kind, "errors")
        self._issue("error", kind, source_id, path, sentence, next_step)

    def finding(self, kind: str, source_id: str, path: str, sentence: str, next_step: str = "") -> None:
        self._issue("finding", kind, source_id, path, sentence, next_step)

    def columns(self, patient_id: UUID | None = None, **more: object) -> Columns:
        """The columns every row of ours starts with."""
        start: Columns = {"tenant_id": self.actor.tenant_id, "id": new_id()}
        if patient_id is not None:
            start["patient_id"] = patient_id
            self.touched.add(patient_id)
        return start | more

    def made(self) -> Columns:
        return {"made_at": self.at, "made_by": self.actor.staff_id}

    async def write_issues(self) -> None:
        """Store what was noted, the same fault once with how often it was met."""
        rows = []
        for key, row in self._issues.items():
            sentence, more = row["sentence"], self._repeats[key] - 1
            if more:
                sentence = say("%(sentence)s (And %(n)s more like it.)", sentence=sentence, n=f"{more:,}")
            rows.append(row | {"sentence": sentence})
        if rows:
            await self.db.execute(insert(sql(ImportIssue)), rows)

    def _issue(
        self, severity: str, kind: str, source_id: str, path: str, sentence: str, next_step: str
    ) -> None:
        alike = (severity, kind, _NUMBERS.sub("", path), _NUMBERS.sub("", sentence))
        if len(self._issues) >= _MOST_ISSUES and alike not in self._issues:
            alike = (severity, "", "", "")
            kind, source_id, path = "", "", ""
            sentence, next_step = (
                say("There is more of other kinds in this file."),
                say("Mend what is listed first."),
            )
        self._repeats[alike] += 1
        self._issues.setdefault(
            alike,
            self.columns(
                batch_id=self.batch_id,
                severity=severity,
                kind=kind,
                source_id=source_id,
                path=storable(path),
                sentence=storable(sentence),
                next_step=next_step,
                file=self.file,
            ),
        )


def asked(keys: Iterable[tuple[str, ...]], *names: str) -> TableValuedAlias:
    """The keys as a small table with these columns, to be joined: each is then one step in an index."""
    lists = zip(*keys, strict=True)
    return (
        func.unnest(*(cast(list(each), ARRAY(Text)) for each in lists))
        .table_valued(*names, name="asked")
        .render_derived()
    )


def among(column: Any, values: Iterable[str]) -> ColumnElement[bool]:
    """`column = any(values)`: one statement text whatever their number."""
    one_of: ColumnElement[bool] = column == any_(cast(list(values), ARRAY(Text)))
    return one_of


def among_ids(column: Any, values: Iterable[UUID]) -> ColumnElement[bool]:
    one_of: ColumnElement[bool] = column == any_(cast(list(values), ARRAY(Uuid)))
    return one_of


def sql(table: type[Table]) -> SqlTable:
    """The plain table behind a class: rows go in by the thousand, and no objects are made of them."""
    found = table.__table__
    assert isinstance(found, SqlTable)
    return found
