"""Which time of the month counts toward chronic care management, and why the rest does not."""

from dataclasses import dataclass
from datetime import date

from carewright_plugin_api.book import spelled
from carewright_plugin_api.counting import Counted, Gate, count
from carewright_plugin_api.decisions import Verdict
from carewright_plugin_api.facts import Entry, MonthFacts
from carewright_plugin_api.ladder import Tally, Window, days_window

from billing_medicare.rules.book import BOOK, PROGRAM
from billing_medicare.rules.standing import Standing, part_b_windows


@dataclass(frozen=True, slots=True)
class Tallies:
    """Minutes by who spent them. Practitioner time may be counted as staff time, so there is one of both together."""

    staff: Tally
    practitioner: Tally
    together: Tally


_YES = Verdict(True, "COUNTS", "This kind of work counts.", "medicare.ccm.people")


def verdict(entry: Entry, on: date) -> Verdict:
    """Whether this kind of work, by this kind of person, counts on that day; the clock is looked at elsewhere."""
    people = BOOK.on("ccm.people", on)
    if entry.role not in people.words:
        return BOOK.no("NOT_CLINICAL", people, "Time of people who are not clinical staff does not count.")
    status = BOOK.on("ccm.status", on)
    if entry.status not in status.words:
        return BOOK.no("DRAFT", status, "The entry is still a draft; only final entries count.")
    other = BOOK.on("ccm.other_service", on)
    if entry.part_of is not None:
        return BOOK.no(
            "PART_OF_ANOTHER_SERVICE", other, f"The time belongs to another service ({entry.part_of})."
        )
    machine = BOOK.on("ccm.no_human", on)
    if entry.activity in machine.words:
        return BOOK.no("NO_PERSON", machine, "An automated call or message is not staff time.")
    office = BOOK.on("ccm.office_work", on)
    if entry.activity in office.words:
        return BOOK.no("OFFICE_WORK", office, "Scheduling, billing and training do not count.")
    return _YES


def counted_time(facts: MonthFacts, standing: Standing) -> Counted:
    day = facts.last_day
    other, joint = BOOK.on("ccm.other_service", day), BOOK.on("ccm.joint", day)
    return count(
        facts,
        PROGRAM,
        lambda entry: verdict(entry, day),
        _gates(facts, standing),
        once_only=BOOK.no(
            "SAME_MINUTE_TWICE", other, "The same person spent these minutes on another service."
        ),
        joint_once=BOOK.no(
            "JOINT_MEETING_ONCE", joint, "Several people met; the time of one of them counts."
        ),
    )


def tallies_of(time: Counted, facts: MonthFacts) -> Tallies:
    """practitioner: the billing practitioner's own time; where nobody is named as such, that of any practitioner."""
    mine = facts.billing_practitioner
    personal = time.tally("practitioner", person=mine.id if mine else None)
    return Tallies(time.tally("staff"), personal, time.tally("staff", "practitioner"))


def _gates(facts: MonthFacts, standing: Standing) -> list[Gate]:
    day, zone = facts.last_day, facts.zone
    covers, instead = part_b_windows(facts)
    covered, withdrawal = BOOK.on("ccm.coverage", day), BOOK.on("ccm.withdrawal", day)
    consent, death, stays = (
        BOOK.on("ccm.consent_tells", day),
        BOOK.on("ccm.death", day),
        BOOK.on("ccm.stays", day),
    )
    gates = [
        Gate(
            BOOK.rule_id(covered),
            "OUTSIDE_COVERAGE",
            "The time lies outside this coverage.",
            only=covers,
            never=instead,
        )
    ]
    if standing.consented:
        first = standing.consented[0].starts
        gates += [
            Gate(
                BOOK.rule_id(consent),
                "BEFORE_CONSENT",
                "The time was spent before the patient consented.",
                only=(Window(first, None),),
            ),
            Gate(
                BOOK.rule_id(withdrawal),
                "AFTER_WITHDRAWAL",
                "The time was spent after the patient withdrew consent.",
                only=standing.consented,
            ),
        ]
    if standing.begins_on is not None:
        initiating = BOOK.on("ccm.initiating_visits", day)
        gates.append(
            Gate(
                BOOK.rule_id(initiating),
                "BEFORE_INITIATING_VISIT",
                f"The time was spent before the initiating visit of {spelled(standing.begins_on.on)}.",
                only=(days_window(standing.begins_on.on, None, zone),),
            )
        )
    if facts.died_on is not None:
        gates.append(
            Gate(
                BOOK.rule_id(death),
                "AFTER_DEATH",
                f"The time was spent after the day the patient died, {spelled(facts.died_on)}.",
                only=(days_window(None, facts.died_on, zone),),
            )
        )
    away = tuple(Window.between(stay.starts, stay.ends) for stay in facts.stays if stay.kind in stays.words)
    gates.append(
        Gate(
            BOOK.rule_id(stays),
            "IN_FACILITY",
            "The patient was an inpatient or in a Part A skilled stay.",
            never=away,
        )
    )
    return gates
