"""What a data folder remembers about its servers, and the addresses that follow from it."""

import json
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path

from server.embedded.postgres import DATABASE, SUPERUSER


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers of a data folder answer; empty for one that is not run. postgres_major: 15 to 18, or 0."""

    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    postgres_major: int


@dataclass(slots=True)
class Kept:
    """What `servers.json` remembers."""

    postgres_port: int
    postgres_password: str
    valkey_port: int
    valkey_password: str

    @classmethod
    def read(cls, folder: Path) -> "Kept":
        try:
            return cls(**json.loads((folder / "servers.json").read_text()))
        except FileNotFoundError:
            fresh = cls(0, secrets.token_hex(24), 0, secrets.token_hex(24))
            fresh.write(folder)
            return fresh

    def write(self, folder: Path) -> None:
        new = folder / "servers.json.new"
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_text(json.dumps({name: getattr(self, name) for name in self.__slots__}, indent=1))
        new.replace(folder / "servers.json")

    def choose_ports(self) -> None:
        """Keep the ports of last time unless someone else has taken them since."""
        if not free(self.postgres_port):
            self.postgres_port = _any_port()
        while not free(self.valkey_port) or self.valkey_port == self.postgres_port:
            self.valkey_port = _any_port()

    def addresses(self, folder: Path, major: int, *, ring: bool = True) -> Addresses:
        database = f"{SUPERUSER}:{self.postgres_password}@127.0.0.1:{self.postgres_port}/{DATABASE}"
        return Addresses(
            folder,
            f"postgresql://{database}" if major else "",
            f"redis://:{self.valkey_password}@127.0.0.1:{self.valkey_port}/0" if ring else "",
            major,
        )


def free(port: int) -> bool:
    if port == 0:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
