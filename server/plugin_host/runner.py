"""Asks a plugin in its child process, with a deadline; kills the child that does not answer; checks every answer.

A plugin that raises, hangs, exits, answers too much or answers nonsense becomes a `Fault` for exactly the
patient-months it was asked about. A batch that fails as a whole is asked again one by one, so that one
patient-month's trouble does not hold the others'.
"""

import asyncio
import contextlib
import json
import os
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from carewright_plugin_api.canonical import NotCanonical
from carewright_plugin_api.decisions import Decision, problems
from carewright_plugin_api.facts import MonthFacts

from server.plugin_host.discover import Loaded

_ROOT = Path(__file__).resolve().parent.parent.parent
_PER_MONTH = 64 * 1024  # bytes of one answer
_PER_BATCH = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """A plugin did not give a usable answer. why: for the biller, without values."""

    plugin: str
    why: str


Answer = Decision | Fault


class Unusable(Exception):
    """The child gave no usable answer to a whole batch."""


class Runner:
    """One child per plugin, started when first asked, replaced when it had to be killed."""

    def __init__(self, *, seconds: float = 20.0, single_seconds: float = 2.0) -> None:
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._turn: dict[str, asyncio.Lock] = {}
        self._seconds = seconds
        self._single_seconds = single_seconds

    async def decide(self, plugin: Loaded, batch: Sequence[MonthFacts]) -> list[Answer]:
        """One answer per patient-month, in order."""
        async with self._turn.setdefault(plugin.name, asyncio.Lock()):
            try:
                return await self._ask(plugin, batch, self._seconds)
            except Unusable as trouble:
                if len(batch) == 1:
                    return [Fault(plugin.name, str(trouble))]
            return [await self._one(plugin, facts) for facts in batch]

    async def close(self) -> None:
        for name in list(self._children):
            await self._kill(name)

    async def _one(self, plugin: Loaded, facts: MonthFacts) -> Answer:
        try:
            return (await self._ask(plugin, [facts], self._single_seconds))[0]
        except Unusable as trouble:
            return Fault(plugin.name, str(trouble))

    async def _ask(self, plugin: Loaded, batch: Sequence[MonthFacts], seconds: float) -> list[Answer]:
        request = json.dumps({"plugin": plugin.name, "facts": [facts.to_json() for facts in batch]}).encode()
        try:
            async with asyncio.timeout(seconds):
                child = await self._child(plugin.name)
                answer = await _exchange(child, request)
        except TimeoutError:
            await self._kill(plugin.name)
            raise Unusable(f"did not answer within {seconds:g} seconds") from None
        except (OSError, EOFError, asyncio.IncompleteReadError):
            await self._kill(plugin.name)
            raise Unusable("ended without an answer") from None
        except _TooLarge:
            await self._kill(plugin.name)
            raise Unusable("answered more than an answer may hold") from None
        except BaseException:
            await self._kill(plugin.name)  # half a conversation is of no use to the next caller
            raise
        return _checked(plugin, batch, answer)

    async def _child(self, name: str) -> asyncio.subprocess.Process:
        child = self._children.get(name)
        if child is None or child.returncode is not None:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "server.plugin_host.child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=_ROOT,
                # No address, no secret, no home: only what Python needs to find itself. A fixed hash seed, so that
                # the same facts take the same path every time.
                env={"PATH": os.defpath, "PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
            )
            self._children[name] = child
        return child

    async def _kill(self, name: str) -> None:
        child = self._children.pop(name, None)
        if child is not None and child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


class _TooLarge(Exception):
    pass


async def _exchange(child: asyncio.subprocess.Process, request: bytes) -> bytes:
    if child.stdin is None or child.stdout is None:
        raise EOFError
    child.stdin.write(struct.pack(">I", len(request)) + request)
    await child.stdin.drain()
    (size,) = struct.unpack(">I", await child.stdout.readexactly(4))
    if size > _PER_BATCH:
        raise _TooLarge
    return await child.stdout.readexactly(size)


def _checked(plugin: Loaded, batch: Sequence[MonthFacts], answer: bytes) -> list[Answer]:
    told = json.loads(answer)
    if "raised" in told:
        raise Unusable(f"raised {told['raised']}")
    texts = told["decisions"]
    if len(texts) != len(batch):
        raise Unusable(f"was asked about {len(batch)} patient-months and answered about {len(texts)}")
    return [_check(plugin, facts, text) for facts, text in zip(batch, texts, strict=True)]


def _check(plugin: Loaded, facts: MonthFacts, text: str) -> Answer:
    if len(text) > _PER_MONTH:
        return Fault(plugin.name, "answered more than an answer may hold")
    try:
        decision = Decision.from_json(text)
    except NotCanonical:
        return Fault(plugin.name, "answered in a form that cannot be read")
    found = problems(decision, facts, plugin.manifest)
    return Fault(plugin.name, f"answered what cannot be stored: {found[0]}") if found else decision
