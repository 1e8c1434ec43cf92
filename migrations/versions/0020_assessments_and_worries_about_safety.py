"""Assessments and worries about safety"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import protect

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assessment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("mode_reason", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "answered_by in ('patient', 'supporter', 'together', 'staff')",
            name=op.f("ck_assessment_answered_by"),
        ),
        sa.CheckConstraint(
            "mode in ('in_person', 'home', 'phone', 'video', 'paper')", name=op.f("ck_assessment_mode")
        ),
        sa.CheckConstraint("state in ('answered', 'partly', 'taken_back')", name=op.f("ck_assessment_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "corrects_id"],
            ["assessment.tenant_id", "assessment.id"],
            name=op.f("fk_assessment_tenant_id_corrects_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_assessment_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_assessment")),
        sa.UniqueConstraint("tenant_id", "corrects_id", name=op.f("uq_assessment_tenant_id_corrects_id")),
    )
    op.create_index("ix_assessment_patient", "assessment", ["tenant_id", "patient_id", "at"], unique=False)
    op.create_table(
        "assessment_answer",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "assessment_id"],
            ["assessment.tenant_id", "assessment.id"],
            name=op.f("fk_assessment_answer_tenant_id_assessment_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_assessment_answer")),
        sa.UniqueConstraint(
            "tenant_id",
            "assessment_id",
            "item",
            name=op.f("uq_assessment_answer_tenant_id_assessment_id_item"),
        ),
    )
    op.create_table(
        "assessment_score",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "assessment_id"],
            ["assessment.tenant_id", "assessment.id"],
            name=op.f("fk_assessment_score_tenant_id_assessment_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_assessment_score")),
        sa.UniqueConstraint(
            "tenant_id", "assessment_id", "key", name=op.f("uq_assessment_score_tenant_id_assessment_id_key")
        ),
    )
    op.create_table(
        "safety_concern",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "domain in ('self_harm', 'violence', 'home', 'other')", name=op.f("ck_safety_concern_domain")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "assessment_id"],
            ["assessment.tenant_id", "assessment.id"],
            name=op.f("fk_safety_concern_tenant_id_assessment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_safety_concern_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_safety_concern")),
    )
    op.create_index("ix_safety_concern_made_by", "safety_concern", ["tenant_id", "made_by"], unique=False)
    op.create_index("ix_safety_concern_patient", "safety_concern", ["tenant_id", "patient_id"], unique=False)
    op.create_table(
        "safety_closing",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("done", sa.Text(), nullable=False),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("talked_with", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "concern_id"],
            ["safety_concern.tenant_id", "safety_concern.id"],
            name=op.f("fk_safety_closing_tenant_id_concern_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_safety_closing_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_safety_closing")),
        sa.UniqueConstraint("tenant_id", "concern_id", name=op.f("uq_safety_closing_tenant_id_concern_id")),
    )
    protect(op.get_bind(), "assessment", append_only=True)
    protect(op.get_bind(), "assessment_answer", append_only=True)
    protect(op.get_bind(), "assessment_score", append_only=True)
    protect(op.get_bind(), "safety_concern", append_only=True)
    protect(op.get_bind(), "safety_closing", append_only=True)


def downgrade() -> None:
    op.drop_table("safety_closing")
    op.drop_index("ix_safety_concern_patient", table_name="safety_concern")
    op.drop_index("ix_safety_concern_made_by", table_name="safety_concern")
    op.drop_table("safety_concern")
    op.drop_table("assessment_score")
    op.drop_table("assessment_answer")
    op.drop_index("ix_assessment_patient", table_name="assessment")
    op.drop_table("assessment")
