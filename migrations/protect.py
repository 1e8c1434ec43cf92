"""Row level security, from one template. No policy is written by hand anywhere else."""

import sqlalchemy as sa

#: The only policy there is. `nullif`: after a transaction the setting is '' and not null, and must find nothing.
POLICY = "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)"

APP = "carewright_app"
AUTH = "carewright_auth"
BELL = "carewright_bell"
OWNER = "carewright_owner"
RUNTIME = {"app": APP, "auth": AUTH, "bell": BELL}


def protect(connection: sa.Connection, table: str, *, append_only: bool = False) -> None:
    """Give a tenant table its row level security and the app its rights.

    append_only: the app may insert and read, never change or delete; a correction is a further row.
    """
    rights = "select, insert" if append_only else "select, insert, update, delete"
    for statement in (
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy tenant on {table} as permissive for all to {APP} using {POLICY} with check {POLICY}",
        f"revoke all on {table} from public",
        f"grant {rights} on {table} to {APP}",
    ):
        connection.execute(sa.text(statement))


def exempt(connection: sa.Connection, table: str, *, reason: str, rights: dict[str, str]) -> None:
    """Register a table outside all practices, with the reason the lint prints, and grant exactly `rights`."""
    connection.execute(sa.text(f"revoke all on {table} from public"))
    for role, granted in rights.items():
        connection.execute(sa.text(f"grant {granted} on {table} to {RUNTIME[role]}"))
    connection.execute(
        sa.text("insert into policy_exemption (table_name, reason) values (:table, :reason)"),
        {"table": table, "reason": reason},
    )
