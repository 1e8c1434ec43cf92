"""Schedules and the upkeep of the ledger"""

import sqlalchemy as sa
from alembic import op

from migrations.protect import protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


#: table -> the states it may hold from now on; the last one is new
_STATES = {
    "job": ("ready", "running", "done", "dead", "cancelled", "given_up"),
    "mail": ("waiting", "sending", "sent", "unknown", "local", "refused"),
    "import_batch": ("running", "done", "refused", "stopped"),
}


def _allow(table: str, states: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    op.drop_constraint(op.f(f"ck_{table}_state"), table)
    op.create_check_constraint(op.f(f"ck_{table}_state"), table, f"state in ({listed})")


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('waiting', 'added', 'skipped')", name=op.f("ck_schedule_state")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("tenant_id", "name", "due_at", name="uq_schedule_due_at"),
        sa.UniqueConstraint("tenant_id", "name", "occasion", name="uq_schedule_occasion"),
    )
    op.create_index(
        "uq_schedule_waiting",
        "schedule",
        ["tenant_id", "name"],
        unique=True,
        postgresql_where="state = 'waiting'",
    )
    op.create_table(
        "total_proof",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.Column("different", sa.Integer(), nullable=False),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_total_proof")),
        sa.UniqueConstraint("tenant_id", "day", name=op.f("uq_total_proof_tenant_id_day")),
    )
    op.drop_column("attempt", "good")
    op.add_column("job", sa.Column("started_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("job", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "ix_job_dead", "job", ["tenant_id", "id"], unique=False, postgresql_where="state = 'dead'"
    )
    protect(op.get_bind(), "schedule")
    protect(op.get_bind(), "total_proof")
    for table, states in _STATES.items():
        _allow(table, states)
    # Every practice gets its schedules in the first turn that a worker gives it.
    op.execute(
        "insert into bell (tenant_id, due_at) select id, now() from directory where state <> 'closed' "
        "on conflict (tenant_id) do update set due_at = least(bell.due_at, excluded.due_at)"
    )


def downgrade() -> None:
    for table, states in _STATES.items():
        _allow(table, states[:-1])
    op.drop_index("ix_job_dead", table_name="job", postgresql_where="state = 'dead'")
    op.drop_column("job", "reason")
    op.drop_column("job", "started_at")
    op.add_column("attempt", sa.Column("good", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_table("total_proof")
    op.drop_index("uq_schedule_waiting", table_name="schedule", postgresql_where="state = 'waiting'")
    op.drop_table("schedule")
