"""The documents that tests of referrals send, and who sends them."""

from datetime import timedelta
from typing import Any

from cast import World
from newcomer import register, say, staff, today

FIELDS = (
    "id patientId reason howSoon source place toId toName state firstVisitAt introduced askedBy askerIds endedReason "
    "whatWouldHelp askAgainOn steps { id kind note toName firstVisitAt recordedBy }"
)
ONE = f"{{ __typename ... on Referral {{ {FIELDS} }} ... on Refusal {{ code message nextStep field }} }}"
REFER = f"""mutation ($input: ReferPatientInput!) {{ referPatient(input: $input) {{
  ... on ReferralMade {{ joined referral {{ {FIELDS} }} }} ... on Refusal {{ code message nextStep field }} }} }}"""
NEWS = f"{{ referralNews {{ referral {{ {FIELDS} }} step {{ id kind note recordedBy }} }} }}"
OF = f"query ($id: ID!) {{ node(id: $id) {{ ... on Patient {{ referrals {{ {FIELDS} }} inCareOf {{ programName since endedOn careManagerName practitionerName }} hereToday {{ place }} }} }} }}"
POLICY = """mutation ($input: ChooseReferralPolicyInput!) { chooseReferralPolicy(input: $input) {
  ... on ReferralPolicy { confirmedByProvider agreement } ... on Refusal { code } } }"""
ENROLL = """mutation ($input: EnrollInput!) { enroll(input: $input) { ... on Enrollment { id } ... on Refusal { code message } } }"""


def act(name: str) -> str:
    """The document of a mutation that answers with a referral: `act("acceptReferral")`."""
    kind = name[:1].upper() + name[1:]
    return f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {ONE} }}"


async def asked(ask: Any, world: World, patient: str, who: str = "mika", **more: Any) -> dict[str, Any]:
    """What `refer` answers; by Mika, to Nora, this week, unless told otherwise."""
    new = {
        "patientId": patient,
        "reason": "Three falls since spring; lives alone",
        "howSoon": "THIS_WEEK",
        "toId": staff(world, "nora"),
        **more,
    }
    answer: dict[str, Any] = await say(ask, world, who, REFER, input=new)
    return answer


async def thought_of(ask: Any, world: World, who: str = "mika", **more: Any) -> dict[str, Any]:
    """A referral of somebody new."""
    made = await asked(ask, world, await register(ask, world), who, **more)
    referral: dict[str, Any] = made["referral"]
    return referral


async def done(ask: Any, world: World, who: str, name: str, referral: dict[str, Any], **more: Any) -> Any:
    return await say(ask, world, who, act(name), input={"referralId": referral["id"], **more})


def later(world: World, days: int) -> str:
    return f"{today(world) + timedelta(days=days)}"
