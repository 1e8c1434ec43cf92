"""As whom the embedded servers run. PostgreSQL refuses to run as root; an ordinary user runs it as himself.

As root there are two ways, neither of which touches the host (no user is made, no folder's rights change but
the data folder's own): a user namespace in which we appear as `nobody`, or, where namespaces are forbidden (most
containers), the real `nobody`, with the one capability to enter folders when it could not reach its own data.
"""

# ruff: noqa: S603 -- every command run here is written here; none comes from input

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from server.errors import Refused


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns the servers' files (numbers as this machine sees them) and what to put before their commands."""

    uid: int
    gid: int
    prefix: tuple[str, ...]

    def own(self, folder: Path) -> None:
        """Give `folder` and all in it to this account, where it is not so already."""
        if folder.stat().st_uid == self.uid:
            return
        if os.geteuid() != 0:
            raise not_ours(folder)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def not_ours(folder: Path) -> Refused:
    return Refused(
        "DATA_FOLDER_NOT_OURS",
        f"{folder} belongs to another user, so the servers in it cannot be started as you.",
        "Start as that user, or give another folder with --data.",
    )


def account_for(paths: Iterable[Path]) -> Account:
    """The account to run servers as, which must be able to reach `paths` (absolute)."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), ())
    nobody = pwd.getpwnam("nobody")
    namespace = ("unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}", "--")
    if _works(namespace):
        return Account(0, 0, namespace)
    become = [
        *("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"),
        "--pdeathsig=INT",  # changing user drops the leash
    ]
    if not all(_reachable_by_others(path) for path in paths):
        become += [
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override",
            "--bounding-set=-all,+dac_override",
        ]
    if not _works((*become, "--")):
        raise Refused(
            "CANNOT_LEAVE_ROOT",
            "PostgreSQL refuses to run as root, and this system lets root become nobody else.",
            "Run as an ordinary user, or set CAREWRIGHT_DATABASE_URL to a PostgreSQL of your own.",
        )
    return Account(nobody.pw_uid, nobody.pw_gid, (*become, "--"))


@lru_cache(maxsize=8)
def _works(prefix: tuple[str, ...]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    return subprocess.run([*prefix, "true"], capture_output=True, timeout=10, check=False).returncode == 0


def _reachable_by_others(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.parents if folder.exists())
