"""Which time counts at all, and which service of the program a piece of work belongs to."""

from datetime import date

from carewright_plugin_api.book import spelled
from carewright_plugin_api.counting import Counted, Gate, count
from carewright_plugin_api.decisions import Verdict
from carewright_plugin_api.facts import Entry, MonthFacts
from carewright_plugin_api.ladder import days_window

from payer_bcbsm.rules.book import BOOK, PROGRAM
from payer_bcbsm.rules.standing import team_ready

_TALKS = ("contact", "supporter_contact", "education", "assessment")


def service_of(entry: Entry, on: date) -> str:
    """phone, contact, assessment, coordination or conference.

    A talk with the patient or the caregiver goes by the way it was held. Working on the patient's behalf is
    coordination; meeting with the practitioner about the patient, who is not there, is a conference.
    """
    if entry.activity == "team_meeting" and not entry.with_patient:
        return "conference"
    if not (entry.with_patient or entry.activity in _TALKS):
        return "coordination"
    ways = BOOK.on("pdcm.modes", on).table
    way = str(ways.get(entry.mode, "coordination"))
    if way == "phone" and entry.video_declined and entry.licensed:
        way = "contact"
    return "assessment" if way == "contact" and entry.activity == "assessment" else way


def verdict(entry: Entry, on: date) -> Verdict:
    """Whether this kind of work, by this kind of person, counts on that day; the clock is looked at elsewhere."""
    people, status = BOOK.on("pdcm.people", on), BOOK.on("pdcm.status", on)
    work, modes = BOOK.on("pdcm.uncounted_work", on), BOOK.on("pdcm.uncounted_modes", on)
    if entry.role not in people.words:
        return BOOK.no("NOT_CARE_TEAM", people, "Time of people who are not on the care team does not count.")
    if entry.status not in status.words:
        return BOOK.no("DRAFT", status, "The entry is still a draft; only final entries count.")
    if entry.part_of is not None:
        other = BOOK.on("pdcm.other_service", on)
        return BOOK.no(
            "PART_OF_ANOTHER_SERVICE", other, f"The time belongs to another service ({entry.part_of})."
        )
    if entry.activity in work.words:
        return BOOK.no(
            "UNCOUNTED_WORK", work, "Office work, prior authorization and chart preparation do not count."
        )
    if entry.mode in modes.words:
        return BOOK.no("UNCOUNTED_MODE", modes, "Email and letters do not count.")
    service = service_of(entry, on)
    if service in ("phone", "contact", "assessment") and not entry.reached:
        return BOOK.no("NOT_REACHED", BOOK.on("pdcm.modes", on), "Nobody was reached.")
    by_staff = BOOK.on("pdcm.not_by_practitioner", on)
    if entry.role == "practitioner" and service in by_staff.words:
        return BOOK.no("NOT_BY_PHYSICIAN", by_staff, "This service is the care team's, not the physician's.")
    return Verdict(True, "COUNTS", "This kind of work counts.", BOOK.rule_id(people))


def counted_time(facts: MonthFacts) -> Counted:
    day, coverage = facts.last_day, facts.coverage
    covered, death = BOOK.on("pdcm.coverage", day), BOOK.on("pdcm.death", day)
    gates = [
        Gate(
            BOOK.rule_id(covered),
            "OUTSIDE_COVERAGE",
            "The time lies outside this coverage.",
            only=(days_window(coverage.starts_on, coverage.ends_on, facts.zone),),
        )
    ]
    if facts.died_on is not None:
        gates.append(
            Gate(
                BOOK.rule_id(death),
                "AFTER_DEATH",
                f"The time was spent after the day the patient died, {spelled(facts.died_on)}.",
                only=(days_window(None, facts.died_on, facts.zone),),
            )
        )
    other, joint = BOOK.on("pdcm.other_service", day), BOOK.on("pdcm.joint", day)
    return count(
        facts,
        PROGRAM,
        lambda entry: _said(entry, facts),
        gates,
        once_only=BOOK.no(
            "SAME_MINUTE_TWICE", other, "The same person spent these minutes on another service."
        ),
        joint_once=BOOK.no(
            "JOINT_MEETING_ONCE", joint, "Several people met; the time of one of them counts."
        ),
        undivided=lambda entry: service_of(entry, day) != "coordination",
        began_before=BOOK.no(
            "BEGAN_BEFORE_MONTH",
            BOOK.on("pdcm.modes", day),
            "The contact began in the month before and is whole there.",
        ),
    )


def _said(entry: Entry, facts: MonthFacts) -> Verdict:
    """The verdict, and whether the person may do that service: time of who may not never carries a line."""
    day = facts.last_day
    said = verdict(entry, day)
    for hold in team_ready((entry,), service_of(entry, day), facts) if said.counts else ():
        return Verdict(False, hold.code, hold.sentence, hold.rule_id, hold.citations)
    return said
