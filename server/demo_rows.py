"""An invented life as rows of the rooms' tables."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from server.assessments.actions import state_of
from server.assessments.instrument import Answer
from server.assessments.library import newest
from server.assessments.scoring import check_answers, concerns, scores
from server.enrollment.consent import TOLD
from server.enrollment.wording import newest_wording
from server.ids import new_id
from server.lives.life import Asked, Contact, Life, Program, Worked
from server.minutes.arithmetic import Span, months_touched
from server.patients.search import fold, phone_key, words_of

#: what every invented row says of where it came from
SOURCE: Final = "demo"
_LIVE_KINDS: Final = frozenset({"phone", "video", "in_person", "home"})

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class House:
    """What the rows refer to. staff, payers: key and name -> id; names: key -> name of who works here. elements: what each program asks somebody to state."""

    tenant_id: UUID
    zone: str
    staff: Mapping[str, UUID]
    payers: Mapping[str, UUID]
    bills: UUID
    elements: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str] = field(default_factory=dict)


def rows_of(house: House, life: Life, record_number: str) -> tuple[UUID, Rows]:
    """The patient's id, and their rows by table: tables and rows in an order that foreign keys allow."""
    rows: Rows = defaultdict(list)
    id = new_id()

    def add(table: str, **values: Any) -> UUID:
        row_id = new_id()
        rows[table].append({"tenant_id": house.tenant_id, "id": row_id, "patient_id": id, **values})
        return row_id

    since = _noon(house, life.since)
    by = house.staff[life.manager or life.provider]
    rows["patient"].append(
        {
            "tenant_id": house.tenant_id, "id": id, "record_number": record_number, "family_name": life.family,
            "given_names": life.given, "preferred_name": life.preferred, "family_key": fold(life.family),
            "given_key": fold(life.given), "birth_date": life.born, "sex": life.sex, "birth_sex": life.sex,
            "races": list(life.races), "ethnicity": life.ethnicity, "language": life.language,
            "interpreter_needed": life.interpreter, "marital_status": life.marital, "contact_notes": life.reach,
            "deceased_on": life.died_on, "source": SOURCE, "made_at": since,
        }
    )  # fmt: skip
    for word in sorted(words_of(life.family, life.given, life.preferred)):
        add("patient_word", word=word)
    made = {"made_at": since, "made_by": by}
    for rank, way in enumerate(life.ways, 1):
        key = phone_key(way.value) if way.kind in {"phone", "text"} else ""
        add(
            "contact_way",
            kind=way.kind,
            value=way.value,
            use=way.use,
            rank=rank,
            message_ok=way.message_ok,
            best_time=way.best_time,
            search_key=key,
            **made,
        )
    add(
        "address",
        street=life.street,
        city=life.city,
        state=life.state,
        zip=life.zip,
        from_on=life.since,
        **made,
    )
    for one in life.supporters:
        add(
            "support_person", name=one.name, kind=one.kind, relationship_words=one.words, legal_role=one.legal_role,
            phone=one.phone, may_discuss=one.may_discuss, helps_with=one.helps_with, **made,
        )  # fmt: skip
    if life.manager:
        add(
            "care_team_member",
            staff_id=house.staff[life.manager],
            part="care_manager",
            from_on=life.since,
            **made,
        )
    add(
        "care_team_member",
        staff_id=house.staff[life.provider],
        part="primary_care",
        from_on=life.since,
        **made,
    )
    for name in life.specialists:
        add("care_team_member", name=name, part="specialist", from_on=life.since, **made)
    for cover in life.insurance:
        _, family, given, born, sex = cover.subscriber or ("", "", "", None, "")
        add(
            "coverage", payer_id=house.payers[cover.payer], product=cover.product, member_id=cover.member_id, rank=cover.rank,
            relationship=cover.subscriber[0] if cover.subscriber else "self", subscriber_family_name=family,
            subscriber_given_names=given, subscriber_birth_date=born, subscriber_sex=sex, from_on=cover.from_on,
            care_management_benefit=cover.benefit, source=SOURCE, **made,
        )  # fmt: skip
    told = {"made_at": _noon(house, life.told_on), "made_by": by}
    add("story_entry", what_matters=life.matters, story=life.story, told_by=life.told_by, **told)
    _chart(add, house, life, since)
    if life.program is not None:
        _program(add, house, life, life.program)
    for one_asked in life.asked:
        _asked(add, rows, house, one_asked)
    for contact in life.contacts:
        _contact(add, rows, house, contact)
    for worked in life.between:
        _worked(add, rows, house, worked, life.program.program if life.program else "ccm", None, "", False)
    for month in sorted(
        {
            m
            for w in rows["time_entry"]
            for m in months_touched(Span(w["started_at"], w["ended_at"]), house.zone)
        }
    ):
        add("dirty_month", month=month, marked_at=since)
    return id, rows


Add = Callable[..., UUID]


def _noon(house: House, on: date) -> datetime:
    return datetime.combine(on, time(12), ZoneInfo(house.zone)).astimezone(UTC)


def _chart(add: Add, house: House, life: Life, since: datetime) -> None:
    fact: Callable[[], dict[str, Any]] = partial(dict, source=SOURCE, made_at=since)
    for one in life.problems:
        add(
            "condition",
            label=one.words,
            code_system="ICD-10-CM",
            code=one.code,
            status="active",
            onset_on=one.since,
            **fact(),
        )
        add(
            "diagnosis", code=one.code, label=one.label, chronic=one.chronic, from_on=max(one.since, life.since), made_at=since,
        )  # fmt: skip
    for one_drug in life.medicines:
        add(
            "medication", label=one_drug.label, dosage=one_drug.dosage, reason=one_drug.reason, status="active",
            started_on=one_drug.started_on, **fact(),
        )  # fmt: skip
    for what, does in life.allergies:
        add("allergy", label=what, reaction=does, status="active", **fact())
    for result in life.results:
        add(
            "observation", label=result.label, code_system="LOINC", code=result.loinc, category=result.category, at=result.at,
            value=result.value, unit=result.unit, value_text=result.words, status="final", **fact(),
        )  # fmt: skip
    for seen in life.visits:
        start = _noon(house, seen.on)
        add(
            "visit",
            kind="ambulatory",
            label=seen.reason,
            started_at=start,
            ended_at=start,
            reason=seen.reason,
            status="finished",
            **fact(),
        )
        if seen.initiating_for:  # what happened at the others stands in the contact's note
            add(
                "practitioner_visit", kind=seen.kind, visited_on=seen.on, practitioner_id=house.staff[seen.provider],
                initiating_for=seen.initiating_for, made_at=start,
            )  # fmt: skip
    for stay in life.stays:
        add(
            "stay",
            label=stay.reason,
            kind="inpatient",
            from_at=stay.from_at,
            to_at=stay.to_at,
            facility=stay.facility,
            discharged_to="Home",
            status="finished",
            **fact(),
        )


def _program(add: Add, house: House, life: Life, program: Program) -> None:
    by = house.staff[next(one.staff for one in life.contacts if one.program)]
    for agreed in program.agreements:
        wording = newest_wording(program.program, life.language) if agreed.kind == "given" else None
        add(
            "consent", program=program.program, kind=agreed.kind, method=agreed.method, at=agreed.at, given_by=agreed.given_by,
            wording_version=wording.version if wording else "", wording_hash=wording.sha256 if wording else "",
            language=life.language if wording else "", told=list(TOLD) if wording else [], practitioner_id=house.bills if wording else None,
            reason=agreed.reason, what_would_help=agreed.what_would_help, ask_again_on=agreed.ask_again_on, made_at=agreed.at, made_by=by,
        )  # fmt: skip
    if program.status == "declined":
        return
    begun = _noon(house, program.started_on)
    enrollment_id = add(
        "enrollment", program=program.program, status=program.status, started_on=program.started_on, ended_on=program.ended_on,
        practitioner_id=house.bills, contact_frequency=program.rhythm, ended_reason=program.ended_reason, made_at=begun, made_by=by,
    )  # fmt: skip
    for status, on, reason in program.changes:
        add(
            "enrollment_change", enrollment_id=enrollment_id, status=status, from_on=on, practitioner_id=house.bills,
            contact_frequency=program.rhythm, reason=reason, made_at=_noon(house, on), made_by=by,
        )  # fmt: skip
    for number, plan in enumerate(program.plans, 1):
        made = {"made_at": _noon(house, plan.dated_on), "made_by": by}
        plan_id = add(
            "plan_version", program=program.program, number=number, dated_on=plan.dated_on, problems=plan.problems, goals=plan.goals,
            steps=plan.steps, medicines=plan.medicines, supports=plan.supports, expected=plan.expected,
            review_on=plan.dated_on + timedelta(days=365), substantially_revised=plan.revised, **made,
        )  # fmt: skip
        add(
            "plan_copy",
            plan_version_id=plan_id,
            given_on=plan.dated_on,
            how=plan.given_how,
            to_whom=life.preferred or life.given,
            **made,
        )
    for element in house.elements.get(program.program, ()) if program.in_place else ():
        add("attestation", element=element, met=True, on_date=program.started_on, made_at=begun, made_by=by)


def _asked(add: Add, rows: Rows, house: House, one: Asked) -> None:
    """Scored as anybody's answers are."""
    instrument = newest()[one.instrument]
    answers = check_answers(
        instrument, (Answer(said.item, said.codes, said.number, said.text) for said in one.replies)
    )
    told, by = scores(instrument, answers), house.staff[one.staff]
    written = {"made_at": one.at + timedelta(minutes=15), "made_by": by}
    assessment_id = add(
        "assessment", instrument=instrument.key, version=instrument.version, language=instrument.language, at=one.at,
        mode=one.mode, answered_by="patient", state=state_of(told), note=one.note, **written,
    )  # fmt: skip
    of = {"tenant_id": house.tenant_id, "assessment_id": assessment_id}
    rows["assessment_answer"] += [
        {"id": new_id(), **of, "item": a.item, "codes": list(a.codes), "number": a.number, "text": a.text}
        for a in answers.values()
    ]
    rows["assessment_score"] += [
        {"id": new_id(), **of, "key": s.key, "value": s.value, "band": s.band}
        for s in told
        if s.value is not None
    ]
    for worry in concerns(instrument, answers) if one.worry else ():
        assert one.worry is not None
        concern_id = add("safety_concern", domain=worry.domain, assessment_id=assessment_id, **written)
        closed = one.at + timedelta(days=one.worry.days, hours=2)
        add(
            "safety_closing", concern_id=concern_id, done=one.worry.done, done_by=house.names.get(one.staff, one.staff),
            talked_with=one.worry.talked_with, words=one.worry.words, done_on=closed.astimezone(ZoneInfo(house.zone)).date(),
            made_at=closed, made_by=by,
        )  # fmt: skip


def _contact(add: Add, rows: Rows, house: House, contact: Contact) -> None:
    staff_id = house.staff[contact.staff]
    written = contact.at + timedelta(minutes=50)
    encounter_id = add(
        "encounter", kind=contact.kind, outcome=contact.outcome, at=contact.at, staff_id=staff_id, program=contact.program, note=contact.note,
        next_step=contact.next_step, who_else=contact.who_else, about_code=contact.about_code, signed_at=written if contact.signed else None,
        revision=2 if contact.signed else 1, made_at=written, made_by=staff_id,
    )  # fmt: skip
    there = contact.outcome in {"reached", "declined_program"} and contact.kind in _LIVE_KINDS
    for worked in contact.worked:
        _worked(
            add,
            rows,
            house,
            worked,
            contact.program,
            encounter_id,
            contact.kind,
            there and worked.activity == "contact",
        )


def _worked(
    add: Add,
    rows: Rows,
    house: House,
    worked: Worked,
    program: str,
    encounter_id: UUID | None,
    mode: str,
    there: bool,
) -> None:
    staff_id = house.staff[worked.staff]
    entry_id = add(
        "time_entry", staff_id=staff_id, program=program, activity=worked.activity, mode=mode, with_patient=there,
        started_at=worked.start, ended_at=worked.end, encounter_id=encounter_id, made_at=worked.end + timedelta(minutes=20), made_by=staff_id,
    )  # fmt: skip
    rows["person_time"].append(
        {
            "tenant_id": house.tenant_id, "id": new_id(), "staff_id": staff_id, "entry_id": entry_id,
            "span": json.dumps([worked.start.isoformat(), worked.end.isoformat()])[:-1] + ")",
        }
    )  # fmt: skip
