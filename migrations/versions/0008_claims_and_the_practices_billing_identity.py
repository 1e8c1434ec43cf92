"""Claims and the practice's billing identity"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import protect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "billing_identity",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("tin", sa.Text(), nullable=False),
        sa.Column("tin_kind", sa.Text(), nullable=False),
        sa.Column("npi", sa.Text(), nullable=False),
        sa.Column("taxonomy", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("zip", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=False),
        sa.Column("contact_phone", sa.Text(), nullable=False),
        sa.Column("contact_email", sa.Text(), nullable=False),
        sa.Column("submitter_id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("tin_kind in ('EI', 'SY')", name=op.f("ck_billing_identity_tin_kind")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_billing_identity")),
    )
    op.create_index("ix_billing_identity_from", "billing_identity", ["tenant_id", "from_on"], unique=False)
    op.create_table(
        "charge",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_charge")),
    )
    op.create_index("ix_charge_code", "charge", ["tenant_id", "code", "from_on"], unique=False)
    op.create_table(
        "interchange",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("submitter_id", sa.Text(), nullable=False),
        sa.Column("receiver_id", sa.Text(), nullable=False),
        sa.Column("receiver_name", sa.Text(), nullable=False),
        sa.Column("control_number", sa.Integer(), nullable=False),
        sa.Column("production", sa.Boolean(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("total", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_interchange")),
        sa.UniqueConstraint(
            "tenant_id",
            "submitter_id",
            "receiver_id",
            "control_number",
            name=op.f("uq_interchange_tenant_id_submitter_id_receiver_id_control_number"),
        ),
    )
    op.create_index("ix_interchange_made", "interchange", ["tenant_id", "made_at"], unique=False)
    op.create_table(
        "interchange_delivery",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("interchange_id", sa.Uuid(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("way in ('download', 'folder')", name=op.f("ck_interchange_delivery_way")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "interchange_id"],
            ["interchange.tenant_id", "interchange.id"],
            name=op.f("fk_interchange_delivery_tenant_id_interchange_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_interchange_delivery")),
    )
    op.create_index(
        "ix_interchange_delivery", "interchange_delivery", ["tenant_id", "interchange_id"], unique=False
    )
    op.create_table(
        "payer_route",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("receiver_id", sa.Text(), nullable=False),
        sa.Column("receiver_name", sa.Text(), nullable=False),
        sa.Column("claim_payer_name", sa.Text(), nullable=False),
        sa.Column("claim_payer_id", sa.Text(), nullable=False),
        sa.Column("filing_indicator", sa.Text(), nullable=False),
        sa.Column("production", sa.Boolean(), nullable=False),
        sa.Column("provider_number", sa.Text(), nullable=False),
        sa.Column("names_supervisor", sa.Boolean(), nullable=False),
        sa.Column("filing_days", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payer_id"],
            ["payer.tenant_id", "payer.id"],
            name=op.f("fk_payer_route_tenant_id_payer_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_payer_route")),
    )
    op.create_index("ix_payer_route_from", "payer_route", ["tenant_id", "payer_id", "from_on"], unique=False)
    op.create_table(
        "provider_billing",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("taxonomy", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_provider_billing_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_provider_billing")),
    )
    op.create_index(
        "ix_provider_billing_from", "provider_billing", ["tenant_id", "staff_id", "from_on"], unique=False
    )
    op.create_table(
        "site_billing",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("npi", sa.Text(), nullable=False),
        sa.Column("place_of_service", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("zip", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "site_id"],
            ["site.tenant_id", "site.id"],
            name=op.f("fk_site_billing_tenant_id_site_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_site_billing")),
    )
    op.create_index("ix_site_billing_from", "site_billing", ["tenant_id", "site_id", "from_on"], unique=False)
    op.create_table(
        "usual_site",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_usual_site_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "site_id"],
            ["site.tenant_id", "site.id"],
            name=op.f("fk_usual_site_tenant_id_site_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_usual_site")),
    )
    op.create_index(
        "ix_usual_site_patient", "usual_site", ["tenant_id", "patient_id", "from_on"], unique=False
    )
    op.create_table(
        "claim",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("coverage_id", sa.Uuid(), nullable=False),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("line_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("total", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("frequency in ('1', '7', '8')", name=op.f("ck_claim_frequency")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "coverage_id"],
            ["coverage.tenant_id", "coverage.id"],
            name=op.f("fk_claim_tenant_id_coverage_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "decision_id"],
            ["month_decision.tenant_id", "month_decision.id"],
            name=op.f("fk_claim_tenant_id_decision_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_claim_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payer_id"],
            ["payer.tenant_id", "payer.id"],
            name=op.f("fk_claim_tenant_id_payer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "replaces_id"],
            ["claim.tenant_id", "claim.id"],
            name=op.f("fk_claim_tenant_id_replaces_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "signed_by"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_claim_tenant_id_signed_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_claim")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_claim_tenant_id_number")),
        sa.UniqueConstraint("tenant_id", "serial", name=op.f("uq_claim_tenant_id_serial")),
    )
    op.create_index("ix_claim_month", "claim", ["tenant_id", "month", "patient_id"], unique=False)
    op.create_table(
        "claim_standing",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("interchange_id", sa.Uuid(), nullable=True),
        sa.Column("payer_control_number", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state in ('withdrawn', 'signed', 'sent', 'refused', 'replaced')",
            name=op.f("ck_claim_standing_state"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "claim_id"],
            ["claim.tenant_id", "claim.id"],
            name=op.f("fk_claim_standing_tenant_id_claim_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "interchange_id"],
            ["interchange.tenant_id", "interchange.id"],
            name=op.f("fk_claim_standing_tenant_id_interchange_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_claim_standing_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "replaces_id"],
            ["claim.tenant_id", "claim.id"],
            name=op.f("fk_claim_standing_tenant_id_replaces_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_claim_standing")),
        sa.UniqueConstraint("tenant_id", "claim_id", name=op.f("uq_claim_standing_tenant_id_claim_id")),
    )
    op.create_index("ix_claim_standing_state", "claim_standing", ["tenant_id", "state"], unique=False)
    op.create_index(
        "uq_claim_standing_replaces",
        "claim_standing",
        ["tenant_id", "replaces_id"],
        unique=True,
        postgresql_where="state not in ('withdrawn', 'refused')",
    )
    op.create_table(
        "claimed_service",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("service_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "claim_id"],
            ["claim.tenant_id", "claim.id"],
            name=op.f("fk_claimed_service_tenant_id_claim_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "line_id"],
            ["claim_line.tenant_id", "claim_line.id"],
            name=op.f("fk_claimed_service_tenant_id_line_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_claimed_service_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_claimed_service")),
        sa.UniqueConstraint(
            "tenant_id", "service_key", name=op.f("uq_claimed_service_tenant_id_service_key")
        ),
    )
    op.create_index("ix_claimed_service_claim", "claimed_service", ["tenant_id", "claim_id"], unique=False)
    op.create_table(
        "interchange_claim",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("interchange_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "claim_id"],
            ["claim.tenant_id", "claim.id"],
            name=op.f("fk_interchange_claim_tenant_id_claim_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "interchange_id"],
            ["interchange.tenant_id", "interchange.id"],
            name=op.f("fk_interchange_claim_tenant_id_interchange_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_interchange_claim_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_interchange_claim")),
        sa.UniqueConstraint(
            "tenant_id",
            "interchange_id",
            "claim_id",
            name=op.f("uq_interchange_claim_tenant_id_interchange_id_claim_id"),
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "interchange_id",
            "position",
            name=op.f("uq_interchange_claim_tenant_id_interchange_id_position"),
        ),
    )
    op.create_index(
        "ix_interchange_claim_claim", "interchange_claim", ["tenant_id", "claim_id"], unique=False
    )
    op.add_column(
        "claim_line", sa.Column("needs_diagnoses", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column(
        "claim_line", sa.Column("diagnoses", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}")
    )
    op.add_column("claim_line", sa.Column("units_at_most", sa.Integer(), nullable=True))
    op.add_column(
        "claim_line", sa.Column("goes_with", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}")
    )
    op.add_column("coverage", sa.Column("group_number", sa.Text(), nullable=False, server_default=""))
    op.add_column("coverage", sa.Column("relationship", sa.Text(), nullable=False, server_default="self"))
    op.add_column(
        "coverage", sa.Column("subscriber_family_name", sa.Text(), nullable=False, server_default="")
    )
    op.add_column(
        "coverage", sa.Column("subscriber_given_names", sa.Text(), nullable=False, server_default="")
    )
    op.add_column("coverage", sa.Column("subscriber_birth_date", sa.Date(), nullable=True))
    op.add_column("coverage", sa.Column("subscriber_sex", sa.Text(), nullable=False, server_default=""))
    op.alter_column("claim_line", "needs_diagnoses", server_default=None)
    op.alter_column("claim_line", "diagnoses", server_default=None)
    op.alter_column("claim_line", "goes_with", server_default=None)
    op.alter_column("coverage", "group_number", server_default=None)
    op.alter_column("coverage", "relationship", server_default=None)
    op.alter_column("coverage", "subscriber_family_name", server_default=None)
    op.alter_column("coverage", "subscriber_given_names", server_default=None)
    op.alter_column("coverage", "subscriber_sex", server_default=None)
    op.create_check_constraint(
        op.f("ck_coverage_relationship"),
        "coverage",
        "relationship in ('self', 'spouse', 'child', 'life_partner', 'other')",
    )
    op.create_check_constraint(
        op.f("ck_coverage_subscriber_sex"), "coverage", "subscriber_sex in ('', 'female', 'male', 'unknown')"
    )
    protect(op.get_bind(), "billing_identity", append_only=True)
    protect(op.get_bind(), "charge", append_only=True)
    protect(op.get_bind(), "interchange", append_only=True)
    protect(op.get_bind(), "interchange_delivery", append_only=True)
    protect(op.get_bind(), "payer_route", append_only=True)
    protect(op.get_bind(), "provider_billing", append_only=True)
    protect(op.get_bind(), "site_billing", append_only=True)
    protect(op.get_bind(), "usual_site", append_only=True)
    protect(op.get_bind(), "claim", append_only=True)
    protect(op.get_bind(), "claim_standing")
    protect(op.get_bind(), "claimed_service")
    protect(op.get_bind(), "interchange_claim", append_only=True)


def downgrade() -> None:
    op.drop_constraint(op.f("ck_coverage_subscriber_sex"), "coverage")
    op.drop_constraint(op.f("ck_coverage_relationship"), "coverage")
    op.drop_column("coverage", "subscriber_sex")
    op.drop_column("coverage", "subscriber_birth_date")
    op.drop_column("coverage", "subscriber_given_names")
    op.drop_column("coverage", "subscriber_family_name")
    op.drop_column("coverage", "relationship")
    op.drop_column("coverage", "group_number")
    op.drop_column("claim_line", "goes_with")
    op.drop_column("claim_line", "units_at_most")
    op.drop_column("claim_line", "diagnoses")
    op.drop_column("claim_line", "needs_diagnoses")
    op.drop_index("ix_interchange_claim_claim", table_name="interchange_claim")
    op.drop_table("interchange_claim")
    op.drop_index("ix_claimed_service_claim", table_name="claimed_service")
    op.drop_table("claimed_service")
    op.drop_index(
        "uq_claim_standing_replaces",
        table_name="claim_standing",
        postgresql_where="state not in ('withdrawn', 'refused')",
    )
    op.drop_index("ix_claim_standing_state", table_name="claim_standing")
    op.drop_table("claim_standing")
    op.drop_index("ix_claim_month", table_name="claim")
    op.drop_table("claim")
    op.drop_index("ix_usual_site_patient", table_name="usual_site")
    op.drop_table("usual_site")
    op.drop_index("ix_site_billing_from", table_name="site_billing")
    op.drop_table("site_billing")
    op.drop_index("ix_provider_billing_from", table_name="provider_billing")
    op.drop_table("provider_billing")
    op.drop_index("ix_payer_route_from", table_name="payer_route")
    op.drop_table("payer_route")
    op.drop_index("ix_interchange_delivery", table_name="interchange_delivery")
    op.drop_table("interchange_delivery")
    op.drop_index("ix_interchange_made", table_name="interchange")
    op.drop_table("interchange")
    op.drop_index("ix_charge_code", table_name="charge")
    op.drop_table("charge")
    op.drop_index("ix_billing_identity_from", table_name="billing_identity")
    op.drop_table("billing_identity")
