"""`doctor`: sound houses pass, each fault is found, and every fault comes with what mends it."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from migrations.run import upgrade
from server import doctor, embedded
from server.attach import secret_of
from server.ids import new_id
from server.settings import Settings


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> "embedded.Servers":
    """A small house of its own, migrated and running, so that faults can be planted in it."""
    with embedded.servers(tmp_path_factory.mktemp("doctor") / "data") as running:
        secret = secret_of(Settings(data_dir=str(running.data_dir)))
        asyncio.run(upgrade(running.database_url, secret, code_sets=False))
        yield running


@pytest.fixture
def settings(servers: "embedded.Servers") -> Settings:
    return Settings(data_dir=str(servers.data_dir))


def of(subject: str, findings: list[doctor.Finding]) -> list[doctor.Finding]:
    return [finding for finding in findings if finding.subject == subject]


def ask(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def test_a_sound_house_has_nothing_to_mend(settings: Settings) -> None:
    findings = doctor.examine(settings)
    assert [f for f in findings if f.state == "failure"] == []
    looked_at = {f.subject for f in findings}
    assert {"python", "packages", "folder", "disk", "binaries", "address"} <= looked_at
    assert {"servers", "postgresql", "migrations", "roles", "valkey"} <= looked_at


def test_every_fault_names_its_remedy(settings: Settings, tmp_path: Path) -> None:
    findings = doctor.examine(replace(settings, data_dir=str(tmp_path / "none"), host="0.0.0.0"))
    faults = [f for f in findings if f.state != "ok"]
    assert {f.subject for f in faults} >= {"folder", "address", "servers"}
    assert [f for f in faults if not f.mend] == []
    assert [f for f in findings if f.state == "ok" and f.mend] == []


def test_keys_that_others_may_read_are_found(settings: Settings, servers: "embedded.Servers") -> None:
    key = servers.data_dir / "secret.key"
    key.chmod(0o644)
    try:
        (found,) = of("folder", doctor.examine(settings))
    finally:
        key.chmod(0o600)
    assert found.state == "failure"
    assert found.mend == f"chmod go-rwx {key}"


def test_switched_off_durability_is_found(settings: Settings, servers: "embedded.Servers") -> None:
    off = ("alter system set synchronous_commit = off", "select pg_reload_conf()", "select pg_sleep(0.2)")
    on = ("alter system reset synchronous_commit", "select pg_reload_conf()", "select pg_sleep(0.2)")
    ask(servers.database_url, *off)
    try:
        found = of("durability", doctor.examine(settings))
    finally:
        ask(servers.database_url, *on)
    assert [(f.state, "synchronous_commit is off" in f.says) for f in found] == [("failure", True)]
    assert of("durability", doctor.examine(settings)) == []


def test_a_role_that_sees_past_the_walls_is_found(settings: Settings, servers: "embedded.Servers") -> None:
    ask(servers.database_url, "alter role carewright_app bypassrls")
    try:
        (found,) = of("roles", doctor.examine(settings))
    finally:
        ask(servers.database_url, "alter role carewright_app nobypassrls")
    assert found.state == "failure"
    assert "too strong" in found.says


def test_a_schema_that_is_behind_is_found(settings: Settings, servers: "embedded.Servers") -> None:
    ask(
        servers.database_url,
        "create table alembic_kept as table alembic_version",
        "update alembic_version set version_num = 'old'",
    )
    try:
        (found,) = of("migrations", doctor.examine(settings))
    finally:
        ask(
            servers.database_url,
            "delete from alembic_version",
            "insert into alembic_version select * from alembic_kept",
            "drop table alembic_kept",
        )
    assert found.state == "failure"
    assert found.mend == "python3 carewright.py up"


def test_a_valkey_that_may_forget_is_pointed_out(settings: Settings, servers: "embedded.Servers") -> None:
    import redis

    client = redis.from_url(servers.redis_url)
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        (found,) = of("valkey", doctor.examine(settings))
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.close()
    assert found.state == "warning"


def test_work_that_failed_or_waits_and_a_worker_that_is_gone_are_found(
    settings: Settings, servers: "embedded.Servers"
) -> None:
    assert [(f.state, f.mend) for f in of("worker", doctor.examine(settings))] == [("ok", "")]
    practice, made = new_id(), "now() - interval '20 minutes'"
    jobs = ", ".join(
        f"('{practice}', gen_random_uuid(), 'recount', '{n}', '{{}}', '{state}', 8, {made}, 1, '', {made})"
        for n, state in enumerate(("dead", "dead", "ready"))
    )
    ask(
        servers.database_url,
        f"insert into directory values ('{practice}', 'lakeside', 'Lakeside', 'open', false, now())",
        "insert into job (tenant_id, id, kind, dedupe_key, args, state, attempts, run_at, fence, last_error, made_at) "
        f"values {jobs}",
        f"insert into bell values ('{practice}', now() - interval '61 seconds')",
    )
    try:
        findings = doctor.examine(settings)
    finally:
        ask(servers.database_url, "delete from bell", "delete from job", "delete from directory")
    (worker,), (failed,), (waiting,) = (of(s, findings) for s in ("worker", "failed work", "waiting work"))
    assert worker.state == "failure"
    assert "1 practice has had work due" in worker.says
    assert "carewright.py up" in worker.mend
    assert "lakeside: 2 failed" in failed.says
    assert failed.mend == "python3 carewright.py jobs retry --practice lakeside"
    assert "20 minutes" in waiting.says
    assert waiting.mend


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        ("no-such-package-here==1.0 \\\n    --hash=sha256:0\n", ["no-such-package-here is missing"]),
        ("no-such-package-here==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:0\n", []),
        ("typer==0.0.1 \\\n    --hash=sha256:0\n", ["instead of 0.0.1"]),
    ],
)
def test_the_lock_is_compared_with_what_is_installed(lock: str, expected: list[str]) -> None:
    found = list(doctor.lock_differences(lock))
    assert len(found) == len(expected)
    assert all(words in sentence for words, sentence in zip(expected, found, strict=True))


def test_as_a_command_it_fails_with_json_a_program_can_read(carewright, tmp_path: Path) -> None:
    said = carewright("doctor", "--json", "--data", tmp_path / "none")
    report = json.loads(said.stdout)
    assert said.returncode == 1
    assert report["healthy"] is False
    assert {"subject", "state", "says", "mend"} == set(report["findings"][0])


def test_as_a_command_it_speaks_to_people(carewright, tmp_path: Path) -> None:
    said = carewright("doctor", "--data", tmp_path / "none")
    assert said.returncode == 1
    assert "-> python3 carewright.py up" in said.stdout
