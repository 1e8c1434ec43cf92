"""The month as a job"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import protect

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _add_filled(table: str, column: "sa.Column[Any]", value: str) -> None:
    """A column that rows written before it hold `value` in."""
    column.server_default = sa.DefaultClause(value)
    op.add_column(table, column)
    op.alter_column(table, column.name, server_default=None)


def upgrade() -> None:
    op.create_table(
        "closed_month",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_closed_month")),
        sa.UniqueConstraint("tenant_id", "month", name=op.f("uq_closed_month_tenant_id_month")),
    )
    op.create_table(
        "policy_choice",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("policy in ('accurate', 'max')", name=op.f("ck_policy_choice_policy")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_policy_choice")),
    )
    op.create_table(
        "month_close_batch",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("close_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("patient_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state in ('waiting', 'done', 'stopped')", name=op.f("ck_month_close_batch_state")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "close_id"],
            ["month_close.tenant_id", "month_close.id"],
            name=op.f("fk_month_close_batch_tenant_id_close_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_month_close_batch")),
        sa.UniqueConstraint(
            "tenant_id", "close_id", "number", name=op.f("uq_month_close_batch_tenant_id_close_id_number")
        ),
    )
    op.create_table(
        "month_override",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("withdraws_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind in ('withhold', 'choose', 'accept')", name=op.f("ck_month_override_kind")),
        sa.CheckConstraint("length(btrim(reason)) > 0", name=op.f("ck_month_override_reason")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_month_override_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "withdraws_id"],
            ["month_override.tenant_id", "month_override.id"],
            name=op.f("fk_month_override_tenant_id_withdraws_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_month_override")),
        sa.UniqueConstraint(
            "tenant_id", "withdraws_id", name=op.f("uq_month_override_tenant_id_withdraws_id")
        ),
    )
    op.create_index(
        "ix_month_override_patient", "month_override", ["tenant_id", "patient_id", "month"], unique=False
    )
    op.create_table(
        "undecided_change",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_undecided_change_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_undecided_change")),
    )
    op.create_index(
        "ix_undecided_change_month", "undecided_change", ["tenant_id", "month", "patient_id"], unique=False
    )
    _add_filled("claim_hold", sa.Column("mendable", sa.Boolean(), nullable=False), "true")
    _add_filled("claim_hold", sa.Column("may_accept", sa.Boolean(), nullable=False), "false")
    _add_filled("month_close", sa.Column("decided", sa.Integer(), nullable=False), "0")
    _add_filled("month_close", sa.Column("batches_left", sa.Integer(), nullable=False), "0")
    _add_filled(
        "month_close",
        sa.Column("first_billed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        "[]",
    )
    op.add_column("month_close", sa.Column("stopped_by", sa.Uuid(), nullable=True))
    _add_filled("time_entry", sa.Column("late", sa.Boolean(), nullable=False), "false")
    _states("asked", "running", "done", "stopped")
    # The owner is under the policies too, and a migration has no practice: without this it would find no row.
    for table in ("month_close", "claim_hold", "audit_event"):
        op.execute(f"alter table {table} no force row level security")
    op.execute("update month_close set decided = patients")
    op.execute("update month_close set state = 'stopped' where state = 'running'")
    op.create_index(
        "uq_month_close_under_way",
        "month_close",
        ["tenant_id", "month"],
        unique=True,
        postgresql_where=sa.text("state in ('asked', 'running')"),
    )
    # Until now only the words of the next step said that nothing is to be done.
    op.execute(
        "update claim_hold set mendable = next_step !~* '(\\mnothing is to be (done|billed)\\M|^do not bill\\M)'"
    )
    op.execute(
        "insert into closed_month (tenant_id, id, month, closed_at) "
        "select tenant_id, gen_random_uuid(), month, max(ended_at) from month_close "
        "where state = 'done' group by tenant_id, month"
    )
    op.execute(
        "insert into policy_choice (tenant_id, id, policy, reason, made_at, made_by) "
        "select tenant_id, gen_random_uuid(), details ->> 'after', details ->> 'reason', at, staff_id "
        "from audit_event where action = 'practice.set_selection_policy' and details ? 'reason'"
    )
    for table in ("month_close", "claim_hold", "audit_event"):
        op.execute(f"alter table {table} force row level security")
    protect(op.get_bind(), "closed_month")
    protect(op.get_bind(), "policy_choice", append_only=True)
    protect(op.get_bind(), "month_close_batch")
    protect(op.get_bind(), "month_override", append_only=True)
    protect(op.get_bind(), "undecided_change")


def _states(*states: str) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    op.drop_constraint(op.f("ck_month_close_state"), "month_close", type_="check")
    op.create_check_constraint(op.f("ck_month_close_state"), "month_close", f"state in ({listed})")


def downgrade() -> None:
    _states("running", "done", "stopped")
    op.drop_column("time_entry", "late")
    op.drop_index(
        "uq_month_close_under_way",
        table_name="month_close",
        postgresql_where=sa.text("state in ('asked', 'running')"),
    )
    op.drop_column("month_close", "stopped_by")
    op.drop_column("month_close", "first_billed")
    op.drop_column("month_close", "batches_left")
    op.drop_column("month_close", "decided")
    op.drop_column("claim_hold", "may_accept")
    op.drop_column("claim_hold", "mendable")
    op.drop_index("ix_undecided_change_month", table_name="undecided_change")
    op.drop_table("undecided_change")
    op.drop_index("ix_month_override_patient", table_name="month_override")
    op.drop_table("month_override")
    op.drop_table("month_close_batch")
    op.drop_table("policy_choice")
    op.drop_table("closed_month")
