"""`up`: reaches ready, is stopped in order, is killed in every way, and comes back without help."""

import json
import os
import re
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from server.embedded import leftovers
from server.embedded.leftovers import alive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="follows processes through /proc")
ONE_PATIENT = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "fullUrl": "urn:uuid:0c3fa4a4-6f2e-4f5b-9b1c-6c62f9c1d001",
            "resource": {
                "resourceType": "Patient",
                "id": "0c3fa4a4-6f2e-4f5b-9b1c-6c62f9c1d001",
                "name": [{"family": "Okafor", "given": ["Ada"]}],
                "birthDate": "1951-04-02",
                "gender": "female",
            },
        }
    ],
}
PARTS = ("server.serve", "server.worker", "postgres -D", "valkey.conf")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for this module: whatever is done to it, the next `up` must cope."""
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture(scope="module")
def house(up, folder: Path):
    """The first `up` on it; the tests at the top share it, the last of them stops it."""
    return up(folder)


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health/ready", timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def none_alive(pids: Iterable[int]) -> bool:
    return not any(map(alive, pids))


def expect_a_clean_stop(house, folder: Path, sign: signal.Signals) -> None:
    family = house.family()
    assert healthy(house.address)
    assert [part for part in PARTS if not any(part in args for args in family.values())] == []
    house.process.send_signal(sign)
    assert house.process.wait(60) == 0
    assert none_alive(family)
    assert "Stopping." in house.said
    assert not (folder / "postgres" / "postmaster.pid").exists(), "a clean stop"


@pytest.mark.campaign
def test_the_parts_that_serve_know_no_administrator(house) -> None:
    password = re.search(r'"postgres_password": "(\w+)"', (house.folder / "servers.json").read_text())
    assert password is not None
    for part in ("server.serve", "server.worker"):
        environment = Path(f"/proc/{house.one(part)}/environ").read_text()
        assert "CAREWRIGHT_APP_URL=postgresql" in environment
        assert password[1] not in environment
        assert "CAREWRIGHT_DATABASE_URL=\0" in environment
    assert (house.folder / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.campaign
def test_a_second_one_is_told_that_one_is_running(house, carewright) -> None:
    second = carewright("up", "--port", "0", "--data", house.folder)
    assert second.returncode == 1
    assert f"already running on {house.folder} (process {house.process.pid})" in second.stderr
    assert "Traceback" not in second.stderr
    assert healthy(house.address)


@pytest.mark.campaign
def test_commands_work_on_the_running_house(house, carewright, tmp_path: Path) -> None:
    here = ("--data", house.folder, "--json")
    people = json.loads(carewright("demo", "make", *here).stdout)
    assert {person["slug"] for person in people} == {"lakeside", "hillcrest"}
    nora = next(
        person for person in people if person["slug"] == "lakeside" and person["role"] == "care_manager"
    )

    token = json.loads(
        carewright("tokens", "create", "--practice", "lakeside", "--email", nora["email"], *here).stdout
    )["token"]
    asked = urllib.request.Request(
        f"{house.address}/graphql",
        data=b'{"query": "{ __typename }"}',
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert json.load(answer)["data"] == {"__typename": "Query"}

    bundle = tmp_path / "one.json"
    bundle.write_text(json.dumps(ONE_PATIENT))
    imported = carewright("import", "fhir", bundle, "--practice", "lakeside", *here)
    assert imported.returncode == 0, imported.stderr
    assert json.loads(imported.stdout)["totals"]["added"] == 1

    closed = carewright("close-month", "2026-03", "--practice", "lakeside", *here)
    assert closed.returncode == 0, closed.stderr
    assert json.loads(closed.stdout)["month"] == "2026-03"

    refused = carewright("close-month", "2026-03", "--practice", "nowhere", *here)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "nowhere" in refused.stderr


@pytest.mark.campaign
def test_every_part_that_dies_is_started_again(house) -> None:
    for part in PARTS:
        victim = house.one(part)
        os.kill(victim, signal.SIGKILL)
        wait_for(
            lambda part=part, victim=victim: any(
                part in args and pid != victim for pid, args in house.family().items()
            )
        )
    wait_for(lambda: healthy(house.address))
    assert house.process.poll() is None
    assert "The web process ended with -9" in house.said
    assert "PostgreSQL had ended and was started again." in house.said


@pytest.mark.campaign
def test_a_stop_leaves_nothing_running(house, folder: Path) -> None:
    expect_a_clean_stop(house, folder, signal.SIGTERM)


@pytest.mark.campaign
def test_a_command_opens_a_house_that_does_not_run_and_closes_it_again(carewright, folder: Path) -> None:
    said = carewright("demo", "code", "nora@lakeside.example", "--data", folder)
    assert re.fullmatch(r"\d{6}\n", said.stdout), said.stderr
    assert leftovers.working_in(folder / "postgres") == []


@pytest.mark.campaign
def test_killed_outright_it_takes_everything_along_starts_again_and_hears_ctrl_c(up, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = up(folder)
    family = first.family()
    first.process.kill()
    first.process.wait()
    wait_for(lambda: none_alive(family))
    again = up(folder, "--port", first.address.rpartition(":")[2])
    assert again.address == first.address
    expect_a_clean_stop(again, folder, signal.SIGINT)


def test_a_taken_port_is_a_sentence(carewright, folder: Path) -> None:
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", 0))
        taker.listen()
        port = taker.getsockname()[1]
        said = carewright("up", "--port", str(port), "--data", folder)
    assert said.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {port}" in said.stderr
    assert "--port" in said.stderr
    assert len(said.stderr.splitlines()) == 1


def test_plain_http_to_the_world_is_refused(carewright, folder: Path) -> None:
    said = carewright("up", "--host", "0.0.0.0", "--port", "0", "--data", folder)
    assert said.returncode == 1
    assert "without TLS" in said.stderr


def test_a_data_folder_that_cannot_be_is_a_sentence(carewright, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = carewright("up", "--port", "0", "--data", tmp_path / "file" / "data")
    assert said.returncode == 1
    assert "cannot be made" in said.stderr
    assert "--data" in said.stderr


@pytest.mark.campaign
def test_real_servers_are_used_when_given(up, tmp_path: Path, database: str, carewright) -> None:
    # The same secret as the rest of the run: the roles' passwords come from it, and roles belong to the whole server.
    house = up(
        tmp_path / "data",
        database_url=database,
        redis_url=os.environ["CAREWRIGHT_REDIS_URL"],
        secret_key=os.environ["CAREWRIGHT_SECRET_KEY"],
        mode="test",
    )
    assert healthy(house.address)
    assert not any("postgres -D" in args or "valkey" in args for args in house.family().values())
    assert not (tmp_path / "data" / "postgres").exists()
    assert re.search(r"^PostgreSQL 1[5-8]\.\d+", house.said, re.MULTILINE)


def test_a_database_that_forgets_is_refused(tmp_path: Path, database: str, carewright) -> None:
    """The tests' own server has fsync off."""
    said = carewright(
        *("up", "--port", "0", "--data", tmp_path / "data"),
        database_url=database,
        redis_url=os.environ["CAREWRIGHT_REDIS_URL"],
    )
    assert said.returncode == 1
    assert "fsync, full_page_writes, synchronous_commit off" in said.stderr
    assert "alter system set fsync = on" in said.stderr


def test_a_database_that_is_not_there_is_a_sentence(carewright, tmp_path: Path) -> None:
    said = carewright(
        *("up", "--port", "0", "--data", tmp_path / "data"),
        database_url="postgresql://nobody:secret@127.0.0.1:9/none",
        redis_url="redis://127.0.0.1:9",
    )
    assert said.returncode == 1
    assert "PostgreSQL could not be reached" in said.stderr
    assert "CAREWRIGHT_DATABASE_URL" in said.stderr
    assert "secret" not in said.stderr
