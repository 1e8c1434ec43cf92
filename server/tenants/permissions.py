"""Who may do what: one table, read by both edges and by the authorization tests.

A permission is `room.verb`. Every GraphQL root field and every page declares one; an undeclared one stops start-up.
Roles follow the work of a practice; V1 and V2 hold: there is no permission to browse what a colleague did.
"""

from typing import Final

from server.words import N_

ADMINISTRATOR = "administrator"
CARE_MANAGER = "care_manager"
PROVIDER = "provider"
MEDICAL_ASSISTANT = "medical_assistant"
FRONT_DESK = "front_desk"
BILLER = "biller"
MENTOR = "mentor"

#: role -> the words people use for it
ROLES: Final[dict[str, str]] = {
    ADMINISTRATOR: N_("Administrator"),
    CARE_MANAGER: N_("Care manager"),
    PROVIDER: N_("Provider"),
    MEDICAL_ASSISTANT: N_("Medical assistant"),
    FRONT_DESK: N_("Front desk"),
    BILLER: N_("Biller"),
    MENTOR: N_("Mentor"),
}

_EVERYONE = frozenset(ROLES)
_CLINICAL = frozenset({CARE_MANAGER, PROVIDER, MEDICAL_ASSISTANT})
_CHART = _CLINICAL | {ADMINISTRATOR}

#: permission -> (roles that hold it, what it lets them do)
PERMISSIONS: Final[dict[str, tuple[frozenset[str], str]]] = {
    "self.read": (_EVERYONE, "See one's own sign-in, roles and security settings"),
    "self.write": (_EVERYONE, "Change one's own password, authenticator and sessions"),
    "practice.read": (_EVERYONE, "See the practice, its sites, payers and who works in it"),
    "practice.write": (frozenset({ADMINISTRATOR}), "Change the practice, its sites and payers"),
    "staff.write": (frozenset({ADMINISTRATOR}), "Invite staff, set roles, licences and training"),
    "hours.write": (_EVERYONE, "Say when one is there; whoever sets up staff says it for anybody"),
    "tokens.write": (frozenset({ADMINISTRATOR}), "Make and revoke API tokens"),
    "audit.read": (frozenset({ADMINISTRATOR}), "See who opened a patient's record, as the law asks"),
    "jobs.read": (frozenset({ADMINISTRATOR}), "See the work that goes on in the background, and what failed"),
    "jobs.write": (frozenset({ADMINISTRATOR}), "Have failed background work tried again, or give it up"),
    "patients.find": (_EVERYONE - {MENTOR}, "Find a patient by name, birth date, phone or record number"),
    "patients.read": (_CHART | {BILLER, FRONT_DESK}, "Open a patient's page: person, contact, coverage"),
    "patients.write": (_CHART | {FRONT_DESK}, "Register a patient, mend contact details and coverage"),
    "patients.merge": (
        frozenset({ADMINISTRATOR, CARE_MANAGER}),
        "Say whether two records are one person, join them, and take that back",
    ),
    "chart.read": (_CHART, "Read conditions, medicines, results, story and plans"),
    "story.write": (_CLINICAL, "Write down what matters to a person, and their story"),
    "diagnoses.write": (_CLINICAL | {BILLER}, "Choose the diagnosis codes a claim will carry"),
    "imports.write": (_CHART, "Bring in patients and chart facts from files"),
    "enrollment.read": (_CHART | {BILLER}, "See programs, consents and their history"),
    "enrollment.write": (_CLINICAL, "Enroll a patient, record consent, refusal and revocation"),
    "referrals.read": (_CHART, "See who was thought of for care management, and what became of it"),
    "referrals.write": (
        _CHART | {FRONT_DESK},
        "Say that somebody could use help or is in the building, and hear what became of it",
    ),
    "referrals.confirm": (frozenset({PROVIDER}), "Confirm what a colleague suggested"),
    "assessments.write": (
        _CLINICAL,
        "Write down what somebody answered, and what was done about a worry for their safety",
    ),
    "plans.write": (_CLINICAL, "Write care plan versions and record copies given"),
    "encounters.read": (_CHART, "Read contacts and their notes"),
    "encounters.write": (_CLINICAL, "Record contacts of every kind"),
    "tasks.read": (_CHART | {FRONT_DESK, BILLER}, "See what one is to do for people, and what one asked for"),
    "tasks.write": (
        _CHART | {FRONT_DESK, BILLER},
        "Ask for something to be done for a person, take it on, and say what came of it",
    ),
    "minutes.read": (_CHART | {BILLER}, "See minutes recorded for a patient and their totals"),
    "minutes.write": (_CLINICAL, "Record and correct one's own minutes"),
    "claims.read": (
        frozenset({ADMINISTRATOR, BILLER, PROVIDER}),
        "See lines and holds of a month, with their proof",
    ),
    "claims.close": (frozenset({ADMINISTRATOR, BILLER}), "Close a month"),
    "claims.sign": (
        frozenset({ADMINISTRATOR, BILLER}),
        "Sign claims, withdraw them, and send them in a file",
    ),
    "billing.read": (frozenset({ADMINISTRATOR, BILLER}), "See the practice's billing numbers and charges"),
    "billing.write": (
        frozenset({ADMINISTRATOR, BILLER}),
        "Change the practice's billing numbers and charges",
    ),
}

#: scope of an API token -> permissions it may carry; a token never exceeds its owner's role
SCOPES: Final[dict[str, frozenset[str]]] = {
    "read": frozenset(name for name in PERMISSIONS if name.endswith((".read", ".find"))),
    "write": frozenset(PERMISSIONS)
    - {
        "staff.write",
        "tokens.write",
        "practice.write",
        "claims.close",
        "claims.sign",
        "billing.write",
        "self.write",
        "jobs.write",
    },
    "billing": frozenset(
        {
            "claims.read",
            "claims.close",
            "claims.sign",
            "billing.read",
            "minutes.read",
            "enrollment.read",
            "practice.read",
            "patients.find",
        }
    ),
    "administration": frozenset(
        {
            "practice.read",
            "practice.write",
            "staff.write",
            "audit.read",
            "jobs.read",
            "jobs.write",
            "billing.read",
            "billing.write",
        }
    ),
}


def permissions_of(role: str) -> frozenset[str]:
    """Everything a role may do; an unknown role may do nothing."""
    return frozenset(name for name, (roles, _) in PERMISSIONS.items() if role in roles)
