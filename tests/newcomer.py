"""Somebody to care for, registered through the door, and the times of day tests speak of."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from cast import World

from server.graphql.connections import global_id, parts_of

REGISTER = """
mutation ($input: RegisterPatientInput!) {
  registerPatient(input: $input) { ... on Patient { id } ... on Refusal { code message } }
}
"""


async def register(ask: Any, world: World, **more: Any) -> str:
    """The node id of a newly registered person: Maria, born in 1948, unless told otherwise."""
    person = {"familyName": "Alvarez", "givenNames": "Maria", "birthDate": "1948-03-09", **more}
    made = await ask(world, "fred", REGISTER, input=person)
    assert made["errors"] == []
    return made["data"]["registerPatient"]["id"]


async def say(ask: Any, world: World, who: str | None, document: str, **variables: Any) -> Any:
    """The one root field's answer, when there was no error."""
    answer = await ask(world, who, document, **variables)
    assert answer["errors"] == [], answer["errors"]
    return next(iter(answer["data"].values()))


def staff(world: World, who: str) -> str:
    return global_id("Staff", world.staff[who])


def key(id: str) -> UUID:
    """The database id inside a node id."""
    parts = parts_of(id)
    assert parts is not None
    return parts[1]


def ago(**time: float) -> datetime:
    """That long before now, to the second."""
    return (datetime.now(UTC) - timedelta(**time)).replace(microsecond=0)


def written(at: datetime) -> str:
    return at.isoformat()


def today(world: World) -> date:
    return datetime.now(ZoneInfo(world.zone)).date()


def local(world: World, text: str) -> datetime:
    """An instant written as the practice's clock shows it."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(world.zone)).astimezone(UTC)
