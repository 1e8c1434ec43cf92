"""The rooms' first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protect import exempt, protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acceptance",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("document in ('terms', 'baa')", name=op.f("ck_acceptance_document")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_acceptance")),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("good", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    op.create_index("ix_attempt_bucket_at", "attempt", ["bucket", "at"], unique=False)
    op.create_table(
        "audit_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("patient_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_audit_event")),
    )
    op.create_index("ix_audit_event_at", "audit_event", ["tenant_id", "at"], unique=False)
    op.create_table(
        "audit_seal",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("chain_hash", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("tenant_id", "event_id", name=op.f("uq_audit_seal_tenant_id_event_id")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_audit_seal_tenant_id_number")),
    )
    op.create_table(
        "audit_subject",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_audit_subject")),
    )
    op.create_index(
        "ix_audit_subject_patient", "audit_subject", ["tenant_id", "patient_id", "at"], unique=False
    )
    op.create_table(
        "audit_unsealed",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "event_id", name=op.f("pk_audit_unsealed")),
    )
    op.create_table(
        "bell",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_bell")),
    )
    op.create_table(
        "diagnosis_code",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("search_key", sa.Text(), nullable=False),
        sa.Column("billable", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_diagnosis_code")),
    )
    op.create_index(
        "ix_diagnosis_code_words",
        "diagnosis_code",
        ["search_key"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_key": "gin_trgm_ops"},
    )
    op.create_table(
        "directory",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('preparing', 'open', 'closed')", name=op.f("ck_directory_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory")),
        sa.UniqueConstraint("slug", name=op.f("uq_directory_slug")),
    )
    op.create_table(
        "import_batch",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state in ('running', 'done', 'refused')", name=op.f("ck_import_batch_state")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_import_batch")),
    )
    op.create_table(
        "job",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('ready', 'running', 'done', 'dead', 'cancelled')", name=op.f("ck_job_state")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_job")),
        sa.UniqueConstraint("tenant_id", "kind", "dedupe_key", name=op.f("uq_job_tenant_id_kind_dedupe_key")),
    )
    op.create_index(
        "ix_job_due",
        "job",
        ["tenant_id", "run_at"],
        unique=False,
        postgresql_where="state in ('ready', 'running')",
    )
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("to_address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'sending', 'sent', 'unknown', 'local')", name=op.f("ck_mail_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    op.create_table(
        "month_close",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("patients", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("holds", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("result_hash", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state in ('running', 'done', 'stopped')", name=op.f("ck_month_close_state")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_month_close")),
    )
    op.create_index("ix_month_close_month", "month_close", ["tenant_id", "month"], unique=False)
    op.create_table(
        "patient",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_number", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("given_names", sa.Text(), nullable=False),
        sa.Column("preferred_name", sa.Text(), nullable=False),
        sa.Column("name_prefix", sa.Text(), nullable=False),
        sa.Column("name_suffix", sa.Text(), nullable=False),
        sa.Column("family_key", sa.Text(collation="C"), nullable=False),
        sa.Column("given_key", sa.Text(collation="C"), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("birth_date_precision", sa.Text(), nullable=False),
        sa.Column("sex", sa.Text(), nullable=False),
        sa.Column("birth_sex", sa.Text(), nullable=False),
        sa.Column("gender_identity", sa.Text(), nullable=False),
        sa.Column("pronouns", sa.Text(), nullable=False),
        sa.Column("races", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("ethnicity", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("interpreter_needed", sa.Boolean(), nullable=False),
        sa.Column("marital_status", sa.Text(), nullable=False),
        sa.Column("contact_notes", sa.Text(), nullable=False),
        sa.Column("confidential_contact", sa.Text(), nullable=False),
        sa.Column("deceased_on", sa.Date(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "birth_date_precision in ('day', 'month', 'year')", name=op.f("ck_patient_birth_date_precision")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_patient")),
        sa.UniqueConstraint("tenant_id", "record_number", name=op.f("uq_patient_tenant_id_record_number")),
    )
    op.create_index("ix_patient_birth", "patient", ["tenant_id", "birth_date"], unique=False)
    op.create_index(
        "ix_patient_family", "patient", ["tenant_id", "family_key", "given_key", "id"], unique=False
    )
    op.create_table(
        "payer",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("edi_id", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_payer")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_payer_tenant_id_name")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("email_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=False),
        sa.Column("totp_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email", name=op.f("uq_person_email")),
    )
    op.create_table(
        "practice",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("npi", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("selection_policy", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("set_up_done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('practice', 'rural_health_clinic', 'federally_qualified_health_center')",
            name=op.f("ck_practice_kind"),
        ),
        sa.CheckConstraint(
            "selection_policy in ('accurate', 'max')", name=op.f("ck_practice_selection_policy")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_practice")),
    )
    op.create_table(
        "site",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("zip", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_site")),
    )
    op.create_table(
        "staff",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("npi", sa.Text(), nullable=False),
        sa.Column("bills", sa.Boolean(), nullable=False),
        sa.Column("qualifying_participant", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "role in ('administrator', 'care_manager', 'provider', 'medical_assistant', 'front_desk', 'biller', 'mentor')",
            name=op.f("ck_staff_role"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_staff")),
        sa.UniqueConstraint("tenant_id", "person_id", name=op.f("uq_staff_tenant_id_person_id")),
    )
    op.create_index(
        "uq_staff_email", "staff", ["tenant_id", "email"], unique=True, postgresql_where="email <> ''"
    )
    op.create_table(
        "address",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("zip", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_address_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_address")),
    )
    op.create_index("ix_address_patient", "address", ["tenant_id", "patient_id"], unique=False)
    op.create_table(
        "allergy",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("criticality", sa.Text(), nullable=False),
        sa.Column("reaction", sa.Text(), nullable=False),
        sa.Column("onset_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=True),
        sa.Column("retracted", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_allergy_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_allergy")),
    )
    op.create_index("ix_allergy_patient", "allergy", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "uq_allergy_source",
        "allergy",
        ["tenant_id", "source", "source_kind", "source_id"],
        unique=True,
        postgresql_where="source_id <> ''",
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_api_token_person_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.id"], name=op.f("fk_api_token_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_index(op.f("ix_api_token_tenant_id"), "api_token", ["tenant_id"], unique=False)
    op.create_table(
        "attestation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("element", sa.Text(), nullable=False),
        sa.Column("met", sa.Boolean(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_attestation_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_attestation")),
    )
    op.create_index(
        "ix_attestation_element", "attestation", ["tenant_id", "patient_id", "element"], unique=False
    )
    op.create_table(
        "care_team_member",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_care_team_member_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_care_team_member_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_care_team_member")),
    )
    op.create_index("ix_care_team_patient", "care_team_member", ["tenant_id", "patient_id"], unique=False)
    op.create_table(
        "condition",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("onset_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=True),
        sa.Column("retracted", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_condition_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_condition")),
    )
    op.create_index("ix_condition_patient", "condition", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "uq_condition_source",
        "condition",
        ["tenant_id", "source", "source_kind", "source_id"],
        unique=True,
        postgresql_where="source_id <> ''",
    )
    op.create_table(
        "consent",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wording_version", sa.Text(), nullable=False),
        sa.Column("wording_hash", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("told", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("what_would_help", sa.Text(), nullable=False),
        sa.Column("ask_again_on", sa.Date(), nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("struck", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind in ('given', 'refused', 'revoked')", name=op.f("ck_consent_kind")),
        sa.CheckConstraint("method in ('verbal', 'written')", name=op.f("ck_consent_method")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_consent_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_consent_tenant_id_practitioner_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "replaces_id"],
            ["consent.tenant_id", "consent.id"],
            name=op.f("fk_consent_tenant_id_replaces_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_consent")),
        sa.UniqueConstraint("tenant_id", "replaces_id", name=op.f("uq_consent_tenant_id_replaces_id")),
    )
    op.create_index(
        "ix_consent_patient", "consent", ["tenant_id", "patient_id", "program", "at"], unique=False
    )
    op.create_table(
        "contact_way",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("message_ok", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("search_key", sa.Text(collation="C"), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind in ('phone', 'email', 'text', 'other')", name=op.f("ck_contact_way_kind")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_contact_way_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_contact_way")),
    )
    op.create_index("ix_contact_way_patient", "contact_way", ["tenant_id", "patient_id"], unique=False)
    op.create_index("ix_contact_way_search", "contact_way", ["tenant_id", "search_key"], unique=False)
    op.create_table(
        "coverage",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("replaces_part_b", sa.Boolean(), nullable=False),
        sa.Column("qualified_beneficiary", sa.Boolean(), nullable=False),
        sa.Column("care_management_benefit", sa.Boolean(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_coverage_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payer_id"],
            ["payer.tenant_id", "payer.id"],
            name=op.f("fk_coverage_tenant_id_payer_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_coverage")),
    )
    op.create_index("ix_coverage_patient", "coverage", ["tenant_id", "patient_id"], unique=False)
    op.create_table(
        "decision_level",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "level in ('straightforward', 'low', 'moderate', 'high')", name=op.f("ck_decision_level_level")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_decision_level_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_decision_level")),
    )
    op.create_index(
        "ix_decision_level_patient", "decision_level", ["tenant_id", "patient_id", "month"], unique=False
    )
    op.create_table(
        "diagnosis",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("chronic", sa.Boolean(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_diagnosis_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_diagnosis")),
    )
    op.create_index("ix_diagnosis_patient", "diagnosis", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "uq_diagnosis_open",
        "diagnosis",
        ["tenant_id", "patient_id", "code"],
        unique=True,
        postgresql_where="to_on is null",
    )
    op.create_table(
        "dirty_month",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_dirty_month_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_dirty_month")),
        sa.UniqueConstraint(
            "tenant_id", "patient_id", "month", name=op.f("uq_dirty_month_tenant_id_patient_id_month")
        ),
    )
    op.create_table(
        "encounter",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("video_declined", sa.Boolean(), nullable=False),
        sa.Column("who_else", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("about_code", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind in ('phone', 'video', 'in_person', 'home', 'on_behalf', 'message', 'email', 'letter')",
            name=op.f("ck_encounter_kind"),
        ),
        sa.CheckConstraint(
            "outcome in ('reached', 'reached_supporter', 'no_answer', 'left_message', 'wrong_number', 'no_show', 'declined_contact', 'declined_program', 'done')",
            name=op.f("ck_encounter_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_encounter_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_encounter_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_encounter")),
    )
    op.create_index("ix_encounter_patient", "encounter", ["tenant_id", "patient_id", "at"], unique=False)
    op.create_index("ix_encounter_staff", "encounter", ["tenant_id", "staff_id", "at"], unique=False)
    op.create_table(
        "enrollment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("contact_frequency", sa.Text(), nullable=False),
        sa.Column("ended_reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "status in ('invited', 'enrolled', 'paused', 'declined', 'ended')",
            name=op.f("ck_enrollment_status"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_enrollment_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_enrollment_tenant_id_practitioner_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_enrollment")),
    )
    op.create_index("ix_enrollment_patient", "enrollment", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "uq_enrollment_open",
        "enrollment",
        ["tenant_id", "patient_id", "program"],
        unique=True,
        postgresql_where="ended_on is null",
    )
    op.create_table(
        "import_issue",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.CheckConstraint("severity in ('error', 'finding')", name=op.f("ck_import_issue_severity")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"],
            ["import_batch.tenant_id", "import_batch.id"],
            name=op.f("fk_import_issue_tenant_id_batch_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_import_issue")),
    )
    op.create_index("ix_import_issue_batch", "import_issue", ["tenant_id", "batch_id"], unique=False)
    op.create_table(
        "medication",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("dosage", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=True),
        sa.Column("retracted", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_medication_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_medication")),
    )
    op.create_index("ix_medication_patient", "medication", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "uq_medication_source",
        "medication",
        ["tenant_id", "source", "source_kind", "source_id"],
        unique=True,
        postgresql_where="source_id <> ''",
    )
    op.create_table(
        "membership",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_membership_person_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.id"], name=op.f("fk_membership_tenant_id")),
        sa.PrimaryKeyConstraint("person_id", "tenant_id", name=op.f("pk_membership")),
    )
    op.create_table(
        "month_total",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("role_class", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role_class in ('staff', 'practitioner', 'admin')", name=op.f("ck_month_total_role_class")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_month_total_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_month_total")),
        sa.UniqueConstraint(
            "tenant_id",
            "patient_id",
            "program",
            "month",
            "role_class",
            name=op.f("uq_month_total_tenant_id_patient_id_program_month_role_class"),
        ),
    )
    op.create_table(
        "observation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("value", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("value_text", sa.Text(), nullable=False),
        sa.Column("components", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("interpretation", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=True),
        sa.Column("retracted", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_observation_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_observation")),
    )
    op.create_index("ix_observation_patient", "observation", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "uq_observation_source",
        "observation",
        ["tenant_id", "source", "source_kind", "source_id"],
        unique=True,
        postgresql_where="source_id <> ''",
    )
    op.create_table(
        "one_time_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('confirm', 'reset', 'invite')", name=op.f("ck_one_time_link_kind")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_one_time_link_person_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.id"], name=op.f("fk_one_time_link_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_link_token_hash")),
    )
    op.create_index(op.f("ix_one_time_link_email"), "one_time_link", ["email"], unique=False)
    op.create_table(
        "other_service",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_other_service_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_other_service_tenant_id_practitioner_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_other_service")),
    )
    op.create_index(
        "ix_other_service_patient", "other_service", ["tenant_id", "patient_id", "on_date"], unique=False
    )
    op.create_table(
        "patient_identifier",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_patient_identifier_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_patient_identifier")),
        sa.UniqueConstraint(
            "tenant_id", "system", "value", name=op.f("uq_patient_identifier_tenant_id_system_value")
        ),
    )
    op.create_table(
        "patient_word",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_patient_word_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_patient_word")),
        sa.UniqueConstraint(
            "tenant_id", "patient_id", "word", name=op.f("uq_patient_word_tenant_id_patient_id_word")
        ),
    )
    op.create_index("ix_patient_word", "patient_word", ["tenant_id", "word", "patient_id"], unique=False)
    op.create_table(
        "person_time",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("span", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("joint_id", sa.Uuid(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("tenant_id"), "="),
            (sa.column("staff_id"), "="),
            (sa.column("span"), "&&"),
            using="gist",
            name="one_place",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_person_time_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_person_time")),
    )
    op.create_table(
        "plan_version",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("goals", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("medicines", sa.Text(), nullable=False),
        sa.Column("supports", sa.Text(), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("substantially_revised", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_plan_version_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_plan_version")),
        sa.UniqueConstraint(
            "tenant_id",
            "patient_id",
            "program",
            "number",
            name=op.f("uq_plan_version_tenant_id_patient_id_program_number"),
        ),
    )
    op.create_table(
        "practitioner_visit",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("initiating_for", sa.Text(), nullable=False),
        sa.Column("care_planning_by_practitioner", sa.Boolean(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind in ('office_visit', 'annual_wellness', 'welcome_visit', 'transition_visit', 'nurse_visit', 'hospital', 'emergency', 'other')",
            name=op.f("ck_practitioner_visit_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_practitioner_visit_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_practitioner_visit_tenant_id_practitioner_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_practitioner_visit")),
    )
    op.create_index(
        "ix_practitioner_visit_patient",
        "practitioner_visit",
        ["tenant_id", "patient_id", "visited_on"],
        unique=False,
    )
    op.create_table(
        "procedure",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=True),
        sa.Column("retracted", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_procedure_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_procedure")),
    )
    op.create_index("ix_procedure_patient", "procedure", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "uq_procedure_source",
        "procedure",
        ["tenant_id", "source", "source_kind", "source_id"],
        unique=True,
        postgresql_where="source_id <> ''",
    )
    op.create_table(
        "qualification",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind in ('discipline', 'licence', 'training')", name=op.f("ck_qualification_kind")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_qualification_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_qualification")),
    )
    op.create_table(
        "raw_record",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("understood", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"],
            ["import_batch.tenant_id", "import_batch.id"],
            name=op.f("fk_raw_record_tenant_id_batch_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_raw_record")),
        sa.UniqueConstraint(
            "tenant_id",
            "source",
            "kind",
            "source_id",
            "sha256",
            name=op.f("uq_raw_record_tenant_id_source_kind_source_id_sha256"),
        ),
    )
    op.create_index("ix_raw_record_batch", "raw_record", ["tenant_id", "batch_id"], unique=False)
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_recovery_code_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_person_id"), "recovery_code", ["person_id"], unique=False)
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("csrf_secret", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("device", sa.Text(), nullable=False),
        sa.CheckConstraint("stage in ('password', 'full')", name=op.f("ck_sign_in_stage")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_sign_in_person_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.id"], name=op.f("fk_sign_in_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_token_hash")),
    )
    op.create_index(op.f("ix_sign_in_person_id"), "sign_in", ["person_id"], unique=False)
    op.create_table(
        "stay",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("discharged_to", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=True),
        sa.Column("retracted", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_stay_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_stay")),
    )
    op.create_index("ix_stay_patient", "stay", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "uq_stay_source",
        "stay",
        ["tenant_id", "source", "source_kind", "source_id"],
        unique=True,
        postgresql_where="source_id <> ''",
    )
    op.create_table(
        "story_entry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("what_matters", sa.Text(), nullable=False),
        sa.Column("story", sa.Text(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_story_entry_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_story_entry")),
    )
    op.create_index("ix_story_patient", "story_entry", ["tenant_id", "patient_id", "made_at"], unique=False)
    op.create_table(
        "support_person",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("relationship_words", sa.Text(), nullable=False),
        sa.Column("legal_role", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("may_discuss", sa.Text(), nullable=False),
        sa.Column("helps_with", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind in ('family', 'friend', 'neighbour', 'paid', 'other')", name=op.f("ck_support_person_kind")
        ),
        sa.CheckConstraint(
            "legal_role in ('', 'guardian', 'healthcare_proxy', 'power_of_attorney', 'emergency_contact')",
            name=op.f("ck_support_person_legal_role"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_support_person_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_support_person")),
    )
    op.create_index("ix_support_person_patient", "support_person", ["tenant_id", "patient_id"], unique=False)
    op.create_table(
        "visit",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=True),
        sa.Column("retracted", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_visit_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_visit")),
    )
    op.create_index("ix_visit_patient", "visit", ["tenant_id", "patient_id"], unique=False)
    op.create_index(
        "uq_visit_source",
        "visit",
        ["tenant_id", "source", "source_kind", "source_id"],
        unique=True,
        postgresql_where="source_id <> ''",
    )
    op.create_table(
        "encounter_amendment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revision_before", sa.Integer(), nullable=False),
        sa.Column("kind_before", sa.Text(), nullable=False),
        sa.Column("outcome_before", sa.Text(), nullable=False),
        sa.Column("at_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("program_before", sa.Text(), nullable=False),
        sa.Column("about_code_before", sa.Text(), nullable=False),
        sa.Column("video_declined_before", sa.Boolean(), nullable=False),
        sa.Column("who_else_before", sa.Text(), nullable=False),
        sa.Column("note_before", sa.Text(), nullable=False),
        sa.Column("next_step_before", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "encounter_id"],
            ["encounter.tenant_id", "encounter.id"],
            name=op.f("fk_encounter_amendment_tenant_id_encounter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_encounter_amendment_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_encounter_amendment")),
        sa.UniqueConstraint(
            "tenant_id",
            "encounter_id",
            "revision_before",
            name=op.f("uq_encounter_amendment_tenant_id_encounter_id_revision_before"),
        ),
    )
    op.create_table(
        "enrollment_change",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("contact_frequency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "status in ('invited', 'enrolled', 'paused', 'declined', 'ended')",
            name=op.f("ck_enrollment_change_status"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "enrollment_id"],
            ["enrollment.tenant_id", "enrollment.id"],
            name=op.f("fk_enrollment_change_tenant_id_enrollment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_enrollment_change_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_enrollment_change_tenant_id_practitioner_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_enrollment_change")),
    )
    op.create_index(
        "ix_enrollment_change_enrollment", "enrollment_change", ["tenant_id", "enrollment_id"], unique=False
    )
    op.create_table(
        "month_decision",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("close_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("coverage_id", sa.Uuid(), nullable=True),
        sa.Column("payer_name", sa.Text(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("plugin_version", sa.Text(), nullable=False),
        sa.Column("rule_set_hash", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("facts_fingerprint", sa.Text(), nullable=False),
        sa.Column("decision_hash", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "close_id"],
            ["month_close.tenant_id", "month_close.id"],
            name=op.f("fk_month_decision_tenant_id_close_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "coverage_id"],
            ["coverage.tenant_id", "coverage.id"],
            name=op.f("fk_month_decision_tenant_id_coverage_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_month_decision_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_month_decision")),
        sa.UniqueConstraint(
            "tenant_id",
            "patient_id",
            "month",
            "version",
            name=op.f("uq_month_decision_tenant_id_patient_id_month_version"),
        ),
    )
    op.create_index(
        "ix_month_decision_month", "month_decision", ["tenant_id", "month", "patient_id"], unique=False
    )
    op.create_table(
        "plan_copy",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("to_whom", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "how in ('paper', 'mail', 'portal', 'email', 'read_aloud')", name=op.f("ck_plan_copy_how")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_plan_copy_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_version_id"],
            ["plan_version.tenant_id", "plan_version.id"],
            name=op.f("fk_plan_copy_tenant_id_plan_version_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_plan_copy")),
    )
    op.create_index("ix_plan_copy_version", "plan_copy", ["tenant_id", "plan_version_id"], unique=False)
    op.create_table(
        "time_entry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("with_patient", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("part_of", sa.Text(), nullable=False),
        sa.Column("joint_id", sa.Uuid(), nullable=True),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "activity in ('contact', 'supporter_contact', 'coordination', 'plan_work', 'medication_review', 'record_review', 'team_meeting', 'education', 'assessment', 'transition', 'documentation', 'chart_preparation', 'prior_authorization', 'administrative', 'staff_training', 'automated', 'other')",
            name=op.f("ck_time_entry_activity"),
        ),
        sa.CheckConstraint(
            "ended_at - started_at <= interval '24 hours'", name=op.f("ck_time_entry_one_day")
        ),
        sa.CheckConstraint(
            "mode in ('', 'phone', 'video', 'in_person', 'home', 'message', 'email', 'letter')",
            name=op.f("ck_time_entry_mode"),
        ),
        sa.CheckConstraint("state in ('draft', 'final')", name=op.f("ck_time_entry_state")),
        sa.CheckConstraint("ended_at > started_at", name=op.f("ck_time_entry_order")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "encounter_id"],
            ["encounter.tenant_id", "encounter.id"],
            name=op.f("fk_time_entry_tenant_id_encounter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_time_entry_tenant_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "replaces_id"],
            ["time_entry.tenant_id", "time_entry.id"],
            name=op.f("fk_time_entry_tenant_id_replaces_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_time_entry_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_time_entry")),
        sa.UniqueConstraint("tenant_id", "replaces_id", name=op.f("uq_time_entry_tenant_id_replaces_id")),
    )
    op.create_index(
        "ix_time_entry_encounter",
        "time_entry",
        ["tenant_id", "encounter_id"],
        unique=False,
        postgresql_where="encounter_id is not null",
    )
    op.create_index(
        "ix_time_entry_joint",
        "time_entry",
        ["tenant_id", "joint_id"],
        unique=False,
        postgresql_where="joint_id is not null",
    )
    op.create_index(
        "ix_time_entry_patient", "time_entry", ["tenant_id", "patient_id", "started_at"], unique=False
    )
    op.create_index(
        "ix_time_entry_staff", "time_entry", ["tenant_id", "staff_id", "started_at"], unique=False
    )
    op.create_table(
        "claim_hold",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("entry_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("facts_used", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("citations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("what_would_change", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "decision_id"],
            ["month_decision.tenant_id", "month_decision.id"],
            name=op.f("fk_claim_hold_tenant_id_decision_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_claim_hold_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_claim_hold")),
        sa.UniqueConstraint(
            "tenant_id", "decision_id", "number", name=op.f("uq_claim_hold_tenant_id_decision_id_number")
        ),
    )
    op.create_table(
        "claim_line",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("modifiers", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("service_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("amount_note", sa.Text(), nullable=False),
        sa.Column("entry_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("facts_used", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("citations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("what_would_change", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "decision_id"],
            ["month_decision.tenant_id", "month_decision.id"],
            name=op.f("fk_claim_line_tenant_id_decision_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"],
            ["patient.tenant_id", "patient.id"],
            name=op.f("fk_claim_line_tenant_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_claim_line")),
        sa.UniqueConstraint(
            "tenant_id", "decision_id", "number", name=op.f("uq_claim_line_tenant_id_decision_id_number")
        ),
    )
    protect(op.get_bind(), "acceptance", append_only=True)
    exempt(
        op.get_bind(),
        "attempt",
        reason="Counts wrong passwords before anyone is known.",
        rights={"auth": "select, insert, delete"},
    )
    protect(op.get_bind(), "audit_event", append_only=True)
    protect(op.get_bind(), "audit_seal", append_only=True)
    protect(op.get_bind(), "audit_subject", append_only=True)
    exempt(
        op.get_bind(),
        "audit_unsealed",
        reason="Holds ids only: which practices' audits wait for the sealer, so that it need not visit them all.",
        rights={"bell": "select", "app": "select, insert, delete"},
    )
    exempt(
        op.get_bind(),
        "bell",
        reason="Holds no data: only that a practice has work due, so that workers can take turns.",
        rights={"bell": "select, insert, update, delete", "app": "select, insert, update"},
    )
    exempt(op.get_bind(), "diagnosis_code", reason="A public code set.", rights={"app": "select"})
    exempt(
        op.get_bind(),
        "directory",
        reason="Names a practice before one can be chosen; readable by the sign-in role only.",
        rights={"auth": "select, insert, update"},
    )
    protect(op.get_bind(), "import_batch")
    protect(op.get_bind(), "job")
    exempt(
        op.get_bind(),
        "mail",
        reason="Mail to people who may not belong to a practice yet; carries links, never patient data.",
        rights={"auth": "select, insert, update"},
    )
    protect(op.get_bind(), "month_close")
    protect(op.get_bind(), "patient")
    protect(op.get_bind(), "payer")
    exempt(
        op.get_bind(),
        "person",
        reason="A login exists before a practice is chosen; readable by the sign-in role only.",
        rights={"auth": "select, insert, update"},
    )
    protect(op.get_bind(), "practice")
    protect(op.get_bind(), "site")
    protect(op.get_bind(), "staff")
    protect(op.get_bind(), "address")
    protect(op.get_bind(), "allergy")
    exempt(
        op.get_bind(),
        "api_token",
        reason="A token is looked up before the practice is known.",
        rights={"auth": "select, insert, update"},
    )
    protect(op.get_bind(), "attestation", append_only=True)
    protect(op.get_bind(), "care_team_member")
    protect(op.get_bind(), "condition")
    protect(op.get_bind(), "consent", append_only=True)
    protect(op.get_bind(), "contact_way")
    protect(op.get_bind(), "coverage")
    protect(op.get_bind(), "decision_level", append_only=True)
    protect(op.get_bind(), "diagnosis")
    protect(op.get_bind(), "dirty_month")
    protect(op.get_bind(), "encounter")
    protect(op.get_bind(), "enrollment")
    protect(op.get_bind(), "import_issue")
    protect(op.get_bind(), "medication")
    exempt(
        op.get_bind(),
        "membership",
        reason="The switcher's index from login to practices; carries no rights.",
        rights={"auth": "select, insert, delete"},
    )
    protect(op.get_bind(), "month_total")
    protect(op.get_bind(), "observation")
    exempt(
        op.get_bind(),
        "one_time_link",
        reason="Opened by someone who has not signed in yet.",
        rights={"auth": "select, insert, update"},
    )
    protect(op.get_bind(), "other_service")
    protect(op.get_bind(), "patient_identifier")
    protect(op.get_bind(), "patient_word")
    protect(op.get_bind(), "person_time")
    protect(op.get_bind(), "plan_version", append_only=True)
    protect(op.get_bind(), "practitioner_visit")
    protect(op.get_bind(), "procedure")
    protect(op.get_bind(), "qualification")
    protect(op.get_bind(), "raw_record", append_only=True)
    exempt(
        op.get_bind(),
        "recovery_code",
        reason="Part of a login.",
        rights={"auth": "select, insert, update, delete"},
    )
    exempt(
        op.get_bind(),
        "sign_in",
        reason="A session is looked up before the practice is known.",
        rights={"auth": "select, insert, update, delete"},
    )
    protect(op.get_bind(), "stay")
    protect(op.get_bind(), "story_entry", append_only=True)
    protect(op.get_bind(), "support_person")
    protect(op.get_bind(), "visit")
    protect(op.get_bind(), "encounter_amendment", append_only=True)
    protect(op.get_bind(), "enrollment_change", append_only=True)
    protect(op.get_bind(), "month_decision", append_only=True)
    protect(op.get_bind(), "plan_copy", append_only=True)
    protect(op.get_bind(), "time_entry", append_only=True)
    protect(op.get_bind(), "claim_hold", append_only=True)
    protect(op.get_bind(), "claim_line", append_only=True)


def downgrade() -> None:
    op.drop_table("claim_line")
    op.drop_table("claim_hold")
    op.drop_index("ix_time_entry_staff", table_name="time_entry")
    op.drop_index("ix_time_entry_patient", table_name="time_entry")
    op.drop_index("ix_time_entry_joint", table_name="time_entry", postgresql_where="joint_id is not null")
    op.drop_index(
        "ix_time_entry_encounter", table_name="time_entry", postgresql_where="encounter_id is not null"
    )
    op.drop_table("time_entry")
    op.drop_index("ix_plan_copy_version", table_name="plan_copy")
    op.drop_table("plan_copy")
    op.drop_index("ix_month_decision_month", table_name="month_decision")
    op.drop_table("month_decision")
    op.drop_index("ix_enrollment_change_enrollment", table_name="enrollment_change")
    op.drop_table("enrollment_change")
    op.drop_table("encounter_amendment")
    op.drop_index("uq_visit_source", table_name="visit", postgresql_where="source_id <> ''")
    op.drop_index("ix_visit_patient", table_name="visit")
    op.drop_table("visit")
    op.drop_index("ix_support_person_patient", table_name="support_person")
    op.drop_table("support_person")
    op.drop_index("ix_story_patient", table_name="story_entry")
    op.drop_table("story_entry")
    op.drop_index("uq_stay_source", table_name="stay", postgresql_where="source_id <> ''")
    op.drop_index("ix_stay_patient", table_name="stay")
    op.drop_table("stay")
    op.drop_index(op.f("ix_sign_in_person_id"), table_name="sign_in")
    op.drop_table("sign_in")
    op.drop_index(op.f("ix_recovery_code_person_id"), table_name="recovery_code")
    op.drop_table("recovery_code")
    op.drop_index("ix_raw_record_batch", table_name="raw_record")
    op.drop_table("raw_record")
    op.drop_table("qualification")
    op.drop_index("uq_procedure_source", table_name="procedure", postgresql_where="source_id <> ''")
    op.drop_index("ix_procedure_patient", table_name="procedure")
    op.drop_table("procedure")
    op.drop_index("ix_practitioner_visit_patient", table_name="practitioner_visit")
    op.drop_table("practitioner_visit")
    op.drop_table("plan_version")
    op.drop_table("person_time")
    op.drop_index("ix_patient_word", table_name="patient_word")
    op.drop_table("patient_word")
    op.drop_table("patient_identifier")
    op.drop_index("ix_other_service_patient", table_name="other_service")
    op.drop_table("other_service")
    op.drop_index(op.f("ix_one_time_link_email"), table_name="one_time_link")
    op.drop_table("one_time_link")
    op.drop_index("uq_observation_source", table_name="observation", postgresql_where="source_id <> ''")
    op.drop_index("ix_observation_patient", table_name="observation")
    op.drop_table("observation")
    op.drop_table("month_total")
    op.drop_table("membership")
    op.drop_index("uq_medication_source", table_name="medication", postgresql_where="source_id <> ''")
    op.drop_index("ix_medication_patient", table_name="medication")
    op.drop_table("medication")
    op.drop_index("ix_import_issue_batch", table_name="import_issue")
    op.drop_table("import_issue")
    op.drop_index("uq_enrollment_open", table_name="enrollment", postgresql_where="ended_on is null")
    op.drop_index("ix_enrollment_patient", table_name="enrollment")
    op.drop_table("enrollment")
    op.drop_index("ix_encounter_staff", table_name="encounter")
    op.drop_index("ix_encounter_patient", table_name="encounter")
    op.drop_table("encounter")
    op.drop_table("dirty_month")
    op.drop_index("uq_diagnosis_open", table_name="diagnosis", postgresql_where="to_on is null")
    op.drop_index("ix_diagnosis_patient", table_name="diagnosis")
    op.drop_table("diagnosis")
    op.drop_index("ix_decision_level_patient", table_name="decision_level")
    op.drop_table("decision_level")
    op.drop_index("ix_coverage_patient", table_name="coverage")
    op.drop_table("coverage")
    op.drop_index("ix_contact_way_search", table_name="contact_way")
    op.drop_index("ix_contact_way_patient", table_name="contact_way")
    op.drop_table("contact_way")
    op.drop_index("ix_consent_patient", table_name="consent")
    op.drop_table("consent")
    op.drop_index("uq_condition_source", table_name="condition", postgresql_where="source_id <> ''")
    op.drop_index("ix_condition_patient", table_name="condition")
    op.drop_table("condition")
    op.drop_index("ix_care_team_patient", table_name="care_team_member")
    op.drop_table("care_team_member")
    op.drop_index("ix_attestation_element", table_name="attestation")
    op.drop_table("attestation")
    op.drop_index(op.f("ix_api_token_tenant_id"), table_name="api_token")
    op.drop_table("api_token")
    op.drop_index("uq_allergy_source", table_name="allergy", postgresql_where="source_id <> ''")
    op.drop_index("ix_allergy_patient", table_name="allergy")
    op.drop_table("allergy")
    op.drop_index("ix_address_patient", table_name="address")
    op.drop_table("address")
    op.drop_index("uq_staff_email", table_name="staff", postgresql_where="email <> ''")
    op.drop_table("staff")
    op.drop_table("site")
    op.drop_table("practice")
    op.drop_table("person")
    op.drop_table("payer")
    op.drop_index("ix_patient_family", table_name="patient")
    op.drop_index("ix_patient_birth", table_name="patient")
    op.drop_table("patient")
    op.drop_index("ix_month_close_month", table_name="month_close")
    op.drop_table("month_close")
    op.drop_table("mail")
    op.drop_index("ix_job_due", table_name="job", postgresql_where="state in ('ready', 'running')")
    op.drop_table("job")
    op.drop_table("import_batch")
    op.drop_table("directory")
    op.drop_index(
        "ix_diagnosis_code_words",
        table_name="diagnosis_code",
        postgresql_using="gin",
        postgresql_ops={"search_key": "gin_trgm_ops"},
    )
    op.drop_table("diagnosis_code")
    op.drop_table("bell")
    op.drop_table("audit_unsealed")
    op.drop_index("ix_audit_subject_patient", table_name="audit_subject")
    op.drop_table("audit_subject")
    op.drop_table("audit_seal")
    op.drop_index("ix_audit_event_at", table_name="audit_event")
    op.drop_table("audit_event")
    op.drop_index("ix_attempt_bucket_at", table_name="attempt")
    op.drop_table("attempt")
    op.drop_table("acceptance")
