"""`carewright doctor`: looks over an installation and ends each finding with the command that mends it."""

import asyncio
import os
import platform
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from server import embedded
from server.attach import secret_of
from server.clock import now
from server.embedded import postgres, valkey
from server.errors import Refused
from server.settings import ROOT, Settings

_ROOM_NEEDED = 1_000_000_000  # bytes free in the data folder, below which it fails
_ROOM_WANTED = 5_000_000_000
_REVIEW_DAYS = 365  # payers' rules change with the year
_UNANSWERED_SECONDS = 60.0  # the worker looks every second
_LONGEST_WAIT_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. mend: the command or act that puts it right, empty when state is "ok"."""

    subject: str
    state: Literal["ok", "warning", "failure"]
    says: str
    mend: str = ""


def examine(configured: Settings) -> list[Finding]:
    """Everything there is to find, in the order one would mend it. Changes nothing."""
    findings: list[Finding] = []
    for look in (_python, _packages, _folder, _room, _binaries, _address, _plugins):
        findings += _guarded(look, configured)
    admin_url, redis_url, finding = _addresses(configured)
    findings.append(finding)
    if admin_url:
        findings += asyncio.run(_database(admin_url, configured))
    if redis_url:
        findings.append(asyncio.run(_ring(redis_url)))
    return findings


def as_dicts(findings: list[Finding]) -> list[dict[str, str]]:
    return [asdict(finding) for finding in findings]


def _guarded(look: Callable[[Settings], Iterator[Finding]], configured: Settings) -> list[Finding]:
    """A check that meets a refusal has found something; it must not stop the others."""
    subject = look.__name__.removeprefix("_")
    try:
        return list(look(configured))
    except Refused as refused:
        return [Finding(subject, "failure", refused.message, refused.next_step)]
    except OSError as error:
        return [
            Finding(
                subject, "failure", f"Could not look: {error.strerror}: {error.filename}.", "Mend that first."
            )
        ]


def _python(_: Settings) -> Iterator[Finding]:
    yield Finding("python", "ok", f"Python {platform.python_version()} in {sys.prefix}.")


def _packages(_: Settings) -> Iterator[Finding]:
    wrong = list(lock_differences((ROOT / "requirements.lock").read_text()))
    if wrong:
        yield Finding(
            "packages",
            "failure",
            f"{len(wrong)} packages are not what requirements.lock names: {'; '.join(wrong[:5])}.",
            f"rm -r {sys.prefix} && python3 carewright.py doctor",
        )
    else:
        yield Finding("packages", "ok", "Every package is the one requirements.lock names.")


def lock_differences(lock: str) -> Iterator[str]:
    """Sentences on packages of the lock that are missing here, or here in another version."""
    for name, wanted, marker in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)( *;[^\\\n]*)?", lock, re.MULTILINE):
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            if not marker:  # one with a marker may be for another platform
                yield f"{name} is missing"
            continue
        if found != wanted:
            yield f"{name} is {found} instead of {wanted}"


def _folder(configured: Settings) -> Iterator[Finding]:
    folder = Path(configured.data_dir)
    if not folder.exists():
        yield Finding(
            "folder", "failure", f"There is no data folder {folder} yet.", "python3 carewright.py up"
        )
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(
            "folder",
            "failure",
            f"{folder} cannot be written by this user.",
            "Run as its owner, or give another with --data.",
        )
        return
    secret = [folder / name for name in ("secret.key", "servers.json") if (folder / name).exists()]
    loose = [path for path in secret if path.stat().st_mode & 0o077]
    if folder.stat().st_mode & 0o066:
        loose.append(folder)
    if loose:
        names = " ".join(map(str, loose))
        yield Finding(
            "folder",
            "failure",
            f"Others on this machine may read {names}, which hold keys.",
            f"chmod go-rwx {names}",
        )
    else:
        yield Finding("folder", "ok", f"{folder} is ours alone.")


def _room(configured: Settings) -> Iterator[Finding]:
    folder = Path(configured.data_dir)
    here = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(here).free
    says = f"{free / 1e9:.1f} GB free for {folder}."
    if free < _ROOM_NEEDED:
        yield Finding("disk", "failure", says, "Free at least 1 GB; PostgreSQL stops when the disk is full.")
    elif free < _ROOM_WANTED:
        yield Finding("disk", "warning", says, "Make room soon; 5 GB is comfortable.")
    else:
        yield Finding("disk", "ok", says)


def _binaries(configured: Settings) -> Iterator[Finding]:
    if not configured.database_url:
        found = postgres.binaries(postgres.version_in(Path(configured.data_dir) / "postgres"))
        yield Finding("binaries", "ok", f"PostgreSQL {found.major} in {found.folder}.")
    if not configured.redis_url:
        yield Finding("binaries", "ok", f"Valkey: {valkey.binary()}.")


def _address(configured: Settings) -> Iterator[Finding]:
    configured.check_bind()
    yield Finding("address", "ok", f"Listens on {configured.host}, port {configured.port}.")


def _plugins(_: Settings) -> Iterator[Finding]:
    """What is loaded, and whether somebody has read the payers' rules lately."""
    from server.plugin_host import discover

    for plugin in discover.describe():
        if plugin["state"] != "ready":
            says = f"{plugin['name']} is set aside: {plugin['why']}"
            yield Finding("plugins", "failure", says, "Mend or remove that plugin, then restart.")
            continue
        name, reviewed = f"{plugin['name']} {plugin['version']}", plugin["oldest_review"]
        age = (now().date() - date.fromisoformat(reviewed)).days
        says = f"{name}: its oldest value was reviewed on {reviewed}, {age} days ago."
        if age > _REVIEW_DAYS:
            yield Finding(
                "plugins", "warning", says, "Update the plugin, or review its values and date them."
            )
        else:
            yield Finding("plugins", "ok", says)


def _addresses(configured: Settings) -> tuple[str, str, Finding]:
    running = embedded.running(configured.data_dir)
    admin_url = configured.database_url or (running.database_url if running else "")
    redis_url = configured.redis_url or (running.redis_url if running else "")
    if admin_url and redis_url:
        return admin_url, redis_url, Finding("servers", "ok", "PostgreSQL and Valkey have addresses.")
    names = [name for name, url in (("PostgreSQL", admin_url), ("Valkey", redis_url)) if not url]
    missing = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"
    return (
        admin_url,
        redis_url,
        Finding("servers", "failure", f"{missing} not running.", "python3 carewright.py up"),
    )


async def _database(admin_url: str, configured: Settings) -> list[Finding]:
    import asyncpg

    try:
        connection = await asyncpg.connect(admin_url.replace("+asyncpg", ""), timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        return [
            Finding(
                "postgresql",
                "failure",
                f"PostgreSQL could not be reached: {type(error).__name__}.",
                "Start it, or check CAREWRIGHT_DATABASE_URL.",
            )
        ]
    try:
        return [finding async for finding in _in_database(connection, admin_url, configured)]
    finally:
        await connection.close()


async def _in_database(connection: Any, admin_url: str, configured: Settings) -> AsyncIterator[Finding]:
    version = str(await connection.fetchval("show server_version"))
    if int(version.partition(".")[0].partition(" ")[0]) in postgres.SUPPORTED:
        yield Finding("postgresql", "ok", f"PostgreSQL {version}.")
    else:
        yield Finding("postgresql", "failure", f"PostgreSQL {version}.", "Move to a version from 15 to 18.")
    for name in postgres.SAFE:
        value = await connection.fetchval(f"show {name}")
        if value == "off":
            yield Finding(
                "durability",
                "failure",
                f"{name} is off: a power cut can lose or damage what was saved.",
                f"psql -c 'alter system set {name} = on' -c 'select pg_reload_conf()'",
            )
    schema = await _migrations(connection)
    yield schema
    roles = await _roles(admin_url, configured)
    yield roles
    if schema.state == roles.state == "ok":
        for finding in await _work(admin_url, configured):
            yield finding


async def _migrations(connection: Any) -> Finding:
    import asyncpg
    from alembic.script import ScriptDirectory

    from migrations.run import config

    newest = ScriptDirectory.from_config(config()).get_current_head()
    try:
        found = await connection.fetchval("select version_num from public.alembic_version")
    except asyncpg.PostgresError:
        found = None
    if found == newest:
        return Finding("migrations", "ok", f"The schema is at {newest}, the newest.")
    return Finding(
        "migrations",
        "failure",
        f"The schema is at {found}; this version needs {newest}.",
        "python3 carewright.py up",
    )


async def _roles(admin_url: str, configured: Settings) -> Finding:
    """The runtime roles must not see past a policy: asked of the database, as those roles."""
    import asyncpg
    from sqlalchemy.exc import SQLAlchemyError

    from migrations.run import runtime_urls
    from server.tenants.db import Doors

    urls = runtime_urls(admin_url, secret_of(configured))
    doors = Doors(urls["app"], urls["auth"], urls["bell"], pool_size=1)
    try:
        await doors.check_roles()
    except RuntimeError as error:
        return Finding("roles", "failure", str(error), "python3 carewright.py up")
    except (OSError, SQLAlchemyError, asyncpg.PostgresError) as error:
        return Finding(
            "roles",
            "failure",
            f"A runtime role cannot sign in: {type(error).__name__}.",
            "python3 carewright.py up",
        )
    finally:
        await doors.close()
    return Finding("roles", "ok", "The runtime roles own nothing and cannot see past a practice's wall.")


async def _work(admin_url: str, configured: Settings) -> list[Finding]:
    """Whether background work goes on: is a bell answered, has anything failed, does anything wait too long."""
    from sqlalchemy import select, text

    from migrations.run import runtime_urls
    from server.tenants import operations
    from server.tenants.actor import system
    from server.tenants.db import Doors
    from server.tenants.tables import Directory

    urls = runtime_urls(admin_url, secret_of(configured))
    doors = Doors(urls["app"], urls["auth"], urls["bell"], pool_size=1)
    found: list[Finding] = []
    try:
        async with doors.bell() as bell:
            unanswered = (
                await bell.execute(text(_UNANSWERED), {"seconds": _UNANSWERED_SECONDS})
            ).scalar_one()
        if unanswered:
            found.append(
                Finding(
                    "worker",
                    "failure",
                    f"{_practices(unanswered)} work due for more than {_UNANSWERED_SECONDS:.0f} seconds and no worker "
                    "came: it seems not to live.",
                    "python3 carewright.py up, or start python3 -m server.worker where you run it yourself",
                )
            )
        else:
            found.append(Finding("worker", "ok", "No practice waits for a worker."))
        async with doors.auth() as auth:
            rows = await auth.execute(select(Directory.id, Directory.slug).where(Directory.state == "open"))
            practices = rows.all()
        for tenant_id, slug in practices:
            async with doors.tenant(actor := system(tenant_id, "UTC", "jobs.read"), read_only=True) as db:
                dead = sum((await operations.count_dead(db, actor)).values())
                waiting = await operations.list_waiting(db, actor)
            if dead:
                found.append(
                    Finding(
                        "failed work",
                        "warning",
                        f"{slug}: {dead} failed at every attempt; `python3 carewright.py jobs failed --practice {slug}` "
                        "says where.",
                        f"python3 carewright.py jobs retry --practice {slug}",
                    )
                )
            since = min((row.oldest for row in waiting if row.oldest), default=None)
            minutes = (now() - since).total_seconds() // 60 if since else 0
            if minutes >= _LONGEST_WAIT_MINUTES:
                found.append(
                    Finding(
                        "waiting work",
                        "warning",
                        f"{slug}: the oldest work has been due for {minutes:.0f} minutes.",
                        "Start another worker beside this one: python3 -m server.worker",
                    )
                )
    finally:
        await doors.close()
    return found


_UNANSWERED = "select count(*) from bell where due_at < now() - make_interval(secs => :seconds)"


def _practices(number: int) -> str:
    return "1 practice has had" if number == 1 else f"{number} practices have had"


async def _ring(redis_url: str) -> Finding:
    import redis.asyncio as redis

    client = redis.Redis.from_url(redis_url, socket_timeout=5)
    try:
        answer = await client.config_get("maxmemory-policy")
    except (OSError, redis.RedisError) as error:
        return Finding(
            "valkey",
            "failure",
            f"Valkey could not be reached: {type(error).__name__}.",
            "Start it, or check CAREWRIGHT_REDIS_URL.",
        )
    finally:
        await client.aclose()
    policy = answer.get("maxmemory-policy")
    if policy == "noeviction":
        return Finding("valkey", "ok", "Valkey answers, and evicts nothing.")
    return Finding(
        "valkey",
        "warning",
        f"Valkey answers, and may forget waiting work (maxmemory-policy {policy}); the sweep finds it, later.",
        "redis-cli config set maxmemory-policy noeviction",
    )
