"""Everything a practice has, in every table there is: taken down, put back, and compared."""

import json
import re
from collections import Counter
from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

import migrations.model
from server.tables import Table, Tenant

_CLASSES = {m.class_.__tablename__: m.class_ for m in Table.registry.mappers}
_TABLES = [
    *(t.name for t in migrations.model.METADATA.sorted_tables if issubclass(_CLASSES[t.name], Tenant)),
    "audit_unsealed",
]
AUDIT = ("audit_event", "audit_subject", "audit_seal", "audit_unsealed")
_OF_EVENTS = ("audit_unsealed", "audit_subject")  # one row or more for each event, told by the event itself
#: of a job, what must come out the same however often it was begun
_OF_A_JOB = ("kind", "dedupe_key", "args", "state")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00(:00)?|Z)?")

Rows = dict[str, list[str]]


async def taken_down(behind: AsyncEngine, tenant: UUID) -> Rows:
    """table -> its rows of the practice, as JSON."""
    parts = " union all ".join(
        f"select '{name}', to_jsonb(t)::text from \"{name}\" t where t.tenant_id = :tenant"
        for name in _TABLES
    )
    found: Rows = {name: [] for name in _TABLES}
    async with behind.connect() as connection:
        for name, row in await connection.execute(sa.text(parts), {"tenant": tenant}):
            found[name].append(row)
    return {name: sorted(rows) for name, rows in found.items()}


async def put_back(behind: AsyncEngine, tenant: UUID, rows: Rows) -> None:
    """The practice as it was."""
    async with behind.begin() as connection:
        # No foreign keys while the rows come back in any order.
        await connection.execute(sa.text("set local session_replication_role = replica"))
        for name in _TABLES:
            await connection.execute(sa.text(f'delete from "{name}" where tenant_id = :t'), {"t": tenant})
            if rows[name]:
                await connection.execute(
                    sa.text(
                        f'insert into "{name}" select * from jsonb_populate_recordset(null::"{name}", cast(:rows as jsonb))'
                    ),
                    {"rows": f"[{','.join(rows[name])}]"},
                )
        await connection.execute(sa.text("delete from bell where tenant_id = :t"), {"t": tenant})
        await connection.execute(sa.text("insert into bell values (:t, now())"), {"t": tenant})


def compared(before: Rows, after: Rows, *, leaving_out: Collection[str] = ()) -> dict[str, Counter[str]]:
    """What can be compared between two ends that began alike: ids and instants that are new have no names."""
    known = "\n".join(row for rows in before.values() for row in rows)
    old_ids, old_instants = set(_UUID.findall(known)), {m[0] for m in _INSTANT.finditer(known)}

    def plain(name: str, row: str) -> str:
        if name == "job":
            read: dict[str, Any] = json.loads(row)
            row = json.dumps({key: read[key] for key in _OF_A_JOB}, sort_keys=True)
        row = _UUID.sub(lambda m: m[0] if m[0] in old_ids else "a new id", row)
        return _INSTANT.sub(lambda m: m[0] if m[0] in old_instants else "a new instant", row)

    return {
        name: Counter(plain(name, row) for row in rows if not _only_looked(name, row))
        for name, rows in after.items()
        if name not in leaving_out and name not in _OF_EVENTS
    }


def _only_looked(name: str, row: str) -> bool:
    """Who read twice is written down twice, in a transaction of the reading alone: that is as it should be."""
    return name == "audit_event" and json.loads(row)["effect"] == "read"


def differing(one: dict[str, Counter[str]], other: dict[str, Counter[str]]) -> dict[str, tuple[Any, Any]]:
    """table -> (only in the one, only in the other)."""
    return {
        name: (dict(one[name] - other[name]), dict(other[name] - one[name]))
        for name in one
        if one[name] != other[name]
    }
