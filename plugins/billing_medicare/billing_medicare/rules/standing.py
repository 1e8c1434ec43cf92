"""Consent, coverage, visits: since when and until when care counts in the month asked about."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from carewright_plugin_api.facts import Consent, Coverage, MonthFacts, Visit
from carewright_plugin_api.ladder import Window, days_window, month_window

from billing_medicare.rules.book import BOOK, PROGRAM


@dataclass(frozen=True, slots=True)
class Standing:
    """consented: windows of consent. consents: each yes that holds in the month. seen: an evaluation within the year.

    begins_on: the initiating visit, where one is needed and was held. ended_by: what ended care within the month.
    """

    consented: tuple[Window, ...]
    consents: tuple[Consent, ...]
    seen: Visit | None
    begins_on: Visit | None
    ended_by: str | None

    @property
    def visit_in_order(self) -> bool:
        return self.seen is not None or self.begins_on is not None


def standing_of(facts: MonthFacts) -> Standing:
    events = _events(facts)
    windows = _windows(events)
    month = month_window(facts.first_day, facts.zone)
    yeses = [yes for window, given in windows if _meets(window, month) for yes in given]
    consents = tuple(yes for yes in yeses if month.ends is None or yes.at < month.ends)
    consented = _since_told([window for window, _ in windows], consents, facts.last_day)
    seen = _seen_within_the_year(facts)
    return Standing(
        consented=consented,
        consents=consents,
        seen=seen,
        begins_on=None if seen else _initiating(facts),
        ended_by=_ended_by(facts, consented),
    )


def part_b_windows(facts: MonthFacts) -> tuple[tuple[Window, ...], tuple[Window, ...]]:
    """(when this coverage is in force, when in the month an Advantage plan took its place or gave it back)"""
    instead = [
        cover
        for cover in facts.other_coverages
        if cover.replaces_part_b and not takes_the_whole_month(cover, facts)
    ]
    return (
        (days_window(facts.coverage.starts_on, facts.coverage.ends_on, facts.zone),),
        tuple(days_window(cover.starts_on, cover.ends_on, facts.zone) for cover in instead),
    )


def takes_the_whole_month(other: Coverage, facts: MonthFacts) -> bool:
    """Whether `other` leaves this coverage no day of the month (that the patient lived)."""
    first = max(facts.first_day, facts.coverage.starts_on)
    last = min(facts.last_day, facts.coverage.ends_on or facts.last_day, facts.died_on or facts.last_day)
    return other.starts_on <= first and (other.ends_on is None or other.ends_on >= last)


def months_before(day: date, months: int) -> date:
    """The same day of the month, earlier; the last one there is if the month is too short."""
    index = day.year * 12 + day.month - 1 - months
    first = date(index // 12, index % 12 + 1, 1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def _events(facts: MonthFacts) -> list[Consent]:
    """Consent to this program and this practitioner, oldest first. A yes to somebody else is no yes here."""
    mine = facts.billing_practitioner.id if facts.billing_practitioner else None
    ours = [
        event
        for event in facts.consents
        if event.program == PROGRAM
        and (event.kind != "given" or mine is None or event.practitioner in (None, mine))
    ]
    return sorted(ours, key=lambda event: (event.at, event.kind != "given", event.id))


def _windows(events: list[Consent]) -> list[tuple[Window, tuple[Consent, ...]]]:
    """From each yes until the next no, with every yes in between. A refusal after a yes is a no as well."""
    windows: list[tuple[Window, tuple[Consent, ...]]] = []
    given: tuple[Consent, ...] = ()
    for event in events:
        if event.kind == "given":
            given = (*given, event)
        elif given:
            if event.at > given[0].at:
                windows.append((Window(given[0].at, event.at), given))
            given = ()
    if given:
        windows.append((Window(given[0].at, None), given))
    return windows


def _since_told(windows: list[Window], consents: tuple[Consent, ...], last: date) -> tuple[Window, ...]:
    """The windows from the yes on that completed the wording. Where none did, as they are: another rule holds that."""
    asked, told = set(BOOK.on("ccm.consent_tells", last).words), set[str]()
    for yes in consents:
        told |= set(yes.told)
        if asked <= told:
            break
    else:
        return tuple(windows)
    return tuple(
        replace(window, starts=max(window.starts, yes.at)) if window.starts else window
        for window in windows
        if window.ends is None or yes.at < window.ends
    )


def _seen_within_the_year(facts: MonthFacts) -> Visit | None:
    """The last visit with the billing practitioner within a year of the start of the program, or of this month."""
    kinds = BOOK.on("ccm.initiating_visits", facts.last_day).words
    months = BOOK.on("ccm.seen_within", facts.last_day).whole
    starts = [enrollment.started_on for enrollment in facts.enrollments if enrollment.program == PROGRAM]
    anchors = {facts.first_day, *(day for day in starts if day <= facts.last_day)}
    seen = [
        visit
        for visit in facts.visits
        if visit.kind in kinds
        and _with_biller(visit, facts)
        and any(months_before(anchor, months) <= visit.on <= anchor for anchor in anchors)
    ]
    return max(seen, key=lambda visit: (visit.on, visit.kind), default=None)


def _initiating(facts: MonthFacts) -> Visit | None:
    kinds = BOOK.on("ccm.initiating_visits", facts.last_day).words
    fitting = [
        visit
        for visit in facts.visits
        if visit.initiating_for == PROGRAM
        and visit.kind in kinds
        and visit.on <= facts.last_day
        and _with_biller(visit, facts)
    ]
    return min(fitting, key=lambda visit: (visit.on, visit.kind), default=None)


def _with_biller(visit: Visit, facts: MonthFacts) -> bool:
    mine = facts.billing_practitioner.id if facts.billing_practitioner else None
    return mine is None or visit.practitioner in (None, mine)


def _ended_by(facts: MonthFacts, consented: tuple[Window, ...]) -> str | None:
    """Why care ended before the last day of the month was over, or None if it did not."""
    last = facts.last_day
    end_of_month = month_window(facts.first_day, facts.zone).ends
    if facts.died_on is not None and facts.died_on <= last:
        return "the patient died"
    if consented and not any(
        window.ends is None or _after(window.ends, end_of_month) for window in consented
    ):
        return "the patient withdrew"
    if not facts.coverage.in_force(last):
        return "the coverage ended"
    if any(cover.replaces_part_b and cover.in_force(last) for cover in facts.other_coverages):
        return "an Advantage plan began"
    enrolled = [enrollment for enrollment in facts.enrollments if enrollment.program == PROGRAM]
    if enrolled and all(held.ended_on is not None and held.ended_on <= last for held in enrolled):
        return "the patient left the program"
    day = days_window(last, last, facts.zone)
    kinds = BOOK.on("ccm.stays", last).words
    if any(
        stay.kind in kinds and _meets(Window.between(stay.starts, stay.ends), day) for stay in facts.stays
    ):
        return "the patient was in a facility on the last day"
    return None


def _after(ends: datetime, end_of_month: datetime | None) -> bool:
    return end_of_month is not None and ends >= end_of_month


def _meets(one: Window, other: Window) -> bool:
    return (one.starts is None or other.ends is None or one.starts < other.ends) and (
        one.ends is None or other.starts is None or other.starts < one.ends
    )
