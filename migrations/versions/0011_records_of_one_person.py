"""Records of one person"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import protect

revision = "0011"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "duplicate_pair",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("one_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Numeric(precision=4, scale=3), nullable=False),
        sa.Column("alike", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("unlike", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("facts_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ask_on", sa.Date(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("state in ('open', 'later', 'different')", name=op.f("ck_duplicate_pair_state")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_duplicate_pair")),
        sa.UniqueConstraint(
            "tenant_id", "one_id", "other_id", name=op.f("uq_duplicate_pair_tenant_id_one_id_other_id")
        ),
    )
    op.create_index("ix_duplicate_pair_other", "duplicate_pair", ["tenant_id", "other_id"], unique=False)
    op.create_index(
        "ix_duplicate_pair_score", "duplicate_pair", ["tenant_id", "state", "score"], unique=False
    )
    op.create_table(
        "patient_merge",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kept_id", sa.Uuid(), nullable=False),
        sa.Column("gone_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("taken", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.Column("undone_reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "gone_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_patient_merge_tenant_id_gone_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "kept_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_patient_merge_tenant_id_kept_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_patient_merge")),
    )
    op.create_index("ix_patient_merge_kept", "patient_merge", ["tenant_id", "kept_id"], unique=False)
    op.create_index(
        "uq_patient_merge_standing",
        "patient_merge",
        ["tenant_id", "gone_id"],
        unique=True,
        postgresql_where="undone_at is null",
    )
    op.create_table(
        "patient_merge_row",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merge_id", sa.Uuid(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("was", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merge_id"],
            ["patient_merge.tenant_id", "patient_merge.id"],
            name=op.f("fk_patient_merge_row_tenant_id_merge_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_patient_merge_row")),
        sa.UniqueConstraint(
            "tenant_id", "merge_id", "table_name", "column_name", "row_id", name="uq_patient_merge_row_row"
        ),
    )
    op.add_column("patient", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_patient_merged",
        "patient",
        ["tenant_id", "merged_into"],
        unique=False,
        postgresql_where="merged_into is not null",
    )
    op.create_foreign_key(
        op.f("fk_patient_tenant_id_merged_into"),
        "patient",
        "patient",
        ["tenant_id", "merged_into"],
        ["tenant_id", "id"],
    )
    protect(op.get_bind(), "duplicate_pair")
    protect(op.get_bind(), "patient_merge")
    protect(op.get_bind(), "patient_merge_row", append_only=True)


def downgrade() -> None:
    op.drop_constraint(op.f("fk_patient_tenant_id_merged_into"), "patient", type_="foreignkey")
    op.drop_index("ix_patient_merged", table_name="patient", postgresql_where="merged_into is not null")
    op.drop_column("patient", "merged_into")
    op.drop_table("patient_merge_row")
    op.drop_index(
        "uq_patient_merge_standing", table_name="patient_merge", postgresql_where="undone_at is null"
    )
    op.drop_index("ix_patient_merge_kept", table_name="patient_merge")
    op.drop_table("patient_merge")
    op.drop_index("ix_duplicate_pair_score", table_name="duplicate_pair")
    op.drop_index("ix_duplicate_pair_other", table_name="duplicate_pair")
    op.drop_table("duplicate_pair")
