"""The child process in which payer rules run: `python -m server.plugin_host.child`.

Reads requests and writes answers as length-prefixed JSON on two private descriptors. Before the first request it
imports every plugin, then gives up what it does not need: privileges, every change to a file or folder, the network.
Its first message says which rules it holds: plugin name -> rule set hash.

Each share of a request is answered by a copy of this process, made for it and gone after it; the copies work side by
side. So a plugin remembers nothing from one practice's patients to the next's, a leak ends with its batch, and the
same question always meets the same state, whatever was asked before. Making a copy costs milliseconds, which is why
questions come in batches. This contains accidents; hostile native code is not claimed to be contained.
"""

import ctypes
import gc
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterable
from typing import Any, BinaryIO, NoReturn

import orjson
from carewright_plugin_api.facts import MonthFacts

LARGEST_ANSWER = 16 * 1024 * 1024
_LARGEST_REQUEST = 64 * 1024 * 1024
_MEMORY = 2 * 1024**3
_NOBODY = 65534
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_REFUSED = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.kill",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.setxattr",
    "os.symlink",
    "os.truncate",
    "os.utime",
    "sqlite3.connect",
    "syslog.",
    "ctypes.dlopen",
)


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def main() -> None:
    # What a plugin prints must not be taken for an answer: its stdout becomes the void.
    answers = os.fdopen(os.dup(1), "wb")
    void = os.open(os.devnull, os.O_RDWR)
    os.dup2(void, 1)
    requests = os.fdopen(os.dup(0), "rb")
    os.dup2(void, 0)

    from server.plugin_host.discover import load

    loaded = load().loaded
    rules = {p.name: p.rules for p in loaded}
    _give_up()
    gc.freeze()  # what is here stays here: a copy that collects garbage would touch, and so duplicate, all of it
    # Importing takes a while, and is no part of any question's deadline.
    write(answers, orjson.dumps({p.name: p.manifest.rule_set_hash for p in loaded}))
    while (request := read(requests, _LARGEST_REQUEST)) is not None:
        asked = orjson.loads(request)
        copies: list[tuple[int, BinaryIO]] = []
        for share in asked["shares"]:
            not_its_own: list[BinaryIO] = [requests, answers, *(told for _, told in copies)]
            copies.append(_copy(rules, asked["plugin"], share, not_its_own))
        for copy, told in copies:
            answer = read(told, LARGEST_ANSWER)
            _, status = os.waitpid(copy, 0)
            if answer is None or status != 0:
                _stop()  # it ended without its answer, or in the middle of it
            write(answers, answer)
            told.close()


def _copy(
    rules: dict[str, Any], plugin: str, share: list[str], not_its_own: Iterable[BinaryIO]
) -> tuple[int, BinaryIO]:
    """A copy of this process at work on a share of the questions: its id, and where it will write its answer.

    not_its_own: what the copy closes before the plugin is asked, so that it answers for its share and no other.
    """
    ours, its = os.pipe()
    parent = os.getpid()
    _copying.append(True)
    copy = os.fork()
    _copying.clear()
    if copy == 0:
        _alone(parent)
        os.close(ours)
        for stream in not_its_own:
            stream.close()
        write(os.fdopen(its, "wb"), _answer(rules, plugin, share))
        os._exit(0)
    os.close(its)
    return copy, os.fdopen(ours, "rb")


#: not empty while this process makes a copy of itself, which nothing else may
_copying: list[bool] = []


def _answer(rules: dict[str, Any], plugin: str, share: list[str]) -> bytes:
    try:
        asked = rules[plugin]
        batch = [MonthFacts.from_json(facts) for facts in share]
        owned = [bool(asked.owns(facts.coverage)) for facts in batch]
        decided = asked.decide([facts for facts, own in zip(batch, owned, strict=True) if own])
        told = [decision.to_json() for decision in decided]
        return orjson.dumps({"owned": owned, "decisions": told})
    except Exception as error:
        return orjson.dumps({"raised": type(error).__name__})


def _give_up() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    _end_with_parent()  # after setuid, which would undo it
    sys.addaudithook(_refuse)


def _alone(parent: int) -> None:
    """In the copy: no further processes, and an end with the one it was copied from, also where that came first."""
    if os.geteuid() != 0:
        # Counts processes of the whole user, so "none" is the only number that means the same everywhere.
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    _end_with_parent()
    if os.getppid() != parent:
        _stop()


def _end_with_parent() -> None:
    """An idle child sees its pipe close; one caught in a plugin's endless loop needs the kernel's help."""
    if _libc is not None:
        _libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    if event.startswith(_REFUSED) and not (event == "os.fork" and _copying):
        raise PermissionError(f"a payer plugin may not use {event}")
    # A number is a descriptor that is open already: nothing is opened by giving it a buffer.
    if event == "open" and not isinstance(args[0], int) and _writes(args[1], args[2]):
        raise PermissionError("a payer plugin may not write files")


def _writes(mode: Any, flags: Any) -> bool:
    """mode: as `open` takes it, None where the file is opened by flags alone."""
    return (isinstance(mode, str) and bool(set(mode) & set("wax+"))) or bool(flags & _WRITING)


def read(stream: BinaryIO, largest: int) -> bytes | None:
    """The next message, or None at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack(">I", head)
    if size > largest:
        _stop()
    body = stream.read(size)
    return body if len(body) == size else None


def write(stream: BinaryIO, body: bytes) -> None:
    stream.write(struct.pack(">I", len(body)))
    stream.write(body)
    stream.flush()


def _stop() -> NoReturn:
    os._exit(3)


if __name__ == "__main__":
    main()
