"""Timers"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "timer",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("idle_minutes", sa.Integer(), nullable=False),
        sa.Column("pages", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "activity in ('contact', 'supporter_contact', 'coordination', 'plan_work', 'medication_review', 'record_review', 'team_meeting', 'education', 'assessment', 'transition', 'documentation', 'chart_preparation', 'prior_authorization', 'administrative', 'staff_training', 'automated', 'other')",
            name=op.f("ck_timer_activity"),
        ),
        sa.CheckConstraint(
            "state in ('running', 'stopped', 'set_aside', 'discarded')", name=op.f("ck_timer_state")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_timer_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_timer_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_timer")),
    )
    op.create_index("ix_timer_patient", "timer", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "uq_timer_running",
        "timer",
        ["tenant_id", "staff_id"],
        unique=True,
        postgresql_where="state = 'running'",
    )
    op.create_table(
        "timer_choice",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("start", sa.Text(), nullable=False),
        sa.Column("idle_minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint("start in ('automatic', 'manual', 'never')", name=op.f("ck_timer_choice_start")),
        sa.CheckConstraint("idle_minutes between 1 and 60", name=op.f("ck_timer_choice_idle_minutes")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_timer_choice_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_timer_choice")),
        sa.UniqueConstraint("tenant_id", "staff_id", name=op.f("uq_timer_choice_tenant_id_staff_id")),
    )
    op.create_table(
        "timer_stretch",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("timer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('worked', 'idle', 'unseen')", name=op.f("ck_timer_stretch_kind")),
        sa.CheckConstraint(
            "state in ('open', 'refused', 'kept', 'entered', 'trimmed', 'discarded')",
            name=op.f("ck_timer_stretch_state"),
        ),
        sa.CheckConstraint("ended_at > started_at", name=op.f("ck_timer_stretch_order")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "entry_id"],
            ["time_entry.tenant_id", "time_entry.id"],
            name=op.f("fk_timer_stretch_tenant_id_entry_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_timer_stretch_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_timer_stretch_tenant_id_staff_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "timer_id"],
            ["timer.tenant_id", "timer.id"],
            name=op.f("fk_timer_stretch_tenant_id_timer_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_timer_stretch")),
    )
    op.create_index(
        "ix_timer_stretch_timer", "timer_stretch", ["tenant_id", "timer_id", "started_at"], unique=False
    )
    op.create_index(
        "ix_timer_stretch_waiting",
        "timer_stretch",
        ["tenant_id", "staff_id", "started_at"],
        unique=False,
        postgresql_where="state in ('open', 'refused')",
    )
    protect(op.get_bind(), "timer")
    protect(op.get_bind(), "timer_choice")
    protect(op.get_bind(), "timer_stretch")


def downgrade() -> None:
    op.drop_index(
        "ix_timer_stretch_waiting",
        table_name="timer_stretch",
        postgresql_where="state in ('open', 'refused')",
    )
    op.drop_index("ix_timer_stretch_timer", table_name="timer_stretch")
    op.drop_table("timer_stretch")
    op.drop_table("timer_choice")
    op.drop_index("uq_timer_running", table_name="timer", postgresql_where="state = 'running'")
    op.drop_index("ix_timer_patient", table_name="timer")
    op.drop_table("timer")
