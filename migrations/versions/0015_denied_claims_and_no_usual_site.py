"""Denied claims, and a usual site taken back"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0012"
branch_labels = None
depends_on = None

_BEFORE = "'withdrawn', 'signed', 'sent', 'refused', 'replaced'"


def upgrade() -> None:
    op.alter_column("usual_site", "site_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("claim_standing", sa.Column("denied_on", sa.Date(), nullable=True))
    op.add_column("claim_standing", sa.Column("denied_by", sa.Uuid(), nullable=True))
    op.drop_constraint(op.f("ck_claim_standing_state"), "claim_standing")
    op.create_check_constraint(
        op.f("ck_claim_standing_state"), "claim_standing", f"state in ({_BEFORE}, 'denied')"
    )


def downgrade() -> None:
    """Refused by the database where a claim was denied or a usual site taken back: the older house cannot say it."""
    op.drop_constraint(op.f("ck_claim_standing_state"), "claim_standing")
    op.create_check_constraint(op.f("ck_claim_standing_state"), "claim_standing", f"state in ({_BEFORE})")
    op.drop_column("claim_standing", "denied_by")
    op.drop_column("claim_standing", "denied_on")
    op.alter_column("usual_site", "site_id", existing_type=sa.Uuid(), nullable=False)
