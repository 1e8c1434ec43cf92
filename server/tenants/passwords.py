"""Passwords: what is a good one, and how one is kept. Argon2id (RFC 9106), always in a thread of its own.

Checks follow NIST SP 800-63B, 5.1.1: length above all, no rules about kinds of characters, nothing that is
among the first things a guesser tries.
"""

import asyncio
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.errors import Refused
from server.settings import settings
from server.tenants.names import plain_letters
from server.words import say, say_of

Answer = TypeVar("Answer")

SHORTEST: Final = 12
LONGEST: Final = 256
_STEMS: Final = Path(__file__).with_name("common_passwords.txt")
_LEET: Final = str.maketrans(
    {"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i"}
)
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn", "1q2w3e4r5t6y7u8i9o0p", "qazwsxedcrfvtgbyhnujmikolp",
)  # fmt: skip
#: Hashing takes 64 MB and a good part of a second: a few at once, or a flood of sign-ins takes the machine.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="argon2")

#: A hash of nothing anyone knows, per set of parameters: an unknown user costs the same work as a known one.
_NOBODY: Final = {
    "production": "$argon2id$v=19$m=65536,t=3,p=4$2ZtbYvseAOerSnNwlzWMpA$yefwOwQQzz8Y0mObJb5He//cO8lAELMp9EdSh8zZcwk",
    "test": "$argon2id$v=19$m=64,t=1,p=1$OjsJ97CHAlFGuK0LckDvDA$6Lbwpx6eRhAPtGALAro+noTBLROE7qht0tTT/3naQOs",
}


def check_password(password: str, *, about: tuple[str, ...] = (), field: str = "password") -> str:
    """The password as it will be hashed (NFKC). about: the person's and practice's names and e-mail.

    Raises Refused PASSWORD_SHORT, PASSWORD_LONG, PASSWORD_COMMON or PASSWORD_ABOUT_YOU.
    """
    kept = _composed(password)
    if len(kept) < SHORTEST:
        raise Refused(
            "PASSWORD_SHORT",
            say_of(
                "The password has %(n)s character; it needs at least %(shortest)s, because it guards patients' "
                "records.",
                "The password has %(n)s characters; it needs at least %(shortest)s, because it guards patients' "
                "records.",
                len(kept),
                shortest=SHORTEST,
            ),
            say("Four or five unrelated words are easy to remember and hard to guess. Spaces are welcome."),
            field,
        )
    if len(kept) > LONGEST:
        raise Refused(
            "PASSWORD_LONG",
            say("The password has more than %(longest)s characters.", longest=LONGEST),
            say("Use a shorter one."),
            field,
        )
    if is_common(kept):
        raise Refused(
            "PASSWORD_COMMON",
            say("This password is among the first that guessing programs try."),
            say("Choose four or five words that do not belong together, or let a password manager make one."),
            field,
        )
    solid = re.sub(r"\W", "", plain_letters(kept))
    others = solid
    for word in sorted(re.findall(r"\w{3,}", plain_letters(" ".join(about))), key=len, reverse=True):
        others = others.replace(word, "")
    if others != solid and len(others) < SHORTEST // 2:
        raise Refused(
            "PASSWORD_ABOUT_YOU",
            say("This password is mostly a name or address that others know."),
            say("Choose words that have nothing to do with you or the practice."),
            field,
        )
    return kept


def is_common(password: str) -> bool:
    """Whether it is, in spite of its length, one of the usual ones: a stem with trimmings, a run of keys,
    a refrain."""
    solid = re.sub(r"\s", "", plain_letters(password))
    if len(set(solid)) < 5 or _refrain(solid) or _run(solid) or _run(solid[::-1]):
        return True
    core = re.sub(r"^[^a-z]+|[^a-z]+$", "", solid)
    return any(_is_stems(re.sub(r"[^a-z]", "", text)) for text in (solid, core.translate(_LEET)))


async def hash_password(password: str) -> str:
    """Argon2id of a password that `check_password` has passed. About a third of a second of one core."""
    return await _in_thread(_hash, _composed(password))


async def verify(stored: str | None, password: str) -> bool:
    """Whether `password` is the one. With nothing stored the same work is done on a hash nobody can match."""
    return await _in_thread(_verify, stored or nobody(), _composed(password)) and stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher().check_needs_rehash(stored)


def nobody() -> str:
    """The stand-in hash of today's parameters."""
    return _NOBODY["test" if settings().mode == "test" else "production"]


def _composed(password: str) -> str:
    return unicodedata.normalize("NFKC", password[: LONGEST * 4])


def _hasher() -> PasswordHasher:
    if settings().mode == "test":
        return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    return PasswordHasher()  # RFC 9106's second recommended option: 64 MiB, 3 passes, 4 lanes


def _hash(password: str) -> str:
    return _hasher().hash(password.encode("utf-8", "surrogatepass"))


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher().verify(stored, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False


async def _in_thread(function: Callable[..., Answer], *arguments: str) -> Answer:
    return await asyncio.get_running_loop().run_in_executor(_threads, function, *arguments)


@cache
def _stems() -> tuple[str, ...]:
    lines = _STEMS.read_text("utf-8").splitlines()
    words = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    return tuple(sorted(words, key=len, reverse=True))


def _is_stems(letters: str) -> bool:
    """Nothing but one to three common words: four that do not belong together are a fair choice again."""
    rest, used = letters, 0
    for stem in _stems():
        if stem in rest:
            rest, used = rest.replace(stem, " "), used + 1
    return 0 < used <= 3 and len(rest.replace(" ", "")) < 4


def _refrain(text: str) -> bool:
    """One short piece, over and over."""
    return any(
        len(text) >= 2 * size and text == (text[:size] * len(text))[: len(text)]
        for size in range(1, min(6, len(text)) + 1)
    )


def _run(text: str) -> bool:
    """Mostly neighbours on a keyboard or in the alphabet: nine in a row are a slide of the hand."""
    return any(
        text[i : i + 9] in row + row for row in _ROWS for i in range(max(0, len(text) - 8)) if len(text) < 20
    )
