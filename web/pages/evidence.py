"""The proof of one person's month, to read, to print and to keep as a file."""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from carewright_plugin_api.decisions import Decision
from litestar import Response
from markupsafe import Markup

from server.claims.evidence import evidence_of
from server.claims.overrides import OverrideRow, override_month, withdraw_override
from server.clock import now
from server.errors import Refused, not_found
from server.ids import parse_id
from server.patients.gate import patient_for
from server.tenants.db import tenant_db
from server.tenants.practice import POLICIES
from server.words import say
from web.packet import packet
from web.pages.month import asked_month
from web.pages.person_sections import person_frame
from web.proof_words import exact
from web.rendering import render
from web.site import Answer, Visit, page
from web.typed import beside, text_in

_OVERRIDE_FIELDS: Final = {"kind": "choice", "target": "choice"}
_BACK_FIELDS: Final = {"reason": "back_reason"}
_STYLE: Final = Path(__file__).parents[1] / "static" / "css" / "packet.css"


@page.get("/month/{month:str}/{id:str}", permission="claims.read")
async def evidence(visit: Visit) -> Answer:
    """Everything behind one person's month. ?version=2: an earlier answer; ?line=ID: one line alone."""
    return visit.show("month/evidence.html", **await _given(visit))


async def _given(visit: Visit) -> dict[str, Any]:
    month, id, actor = asked_month(visit), visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        found = await evidence_of(db, actor, id, month, **_which(visit))
    return {
        **packet(found, month),
        **_printed(visit),
        **given,
        "offers": _offers(found.answer, found.overrides),
    }


@page.get("/month/{month:str}/{id:str}/packet", permission="claims.read")
async def evidence_file(visit: Visit) -> Answer:
    """The same as one file that needs nothing else, to keep or to hand to an auditor."""
    month, id = asked_month(visit), visit.id("id", "patient")
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await evidence_of(db, visit.actor, id, month, **_which(visit))
    text = render(
        "month/packet.html",
        style=_style(),
        style_hash=_style_hash(),
        practice=found.who.practice_name,
        **packet(found, month),
        **_printed(visit),
    )
    # Neither name nor number of a person in a file's name: those end up in lists of downloads.
    name = f"proof-{month}-{str(found.decision.id)[-12:]}.html"
    return Response(
        text.encode(),
        media_type="text/html",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Security-Policy": f"default-src 'none'; style-src '{_style_hash()}'; frame-ancestors 'none'; sandbox",
        },
    )


def _which(visit: Visit) -> dict[str, Any]:
    """The version or line asked for; anything that is neither does not exist."""
    version, line = visit.query("version"), visit.query("line")
    if version and not (version.isascii() and version.isdecimal() and len(version) < 6):
        raise not_found("version")
    line_id = parse_id(line) if line else None
    if line and line_id is None:
        raise not_found("line")
    return {"version": int(version) if version else None, "line_id": line_id}


def _printed(visit: Visit) -> dict[str, Any]:
    return {
        "printed_at": exact(now(), visit.zone),
        "printed_by": visit.signed_in.name if visit.signed_in else "",
    }


@cache
def _style() -> Markup:
    """The file's own stylesheet, in the file. Ours, from this folder: nothing of a person's words is in it."""
    return Markup("<style>{}</style>").format(Markup(_STYLE.read_text()))  # noqa: S704


def _style_hash() -> str:
    """How a browser is told that this stylesheet, and no other, may stand in the file."""
    return f"sha256-{b64encode(sha256(_STYLE.read_bytes()).digest()).decode()}"


# --- what a person decides about the month ----------------------------------------------------------------------


def _offers(whole: Decision, made: Sequence[OverrideRow]) -> list[tuple[str, str]]:
    """What a person may decide about the month and has not yet: see server/claims/overrides.py."""
    in_force = {(one.kind, one.target) for one in made if one.withdraws_id is None and not one.withdrawn}
    lines = list(dict.fromkeys(line.code for line in whole.lines))
    offers = [("withhold:", say("Do not bill anything of this month"))] if lines else []
    if len(lines) > 1:
        offers += [(f"withhold:{code}", say("Do not bill %(code)s", code=code)) for code in lines]
    for other in whole.alternatives:
        codes = ", ".join(line.code for line in other.lines) or say("no line")
        lines_words = f"{codes} (${other.amount:,.2f})" if other.amount is not None else codes
        policy = say(POLICIES.get(other.policy, other.policy))
        offers.append(
            (f"choose:{other.policy}", say("%(choice)s: %(about)s", choice=policy, about=lines_words))
        )
    offers += [(f"accept:{hold.code}", hold.asserts) for hold in whole.holds if hold.may_accept]
    return [(value, words) for value, words in offers if tuple(value.split(":", 1)) not in in_force]


@page.post("/month/{month:str}/{id:str}/choose", permission="claims.close")
async def chosen(visit: Visit) -> Answer:
    """Decide something about one person's month, with a reason."""
    month, id, form = asked_month(visit), visit.id("id", "patient"), await visit.form()
    kind, _, target = form.get("choice", "").partition(":")
    try:
        async with tenant_db(visit.actor) as db:
            await override_month(
                db, visit.actor, id, month, kind=kind, target=target[:64], reason=text_in(form, "reason")
            )
    except Refused as refused:
        given = await _given(visit)
        return visit.again("month/evidence.html", beside(refused, _OVERRIDE_FIELDS), values=form, **given)
    return visit.go(f"/month/{month}/{id}", say("Kept. It counts from the next closing of this month."))


@page.post("/month/{month:str}/{id:str}/take-back", permission="claims.close")
async def choice_taken_back(visit: Visit) -> Answer:
    month, id, form = asked_month(visit), visit.id("id", "patient"), await visit.form()
    override_id = parse_id(form.get("override_id", ""))
    if override_id is None:
        raise not_found("choice")
    try:
        async with tenant_db(visit.actor) as db:
            await patient_for(db, visit.actor, id, permission="claims.read")
            row = await withdraw_override(db, visit.actor, override_id, reason=text_in(form, "reason"))
            if (row.patient_id, row.month) != (id, month):
                raise not_found("choice")  # of another person or month: nothing is kept
    except Refused as refused:
        given = await _given(visit)
        return visit.again("month/evidence.html", beside(refused, _BACK_FIELDS), values=form, **given)
    return visit.go(f"/month/{month}/{id}", say("Taken back. It counts from the next closing of this month."))
