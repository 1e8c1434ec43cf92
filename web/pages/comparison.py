"""What an author wrote beside what a contact says now, field by field, and what they chose of the two."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from server.encounters.merging import Difference, differences, marked
from server.encounters.queries import EncounterRow
from server.encounters.tables import KINDS, OUTCOMES
from server.enrollment.tables import PROGRAMS
from server.errors import Refused
from server.words import N_, say
from web.typed import Form

#: field of the form -> its label, in the order they are compared
_LABELS: Final = {
    "note": N_("Note"),
    "next_step": N_("Next step"),
    "kind": N_("Kind"),
    "on": N_("Day"),
    "began": N_("Began"),
    "outcome": N_("How it went"),
    "program": N_("Program"),
    "who_else": N_("Who else was there"),
    "about_code": N_("About one condition"),
    "video_declined": N_("Video was offered, and they preferred the phone"),
}
FIELDS: Final = tuple(_LABELS)
_TEXTS: Final = ("note", "next_step", "who_else")
#: field -> how many characters it holds at most
LENGTHS: Final = {"who_else": 500, "note": 50_000, "next_step": 2_000, "about_code": 20, "reason": 500}
#: characters of a field, and bytes of a form, that are read before the page says what is too long: two notes together,
#: as they are laid side by side, may be
WRITTEN: Final = 2 * LENGTHS["note"] + 1_000
LARGEST: Final = 1024 * 1024
_CHOICES: Final[Mapping[str, Mapping[str, str]]] = {
    "kind": KINDS,
    "outcome": OUTCOMES,
    "program": PROGRAMS,
    "video_declined": {"yes": N_("Yes"), "": N_("No")},
}


def form_of(row: EncounterRow, zone: str) -> dict[str, str]:
    """A contact as its form holds it."""
    return _form({name: getattr(row, name) for name in row.__dataclass_fields__}, zone)


def _form(values: Mapping[str, Any], zone: str) -> dict[str, str]:
    local = values["at"].astimezone(ZoneInfo(zone))
    texts = ("kind", "outcome", "program", "who_else", "note", "next_step", "about_code")
    return {name: str(values[name]) for name in texts} | {
        "revision": str(values.get("revision", "")),
        "on": local.date().isoformat(),
        "began": f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}",
        "video_declined": "yes" if values["video_declined"] else "",
    }


def _found(row: EncounterRow, mine: Form, base: Mapping[str, Any], zone: str) -> list[Difference]:
    theirs = form_of(row, zone)
    was = _form({**base, "at": datetime.fromisoformat(base["at"])}, zone) if base else None
    return differences(was, {name: theirs[name] for name in _LABELS}, mine, texts=_TEXTS)


def as_chosen(mine: Form, row: EncounterRow) -> dict[str, str]:
    """What an author wrote, to be laid beside the contact as it reads now.

    What they chose against an older revision is no choice about this one: a text they put together then is what they
    have now, and the rest is asked again.
    """
    if mine.get("revision") == str(row.revision):
        return dict(mine)
    together = {name: mine[f"both_{name}"] for name in _TEXTS if _put_together(mine, name)}
    return {name: text for name, text in mine.items() if not name.startswith(("pick_", "both_"))} | together


def _put_together(mine: Form, name: str) -> bool:
    return mine.get(f"pick_{name}") == "both" and f"both_{name}" in mine


def comparison(row: EncounterRow, mine: Form, base: Mapping[str, Any], zone: str) -> list[dict[str, Any]]:
    """Each field that differs: both sides in words and pieces, both together, and what is chosen to begin with.

    mine: from as_chosen. base: the contact as the author found it (NoteDraft.base), or empty.
    """
    return [
        {
            "field": found.field,
            "label": say(_LABELS[found.field]),
            "theirs": _pieces(found.field, found.theirs, found.mine),
            "mine": _pieces(found.field, found.mine, found.theirs),
            "own": found.mine,
            "changed_by": found.changed_by,
            "is_text": found.field in _TEXTS,
            "most": LENGTHS.get(found.field),
            "rows": 4 if found.field == "note" else 2,
            "together": (mine.get(f"both_{found.field}") or found.together)
            if found.changed_by == "both"
            else "",
            "chosen": mine.get(f"pick_{found.field}") or _first_choice(found),
        }
        for found in _found(row, mine, base, zone)
    ]


def _first_choice(found: Difference) -> str:
    """What one side alone changed stays as that side has it; of a text both changed, both stay."""
    if found.changed_by != "both":
        return found.changed_by
    return "both" if found.together else ""


def _pieces(field: str, text: str, other: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it stands on this side only."""
    if field in _TEXTS:
        return marked(text, other)
    words = say(_CHOICES[field].get(text, text)) if field in _CHOICES else text
    return [(words, True)] if words else []


def settled(form: Form, theirs: Mapping[str, str]) -> dict[str, str]:
    """The form with what was chosen of each field. Refused: a field of which nothing was chosen."""
    chosen = dict(form)
    for name, label in _LABELS.items():
        pick = form.get(f"pick_{name}", "")
        if pick == "theirs":
            chosen[name] = theirs[name]
        elif pick == "both" and name in _TEXTS:
            chosen[name] = form.get(f"both_{name}", "")
        elif pick != "mine" and form.get(f"differs_{name}"):
            raise Refused(
                "CHOICE_NEEDED",
                say("%(label)s: you and a colleague wrote something different here.", label=say(label)),
                say("Say which of the two stays."),
                f"pick_{name}",
            )
    return chosen
