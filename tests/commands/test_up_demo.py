"""The demo as `up` makes it in an empty folder: ready first, its people right after, and none where few were asked for."""

import json
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="follows processes through /proc"),
    pytest.mark.campaign,
    pytest.mark.timeout(400),
]


def wait_until(said: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_everybody_comes_in_right_after_ready(up: Any, tmp_path: Path, record_property: Any) -> None:
    began = time.monotonic()
    house = up(tmp_path / "full", "--demo")
    ready = time.monotonic() - began
    assert (house.folder / "demo-people.pending").exists()
    wait_until(lambda: "People who came: 233 to lakeside, 38 to hillcrest" in house.said)
    came = time.monotonic() - began
    wait_until(lambda: "Everybody in the demo is here" in house.said)
    assert "Months that were closed: 46" in house.said
    assert not (house.folder / "demo-people.pending").exists()
    closed = time.monotonic() - began
    record_property(
        "count",
        f"ready after {ready:.0f} s, 280 people after {came:.0f} s, 46 months closed after {closed:.0f} s",
    )
    house.close()


def people_in(house: Any, carewright: Any, email: str) -> int:
    """How many the API lists to this member of the staff."""
    practice = email.partition("@")[2].partition(".")[0]
    made = carewright(
        *("tokens", "create", "--practice", practice, "--email", email),
        *("--scope", "read", "--data", house.folder, "--json"),
    )
    token = json.loads(made.stdout)["token"]
    query = "query ($after: String) { patients(first: 100, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } } }"
    found: set[str] = set()
    after = None
    while True:
        asked = urllib.request.Request(
            f"{house.address}/graphql",
            data=json.dumps({"query": query, "variables": {"after": after}}).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            page = json.load(answer)["data"]["patients"]
        found |= {edge["node"]["id"] for edge in page["edges"]}
        if not page["pageInfo"]["hasNextPage"]:
            return len(found)
        after = page["pageInfo"]["endCursor"]


def test_a_filling_that_was_killed_or_stopped_is_gone_on_with(
    up: Any, carewright: Any, tmp_path: Path, record_property: Any
) -> None:
    folder = tmp_path / "killed"
    first = up(folder, "--demo")
    wait_until(lambda: "coming in" in first.said)
    time.sleep(3)  # in the middle of it on most machines
    far = first.said.partition("coming in")[2]
    first.close()
    assert (folder / "demo-people.pending").exists()

    small = up(folder, "--demo", "--small-demo")
    time.sleep(2)
    assert "coming in" not in small.said
    assert not any("demo fill" in args for args in small.family().values())
    small.close()

    again = up(folder, "--demo")
    wait_until(lambda: "People who came" in again.said)
    here = [
        people_in(again, carewright, email) for email in ("ada@lakeside.example", "iris@hillcrest.example")
    ]
    assert here == [240, 40]
    again.process.send_signal(signal.SIGTERM)
    assert again.process.wait(60) == 0
    assert "The demo was not finished; the next start goes on with it." in again.said
    assert (folder / "demo-people.pending").exists()
    where = "after" if "People who came" in far else "before"
    record_property(
        "count", f"killed {where} its people came; {here[0]} and {here[1]} people after the next start"
    )


def test_the_small_demo_stays_small(up: Any, tmp_path: Path) -> None:
    """The control: without the second step nobody comes in after `ready`."""
    house = up(tmp_path / "small", "--demo", "--small-demo")
    time.sleep(2)
    assert "coming in" not in house.said
    assert not (house.folder / "demo-people.pending").exists()
    assert not (house.folder / "demo.pending").exists()
    house.close()
