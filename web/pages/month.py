"""Months: which can be closed, what each came to and why."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from carewright_plugin_api.facts import local_day

from server.claims.actions import ask_to_close, stop_closing
from server.claims.month import is_month
from server.claims.overview import first_work, month_overview, to_look_at
from server.claims.queries import (
    HoldRow,
    LineRow,
    ListedDecision,
    ListedHold,
    ListedLine,
    MonthRow,
    ProofEntry,
    closes,
    entries_behind,
    last_done,
    listed_decisions,
    newest_close,
    opened,
)
from server.enrollment.tables import PROGRAMS
from server.errors import Refused, not_found
from server.ids import parse_id
from server.minutes.closed import Changed, changes_since_closed
from server.minutes.tables import ACTIVITIES
from server.patients.gate import patient_for
from server.plugin_host.discover import plugins
from server.tenants.db import tenant_db
from server.words import N_, say, say_of
from web.rendering import called, day, moment, month_words
from web.site import Answer, Visit, page

_MOST: Final = 1_000
_BACK: Final = 24

#: how a reason begins -> what mends it, in a few words, and the page of the person where it is mended
_MENDS: Final = (
    ("NO_COVERAGE", N_("Insurance to be entered"), "details#insurance"),
    ("COVERAGE_NOT_IN_FORCE", N_("Dates of insurance to be checked"), "details#insurance"),
    ("MEDICARE_ADVANTAGE", N_("Another plan pays in place of this one"), "details#insurance"),
    ("PRODUCT_", N_("The insurance product to be checked"), "details#insurance"),
    ("PDCM_BENEFIT", N_("The benefit to be checked with the payer"), "details#insurance"),
    ("MANUAL_REVIEW", N_("Waiting for a person: no installed rules know this payer"), ""),
    ("PLUGIN_FAULT", N_("The rules could not answer"), ""),
    ("NO_CONSENT", N_("An answer about the program"), "consent/{program}"),
    ("CONSENT_", N_("A consent to be completed"), "consent/{program}"),
    ("NEEDS_", N_("Lasting conditions to be chosen"), "diagnoses"),
    ("NO_CARE_PLAN", N_("A plan to be written"), "plan"),
    ("CARE_PLAN_", N_("A copy of the plan, or the plan itself"), "plan"),
    ("NO_INITIATING_VISIT", N_("A visit with the practitioner"), "payers-ask#visits"),
    ("NO_BILLING_PRACTITIONER", N_("A practitioner to be chosen"), "programs"),
    ("NOT_A_BILLING_PRACTITIONER", N_("A practitioner's credential"), "programs"),
    ("ELEMENT_", N_("Something to be in place"), "payers-ask#in-place"),
    ("TEAM_MEMBER_", N_("A colleague's training"), ""),
    ("CONFERENCE_", N_("The practitioner's part of a meeting"), "minutes"),
    ("BELOW_", N_("Less time than the rule asks for"), ""),
    ("DIED_", N_("Died before the month"), ""),
)


# --- months -----------------------------------------------------------------------------------------------------


@page.get("/month", permission="claims.read")
async def months(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        closed = await closes(db, visit.actor)
        began = await first_work(db, visit.actor)
        changed = await changes_since_closed(db, visit.actor, [row.month for row in closed])
    shown = month_states(closed, began, visit.today, visit.zone)
    return visit.show("month/list.html", months=shown, changed=changed)


def month_states(
    closed: Iterable[MonthRow], began: datetime | None, on: date, zone: str
) -> list[dict[str, Any]]:
    """Each month from this one back to the first with any work, newest first: at most two years, and all closed ones."""
    rows = {row.month: row for row in closed}
    this = f"{on:%Y-%m}"
    first = f"{local_day(began.astimezone(UTC), zone):%Y-%m}" if began else this
    shown: list[dict[str, Any]] = []
    month = this
    while (month >= first and len(shown) < _BACK) or month in rows:
        row = rows.get(month)
        shown.append(
            {
                "month": month,
                "words": month_words(month),
                "over": month < this,
                "row": row,
                "state": _state(row, month < this, zone),
            }
        )
        month = month_before(month)
    return shown


def _state(row: MonthRow | None, over: bool, zone: str) -> str:
    if not over:
        return say("Not over yet")
    if row is None:
        return say("Can be closed")
    if row.under_way:
        return say("Being closed")
    if row.state == "stopped":
        return say("A closing was stopped")
    return say("Closed %(moment)s", moment=moment(row.ended_at, zone))


def month_before(month: str) -> str:
    return f"{date.fromisoformat(f'{month}-01') - timedelta(days=1):%Y-%m}"


def asked_month(visit: Visit) -> str:
    month = visit.path("month")
    if not is_month(month):
        raise not_found("month")
    return month


# --- one month --------------------------------------------------------------------------------------------------


@page.get("/month/{month:str}", permission="claims.read")
async def one_month(visit: Visit) -> Answer:
    given = await _month_page(visit, asked_month(visit))
    return visit.show("month/one.html", **given)


@page.post("/month/{month:str}/close", permission="claims.close")
async def closed(visit: Visit) -> Answer:
    """Have everybody's month decided; the page then tells how it goes on. Twice with the same facts, nothing changes."""
    month = asked_month(visit)
    try:
        async with tenant_db(visit.actor) as db:
            await ask_to_close(db, visit.actor, month)
    except Refused as refused:
        given = await _month_page(visit, month)
        whole = Refused(refused.code, refused.message, refused.next_step)
        return visit.again("month/one.html", whole, **given)
    return visit.go(f"/month/{month}")


@page.post("/month/{month:str}/stop", permission="claims.close")
async def stopped(visit: Visit) -> Answer:
    """Stop the closing that is under way."""
    month = asked_month(visit)
    async with tenant_db(visit.actor, read_only=True) as db:
        run = await newest_close(db, visit.actor, month)
    if run is None:
        raise not_found("closing")
    try:
        async with tenant_db(visit.actor) as db:
            await stop_closing(db, visit.actor, run.id)
    except Refused as refused:
        return visit.go(f"/month/{month}", f"{refused.message} {refused.next_step}", "info")
    return visit.go(
        f"/month/{month}", say("Stopped. What was decided stays; closing again takes up the rest.")
    )


@page.get("/month/{month:str}/progress", permission="claims.read")
async def progress(visit: Visit) -> Answer:
    """How far the closing has come, asked again and again by the page; the page itself once it is over."""
    month = asked_month(visit)
    async with tenant_db(visit.actor, read_only=True) as db:
        run = await newest_close(db, visit.actor, month)
    if visit.htmx and run is not None and run.under_way:
        return visit.fragment("month/_progress.html", month=month, title=month_words(month), run=run)
    return visit.go(f"/month/{month}", closed_words(run) if run is not None and run.state == "done" else "")


def closed_words(result: MonthRow) -> str:
    """What a closing run came to, as one sentence."""
    month = month_words(result.month)
    if not result.patients:
        return say("%(month)s is closed. Nobody was in a program or had minutes in it.", month=month)
    if result.unchanged == result.patients:
        return say(
            "%(month)s was looked at again and nothing changed: every answer is the same as before.",
            month=month,
        )
    changed = result.patients - result.unchanged
    return say(
        "%(month)s is closed: %(changed)s with a new answer, %(same)s as before.",
        month=month,
        changed=_people(changed),
        same=_people(result.unchanged),
    )


def _people(count: int) -> str:
    return say_of("one person", "%(n)s people", count)


async def _month_page(visit: Visit, month: str) -> dict[str, Any]:
    actor = visit.actor
    async with tenant_db(actor, read_only=True) as db:
        rows = await listed_decisions(db, actor, month, limit=_MOST)
        stands = await month_overview(db, actor, month)
        run = await newest_close(db, actor, month)
        done = (await last_done(db, actor)).get(month)
        changed = (await changes_since_closed(db, actor, [month])).get(month) if done else None
        look = await to_look_at(db, actor, [row.id for row in rows if row.lines])
    zone = actor.zone
    groups: dict[tuple[bool, str], list[dict[str, Any]]] = {}
    for row in rows:
        for hold in row.holds:
            key = (not hold.mendable, hold.reason)
            groups.setdefault(key, []).append(
                _listed(row, hold.id, month) | {"mend": _mend(hold, row.patient_id)}
            )
    return {
        "month": month,
        "title": month_words(month),
        "over": month < f"{visit.today:%Y-%m}",
        "run": run,
        "done": done,
        "ended": moment(done.ended_at, zone) if done else "",
        "came_to": closed_words(done) if done else "",
        "changed": _changed(changed, rows, month, zone) if changed else None,
        "stands": stands,
        "sentence": _sentence(month, stands, done),
        "lines": [
            _listed(row, line.id, month)
            | {
                "words": f"{_name(row)}, {_code(line)}",
                "amount": _dollars(line.amount) if line.amount is not None else "",
                "look": row.id in look,
                "whole": f"/month/{month}/{row.patient_id}?line={line.id}",
            }
            for row in rows
            for line in row.lines
        ],
        "total": _dollars(sum(line.amount or 0 for row in rows for line in row.lines)),
        "groups": [
            {"title": _title(reason), "settled": settled, "reason": reason, "people": people}
            for (settled, reason), people in sorted(
                groups.items(), key=lambda item: (item[0][0], -len(item[1]))
            )
        ],
        "cut": len(rows) == _MOST,
    }


def _changed(changed: Changed, rows: Sequence[ListedDecision], month: str, zone: str) -> dict[str, Any]:
    """Whose minutes changed since the month was closed, as far as they are shown below."""
    whose = set(changed.patient_ids)
    named = [
        {"name": _name(row), "evidence": f"/month/{month}/{row.patient_id}"}
        for row in rows
        if row.patient_id in whose
    ]
    return {
        "people": len(whose),
        "named": named,
        "others": len(whose) - len(named),
        "at": moment(changed.last_at, zone),
    }


def _sentence(month: str, stands: Any, run: MonthRow | None) -> str:
    if run is None:
        return say("Not closed yet.")
    if not stands.people:
        return say("Nobody was in a program or had minutes in it.")
    parts = []
    if stands.with_line:
        parts.append(say_of("%(n)s with a line", "%(n)s with a line", stands.with_line))
    if stands.waiting:
        parts.append(
            say_of(
                "%(n)s waiting for something you can mend",
                "%(n)s waiting for something you can mend",
                stands.waiting,
            )
        )
    if stands.not_billable:
        parts.append(say_of("%(n)s not billable", "%(n)s not billable", stands.not_billable))
    return say_of(
        "%(month)s: %(n)s person; %(kinds)s.",
        "%(month)s: %(n)s people; %(kinds)s.",
        stands.people,
        month=month_words(month),
        kinds=", ".join(parts),
    )


def _title(reason: str) -> str:
    for begins, words, _ in _MENDS:
        if reason.startswith(begins):
            return say(words)
    words = reason.replace("_", " ").lower()
    return words[:1].upper() + words[1:]


def _payer(row: ListedDecision) -> str:
    """The payer's name; a decision keeps its kind, where some rules know it."""
    return plugins().payer_kinds().get(row.payer_name, row.payer_name)


def _name(row: ListedDecision) -> str:
    return f"{called(row)} {row.family_name}"


def _listed(row: ListedDecision, id: UUID, month: str) -> dict[str, Any]:
    """A row of the list: what it says, where its proof is fetched from, and where all of it is."""
    whole = f"/month/{month}/{row.patient_id}"
    return {
        "words": _name(row),
        "name": _name(row),
        "payer": _payer(row),
        "opens": f"{whole}/proof?of={id}",
        "whole": whole,
    }


def _mend(hold: ListedHold | HoldRow, patient_id: UUID) -> str:
    place = next((where for begins, _, where in _MENDS if hold.reason.startswith(begins)), "")
    program = hold.program if hold.program in PROGRAMS else next(iter(PROGRAMS))
    return f"/people/{patient_id}/{place.format(program=program)}" if place else f"/people/{patient_id}"


def _code(line: ListedLine) -> str:
    code = " ".join([line.code, *line.modifiers])
    if line.units <= 1:
        return code
    return say_of("%(code)s, %(n)s unit", "%(code)s, %(n)s units", line.units, code=code)


# --- one row, opened --------------------------------------------------------------------------------------------


@page.get("/month/{month:str}/{id:str}/proof", permission="claims.read")
async def row_opened(visit: Visit) -> Answer:
    """The proof of one line or hold (`of`), for its row in the list; to anybody else, the whole page of the proof."""
    month, id, actor = asked_month(visit), visit.id("id", "patient"), visit.actor
    whole, of = f"/month/{month}/{id}", visit.query("of")
    async with tenant_db(actor, read_only=True) as db:
        patient = await patient_for(db, actor, id, permission="claims.read")
        if not of:
            return visit.go(whole)
        which = parse_id(of)
        if which is None:
            raise not_found("line")
        decision, found = await opened(db, id, month, which)
        behind = await entries_behind(db, actor, found.entry_ids)
        look = await to_look_at(db, actor, [decision])
    if not visit.htmx:
        return visit.go(f"{whole}?line={which}" if isinstance(found, LineRow) else whole)
    if isinstance(found, LineRow):
        line = _line(found, behind, visit.zone) | {"evidence": whole, "look": look.get(decision, [])}
        return visit.fragment("month/_opened.html", line=line)
    hold = {
        "hold": found,
        "citations": [_cited(one) for one in found.citations],
        "mend": _mend(found, id),
        "name": f"{called(patient)} {patient.family_name}",
        "evidence": whole,
    }
    return visit.fragment("month/_opened.html", hold=hold)


def _line(line: LineRow, behind: dict[Any, ProofEntry], zone: str) -> dict[str, Any]:
    return {
        "line": line,
        "amount": _dollars(line.amount) if line.amount is not None else "",
        "on": day(line.service_on),
        "entries": [_entry(behind[id], zone) for id in line.entry_ids if id in behind],
        "citations": [_cited(one) for one in line.citations],
    }


def _entry(entry: ProofEntry, zone: str) -> dict[str, str]:
    return {
        "when": moment(entry.started_at, zone),
        "who": entry.staff_name,
        "what": say(ACTIVITIES.get(entry.activity, entry.activity)),
        "minutes": _lasted(int((entry.ended_at - entry.started_at).total_seconds())),
    }


def _lasted(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    if rest:
        return say("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=rest)
    return say("%(minutes)s min", minutes=minutes)


def _cited(one: Any) -> dict[str, str]:
    """A citation as the component shows it. one: a mapping with the names of the plugin API's Citation."""
    basis = {
        "general_knowledge": say("general knowledge"),
        "uncertain": say("uncertain"),
        "our_policy": say("our own policy"),
    }
    where = ", ".join(
        part
        for part in (one.get("section", ""), one.get("where", ""), basis.get(one.get("basis", ""), ""))
        if part
    )
    reviewed = one.get("reviewed_on")
    return {
        "title": one["title"],
        "where": where,
        "reviewed": say("reviewed %(day)s", day=day(date.fromisoformat(reviewed))) if reviewed else "",
    }


def _dollars(amount: Any) -> str:
    return f"${amount:,.2f}"
