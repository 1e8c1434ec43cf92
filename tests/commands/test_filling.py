"""What `up` makes of how the demo's filling ended."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.supervisor import Filling


@pytest.mark.parametrize(
    ("code", "stays", "said"),
    [(0, False, "Everybody in the demo is here"), (1, True, "could not be finished")],
)
def test_only_a_finished_filling_is_not_taken_up_again(
    code: int, stays: bool, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pending = tmp_path / "pending"
    pending.touch()
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    process.wait()
    assert not Filling(pending, process, 0.0).look()
    assert pending.exists() is stays
    assert said in capsys.readouterr().err
