"""Asking and answering: what may be asked, a form that follows the answers, what was answered, scores over time.

The person comes first and everything is optional: nothing but an instrument's own rule is asked for.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from carewright_plugin_api.facts import local_day

from server.assessments import library
from server.assessments.actions import NewAssessment, record_assessment, take_back_assessment
from server.assessments.instrument import Answer, Condition, Instrument, Item
from server.assessments.queries import (
    AssessmentRow,
    ConcernRow,
    ScoreRow,
    answers_of,
    assessments_of,
    scores_of,
)
from server.assessments.queries import concerns_of as worries_of
from server.assessments.scoring import WrongAnswer
from server.assessments.tables import ANSWERED_BY, DOMAINS, MODES, STATES
from server.clock import now
from server.errors import Refused, not_found
from server.patients import chart
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import N_, say
from web import charts
from web.pages.person_sections import person_frame
from web.rendering import clock, day
from web.site import Answer as Page
from web.site import Visit, page
from web.typed import beside, id_chosen, moment_in, text_in

_WHOLE_NUMBER: Final = re.compile(r"-?\d{1,9}", re.ASCII)
#: whose words -> what the form says about them
WORDINGS: Final = {
    "published": N_("In the words of those who made it."),
    "ours": N_("In words of our own. Say it your way."),
    "codes": N_(
        "Read the questions from your own copy (%(copy)s). What stands here are short labels for the answers."
    ),
    "score": N_("Ask from your own copy (%(copy)s), and write down the total."),
}


@page.get("/people/{id:str}/assessments", permission="chart.read")
async def assessments(visit: Visit) -> Page:
    """What they answered over time: a line for each score that moves, then everything, newest first."""
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        rows = (await assessments_of(db, actor, [id])).get(id, [])
        told = await scores_of(db, actor, [row.id for row in rows])
        worries = (await worries_of(db, actor, [id])).get(id, [])
    return visit.show(
        "assessments/list.html",
        **given,
        lines=_lines(rows, told, actor.zone),
        rows=[_row_said(row, told.get(row.id, []), actor.zone) for row in rows],
        worries=[worry_said(row, id, actor.zone) for row in worries],
    )


@page.get("/people/{id:str}/assessments/new", permission="assessments.write")
async def what_to_ask(visit: Visit) -> Page:
    """Their story first; then what may be asked, put away by subject."""
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id, permission="assessments.write")
        rows = (await assessments_of(db, actor, [id])).get(id, [])
        told = (await chart.stories(db, actor, [id])).get(id)
    last = {row.instrument: day(local_day(row.at, actor.zone)) for row in reversed(rows) if row.stands}
    subjects = [
        (subject, [(one, last.get(one.key, "")) for one in ones])
        for subject, ones in groupby(library.newest().values(), key=lambda one: one.subject)
    ]
    return visit.show(
        "assessments/choose.html",
        **given,
        subjects=subjects,
        matters=told.what_matters if told else "",
        story=told.story if told else "",
    )


@page.get("/people/{id:str}/assessments/form", permission="assessments.write")
async def assessment_form(visit: Visit) -> Page:
    """One instrument to answer; with `corrects`, begun from what was answered."""
    id, actor = visit.id("id", "patient"), visit.actor
    instrument = library.newest().get(visit.query("instrument"))
    if instrument is None:
        return await what_to_ask(visit)
    corrects = id_chosen({"corrects": visit.query("corrects")}, "corrects", "assessment")
    values: dict[str, Any] = {
        "on": visit.today.isoformat(),
        "began": _wall(visit.zone),
        "mode": "in_person",
        "answered_by": "patient",
        "corrects": str(corrects or ""),
    }
    if corrects is not None:
        async with tenant_db(actor, read_only=True) as db:
            row = await _row_of(db, actor, id, corrects)
            before = (await answers_of(db, actor, [corrects])).get(corrects, [])
        values |= _values_of(row, before, actor.zone)
    return await _form(visit, id, instrument, values)


@page.post("/people/{id:str}/assessments", permission="assessments.write")
async def assessment_written(visit: Visit) -> Page:
    id, form = visit.id("id", "patient"), await visit.form()
    key = form.get("instrument", "")
    instrument = library.newest().get(key)
    several: dict[str, list[str]] = {}
    for item in instrument.items if instrument else ():
        if item.repeats:
            several[item.id] = await visit.many(field_of(item.id))
    try:
        new = NewAssessment(
            instrument=key,
            version=form.get("version", ""),
            at=moment_in(form, "on", "began", visit.zone),
            answers=answers_in(instrument, form, several) if instrument else (),
            mode=form.get("mode", ""),
            answered_by=form.get("answered_by", ""),
            note=text_in(form, "note", 10_000),
            mode_reason=text_in(form, "mode_reason", 200),
            corrects=id_chosen(form, "corrects", "assessment"),
            reason=text_in(form, "reason", 200),
        )
        async with tenant_db(visit.actor) as db:
            made = await record_assessment(db, visit.actor, id, new)
            worries = (await worries_of(db, visit.actor, [id])).get(id, [])
    except Refused as refused:
        if instrument is None:
            raise
        if isinstance(refused, WrongAnswer):
            refused = Refused(refused.code, refused.message, refused.next_step, field_of(refused.item))
        refused = beside(refused, {"at": "on", "answers": "", "version": "", "corrects_id": ""})
        return await _form(visit, id, instrument, {**form, "_several": several}, refused)
    opened = next((one for one in worries if one.assessment_id == made.id), None)
    if opened is not None:
        return visit.go(
            f"/people/{id}/safety/{opened.id}",
            say("Written down. One answer needs somebody to stay with it: here is what usually helps."),
            "info",
        )
    return visit.go(f"/people/{id}/assessments/{made.id}", say("Written down."))


@page.get("/people/{id:str}/assessments/{assessment:str}", permission="chart.read")
async def assessment(visit: Visit) -> Page:
    """What was answered, to read and to print."""
    return visit.show("assessments/one.html", **await _one(visit))


@page.post("/people/{id:str}/assessments/{assessment:str}/taken-back", permission="assessments.write")
async def assessment_taken_back(visit: Visit) -> Page:
    id, which = visit.id("id", "patient"), visit.id("assessment", "assessment")
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await _row_of(db, visit.actor, id, which)
            await take_back_assessment(db, visit.actor, which, reason=text_in(form, "reason", 200))
    except Refused as refused:
        refused = beside(refused, {"corrects_id": ""})
        return visit.again("assessments/one.html", refused, values=form, **await _one(visit))
    return visit.go(f"/people/{id}/assessments", say("Taken back. What was written stays readable."))


# --- the form ---------------------------------------------------------------------------------------------------


def field_of(item: str) -> str:
    """The form's name of an item's field."""
    return f"q-{item}"


async def _form(
    visit: Visit, id: UUID, instrument: Instrument, values: Mapping[str, Any], refused: Refused | None = None
) -> Page:
    actor = visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id, permission="assessments.write")
        rows = (await assessments_of(db, actor, [id])).get(id, [])
        told = (await chart.stories(db, actor, [id])).get(id)
    several = values.get("_several", {})
    given |= {
        "instrument": instrument,
        "wording": say(WORDINGS[instrument.wording], copy=instrument.copy)
        if instrument.copy
        else say(WORDINGS[instrument.wording]),
        "items": [_item_said(instrument, item, values, several) for item in instrument.items],
        "matters": told.what_matters if told else "",
        "modes": [(key, say(words)) for key, words in MODES.items()],
        "answerers": [(key, say(words)) for key, words in ANSWERED_BY.items()],
        "asks_why": instrument.in_person and not any(row.instrument == instrument.key for row in rows),
    }
    if refused is not None:
        return visit.again("assessments/form.html", refused, values=values, **given)
    return visit.show("assessments/form.html", values=values, **given)


def _item_said(
    instrument: Instrument, item: Item, values: Mapping[str, Any], several: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    options = [(one.code, one.text) for one in item.options]
    if item.options and not item.repeats:
        options.append(("", say("Not answered")))
    return {
        "item": item,
        "name": field_of(item.id),
        "options": options,
        "value": values.get(field_of(item.id), ""),
        "values": several.get(item.id, ()),
        "when": json.dumps([_when(one) for one in item.when]) if item.when else "",
        "when_words": _when_words(instrument, item),
    }


def _when(one: Condition) -> dict[str, Any]:
    """As static/js/branches.js reads it."""
    return {"field": field_of(one.item), "is": one.codes, "unless": one.unless, "above": one.above}


def _when_words(instrument: Instrument, item: Item) -> str:
    """When an item is asked, for a page without script and for paper."""
    said = []
    for one in item.when:
        before = instrument.item(one.item)
        if before is None:
            continue
        words = " / ".join(o.text for o in before.options if o.code in (*one.codes, *one.unless))
        if one.above is not None:
            said.append(say("Only if “%(item)s” is above %(number)s.", item=before.text, number=one.above))
        elif one.unless:
            said.append(say("Not if “%(item)s” is: %(words)s.", item=before.text, words=words))
        else:
            said.append(say("Only if “%(item)s” is: %(words)s.", item=before.text, words=words))
    return " ".join(said)


def answers_in(
    instrument: Instrument, form: Mapping[str, str], several: Mapping[str, Sequence[str]]
) -> tuple[Answer, ...]:
    """What a form sent. Raises WrongAnswer where a number is none."""
    found = []
    for item in instrument.items:
        text = form.get(field_of(item.id), "")
        if item.repeats:
            found.append(Answer(item.id, tuple(several.get(item.id, ()))))
        elif item.options:
            found.append(Answer(item.id, (text,) if text else ()))
        elif item.kind == "text":
            found.append(Answer(item.id, text=text_in(form, field_of(item.id), 10_000)))
        elif text:
            if not _WHOLE_NUMBER.fullmatch(text):
                raise WrongAnswer(
                    item.id,
                    "ANSWER_NOT_A_NUMBER",
                    say("“%(text)s” is not a whole number.", text=text[:20]),
                    say("Write it in digits, or leave it empty."),
                )
            found.append(Answer(item.id, number=int(text)))
    return tuple(found)


def _values_of(row: AssessmentRow, answers: Sequence[Answer], zone: str) -> dict[str, Any]:
    """The form's fields as they were answered."""
    values: dict[str, Any] = {
        "on": local_day(row.at, zone).isoformat(),
        "began": _wall(zone, row.at),
        "mode": row.mode,
        "mode_reason": row.mode_reason,
        "answered_by": row.answered_by,
        "note": row.note,
        "_several": {one.item: one.codes for one in answers},
    }
    for one in answers:
        number = "" if one.number is None else str(one.number)
        values[field_of(one.item)] = one.text or number or next(iter(one.codes), "")
    return values


def _wall(zone: str, at: Any = None) -> str:
    from zoneinfo import ZoneInfo

    return f"{(at or now()).astimezone(ZoneInfo(zone)):%H:%M}"


# --- what was answered --------------------------------------------------------------------------------------------


async def _row_of(db: Db, actor: Actor, id: UUID, which: UUID) -> AssessmentRow:
    rows = (await assessments_of(db, actor, [id])).get(id, [])
    found = next((row for row in rows if row.id == which), None)
    if found is None:
        raise not_found("assessment")
    return found


async def _one(visit: Visit) -> dict[str, Any]:
    id, which, actor = visit.id("id", "patient"), visit.id("assessment", "assessment"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        row = await _row_of(db, actor, id, which)
        answers = (await answers_of(db, actor, [which])).get(which, [])
        told = (await scores_of(db, actor, [which])).get(which, [])
        worries = [w for w in (await worries_of(db, actor, [id])).get(id, []) if w.assessment_id == which]
    asked = library.known(row.instrument, row.version)
    return given | {
        "row": row,
        "instrument": asked,
        "title": asked.title if asked else row.instrument,
        "when": f"{day(local_day(row.at, actor.zone))}, {clock(row.at, actor.zone)}",
        "mode": say(MODES[row.mode]),
        "answered_by": say(ANSWERED_BY[row.answered_by]),
        "state": say(STATES[row.state]),
        "answers": _answers_said(asked, answers),
        "scores": scores_said(asked, told),
        "untold": _untold(asked, answers, told),
        "worries": [worry_said(one, id, actor.zone) for one in worries],
        "newest": library.newest().get(row.instrument),
        "sign_out_of_date": asked is not None and library.newest().get(row.instrument) is not asked,
    }


def _answers_said(asked: Instrument | None, answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """`{section, answers}`: every question that has an answer, in the instrument's order."""
    shown: list[dict[str, Any]] = []
    for one in sorted(answers, key=lambda each: asked.place(each.item) if asked else 0):
        item = asked.item(one.item) if asked else None
        chosen = [o.text for code in one.codes if item and (o := item.option(code))] or list(one.codes)
        section = _section_of(asked, one.item)
        if not shown or shown[-1]["section"] != section:
            shown.append({"section": section, "answers": []})
        shown[-1]["answers"].append(
            {
                "question": item.text if item else one.item,
                "answer": ", ".join(chosen)
                if one.codes
                else str(one.number)
                if one.number is not None
                else "",
                "words": one.text,
            }
        )
    return shown


def _section_of(asked: Instrument | None, id: str) -> str:
    section = ""
    for item in asked.items if asked else ():
        section = item.section or section
        if item.id == id:
            break
    return section


def scores_said(asked: Instrument | None, told: Sequence[ScoreRow]) -> list[dict[str, Any]]:
    """`{name, value, most, band}` of each score, in the instrument's order; most: "" where a number would say nothing."""
    shown = []
    for one in sorted(told, key=lambda each: asked.score_place(each.key) if asked else 0):
        score = asked.score(one.key) if asked else None
        counts = score is None or score.how == "sum"
        shown.append(
            {
                "key": one.key,
                "name": score.text if score else one.key,
                "value": one.value if counts else "",
                "most": score.high if score and counts else "",
                "band": one.band,
            }
        )
    return shown


def score_words(said: Mapping[str, Any]) -> str:
    """`Total 12 of 27, Moderate`; `Food: A need` where the number would say nothing."""
    number = (
        say("%(name)s %(value)s of %(most)s", name=said["name"], value=said["value"], most=said["most"])
        if said["value"] != ""
        else str(said["name"])
    )
    between = ", " if said["value"] != "" else ": "
    return f"{number}{between}{said['band']}" if said["band"] else number


def _untold(asked: Instrument | None, answers: Sequence[Answer], told: Sequence[ScoreRow]) -> list[str]:
    """Scores that could not be told, with the questions that are missing."""
    from server.assessments.scoring import scores

    if asked is None:
        return []
    known = {row.key for row in told}
    missing = [
        one for one in scores(asked, {a.item: a for a in answers}) if one.key not in known and one.missing
    ]
    return [
        say(
            "%(name)s is not told: by its own rule it needs every answer, and %(n)s is missing.",
            name=score.text,
            n=len(one.missing),
        )
        for one in missing
        if (score := asked.score(one.key)) is not None and answers
    ]


def _row_said(row: AssessmentRow, told: Sequence[ScoreRow], zone: str) -> dict[str, Any]:
    asked = library.known(row.instrument, row.version)
    on = local_day(row.at, zone)
    return {
        "href": f"/people/{row.patient_id}/assessments/{row.id}",
        "title": asked.title if asked else row.instrument,
        "on": day(on),
        "mode": say(MODES[row.mode]),
        "by": row.made_by_name or "",
        "said": "; ".join(score_words(one) for one in scores_said(asked, told)),
        "state": say("Corrected")
        if row.corrected_by and row.state != "taken_back"
        else say(STATES[row.state]),
        "stands": row.stands,
        "answered": row.state == "answered",
    }


def _lines(
    rows: Sequence[AssessmentRow], told: Mapping[UUID, Sequence[ScoreRow]], zone: str
) -> list[dict[str, Any]]:
    """A run chart of every score that was told at least twice, in the order the instruments have."""
    found: dict[tuple[str, str], list[charts.Value]] = {}
    for row in rows:
        for one in told.get(row.id, ()) if row.stands else ():
            found.setdefault((row.instrument, one.key), []).append(
                charts.Value(local_day(row.at, zone), Decimal(one.value))
            )
    lines = []
    for asked in library.newest().values():
        for score in asked.scores:
            values = found.get((asked.key, score.key), [])
            if len(values) > 1 and score.how == "sum":
                title = asked.title if len(asked.scores) == 1 else score.text
                unit = say("of %(most)s", most=score.high)
                lines.append({"title": title, "unit": unit, "chart": charts.run_chart(values[::-1])})
    return lines


def worry_said(row: ConcernRow, id: UUID, zone: str) -> dict[str, Any]:
    """A worry about safety as a page shows it."""
    on = day(local_day(row.made_at, zone))
    return {
        "href": f"/people/{id}/safety/{row.id}",
        "closed": row.closed,
        "title": say(DOMAINS[row.domain]),
        "opened": say("Opened on %(on)s by %(who)s.", on=on, who=row.made_by_name)
        if row.made_by_name
        else say("Opened on %(on)s.", on=on),
        "words": row.words,
    }


async def latest_said(db: Db, actor: Actor, id: UUID) -> dict[str, Any]:
    """For the person's page: the newest of each instrument, with a small line where it moves; worries that are open."""
    rows = [row for row in (await assessments_of(db, actor, [id])).get(id, []) if row.stands]
    told = await scores_of(db, actor, [row.id for row in rows]) if rows else {}
    worries = (await worries_of(db, actor, [id])).get(id, [])
    latest: dict[str, dict[str, Any]] = {}
    for row in rows:
        asked = library.known(row.instrument, row.version)
        if row.instrument in latest:
            continue
        said = scores_said(asked, told.get(row.id, []))
        latest[row.instrument] = _row_said(row, told.get(row.id, []), actor.zone) | {
            "line": _sparkline(rows, told, row.instrument, said[0]["key"])
            if said and said[0]["value"] != ""
            else None
        }
    return {
        "asked": list(latest.values()),
        "worries": [worry_said(row, id, actor.zone) for row in worries if not row.closed],
    }


def _sparkline(
    rows: Sequence[AssessmentRow], told: Mapping[UUID, Sequence[ScoreRow]], instrument: str, key: str
) -> str | None:
    values = [
        Decimal(one.value)
        for row in reversed(rows)
        if row.instrument == instrument
        for one in told.get(row.id, ())
        if one.key == key
    ]
    return charts.sparkline(values) if len(values) > 1 else None
