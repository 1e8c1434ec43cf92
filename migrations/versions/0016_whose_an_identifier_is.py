"""Whose an identifier is"""

from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_patient_identifier_patient", "patient_identifier", ["tenant_id", "patient_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_patient_identifier_patient", table_name="patient_identifier")
