"""What people do about a referral: ask, answer, take it up, hand it on, hear a no, take it back. Each step is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from carewright_plugin_api.facts import local_day
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from server.clock import now, today
from server.enrollment.days import written
from server.enrollment.referral_policy import policy_of
from server.enrollment.referral_queries import cared_for
from server.enrollment.referral_tables import HOW_SOON, SOURCES, Referral, ReferralAsker, ReferralStep
from server.enrollment.referrals import (
    AHEAD,
    Said,
    after,
    check_ask_again,
    check_may_ask,
    first_state,
    may_take_back,
    next_first_visit,
)
from server.enrollment.tables import Consent
from server.errors import Refused, not_found
from server.ids import new_id
from server.patients.gate import patient_for
from server.patients.records import of_people
from server.patients.tables import CareTeamMember, Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.permissions import CARE_MANAGER
from server.tenants.tables import Staff
from server.tenants.working_hours import protected_times
from server.words import say

_LATEST_VISIT = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class NewReferral:
    """reason: why, in a colleague's words. how_soon: of HOW_SOON. to_id: the care manager; none: who cares for them
    already, or the only one there is. source: of SOURCES. place: where they are in the building. condition, result: what
    led to it, for the words of an introduction."""

    reason: str
    how_soon: str
    to_id: UUID | None = None
    source: str = "team"
    source_name: str = ""
    place: str = ""
    condition: str = ""
    result: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """joined: somebody had asked already, and this is theirs; a person has one open referral."""

    referral: Referral
    joined: bool


# --- asking -----------------------------------------------------------------------------------------------------------


async def refer(db: Db, actor: Actor, patient_id: UUID, new: NewReferral) -> Asked:
    """This person could use help. Who is open already is joined.

    Raises Refused NOT_FOUND, PATIENT_DIED, REASON_NEEDED, NOT_A_CHOICE, NOT_A_CARE_MANAGER, TO_WHOM, ALREADY_IN_CARE or
    NOT_BEFORE.
    """
    actor.require("referrals.write")
    patient = await patient_for(db, actor, patient_id, permission="referrals.write")
    name = patient.preferred_name or patient.given_names or patient.family_name
    _check(patient, new, name)
    if (there := await _open_one(db, patient_id)) is not None:
        return Asked(await _join(db, actor, there, new), True)
    care = (await cared_for(db, [patient_id])).get(patient_id)
    if care is not None and care.ended_on is None:
        raise _in_care_already(name, care.since, care.staff_name or care.practitioner_name)
    check_may_ask(await _no_before(db, actor, patient_id), new.source, today(actor.zone), name)
    receiver = await _receiver(db, patient_id, new.to_id)

    confirmed = (await policy_of(db)).confirmed_by_provider
    state, at = first_state(new.source, actor.role, confirmed_by_provider=confirmed), now()
    referral = Referral(
        tenant_id=actor.tenant_id, id=new_id(), patient_id=patient_id, reason=new.reason.strip(),
        how_soon=new.how_soon, source=new.source, source_name=new.source_name.strip(), place=new.place.strip(),
        condition=new.condition.strip(), result=new.result.strip(), to_id=receiver.id, to_since=at, state=state,
        introduced=False, ended_reason="", what_would_help="", made_at=at, made_by=actor.staff_id,
    )  # fmt: skip
    try:
        async with db.begin_nested():
            db.add(referral)
    except IntegrityError:
        # Somebody asked at the same moment: theirs is there, and this joins it.
        there = await _open_one(db, patient_id)
        if there is None:
            raise
        return Asked(await _join(db, actor, there, new), True)
    await _asks(db, actor, referral)
    await _note_step(db, actor, referral, state, note=referral.reason, to_id=receiver.id)
    return Asked(referral, False)


def _check(patient: Patient, new: NewReferral, name: str) -> None:
    if patient.deceased_on is not None:
        raise Refused(
            "PATIENT_DIED",
            say("%(name)s died on %(on)s.", name=name, on=written(patient.deceased_on)),
            say("If that is a mistake, mend it under Details first."),
        )
    if not new.reason.strip():
        raise Refused(
            "REASON_NEEDED",
            say("Why %(name)s? Whoever takes this up starts from your words.", name=name),
            say("A sentence is enough."),
            "reason",
        )
    for word, words, field in ((new.how_soon, HOW_SOON, "how_soon"), (new.source, SOURCES, "source")):
        if word not in words:
            raise Refused(
                "NOT_A_CHOICE",
                say("“%(word)s” is not among the choices.", word=word[:40]),
                say("Choose one of %(words)s.", words=", ".join(words)),
                field,
            )


def _in_care_already(name: str, since: date, whose: str | None) -> Refused:
    whom = say(", with %(whose)s", whose=whose) if whose else ""
    return Refused(
        "ALREADY_IN_CARE",
        say("%(name)s takes part since %(since)s%(whom)s.", name=name, since=written(since), whom=whom),
        say("Tell %(whose)s what you saw.", whose=whose)
        if whose
        else say("Tell their care team what you saw."),
    )


async def _open_one(db: Db, patient_id: UUID) -> Referral | None:
    """The person's open referral, locked; also of a record that was joined with theirs."""
    found: Referral | None = (
        await db.execute(
            select(Referral)
            .where(of_people(Referral.patient_id, [patient_id]), Referral.ended_at.is_(None))
            .order_by(Referral.made_at, Referral.id)
            .limit(1)
            .with_for_update()
        )
    ).scalar_one_or_none()
    return found


async def _join(db: Db, actor: Actor, referral: Referral, new: NewReferral) -> Referral:
    if await _asks(db, actor, referral):
        if new.how_soon == "now" and referral.state in ("suggested", "asked"):
            referral.how_soon, referral.answered_at, referral.to_since = "now", None, now()
            referral.place = new.place.strip() or referral.place
        await _step(db, actor, referral, "joined", note=new.reason.strip())
    return referral


async def _asks(db: Db, actor: Actor, referral: Referral) -> bool:
    """Whether the actor asks for this from now on, and did not before."""
    if actor.staff_id is None or actor.staff_id in await _askers(db, referral):
        return False
    db.add(
        ReferralAsker(
            tenant_id=actor.tenant_id, id=new_id(), referral_id=referral.id, staff_id=actor.staff_id,
            read_at=now(), made_at=now(), made_by=actor.staff_id,
        )
    )  # fmt: skip
    return True


async def _askers(db: Db, referral: Referral) -> Sequence[UUID]:
    rows = await db.execute(select(ReferralAsker.staff_id).where(ReferralAsker.referral_id == referral.id))
    return rows.scalars().all()


async def _no_before(db: Db, actor: Actor, patient_id: UUID) -> Said | None:
    """The no that counts now: of their last referral, or of a program they were asked to take part in."""
    last: Referral | None = (
        await db.execute(
            select(Referral)
            .where(of_people(Referral.patient_id, [patient_id]))
            .order_by(Referral.made_at.desc(), Referral.id.desc())
            .limit(1)
        )
    ).scalar_one_or_none()
    found = []
    if last is not None and last.state == "declined" and last.ended_at is not None:
        found.append(Said(local_day(last.ended_at, actor.zone), last.what_would_help, last.ask_again_on))
    strike = aliased(Consent)
    struck = select(strike.id).where(strike.tenant_id == Consent.tenant_id, strike.replaces_id == Consent.id)
    newest = await db.execute(
        select(Consent.program, Consent.kind, Consent.at, Consent.what_would_help, Consent.ask_again_on)
        .ext(distinct_on(Consent.program))
        .where(of_people(Consent.patient_id, [patient_id]), ~Consent.struck, ~struck.exists())
        .order_by(Consent.program, Consent.at.desc(), Consent.made_at.desc(), Consent.id.desc())
    )
    found += [
        Said(local_day(row.at, actor.zone), row.what_would_help, row.ask_again_on)
        for row in newest
        if row.kind == "refused"
    ]
    said = max(found, key=lambda one: one.on, default=None)
    if said is not None and not actor.may("referrals.read"):
        return replace(said, what_would_help="")  # their words are for those who may read what was asked
    return said


async def _receiver(db: Db, patient_id: UUID, to_id: UUID | None) -> Staff:
    """The care manager asked: named, or known already, or the only one."""
    if to_id is None:
        statement = select(Staff).where(Staff.active, Staff.role == CARE_MANAGER)
        known = select(CareTeamMember.staff_id).where(
            CareTeamMember.patient_id == patient_id,
            CareTeamMember.part == "care_manager",
            CareTeamMember.to_on.is_(None),
        )
        here = (await db.execute(statement.where(Staff.id.in_(known)).limit(1))).scalars().all()
        here = here or (await db.execute(statement.limit(2))).scalars().all()
        if len(here) == 1:
            return here[0]
        raise Refused(
            "TO_WHOM",
            say("Several care managers could take this up.")
            if here
            else say("Nobody works here as a care manager yet."),
            say("Choose one of them.") if here else say("Have an administrator invite one under Staff."),
            "to_id",
        )
    member = (await db.execute(select(Staff).where(Staff.id == to_id))).scalar_one_or_none()
    if member is None:
        raise not_found("colleague")
    if not member.active or member.role != CARE_MANAGER:
        raise Refused(
            "NOT_A_CARE_MANAGER",
            say("%(name)s does not work here as a care manager now.", name=member.name),
            say("Choose one who does."),
            "to_id",
        )
    return member


# --- the gate ---------------------------------------------------------------------------------------------------------


async def referral_for(
    db: Db, actor: Actor, referral_id: UUID, *, permission: str = "referrals.read"
) -> Referral:
    """The referral, locked in a transaction that writes. Whoever may not read all of them holds those they asked for."""
    actor.require(permission)
    statement = select(Referral).where(Referral.id == referral_id)
    if not db.read_only:
        statement = statement.with_for_update()
    referral: Referral | None = (
        await db.execute(statement.execution_options(populate_existing=True))
    ).scalar_one_or_none()
    theirs = referral is not None and (
        actor.may("referrals.read") or actor.staff_id in await _askers(db, referral)
    )
    if referral is None or not theirs:
        db.note(actor, permission, entity="referral", entity_ids=[referral_id], effect="refused")
        raise not_found("referral")
    await patient_for(db, actor, referral.patient_id, permission=permission, by_row=True)
    return referral


# --- answering --------------------------------------------------------------------------------------------------------


async def confirm_referral(db: Db, actor: Actor, referral_id: UUID, *, note: str = "") -> Referral:
    """A provider's word on what a colleague suggested."""
    referral = await referral_for(db, actor, referral_id, permission="referrals.confirm")
    await _step(db, actor, referral, "confirmed", note=note)
    return referral


async def say_coming(db: Db, actor: Actor, referral_id: UUID, *, note: str = "") -> Referral:
    """The care manager comes at once, and is introduced in person."""
    referral = await _answered(db, actor, referral_id)
    referral.introduced = True
    await _step(db, actor, referral, "coming", note=note)
    return referral


async def say_not_now(
    db: Db, actor: Actor, referral_id: UUID, *, note: str = "", first_visit_at: datetime | None = None
) -> Referral:
    """Not at once: a first visit instead, at a time of one's own or in the next hour kept for it, if one is."""
    referral = await _answered(db, actor, referral_id)
    if first_visit_at is not None:
        _check_visit(first_visit_at)
    at = first_visit_at or await proposed_visit(db, actor, referral)
    referral.first_visit_at = at
    await _step(db, actor, referral, "not_now", note=note, first_visit_at=at)
    return referral


async def accept_referral(
    db: Db, actor: Actor, referral_id: UUID, *, introduced: bool = False, note: str = ""
) -> Referral:
    """The care manager takes it up. introduced: they have met in person."""
    referral = await _taken_by(db, actor, referral_id)
    await _step(db, actor, referral, "accepted", note=note)
    referral.introduced = referral.introduced or introduced
    referral.answered_at = referral.answered_at or now()
    return referral


async def reroute_referral(db: Db, actor: Actor, referral_id: UUID, *, to_id: UUID, reason: str) -> Referral:
    """To another care manager, with the reason that those who asked see."""
    referral = await referral_for(db, actor, referral_id, permission="enrollment.write")
    _reason(reason, say("It is handed on with a reason, so that whoever asked understands."))
    receiver = await _receiver(db, referral.patient_id, to_id)
    if receiver.id == referral.to_id:
        raise Refused(
            "THEIRS_ALREADY",
            say("%(name)s has it already.", name=receiver.name),
            say("Choose somebody else, or say a line to them."),
            "to_id",
        )
    await _step(db, actor, referral, "rerouted", note=reason, to_id=receiver.id)
    referral.to_id, referral.to_since, referral.answered_at = receiver.id, now(), None
    referral.first_visit_at = None
    return referral


async def decline_referral(
    db: Db, actor: Actor, referral_id: UUID,
    *, reason: str, what_would_help: str = "", ask_again_on: date | None = None,
) -> Referral:  # fmt: skip
    """The person's decision: not now. Nobody asks again before the day they chose."""
    referral = await referral_for(db, actor, referral_id, permission="enrollment.write")
    _reason(reason, say("What did they say? A few of their words are enough."))
    check_ask_again(ask_again_on, today(actor.zone))
    await _decided_not_to(db, actor, referral, reason, what_would_help, ask_again_on)
    return referral


async def close_referral(db: Db, actor: Actor, referral_id: UUID, *, reason: str) -> Referral:
    """It came to an end another way: moved away, helped otherwise, a provider's word against it."""
    permission = "enrollment.write" if actor.may("enrollment.write") else "referrals.confirm"
    referral = await referral_for(db, actor, referral_id, permission=permission)
    _reason(reason, say("It is closed with a reason, so that whoever asked understands."))
    await _end(db, actor, referral, "closed", reason)
    return referral


async def take_back_referral(db: Db, actor: Actor, referral_id: UUID, *, reason: str = "") -> Referral:
    """Who asked takes it back, while nobody else asks too."""
    referral = await referral_for(db, actor, referral_id, permission="referrals.write")
    after(referral.state, "taken_back", ended_on=_ended_on(referral, actor))
    may_take_back(await _askers(db, referral), actor.staff_id)
    await _end(db, actor, referral, "taken_back", reason)
    return referral


async def say_on_referral(db: Db, actor: Actor, referral_id: UUID, *, words: str) -> Referral:
    """A line to those involved."""
    referral = await referral_for(db, actor, referral_id, permission="referrals.write")
    _reason(words, say("There is nothing written yet."), "words")
    await _step(db, actor, referral, "said", note=words)
    return referral


async def read_referral(db: Db, actor: Actor, referral_id: UUID, *, through: UUID) -> Referral:
    """Whoever asked has read what became of it, up to a step."""
    referral = await referral_for(db, actor, referral_id, permission="referrals.write")
    step = (
        await db.execute(
            select(ReferralStep.made_at).where(
                ReferralStep.id == through, ReferralStep.referral_id == referral_id
            )
        )
    ).scalar_one_or_none()
    asker = (
        await db.execute(
            select(ReferralAsker).where(
                ReferralAsker.referral_id == referral_id, ReferralAsker.staff_id == actor.staff_id
            )
        )
    ).scalar_one_or_none()
    if step is None:
        raise not_found("step")
    if asker is not None and asker.read_at < step:
        asker.read_at = step
    return referral


async def proposed_visit(db: Db, actor: Actor, referral: Referral) -> datetime | None:
    """The next free hour that the care manager of this referral keeps for first visits."""
    if not db.read_only:  # of two answered at once, each gets an hour of its own
        await db.execute(select(Staff.id).where(Staff.id == referral.to_id).with_for_update(key_share=True))
    at, on = now(), today(actor.zone)
    kept = await protected_times(db, actor, referral.to_id, first=on, days=AHEAD)
    if not kept:
        return None
    taken = await db.execute(
        select(Referral.first_visit_at).where(
            Referral.to_id == referral.to_id,
            Referral.ended_at.is_(None),
            Referral.first_visit_at > at - timedelta(hours=1),
            Referral.id != referral.id,
        )
    )
    return next_first_visit(at, kept, [one for one in taken.scalars() if one is not None])


# --- what other steps mean for it -------------------------------------------------------------------------------------


async def takes_part(db: Db, actor: Actor, patient_id: UUID, on: date) -> None:
    """Somebody was taken into a program: whatever was asked for them has come to its good end, and who took it up is on
    their care team."""
    for referral in await _all_open(db, patient_id):
        await _end(db, actor, referral, "enrolled", "")
        has_one = select(CareTeamMember.id).where(
            CareTeamMember.patient_id == patient_id,
            CareTeamMember.part == "care_manager",
            CareTeamMember.to_on.is_(None),
        )
        if await db.scalar(has_one.limit(1)) is None:
            db.add(
                CareTeamMember(
                    tenant_id=actor.tenant_id, id=new_id(), patient_id=patient_id,
                    staff_id=actor.staff_id if actor.role == CARE_MANAGER else referral.to_id,
                    name="", part="care_manager", from_on=on, made_at=now(), made_by=actor.staff_id,
                )
            )  # fmt: skip
            await db.flush()


async def decided_not_to(
    db: Db, actor: Actor, patient_id: UUID, *, reason: str, what_would_help: str, ask_again_on: date | None
) -> None:
    """A no to a program was written down: it answers what was asked for them."""
    for referral in await _all_open(db, patient_id):
        await _decided_not_to(db, actor, referral, reason, what_would_help, ask_again_on)


async def _all_open(db: Db, patient_id: UUID) -> Sequence[Referral]:
    rows = await db.execute(
        select(Referral)
        .where(of_people(Referral.patient_id, [patient_id]), Referral.ended_at.is_(None))
        .order_by(Referral.made_at, Referral.id)
        .with_for_update()
    )
    return rows.scalars().all()


# --- between them -----------------------------------------------------------------------------------------------------


async def _answered(db: Db, actor: Actor, referral_id: UUID) -> Referral:
    referral = await _taken_by(db, actor, referral_id)
    after(referral.state, "coming", ended_on=_ended_on(referral, actor))
    referral.answered_at = now()
    return referral


async def _taken_by(db: Db, actor: Actor, referral_id: UUID) -> Referral:
    """A care manager answers; one who was not asked takes it over from who was."""
    referral = await referral_for(db, actor, referral_id, permission="enrollment.write")
    if actor.staff_id == referral.to_id:
        return referral
    if actor.role != CARE_MANAGER or actor.staff_id is None:
        raise Refused(
            "NOT_A_CARE_MANAGER",
            say("A care manager takes this up."),
            say("Say a line to them, or hand it on to another one."),
        )
    after(referral.state, "rerouted", ended_on=_ended_on(referral, actor))
    referral.to_id, referral.to_since = actor.staff_id, now()
    return referral


async def _decided_not_to(
    db: Db, actor: Actor, referral: Referral, reason: str, what_would_help: str, ask_again_on: date | None
) -> None:
    await _end(db, actor, referral, "declined", reason)
    referral.what_would_help, referral.ask_again_on = what_would_help.strip(), ask_again_on
    await db.flush()


async def _end(db: Db, actor: Actor, referral: Referral, kind: str, reason: str) -> None:
    await _step(db, actor, referral, kind, note=reason)
    referral.ended_at, referral.ended_reason = now(), reason.strip()
    await db.flush()


async def _step(
    db: Db, actor: Actor, referral: Referral, kind: str,
    *, note: str = "", to_id: UUID | None = None, first_visit_at: datetime | None = None,
) -> None:  # fmt: skip
    referral.state = after(referral.state, kind, ended_on=_ended_on(referral, actor))
    await _note_step(db, actor, referral, kind, note=note, to_id=to_id, first_visit_at=first_visit_at)


async def _note_step(
    db: Db, actor: Actor, referral: Referral, kind: str,
    *, note: str = "", to_id: UUID | None = None, first_visit_at: datetime | None = None,
) -> None:  # fmt: skip
    db.add(
        ReferralStep(
            tenant_id=actor.tenant_id, id=new_id(), referral_id=referral.id, kind=kind, note=note.strip(), to_id=to_id,
            first_visit_at=first_visit_at, made_at=now(), made_by=actor.staff_id,
        )
    )  # fmt: skip
    await db.flush()
    db.note(
        actor, f"referral.{kind}", entity="referral", entity_ids=[referral.id], patient_ids=[referral.patient_id],
        effect="write",
    )  # fmt: skip


def _ended_on(referral: Referral, actor: Actor) -> date | None:
    return local_day(referral.ended_at, actor.zone) if referral.ended_at else None


def _reason(words: str, message: str, field: str = "reason") -> None:
    if not words.strip():
        raise Refused("REASON_NEEDED", message, say("A sentence is enough."), field)


def _check_visit(at: datetime) -> None:
    if not now() < at < now() + _LATEST_VISIT:
        raise Refused(
            "VISIT_DAY",
            say("A first visit lies ahead, within a year."),
            say("Check the day and the time."),
            "first_visit_at",
        )
