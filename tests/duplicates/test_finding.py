"""Who is asked about, where many share a name or a number, and where several looks are asked for at once."""

from datetime import date
from typing import Any
from uuid import UUID

from cast import World

from server.graphql.connections import global_id
from server.patients.actions import NewPatient, register_patient
from server.patients.comparing import ask_to_compare
from server.patients.details import add_contact_way
from server.tenants.db import tenant_db

PAIRS = "{ duplicatePairs { edges { node { one { recordNumber } other { recordNumber } } } } }"
LOOK = "mutation { lookForDuplicates { ... on LookedForDuplicates { asked } } }"
MANY = 25


async def pairs(ask: Any, world: World) -> list[set[str]]:
    edges = (await ask(world, "nora", PAIRS))["data"]["duplicatePairs"]["edges"]
    return [{edge["node"][side]["recordNumber"] for side in ("one", "other")} for edge in edges]


async def born(
    world: World, number: str, on: date, given: str = "Anna", family: str = "Keller", phone: str = ""
) -> UUID:
    fred = world.actor("fred")
    async with tenant_db(fred) as db:
        new = NewPatient(family_name=family, given_names=given, birth_date=on, record_number=number)
        id = (await register_patient(db, fred, new)).id
        if phone:
            await add_contact_way(db, fred, id, kind="phone", value=phone)
    return id


async def test_a_name_that_many_have_hides_nobody(
    lakeside: World, hillcrest: World, ask: Any, drain: Any
) -> None:
    for n in range(MANY + 5):
        await born(lakeside, f"N-{n}", date(1920 + 2 * n, 1 + n % 12, 10 + n % 9))
    await born(lakeside, "K-1", date(1951, 12, 29))
    await born(lakeside, "K-2", date(1951, 12, 28))  # one digit mistyped
    await born(lakeside, "S-1", date(1933, 2, 7))
    await born(lakeside, "S-2", date(1933, 7, 2))  # day and month exchanged
    await drain()
    assert sorted(map(sorted, await pairs(ask, lakeside))) == [["K-1", "K-2"], ["S-1", "S-2"]]
    assert await pairs(ask, hillcrest) == []


async def test_a_birth_date_that_many_were_given_hides_nobody(
    lakeside: World, hillcrest: World, ask: Any, drain: Any
) -> None:
    unknown = date(1900, 1, 1)
    for n in range(MANY + 5):
        await born(lakeside, f"N-{n}", unknown, given=f"Andrea{n}", family=f"Keating{n}")
    await born(lakeside, "K-1", unknown)
    await born(lakeside, "K-2", unknown, given="Ana")
    await ask(lakeside, "nora", LOOK)
    await drain()
    assert await pairs(ask, lakeside) == [{"K-1", "K-2"}]
    assert await pairs(ask, hillcrest) == []


async def test_a_number_that_a_whole_house_has_says_nothing(lakeside: World, ask: Any, drain: Any) -> None:
    house = "(313) 555-0142"
    await born(lakeside, "K-1", date(1951, 12, 29), phone=house)
    await born(lakeside, "K-2", date(1951, 12, 28), given="A", phone=house)
    await ask(lakeside, "nora", LOOK)
    await drain()
    assert await pairs(ask, lakeside) == [{"K-1", "K-2"}]
    for n in range(MANY - 1):
        await born(lakeside, f"N-{n}", date(1920 + n, 5, 5), given="Omar", family=f"Reed{n}", phone=house)
    await ask(lakeside, "nora", LOOK)
    await drain()
    assert await pairs(ask, lakeside) == []


async def test_a_later_look_does_not_take_the_place_of_one_that_waits(
    lakeside: World, ask: Any, drain: Any
) -> None:
    first = await born(lakeside, "N-1", date(1930, 5, 5), given="Omar", family="Reed")
    await born(lakeside, "K-1", date(1951, 12, 29))
    other = await born(lakeside, "K-2", date(1951, 12, 29), given="Ida", family="Moss")
    await drain()
    changed = "mutation ($input: ChangePatientInput!) { changePatient(input: $input) { __typename } }"
    names = {"patientId": global_id("Patient", other), "givenNames": "Anna", "familyName": "Keller"}
    await ask(lakeside, "nora", changed, input=names)
    nora = lakeside.actor("nora")
    for ids in ([first, other], [first]):
        async with tenant_db(nora) as db:
            await ask_to_compare(db, nora, ids)
    await drain()
    assert await pairs(ask, lakeside) == [{"K-1", "K-2"}]
