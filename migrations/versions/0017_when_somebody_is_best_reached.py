"""When somebody is best reached"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "contact_way", sa.Column("best_time", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.alter_column("contact_way", "best_time", server_default=None)


def downgrade() -> None:
    op.drop_column("contact_way", "best_time")
