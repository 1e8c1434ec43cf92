"""Alembic's entry. The connection is given by migrations.run or migrations.draft, acting as the owning role."""

from typing import Any, Literal

from alembic import context

from migrations.model import METADATA
from server.tables import Instant


def render_item(kind: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Migrations name only library types, so that an old one never depends on today's code."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    return False


def include_name(name: str | None, kind: str, parents: Any) -> bool:
    return not (kind == "table" and name in {"policy_exemption", "alembic_version"})


connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit(
        "`python3 carewright.py up` runs migrations; alembic alone has no database to run them on."
    )

context.configure(
    connection=connection,
    target_metadata=METADATA,
    transaction_per_migration=True,
    compare_type=True,
    render_item=render_item,
    include_name=include_name,
)
with context.begin_transaction():
    context.run_migrations()
