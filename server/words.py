"""What people read, in the language of whoever reads it: gettext, with one catalog per language in server/locale.

    {{ _("%(n)s people in all", n=3) }}     in a template; values are named, never concatenated
    say("%(n)s files were made.", n=3)      in Python
    say_of("one file", "%(n)s files", 3)    in Python, where a number decides
    N_("Medicines")                         in a table whose words are said later

Words are written in English where they are used, and English needs no catalog. `python -m web.catalog` gathers them.
"""

import gettext as catalogs
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Final

LOCALE: Final = Path(__file__).with_name("locale")
DOMAIN: Final = "carewright"
#: the languages there are papers in, each by its own name
LANGUAGES: Final = {"en": "English", "es": "Español"}
#: what records systems write for them besides: ISO 639-2, and the language's name
_ALSO: Final = {"eng": "en", "english": "en", "spa": "es", "spanish": "es", "espanol": "es", "español": "es"}
_spoken: ContextVar[str] = ContextVar("spoken", default="en")


def reads(tag: str) -> str:
    """The one of our languages somebody reads. tag: BCP 47, as in their record (`es-MX`); English for all others."""
    first = tag.replace("_", "-").partition("-")[0].strip().lower()
    language = _ALSO.get(first, first)
    return language if language in LANGUAGES else "en"


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within it, words are said in `language`, one of LANGUAGES."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def spoken() -> str:
    """The language words are said in here and now."""
    return _spoken.get()


@cache
def catalog(language: str) -> catalogs.NullTranslations:
    """A language's catalog; without one, every message is said as it is written."""
    return catalogs.translation(DOMAIN, LOCALE, [language], fallback=True)


def speaker() -> catalogs.NullTranslations:
    """The catalog of the language spoken here and now."""
    return catalog(_spoken.get())


def say(words: str, /, **values: Any) -> str:
    """`say("%(n)s files were made.", n=3)`."""
    said = speaker().gettext(words) if words else ""
    return said % values if values else said


def say_of(one: str, many: str, n: int, /, **values: Any) -> str:
    """The message for n of something; `%(n)s` in it is the number, as people write it."""
    return speaker().ngettext(one, many, n) % {"n": f"{n:,}", **values}


def listed(words: Sequence[str]) -> str:
    """`a, b and c`. words: said already, at least one."""
    *first, last = words
    return say("%(words)s and %(last)s", words=", ".join(first), last=last) if first else last


def N_(words: str) -> str:
    """Marks words of a table for the catalog; `say` says them."""
    return words
