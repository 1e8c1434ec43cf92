"""Referrals"""

import sqlalchemy as sa
from alembic import op

from migrations.protect import protect

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "introduction_script",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "role in ('provider', 'medical_assistant', 'front_desk', 'care_manager')",
            name=op.f("ck_introduction_script_role"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_introduction_script")),
    )
    op.create_index("ix_introduction_script_role", "introduction_script", ["tenant_id", "role"], unique=False)
    op.create_table(
        "referral_policy",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("confirmed_by_provider", sa.Boolean(), nullable=False),
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "agreement in ('opt_in', 'team_default')", name=op.f("ck_referral_policy_agreement")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_referral_policy")),
    )
    op.create_index("ix_referral_policy_made", "referral_policy", ["tenant_id", "made_at"], unique=False)
    op.create_table(
        "arrival",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("here", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_arrival_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_arrival")),
    )
    op.create_index("ix_arrival_day", "arrival", ["tenant_id", "on_date", "patient_id"], unique=False)
    op.create_table(
        "referral",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("how_soon", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=False),
        sa.Column("to_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_visit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("introduced", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=False),
        sa.Column("what_would_help", sa.Text(), nullable=False),
        sa.Column("ask_again_on", sa.Date(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "how_soon in ('now', 'today', 'this_week', 'when_it_suits')", name=op.f("ck_referral_how_soon")
        ),
        sa.CheckConstraint(
            "source in ('team', 'self', 'family', 'pharmacy', 'hospital', 'agency')",
            name=op.f("ck_referral_source"),
        ),
        sa.CheckConstraint(
            "state in ('suggested', 'asked', 'accepted', 'enrolled', 'declined', 'closed', 'taken_back')",
            name=op.f("ck_referral_state"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_referral_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "to_id"], ["staff.tenant_id", "staff.id"], name=op.f("fk_referral_tenant_id_to_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_referral")),
    )
    op.create_index("ix_referral_patient", "referral", ["tenant_id", "patient_id"], unique=False)
    op.create_index("ix_referral_to", "referral", ["tenant_id", "to_id", "state"], unique=False)
    op.create_index(
        "uq_referral_open",
        "referral",
        ["tenant_id", "patient_id"],
        unique=True,
        postgresql_where="ended_at is null",
    )
    op.create_table(
        "referral_asker",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_referral_asker_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "referral_id"],
            ["referral.tenant_id", "referral.id"],
            name=op.f("fk_referral_asker_tenant_id_referral_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_referral_asker_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_referral_asker")),
        sa.UniqueConstraint(
            "tenant_id",
            "referral_id",
            "staff_id",
            name=op.f("uq_referral_asker_tenant_id_referral_id_staff_id"),
        ),
    )
    op.create_index("ix_referral_asker_staff", "referral_asker", ["tenant_id", "staff_id"], unique=False)
    op.create_table(
        "referral_step",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=True),
        sa.Column("first_visit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind in ('suggested', 'asked', 'joined', 'confirmed', 'said', 'coming', 'not_now', 'rerouted', 'accepted', 'enrolled', 'declined', 'closed', 'taken_back')",
            name=op.f("ck_referral_step_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_referral_step_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "referral_id"],
            ["referral.tenant_id", "referral.id"],
            name=op.f("fk_referral_step_tenant_id_referral_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "to_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_referral_step_tenant_id_to_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_referral_step")),
    )
    op.create_index(
        "ix_referral_step_referral", "referral_step", ["tenant_id", "referral_id", "made_at"], unique=False
    )
    op.add_column(
        "working_hours", sa.Column("protected", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.alter_column("working_hours", "protected", server_default=None)
    protect(op.get_bind(), "introduction_script", append_only=True)
    protect(op.get_bind(), "referral_policy", append_only=True)
    protect(op.get_bind(), "arrival", append_only=True)
    protect(op.get_bind(), "referral")
    protect(op.get_bind(), "referral_asker")
    protect(op.get_bind(), "referral_step", append_only=True)


def downgrade() -> None:
    op.drop_column("working_hours", "protected")
    op.drop_index("ix_referral_step_referral", table_name="referral_step")
    op.drop_table("referral_step")
    op.drop_index("ix_referral_asker_staff", table_name="referral_asker")
    op.drop_table("referral_asker")
    op.drop_index("uq_referral_open", table_name="referral", postgresql_where="ended_at is null")
    op.drop_index("ix_referral_to", table_name="referral")
    op.drop_index("ix_referral_patient", table_name="referral")
    op.drop_table("referral")
    op.drop_index("ix_arrival_day", table_name="arrival")
    op.drop_table("arrival")
    op.drop_index("ix_referral_policy_made", table_name="referral_policy")
    op.drop_table("referral_policy")
    op.drop_index("ix_introduction_script_role", table_name="introduction_script")
    op.drop_table("introduction_script")
