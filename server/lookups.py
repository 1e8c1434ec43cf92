"""Lookups that stay lookups. A table that was filled a moment ago has no statistics yet, and until it has them the planner
takes a practice for a handful of rows: it then reads all of them where an index would find the few that are asked for."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    FromClause,
    Select,
    Table,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    delete,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.selectable import LateralFromClause

if TYPE_CHECKING:  # the room above: its shape only, never its code
    from server.tenants.db import Db


def for_each(statement: Select[*tuple[Any, ...]], key: Any, values: Iterable[Any]) -> Select[Any]:
    """`statement` where `key`, a column of text or ids, is one of these values: each a step of its own in the index that
    leads with that column, with an order or a limit of its own. A condition that another index could serve belongs outside.
    """
    kind: Any = Uuid() if isinstance(key.type, Uuid) else Text()
    asked = func.unnest(cast(list(set(values)), ARRAY(kind)))
    one = asked.table_valued(column("key", kind), name="one").render_derived()
    found = step(statement.where(key == one.c.key), one)
    return select(*found.c).select_from(one).join(found, true())


def step(statement: Select[*tuple[Any, ...]], asked: FromClause) -> LateralFromClause:
    """`statement` done for each row of `asked`, which it names, to be joined with that."""
    # The offset keeps the planner from turning the steps back into one reading of the whole table.
    return statement.offset(literal_column("0")).correlate(asked).lateral()


async def delete_each(db: "Db", table: Table, ids: Sequence[UUID]) -> None:
    """Delete the rows with these ids, each by the primary key."""
    if ids:
        statement = delete(table).where(table.c.id == bindparam("its_id"))
        await (await db.connection()).execute(statement, [{"its_id": id} for id in ids])


async def plan_anew(db: "Db") -> None:
    """Plan what follows by the size that the tables have now, also the checks of foreign keys: a connection keeps the plans
    that it made while they were empty."""
    await db.execute(text("discard plans"))
