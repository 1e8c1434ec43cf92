"""Hints that go away, and when people are there"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import protect

revision = "0014"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "days_away",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("to_on >= from_on", name=op.f("ck_days_away_days")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_days_away_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_days_away")),
    )
    op.create_index("ix_days_away_staff", "days_away", ["tenant_id", "staff_id", "from_on"], unique=False)
    op.create_table(
        "working_hours",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("begins", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("begins < ends", name=op.f("ck_working_hours_span")),
        sa.CheckConstraint("to_on >= from_on", name=op.f("ck_working_hours_days")),
        sa.CheckConstraint("weekday between 0 and 6", name=op.f("ck_working_hours_weekday")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "site_id"],
            ["site.tenant_id", "site.id"],
            name=op.f("fk_working_hours_tenant_id_site_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_working_hours_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_working_hours")),
    )
    op.create_index(
        "ix_working_hours_staff", "working_hours", ["tenant_id", "staff_id", "from_on"], unique=False
    )
    op.add_column(
        "staff", sa.Column("hints_away", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    protect(op.get_bind(), "days_away")
    protect(op.get_bind(), "working_hours")


def downgrade() -> None:
    op.drop_column("staff", "hints_away")
    op.drop_index("ix_working_hours_staff", table_name="working_hours")
    op.drop_table("working_hours")
    op.drop_index("ix_days_away_staff", table_name="days_away")
    op.drop_table("days_away")
