"""A service is the same at every payer"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

RENAMED = """
with named as (
    select s.tenant_id, s.id, c.serial, encode(sha256(convert_to(concat_ws('|', s.patient_id, l.code,
        nullif(array_to_string(l.modifiers, '|'), ''), l.service_on), 'UTF8')), 'hex') as key
    from claimed_service s
    join claim_line l on l.tenant_id = s.tenant_id and l.id = s.line_id
    join claim c on c.tenant_id = s.tenant_id and c.id = s.claim_id
), first as (
    select distinct on (tenant_id, key) tenant_id, id, key from named order by tenant_id, key, serial, id
)
update claimed_service set service_key = first.key from first
where claimed_service.tenant_id = first.tenant_id and claimed_service.id = first.id"""


def upgrade() -> None:
    """What live claims ask for is known by patient, code, modifiers and day, as `service_key` makes it. Where two
    claims already ask for one service, the later one keeps its old key: it stands, and nothing new can join them."""
    tables = ("claimed_service", "claim_line", "claim")
    # The owner is under the policies too, and a migration has no practice: without this it would find no row.
    for table in tables:
        op.execute(f"alter table {table} no force row level security")
    op.execute(RENAMED)
    for table in tables:
        op.execute(f"alter table {table} force row level security")


def downgrade() -> None:
    """The keys stay: they are only held against each other."""
