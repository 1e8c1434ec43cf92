"""Claims as values, complete, so that a test changes exactly one thing. Nobody in them is real."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid5

from server.claims.assembly import Asked, CoverageFile, Draft, PatientFile
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
)
from server.claims.scrub import OnFile
from server.claims.x12.interchange import Envelope, Numbered, write

NAME_SPACE = UUID(int=7)
TODAY = date(2026, 11, 20)
ON = date(2026, 10, 31)
ENVELOPE = Envelope(1, datetime(2026, 11, 20, 9, 5), False)
BILLER = Biller(
    "Lakeside Family Medicine PC", "123456789", "EI", "1881000008", "207Q00000X",
    Address("100 Main St", "Detroit", "MI", "48226-1906"), "Bill Janssen", "3135550100", "billing@lakeside.example",
    "LAKESIDE01",
)  # fmt: skip
DR_LIN = Practitioner("Wei", "Lin", "1234567893", "207Q00000X")
DR_ROE = Practitioner("Roe", "Alex", "1987654328", "363L00000X")
MEDICARE = Route("08202", "WPS GHA Medicare J8 Michigan", "Medicare Part B Michigan", "08202", "MB")
BLUE = Route("PAYERID01", "BCBSM", "Blue Cross Blue Shield of Michigan", "PAYERID01", "BL")
RUTH = Person(
    "Walker", "Ruth Anna", date(1944, 5, 2), "F", "", Address("200 Oak Ave", "Detroit", "MI", "48227")
)
MARY = Person("Roe", "Mary", date(1972, 2, 2), "F", "", Address("300 Elm St", "Detroit", "MI", "48227-0001"))
RICHARD = Person("Roe", "Richard", date(1970, 1, 1), "M")

MEDICARE_CLAIM = Claim(
    month="2026-10", patient="p1", payer="medicare", coverage=str(uuid5(NAME_SPACE, "c1")), biller=BILLER,
    place=Place("11"), route=MEDICARE, rendering=DR_LIN, person=RUTH, insured=Insured("1EG4-TE5-MK73"),
    diagnoses=("I50.22", "E11.22", "N18.31"),
    services=(
        Service("99490", 1, ON, Decimal("100.00"), (1, 2, 3)),
        Service("99439", 2, ON, Decimal("160.00"), (1, 2, 3)),
    ),
)  # fmt: skip
DEPENDENT_CLAIM = replace(
    MEDICARE_CLAIM,
    patient="p2",
    payer="bcbsm",
    coverage=str(uuid5(NAME_SPACE, "c2")),
    route=BLUE,
    person=MARY,
    insured=Insured("XYZ123456789", "GRP0001", "spouse", RICHARD),
    diagnoses=("E11.22", "F33.1"),
    services=(Service("G9002", 2, date(2026, 10, 14), Decimal("150.00"), (1, 2)),),
)
COMPLEX_CLAIM = replace(
    MEDICARE_CLAIM,
    services=(
        Service("99487", 1, ON, Decimal("180"), (1, 2)),
        Service("99489", 1, ON, Decimal("95.5"), (1, 2)),
    ),
)


def asked_of(claim: Claim) -> tuple[Asked, ...]:
    return tuple(Asked(uuid5(NAME_SPACE, f"line {n}"), s.code, None, 1) for n, s in enumerate(claim.services))


def draft_of(claim: Claim, **more: object) -> Draft:
    asked = more.pop("asked", asked_of(claim))
    return Draft(uuid5(NAME_SPACE, "d"), uuid5(NAME_SPACE, "m"), claim, asked, **more)  # type: ignore[arg-type]


def on_file(claim: Claim, **more: object) -> OnFile:
    """What is on file that fits the claim. more: fields of PatientFile or of OnFile that differ."""
    about = {k: more.pop(k) for k in list(more) if k in PatientFile.__dataclass_fields__}
    coverage = CoverageFile(
        UUID(claim.coverage),
        uuid5(NAME_SPACE, claim.payer),
        claim.payer,
        claim.insured,
        date(2020, 1, 1),
        None,
    )
    file = PatientFile(uuid5(NAME_SPACE, claim.patient), claim.person, True, None, coverages=(coverage,))
    known: dict[str, object] = {
        "today": TODAY,
        "file": replace(file, **about),
        "billable": dict.fromkeys(claim.diagnoses, True),
    }  # type: ignore[arg-type]
    return OnFile(**{**known, **more})  # type: ignore[arg-type]


def file_of(*claims: Claim, envelope: Envelope = ENVELOPE) -> str:
    return write([Numbered(f"2610-{n:05d}", claim) for n, claim in enumerate(claims, 1)], envelope)
