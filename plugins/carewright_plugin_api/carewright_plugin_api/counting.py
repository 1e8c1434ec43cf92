"""From a month of entries to the time that counts, with a reason for every second that does not.

The steps are the same for every payer: this program, this month, this kind of work, within the gates (consent,
coverage, stays ...), no minute that the same person spent on another billed service, every joint meeting once.
What differs between payers is handed in.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from carewright_plugin_api.decisions import LeftOut, MinutesCounted, Verdict
from carewright_plugin_api.facts import Entry, MonthFacts, Role
from carewright_plugin_api.ladder import (
    Span,
    Tally,
    Window,
    inside,
    length,
    month_window,
    once,
    outside,
    person_once,
    without_time_of,
)


@dataclass(frozen=True, slots=True)
class Gate:
    """Time passes only inside one of `only` (None: anywhere) and outside all of `never`."""

    rule_id: str
    code: str
    sentence: str
    only: tuple[Window, ...] | None = None
    never: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """The spans that passed, every minute of a person once, and what did not pass."""

    program: str
    spans: tuple[Span, ...]
    roles: tuple[tuple[str, Role], ...]
    left_out: tuple[LeftOut, ...]

    def tally(self, *roles: Role, person: str | None = None) -> Tally:
        """The time of people in these roles (or of one of them), every minute and every joint meeting once."""
        theirs = {entry for entry, role in self.roles if role in roles}
        return once(span for span in self.spans if span.entry_id in theirs and person in (None, span.person))

    def minutes_of(self, who: str, tally: Tally) -> MinutesCounted:
        return MinutesCounted(self.program, who, tally.seconds, tally.minutes, tally.entry_ids)


def count(
    facts: MonthFacts,
    program: str,
    verdict: Callable[[Entry], Verdict],
    gates: Sequence[Gate],
    *,
    once_only: Verdict,
    joint_once: Verdict,
    undivided: Callable[[Entry], bool] = lambda entry: False,
    began_before: Verdict | None = None,
) -> Counted:
    """The countable time of `program` in the month of `facts`.

    verdict: whether an entry's kind of work counts at all. once_only and joint_once: the code and sentence to give
    for a minute that the same person spent on something else too, and for the second person at one meeting.
    undivided: work billed by the contact, which belongs whole to the month in which it began; other work is split
    at the edges of the month. began_before: what to say of the rest of a contact that began in the month before.
    """
    month = month_window(facts.first_day, facts.zone)
    ours = [entry for entry in facts.entries if entry.program == program]
    left: list[tuple[str, str, str, tuple[Span, ...]]] = []
    spans: list[Span] = []
    for entry in ours:
        pieces = inside([Span.of(entry)], month)
        if undivided(entry):
            ours_whole = pieces and pieces[0].start == entry.start
            if pieces and not ours_whole and began_before is not None:
                left.append((began_before.code, began_before.sentence, began_before.rule_id, pieces))
            pieces = (Span.of(entry),) if ours_whole else ()
        said = verdict(entry)
        if said.counts:
            spans += pieces
        else:
            left.append((said.code, said.sentence, said.rule_id, pieces))
    for gate in gates:
        kept = spans if gate.only is None else _inside_any(spans, gate.only)
        kept = list(outside(kept, gate.never))
        left.append((gate.code, gate.sentence, gate.rule_id, _minus(spans, kept)))
        spans = kept
    elsewhere = [
        Span.of(entry)
        for entry in facts.entries
        if entry.status == "final" and (entry.program != program or entry.part_of is not None)
    ]
    kept = list(without_time_of(spans, elsewhere))
    alone = person_once(kept)
    left.append((once_only.code, once_only.sentence, once_only.rule_id, _minus(spans, kept)))
    left.append((once_only.code, once_only.sentence, once_only.rule_id, alone.repeated))
    left.append((joint_once.code, joint_once.sentence, joint_once.rule_id, once(alone.counted).repeated))
    return Counted(
        program,
        alone.counted,
        tuple(sorted((entry.id, entry.role) for entry in ours)),
        _left_out(left),
    )


def of_other_programs(facts: MonthFacts, programs: Sequence[str], rule_id: str) -> tuple[LeftOut, ...]:
    """The time of the month that was logged for programs these rules do not hold, so that no entry is passed over."""
    month = month_window(facts.first_day, facts.zone)
    return _left_out(
        (
            "OTHER_PROGRAM",
            f"These rules hold nothing for {entry.program}.",
            rule_id,
            inside([Span.of(entry)], month),
        )
        for entry in facts.entries
        if entry.program not in programs
    )


def _inside_any(spans: Iterable[Span], windows: Sequence[Window]) -> list[Span]:
    """The pieces inside at least one window. Windows of one gate do not overlap."""
    held = tuple(spans)
    return [piece for window in windows for piece in inside(held, window)]


def _minus(spans: Sequence[Span], kept: Sequence[Span]) -> tuple[Span, ...]:
    """What of `spans` is in no piece of the same entry in `kept`."""
    whole = set(map(id, kept))  # most pass untouched: the same object, of which nothing is left
    by_entry: dict[str, list[Window]] = {}
    for piece in kept:
        by_entry.setdefault(piece.entry_id, []).append(Window(piece.start, piece.end))
    return tuple(
        piece
        for span in spans
        if id(span) not in whole
        for piece in outside((span,), by_entry.get(span.entry_id, ()))
    )


def _left_out(left: Iterable[tuple[str, str, str, tuple[Span, ...]]]) -> tuple[LeftOut, ...]:
    sums: dict[tuple[str, str], tuple[str, str, list[Span]]] = {}
    for code, sentence, rule_id, spans in left:
        for span in spans:
            sums.setdefault((span.entry_id, code), (sentence, rule_id, []))[2].append(span)
    return tuple(
        LeftOut(entry_id, length(spans) // timedelta(seconds=1), code, sentence, rule_id)
        for (entry_id, code), (sentence, rule_id, spans) in sorted(sums.items())
    )
