"""The people of the two demo practices, who are also the people of our tests. All invented."""

import base64
from dataclasses import dataclass
from typing import Final

from server.sealed import keyed_hash
from server.tenants.permissions import (
    ADMINISTRATOR,
    BILLER,
    CARE_MANAGER,
    FRONT_DESK,
    MEDICAL_ASSISTANT,
    MENTOR,
    PROVIDER,
)


@dataclass(frozen=True, slots=True)
class Member:
    """One of the staff. at: the practice whose e-mail domain the login has; one login may work in two
    practices."""

    key: str
    name: str
    role: str
    discipline: str
    licensed: bool = False
    npi: str = ""
    at: str = ""

    def email(self, slug: str) -> str:
        return f"{self.key}@{self.at or slug}.example"


@dataclass(frozen=True, slots=True)
class DemoPractice:
    slug: str
    name: str
    npi: str
    time_zone: str
    phone: str
    site: tuple[str, str, str, str, str]  # name, street, city, state, ZIP
    staff: tuple[Member, ...]


#: name -> the kind that a plugin owns; the last is known to none, so that its months wait for a person
PAYERS: Final = {
    "Medicare Part B": "medicare_part_b",
    "Blue Cross Blue Shield of Michigan": "bcbsm",
    "Acme Mutual": "",
}
#: The same for everybody in the demo. What keeps a demo on a public address shut is the second factor.
PASSWORD: Final = "paper boats on a quiet lake"  # noqa: S105 - printed at the first start, for invented people only

LAKESIDE: Final = DemoPractice(
    "lakeside", "Lakeside Family Medicine", "1881000008", "America/Detroit", "(313) 555-0100",
    ("Lakeside, Main Street", "12 Main Street", "Detroit", "MI", "48201"),
    (
        Member("ada", "Ada Brandt", ADMINISTRATOR, "administrator"),
        Member("nora", "Nora Feld", CARE_MANAGER, "rn", licensed=True),
        Member("rosa", "Rosa Ortiz", CARE_MANAGER, "lmsw", licensed=True),
        Member("dr_lin", "Lin Wei", PROVIDER, "md", licensed=True, npi="1234567893"),
        Member("mika", "Mika Salo", MEDICAL_ASSISTANT, "medical_assistant"),
        Member("fred", "Fred Okafor", FRONT_DESK, "front_desk"),
        Member("bill", "Bill Janssen", BILLER, "biller"),
        Member("mona", "Mona Reyes", MENTOR, "rn", licensed=True),
        Member("hana", "Hana Kovac", PROVIDER, "np", licensed=True),
    ),
)  # fmt: skip
HILLCREST: Final = DemoPractice(
    "hillcrest", "Hillcrest Internal Medicine", "1992000004", "America/Chicago", "(312) 555-0100",
    ("Hillcrest, Oak Avenue", "400 Oak Avenue", "Chicago", "IL", "60601"),
    (
        Member("iris", "Iris Calder", ADMINISTRATOR, "administrator"),
        Member("tomas", "Tomas Hale", CARE_MANAGER, "rn", licensed=True),
        Member("dr_vega", "Elena Vega", PROVIDER, "md", licensed=True, npi="1245319599"),
        Member("june", "June Park", MEDICAL_ASSISTANT, "medical_assistant"),
        Member("omar", "Omar Diaz", FRONT_DESK, "front_desk"),
        Member("bill", "Bill Janssen", BILLER, "biller", at="lakeside"),
        Member("greta", "Greta Lund", MENTOR, "rn", licensed=True),
    ),
)  # fmt: skip
PRACTICES: Final = (LAKESIDE, HILLCREST)


def totp_secret(email: str) -> str:
    """A demo person's authenticator secret: the same at every start of one installation, different in
    every other."""
    return base64.b32encode(keyed_hash("demo authenticator", email.encode())[:20]).decode()
