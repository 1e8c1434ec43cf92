"""Tasks, what happened to them, and their reports"""

import sqlalchemy as sa
from alembic import op

from migrations.protect import protect

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("due_time", sa.Time(), nullable=True),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("holder_id", sa.Uuid(), nullable=True),
        sa.Column("for_role", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind in ('call', 'book', 'ride', 'records', 'paper', 'cover', 'support', 'teach', 'food', 'medicine', 'look', 'decide', 'ask', 'other')",
            name=op.f("ck_task_kind"),
        ),
        sa.CheckConstraint("state in ('open', 'done', 'dismissed', 'settled')", name=op.f("ck_task_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "asked_by"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_task_tenant_id_asked_by"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "holder_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_task_tenant_id_holder_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_task_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_task")),
    )
    op.create_index(
        "ix_task_asked",
        "task",
        ["tenant_id", "asked_by", "due_on"],
        unique=False,
        postgresql_where="state = 'open'",
    )
    op.create_index(
        "ix_task_holder",
        "task",
        ["tenant_id", "holder_id", "due_on"],
        unique=False,
        postgresql_where="state = 'open'",
    )
    op.create_index("ix_task_patient", "task", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "ix_task_role",
        "task",
        ["tenant_id", "for_role", "due_on"],
        unique=False,
        postgresql_where="state = 'open'",
    )
    op.create_index(
        "uq_task_source",
        "task",
        ["tenant_id", "source_kind", "source_id"],
        unique=True,
        postgresql_where="source_id is not null",
    )
    op.create_table(
        "task_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=True),
        sa.Column("to_role", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind in ('asked', 'taken', 'handed_on', 'came_back', 'moved', 'done', 'dismissed', 'settled', 'reopened')",
            name=op.f("ck_task_event_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "task_id"],
            ["task.tenant_id", "task.id"],
            name=op.f("fk_task_event_tenant_id_task_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "to_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_task_event_tenant_id_to_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_task_event")),
    )
    op.create_index("ix_task_event_task", "task_event", ["tenant_id", "task_id", "made_at"], unique=False)
    op.create_table(
        "task_report",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "event_id"],
            ["task_event.tenant_id", "task_event.id"],
            name=op.f("fk_task_report_tenant_id_event_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_task_report_tenant_id_staff_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "task_id"],
            ["task.tenant_id", "task.id"],
            name=op.f("fk_task_report_tenant_id_task_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_task_report")),
        sa.UniqueConstraint(
            "tenant_id", "event_id", "staff_id", name=op.f("uq_task_report_tenant_id_event_id_staff_id")
        ),
    )
    op.create_index("ix_task_report_task", "task_report", ["tenant_id", "task_id"], unique=False)
    op.create_index(
        "ix_task_report_unread",
        "task_report",
        ["tenant_id", "staff_id"],
        unique=False,
        postgresql_where="read_at is null",
    )
    protect(op.get_bind(), "task")
    protect(op.get_bind(), "task_event", append_only=True)
    protect(op.get_bind(), "task_report")


def downgrade() -> None:
    op.drop_index("ix_task_report_unread", table_name="task_report", postgresql_where="read_at is null")
    op.drop_index("ix_task_report_task", table_name="task_report")
    op.drop_table("task_report")
    op.drop_index("ix_task_event_task", table_name="task_event")
    op.drop_table("task_event")
    op.drop_index("uq_task_source", table_name="task", postgresql_where="source_id is not null")
    op.drop_index("ix_task_role", table_name="task", postgresql_where="state = 'open'")
    op.drop_index("ix_task_patient", table_name="task")
    op.drop_index("ix_task_holder", table_name="task", postgresql_where="state = 'open'")
    op.drop_index("ix_task_asked", table_name="task", postgresql_where="state = 'open'")
    op.drop_table("task")
