"""Asks a plugin in its child process, with a deadline; kills the child that does not answer; checks every answer.

A plugin that raises, hangs, exits, answers too much or answers nonsense becomes a `Fault` for exactly the
patient-months it was asked about. A batch that fails as a whole is asked again one by one, so that one
patient-month's trouble does not hold the others'; not for longer than `retry_seconds`, so that a plugin that is
broken altogether does not hold up the month. Where a whole batch of a closing got no answer, the following batches of
that closing are asked again more briefly, but still one by one, until the plugin answers.
"""

import asyncio
import contextlib
import os
import signal
import struct
import sys
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import orjson
from carewright_plugin_api.canonical import NotCanonical
from carewright_plugin_api.decisions import Decision, problems
from carewright_plugin_api.facts import MonthFacts

from server.plugin_host.child import LARGEST_ANSWER
from server.plugin_host.discover import Loaded

T = TypeVar("T")

_ROOT = Path(__file__).resolve().parent.parent.parent
_PER_MONTH = 64 * 1024  # bytes of one answer
_LONGEST_WHY = 500  # characters
_PROCESSORS = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
_HANDS = min(4, _PROCESSORS)  # copies of a child that work on one batch side by side
_LEAST_SHARE = 50  # patient-months that are worth a copy of their own
_AT_ONCE = 1 << 20  # bytes of an answer that are taken up before they are read
_IN_LINE = 2  # one is answered and one waits; further hands are better used elsewhere
_PATIENCE_SECONDS = 2.0
_FAULTS_IN_A_ROW = 10  # after which a plugin under suspicion is not asked about the rest of a batch
_NO_TIME = "failed for so many of a batch that the rest of it was not asked about"
_CHANGED = "is another on disk than the one this process loaded when it started. Restart Carewright, and close the month again"
_UNREADABLE = "answered in a form that cannot be read"


@dataclass(frozen=True, slots=True)
class Fault:
    """A plugin did not give a usable answer. why: for the biller, without values."""

    plugin: str
    why: str


@dataclass(frozen=True, slots=True)
class Told:
    """A checked decision, and its canonical text as the child wrote it."""

    decision: Decision
    text: str


@dataclass(frozen=True, slots=True)
class NotOwned:
    """The plugin says that its rules do not decide for this coverage."""

    plugin: str


Answer = Told | NotOwned | Fault


class Unusable(Exception):
    """The child gave no usable answer to a whole batch."""


class Changed(Unusable):
    """The child imported other rules than this process: what they answer would be kept under the wrong name."""


class Crowded(Exception):
    """Others ask this plugin and wait for it already; come back later."""


class Runner:
    """One child per plugin, started when first asked, replaced when it had to be killed."""

    def __init__(
        self,
        *,
        seconds: float = 20.0,
        single_seconds: float = 2.0,
        retry_seconds: float = 20.0,
        start_seconds: float = 30.0,
        path: Sequence[Path] = (),
    ) -> None:
        """seconds: for a batch; single_seconds: for one patient-month; retry_seconds: for asking a failed batch again
        one by one; start_seconds: for a child to import its plugins. path: where else plugins may lie."""
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._rules: dict[str, object] = {}  # plugin -> the hash of the rules that its child imported
        self._turn: dict[str, asyncio.Lock] = {}
        self._line: dict[str, asyncio.Semaphore] = {}
        self._seconds = seconds
        self._single_seconds = single_seconds
        self._retry_seconds = retry_seconds
        self._start_seconds = start_seconds
        self._path = os.pathsep.join(map(str, (_ROOT, *path)))
        #: (plugin, closing) where nothing of the last batch was answered; a closing's trouble is its own
        self._suspect: set[tuple[str, Hashable]] = set()

    async def decide(
        self,
        plugin: Loaded,
        batch: Sequence[MonthFacts],
        texts: Sequence[str] = (),
        *,
        closing: Hashable = None,
    ) -> list[Answer]:
        """One answer per patient-month, in order. texts: the batch as canonical JSON, if it is there already. closing:
        what the batch is a part of. Raises Crowded where no place in the plugin's line comes free for two seconds."""
        texts = texts or [facts.to_json() for facts in batch]
        line = self._line.setdefault(plugin.name, asyncio.Semaphore(_IN_LINE))
        try:
            await asyncio.wait_for(line.acquire(), _PATIENCE_SECONDS)
        except TimeoutError:
            raise Crowded from None
        try:
            return await self._in_turn(plugin, batch, texts, (plugin.name, closing))
        finally:
            line.release()

    async def _in_turn(
        self,
        plugin: Loaded,
        batch: Sequence[MonthFacts],
        texts: Sequence[str],
        about: tuple[str, Hashable],
    ) -> list[Answer]:
        async with self._turn.setdefault(plugin.name, asyncio.Lock()):
            seconds = self._single_seconds if about in self._suspect else self._seconds
            try:
                answers = await self._ask(plugin, batch, texts, seconds)
            except Changed as trouble:
                return [Fault(plugin.name, str(trouble))] * len(batch)
            except Unusable as trouble:
                if len(batch) == 1:
                    return [Fault(plugin.name, str(trouble))]
                answers = await self._one_by_one(plugin, batch, texts, shortly=about in self._suspect)
            if all(isinstance(answer, Fault) for answer in answers):
                self._suspect.add(about)
            else:
                self._suspect.discard(about)
            return answers

    async def close(self) -> None:
        for name in list(self._children):
            await self._kill(name)

    async def _one_by_one(
        self, plugin: Loaded, batch: Sequence[MonthFacts], texts: Sequence[str], *, shortly: bool
    ) -> list[Answer]:
        over = time.monotonic() + self._retry_seconds / (2 if shortly else 1)
        most = _FAULTS_IN_A_ROW if shortly else len(batch)
        answers: list[Answer] = []
        in_a_row = 0
        for facts, text in zip(batch, texts, strict=True):
            if in_a_row >= most or time.monotonic() >= over:
                answers.append(Fault(plugin.name, _NO_TIME))
                continue
            answers.append(await self._one(plugin, facts, text))
            in_a_row = in_a_row + 1 if isinstance(answers[-1], Fault) else 0
        return answers

    async def _one(self, plugin: Loaded, facts: MonthFacts, text: str) -> Answer:
        try:
            return (await self._ask(plugin, [facts], [text], self._single_seconds))[0]
        except Unusable as trouble:
            return Fault(plugin.name, str(trouble))

    async def _ask(
        self, plugin: Loaded, batch: Sequence[MonthFacts], texts: Sequence[str], seconds: float
    ) -> list[Answer]:
        hands = max(1, min(_HANDS, len(texts) // _LEAST_SHARE))
        shares = [list(share) for share in _shares(texts, hands)]
        request = orjson.dumps({"plugin": plugin.name, "shares": shares})
        try:
            async with asyncio.timeout(self._start_seconds):
                child = await self._child(plugin.name)
            if self._rules[plugin.name] != plugin.manifest.rule_set_hash:
                raise Changed(_CHANGED)
            async with asyncio.timeout(seconds):
                told = await _exchange(child, request, hands)
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
        try:
            return [
                answer
                for share, text in zip(_shares(batch, hands), told, strict=True)
                for answer in _checked(plugin, share, text)
            ]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            await self._kill(plugin.name)  # whoever wrote that was not our child's own code
            raise Unusable(_UNREADABLE) from None

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
                limit=_AT_ONCE,
                start_new_session=True,  # a group of its own, to be ended together with the copies it makes
                # No address, no secret, no home: only what Python needs to find itself. A fixed hash seed, so that
                # the same facts take the same path every time.
                env={
                    "PATH": os.defpath,
                    "PYTHONPATH": self._path,
                    "PYTHONHASHSEED": "0",
                    "PYTHONDONTWRITEBYTECODE": "1",  # it may not, and need not try
                    "LANG": "C.UTF-8",
                },
            )
            self._children[name] = child
            self._rules[name] = _hash_of(name, await _read(child))  # it is ready
        return child

    async def _kill(self, name: str) -> None:
        child = self._children.pop(name, None)
        if child is None:
            return
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # and the copy of it that is at work
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await _let_go(child)
                await child.wait()


async def _let_go(child: asyncio.subprocess.Process) -> None:
    """Close our ends of a dead child's pipes. Waiting for a process ends only when its pipes have, and one with much
    left unread is never seen to end: so it is read empty first."""
    if child.stdin is not None:
        child.stdin.close()
    if child.stdout is not None:
        with contextlib.suppress(OSError):
            while await child.stdout.read(1 << 16):
                pass


class _TooLarge(Exception):
    pass


def _shares(items: Sequence[T], hands: int) -> list[Sequence[T]]:
    """The items in order, in as many parts of much the same size."""
    return [items[len(items) * n // hands : len(items) * (n + 1) // hands] for n in range(hands)]


async def _exchange(child: asyncio.subprocess.Process, request: bytes, answers: int) -> list[bytes]:
    if child.stdin is None:
        raise EOFError
    child.stdin.write(struct.pack(">I", len(request)) + request)
    await child.stdin.drain()
    return [await _read(child) for _ in range(answers)]


async def _read(child: asyncio.subprocess.Process) -> bytes:
    if child.stdout is None:
        raise EOFError
    (size,) = struct.unpack(">I", await child.stdout.readexactly(4))
    if size > LARGEST_ANSWER:
        raise _TooLarge
    return await child.stdout.readexactly(size)


def _hash_of(name: str, ready: bytes) -> object:
    """What the child says of its rules, in its first message; None if it could not load them."""
    try:
        return orjson.loads(ready).get(name)
    except (ValueError, AttributeError, RecursionError):
        raise EOFError from None


def _checked(plugin: Loaded, batch: Sequence[MonthFacts], answer: bytes) -> list[Answer]:
    """Raises Unusable for what our own child says of its plugin, and what reading raises for what it would not say."""
    told = orjson.loads(answer)
    if "raised" in told:
        raise Unusable(f"raised {told['raised']}"[:_LONGEST_WHY])
    owned, texts = list(told["owned"]), list(told["decisions"])
    if len(owned) != len(batch) or not all(type(own) is bool for own in owned):
        raise TypeError("one plain yes or no for each coverage")
    if not all(type(text) is str for text in texts):
        raise TypeError("every decision is a text")
    if len(texts) != sum(owned):
        raise Unusable(f"was asked about {sum(owned)} patient-months and answered about {len(texts)}")
    answers = iter(texts)
    return [
        _check(plugin, facts, next(answers)) if own else NotOwned(plugin.name)
        for facts, own in zip(batch, owned, strict=True)
    ]


def _check(plugin: Loaded, facts: MonthFacts, text: str) -> Answer:
    if len(text.encode("utf-8", "surrogatepass")) > _PER_MONTH:
        return Fault(plugin.name, "answered more than an answer may hold")
    try:
        decision = Decision.from_json(text)
    except NotCanonical:
        return Fault(plugin.name, _UNREADABLE)
    found = problems(decision, facts, plugin.manifest)
    if found:
        return Fault(plugin.name, f"answered what cannot be stored: {found[0]}"[:_LONGEST_WHY])
    return Told(decision, text)
