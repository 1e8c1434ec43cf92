"""Reads of a month's claims, of one claim, and of the files made.

Drafts are derived: each reading assembles them anew from the newest decisions and what is on file, in a fixed number
of statements for every 500 people.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from carewright_plugin_api.facts import local_day
from sqlalchemy import and_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from server.claims.assembly import (
    Assembled,
    ChosenDiagnosis,
    CoverageFile,
    Decided,
    DecidedLine,
    Draft,
    LiveClaim,
    PatientFile,
    PracticeFile,
    Stayed,
    Treating,
    assemble,
)
from server.claims.billing_copy import as_csv, as_text
from server.claims.claim import Address, Claim, Insured, Person
from server.claims.claim_rows import ClaimRow, ClaimsOverview
from server.claims.month import MANUAL_REVIEW, PLUGIN_FAULT
from server.claims.overview import held_of, to_look_at
from server.claims.resting import remarks
from server.claims.scrub import OnFile, scrub
from server.claims.tables import Claim as ClaimTable
from server.claims.tables import (
    ClaimedService,
    ClaimLine,
    ClaimStanding,
    MonthDecision,
    UsualSite,
)
from server.clock import today
from server.enrollment.tables import Enrollment
from server.errors import not_found
from server.patients import tables as people
from server.patients.records import of_people, person_of
from server.tenants.actor import Actor
from server.tenants.billing_identity import statements
from server.tenants.charges import all_charges
from server.tenants.db import Db
from server.tenants.staff_names import name_of
from server.tenants.tables import DiagnosisCode, Payer, Site, Staff
from server.words import say

_BATCH: Final = 500
_REPLACED: Final = aliased(ClaimTable)
_SEX: Final = {"female": "F", "male": "M"}
#: holds that say nothing of a month: the rules could not answer, or nobody's rules know the payer
_NO_ANSWER: Final = (PLUGIN_FAULT, MANUAL_REVIEW)
_LIVE: Final = ("signed", "sent", "denied")


# --- a month ------------------------------------------------------------------------------------------------------


async def month_claims(
    db: Db, actor: Actor, month: str, *, states: Collection[str] = (), payer_id: UUID | None = None,
    patient_ids: Collection[UUID] | None = None, limit: int | None = None, position: tuple[str, UUID] | None = None,
) -> list[ClaimRow]:  # fmt: skip
    """Drafts and signed claims of a month by family name, then id; `position`: (family_key, id) of the last seen."""
    rows = [
        row for row, _ in await assembled(db, actor, month, patient_ids)
        if (not states or row.state in states)
        and (payer_id is None or row.payer_id == payer_id)
        and (position is None or (row.family_key, row.id) > position)
    ][:limit]  # fmt: skip
    db.note(actor, "claims.claims", entity="claim", patient_ids=[row.patient_id for row in rows], month=month)
    return rows


async def claims_in_state(
    db: Db, actor: Actor, month: str, state: str, *, limit: int, position: tuple[str, UUID] | None = None
) -> tuple[list[ClaimRow], ClaimsOverview]:
    """Those of one state, as `month_claims` gives them, and the figures of the whole month, assembled once."""
    every = [row for row, _ in await assembled(db, actor, month)]
    rows = [
        row
        for row in every
        if row.state == state and (position is None or (row.family_key, row.id) > position)
    ][:limit]
    db.note(actor, "claims.claims", entity="claim", patient_ids=[row.patient_id for row in rows], month=month)
    return rows, overview_of(every)


async def claims_overview(db: Db, actor: Actor, month: str) -> ClaimsOverview:
    """Counts and dollars of a month's claims by state."""
    return overview_of(row for row, _ in await assembled(db, actor, month))


def overview_of(rows: Iterable[ClaimRow]) -> ClaimsOverview:
    """The same, of claims at hand."""
    counts: dict[str, int] = defaultdict(int)
    totals: dict[str, Decimal] = defaultdict(Decimal)
    changed = 0
    for row in rows:
        counts[row.state] += 1
        totals[row.state] += row.asked
        changed += row.changed_since
    return ClaimsOverview(dict(counts), dict(totals), changed)


async def claim_for(db: Db, actor: Actor, claim_id: UUID) -> ClaimRow:
    """One signed claim. Raises Refused NOT_FOUND."""
    actor.require("claims.read")
    found = (
        await db.execute(select(ClaimTable.month, ClaimTable.patient_id).where(ClaimTable.id == claim_id))
    ).one_or_none()
    if found is None:
        db.note(actor, "claims.read", entity="claim", entity_ids=[claim_id], effect="refused")
        raise not_found("claim")
    rows = await month_claims(db, actor, found.month, patient_ids=[found.patient_id])
    return next(row for row in rows if row.id == claim_id)


async def assembled(
    db: Db, actor: Actor, month: str, patient_ids: Collection[UUID] | None = None
) -> list[tuple[ClaimRow, Draft | None]]:
    """Every claim of a month, in order, with the draft behind it where there is one."""
    actor.require("claims.read")
    decisions = await _newest(db, month, patient_ids)
    signed = await _signed(db, month, patient_ids)
    lines = await _lines(db, [decision.id for decision in decisions.values()])
    ids = sorted({id for id, d in decisions.items() if lines.get(d.id)} | {one.patient_id for one in signed})
    practice = await _practice(db, actor)
    rows: list[tuple[ClaimRow, Draft | None]] = []
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        mine = [one for one in signed if one.patient_id in set(batch)]
        rows += await _batch(db, actor, month, batch, decisions, lines, mine, practice)
    return sorted(rows, key=lambda pair: (pair[0].family_key, pair[0].id))


async def _batch(
    db: Db, actor: Actor, month: str, ids: Sequence[UUID], decisions: dict[UUID, Any],
    lines: dict[UUID, list[DecidedLine]], signed: Sequence[Any], practice: PracticeFile,
) -> list[tuple[ClaimRow, Draft | None]]:  # fmt: skip
    files, names = await _files(db, actor, ids)
    claimed = await _claimed(db, ids)
    shown = await _shown(db, signed)
    looks = await to_look_at(db, actor, [decisions[id].id for id in ids if id in decisions])
    live = _live(signed, shown)
    held = await held_of(db, actor, [decisions[id].id for id in ids if id in decisions and live.get(id)])
    made: dict[UUID, Assembled] = {}
    unanswered: dict[UUID, str] = {}
    for id in ids:
        if id in decisions:
            d = decisions[id]
            holds = held.get(d.id, {})
            decided = Decided(
                d.id, id, month, d.coverage_id, tuple(lines[d.id]), tuple(looks.get(d.id, ())),
                holds=tuple(holds.values()), undecided=not holds.keys().isdisjoint(_NO_ANSWER),
            )  # fmt: skip
            made[id] = assemble(decided, files[id], practice, live[id])
            if decided.undecided:
                unanswered[id] = next(holds[reason] for reason in _NO_ANSWER if reason in holds)
    billable = await _billable(db, (d.claim for a in made.values() for d in a.drafts))
    on = today(actor.zone)
    payers = {c.payer_id: c.payer_name for file in files.values() for c in file.coverages}
    rows: list[tuple[ClaimRow, Draft | None]] = []
    for id, one in made.items():
        for draft in one.drafts:
            known = OnFile(on, files[id], billable, claimed, _filing_days(practice, draft))
            row = _draft_row(draft, known, names[id], payers)
            rows.append((row, draft))
    for row in signed:
        changed = row.patient_id in made and row.id in made[row.patient_id].changed
        made_of = _signed_row(row, names[row.patient_id], shown, changed)
        if row.state == "sent" and row.frequency != "8" and row.patient_id in unanswered:
            made_of = replace(made_of, unanswered=unanswered_words(unanswered[row.patient_id], made_of))
        rows.append((made_of, None))
    return rows


def unanswered_words(why: str, row: ClaimRow) -> str:
    """Nothing is made void because nobody's rules answered: what stands, and what a person can do."""
    return say(
        "%(why)s Claim %(number)s stays as it was sent: nothing is made void or replaced for want "
        "of an answer. If it was right, there is nothing to do. If the coverage is entered "
        "wrongly, correct it and close the month again. If %(payer)s should not have been "
        "asked, have them take it back, and enter here what they say.",
        why=why,
        number=row.number,
        payer=row.payer_name,
    )


def _filing_days(practice: PracticeFile, draft: Draft) -> int:
    on = max((service.service_on for service in draft.claim.services), default=date.max)
    route = practice.route_of(UUID(draft.claim.payer), on)
    return route.filing_days if route else 365


def _draft_row(draft: Draft, known: OnFile, name: Any, payers: dict[UUID, str]) -> ClaimRow:
    findings = scrub(draft, known)
    payer_id = UUID(draft.claim.payer)
    severities = {finding.severity for finding in findings}
    return ClaimRow(
        id=draft.id,
        state="to_mend" if "error" in severities else "to_look_at" if severities else "ready",
        patient_id=name.id, family_name=name.family_name, given_names=name.given_names,
        preferred_name=name.preferred_name, family_key=name.family_key, payer_id=payer_id,
        payer_name=payers.get(payer_id, ""), month=draft.claim.month, decision_id=draft.decision_id, claim=draft.claim,
        content_hash=draft.claim.digest(), line_ids=tuple(asked.line_id for asked in draft.asked),
        labels=tuple(asked.label for asked in draft.asked), allowed=tuple(asked.allowed for asked in draft.asked),
        findings=findings, replaces_id=draft.replaces.id if draft.replaces else None,
        replaces_number=draft.replaces.number if draft.replaces else "",
    )  # fmt: skip


def _signed_row(
    row: Any, name: Any, shown: dict[UUID, tuple[str, Decimal | None]], changed: bool
) -> ClaimRow:
    return ClaimRow(
        id=row.id, state=row.state, patient_id=row.patient_id, family_name=name.family_name,
        given_names=name.given_names, preferred_name=name.preferred_name, family_key=name.family_key,
        payer_id=row.payer_id, payer_name=row.payer_name, month=row.month, decision_id=row.decision_id,
        claim=Claim.from_json(row.content), content_hash=row.content_hash, line_ids=tuple(row.line_ids),
        labels=tuple(shown[id][0] for id in row.line_ids), allowed=tuple(shown[id][1] for id in row.line_ids),
        number=row.number, replaces_id=row.replaces_id, replaces_number=row.replaces_number or "",
        changed_since=changed, payer_control_number=row.payer_control_number, note=row.note, signed_at=row.signed_at,
        signed_by=row.signed_by_name or "", interchange_id=row.interchange_id, denied_on=row.denied_on,
        denied_by=row.denied_by_name or "",
    )  # fmt: skip


def _live(
    signed: Sequence[Any], shown: dict[UUID, tuple[str, Decimal | None]]
) -> dict[UUID, list[LiveClaim]]:
    """What stands of each person's month: signed, sent or denied, no later claim in its place, and not a void that
    went."""
    over = {row.replaces_id for row in signed if row.state in _LIVE}
    found: dict[UUID, list[LiveClaim]] = defaultdict(list)
    for row in signed:
        if row.state not in _LIVE or row.id in over or (row.frequency == "8" and row.state == "sent"):
            continue
        found[row.patient_id].append(
            LiveClaim(
                row.id, row.number, row.state, Claim.from_json(row.content), tuple(row.line_ids),
                tuple(shown[id][0] for id in row.line_ids), row.payer_control_number,
            )
        )  # fmt: skip
    return found


# --- what is stored -----------------------------------------------------------------------------------------------


async def _newest(db: Db, month: str, patient_ids: Collection[UUID] | None) -> dict[UUID, Any]:
    """patient -> (id, coverage_id) of the newest decision of the month."""
    d = MonthDecision
    statement = (
        select(d.patient_id, d.id, d.coverage_id)
        .where(d.month == month)
        .ext(distinct_on(d.patient_id))
        .order_by(d.patient_id, d.version.desc())
    )
    if patient_ids is not None:
        statement = statement.where(d.patient_id.in_(list(patient_ids)))
    return {row.patient_id: row for row in await db.execute(statement)}


async def _lines(db: Db, decision_ids: Sequence[UUID]) -> dict[UUID, list[DecidedLine]]:
    found: dict[UUID, list[DecidedLine]] = defaultdict(list)
    names = DecidedLine.__dataclass_fields__
    for start in range(0, len(decision_ids), _BATCH * 10):
        rows = await db.execute(
            select(ClaimLine.decision_id, *(getattr(ClaimLine, name) for name in names))
            .where(ClaimLine.decision_id.in_(decision_ids[start : start + _BATCH * 10]))
            .order_by(ClaimLine.decision_id, ClaimLine.number)
        )
        for decision_id, *values in rows:
            given: list[Any] = [tuple(v) if isinstance(v, list) else v for v in values]
            found[decision_id].append(DecidedLine(*given))
    return found


async def _signed(db: Db, month: str, patient_ids: Collection[UUID] | None) -> Sequence[Any]:
    c, s, old = ClaimTable, ClaimStanding, _REPLACED
    statement = (
        select(
            c.id, c.patient_id, c.number, c.frequency, c.replaces_id, old.number.label("replaces_number"), c.month,
            c.decision_id, c.payer_id, Payer.name.label("payer_name"), c.line_ids, c.content, c.content_hash,
            c.signed_at, Staff.name.label("signed_by_name"), s.state, s.interchange_id, s.payer_control_number, s.note,
            s.denied_on, name_of(s.denied_by).label("denied_by_name"),
        )
        .join(s, and_(s.tenant_id == c.tenant_id, s.claim_id == c.id))
        .join(Payer, and_(Payer.tenant_id == c.tenant_id, Payer.id == c.payer_id))
        .outerjoin(old, and_(old.tenant_id == c.tenant_id, old.id == c.replaces_id))
        .outerjoin(Staff, and_(Staff.tenant_id == c.tenant_id, Staff.id == c.signed_by))
        .where(c.month == month)
        .order_by(c.serial)
    )  # fmt: skip
    if patient_ids is not None:
        statement = statement.where(c.patient_id.in_(list(patient_ids)))
    return (await db.execute(statement)).all()


async def _shown(db: Db, signed: Sequence[Any]) -> dict[UUID, tuple[str, Decimal | None]]:
    """line id -> (our label, the amount the rules expect), for signed claims."""
    ids = list({id for row in signed for id in row.line_ids})
    rows = await db.execute(
        select(ClaimLine.id, ClaimLine.label, ClaimLine.amount).where(ClaimLine.id.in_(ids))
    )
    return {id: (label, amount) for id, label, amount in rows}


async def _claimed(db: Db, ids: Sequence[UUID]) -> dict[str, str]:
    """service key -> the claim that asks for it."""
    c, t = ClaimedService, ClaimTable
    rows = await db.execute(
        select(c.service_key, t.number)
        .join(t, and_(t.tenant_id == c.tenant_id, t.id == c.claim_id))
        .where(c.patient_id.in_(ids))
    )
    return {row[0]: row[1] for row in rows}


async def _billable(db: Db, claims: Iterable[Claim]) -> dict[str, bool]:
    codes = {code for claim in claims for code in claim.diagnoses}
    rows = await db.execute(
        select(DiagnosisCode.code, DiagnosisCode.billable).where(DiagnosisCode.code.in_(codes))
    )
    return {row[0]: row[1] for row in rows}


async def _practice(db: Db, actor: Actor) -> PracticeFile:
    rows = await db.execute(select(Staff.id, Staff.npi).where(Staff.npi != ""))
    sites = await db.execute(select(Site.id, Site.name))
    return PracticeFile(
        await statements(db, actor),
        await all_charges(db, actor),
        {row[0]: row[1] for row in rows},
        {row[0]: row[1] for row in sites},
    )


@dataclass(frozen=True, slots=True)
class _Name:
    id: UUID
    family_name: str
    given_names: str
    preferred_name: str
    family_key: str


async def _files(
    db: Db, actor: Actor, ids: Sequence[UUID]
) -> tuple[dict[UUID, PatientFile], dict[UUID, _Name]]:
    """What is on file about people that a claim tells: six statements."""
    p = people
    addresses = await _by(
        db, ids, p.Address, (p.Address.street, p.Address.city, p.Address.state, p.Address.zip),
        p.Address.to_on.is_(None), order=(p.Address.use != "home", p.Address.made_at.desc()),
    )  # fmt: skip
    diagnoses = await _by(
        db, ids, p.Diagnosis,
        (p.Diagnosis.code, p.Diagnosis.chronic, p.Diagnosis.from_on, p.Diagnosis.to_on, p.Diagnosis.rank),
        order=(p.Diagnosis.code, p.Diagnosis.from_on),
    )  # fmt: skip
    treating = await _by(
        db, ids, Enrollment,
        (Enrollment.program, Enrollment.practitioner_id, Enrollment.started_on, Enrollment.ended_on),
        Enrollment.practitioner_id.is_not(None), Enrollment.status.not_in(["declined", "invited"]),
        order=(Enrollment.started_on,),
    )  # fmt: skip
    sites = await _by(
        db, ids, UsualSite, (UsualSite.from_on, UsualSite.site_id),
        order=(UsualSite.from_on.desc(), UsualSite.made_at.desc(), UsualSite.id.desc()),
    )  # fmt: skip
    stays = await _by(
        db,
        ids,
        p.Stay,
        (p.Stay.kind, p.Stay.from_at, p.Stay.to_at),
        ~p.Stay.retracted,
        order=(p.Stay.from_at,),
    )
    coverages = await _coverages(db, ids)
    rows = await db.execute(
        select(
            p.Patient.id, p.Patient.family_name, p.Patient.given_names, p.Patient.preferred_name, p.Patient.family_key,
            p.Patient.name_suffix, p.Patient.birth_date, p.Patient.birth_date_precision, p.Patient.sex,
            p.Patient.birth_sex, p.Patient.deceased_on,
        ).where(p.Patient.id.in_(ids))
    )  # fmt: skip
    files, names = {}, {}
    for row in rows:
        home = Address(*addresses[row.id][0]) if addresses[row.id] else None
        sex = _SEX.get(row.sex) or _SEX.get(row.birth_sex) or "U"
        person = Person(
            row.family_name, row.given_names, row.birth_date, sex, row.name_suffix, home, row.deceased_on
        )  # fmt: skip
        files[row.id] = PatientFile(
            row.id,
            person,
            row.birth_date_precision == "day",
            row.deceased_on,
            tuple(ChosenDiagnosis(*d) for d in diagnoses[row.id]),
            tuple(coverages[row.id]),
            tuple(Treating(*t) for t in treating[row.id]),
            tuple((from_on, site_id) for from_on, site_id in sites[row.id]),
            tuple(_stayed(stay, actor.zone) for stay in stays[row.id]),
        )
        names[row.id] = _Name(row.id, row.family_name, row.given_names, row.preferred_name, row.family_key)
    return files, names


def _stayed(stay: tuple[Any, ...], zone: str) -> Stayed:
    kind, from_at, to_at = stay
    return Stayed(kind, local_day(from_at, zone), local_day(to_at, zone) if to_at else None)


async def _coverages(db: Db, ids: Sequence[UUID]) -> dict[UUID, list[CoverageFile]]:
    c = people.Coverage
    rows = await db.execute(
        select(
            c.patient_id, c.id, c.payer_id, Payer.name, c.from_on, c.to_on, c.member_id, c.group_number, c.relationship, c.rank, c.subscriber_family_name, c.subscriber_given_names,
            c.subscriber_birth_date, c.subscriber_sex,
        )
        .join(Payer, and_(Payer.tenant_id == c.tenant_id, Payer.id == c.payer_id))
        .where(c.patient_id.in_(ids))
        .order_by(c.rank, c.from_on, c.id)
    )  # fmt: skip
    found: dict[UUID, list[CoverageFile]] = defaultdict(list)
    for r in rows:
        subscriber = None
        if r.relationship != "self" and r.subscriber_family_name:
            subscriber = Person(
                r.subscriber_family_name,
                r.subscriber_given_names,
                r.subscriber_birth_date,
                _SEX.get(r.subscriber_sex, "U"),
            )
        insured = Insured(r.member_id, r.group_number, r.relationship, subscriber, r.rank)
        found[r.patient_id].append(CoverageFile(r.id, r.payer_id, r.name, insured, r.from_on, r.to_on))
    return found


async def _by(
    db: Db, ids: Sequence[UUID], table: Any, columns: Sequence[Any], *where: Any, order: Sequence[Any]
) -> dict[UUID, list[tuple[Any, ...]]]:
    # What may not be rewritten stays with the record it was written for, also where that was joined with another.
    whose = person_of(table.patient_id) if table.append_only else table.patient_id
    theirs = of_people(table.patient_id, ids) if table.append_only else table.patient_id.in_(ids)
    statement = (
        select(whose.label("whose"), *columns).where(theirs, *where).order_by("whose", *order, table.id)
    )
    found: dict[UUID, list[tuple[Any, ...]]] = defaultdict(list)
    for patient_id, *values in await db.execute(statement):
        found[patient_id].append(tuple(values))
    return found


# --- for another billing system -----------------------------------------------------------------------------------


async def billing_text(db: Db, actor: Actor, claim_ids: Sequence[UUID]) -> str:
    """Signed claims as plain aligned text, for typing into another system. Raises Refused NOT_FOUND."""
    return as_text(*await _chosen(db, actor, claim_ids))


async def billing_csv(db: Db, actor: Actor, claim_ids: Sequence[UUID]) -> str:
    """Signed claims as CSV, a row per service, safe to open in a spreadsheet. Raises Refused NOT_FOUND."""
    return as_csv(*await _chosen(db, actor, claim_ids))


async def _chosen(db: Db, actor: Actor, claim_ids: Sequence[UUID]) -> tuple[list[ClaimRow], dict[UUID, str]]:
    """These claims, in the order asked for, and what is to be known of some before they are typed."""
    actor.require("claims.read")
    where = {
        row.id: row
        for row in await db.execute(
            select(ClaimTable.id, ClaimTable.month, ClaimTable.patient_id).where(
                ClaimTable.id.in_(list(claim_ids))
            )
        )
    }
    if set(claim_ids) - set(where):
        raise not_found("claim")
    found: dict[UUID, ClaimRow] = {}
    for month in {row.month for row in where.values()}:
        theirs = [row.patient_id for row in where.values() if row.month == month]
        found |= {row.id: row for row in await month_claims(db, actor, month, patient_ids=theirs)}
    return [found[id] for id in dict.fromkeys(claim_ids)], remarks(found.values())
