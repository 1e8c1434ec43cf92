"""People who may be on file twice: a list to look at, two records side by side, and what was joined."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from server.duplicates.actions import (
    FIELDS,
    ask_later,
    join_records,
    look_for_duplicates,
    separate_records,
    separation_of,
    tell_apart,
)
from server.duplicates.queries import (
    WHICH,
    Called,
    Comparison,
    Side,
    comparison_of,
    how_many_wait,
    merges_of,
    pairs_of,
)
from server.errors import Refused, not_found
from server.patients import choices
from server.patients.gate import patient_for
from server.tenants.db import tenant_db
from server.words import say
from web.pages.people import header_of
from web.rendering import called, day
from web.site import Answer, Visit, page
from web.typed import text_in

_PAGE: Final = 50
_ALL_BUT_CERTAIN: Final = 0.95
_VERY_LIKELY: Final = 0.85
_SIDES: Final = ("one", "other")
_WORDS: Final = {
    "sex": choices.SEX,
    "birth_sex": choices.SEX,
    "gender_identity": choices.GENDER_IDENTITY,
    "ethnicity": choices.ETHNICITY,
    "language": choices.LANGUAGE,
}


@page.get("/people/duplicates", permission="patients.merge")
async def duplicates(visit: Visit) -> Answer:
    """Pairs somebody should look at, those put off, and those that are two people."""
    which = visit.query("show") or "open"
    if which not in WHICH:
        raise not_found("list")
    async with tenant_db(visit.actor, read_only=True) as db:
        rows = await pairs_of(db, visit.actor, which, limit=_PAGE + 1)
        waiting = await how_many_wait(db, visit.actor)
    return visit.show(
        "people/duplicates.html",
        which=which,
        tabs=[
            (
                say(words),
                "/people/duplicates" + (f"?show={key}" if key != "open" else ""),
                key == which,
                waiting[key],
            )
            for key, words in WHICH.items()
        ],
        cut=len(rows) > _PAGE,
        rows=[
            {
                "href": f"/people/duplicates/{row.id}",
                "people": [_short(row.one), _short(row.other)],
                "how": _how_likely(float(row.score)),
                "percent": round(float(row.score) * 100),
                "alike": row.alike,
                "unlike": row.unlike,
                "ask_on": day(row.ask_on),
                "said": row.reason,
                "by": row.decided_by_name,
            }
            for row in rows[:_PAGE]
        ],
    )


@page.post("/people/duplicates", permission="patients.merge")
async def look_now(visit: Visit) -> Answer:
    async with tenant_db(visit.actor) as db:
        await look_for_duplicates(db, visit.actor)
    return visit.go(
        "/people/duplicates", said=say("Everybody is being compared. What is found appears here in a moment.")
    )


@page.get("/people/duplicates/{id:str}", permission="patients.merge")
async def compare(visit: Visit) -> Answer:
    return await _compare(visit)


async def _compare(
    visit: Visit, refused: Refused | None = None, values: dict[str, str] | None = None
) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await comparison_of(db, visit.actor, visit.id("id", "pair of records"))
    typed = values or {}
    keep = typed.get("keep") or _usual(found)
    shown: dict[str, Any] = {
        "pair": found.pair,
        "how": _how_likely(float(found.pair.score)),
        "percent": round(float(found.pair.score) * 100),
        "keep": keep,
        "values": typed,
        "sides": [_side(name, side) for name, side in zip(_SIDES, found.sides, strict=True)],
        "blocked": all(side.obstacles for side in found.sides),
        "agrees": [(say(FIELDS[name]), _said(name, found.sides[0].values[name])) for name in found.agrees],
        "differs": [
            {
                "name": name,
                "label": say(FIELDS[name]),
                "said": [_said(name, side.values[name]) for side in found.sides],
                "pick": typed.get(f"pick_{name}") or keep,
            }
            for name in found.differs
            if all(side.values[name] not in (None, "", []) for side in found.sides)
        ],
        "filled": [
            (
                say(FIELDS[name]),
                next((said for side in found.sides if (said := _said(name, side.values[name]))), ""),
            )
            for name in found.differs
            if any(side.values[name] in (None, "", []) for side in found.sides)
        ],
    }
    if refused is not None:
        return visit.again("people/duplicate.html", refused, **shown)
    return visit.show("people/duplicate.html", **shown)


@page.post("/people/duplicates/{id:str}/join", permission="patients.merge")
async def joined(visit: Visit) -> Answer:
    form, pair_id = await visit.form(), visit.id("id", "pair of records")
    try:
        keep = form.get("keep", "")
        if keep not in _SIDES:
            raise Refused("CHOICE_NEEDED", say("Which record stays?"), say("Choose one of the two."), "keep")
        async with tenant_db(visit.actor) as db:
            found = await comparison_of(db, visit.actor, pair_id)
            ids = dict(zip(_SIDES, (found.pair.one.id, found.pair.other.id), strict=True))
            other = next(side for side in _SIDES if side != keep)
            take = [name for name in found.differs if form.get(f"pick_{name}") == other]
            reason = text_in(form, "reason")
            await join_records(db, visit.actor, ids[keep], ids[other], take=take, reason=reason)
    except Refused as refused:
        if refused.code in {"NOT_FOUND", "NOT_ALLOWED", "RECORD_JOINED"}:
            raise
        return await _compare(visit, refused, form)
    return visit.go(
        f"/people/{ids[keep]}/joined", said=say("The two records are one now. Here it can be taken back.")
    )


@page.post("/people/duplicates/{id:str}/different", permission="patients.merge")
async def told_apart(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            reason = text_in(form, "reason_apart")
            await tell_apart(db, visit.actor, visit.id("id", "pair of records"), reason=reason)
    except Refused as refused:
        if refused.code == "REASON_NEEDED":
            refused.field = "reason_apart"
        if refused.code in {"NOT_FOUND", "NOT_ALLOWED", "RECORD_JOINED"}:
            raise
        return await _compare(visit, refused, form)
    return visit.go("/people/duplicates", said=say("They stay two people, and are not asked about again."))


@page.post("/people/duplicates/{id:str}/later", permission="patients.merge")
async def put_off(visit: Visit) -> Answer:
    async with tenant_db(visit.actor) as db:
        pair = await ask_later(db, visit.actor, visit.id("id", "pair of records"))
    return visit.go("/people/duplicates", said=say("Asked again on %(day)s.", day=day(pair.ask_on)))


@page.get("/people/{id:str}/joined", permission="patients.merge")
async def joinings(visit: Visit) -> Answer:
    """Which records were joined with this person's, and the way back."""
    return await _joinings(visit)


async def _joinings(
    visit: Visit, refused: Refused | None = None, merge_id: UUID | None = None, typed: str = ""
) -> Answer:
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        patient = await patient_for(db, actor, id)
        head = await header_of(db, actor, patient, visit.today)
        rows = await merges_of(db, actor, id)
        ways_back = {row.id: await separation_of(db, actor, row.id) for row in rows if row.undone_at is None}
    shown: dict[str, Any] = {
        "person": head,
        "patient_id": str(id),
        "name": called(patient),
        "record_number": patient.record_number,
        "refused_for": merge_id,
        "typed": typed,
        "rows": [
            {
                "row": row,
                "taken": [say(FIELDS[name]) for name in FIELDS if name in row.taken],
                "back": ways_back.get(row.id),
                "made_since": _counted(ways_back[row.id].made_since) if row.id in ways_back else "",
            }
            for row in rows
        ],
    }
    if refused is not None:
        return visit.again("people/joined.html", refused, **shown)
    return visit.show("people/joined.html", **shown)


@page.post("/people/{id:str}/joined/{merge:str}", permission="patients.merge")
async def separated(visit: Visit) -> Answer:
    form = await visit.form()
    merge_id = visit.id("merge", "joining of records")
    try:
        # Apart from what follows: whoever waits for an import may hold no row for which that waits.
        async with tenant_db(visit.actor, read_only=True) as db:
            patient = await patient_for(db, visit.actor, visit.id("id", "patient"))
            if merge_id not in {row.id for row in await merges_of(db, visit.actor, patient.id)}:
                raise not_found("joining of records")
        async with tenant_db(visit.actor) as db:
            merge = await separate_records(db, visit.actor, merge_id, reason=text_in(form, "reason"))
    except Refused as refused:
        if refused.code in {"NOT_FOUND", "NOT_ALLOWED", "RECORD_JOINED"}:
            raise
        return await _joinings(visit, refused, merge_id, form.get("reason", ""))
    return visit.go(f"/people/{merge.gone_id}", said=say("They are two records again, each as it was."))


# --- words ----------------------------------------------------------------------------------------------------


def _short(who: Called) -> dict[str, str]:
    return {
        "name": f"{who.given_names} {who.family_name}".strip(),
        "born": day(who.birth_date),
        "number": who.record_number,
    }


def _how_likely(score: float) -> str:
    if score >= _ALL_BUT_CERTAIN:
        return say("All but certain")
    return say("Very likely") if score >= _VERY_LIKELY else say("Possible")


def _usual(found: Comparison) -> str:
    """Which record is offered to stay: one that may, then the one on which more hangs, then the older one."""

    def weight(side: Side) -> tuple[bool, int, float]:
        return (not side.obstacles, sum(count for _, count in side.hangs), -side.registered_at.timestamp())

    return "one" if weight(found.sides[0]) >= weight(found.sides[1]) else "other"


def _side(name: str, side: Side) -> dict[str, Any]:
    return {
        "name": name,
        "who": _short(side.who),
        "href": f"/people/{side.who.id}",
        "registered": side.registered_at,
        "last": side.last_contact_at,
        "ways": side.ways,
        "addresses": side.addresses,
        "coverages": side.coverages,
        "hangs": _counted(side.hangs),
        "obstacles": side.obstacles,
    }


def _counted(rows: Sequence[tuple[str, int]]) -> str:
    """`contacts: 3, programs: 1`."""
    return ", ".join(say("%(kind)s: %(count)s", kind=say(kind), count=count) for kind, count in rows)


def _said(name: str, value: Any) -> str:
    if value in (None, "", []):
        return ""
    if isinstance(value, bool):
        return say("Yes") if value else say("No")
    if isinstance(value, date):
        return day(value)
    if isinstance(value, list):
        return ", ".join(say(choices.RACE.get(one, str(one))) for one in value)
    return say(_WORDS.get(name, {}).get(value, "")) or str(value)
