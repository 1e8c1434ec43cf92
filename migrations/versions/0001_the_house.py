"""Extensions, and the list of tables that row level security does not cover, with their reasons."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create extension if not exists btree_gist")
    op.execute("create extension if not exists pg_trgm")
    op.execute("create table policy_exemption (table_name text primary key, reason text not null)")
    op.execute("revoke all on policy_exemption from public")
    op.execute(
        "insert into policy_exemption values "
        "('policy_exemption', 'This list itself; runtime roles cannot read it.'), "
        "('alembic_version', 'The version of the schema; runtime roles may only read it.')"
    )
    op.execute("grant select on alembic_version to carewright_app")


def downgrade() -> None:
    op.execute("drop table policy_exemption")
