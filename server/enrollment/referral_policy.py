"""How a practice wants referrals to go: who confirms, how taking part is offered, how the care manager is introduced."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from server.clock import now
from server.enrollment.introductions import STARTERS, check_script
from server.enrollment.referral_tables import (
    AGREEMENTS,
    INTRODUCERS,
    IntroductionScript,
    ReferralPolicy,
)
from server.errors import Refused
from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """confirmed_by_provider: a provider has the last word on what others suggest. agreement: of AGREEMENTS."""

    confirmed_by_provider: bool = False
    agreement: str = "opt_in"


@dataclass(frozen=True, slots=True)
class ScriptRow:
    """How somebody of a role introduces the care manager. ours: nobody has written another one here."""

    role: str
    words: str
    ours: bool


async def policy_of(db: Db) -> PolicyRow:
    row = (
        await db.execute(
            select(ReferralPolicy.confirmed_by_provider, ReferralPolicy.agreement)
            .order_by(ReferralPolicy.made_at.desc(), ReferralPolicy.id.desc())
            .limit(1)
        )
    ).first()
    return PolicyRow(*row) if row else PolicyRow()


async def referral_policy(db: Db, actor: Actor) -> PolicyRow:
    actor.require("practice.read")
    return await policy_of(db)


async def choose_referral_policy(
    db: Db, actor: Actor, *, confirmed_by_provider: bool, agreement: str
) -> PolicyRow:
    """Who confirms, and how taking part is offered. What is open already goes on as it began."""
    actor.require("practice.write")
    if agreement not in AGREEMENTS:
        raise Refused(
            "NOT_A_CHOICE",
            say("“%(word)s” is not among the choices.", word=agreement[:40]),
            say("Choose one of %(words)s.", words=", ".join(AGREEMENTS)),
            "agreement",
        )
    row = ReferralPolicy(
        tenant_id=actor.tenant_id, id=new_id(), confirmed_by_provider=confirmed_by_provider, agreement=agreement,
        made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    db.add(row)
    await db.flush()
    db.note(
        actor, "referrals.choose_policy", entity="referral_policy", entity_ids=[row.id], effect="write",
        confirmed_by_provider=confirmed_by_provider, agreement=agreement,
    )  # fmt: skip
    return PolicyRow(confirmed_by_provider, agreement)


async def introductions(db: Db, actor: Actor) -> list[ScriptRow]:
    """One script per role, the practice's own or ours."""
    actor.require("practice.read")
    rows = await db.execute(
        select(IntroductionScript.role, IntroductionScript.words)
        .ext(distinct_on(IntroductionScript.role))
        .order_by(IntroductionScript.role, IntroductionScript.made_at.desc(), IntroductionScript.id.desc())
    )
    own = {role: words for role, words in rows if words}
    return [ScriptRow(role, own.get(role) or say(STARTERS[role]), role not in own) for role in INTRODUCERS]


async def write_introduction(db: Db, actor: Actor, *, role: str, words: str) -> ScriptRow:
    """The practice's own words for a role; empty: ours again. Raises Refused NOT_A_CHOICE, SCRIPT_*."""
    actor.require("practice.write")
    if role not in INTRODUCERS:
        raise Refused(
            "NOT_A_CHOICE",
            say("“%(word)s” is not among the choices.", word=role[:40]),
            say("Choose one of %(words)s.", words=", ".join(INTRODUCERS)),
            "role",
        )
    kept = check_script(words)
    row = IntroductionScript(
        tenant_id=actor.tenant_id, id=new_id(), role=role, words=kept, made_at=now(), made_by=actor.staff_id
    )
    db.add(row)
    await db.flush()
    db.note(
        actor, "referrals.write_introduction", entity="introduction_script", entity_ids=[row.id], effect="write",
        role=role,
    )  # fmt: skip
    return ScriptRow(role, kept or say(STARTERS[role]), not kept)
