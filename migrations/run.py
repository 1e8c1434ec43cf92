"""Make the roles, then bring the schema to the newest version. Safe to run again and at once from two places."""

import hashlib
import hmac
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from migrations.protect import APP, AUTH, BELL, OWNER, RUNTIME
from migrations.reference import load_diagnosis_codes
from server.errors import Refused

_LOCK = 0x6361_7265  # one migration at a time per database
_FOLDER = Path(__file__).resolve().parent


def runtime_password(secret: bytes, role: str) -> str:
    """A runtime role's password: derived, so that nothing but the installation's secret need be kept."""
    return hmac.new(secret, f"database role {role}".encode(), hashlib.sha256).hexdigest()


def async_url(url: str) -> sa.URL:
    """`url` with the asyncpg driver, whatever spelling of postgresql:// it came in."""
    parsed = sa.make_url(url)
    return parsed.set(drivername="postgresql+asyncpg")


def runtime_urls(admin_url: str, secret: bytes) -> dict[str, str]:
    """role word (app, auth, bell) -> address the running processes use. None of them can see past a policy."""
    base = async_url(admin_url)
    return {
        word: base.set(username=role, password=runtime_password(secret, role)).render_as_string(
            hide_password=False
        )
        for word, role in RUNTIME.items()
    }


async def upgrade(admin_url: str, secret: bytes, *, revision: str = "head", code_sets: bool = True) -> None:
    """Create or mend the roles, migrate, fill the public code sets.

    admin_url: a role that may create roles and owns the database. code_sets: False leaves them as they are.
    """
    engine = create_async_engine(async_url(admin_url), hide_parameters=True)
    try:
        async with engine.connect() as connection:
            version = (await connection.execute(sa.text("show server_version_num"))).scalar_one()
            if int(version) < 150000:
                raise Refused(
                    "POSTGRESQL_TOO_OLD",
                    f"This PostgreSQL is version {int(version) // 10000}; Carewright needs 15 to 18.",
                    "Upgrade the server, or leave CAREWRIGHT_DATABASE_URL empty to use the embedded one.",
                )
            await connection.execute(sa.text(f"select pg_advisory_lock({_LOCK})"))
            try:
                await _make_roles(connection, secret)
                await connection.commit()
                await connection.execute(sa.text(f"set role {OWNER}"))
                await connection.commit()
                await connection.run_sync(_migrate, revision)
                if code_sets and revision == "head":
                    await load_diagnosis_codes(connection)
                await connection.commit()
            finally:
                await connection.rollback()
                await connection.execute(sa.text("reset role"))
                await connection.execute(sa.text(f"select pg_advisory_unlock({_LOCK})"))
                await connection.commit()
    finally:
        await engine.dispose()


async def _make_roles(connection: Any, secret: bytes) -> None:
    # Roles belong to the whole server, so two databases may make them at the same moment: hence the shared lock.
    await connection.execute(sa.text(f"select pg_advisory_xact_lock({_LOCK} + 1)"))
    existing = set((await connection.execute(sa.text("select rolname from pg_roles"))).scalars())
    if OWNER not in existing:
        await connection.execute(sa.text(f"create role {OWNER} nologin"))
    await connection.execute(sa.text(f"grant {OWNER} to current_user"))
    for role in (APP, AUTH, BELL):
        verb = "alter" if role in existing else "create"
        password = runtime_password(secret, role)
        await connection.execute(
            sa.text(
                # Harmless by default, and a managed server's administrator may not even say "nosuperuser";
                # start-up checks what the role can really do.
                f"{verb} role {role} login noinherit password '{password}'"
            )
        )
    database = (await connection.execute(sa.text("select quote_ident(current_database())"))).scalar_one()
    await connection.execute(sa.text(f"grant create, connect on database {database} to {OWNER}"))
    await connection.execute(sa.text(f"alter schema public owner to {OWNER}"))
    await connection.execute(sa.text("revoke all on schema public from public"))
    await connection.execute(sa.text(f"grant usage on schema public to {APP}, {AUTH}, {BELL}"))


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(_FOLDER))
    made.set_main_option("path_separator", "os")
    made.set_main_option("version_locations", str(_FOLDER / "versions"))
    return made


def _migrate(connection: sa.Connection, revision: str) -> None:
    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, revision)
