"""What a draft of a note may hold, how long it is told of and how long a discarded one is kept. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from server.errors import Refused
from server.unreadable import UNREADABLE
from server.words import say

#: how long a discarded draft can be brought back
KEPT: Final = timedelta(days=14)
#: how long after its last save colleagues are told that somebody is writing
TOLD: Final = timedelta(hours=12)
#: characters of one field, and of all together
LONGEST, LONGEST_OF_ALL = 50_000, 120_000
_MOST_FIELDS: Final = 40
LAST_SEQUENCE: Final = 2_000_000_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
#: fields that a composer fills in by itself
_GIVEN: Final = frozenset(
    {"kind", "on", "began", "outcome", "program", "about_code", "video_declined", "activity"}
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The draft a composer was opened with, and how far it had come then."""

    id: UUID
    sequence: int


@dataclass(frozen=True, slots=True)
class Writing:
    """What a composer holds at one moment.

    fields: name -> text. sequence: grows with every save of one composer. cursor_at: characters into cursor_field.
    encounter_id, revision: the contact that is being changed, as its author saw it. earlier: see Earlier.
    """

    fields: Mapping[str, str]
    sequence: int
    cursor_field: str = ""
    cursor_at: int = 0
    encounter_id: UUID | None = None
    revision: int = 0
    earlier: Earlier | None = None


def checked(writing: Writing) -> dict[str, str]:
    """The fields as they are stored: line ends as one character. Refused: too much, unreadable, out of order."""
    fields = {name: text.replace("\r\n", "\n") for name, text in writing.fields.items()}
    wrong = [name for name in (*fields, writing.cursor_field or "note") if not _NAME.fullmatch(name)]
    if wrong or len(fields) > _MOST_FIELDS:
        raise Refused(
            "BAD_DRAFT",
            say("A draft holds at most 40 fields, named in small letters; nothing was saved."),
            say("Send the fields of the composer as they are named there."),
            "fields",
        )
    for name, text in fields.items():
        if len(text) > LONGEST:
            raise Refused(
                "TEXT_TOO_LONG",
                say(
                    "This text has %(n)s characters; at most %(longest)s can be saved, so it is not "
                    "saved now.",
                    n=f"{len(text):,}",
                    longest=f"{LONGEST:,}",
                ),
                say("Shorten it, or split it over two notes."),
                name,
            )
        if UNREADABLE.search(text):
            raise Refused(
                "BAD_TEXT",
                say(
                    "This text holds a character that cannot be stored (a control character or half of "
                    "a pair), so it is not saved now."
                ),
                say("Remove it; the rest is saved as soon as it is gone."),
                name,
            )
    if (together := sum(map(len, fields.values()))) > LONGEST_OF_ALL:
        raise Refused(
            "TEXT_TOO_LONG",
            say(
                "These fields have %(n)s characters together; at most %(longest)s can be saved.",
                n=f"{together:,}",
                longest=f"{LONGEST_OF_ALL:,}",
            ),
            say("Shorten them, or split them over two notes."),
            "fields",
        )
    if not 0 < writing.sequence <= LAST_SEQUENCE or not 0 <= writing.cursor_at <= LONGEST:
        raise Refused(
            "BAD_SEQUENCE",
            say("The number of a save, or the place of the cursor, cannot be right."),
            say("Count the saves of one composer up from 1."),
            "sequence",
        )
    return fields


def is_blank(fields: Mapping[str, str]) -> bool:
    """Has nobody written anything yet? What a composer fills in by itself does not count."""
    return not any(text.strip() for name, text in fields.items() if name not in _GIVEN)


def told_since(now: datetime) -> datetime:
    """Drafts saved before this are no longer told to colleagues."""
    return now - TOLD


def kept_since(now: datetime) -> datetime:
    """What was discarded or finished before this is removed."""
    return now - KEPT
