"""Minutes of a proof in plain words: each entry, what it said before and since, and the notes of its contacts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from carewright_plugin_api.decisions import LeftOut

from server.claims.evidence import ContactProof, EntryProof, Evidence, Meeting
from server.encounters.tables import KINDS, OUTCOMES
from server.enrollment.tables import PROGRAMS
from server.minutes.queries import TimeEntryRow
from server.minutes.tables import ACTIVITIES, MODES, ROLE_CLASSES
from server.words import say, say_of
from web.proof_words import exact, held_words, lasted, listed, span_words


def entry_told(
    one: EntryProof, numbers: dict[UUID, int], contacts: dict[UUID, int], zone: str
) -> dict[str, Any]:
    row = one.row
    mode = say(MODES.get(row.mode, ""))
    return {
        "number": numbers[row.id],
        "when": span_words(row.started_at, row.ended_at, zone),
        "lasts": lasted(int((row.ended_at - row.started_at).total_seconds())),
        "who": row.staff_name or "",
        "as": _as(one),
        "what": say(ACTIVITIES.get(row.activity, row.activity)),
        "how": ", ".join(
            part for part in (mode, say("with the patient") if row.with_patient else "") if part
        ),
        "program": say(PROGRAMS.get(row.program, row.program)),
        "note": contacts.get(row.encounter_id) if row.encounter_id else None,
        "counted": _counted(one),
        "remarks": _remarks(one, zone),
        "left_out": [_left_out(out) for out in one.left_out],
    }


def _as(one: EntryProof) -> str:
    """Who somebody was that day: discipline, class of time, licences."""
    disciplines = [held_words(q) for q in one.held if q.kind == "discipline"]
    licences = [held_words(q) for q in one.held if q.kind == "licence"]
    as_class = say(ROLE_CLASSES[one.told.role]).lower() if one.told else ""
    said = [", ".join(disciplines) or say("no discipline on file that day"), as_class, *licences]
    if not licences:
        said.append(say("no licence on file that day"))
    return "; ".join(part for part in said if part)


def _counted(one: EntryProof) -> str:
    if one.told is None:
        return say("not counted")
    out = sum(left.seconds for left in one.left_out)
    return lasted(max(one.seconds - out, 0)) if out < one.seconds else say("not counted")


def _left_out(out: LeftOut) -> str:
    return say("%(time)s left out: %(why)s", time=lasted(out.seconds), why=out.sentence)


def _remarks(one: EntryProof, zone: str) -> list[str]:
    row = one.row
    said = [_written(one, zone), *(_before(earlier, zone) for earlier in reversed(one.before))]
    if row.late:
        said.append(say("Late: the month was closed already when this was written."))
    if row.state == "draft":
        said.append(say("A draft: not confirmed by the person whose time it is."))
    if row.part_of:
        said.append(say("Part of another service: %(service)s.", service=row.part_of))
    if one.told is not None and one.told.end - one.told.start != row.ended_at - row.started_at:
        said.append(
            say(
                "One meeting about several people: %(span)s is this person's equal share, %(time)s.",
                span=span_words(one.told.start, one.told.end, zone),
                time=lasted((one.told.end - one.told.start) // timedelta(seconds=1)),
            )
        )
    if one.meeting is not None:
        said.append(_met(one.meeting))
    if one.since is not None:
        values = {
            "when": exact(one.since.made_at, zone),
            "name": _by(one.since),
            "reason": one.since.reason,
        }
        said.append(
            say("Since this decision it was taken back, %(when)s, by %(name)s: “%(reason)s”", **values)
            if one.since.void
            else say("Since this decision it was corrected, %(when)s, by %(name)s: “%(reason)s”", **values)
        )
    return said


def _written(one: EntryProof, zone: str) -> str:
    row = one.row
    values = {"when": exact(row.made_at, zone), "name": _by(row)}
    if row.void:
        return say("Taken back %(when)s by %(name)s: “%(reason)s”", **values, reason=row.reason)
    if one.before:
        return say("Corrected %(when)s by %(name)s: “%(reason)s”", **values, reason=row.reason)
    if row.reason:
        return say("Entered %(when)s by %(name)s: “%(reason)s”", **values, reason=row.reason)
    return say("Entered %(when)s by %(name)s.", **values)


def _before(earlier: TimeEntryRow, zone: str) -> str:
    what = say(ACTIVITIES.get(earlier.activity, earlier.activity)).lower()
    values = {
        "span": span_words(earlier.started_at, earlier.ended_at, zone),
        "what": say("%(activity)s, a draft", activity=what) if earlier.state == "draft" else what,
        "when": exact(earlier.made_at, zone),
        "name": _by(earlier),
    }
    if not earlier.reason:
        return say("Before, it said %(span)s, %(what)s; entered %(when)s by %(name)s.", **values)
    return say(
        "Before, it said %(span)s, %(what)s; entered %(when)s by %(name)s: “%(reason)s”",
        **values,
        reason=earlier.reason,
    )


def _met(meeting: Meeting) -> str:
    people = ", ".join(meeting.people)
    said = [say("A meeting of %(people)s.", people=people) if people else say("A meeting of nobody now.")]
    if meeting.others:
        said.append(
            say_of("It was about one more patient.", "It was about %(n)s more patients.", meeting.others)
        )
    return " ".join(said)


def _by(row: TimeEntryRow) -> str:
    if row.made_by == row.staff_id:
        return say("the same person")
    return row.made_by_name or say("the system")


def contact_told(
    one: ContactProof, found: Evidence, numbers: dict[UUID, int], contacts: dict[UUID, int], zone: str
) -> dict[str, Any]:
    row = one.row
    theirs = [numbers[e.row.id] for e in (*found.entries, *found.beside) if e.row.encounter_id == row.id]
    written = {
        "written": exact(row.made_at, zone),
        "writer": row.made_by_name or say("the system"),
        "revision": row.revision,
    }
    return {
        "number": contacts[row.id],
        "kind": say(KINDS.get(row.kind, row.kind)),
        "outcome": say(OUTCOMES.get(row.outcome, row.outcome)),
        "when": exact(row.at, zone),
        "by": row.staff_name or "",
        "who_else": row.who_else,
        "about": row.about_code,
        "video": row.video_declined,
        "note": row.note,
        "next_step": row.next_step,
        "written": say(
            "Signed %(signed)s by %(author)s; written %(written)s by %(writer)s, revision %(revision)s.",
            **written,
            signed=exact(row.signed_at, zone),
            author=row.staff_name,
        )
        if row.signed_at
        else say("Not signed; written %(written)s by %(writer)s, revision %(revision)s.", **written),
        "minutes": listed(theirs),
        "amendments": [
            {
                "said": say(
                    "Amended %(when)s by %(name)s: “%(reason)s”",
                    when=exact(before.made_at, zone),
                    name=before.made_by_name or say("the system"),
                    reason=before.reason,
                ),
                "note": before.note_before,
                "was": ", ".join(
                    (
                        say(KINDS.get(before.kind_before, before.kind_before)),
                        say(OUTCOMES.get(before.outcome_before, before.outcome_before)).lower(),
                        exact(before.at_before, zone),
                    )
                ),
            }
            for before in reversed(one.amendments)
        ],
    }
