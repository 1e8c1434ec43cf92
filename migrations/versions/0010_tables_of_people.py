"""Tables of people"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import protect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sheet",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("separator", sa.Text(), nullable=False),
        sa.Column("header", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("days", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("portions", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state in ('columns', 'trying', 'tried', 'bringing', 'in', 'undoing', 'undone')",
            name=op.f("ck_sheet_state"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sheet")),
    )
    op.create_index("ix_sheet_made", "sheet", ["tenant_id", "made_at"], unique=False)
    op.create_table(
        "sheet_columns",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sheet_columns")),
        sa.UniqueConstraint("tenant_id", "shape", name=op.f("uq_sheet_columns_tenant_id_shape")),
    )
    op.create_table(
        "sheet_portion",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("cells", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sheet_id"],
            ["sheet.tenant_id", "sheet.id"],
            name=op.f("fk_sheet_portion_tenant_id_sheet_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sheet_portion")),
        sa.UniqueConstraint(
            "tenant_id", "sheet_id", "number", name=op.f("uq_sheet_portion_tenant_id_sheet_id_number")
        ),
    )
    op.create_table(
        "sheet_row",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("portion", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("called", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("said", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("effects", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("choice in ('', 'same', 'new')", name=op.f("ck_sheet_row_choice")),
        sa.CheckConstraint("outcome in ('', 'in', 'undone', 'stays')", name=op.f("ck_sheet_row_outcome")),
        sa.CheckConstraint(
            "verdict in ('new', 'changed', 'same', 'duplicate', 'error')", name=op.f("ck_sheet_row_verdict")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sheet_id"],
            ["sheet.tenant_id", "sheet.id"],
            name=op.f("fk_sheet_row_tenant_id_sheet_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sheet_row")),
        sa.UniqueConstraint(
            "tenant_id", "sheet_id", "line", name=op.f("uq_sheet_row_tenant_id_sheet_id_line")
        ),
    )
    op.create_index("ix_sheet_row_key", "sheet_row", ["tenant_id", "key", "sheet_id"], unique=False)
    op.create_index(
        "ix_sheet_row_verdict", "sheet_row", ["tenant_id", "sheet_id", "verdict", "line"], unique=False
    )
    protect(op.get_bind(), "sheet")
    protect(op.get_bind(), "sheet_columns")
    protect(op.get_bind(), "sheet_portion")
    protect(op.get_bind(), "sheet_row")


def downgrade() -> None:
    op.drop_index("ix_sheet_row_verdict", table_name="sheet_row")
    op.drop_index("ix_sheet_row_key", table_name="sheet_row")
    op.drop_table("sheet_row")
    op.drop_table("sheet_portion")
    op.drop_table("sheet_columns")
    op.drop_index("ix_sheet_made", table_name="sheet")
    op.drop_table("sheet")
