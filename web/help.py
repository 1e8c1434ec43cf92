"""Help where a question arises: each text with its key, for the "?" beside a question and for the page that lists all.

Pure. Two to five plain sentences each; where a payer's or the law's rule is meant, `source` names it as the rules
themselves cite it (plugins/*/parameters). tests/house/test_help.py holds keys, sources and plainness.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Topic:
    """title: the question, as somebody would ask it; says: the sentences; source: of a rule that is not ours;
    also: what else people call it, for the palette."""

    key: str
    title: str
    says: tuple[str, ...]
    source: str = ""
    also: str = ""

    @property
    def address(self) -> str:
        return f"/help#{self.key}"


_CONSENT: Final = "CMS CCM FAQ 2022 p. 5 and MLN909188 p. 6, quoted by hana.health; 89 FR 97880"

#: what they are about -> the topics, in the order of the page
GROUPS: Final[dict[str, tuple[Topic, ...]]] = {
    "Consent and programs": (
        Topic(
            "consent-words",
            "What has to be said before somebody agrees?",
            (
                "Four things: what the program offers, that there may be a cost, that only one practitioner is paid for it in a month, and that they may stop at any time.",
                "The words on the page carry all four; read them aloud, or say the same in your own way.",
                "Tick what was really said, because a claim later rests on it.",
            ),
            _CONSENT,
            "wording script agree",
        ),
        Topic(
            "consent-spoken",
            "Is a spoken yes enough?",
            (
                "Yes: for chronic care management Medicare takes a spoken yes as well as a signature, as long as it is written down.",
                "It has to come before the first minute that is billed.",
                "Asking once is enough, until another practitioner takes over the billing.",
            ),
            _CONSENT,
            "verbal written signature",
        ),
        Topic(
            "consent-stop",
            "What happens when somebody takes consent back?",
            (
                "They may stop at any time, for any reason, and need not say why.",
                "It ends at once, or on the last day they name.",
                "Minutes after that are not billed; the care they get here stays the same.",
            ),
            "Our policy. CMS lets a withdrawal take effect at the end of the month (NGS); we stop at once",
            "revoke withdraw leave",
        ),
        Topic(
            "initiating-visit",
            "What is an initiating visit?",
            (
                "Under Medicare, chronic care management begins with a visit when somebody is new, or was not seen by the billing practitioner for a year.",
                "An office visit, a yearly wellness visit, the welcome visit, or the visit after a hospital stay will do.",
                "The program is talked about at that visit, and the note says so.",
                "If somebody was seen within the year, no further visit is needed.",
            ),
            "CMS CCM FAQ p. 5 quoted by hana.health; Noridian Q&A 2017",
            "first visit start program",
        ),
        Topic(
            "plan-asked",
            "What do payers ask of a plan?",
            (
                "That it is in the record, dated before the month ends, and that the person or their family has a copy.",
                "Goals that can be seen or measured are expected.",
                "How you write it is yours; their own words may stand first.",
            ),
            "General knowledge of the rule; Noridian confirms measurable goals",
            "care plan copy goals",
        ),
    ),
    "Time and notes": (
        Topic(
            "time-counts",
            "What counts as time?",
            (
                "Work of clinical staff for this one person: talking with them or their family, with other offices, over medicines, on the plan.",
                "Office work, training and automatic calls do not count.",
                "When several of you meet about one person, the time of one of you counts.",
                "Write down what it took, no more and no less; no number has to be reached.",
            ),
            "CMS FAQ via Remington and hana.health; 42 CFR 410.26(b)(5)",
            "minutes billable staff",
        ),
        Topic(
            "timer",
            "What does the timer count?",
            (
                "The time from start to stop, for the person it was started for.",
                "A silence longer than you chose is shown to you, and counts only if you say it was work.",
                "Nobody else sees your timer, your silences or your drafts of time.",
                "If you forgot it, stop it any time and say how long the work really was.",
            ),
            also="clock idle silence stop",
        ),
        Topic(
            "late-entries",
            "Why am I asked for a reason?",
            (
                "Minutes written down more than seven days after their day need a few words on why they come now.",
                "Any reason will do; it stands beside the entry, because late entries are looked at twice in an audit.",
                "If the month is closed already, tick that they come late: the month then shows that it changed, and can be closed again.",
            ),
            also="late note old minutes closed month",
        ),
        Topic(
            "openings",
            "What is written when a record is opened?",
            (
                "Who opened it, when, and whether they looked or changed something.",
                "It is kept because every patient has the right to ask.",
                "It is looked up for one patient at a time, never for one colleague, and looking is written down too.",
                "If somebody asks, print this page and go through it with them.",
            ),
            also="audit access privacy log",
        ),
    ),
    "Months and claims": (
        Topic(
            "month-closing",
            "What does closing a month do?",
            (
                "It asks each payer’s rules about everybody who was in a program, or for whom minutes were written down.",
                "What they allow becomes a line; what stands in the way is said in a sentence.",
                "It can be closed again as often as something was mended, and nothing is sent by closing.",
            ),
            also="close again lines",
        ),
        Topic(
            "month-held",
            "Why is somebody waiting in this month?",
            (
                "The rules of their payer miss something before they support a line, such as a consent or a signed entry.",
                "Open the name: it says what is missing, what would mend it, and where the rule stands.",
                "Mend it, then close the month again.",
                "Nobody is asked to spend more time with anyone for it.",
            ),
            also="hold not billable held missing",
        ),
        Topic(
            "line-choice",
            "What is chosen here?",
            (
                "Some months can be billed in more than one way that the rules allow.",
                "The first choice takes the line that describes the work most closely.",
                "The second takes what pays most, and needs a reason that you would show to an auditor.",
                "It counts for months closed from now on.",
            ),
            "Our policy. CMS lets practitioner time count as staff time or toward the personal service",
            "policy accurate maximum",
        ),
        Topic(
            "diagnosis-codes",
            "Which codes belong here?",
            (
                "Those that this person has now and that a claim may carry.",
                "You choose them; problems brought in from another record are only a hint.",
                "For chronic care management Medicare asks for two or more conditions that will last a year or longer; mark those as lasting.",
            ),
            "MLN reprints (prevounce)",
            "icd diagnoses conditions chronic",
        ),
        Topic(
            "coverage-order",
            "Which insurance comes first?",
            (
                "Claims go to the one that pays first.",
                "A second one is kept here too, and its claims are made elsewhere for now.",
                "Somebody whose share of Medicare is paid by Medicaid (a qualified Medicare beneficiary, QMB) is never billed; tick it when you know so.",
            ),
            "General knowledge of the rule",
            "primary secondary rank qmb beneficiary",
        ),
        Topic(
            "test-files",
            "What is a test file?",
            (
                "Until a payer has said yes to you, its files are marked as a test, and nobody pays them.",
                "Their claims stay signed here, and go out again when you switch to real ones.",
                "Switch only after the payer’s or clearinghouse’s letter says that you may.",
            ),
            also="production real trial",
        ),
    ),
    "The practice": (
        Topic(
            "roles",
            "What does a role open?",
            (
                "A role says which pages somebody may open, and nothing about how well they work.",
                "Care managers, providers and medical assistants write in charts; the front desk and billers see no notes.",
                "An administrator runs the practice and writes in no chart.",
                "It can be changed at any time, and counts from the next thing they do.",
            ),
            also="rights permissions access",
        ),
        Topic(
            "disciplines",
            "Why does the discipline matter?",
            (
                "Payers count the time of practitioners, of clinical staff and of the office apart, by who somebody was on that day.",
                "Without a discipline, time counts as office work.",
                "So give each its first day, and a last one when it changes; earlier work keeps counting as it did.",
            ),
            "CMS FAQ via Remington and hana.health; 42 CFR 410.26(b)(5)",
            "licence training nurse social worker",
        ),
        Topic(
            "hours",
            "What are working hours for?",
            (
                "So that colleagues know when you are there, and plan calls and visits for then.",
                "Nobody compares them with the time you wrote down.",
                "Others see when you are there; that you are away, and your weekly lines, only you and whoever runs the practice see.",
            ),
            also="schedule shifts away vacation planning",
        ),
        Topic(
            "payer-rules",
            "What does the kind of a payer decide?",
            (
                "It says whose rules are asked when a month is closed.",
                "If none fits, leave it empty: the payer’s months wait for somebody to look at them.",
                "Nothing is billed by guesswork.",
            ),
            also="kind rules plugin insurance type",
        ),
        Topic(
            "billing-numbers",
            "Which number is which?",
            (
                "The NPI (national provider identifier) has ten digits and says who works or bills; an organization has its own, and so has each practitioner.",
                "The taxonomy is ten characters for the kind of practice or specialty, as entered in the NPI registry.",
                "The tax number, or TIN, has nine digits; payers pay and report under it.",
                "All must stand here just as the payers have you enrolled.",
            ),
            also="npi taxonomy tin ein tax number registry",
        ),
        Topic(
            "charges",
            "What is a charge?",
            (
                "What the practice asks for one unit of a service; the payer pays what its own list says.",
                "Ask no less than you expect to be paid: a lower charge is paid as asked, and the claim is marked for a look.",
                "A new charge holds from the day you give; claims signed before keep theirs.",
            ),
            also="fee price amount",
        ),
    ),
}
TOPICS: Final[dict[str, Topic]] = {topic.key: topic for group in GROUPS.values() for topic in group}


def topic(key: str) -> Topic:
    """The text behind a "?". Raises KeyError for a key nobody has written."""
    return TOPICS[key]


def topics() -> Sequence[Topic]:
    return tuple(TOPICS.values())
