"""The demo as `up` makes it in an empty folder: ready first, its people right after, and none where few were asked for."""

import sys
import time
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
    wait_until(lambda: "People who came: 235 to lakeside, 38 to hillcrest" in house.said)
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


def test_the_small_demo_stays_small(up: Any, tmp_path: Path) -> None:
    """The control: without the second step nobody comes in after `ready`."""
    house = up(tmp_path / "small", "--demo", "--small-demo")
    time.sleep(2)
    assert "coming in" not in house.said
    assert not (house.folder / "demo-people.pending").exists()
    assert not (house.folder / "demo.pending").exists()
    house.close()
