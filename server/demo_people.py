"""A handful of invented people for the demo practices, so that somebody who starts Carewright sees it at work.

Everything goes through the same actions the pages use, so nothing here could not have been typed by a person.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from server import demo_cast
from server.assessments.actions import NewAssessment, record_assessment
from server.assessments.instrument import Answer
from server.assessments.library import newest
from server.clock import now, today
from server.demo import actor_of, practice_id
from server.demo_tasks import seed_tasks
from server.encounters.actions import NewEncounter
from server.enrollment.actions import NewEnrollment, enroll
from server.enrollment.consent import GivenConsent
from server.enrollment.consenting import record_consent
from server.enrollment.prerequisites import NewPractitionerVisit, attest, record_practitioner_visit
from server.enrollment.wording import newest_wording
from server.lives.diary import working_day
from server.minutes.actions import NewMinutes, record_contact
from server.patients.actions import NewPatient, register_patient
from server.patients.coverages import add_coverage
from server.patients.details import (
    PatientChanges,
    add_care_team_member,
    add_contact_way,
    add_support_person,
    change_patient,
    set_address,
)
from server.patients.diagnoses import choose_diagnosis
from server.patients.story import save_story
from server.patients.tables import Patient
from server.plans.actions import NewPlan, record_copy_given, write_plan
from server.plugin_host.discover import plugins
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.tenants.tables import Payer


@dataclass(frozen=True, slots=True)
class Contact:
    """days_ago counts back from the first of this month, so that the month before always has something to close."""

    days_ago: int
    hour: int
    minutes: int
    note: str
    next_step: str = ""
    kind: str = "phone"
    outcome: str = "reached"

    def day(self, first: date) -> date:
        """The day it was, or the Monday after. first: of this month."""
        return working_day(first - timedelta(days=self.days_ago))


@dataclass(frozen=True, slots=True)
class Someone:
    given: str
    family: str
    preferred: str
    born: date
    sex: str
    language: str
    phone: str
    street: str
    reach: str
    matters: str
    story: str
    support: tuple[str, str, str, str]  # name, kind, in their words, may hear about
    payer: str
    codes: tuple[str, ...]
    program: str = ""
    goals: str = ""
    steps: str = ""
    contacts: tuple[Contact, ...] = ()
    stated: bool = False  # somebody said that everything the program asks for is in place
    best_time: str = ""  # to ring the number
    phq: tuple[str, ...] = ()  # answers of yesterday to the PHQ-9, by code


LAKESIDE = (
    Someone(
        "Ruth Ann", "Walker", "Ruthie", date(1944, 5, 2), "female", "en", "(313) 555-0142", "88 Harper Street", "After her morning walk, not before ten",
        "Dancing at my granddaughter's wedding in June, in the blue dress.",
        "Taught third grade for thirty-one years and still gets letters. Lives alone since Harold died; the cat is called Chalk.",
        ("Tom Reyes", "neighbour", "next door, drives her to church", "rides and appointments"),
        "Medicare Part B", ("I50.22", "E11.9"), "ccm",
        "Walk to church and back by spring, without stopping twice.",
        "Ruthie weighs herself each morning and writes it on the calendar. Nora calls on Tuesdays. Tom drives on Sundays.",
        (
            Contact(22, 10, 12, "Weight steady at 151. Slept flat two nights. Shoes still tight by evening; she props her feet.", "Ask about the shoes"),
            Contact(11, 10, 9, "Bought wider shoes. Walked to the corner three times this week and is proud of it.", "Talk about the wedding trip"),
        ),
        stated=True,
    ),
    Someone(
        "Luis Alberto", "Ortega", "", date(1951, 11, 23), "male", "es", "(313) 555-0177", "2210 Vernor Highway", "Evenings; his daughter answers by day",
        "Volver a arreglar relojes con mis manos, sin que tiemblen.",
        "Repaired watches on Vernor Highway for forty years. Reads the paper aloud to his wife, whose sight is failing.",
        ("Marisol Ortega", "family", "daughter", "everything, he says, she manages it all"),
        "Medicare Part B", ("E11.22", "I10"), "ccm",
        "Sugar under 150 before breakfast, most days.",
        "Luis checks before breakfast. Marisol fills the pill box on Sundays. Rosa brings the Spanish cookbook.",
        (Contact(18, 17, 10, "Fasting readings 138 to 190. Bread at night is the hard part; he laughed about it.", "Bring the cookbook"),),
    ),
    Someone(
        "Dorothy", "Kowalski", "Dot", date(1958, 2, 14), "female", "en", "(313) 555-0119", "17 Conant Court", "Any time",
        "Keeping the garden, and not being a burden to the boys.",
        "Ran the union hall kitchen. Two sons in Toledo, who call on Sundays. Smokes on the porch and says so.",
        ("Stan Kowalski", "family", "older son", "her breathing, not her money"),
        "Blue Cross Blue Shield of Michigan", ("J44.9",), "pdcm",
        "Make it through tomato season without the emergency room.",
        "Dot uses the spacer. Nora calls after each cold front.",
        (Contact(15, 13, 12, "Two puffs more than usual since the weather turned. Knows her yellow zone by heart.", "Call after the next cold front"),),
    ),
    Someone(
        "Samuel", "Adeyemi", "Sam", date(1949, 8, 30), "male", "en", "(313) 555-0163", "940 Grand River Avenue", "Prefers a text first",
        "Coaching the church choir until they throw me out.",
        "Retired bus driver; bass voice. His wife Grace keeps every discharge paper in one blue folder.",
        ("Grace Adeyemi", "family", "wife", "everything"),
        "Acme Mutual", ("I10",),
        best_time="After 5 pm, not on Sundays",
    ),
    Someone(
        "Minh Anh", "Tran", "", date(1962, 4, 9), "female", "vi", "(313) 555-0188", "61 Seven Mile Road", "Through an interpreter, mornings",
        "Không phải vào bệnh viện nữa. (Not to go to hospital again.)",
        "Owns the nail salon on Seven Mile with her sister. Sends money home each month.",
        ("Lan Tran", "family", "sister and business partner", ""),
        "Blue Cross Blue Shield of Michigan", ("F33.1",),
        phq=("LA6570-1", "LA6570-1", "LA6571-9", "LA6570-1", "LA6569-3", "LA6569-3", "LA6569-3", "LA6568-5", "LA6569-3"),
    ),
)  # fmt: skip
HILLCREST = (
    Someone(
        "Eleanor", "Bright", "Ellie", date(1947, 1, 19), "female", "en", "(312) 555-0131", "305 Elm Street, Floor 3", "Mornings",
        "Finishing the quilt for the new baby.",
        "Librarian. Three flights of stairs and no lift, and she will not move.",
        ("Joan Bright", "family", "niece", "falls and medicines"),
        "Medicare Part B", ("I50.22", "I10"), "ccm",
        "Down and up the stairs once a day.",
        "Tomas calls on Mondays. Joan orders the groceries.",
        (Contact(20, 9, 23, "Stairs twice on Saturday, for the first time since spring.", "Ask about the quilt show"),),
    ),
    Someone(
        "George", "Papadakis", "", date(1955, 6, 3), "male", "en", "(312) 555-0155", "12 Harbor Way", "After six",
        "One more summer on the boat.",
        "Fixed boilers. Distrusts pills and says why; worth hearing.",
        ("Nick Papadakis", "family", "brother", "the boat"),
        "Medicare Part B", ("E11.9",),
        best_time="Not at weekends in summer",
    ),
)  # fmt: skip
#: two of Lakeside's people once more, as an old appointment book had them: who looks at “On file twice?” finds them
TWICE = (
    ("A-20417", "Ruthann", "Walker", date(1944, 5, 2), "(313) 555-0142", "88 Harper St"),
    ("A-20633", "Samuel", "Adeyemi", date(1949, 8, 3), "(313) 555-0163", "940 Grand River Avenue"),
)


async def seed_people() -> None:
    """Fill both demo practices if they are empty; run again, it changes nothing."""
    for slug, manager, provider, people, site in (
        ("lakeside", "nora", "dr_lin", LAKESIDE, demo_cast.LAKESIDE.site),
        ("hillcrest", "tomas", "dr_vega", HILLCREST, demo_cast.HILLCREST.site),
    ):
        if await practice_id(slug) is None:
            continue
        actor = await actor_of(slug, manager)
        practitioner = await actor_of(slug, provider)
        async with tenant_db(actor) as db:
            if await db.scalar(select(func.count()).select_from(Patient)):
                continue
            payers = {row.name: row.id for row in await db.execute(select(Payer.name, Payer.id))}
            for someone in people:
                await _bring_in(db, actor, practitioner, someone, payers[someone.payer], site[2:])
            for number, given, family, born, phone, street in TWICE if slug == "lakeside" else ():
                again = await register_patient(
                    db, actor, NewPatient(family, given, born, record_number=number)
                )
                await add_contact_way(
                    db, actor, again.id, kind="phone", value=phone, use="home", message_ok=False
                )
                await set_address(
                    db, actor, again.id, street=street, city=site[2], state=site[3], zip=site[4]
                )
            await seed_tasks(db, actor, slug)


async def _bring_in(
    db: Db, actor: Actor, practitioner: Actor, someone: Someone, payer_id: UUID, town: tuple[str, str, str]
) -> None:
    first = today(actor.zone).replace(day=1)
    since = working_day(first - timedelta(days=100))
    patient = await register_patient(
        db,
        actor,
        NewPatient(
            someone.family, someone.given, someone.born, someone.preferred, sex=someone.sex, language=someone.language,
            interpreter_needed=someone.language not in {"en", "es"},
        ),
    )  # fmt: skip
    id = patient.id
    await change_patient(db, actor, id, PatientChanges(contact_notes=someone.reach))
    await add_contact_way(
        db, actor, id, kind="phone", value=someone.phone, use="home", message_ok=True,
        best_time=someone.best_time,
    )  # fmt: skip
    city, state, zip = town
    await set_address(db, actor, id, street=someone.street, city=city, state=state, zip=zip)
    await save_story(db, actor, id, what_matters=someone.matters, story=someone.story)
    name, kind, words, topics = someone.support
    await add_support_person(
        db, actor, id, name=name, kind=kind, relationship_words=words, may_discuss=topics
    )
    await add_care_team_member(db, actor, id, part="care_manager", staff_id=actor.staff_id)
    await add_care_team_member(db, actor, id, part="primary_care", staff_id=practitioner.staff_id)
    await add_coverage(
        db, actor, id, payer_id=payer_id, from_on=date(2020, 1, 1), member_id="1EG4TE5MK73",
        care_management_benefit=True,
    )  # fmt: skip
    for code in someone.codes:
        await choose_diagnosis(db, actor, id, code=code, chronic=True, from_on=since)
    if someone.phq:
        await _ask(db, actor, id, someone.phq)
    if not someone.program:
        return
    await enroll(db, actor, id, NewEnrollment(someone.program, since, practitioner.staff_id, "Once a week"))
    language = someone.language if someone.language in {"en", "es"} else "en"
    wording = newest_wording(someone.program, language)
    await record_consent(
        db,
        actor,
        id,
        GivenConsent(
            program=someone.program,
            at=datetime.combine(since, time(11), ZoneInfo(actor.zone)).astimezone(UTC),
            method="verbal",
            given_by="patient",
            language=language,
            wording_version=wording.version if wording else "elsewhere",
            told=("availability", "cost_share", "one_practitioner", "right_to_stop"),
            practitioner_id=practitioner.staff_id,
        ),
    )
    await record_practitioner_visit(
        db, actor, id, NewPractitionerVisit("office_visit", since, practitioner.staff_id, someone.program)
    )
    plan = await write_plan(
        db,
        actor,
        id,
        NewPlan(
            someone.program, since, goals=someone.goals, steps=someone.steps, supports=f"{name}, {words}"
        ),
    )
    await record_copy_given(
        db, actor, plan.id, given_on=since, how="paper", to_whom=someone.preferred or someone.given
    )
    elements = {
        document.element
        for owner in plugins().loaded
        for document in owner.rules.required_documents(someone.program, since)
    }
    for element in sorted(elements) if someone.stated else ():
        await attest(db, actor, element=element, met=True, on_date=since, patient_id=id)
    for contact in someone.contacts:
        start = datetime.combine(contact.day(first), time(contact.hour, 5), ZoneInfo(actor.zone)).astimezone(
            UTC
        )
        await record_contact(
            db,
            actor,
            id,
            NewEncounter(
                kind=contact.kind, at=start, outcome=contact.outcome, program=someone.program, note=contact.note,
                next_step=contact.next_step,
            ),
            [
                NewMinutes(
                    program=someone.program, activity="contact", started_at=start,
                    ended_at=start + timedelta(minutes=contact.minutes), reason="From the call notes of that day",
                )
            ],
        )  # fmt: skip


async def _ask(db: Db, actor: Actor, patient_id: UUID, codes: tuple[str, ...]) -> None:
    """The PHQ-9, asked yesterday on the phone."""
    instrument = newest()["phq-9"]
    answers = tuple(Answer(item.id, (code,)) for item, code in zip(instrument.items, codes, strict=False))
    new = NewAssessment(
        instrument.key, instrument.version, now() - timedelta(hours=20), answers, mode="phone",
        note="Through the interpreter. Says it in a low voice, and stayed on the line.",
    )  # fmt: skip
    await record_assessment(db, actor, patient_id, new)
