"""What a table says otherwise"""

from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

_VERDICT = "ck_sheet_row_verdict"
_CHOICE = "ck_sheet_row_choice"


def upgrade() -> None:
    op.create_index(
        "ix_coverage_member",
        "coverage",
        ["tenant_id", "member_id"],
        unique=False,
        postgresql_where="member_id <> ''",
    )
    op.create_index(
        "ix_sheet_row_patient", "sheet_row", ["tenant_id", "patient_id", "sheet_id"], unique=False
    )
    _only("verdict in ('new', 'changed', 'same', 'differs', 'duplicate', 'error')", _VERDICT)
    _only("choice in ('', 'same', 'new', 'table')", _CHOICE)


def downgrade() -> None:
    op.execute("update sheet_row set verdict = 'same' where verdict = 'differs'")
    op.execute("update sheet_row set choice = 'same' where choice = 'table'")
    _only("verdict in ('new', 'changed', 'same', 'duplicate', 'error')", _VERDICT)
    _only("choice in ('', 'same', 'new')", _CHOICE)
    op.drop_index("ix_sheet_row_patient", table_name="sheet_row")
    op.drop_index("ix_coverage_member", table_name="coverage", postgresql_where="member_id <> ''")


def _only(condition: str, name: str) -> None:
    op.drop_constraint(op.f(name), "sheet_row", type_="check")
    op.create_check_constraint(op.f(name), "sheet_row", condition)
