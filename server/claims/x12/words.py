"""Words as a claim file can carry them: capital letters, digits and a little punctuation. Pure.

Source: X12 basic character set (005010 appendix B), less the four characters that part one thing from the next.
"""

import unicodedata
from typing import Final

#: element, segment, component, repetition
DELIMITERS: Final = "*~:^"
_BASIC: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!\"&'()+,-./;?= @#$%_|") - frozenset(
    DELIMITERS
)
_SPELLED: Final = str.maketrans(
    {
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ı": "i", "’": "'", "‘": "'", "ʼ": "'",
        "“": '"', "”": '"', "‐": "-", "‑": "-", "–": "-", "—": "-", "\u00a0": " ", "`": "'", "´": "'",
        "[": "(", "]": ")", "{": "(", "}": ")", "\\": "/", "<": "(", ">": ")",
        **dict.fromkeys(DELIMITERS, " "),
    }
)  # fmt: skip


def plain(text: str) -> str:
    """`text` in the characters of a claim: `"Núñez~O’Brien"` becomes `"NUNEZ O'BRIEN"`. What has no Latin spelling is
    left as it is; `strange` finds it."""
    spelled = unicodedata.normalize("NFKD", text.translate(_SPELLED))
    letters = "".join(c for c in spelled if not unicodedata.combining(c)).upper()
    return " ".join(letters.translate(_SPELLED).split())


def strange(text: str) -> str:
    """The characters of `text` that a claim cannot carry, even spelled otherwise; '' if there are none."""
    return "".join(dict.fromkeys(c for c in plain(text) if c not in _BASIC))


def unsafe_id(text: str) -> str:
    """The characters of an id that would have to be changed. An id is never changed: it is refused."""
    return "".join(dict.fromkeys(c for c in text.upper() if c not in _BASIC))
