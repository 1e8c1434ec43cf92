"""From a month's decision to claims. Pure: what was decided and what is on file in, claims out.

One claim is for one payer, one rendering practitioner and one place, with at most 50 services and 12 diagnoses
(837P). Where something is not on file it stays empty here; the scrub says what is missing and who can mend it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

from server.claims.claim import (
    Address,
    Biller,
    Claim,
    Insured,
    Person,
    Place,
    Practitioner,
    Route,
    Service,
    asks_for,
    service_keys,
)
from server.tenants.billing_statements import (
    ChargeRow,
    IdentityRow,
    ProviderBillingRow,
    RouteRow,
    SiteBillingRow,
    Statements,
    in_force,
)

MOST_SERVICES: Final = 50
MOST_DIAGNOSES: Final = 12
MOST_POINTERS: Final = 4
OFFICE: Final = "11"


@dataclass(frozen=True, slots=True)
class DecidedLine:
    """A line of a decision, as `claim_line` keeps it."""

    id: UUID
    program: str
    code: str
    label: str
    units: int
    modifiers: tuple[str, ...]
    service_on: date
    amount: Decimal | None
    needs_diagnoses: int
    diagnoses: tuple[str, ...]
    units_at_most: int | None
    goes_with: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """The newest decision about one patient's month. looks: what its rules ask somebody to look at, as sentences; holds:
    why what is not billed is not. undecided: nobody's rules answered (they could not, or none know the payer), which says
    nothing of what was sent."""

    id: UUID
    patient_id: UUID
    month: str
    coverage_id: UUID | None
    lines: tuple[DecidedLine, ...]
    looks: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    undecided: bool = False


@dataclass(frozen=True, slots=True)
class ChosenDiagnosis:
    code: str
    chronic: bool
    from_on: date
    to_on: date | None
    rank: int = 1

    def holds(self, on: date) -> bool:
        return self.from_on <= on and (self.to_on is None or on <= self.to_on)


@dataclass(frozen=True, slots=True)
class CoverageFile:
    id: UUID
    payer_id: UUID
    payer_name: str
    insured: Insured
    from_on: date
    to_on: date | None

    def holds(self, on: date) -> bool:
        return self.from_on <= on and (self.to_on is None or on <= self.to_on)


@dataclass(frozen=True, slots=True)
class Treating:
    """Who answers for a program, from a day, perhaps to a day."""

    program: str
    staff_id: UUID
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class Stayed:
    """Days in a hospital or nursing facility on the practice's calendar; to_on: the day of discharge."""

    kind: str
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class PatientFile:
    """What is on file about a person that a claim tells. sites: (from day, site or none), the one that counts first."""

    id: UUID
    person: Person
    exact_birth: bool
    died_on: date | None
    diagnoses: tuple[ChosenDiagnosis, ...] = ()
    coverages: tuple[CoverageFile, ...] = ()
    treating: tuple[Treating, ...] = ()
    sites: tuple[tuple[date, UUID | None], ...] = ()
    stays: tuple[Stayed, ...] = ()


@dataclass(frozen=True, slots=True)
class PracticeFile:
    """What the practice stated about itself. npis: staff id -> NPI. sites: site id -> our name for it."""

    statements: Statements
    charges: tuple[ChargeRow, ...]
    npis: dict[UUID, str]
    sites: dict[UUID, str]

    def route_of(self, payer_id: UUID, on: date) -> RouteRow | None:
        return in_force((row for row in self.statements.routes if row.payer_id == payer_id), on)


@dataclass(frozen=True, slots=True)
class LiveClaim:
    """A signed claim of the same patient and month that still stands. state: signed, sent, or denied by its payer."""

    id: UUID
    number: str
    state: str
    claim: Claim
    line_ids: tuple[UUID, ...]
    labels: tuple[str, ...]
    payer_control_number: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rules ask of the claim for one service, and what they expect it to pay."""

    line_id: UUID
    label: str
    allowed: Decimal | None
    needs_diagnoses: int = 0
    units_at_most: int | None = None
    goes_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A claim that may be signed once its scrub finds no error. asked: one per service.

    replaces: the sent claim that this one replaces or voids. waits_for: live claims that have to be withdrawn, made
    void or sent before this one may be signed. takes_from: sent claims whose services it asks for, and which other drafts
    of the month replace or make void; it is sent with those drafts or not at all.
    """

    id: UUID
    decision_id: UUID
    claim: Claim
    asked: tuple[Asked, ...]
    looks: tuple[str, ...] = ()
    replaces: LiveClaim | None = None
    waits_for: tuple[LiveClaim, ...] = ()
    takes_from: tuple[LiveClaim, ...] = ()


@dataclass(frozen=True, slots=True)
class Assembled:
    """drafts: what is still to be signed. changed: ids of live claims that say something else than the decision."""

    drafts: tuple[Draft, ...]
    changed: frozenset[UUID]


def assemble(
    decided: Decided, file: PatientFile, practice: PracticeFile, live: Sequence[LiveClaim]
) -> Assembled:
    """The claims that the newest decision of a patient's month makes, less those that stand already."""
    if decided.undecided:
        return Assembled((), frozenset(old.id for old in live if old.state == "signed"))
    return _beside(decided, file, _made(decided, file, practice), live)


def _made(decided: Decided, file: PatientFile, practice: PracticeFile) -> list[Draft]:
    coverage = next((c for c in file.coverages if c.id == decided.coverage_id), None)
    if coverage is None:
        return []
    groups: dict[tuple[UUID | None, UUID | None], list[DecidedLine]] = defaultdict(list)
    for line in decided.lines:
        groups[_treating(file, line), _site(file, line.service_on)].append(line)
    drafts = []
    ordered = sorted(groups.items(), key=lambda group: (str(group[0][0] or ""), str(group[0][1] or "")))
    for (staff_id, site_id), lines in ordered:
        for start in range(0, len(lines), MOST_SERVICES):
            some = lines[start : start + MOST_SERVICES]
            claim = _claim(decided, file, practice, coverage, staff_id, site_id, some)
            asked = tuple(
                Asked(li.id, li.label, li.amount, li.needs_diagnoses, li.units_at_most, li.goes_with)
                for li in some
            )
            name = f"{staff_id}/{site_id}/{start}"
            drafts.append(Draft(uuid5(decided.id, name), decided.id, claim, asked, decided.looks))
    return drafts


def _treating(file: PatientFile, line: DecidedLine) -> UUID | None:
    held = [
        t for t in file.treating
        if t.program == line.program
        and t.from_on <= line.service_on
        and (t.to_on is None or line.service_on <= t.to_on)
    ]  # fmt: skip
    held = held or [t for t in file.treating if t.program == line.program and t.from_on <= line.service_on]
    return max(held, key=lambda t: (t.from_on, str(t.staff_id))).staff_id if held else None


def _site(file: PatientFile, on: date) -> UUID | None:
    return next((site for from_on, site in file.sites if from_on <= on), None)


def _claim(
    decided: Decided, file: PatientFile, practice: PracticeFile, coverage: CoverageFile, staff_id: UUID | None,
    site_id: UUID | None, lines: Sequence[DecidedLine],
) -> Claim:  # fmt: skip
    on = max(line.service_on for line in lines)
    said = practice.statements
    route = practice.route_of(coverage.payer_id, on)
    rendering = _practitioner(practice, staff_id, on)
    diagnoses, pointers = diagnoses_of(lines, file.diagnoses)
    return Claim(
        month=decided.month,
        patient=str(file.id),
        payer=str(coverage.payer_id),
        coverage=str(coverage.id),
        biller=_biller(in_force(said.identities, on)),
        place=_place(practice, site_id, on),
        route=None if route is None else _route(route),
        rendering=rendering,
        supervising=rendering if route is not None and route.names_supervisor else None,
        person=file.person,
        insured=coverage.insured,
        diagnoses=diagnoses,
        services=tuple(
            Service(
                line.code,
                line.units,
                line.service_on,
                _charge(practice.charges, line),
                pointed,
                line.modifiers,
            )
            for line, pointed in zip(lines, pointers, strict=True)
        ),
    )


def diagnoses_of(
    lines: Sequence[DecidedLine], chosen: Iterable[ChosenDiagnosis]
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """(the claim's diagnoses, the pointers of each line): what a line rests on first, then the chronic conditions of
    that day, then the others; the weightiest first."""
    chosen = sorted(chosen, key=lambda d: (d.rank, not d.chronic, d.code))
    listed: list[str] = []
    pointers = []
    for line in lines:
        held = [d for d in chosen if d.holds(line.service_on)]
        codes = [d.code for d in held]
        wanted = [code for code in codes if code.upper() in line.diagnoses]
        wanted += [d.code for d in held if d.chronic and not line.diagnoses]
        if len(wanted) < max(1, line.needs_diagnoses):
            wanted += codes
        mine = []
        for code in list(dict.fromkeys(wanted))[:MOST_POINTERS]:
            if code not in listed and len(listed) < MOST_DIAGNOSES:
                listed.append(code)
            if code in listed:
                mine.append(listed.index(code) + 1)
        pointers.append(tuple(mine))
    return tuple(listed), tuple(pointers)


def _charge(charges: Iterable[ChargeRow], line: DecidedLine) -> Decimal:
    """Dollars for all units; zero where the practice stated no charge, which the scrub refuses."""
    held = in_force((charge for charge in charges if charge.code == line.code), line.service_on)
    return held.amount * line.units if held else Decimal(0)


def _practitioner(practice: PracticeFile, staff_id: UUID | None, on: date) -> Practitioner | None:
    if staff_id is None:
        return None
    said: ProviderBillingRow | None = in_force(
        (row for row in practice.statements.providers if row.staff_id == staff_id), on
    )
    if said is None:
        return None
    return Practitioner(said.family_name, said.given_name, practice.npis.get(staff_id, ""), said.taxonomy)


def _biller(said: IdentityRow | None) -> Biller | None:
    if said is None:
        return None
    return Biller(
        said.legal_name, said.tin, said.tin_kind, said.npi, said.taxonomy,
        Address(said.street, said.city, said.state, said.zip), said.contact_name, said.contact_phone,
        said.contact_email, said.submitter_id,
    )  # fmt: skip


def _place(practice: PracticeFile, site_id: UUID | None, on: date) -> Place:
    """Without a usual site, the practice's own address; with one that claims cannot name, nowhere, which the scrub
    stops."""
    if site_id is None:
        return Place(OFFICE)
    said: SiteBillingRow | None = in_force(
        (row for row in practice.statements.sites if row.site_id == site_id), on
    )
    if said is None:
        return Place("", practice.sites.get(site_id, ""))
    return Place(
        said.place_of_service,
        said.legal_name,
        said.npi,
        Address(said.street, said.city, said.state, said.zip),
    )


def _route(said: RouteRow) -> Route:
    return Route(
        said.receiver_id, said.receiver_name, said.claim_payer_name, said.claim_payer_id, said.filing_indicator,
        said.provider_number,
    )  # fmt: skip


# --- beside what was signed before --------------------------------------------------------------------------------


def _beside(decided: Decided, file: PatientFile, drafts: list[Draft], live: Sequence[LiveClaim]) -> Assembled:
    """Leave out what is claimed already; turn what differs from a sent claim into its replacement, or a void."""
    waiting = list(live)
    fresh: list[Draft] = []
    for draft in drafts:
        same = next(
            (c for c in waiting if c.claim.frequency != "8" and asks_for(c.claim) == asks_for(draft.claim)),
            None,
        )
        if same is None:
            fresh.append(draft)
        else:
            waiting.remove(same)
    taken = _in_the_place_of(waiting, fresh)
    changed = set()
    answers: list[Draft] = []
    for old in waiting:
        new = fresh[taken[old.id]] if old.id in taken else None
        if old.claim.frequency == "8" and new is None:
            continue  # nothing to ask for, and nothing is asked for
        if old.state == "denied" and new is None:
            continue  # its payer owes nothing for it: there is nothing to take back
        changed.add(old.id)
        if old.state == "signed":
            if new is not None:
                answers.append(replace(new, waits_for=(old,)))
        else:
            answers.append(_voiding(decided, file, old) if new is None else _replacing(new, old))
    answers += [draft for index, draft in enumerate(fresh) if index not in taken.values()]
    given_up = [draft.replaces for draft in answers if draft.replaces is not None]
    drafts = [_taking_from(_after_other_payers(draft, waiting), given_up) for draft in answers]
    return Assembled(tuple(drafts), frozenset(changed))


def _in_the_place_of(live: Sequence[LiveClaim], drafts: Sequence[Draft]) -> dict[UUID, int]:
    """Live claim -> the place of the draft to the same payer that takes its place: who shares most services with it
    first, so that the corrections of two claims of a month are never crossed; then whoever is left."""
    pairs = sorted(
        (
            -_shared(draft.claim, old.claim),
            old.claim.frequency == "8",
            _other_npi(draft.claim, old.claim),
            i,
            j,
        )
        for i, old in enumerate(live)
        for j, draft in enumerate(drafts)
        if draft.claim.payer == old.claim.payer
    )
    taken: dict[UUID, int] = {}
    for *_, i, j in pairs:
        if live[i].id not in taken and j not in taken.values():
            taken[live[i].id] = j
    return taken


def _shared(draft: Claim, old: Claim) -> int:
    """How many services both ask for."""
    return len(service_keys(draft) & service_keys(old))


def _other_npi(draft: Claim, old: Claim) -> bool:
    return (draft.rendering and draft.rendering.npi) != (old.rendering and old.rendering.npi)


def _after_other_payers(draft: Draft, live: Sequence[LiveClaim]) -> Draft:
    """A month is claimed from one payer: what stands at another has to be gone first, or denied by it, whatever its codes
    are."""
    if draft.claim.frequency == "8":
        return draft
    elsewhere = (old for old in live if old.claim.payer != draft.claim.payer and old.state != "denied")
    return replace(draft, waits_for=(*draft.waits_for, *elsewhere))


def _taking_from(draft: Draft, given_up: Sequence[LiveClaim]) -> Draft:
    """Two claims of a month may exchange services: neither replacement can be the first of the two."""
    if draft.claim.frequency == "8":
        return draft
    others = (old for old in given_up if old is not draft.replaces and _shared(draft.claim, old.claim))
    return replace(draft, takes_from=tuple(others))


def _replacing(draft: Draft, old: LiveClaim) -> Draft:
    claim = replace(draft.claim, frequency="7", payer_control_number=old.payer_control_number)
    return replace(draft, id=uuid5(draft.id, f"7/{old.id}"), claim=claim, replaces=old)


def _voiding(decided: Decided, file: PatientFile, old: LiveClaim) -> Draft:
    """The old claim once more, marked as void: the decision has nothing in its place. Where the person lives is told as
    it is on file now, since a state written wrongly can be mended nowhere else."""
    person = replace(old.claim.person, address=file.person.address or old.claim.person.address)
    claim = replace(old.claim, frequency="8", payer_control_number=old.payer_control_number, person=person)
    asked = tuple(
        Asked(line_id, label, None) for line_id, label in zip(old.line_ids, old.labels, strict=True)
    )
    return Draft(uuid5(decided.id, f"8/{old.id}"), decided.id, claim, asked, decided.holds, old)
