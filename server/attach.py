"""For one command: the addresses of the house that runs on the data folder, or of one opened for the command alone.

Both `up` and single commands come through here for the installation's secret and the runtime addresses. The
administrator's database address stays in the hands of the process that migrates.
"""

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server import embedded
from server.errors import Refused
from server.settings import Settings, settings
from server.words import say

RUNTIME = ("app", "auth", "bell")


def secret_of(configured: Settings) -> bytes:
    """The installation's secret: configured, or made once and kept in the data folder for its owner's eyes only."""
    if configured.secret_key:
        return configured.secret
    path = Path(configured.data_dir) / "secret.key"
    try:
        return bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_text(secrets.token_hex(32))
        new.replace(path)
        return bytes.fromhex(path.read_text())


def runtime_environment(admin_url: str, redis_url: str, secret: bytes) -> dict[str, str]:
    """What a web, worker or command process needs to know, and no more: never the administrator's address."""
    from migrations.run import runtime_urls

    addresses = {
        f"CAREWRIGHT_{word.upper()}_URL": url for word, url in runtime_urls(admin_url, secret).items()
    }
    return {
        **addresses,
        "CAREWRIGHT_DATABASE_URL": "",
        "CAREWRIGHT_REDIS_URL": redis_url,
        "CAREWRIGHT_SECRET_KEY": secret.hex(),
    }


@contextmanager
def attached() -> Iterator[None]:
    """While inside, this process's settings lead to the data: to a running house, or one opened for the while."""
    configured = settings()
    before = dict(os.environ)
    try:
        if all(getattr(configured, f"{word}_url") for word in RUNTIME) and configured.secret_key:
            yield
            return
        with _addresses(configured) as (admin_url, redis_url):
            os.environ.update(runtime_environment(admin_url, redis_url, secret_of(configured)))
            settings.cache_clear()
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()


@contextmanager
def _addresses(configured: Settings) -> Iterator[tuple[str, str]]:
    """The administrator's address of the database, and Valkey's."""
    running = embedded.running(configured.data_dir)
    redis_url = configured.redis_url or (running.redis_url if running else "")
    if configured.database_url:
        yield configured.database_url, redis_url
    elif running:
        yield running.database_url, redis_url
    elif not (Path(configured.data_dir) / "postgres").exists():
        raise Refused(
            "NO_DATA_YET",
            say("There is no Carewright data in %(data_dir)s yet.", data_dir=configured.data_dir),
            say("Start it once with `python3 carewright.py up`, or name the right folder with --data."),
        )
    else:
        from migrations.run import upgrade

        with embedded.servers(configured.data_dir, ring=not redis_url) as servers:
            asyncio.run(upgrade(servers.database_url, secret_of(configured)))
            yield servers.database_url, redis_url or servers.redis_url
