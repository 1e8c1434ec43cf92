"""One claim whole, and what becomes of it once it is signed."""

from datetime import date
from typing import Any, Final

from server.claims.claim import Address, Claim, Person
from server.claims.claim_queries import billing_text, claim_for, month_claims
from server.claims.claim_rows import ClaimRow
from server.claims.sign import (
    record_denial,
    record_payer_number,
    record_refusal,
    take_back_denial,
    withdraw_claim,
)
from server.errors import Refused, not_found
from server.patients.chart import diagnoses
from server.patients.tables import RELATIONSHIPS
from server.tenants.billing_values import FILING_INDICATORS, PLACES_OF_SERVICE
from server.tenants.db import Db, tenant_db
from server.words import N_, say
from web.claim_words import brief, dollars, mended_at, pays_words
from web.pages.month import asked_month
from web.rendering import day, month_words, phone
from web.site import Answer, Visit, page
from web.typed import beside, day_in

#: the letters a paper claim and most billing systems call diagnoses by
_LETTERS: Final = "ABCDEFGHIJKL"
_SEXES: Final = {"F": N_("female"), "M": N_("male")}


@page.get("/month/{month:str}/unsigned/{patient:str}/{id:str}", permission="claims.read")
async def draft(visit: Visit) -> Answer:
    """A claim not signed yet, as the newest decision makes it."""
    month, patient, id = asked_month(visit), visit.id("patient", "patient"), visit.id("id", "claim")
    async with tenant_db(visit.actor, read_only=True) as db:
        rows = await month_claims(db, visit.actor, month, patient_ids=[patient])
        row = next((one for one in rows if one.id == id and one.draft), None)
        if row is None:
            raise not_found("claim")
        given = await _claim_given(db, visit, row)
    return visit.show("claims/one.html", **given)


@page.get("/claims/{id:str}", permission="claims.read")
async def claim(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        row = await claim_for(db, visit.actor, visit.id("id", "claim"))
        given = await _claim_given(db, visit, row)
    return visit.show("claims/one.html", **given)


async def _claim_given(db: Db, visit: Visit, row: ClaimRow) -> dict[str, Any]:
    labels = {
        one.code: one.label
        for one in (await diagnoses(db, visit.actor, [row.patient_id])).get(row.patient_id, [])
    }
    told = row.claim
    text = "" if row.draft else await billing_text(db, visit.actor, [row.id])
    return brief(row, visit.zone) | {
        "month": row.month,
        "title": month_words(row.month),
        "row": row,
        "draft": row.draft,
        "void": told.frequency == "8",
        "findings": [
            {
                "sentence": finding.sentence,
                "mends": finding.mends,
                "error": finding.severity == "error",
                "href": mended_at(finding, row),
                "id": finding.id,
            }
            for finding in row.findings
        ],
        "lines": [
            {
                "code": " ".join([service.code, *service.modifiers]),
                "label": label,
                "units": service.units,
                "on": day(service.service_on),
                "charge": dollars(service.charge),
                "expected": "" if expected is None else dollars(expected),
                "pointers": " ".join(_letter(pointer) for pointer in service.pointers),
                "evidence": f"/month/{row.month}/{row.patient_id}?line={line_id}",
            }
            for service, label, expected, line_id in zip(
                told.services, row.labels, row.allowed, row.line_ids, strict=True
            )
        ],
        "diagnoses": [(_letter(n), code, labels.get(code, "")) for n, code in enumerate(told.diagnoses, 1)],
        "patient_facts": [*_person(told.person), *_insured(told)],
        "practice_facts": _practice(told),
        "payer_facts": _payer(told),
        "payer_number": row.payer_control_number,
        "text": text,
        "file": f"/claims/files/{row.interchange_id}" if row.interchange_id else "",
        "values": {},
    }  # fmt: skip


def _letter(pointer: int) -> str:
    return _LETTERS[pointer - 1] if 1 <= pointer <= len(_LETTERS) else str(pointer)


def _name(person: Person) -> str:
    return f"{person.given_names} {person.family_name} {person.suffix}".strip()


def _where(address: Address | None) -> str:
    if address is None:
        return ""
    return f"{address.street}, {address.city}, {address.state} {address.zip}".strip(", ")


def _person(person: Person) -> list[tuple[str, str]]:
    born: date | None = person.birth_date
    return [
        (say("Name"), _name(person)),
        (say("Born"), day(born)),
        (
            say("Sex on the claim"),
            say(_SEXES[person.sex]) if person.sex in _SEXES else say("not stated"),
        ),
        (say("Address"), _where(person.address)),
    ]


def _insured(told: Claim) -> list[tuple[str, str]]:
    facts = [
        (say("Member number"), told.insured.member_id),
        (say("Group"), told.insured.group_number or say("none")),
    ]
    if told.insured.subscriber:
        relation = say(RELATIONSHIPS.get(told.insured.relationship, told.insured.relationship))
        facts += [
            (say("Subscriber"), _name(told.insured.subscriber)),
            (say("The patient is their"), relation.lower()),
        ]
    return facts


def _practice(told: Claim) -> list[tuple[str, str]]:
    biller, treats, watches = told.biller, told.rendering, told.supervising
    code = told.place.place_of_service
    place = f"{code}, {say(PLACES_OF_SERVICE.get(code, ''))}" if code else say("not stated")
    if told.place.name:
        place += f"; {told.place.name}, {_where(told.place.address)}".rstrip(", ")
    facts = [
        (
            say("Billed by"),
            _numbered(biller.legal_name, biller.npi) if biller else "",
        ),
        (say("Address"), _where(biller.address) if biller else ""),
        (say("Tax number"), say("ends in %(tin)s", tin=biller.tin[-4:]) if biller else ""),
        (say("Call"), f"{biller.contact_name}, {phone('+1' + biller.contact_phone)}" if biller else ""),
        (
            say("Rendered by"),
            _numbered(f"{treats.given_name} {treats.family_name}", treats.npi) if treats else "",
        ),
        (say("Place of service"), place),
    ]
    if watches:
        facts.append((say("Under"), _numbered(f"{watches.given_name} {watches.family_name}", watches.npi)))
    return facts


def _numbered(name: str, npi: str) -> str:
    return say("%(name)s, NPI %(npi)s", name=name, npi=npi)


def _payer(told: Claim) -> list[tuple[str, str]]:
    route = told.route
    if route is None:
        return [(say("Payer"), "")]
    facts = [
        (say("Payer"), f"{route.payer_name} ({route.payer_id})"),
        (
            say("Kind of insurance"),
            say(FILING_INDICATORS.get(route.filing_indicator, route.filing_indicator)),
        ),
        (say("Goes to"), f"{route.receiver_name} ({route.receiver_id})"),
        (say("Pays"), pays_words(told.insured.rank)),
    ]
    if told.payer_control_number:
        facts.append((say("The payer’s number for the claim before"), told.payer_control_number))
    return facts


# --- what becomes of a signed claim ---------------------------------------------------------------------------


@page.post("/claims/{id:str}/withdraw", permission="claims.sign")
async def withdrawn(visit: Visit) -> Answer:
    return await _became(visit, "withdraw", say("The claim is taken back; its services can be signed again."))


@page.post("/claims/{id:str}/refused", permission="claims.sign")
async def payer_refused(visit: Visit) -> Answer:
    return await _became(
        visit, "refused", say("Written down. Its services can be signed again once they are mended.")
    )


@page.post("/claims/{id:str}/denied", permission="claims.sign")
async def payer_denied(visit: Visit) -> Answer:
    return await _became(
        visit, "denied", say("Written down. Another payer's claim needs no void of this one.")
    )


@page.post("/claims/{id:str}/denied/take-back", permission="claims.sign")
async def denial_taken_back(visit: Visit) -> Answer:
    return await _became(visit, "paid", say("Taken back. The claim stands as sent."))


@page.post("/claims/{id:str}/payer-number", permission="claims.sign")
async def payer_number(visit: Visit) -> Answer:
    return await _became(visit, "number", say("The payer's number is kept."))


async def _became(visit: Visit, what: str, said: str) -> Answer:
    id, form = visit.id("id", "claim"), await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            if what == "withdraw":
                await withdraw_claim(db, visit.actor, id, note=form.get("note", ""))
            elif what == "refused":
                await record_refusal(db, visit.actor, id, note=form.get("refusal", ""))
            elif what == "denied":
                await record_denial(
                    db, visit.actor, id, on=day_in(form, "denied_on"), note=form.get("denial", "")
                )
            elif what == "paid":
                await take_back_denial(db, visit.actor, id)
            else:
                await record_payer_number(db, visit.actor, id, number=form.get("number", ""))
    except Refused as refused:
        fields = {
            "withdraw": {"note": "note"}, "refused": {"note": "refusal"}, "number": {"number": "number"},
            "denied": {"note": "denial", "on": "denied_on"}, "paid": {},
        }  # fmt: skip
        at_its_field = beside(refused, fields[what])
        async with tenant_db(visit.actor, read_only=True) as db:
            given = await _claim_given(db, visit, await claim_for(db, visit.actor, id))
        return visit.again("claims/one.html", at_its_field, **(given | {"values": form}))
    return visit.go(f"/claims/{id}", said)
