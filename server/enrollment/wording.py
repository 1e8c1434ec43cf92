"""What is read out or signed when a person agrees: versioned text, in files that never change once used.

A file `wording/<program>-<language>-<version>.md` holds one text. `wording/SHA256SUMS` names them all with their
hashes; a text that differs from its hash stops start-up, because consents on record point to it. A new wording is
a new file.
"""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from server.errors import Refused
from server.words import say

#: the version of a consent that was given on somebody else's form, before or outside this practice's use of ours
ELSEWHERE = "elsewhere"

_FOLDER = Path(__file__).parent / "wording"
_LINE = re.compile(r"([0-9a-f]{64})  (([a-z_]+)-([a-z]{2})-(\d{4}-\d{2})\.md)")


@dataclass(frozen=True, slots=True)
class Wording:
    """One text. version: YYYY-MM. text: Markdown, our own words. sha256: of the file's bytes."""

    program: str
    language: str
    version: str
    sha256: str
    text: str


@cache
def wordings() -> tuple[Wording, ...]:
    """Every wording, newest version first within its program and language."""
    found = []
    for line in (_FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise RuntimeError(f"wording/SHA256SUMS has a line that is no hash and file name: {line!r}")
        digest, name, program, language, version = parts.groups()
        data = (_FOLDER / name).read_bytes()
        if sha256(data).hexdigest() != digest:
            raise RuntimeError(
                f"wording/{name} was changed; consents on record point to its old text. "
                "Put it back, and write the change as a new version."
            )
        found.append(Wording(program, language, version, digest, data.decode("utf-8")))
    newest_first = sorted(found, key=lambda w: w.version, reverse=True)
    return tuple(sorted(newest_first, key=lambda w: (w.program, w.language)))


def newest_wording(program: str, language: str) -> Wording | None:
    """The text to read out now; in English where there is none in `language`, with an interpreter."""
    short = language[:2].lower()
    ours = [w for w in wordings() if w.program == program]
    return next((w for w in ours if w.language == short), None) or next(
        (w for w in ours if w.language == "en"), None
    )


def wording_hash(program: str, version: str, language: str) -> str:
    """The hash of the text a consent names; empty for one given elsewhere. Refuses a version we never had."""
    if version == ELSEWHERE:
        return ""
    ours = {w.language: w for w in wordings() if w.program == program and w.version == version}
    if not ours:
        known = sorted({w.version for w in wordings() if w.program == program})
        raise Refused(
            "WORDING_UNKNOWN",
            say(
                "There is no wording “%(version)s” for this program, so nobody could look up what was "
                "agreed to.",
                version=version,
            ),
            say("Choose one of %(choices)s.", choices=", ".join([*known, ELSEWHERE])),
            "wording_version",
        )
    return (ours.get(language[:2].lower()) or ours["en"]).sha256
