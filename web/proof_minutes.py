"""Minutes of a proof in plain words: each entry, what it said before and since, and the notes of its contacts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from carewright_plugin_api.decisions import LeftOut

from server.claims.evidence import ContactProof, EntryProof, Evidence
from server.encounters.tables import KINDS, OUTCOMES
from server.enrollment.tables import PROGRAMS
from server.minutes.queries import TimeEntryRow
from server.minutes.tables import ACTIVITIES, MODES, ROLE_CLASSES
from web.proof_words import exact, held_words, lasted, listed, span_words


def entry_told(
    one: EntryProof, numbers: dict[UUID, int], contacts: dict[UUID, int], zone: str
) -> dict[str, Any]:
    row = one.row
    what = ACTIVITIES.get(row.activity, row.activity)
    mode = MODES.get(row.mode, "")
    return {
        "number": numbers[row.id],
        "when": span_words(row.started_at, row.ended_at, zone),
        "lasts": lasted(int((row.ended_at - row.started_at).total_seconds())),
        "who": row.staff_name or "",
        "as": _as(one),
        "what": what,
        "how": ", ".join(part for part in (mode, "with the patient" if row.with_patient else "") if part),
        "program": PROGRAMS.get(row.program, row.program),
        "note": contacts.get(row.encounter_id) if row.encounter_id else None,
        "counted": _counted(one),
        "remarks": _remarks(one, zone),
        "left_out": [_left_out(out) for out in one.left_out],
    }


def _as(one: EntryProof) -> str:
    """Who somebody was that day: discipline, class of time, licences."""
    disciplines = [held_words(q) for q in one.held if q.kind == "discipline"]
    licences = [held_words(q) for q in one.held if q.kind == "licence"]
    as_class = ROLE_CLASSES[one.told.role].lower() if one.told else ""
    said = [", ".join(disciplines) or "no discipline on file that day", as_class, *licences]
    if not licences:
        said.append("no licence on file that day")
    return "; ".join(part for part in said if part)


def _counted(one: EntryProof) -> str:
    if one.told is None:
        return "not counted"
    out = sum(left.seconds for left in one.left_out)
    return lasted(max(one.seconds - out, 0)) if out < one.seconds else "not counted"


def _left_out(out: LeftOut) -> str:
    return f"{lasted(out.seconds)} left out: {out.sentence}"


def _remarks(one: EntryProof, zone: str) -> list[str]:
    row, said = one.row, []
    if row.void:
        said.append(f"Taken back {exact(row.made_at, zone)} by {_by(row)}: “{row.reason}”")
    elif one.before:
        said.append(f"Corrected {exact(row.made_at, zone)} by {_by(row)}: “{row.reason}”")
    else:
        written = f"Entered {exact(row.made_at, zone)} by {_by(row)}"
        said.append(f"{written}: “{row.reason}”" if row.reason else f"{written}.")
    for earlier in reversed(one.before):
        said.append(
            f"Before, it said {span_words(earlier.started_at, earlier.ended_at, zone)}, "
            f"{ACTIVITIES.get(earlier.activity, earlier.activity).lower()}"
            f"{', a draft' if earlier.state == 'draft' else ''}; "
            f"entered {exact(earlier.made_at, zone)} by {_by(earlier)}"
            + (f": “{earlier.reason}”" if earlier.reason else ".")
        )
    if row.late:
        said.append("Late: the month was closed already when this was written.")
    if row.state == "draft":
        said.append("A draft: not confirmed by the person whose time it is.")
    if row.part_of:
        said.append(f"Part of another service: {row.part_of}.")
    if one.told is not None and one.told.end - one.told.start != row.ended_at - row.started_at:
        said.append(
            f"One meeting about several people: {span_words(one.told.start, one.told.end, zone)} is this person's "
            f"equal share, {lasted((one.told.end - one.told.start) // timedelta(seconds=1))}."
        )
    if one.meeting is not None:
        others = {0: "", 1: " It was about one more patient."}.get(
            one.meeting.others, f" It was about {one.meeting.others} more patients."
        )
        said.append(f"A meeting of {', '.join(one.meeting.people) or 'nobody now'}.{others}")
    if one.since is not None:
        became = "taken back" if one.since.void else "corrected"
        said.append(
            f"Since this decision it was {became}, {exact(one.since.made_at, zone)}, by {_by(one.since)}: "
            f"“{one.since.reason}”"
        )
    return said


def _by(row: TimeEntryRow) -> str:
    if row.made_by == row.staff_id:
        return "the same person"
    return row.made_by_name or "the system"


def contact_told(
    one: ContactProof, found: Evidence, numbers: dict[UUID, int], contacts: dict[UUID, int], zone: str
) -> dict[str, Any]:
    row = one.row
    theirs = [numbers[e.row.id] for e in (*found.entries, *found.beside) if e.row.encounter_id == row.id]
    return {
        "number": contacts[row.id],
        "kind": KINDS.get(row.kind, row.kind),
        "outcome": OUTCOMES.get(row.outcome, row.outcome),
        "when": exact(row.at, zone),
        "by": row.staff_name or "",
        "who_else": row.who_else,
        "about": row.about_code,
        "video": row.video_declined,
        "note": row.note,
        "next_step": row.next_step,
        "signed": f"Signed {exact(row.signed_at, zone)} by {row.staff_name}" if row.signed_at else "Not signed",
        "written": f"written {exact(row.made_at, zone)} by {row.made_by_name or 'the system'}, "
        f"revision {row.revision}",
        "minutes": listed(theirs),
        "amendments": [
            {
                "said": f"Amended {exact(before.made_at, zone)} by {before.made_by_name or 'the system'}: “{before.reason}”",
                "note": before.note_before,
                "was": f"{KINDS.get(before.kind_before, before.kind_before)}, "
                f"{OUTCOMES.get(before.outcome_before, before.outcome_before).lower()}, "
                f"{exact(before.at_before, zone)}",
            }
            for before in reversed(one.amendments)
        ],
    }  # fmt: skip
