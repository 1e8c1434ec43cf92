"""How names, phones and dates are folded to be found, and what a person means by what they type in the find box."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

_MARKS = re.compile(r"[^\w]+")
_DATES = (
    (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})"), (0, 1, 2)),
    (re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})"), (2, 0, 1)),  # month first, as written in the US
)
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})


def fold(name: str) -> str:
    """`"O'Brien-Núñez"` becomes `"obrien nunez"`: lower case, no accents, one space between words."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = plain.replace("'", "").replace("’", "").replace("_", " ")
    return _MARKS.sub(" ", plain).strip()


def words_of(*names: str) -> set[str]:
    """The folded words of all of a person's names, by which they are found."""
    return {word for name in names for word in fold(name).split()}


def phone_key(phone: str) -> str:
    """Digits from the last to the first, so that the last digits of a number are a prefix; without an extension."""
    return "".join(c for c in phone.partition(";ext=")[0] if c in "0123456789")[::-1]


def after(prefix: str) -> str:
    """The smallest text that sorts behind every text starting with `prefix` (collation C)."""
    return prefix + "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Sought:
    """What was typed: name words in any order, or a birth date, or digits of a phone or record number.

    text: as typed, for a record number with letters in it.
    """

    words: tuple[str, ...] = ()
    born: date | None = None
    digits: str = ""
    text: str = ""


def sought(typed: str) -> Sought:
    """Read the find box. A date that is no day is sought as text and finds nobody."""
    text = typed.strip()
    for pattern, (year, month, day) in _DATES:
        if found := pattern.fullmatch(text):
            parts = found.groups()
            try:
                return Sought(born=date(int(parts[year]), int(parts[month]), int(parts[day])), text=text)
            except ValueError:
                return Sought(text=text)
    if re.fullmatch(r"[\d\s().+-]{4,}", text):
        return Sought(digits="".join(c for c in text if c.isdecimal()), text=text)
    return Sought(words=tuple(fold(text).split()[:4]), text=text)
