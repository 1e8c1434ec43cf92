"""How the care manager is introduced: words for each role, with fields filled from the referral.

Pure. A field is `{{patient}}`. A line of which a field stays empty is left out, so that one script serves with and
without a condition to name. The starters are ours; a practice writes its own.
"""

import re
from collections.abc import Mapping
from typing import Final

from server.errors import Refused
from server.words import N_, say

#: field -> what it is filled with
FIELDS: Final = {
    "patient": N_("what to call the person"),
    "care_manager": N_("the care manager"),
    "colleague": N_("who is speaking"),
    "condition": N_("the condition that led here"),
    "result": N_("the measure and its value"),
}
_FIELD: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_LONGEST: Final = 3_000

STARTERS: Final[Mapping[str, str]] = {
    "provider": N_(
        "{{patient}}, there is somebody here I would like you to meet: {{care_manager}}.\n"
        "Living with {{condition}} takes more than the minutes we have together, and that is the time {{care_manager}} has.\n"
        "The last number, {{result}}, is something the three of us can look at together.\n"
        "We would be a team of three: you, {{care_manager}} and I. You know best what matters to you, so you lead.\n"
        "Would you like to hear more? You may say no, now or later, and I look after you just the same."
    ),
    "medical_assistant": N_(
        "{{patient}}, we have a colleague, {{care_manager}}, who helps people between visits: with questions, with "
        "medicines, with whatever is hard at home.\n"
        "I thought of you because of {{condition}}.\n"
        "May I ask {{care_manager}} to come by and say hello? Whether you want more than that is up to you."
    ),
    "front_desk": N_(
        "{{patient}}, thank you for telling me. {{care_manager}} is the one who helps with this here.\n"
        "Shall I let {{care_manager}} know? They will come by or ring you at a time that suits you."
    ),
    "care_manager": N_(
        "Hello {{patient}}, I am {{care_manager}}. {{colleague}} thought we should meet.\n"
        "I have time for what does not fit into a visit. Some of it is about {{condition}}, and most of it is about "
        "what you want from your days.\n"
        "What would you like me to know first?"
    ),
}  # fmt: skip


def check_script(words: str) -> str:
    """The words as they are kept. Raises Refused SCRIPT_TOO_LONG or SCRIPT_FIELD."""
    if len(words) > _LONGEST:
        raise Refused(
            "SCRIPT_TOO_LONG",
            say("This has %(n)s characters; nobody says that many in one go.", n=f"{len(words):,}"),
            say("Shorten it to %(longest)s.", longest=f"{_LONGEST:,}"),
            "words",
        )
    for name in _FIELD.findall(words):
        if name not in FIELDS:
            raise Refused(
                "SCRIPT_FIELD",
                say("“{{%(name)s}}” is not a field that can be filled.", name=name[:40]),
                say("Use %(fields)s.", fields=", ".join(f"{{{{{one}}}}}" for one in FIELDS)),
                "words",
            )
    return words.strip()


def introduced(script: str, values: Mapping[str, str]) -> list[str]:
    """The script's lines with their fields filled; a line with an empty field is left out."""
    lines = []
    for line in script.splitlines():
        names = _FIELD.findall(line)
        if line.strip() and all(values.get(name, "").strip() for name in names):
            lines.append(_FIELD.sub(lambda field: values[field[1]], line).strip())
    return lines
