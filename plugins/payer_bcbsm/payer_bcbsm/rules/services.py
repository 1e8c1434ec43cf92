"""From counted time to lines: calls, contacts, coordination and conferences."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from carewright_plugin_api.book import cited, counted, listed, spelled, used
from carewright_plugin_api.counting import Counted
from carewright_plugin_api.decisions import FactUsed, Finding, Hold, Line
from carewright_plugin_api.effective import Dated
from carewright_plugin_api.facts import Entry, MonthFacts, local_day
from carewright_plugin_api.ladder import Band, Ladder, Rung, Span, Tally, band_of, once

from payer_bcbsm.rules.book import BOOK, PROGRAM
from payer_bcbsm.rules.countable import service_of
from payer_bcbsm.rules.standing import no_plan, team_ready


@dataclass(slots=True)
class Answer:
    """What the services add up to, while it is being put together. below: what was too short to be a service."""

    lines: list[Line] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    below: list[Hold] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Piece:
    """The counted time of one service on one day (or, for coordination, of the month; `on` is then its last day)."""

    service: str
    on: date
    tally: Tally
    entries: tuple[Entry, ...]

    @property
    def declined(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.declined)


def answer(facts: MonthFacts, time: Counted) -> Answer:
    made = Answer()
    by_id = {entry.id: entry for entry in facts.entries}
    groups: dict[str, list[Span]] = {}
    for span in time.spans:
        groups.setdefault(service_of(by_id[span.entry_id], facts.last_day), []).append(span)
    for service in ("assessment", "contact"):
        for piece in _by_day(service, groups.get(service, []), by_id, facts):
            _contact(piece, facts, made)
    for day in _by_day("phone", groups.get("phone", []), by_id, facts):
        _phone_day(_calls(day, by_id, facts), facts, made)
    if groups.get("coordination"):
        _coordination(_piece("coordination", facts.last_day, groups["coordination"], by_id), facts, made)
    conferences = _by_day("conference", groups.get("conference", []), by_id, facts)
    _conferences(conferences, facts, made)
    _team(time, by_id, facts, made)
    return made


def _team(time: Counted, by_id: dict[str, Entry], facts: MonthFacts, made: Answer) -> None:
    """What was not counted because of who did it is held, so that a missing licence or course is seen."""
    for out in time.left_out:
        entry = by_id[out.entry_id]
        holds = team_ready((entry,), service_of(entry, facts.last_day), facts)
        if out.code in {hold.code for hold in holds}:
            made.holds += holds


def _by_day(service: str, spans: Sequence[Span], by_id: dict[str, Entry], facts: MonthFacts) -> list[Piece]:
    """By the local day on which it began; a call over midnight belongs to the day it was made, in one piece or two."""
    days: dict[date, list[Span]] = {}
    on, before = facts.first_day, None
    for span in sorted(spans, key=lambda span: (span.person, span.start, span.entry_id)):
        if before is None or (before.person, before.end) != (span.person, span.start):
            on = local_day(span.start, facts.zone)
        days.setdefault(on, []).append(span)
        before = span
    return [_piece(service, on, held, by_id) for on, held in sorted(days.items())]


def _piece(service: str, on: date, spans: Sequence[Span], by_id: dict[str, Entry]) -> Piece:
    tally = once(spans)
    ids = sorted({span.entry_id for span in spans})
    return Piece(service, on, tally, tuple(by_id[name] for name in ids))


def _calls(day: Piece, by_id: dict[str, Entry], facts: MonthFacts) -> list[Piece]:
    """One call is one encounter; where no encounter is named, time of one person without a break is one call."""
    calls: list[list[Span]] = []
    for span in sorted(day.tally.counted, key=lambda span: (span.person, span.start, span.entry_id)):
        name = by_id[span.entry_id].encounter
        for call in calls:
            last = call[-1]
            same = name is not None and name == by_id[last.entry_id].encounter
            if same or (name is None and last.person == span.person and last.end == span.start):
                call.append(span)
                break
        else:
            calls.append([span])
    pieces = [_piece("phone", day.on, call, by_id) for call in calls]
    return sorted(pieces, key=lambda call: (-call.tally.seconds, call.tally.entry_ids))


def _phone_day(calls: list[Piece], facts: MonthFacts, made: Answer) -> None:
    row, per_day = BOOK.on("phone.bands", facts.last_day), BOOK.on("phone.per_day", facts.last_day)
    bands = [Band(**band) for band in row.value]
    long_enough = [call for call in calls if band_of(bands, call.tally.minutes)]
    for call in calls:
        band = band_of(bands, call.tally.minutes)
        if band is None:
            made.below.append(_below(row, call, min(held.least for held in bands), "call"))
        elif call in long_enough[: per_day.whole]:
            _add(call, band.code, band.units, row, facts, made)
    if len(long_enough) > per_day.whole:
        made.findings.append(
            BOOK.finding(
                "SECOND_CALL_SAME_DAY",
                "review",
                per_day,
                f"There were {len(long_enough)} calls long enough on {spelled(calls[0].on)}; one is billed, the longest.",
                "Ask the payer if a second call the same day matters to you.",
                *used(calls=len(long_enough)),
            )
        )


def _contact(piece: Piece, facts: MonthFacts, made: Answer) -> None:
    if piece.service == "assessment":
        row = BOOK.on("assessment.code", facts.last_day)
        _add(piece, str(row.value), 1, row, facts, made)
        return
    row = BOOK.on("contact.bands", facts.last_day)
    bands = [Band(**band) for band in row.value]
    band = band_of(bands, piece.tally.minutes)
    if band is None:
        made.below.append(_below(row, piece, min(held.least for held in bands), "contact"))
    else:
        _add(piece, band.code, band.units, row, facts, made)


def _coordination(piece: Piece, facts: MonthFacts, made: Answer) -> None:
    row = BOOK.on("coordination.ladder", facts.last_day)
    ladder = Ladder(*(Rung(**row.table[name]) for name in ("base", "addon")))
    rungs = ladder.climb(piece.tally.minutes)
    if not rungs:
        made.below.append(_below(row, piece, ladder.base.minutes, "month of coordination"))
        return
    highest, most = rungs[-1]
    ended = facts.died_on is not None and facts.died_on <= piece.on
    if ended or not facts.coverage.in_force(piece.on):
        piece = replace(piece, on=piece.tally.reached_on(highest.threshold(most), facts.zone))
    for rung, units in rungs:
        rests_on = "" if rung is ladder.base else ladder.base.code
        if not _add(piece, rung.code, units, row, facts, made, rests_on):
            return  # the further units are nothing without the first


def _conferences(pieces: Sequence[Piece], facts: MonthFacts, made: Answer) -> None:
    """A practitioner and somebody of the care team, about the patient, who is not there."""
    if not pieces:
        return
    row, often = BOOK.on("conference.code", facts.last_day), BOOK.on("conference.per_month", facts.last_day)
    code = str(row.value)
    held = [piece for piece in pieces if {entry.role for entry in piece.entries} >= {"staff", "practitioner"}]
    if not held:
        made.holds.append(
            BOOK.hold(
                "CONFERENCE_NEEDS_PRACTITIONER",
                row,
                f"The meeting of {spelled(pieces[0].on)} was not one of the practitioner with the care team.",
                "Enter the practitioner's part of the meeting if there was one; otherwise nothing is to be done.",
                "A practitioner and a care manager meeting about the patient.",
                mendable=False,
            )
        )
    if held and often.value is None:
        made.holds.append(
            BOOK.hold(
                "RULE_NOT_CERTAIN",
                often,
                f"How often {code} was payable in {facts.first_day:%B %Y} is not certain: {often.citation.title}.",
                "Decide by hand with the payer's notices of that time.",
                "A dated, cited value for that month.",
            )
        )
        return
    before = [s for s in facts.billed if s.code == code and facts.first_day <= s.on <= facts.last_day]
    for n, piece in enumerate(held, start=len(before) + 1):
        if n > often.whole:
            reason = BOOK.on("conference.hold", facts.last_day)
            made.holds.append(
                BOOK.hold(
                    str(reason.value),
                    often,
                    f"The conference of {spelled(piece.on)} is number {n} this month; {often.whole} are paid.",
                    "Nothing is to be done. The meeting stands in the record; it is not billed.",
                    "Fewer conferences billed in the month.",
                    *used(conferences_before=n - 1),
                    mendable=False,
                )
            )
        else:
            _add(piece, code, 1, row, facts, made)


def _add(
    piece: Piece, code: str, units: int, row: Dated, facts: MonthFacts, made: Answer, rests_on: str = ""
) -> bool:
    """A line, unless the plan, an earlier claim or the rule of declines stands in the way; whether it was added."""
    day = facts.last_day
    monthly = piece.service == "coordination"
    holds: list[Hold] = []
    modifiers, refused = _decline(piece, facts, made)
    if not piece.declined:
        holds += no_plan(facts)
    holds += refused
    earlier = sorted(
        s.on
        for s in facts.billed
        if s.code == code and (facts.first_day <= s.on <= facts.last_day if monthly else s.on == piece.on)
    )
    if earlier and piece.service != "conference":
        holds.append(
            BOOK.hold(
                "ALREADY_BILLED",
                row,
                f"{code} was billed for this patient on {spelled(earlier[0])}; it is paid once a "
                f"{'month' if monthly else 'day'}.",
                "Nothing is to be done.",
                "That claim being withdrawn.",
                *used(billed_on=earlier[0]),
                mendable=False,
            )
        )
    if holds:
        made.holds += [held for held in holds if held not in made.holds]
        return False
    label = BOOK.on("pdcm.services", day).table[code]
    minutes = piece.tally.minutes
    when = f"in {facts.first_day:%B %Y}" if monthly else f"on {spelled(piece.on)}"
    made.lines.append(
        Line(
            code=code,
            units=units,
            date_of_service=piece.on,
            program=PROGRAM,
            rule_id=BOOK.rule_id(row),
            sentence=f"{counted(minutes, 'whole minute')} {when}: {counted(units, 'unit')} of {code} ({label})"
            f"{', with ' + modifiers[0] + ' because the patient declined the program' if modifiers else ''}.",
            citations=cited(row, BOOK.on("pdcm.people", day), BOOK.on("pdcm.training", day)),
            what_would_change="Another length after a correction, a group without the benefit, or an earlier claim.",
            label=label,
            modifiers=modifiers,
            amount_note=BOOK.on("fees.schedule", day).citation.title + ".",
            entry_ids=piece.tally.entry_ids,
            facts_used=_facts_used(piece),
            needs_diagnoses=1,
            diagnoses=_conditions(piece, facts),
            rests_on=rests_on,
        )
    )
    return True


def _conditions(piece: Piece, facts: MonthFacts) -> tuple[str, ...]:
    """What the contact was about, where that was written down and is a code somebody chose for the claim."""
    chosen = {diagnosis.code.upper() for diagnosis in facts.diagnoses}
    about = {entry.condition.upper() for entry in piece.entries if entry.condition}
    return tuple(sorted(about & chosen))


def _decline(piece: Piece, facts: MonthFacts, made: Answer) -> tuple[tuple[str, ...], list[Hold]]:
    """The modifier for a program that was discussed and declined: some products, once per condition and year."""
    if not piece.declined:
        return (), []
    row = BOOK.on("decline.rule", facts.last_day)
    rule, product = row.table, facts.coverage.product
    if piece.service not in rule["services"] or product not in rule["products"]:
        return (), [
            BOOK.hold(
                "DECLINE_NOT_PAYABLE",
                row,
                f"The patient declined the program; that is payable for {listed([p.replace('_', ' ') for p in rule['products']])}"
                f", and this coverage is {product.replace('_', ' ')}.",
                "Nothing is to be done.",
                "A product that pays for a declined offer.",
                *used(product=product),
                mendable=False,
            )
        ]
    condition = next((entry.condition for entry in piece.declined if entry.condition), None)
    modifier = str(rule["modifier"])
    earlier = [
        (s.on, s.diagnosis) for s in facts.billed if modifier in s.modifiers and s.on.year == piece.on.year
    ]
    earlier += [
        (line.date_of_service, {f.name: f.value for f in line.facts_used}.get("condition"))
        for line in made.lines
        if modifier in line.modifiers
    ]
    same = sorted(on for on, other in earlier if condition is None or other is None or other == condition)
    if same:
        return (), [
            BOOK.hold(
                "DECLINE_ALREADY_BILLED",
                row,
                f"A declined offer was billed on {spelled(same[0])}; it is paid once per condition and year.",
                "Nothing is to be done.",
                "Another condition, recorded with the contact.",
                *used(billed_on=same[0], condition=condition or "not recorded"),
                mendable=False,
            )
        ]
    return (modifier,), []


def declined_services() -> tuple[str, ...]:
    """The services that may carry the modifier of a declined offer: they are paid once a year, so they are remembered."""
    modifiers = {str(row.table["modifier"]) for row in BOOK.history("decline.rule")}
    bands = [*BOOK.history("phone.bands"), *BOOK.history("contact.bands")]
    codes = {band["code"] for row in bands for band in row.value}
    return tuple(sorted(f"{code}-{modifier}" for code in codes for modifier in modifiers))


def _below(row: Dated, piece: Piece, least: int, what: str) -> Hold:
    minutes = piece.tally.minutes
    return BOOK.hold(
        f"BELOW_{least}",
        row,
        f"The {what} of {spelled(piece.on)} came to {counted(minutes, 'whole minute')}; the rule asks for {least}.",
        "If the care did not call for more, nothing is to be done.",
        f"Care that comes to {least} whole minutes or more.",
        *_facts_used(piece),
        mendable=False,
    )


def _facts_used(piece: Piece) -> tuple[FactUsed, ...]:
    condition = next((entry.condition for entry in piece.declined if entry.condition), None)
    people = sorted({entry.discipline or entry.role for entry in piece.entries})
    facts = used(minutes=piece.tally.minutes, seconds=piece.tally.seconds, by=", ".join(people))
    return (*facts, *used(condition=condition)) if condition else facts
