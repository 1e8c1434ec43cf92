"""Two records of one person, each with a life of its own."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from cast import World
from claims.care import at, last_month, minutes

from server.encounters.actions import NewEncounter, record_encounter
from server.enrollment.consent import GivenConsent
from server.enrollment.consenting import record_consent
from server.enrollment.wording import newest_wording
from server.graphql.connections import global_id
from server.patients.actions import NewPatient, register_patient
from server.patients.coverages import add_coverage
from server.patients.details import add_contact_way
from server.patients.story import save_story
from server.plans.actions import NewPlan, write_plan
from server.tenants.db import tenant_db

JOIN = """mutation ($input: JoinRecordsInput!) { joinRecords(input: $input) { __typename
  ... on PatientMerge { id keptId goneNumber taken rowsMoved undoneAt } ... on Refusal { code message nextStep } } }"""


async def registered(world: World, family: str, given: str, **more: Any) -> UUID:
    fred = world.actor("fred")
    async with tenant_db(fred) as db:
        new = NewPatient(family_name=family, given_names=given, birth_date=date(1951, 3, 9), **more)
        return (await register_patient(db, fred, new)).id


async def lived(world: World, id: UUID, *, hour: int, words: str, plan: str) -> None:
    """A telephone, a contact, minutes of last month, a consent, a plan and a story."""
    nora, month = world.actor("nora"), last_month(world.zone)
    async with tenant_db(nora) as db:
        await add_contact_way(db, nora, id, kind="phone", value="(313) 555-0142", use="home", message_ok=True)
        await record_encounter(
            db, nora, id, NewEncounter(kind="phone", at=at(world, month, 12, hour), note=f"Talked of {words}")
        )
        wording = newest_wording("ccm", "en")
        assert wording
        await record_consent(
            db, nora, id,
            GivenConsent(
                program="ccm", at=at(world, month, 2, hour), method="verbal", given_by="patient", language="en",
                wording_version=wording.version, told=("availability",),
                practitioner_id=world.staff["dr_lin"],
            ),
        )  # fmt: skip
        await write_plan(db, nora, id, NewPlan("ccm", date.fromisoformat(f"{month}-03"), goals=plan))
        await save_story(db, nora, id, what_matters=words, story="", told_by="")
    await minutes(world, id, month, 12, hour=hour)


async def twice_on_file(world: World) -> tuple[UUID, UUID]:
    """Anna Keller, and Ana Keller with the same telephone."""
    one = await registered(world, "Keller", "Anna", record_number="K-1")
    other = await registered(world, "Keller", "Ana", record_number="K-2", language="es")
    await lived(world, one, hour=14, words="Her garden", plan="Walk to church")
    await lived(world, other, hour=16, words="Her sister", plan="Sleep through")
    async with tenant_db(world.actor("fred")) as db:
        await add_coverage(
            db, world.actor("fred"), other, payer_id=world.payers["medicare_part_b"], from_on=date(2020, 1, 1),
            member_id="1EG4TE5MK73",
        )  # fmt: skip
    return one, other


def days_ago(days: int) -> datetime:
    from server.clock import now

    return now() - timedelta(days=days)


async def join(
    ask: Any, world: World, keep: Any, gone: Any, who: str = "nora", **more: Any
) -> dict[str, Any]:
    given = {"keepId": global_id("Patient", keep), "goneId": global_id("Patient", gone), **more}
    answer = await ask(world, who, JOIN, input=given)
    assert not answer["errors"], answer
    return answer["data"]["joinRecords"]  # type: ignore[no-any-return]
