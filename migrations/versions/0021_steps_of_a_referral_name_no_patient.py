"""Steps of a referral name no patient"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("fk_referral_asker_tenant_id_patient_id"), "referral_asker", type_="foreignkey")
    op.drop_column("referral_asker", "patient_id")
    op.drop_constraint(op.f("fk_referral_step_tenant_id_patient_id"), "referral_step", type_="foreignkey")
    op.drop_column("referral_step", "patient_id")


def downgrade() -> None:
    tables = ("referral_step", "referral_asker")
    for table in tables:
        op.add_column(table, sa.Column("patient_id", sa.Uuid(), nullable=True))
    # The owner is under the policies too, and a migration has no practice: without this it would find no row.
    for table in ("referral", *tables):
        op.execute(f"alter table {table} no force row level security")
    for table in tables:
        op.execute(
            f"update {table} x set patient_id = r.patient_id from referral r "
            "where r.tenant_id = x.tenant_id and r.id = x.referral_id"
        )
    for table in ("referral", *tables):
        op.execute(f"alter table {table} force row level security")
    for table in tables:
        op.alter_column(table, "patient_id", nullable=False)
        op.create_foreign_key(
            op.f(f"fk_{table}_tenant_id_patient_id"),
            table,
            "patient",
            ["tenant_id", "patient_id"],
            ["tenant_id", "id"],
        )
