"""The web process on loopback, for tests that come with a real browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def house(database: str) -> Iterator[str]:
    """The web process as `up` runs it; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "server.app:create_app", "--factory", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--log-level", "warning"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "CAREWRIGHT_PORT": str(port)},
    )
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{address}/health/ready", timeout=2).read()
                break
            except OSError:
                assert process.poll() is None, "the web process ended"
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(20)
