"""Claims of a month: what can be signed, what is to be mended first, what was signed and sent; one claim whole."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any, Final
from uuid import UUID

from carewright_plugin_api.facts import local_day
from litestar import Response

from server.claims.claim import Address, Claim, Person, ScrubFinding
from server.claims.claim_queries import (
    billing_csv,
    billing_text,
    claim_for,
    claims_in_state,
    month_claims,
    overview_of,
)
from server.claims.claim_rows import STATES, Chosen, ClaimRow, ClaimsOverview, InterchangeRow
from server.claims.files import claims_in, file_of, interchange_for, interchanges
from server.claims.resting import remarks
from server.claims.sending import claims_changed, make_interchanges
from server.claims.sign import (
    record_denial,
    record_payer_number,
    record_refusal,
    sign_claims,
    take_back_denial,
    withdraw_claim,
)
from server.errors import Refused, not_found
from server.ids import parse_id
from server.patients.chart import diagnoses
from server.patients.queries import place_of
from server.patients.tables import RELATIONSHIPS
from server.tenants.billing_values import FILING_INDICATORS, PLACES_OF_SERVICE
from server.tenants.db import Db, tenant_db
from web.pages.month import asked_month
from web.rendering import called, day, moment, month_words, phone
from web.site import Answer, Visit, page
from web.typed import beside, day_in
from web.words import N_, say

#: claims shown at once of one state, or of one group that the same thing would mend
_PAGE: Final = 100
_OVER: Final = ("denied", "refused", "withdrawn", "replaced")
_SIGNS: Final = {
    "to_mend": "waiting", "to_look_at": "soon", "ready": "plain", "signed": "done", "sent": "done", "refused": "soon",
    "denied": "soon", "withdrawn": "plain", "replaced": "plain",
}  # fmt: skip
#: how the name of what a finding is about begins -> where it is mended
_PLACES: Final = (
    ("decision", "/month/{month}/{id}"),
    ("rendering_npi", "/practice/staff"),
    ("rendering", "/practice/billing"),
    ("bill", "/practice/billing"),
    ("tin", "/practice/billing/identity"),
    ("taxonomy", "/practice/billing/identity"),
    ("charge", "/practice/billing/charges"),
    ("route", "/practice/billing"),
    ("place_of_service", "/practice/billing"),
    ("site", "/practice/billing"),
    ("diagnos", "/people/{id}/diagnoses"),
    ("pointers", "/people/{id}/diagnoses"),
    ("member_id", "/people/{id}/details#insurance"),
    ("coverage", "/people/{id}/details#insurance"),
    ("relationship", "/people/{id}/details#insurance"),
    ("subscriber", "/people/{id}/details#insurance"),
    ("address", "/people/{id}/details"),
    ("", "/people/{id}"),
)
_VOID: Final = N_("nothing: it takes back what was sent")
#: the letters a paper claim and most billing systems call diagnoses by
_LETTERS: Final = "ABCDEFGHIJKL"
_CHOSEN: Final = re.compile(r"([0-9a-f-]{36})\|([0-9a-f-]{36})\|([0-9a-f]{64})")


# --- a month ----------------------------------------------------------------------------------------------------


@page.get("/month/{month:str}/claims", permission="claims.read")
async def claims_of_month(visit: Visit) -> Answer:
    """Every state with its figures and its first claims; with `?state=`, that state's claims from name to name."""
    month, state = asked_month(visit), visit.query("state")
    if not state:
        return visit.show("claims/month.html", **await _month_given(visit, month))
    if state not in STATES:
        raise not_found("list of claims")
    patient, claim = parse_id(visit.query("after")), parse_id(visit.query("claim"))
    async with tenant_db(visit.actor, read_only=True) as db:
        place = await place_of(db, visit.actor, patient) if patient else None
        rows, overview = await claims_in_state(
            db, visit.actor, month, state, limit=_PAGE + 1,
            position=(place[0], claim) if place and claim else None,
        )  # fmt: skip
    return visit.show(
        "claims/state.html",
        **_heading(month, overview),
        key=state,
        state=STATES[state],
        count=overview.counts.get(state, 0),
        rows=[_brief(row, visit.zone) for row in rows[:_PAGE]],
        more=_behind(rows[_PAGE - 1]) if len(rows) > _PAGE else None,
        continued=place is not None,
    )


def _behind(row: ClaimRow) -> str:
    """Where a list goes on behind this claim: by ids alone, since an address is written into logs."""
    return f"/month/{row.month}/claims?state={row.state}&after={row.patient_id}&claim={row.id}"


async def _month_given(visit: Visit, month: str) -> dict[str, Any]:
    async with tenant_db(visit.actor, read_only=True) as db:
        rows = await month_claims(db, visit.actor, month)
        files = await interchanges(db, visit.actor, month=month)
    overview = overview_of(rows)
    by_state = {state: [row for row in rows if row.state == state] for state in STATES}
    shown = {
        state: [_brief(row, visit.zone) for row in by_state[state][:_PAGE]]
        for state in ("ready", "signed", "sent", *_OVER)
    }
    return _heading(month, overview) | {
        "counts": overview.counts,
        "more": {state: _behind(found[_PAGE - 1]) for state, found in by_state.items() if len(found) > _PAGE},
        "ready": shown["ready"],
        "signed": shown["signed"],
        "sent": shown["sent"],
        "over": [one for state in _OVER for one in shown[state]],
        "to_look_at": _by_look(visit.zone, by_state["to_look_at"]),
        "to_mend": _by_mending(visit.zone, by_state["to_mend"]),
        "changed": [_brief(row, visit.zone) for row in rows if row.changed_since][:_PAGE],
        "unanswered": [_brief(row, visit.zone) for row in rows if row.unanswered][:_PAGE],
        "changed_count": overview.changed,
        "files": [_file(one, visit.zone) for one in files],
        "nothing": not rows,
    }


def _heading(month: str, overview: ClaimsOverview) -> dict[str, Any]:
    return {
        "month": month,
        "title": month_words(month),
        "sentence": _sentence(overview),
        "totals": {state: _dollars(total) for state, total in overview.totals.items()},
        "page": _PAGE,
    }


def _sentence(overview: ClaimsOverview) -> str:
    parts = [
        f"{overview.counts[state]:,} {words}"
        for state, words in (
            ("ready", say("ready to sign")),
            ("to_look_at", say("to look at")),
            ("to_mend", say("waiting for something you can mend")),
            ("signed", "signed"),
            ("sent", "sent"),
        )
        if overview.counts.get(state)
    ]
    if overview.changed:
        parts.append(say("%(changed)s changed since signed", changed=f"{overview.changed:,}"))
    return f"{', '.join(parts)}." if parts else say("No claim comes of this month yet.")


def _by_mending(zone: str, rows: Iterable[ClaimRow]) -> list[dict[str, Any]]:
    """What mends them -> the people it would mend, the largest group first. Somebody may stand in several."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        for finding in row.findings:
            if finding.severity == "error":
                place = _place(finding, row)
                shared = place if "{" not in _place_of(finding) else ""
                groups.setdefault((finding.mends, shared), []).append(
                    _brief(row, zone) | {"said": finding.sentence, "mend": place}
                )
    return [
        {"mends": mends, "href": shared, "people": people[:_PAGE], "count": len(people)}
        for (mends, shared), people in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _by_look(zone: str, rows: Iterable[ClaimRow]) -> list[dict[str, Any]]:
    """What deserves a look -> whose claims, the largest group first."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        for finding in row.findings:
            groups.setdefault((finding.sentence, finding.mends), []).append(_brief(row, zone))
    return [
        {"said": said, "mends": mends, "people": people[:_PAGE], "count": len(people)}
        for (said, mends), people in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _place_of(finding: ScrubFinding) -> str:
    return next(where for begins, where in _PLACES if finding.field.startswith(begins))


def _place(finding: ScrubFinding, row: ClaimRow) -> str:
    return _place_of(finding).format(id=row.patient_id, month=row.month)


def _brief(row: ClaimRow, zone: str) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "href": _address(row),
        "name": f"{called(row)} {row.family_name}",
        "payer": row.payer_name,
        "services": say(_VOID) if row.claim.frequency == "8" else ", ".join(_service_words(row.claim)),
        "total": _dollars(row.asked),
        "chosen": f"{row.patient_id}|{row.id}|{row.content_hash}",
        "number": row.number,
        "state": STATES[row.state],
        "sign": _SIGNS[row.state],
        "kind": _kind(row),
        "signed": say(
            "%(day)s by %(signed_by)s", day=day(local_day(row.signed_at, zone)), signed_by=row.signed_by
        )
        if row.signed_at
        else "",
        "note": row.note,
        "denied": say("%(day)s, entered by %(denied_by)s", day=day(row.denied_on), denied_by=row.denied_by)
        if row.denied_on
        else "",
        "unanswered": row.unanswered,
        "said": " ".join(finding.sentence for finding in row.findings),
        "changed": row.changed_since,
        "patient": f"/people/{row.patient_id}",
    }


def _address(row: ClaimRow) -> str:
    return f"/month/{row.month}/unsigned/{row.patient_id}/{row.id}" if row.draft else f"/claims/{row.id}"


def _kind(row: ClaimRow) -> str:
    """Empty for a first claim."""
    if row.claim.frequency == "1":
        return ""
    words = say("Replaces claim %(number)s", number=row.replaces_number)
    return (
        words
        if row.claim.frequency == "7"
        else say("Makes void claim %(number)s", number=row.replaces_number)
    )


def _service_words(claim: Claim) -> list[str]:
    return [
        " ".join([service.code, *service.modifiers]) + (f" × {service.units}" if service.units > 1 else "")
        for service in claim.services
    ]


def _dollars(amount: Any) -> str:
    return f"${amount:,.2f}"


def _file(one: InterchangeRow, zone: str) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "name": one.file_name,
        "number": f"{one.control_number:09d}",
        "receiver": f"{one.receiver_name} ({one.receiver_id})",
        "claims": one.claims,
        "total": _dollars(one.total),
        "made": say("%(moment)s by %(made_by)s", moment=moment(one.made_at, zone), made_by=one.made_by),
        "deliveries": one.deliveries,
        "production": one.production,
        "hash": one.content_hash,
    }


@page.post("/month/{month:str}/claims/sign", permission="claims.sign")
async def claims_signed(visit: Visit) -> Answer:
    """Sign what was chosen. What changed since it was seen, or is not ready, is left and said why."""
    month = asked_month(visit)
    try:
        looked = set(await visit.many("looked"))
        chosen = [_chosen(text, looked) for text in await visit.many("chosen")]
        if not chosen:
            raise Refused(
                "NOTHING_CHOSEN",
                say("No claim was chosen."),
                say("Tick those you have looked at, then sign."),
            )
        async with tenant_db(visit.actor) as db:
            batch = await sign_claims(db, visit.actor, month, chosen)
    except Refused as refused:
        whole = Refused(refused.code, refused.message, refused.next_step)
        return visit.again("claims/month.html", whole, **await _month_given(visit, month))
    said = say("%(claims)s signed.", claims=_claims(len(batch.signed)))
    if not batch.left:
        return visit.go(f"/month/{month}/claims", said)
    left = say(
        "%(said)s %(claims)s left as drafts: they changed since, or are not ready.",
        said=said,
        claims=_claims(len(batch.left)),
    )
    return visit.go(f"/month/{month}/claims", left, "soon")


def _chosen(text: str, looked: set[str]) -> Chosen:
    found = _CHOSEN.fullmatch(text)
    patient, draft = (parse_id(found[1]), parse_id(found[2])) if found else (None, None)
    if found is None or patient is None or draft is None:
        raise not_found("claim")
    return Chosen(patient, draft, found[3], looked=str(draft) in looked)


def _claims(count: int) -> str:
    return say("One claim") if count == 1 else say("%(count)s claims", count=f"{count:,}")


@page.post("/month/{month:str}/claims/files", permission="claims.sign")
async def files_made(visit: Visit) -> Answer:
    """One file per receiver of every signed claim of the month that was not sent."""
    month = asked_month(visit)
    try:
        async with tenant_db(visit.actor) as db:
            made = await make_interchanges(db, visit.actor, month=month)
    except Refused as refused:
        whole = Refused(refused.code, refused.message, refused.next_step)
        return visit.again("claims/month.html", whole, **await _month_given(visit, month))
    said = (
        say("One file was made.")
        if len(made.files) == 1
        else say("%(n)s files were made.", n=len(made.files))
    )
    if made.left_out:
        said += f" {claims_changed(made.left_out).message}"
    if not all(one.production for one in made.files):
        said += say(" Claims in a test file stay signed: nobody pays them until they are sent for real.")
    return visit.go(f"/month/{month}/claims#files", said)


# --- for another billing system ---------------------------------------------------------------------------------


@page.get("/month/{month:str}/claims/text", permission="claims.read")
async def claims_text(visit: Visit) -> Answer:
    """Every signed claim of the month that still holds as plain text, to copy into another system."""
    month = asked_month(visit)
    async with tenant_db(visit.actor, read_only=True) as db:
        ids, left_out = await _signed_ids(db, visit, month)
        text = await billing_text(db, visit.actor, ids) if ids else ""
    return visit.show(
        "claims/text.html",
        month=month,
        title=month_words(month),
        text=text,
        count=len(ids),
        left_out=left_out,
    )


@page.get("/month/{month:str}/claims/csv", permission="claims.read")
async def claims_csv(visit: Visit) -> Answer:
    month = asked_month(visit)
    async with tenant_db(visit.actor, read_only=True) as db:
        ids, _ = await _signed_ids(db, visit, month)
        if not ids:
            raise not_found("signed claim")
        text = await billing_csv(db, visit.actor, ids)
    return _attached(text.encode(), f"claims-{month}.csv", "text/csv")


async def _signed_ids(db: Db, visit: Visit, month: str) -> tuple[list[UUID], list[str]]:
    """(the claims to copy, the numbers of those left out because another is to take their place)"""
    rows = await month_claims(db, visit.actor, month, states=("signed", "sent"))
    out = remarks(rows)
    return [row.id for row in rows if row.id not in out], [row.number for row in rows if row.id in out]


def _attached(content: bytes, name: str, media_type: str) -> Answer:
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


# --- files ------------------------------------------------------------------------------------------------------


@page.get("/claims/files/{id:str}", permission="claims.read")
async def one_file(visit: Visit) -> Answer:
    """What a file holds, and how often it left the house."""
    id = visit.id("id", "file")
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await interchange_for(db, visit.actor, id)
        rows = await claims_in(db, visit.actor, id)
    month = rows[0].month if rows else f"{visit.today:%Y-%m}"
    return visit.show(
        "claims/file.html", file=_file(found, visit.zone), rows=[_brief(row, visit.zone) for row in rows], month=month,
        title=month_words(month),
    )  # fmt: skip


@page.post("/claims/files/{id:str}", permission="claims.sign")
async def file_downloaded(visit: Visit) -> Answer:
    """The file, byte for byte as it was made; that it left the house is written down."""
    async with tenant_db(visit.actor) as db:
        found, content = await file_of(db, visit.actor, visit.id("id", "file"))
    return _attached(content, found.file_name, "application/edi-x12")


# --- one claim --------------------------------------------------------------------------------------------------


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
    return _brief(row, visit.zone) | {
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
                "href": _place(finding, row),
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
                "charge": _dollars(service.charge),
                "expected": "" if expected is None else _dollars(expected),
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
        (say("Sex on the claim"), {"F": "female", "M": "male"}.get(person.sex, "not stated")),
        (say("Address"), _where(person.address)),
    ]


def _insured(told: Claim) -> list[tuple[str, str]]:
    facts = [
        (say("Member number"), told.insured.member_id),
        (say("Group"), told.insured.group_number or "none"),
    ]
    if told.insured.subscriber:
        relation = RELATIONSHIPS.get(told.insured.relationship, told.insured.relationship)
        facts += [
            (say("Subscriber"), _name(told.insured.subscriber)),
            (say("The patient is their"), relation.lower()),
        ]
    return facts


def _practice(told: Claim) -> list[tuple[str, str]]:
    biller, treats, watches = told.biller, told.rendering, told.supervising
    code = told.place.place_of_service
    place = f"{code}, {PLACES_OF_SERVICE.get(code, '')}" if code else say("not stated")
    if told.place.name:
        place += f"; {told.place.name}, {_where(told.place.address)}".rstrip(", ")
    facts = [
        (
            say("Billed by"),
            say("%(legal_name)s, NPI %(npi)s", legal_name=biller.legal_name, npi=biller.npi)
            if biller
            else "",
        ),
        (say("Address"), _where(biller.address) if biller else ""),
        (say("Tax number"), say("ends in %(tin)s", tin=biller.tin[-4:]) if biller else ""),
        (say("Call"), f"{biller.contact_name}, {phone('+1' + biller.contact_phone)}" if biller else ""),
        (
            say("Rendered by"),
            say(
                "%(given_name)s %(family_name)s, NPI %(npi)s",
                given_name=treats.given_name,
                family_name=treats.family_name,
                npi=treats.npi,
            )
            if treats
            else "",
        ),
        (say("Place of service"), place),
    ]
    if watches:
        facts.append(
            (
                say("Under"),
                say(
                    "%(given_name)s %(family_name)s, NPI %(npi)s",
                    given_name=watches.given_name,
                    family_name=watches.family_name,
                    npi=watches.npi,
                ),
            )
        )
    return facts


def _payer(told: Claim) -> list[tuple[str, str]]:
    route = told.route
    if route is None:
        return [(say("Payer"), "")]
    facts = [
        (say("Payer"), f"{route.payer_name} ({route.payer_id})"),
        (say("Kind of insurance"), FILING_INDICATORS.get(route.filing_indicator, route.filing_indicator)),
        (say("Goes to"), f"{route.receiver_name} ({route.receiver_id})"),
        (say("Pays"), {1: "first", 2: "second"}.get(told.insured.rank, f"in place {told.insured.rank}")),
    ]
    if told.payer_control_number:
        facts.append((say("The payer’s number for the claim before"), told.payer_control_number))
    return facts


# --- what becomes of a signed claim -----------------------------------------------------------------------------


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
