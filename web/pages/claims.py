"""Claims of a month: what can be signed, what is to be mended first, what was signed and sent."""

import re
from collections.abc import Iterable
from typing import Any, Final

from server.claims.claim_queries import claims_in_state, month_claims, overview_of
from server.claims.claim_rows import STATES, Chosen, ClaimRow, ClaimsOverview
from server.claims.files import interchanges
from server.claims.sending import claims_changed, make_interchanges
from server.claims.sign import sign_claims
from server.errors import Refused, not_found
from server.ids import parse_id
from server.patients.queries import place_of
from server.tenants.db import tenant_db
from server.words import say, say_of
from web.claim_words import brief, dollars, file_words, mended_at, place_of_mending
from web.pages.month import asked_month
from web.rendering import month_words
from web.site import Answer, Visit, page

#: claims shown at once of one state, or of one group that the same thing would mend
_PAGE: Final = 100
_OVER: Final = ("denied", "refused", "withdrawn", "replaced")
_CHOSEN: Final = re.compile(r"([0-9a-f-]{36})\|([0-9a-f-]{36})\|([0-9a-f]{64})")


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
        state=say(STATES[state]),
        count=overview.counts.get(state, 0),
        rows=[brief(row, visit.zone) for row in rows[:_PAGE]],
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
        state: [brief(row, visit.zone) for row in by_state[state][:_PAGE]]
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
        "changed": [brief(row, visit.zone) for row in rows if row.changed_since][:_PAGE],
        "unanswered": [brief(row, visit.zone) for row in rows if row.unanswered][:_PAGE],
        "changed_count": overview.changed,
        "files": [file_words(one, visit.zone) for one in files],
        "nothing": not rows,
    }


def _heading(month: str, overview: ClaimsOverview) -> dict[str, Any]:
    return {
        "month": month,
        "title": month_words(month),
        "sentence": _sentence(overview),
        "totals": {state: dollars(total) for state, total in overview.totals.items()},
        "page": _PAGE,
    }


def _sentence(overview: ClaimsOverview) -> str:
    n = overview.counts
    parts = {
        "ready": say_of("%(n)s ready to sign", "%(n)s ready to sign", n.get("ready", 0)),
        "to_look_at": say_of("%(n)s to look at", "%(n)s to look at", n.get("to_look_at", 0)),
        "to_mend": say_of(
            "%(n)s waiting for something you can mend",
            "%(n)s waiting for something you can mend",
            n.get("to_mend", 0),
        ),
        "signed": say_of("%(n)s signed", "%(n)s signed", n.get("signed", 0)),
        "sent": say_of("%(n)s sent", "%(n)s sent", n.get("sent", 0)),
    }
    said = [words for state, words in parts.items() if n.get(state)]
    if overview.changed:
        said.append(say_of("%(n)s changed since signed", "%(n)s changed since signed", overview.changed))
    return say("%(claims)s.", claims=", ".join(said)) if said else say("No claim comes of this month yet.")


def _by_mending(zone: str, rows: Iterable[ClaimRow]) -> list[dict[str, Any]]:
    """What mends them -> the people it would mend, the largest group first. Somebody may stand in several."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        for finding in row.findings:
            if finding.severity == "error":
                place = mended_at(finding, row)
                shared = place if "{" not in place_of_mending(finding) else ""
                groups.setdefault((finding.mends, shared), []).append(
                    brief(row, zone) | {"said": finding.sentence, "mend": place}
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
            groups.setdefault((finding.sentence, finding.mends), []).append(brief(row, zone))
    return [
        {"said": said, "mends": mends, "people": people[:_PAGE], "count": len(people)}
        for (said, mends), people in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


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
    said = say_of("One claim signed.", "%(n)s claims signed.", len(batch.signed))
    if not batch.left:
        return visit.go(f"/month/{month}/claims", said)
    left = say_of(
        "One claim left as a draft: it changed since, or is not ready.",
        "%(n)s claims left as drafts: they changed since, or are not ready.",
        len(batch.left),
    )
    return visit.go(f"/month/{month}/claims", f"{said} {left}", "soon")


def _chosen(text: str, looked: set[str]) -> Chosen:
    found = _CHOSEN.fullmatch(text)
    patient, draft = (parse_id(found[1]), parse_id(found[2])) if found else (None, None)
    if found is None or patient is None or draft is None:
        raise not_found("claim")
    return Chosen(patient, draft, found[3], looked=str(draft) in looked)


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
    said = [say_of("One file was made.", "%(n)s files were made.", len(made.files))]
    if made.left_out:
        said.append(claims_changed(made.left_out).message)
    if not all(one.production for one in made.files):
        said.append(say("Claims in a test file stay signed: nobody pays them until they are sent for real."))
    return visit.go(f"/month/{month}/claims#files", " ".join(said))
