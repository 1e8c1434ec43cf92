"""Every page one can go to by its name: the palette's list, for each who works here.

Pure: what a role may is passed in. tests/pages/test_palette.py holds the list to the pages there are.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from server.patients.search import fold
from server.words import N_, say
from web.help import topics

_HERE: Final = re.compile(r"^/(people|month)/([0-9a-f-]{36}|\d{4}-\d{2})(?:/|$)")
_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Way:
    """words: what the page is called; also: what else people call it; note: where it lies."""

    words: str
    address: str
    permission: str
    also: str = ""
    note: str = ""


WAYS: Final = (
    Way(N_("Today"), "/", "self.read", "home first page start"),
    Way(N_("What you have taken on"), "/tasks", "tasks.read", "tasks to do asked for came back list"),
    Way(N_("People"), "/people", "patients.find", "patients list everybody"),
    Way(N_("Register someone"), "/people/new", "patients.write", "new patient add person"),
    Way(
        N_("On file twice?"),
        "/people/duplicates",
        "patients.merge",
        "duplicates merge join double same person",
    ),
    Way(N_("Ask a care manager for somebody"), "/refer", "referrals.write", "refer referral help hand-off"),
    Way(N_("Who was thought of"), "/referrals", "referrals.read", "referrals open asked waiting"),
    Way(N_("Bring people in"), "/imports", "imports.write", "import file upload records"),
    Way(
        N_("Bring in a table"), "/imports/tables", "imports.write", "csv spreadsheet excel import file upload"
    ),
    Way(N_("Months"), "/month", "claims.read", "month close billing"),
    Way(N_("Your time"), "/time", "minutes.write", "timer minutes unsorted"),
    Way(N_("The practice"), "/practice", "practice.read", "settings overview"),
    Way(N_("Name and numbers of the practice"), "/practice/edit", "practice.write", "npi time zone change"),
    Way(N_("How time is counted"), "/practice/policy", "practice.write", "policy timer idle"),
    Way(N_("Sites"), "/practice/sites", "practice.read", "locations offices"),
    Way(N_("Add a site"), "/practice/sites/new", "practice.write", "location office new"),
    Way(
        N_("Referrals and introductions"),
        "/practice/referrals",
        "practice.read",
        "scripts words confirm hand-off settings",
    ),
    Way(N_("Payers"), "/practice/payers", "practice.read", "insurance plans"),
    Way(N_("Add a payer"), "/practice/payers/new", "practice.write", "insurance new"),
    Way(N_("Staff"), "/practice/staff", "practice.read", "colleagues team people who work here"),
    Way(
        N_("Who is here when"), "/practice/hours", "practice.read", "hours schedule week shifts away planning"
    ),
    Way(N_("Invite someone to work here"), "/practice/staff/invite", "staff.write", "staff new colleague"),
    Way(N_("Add a provider"), "/practice/staff/provider", "staff.write", "doctor new billing"),
    Way(N_("Billing"), "/practice/billing", "billing.read", "claims set-up"),
    Way(N_("Charges"), "/practice/billing/charges", "billing.write", "fees prices"),
    Way(
        N_("Who bills"), "/practice/billing/identity", "billing.write", "billing identity tax number address"
    ),
    Way(N_("API tokens"), "/practice/tokens", "tokens.write", "programs access keys"),
    Way(N_("Background work"), "/practice/work", "jobs.read", "jobs queue failed"),
    Way(N_("Setting up"), "/set-up", "practice.write", "checklist first steps"),
    Way(N_("Security"), "/security", "self.read", "sign-ins sessions devices"),
    Way(N_("Change your password"), "/security/password", "self.read", "security"),
    Way(
        N_("Change your second key"),
        "/security/authenticator",
        "self.read",
        "authenticator code phone security",
    ),
    Way(N_("Help"), "/help", "self.read", "questions explanations manual"),
    Way(N_("New recovery codes"), "/security/recovery-codes", "self.read", "security lost phone"),
)
#: of whoever or whatever month is on the page now
HERE: Final = (
    Way(N_("Their page"), "/people/{id}", "patients.read", "person"),
    Way(N_("Write down a contact"), "/people/{id}/contacts/new", "encounters.write", "call visit note new"),
    Way(N_("Diary"), "/people/{id}/diary", "encounters.read", "contacts notes history"),
    Way(N_("Chart"), "/people/{id}/chart", "chart.read", "problems medicines results"),
    Way(
        N_("What they answered"),
        "/people/{id}/assessments",
        "chart.read",
        "assessments scores phq gad questionnaires",
    ),
    Way(
        N_("Ask something"),
        "/people/{id}/assessments/new",
        "assessments.write",
        "assessment questionnaire screening new",
    ),
    Way(
        N_("A worry about safety"),
        "/people/{id}/safety/new",
        "assessments.write",
        "safety concern harm suicide",
    ),
    Way(N_("Plan"), "/people/{id}/plan", "chart.read", "goals versions"),
    Way(N_("Write the plan"), "/people/{id}/plan/new", "plans.write", "goals new version"),
    Way(N_("What is to be done"), "/people/{id}/tasks", "chart.read", "tasks to do open closed"),
    Way(N_("Ask for something"), "/people/{id}/tasks/new", "tasks.write", "task new to do delegate"),
    Way(N_("Ask a care manager"), "/people/{id}/refer", "referrals.write", "refer referral help hand-off"),
    Way(N_("Programs"), "/people/{id}/programs", "enrollment.read", "enrollment consent"),
    Way(N_("Enroll"), "/people/{id}/programs/new", "enrollment.write", "program new"),
    Way(N_("What payers ask about"), "/people/{id}/payers-ask", "enrollment.read", "visits services"),
    Way(N_("Minutes"), "/people/{id}/minutes", "minutes.read", "time"),
    Way(N_("Story and what matters"), "/people/{id}/story", "story.write", "words"),
    Way(N_("Codes for claims"), "/people/{id}/diagnoses", "diagnoses.write", "diagnoses icd"),
    Way(N_("Details"), "/people/{id}/details", "patients.write", "address phone language insurance coverage"),
    Way(N_("Joined records"), "/people/{id}/joined", "patients.merge", "duplicates merge undo apart"),
    Way(N_("Your drafts"), "/people/{id}/note-drafts", "encounters.write", "notes unsaved"),
    Way(N_("Who opened this record"), "/people/{id}/openings", "audit.read", "audit log"),
    Way(N_("The month"), "/month/{id}", "claims.read", "close"),
    Way(N_("Claims of the month"), "/month/{id}/claims", "claims.read", "sign send files"),
)
#: what stands behind each "?"; found by what is typed, never offered before
HELP: Final = tuple(
    Way(one.title, one.address, "self.read", f"help {one.also}", N_("help")) for one in topics()
)
_NOTES: Final = {"people": N_("of this person"), "month": N_("of this month")}


def ways_to(typed: str, at: str, may: Callable[[str], bool]) -> Sequence[Way]:
    """Pages whose name, or what else they are called, has every typed word at a beginning; the name counts first, and
    help comes after the pages.

    typed: as it stands in the box, "" for all that is near. at: the path of the page one is on. At most eight.
    """
    sought = fold(typed).split()
    found: list[tuple[int, Way]] = []
    for way in (*_of_here(at), *WAYS, *(HELP if sought else ())):
        if not may(way.permission):
            continue
        after = 2 if way.note == "help" else 0
        name, also = fold(say(way.words)).split(), fold(f"{say(way.words)} {way.also}").split()
        if all(any(word.startswith(part) for word in name) for part in sought):
            found.append((after, way))
        elif all(any(word.startswith(part) for word in also) for part in sought):
            found.append((after + 1, way))
    found.sort(key=lambda one: one[0])
    return [way for _, way in found[:_MOST]]


def _of_here(at: str) -> Sequence[Way]:
    here = _HERE.match(at)
    if here is None or (here[1] == "month") != (len(here[2]) == 7):
        return ()
    return [
        Way(way.words, way.address.replace("{id}", here[2]), way.permission, way.also, _NOTES[here[1]])
        for way in HERE
        if way.address.startswith(f"/{here[1]}/")
    ]
