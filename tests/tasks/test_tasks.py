"""Tasks through the door: asked, taken, handed on, given back, reported, dismissed, opened again; nobody else's list."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from newcomer import register, say, staff, today
from sqlalchemy.ext.asyncio import AsyncEngine

FIELDS = """id patientId patientName kind what why dueOn dueTime askedBy holder forRole state outcome
  events { kind byName toName words }"""
DO = {
    name: f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ __typename ... on Task {{ {FIELDS} }} ... on Refusal {{ code message nextStep field }} }} }}"
    for name, kind in (
        ("askForTask", "AskForTask"), ("takeTask", "TakeTask"), ("handTaskOn", "HandTaskOn"), ("giveTaskBack", "GiveTaskBack"),
        ("moveTask", "MoveTask"), ("reportTaskDone", "ReportTaskDone"), ("dismissTask", "DismissTask"), ("reopenTask", "ReopenTask"),
    )
}  # fmt: skip
READ = "mutation ($id: ID!) { readTask(id: $id) { __typename ... on Refusal { code } } }"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on Task {{ {FIELDS} }} }} }}"
LIST = f"{{ edges {{ node {{ {FIELDS} }} }} pageInfo {{ hasNextPage endCursor }} }}"
LISTS = {
    name: f"query ($first: Int = 50, $after: String) {{ {name}(first: $first, after: $after) {LIST} }}"
    for name in ("myTasks", "tasksToTake", "tasksIAskedFor")
}
NEWS = """{ tasksCameBack { edges { node { kind words byName task { id what state } } } } }"""
OF = f"""query ($id: ID!, $closed: Boolean = false) {{ node(id: $id) {{ ... on Patient {{ tasks(closed: $closed) {LIST} }} }} }}"""


class Room:
    """A practice with somebody to do things for."""

    def __init__(self, ask: Any, world: World, patient: str) -> None:
        self.ask, self.world, self.patient = ask, world, patient

    def day(self, days: int = 0) -> str:
        return (today(self.world) + timedelta(days=days)).isoformat()

    async def asked(self, who: str, whom: str = "", **more: Any) -> dict[str, Any]:
        new = {"patientId": self.patient, "what": "Ask about her shoes", "dueOn": self.day(1), **more}
        if whom:
            new["staffId"] = staff(self.world, whom)
        return await self.do(who, "askForTask", **new)

    async def do(self, who: str, name: str, **given: Any) -> dict[str, Any]:
        return await say(self.ask, self.world, who, DO[name], input=given)

    async def listed(self, who: str, name: str) -> list[str]:
        found = await say(self.ask, self.world, who, LISTS[name])
        return [edge["node"]["what"] for edge in found["edges"]]

    async def news(self, who: str) -> list[tuple[str, str, str]]:
        found = await say(self.ask, self.world, who, NEWS)
        return [(n["kind"], n["words"], n["byName"]) for n in (edge["node"] for edge in found["edges"])]


@pytest.fixture
async def room(lakeside: World, ask: Any) -> Room:
    return Room(ask, lakeside, await register(ask, lakeside))


def codes(*answers: dict[str, Any]) -> list[str]:
    return [answer.get("code", answer["__typename"]) for answer in answers]


async def test_what_is_asked_comes_back_to_whoever_asked_until_it_is_read(
    room: Room, hillcrest: World, ask: Any
) -> None:
    """R037, R038, R098: delegated, done with an outcome in words, and the one who asked sees it until it is read."""
    made = await room.asked("nora", "mika", kind="CALL", why="Her feet swell by evening", dueTime="14:05")
    assert (made["holder"], made["askedBy"], made["state"], made["dueTime"]) == (
        "Mika Salo", "Nora Feld", "OPEN", "14:05",
    )  # fmt: skip
    assert made["patientName"] == "Maria Alvarez"
    assert await room.listed("mika", "myTasks") == ["Ask about her shoes"]
    assert await room.listed("nora", "tasksIAskedFor") == ["Ask about her shoes"]
    assert await room.listed("nora", "myTasks") == await room.listed("rosa", "tasksIAskedFor") == []

    silent = await ask(
        room.world, "mika", DO["reportTaskDone"], input={"taskId": made["id"], "outcome": "  "}
    )
    assert silent["errors"][0]["extensions"]["code"] == "BAD_TEXT", "nothing closes without words"
    done = await room.do("mika", "reportTaskDone", taskId=made["id"], outcome="Two sizes wider. She is glad.")
    assert (done["state"], done["outcome"]) == ("DONE", "Two sizes wider. She is glad.")
    assert [event["kind"] for event in done["events"]] == ["ASKED", "DONE"]
    assert await room.news("nora") == [("DONE", "Two sizes wider. She is glad.", "Mika Salo")]
    assert await room.news("mika") == await room.news("rosa") == []
    assert await room.listed("mika", "myTasks") == await room.listed("nora", "tasksIAskedFor") == []
    for _ in range(2):
        assert (await say(ask, room.world, "nora", READ, id=made["id"]))["__typename"] == "Task"
    assert await room.news("nora") == []

    # The other practice sees nothing of it, whatever it knows.
    for document, given in ((NODE, {"id": made["id"]}), (OF, {"id": room.patient})):
        there = await ask(hillcrest, "nora", document, **given)
        assert there["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    more = {"askForTask": {"patientId": room.patient, "what": "x", "dueOn": room.day(), "staffId": staff(hillcrest, "nora")},
            "moveTask": {"dueOn": room.day()}, "reportTaskDone": {"outcome": "x"}, "dismissTask": {"reason": "x"},
            "giveTaskBack": {"words": "x"}, "reopenTask": {"words": "x"}}  # fmt: skip
    for name, document in DO.items():
        given = more.get(name, {}) | ({} if name == "askForTask" else {"taskId": made["id"]})
        assert (await say(ask, hillcrest, "nora", document, input=given))["code"] == "NOT_FOUND", name
    for name in LISTS:
        assert (await say(ask, hillcrest, "nora", LISTS[name]))["edges"] == []
    assert (await room.asked("nora", staffId=staff(hillcrest, "mika")))["code"] == "NOT_FOUND"


async def test_a_task_goes_from_hand_to_hand_and_back(room: Room) -> None:
    """R037, R099: handed on to whoever of a role takes it, given back with a word; everybody in between hears of it."""
    made = await room.asked("dr_lin", "nora", what="Book the dietitian", kind="BOOK")
    id, world = made["id"], room.world
    assert codes(await room.do("nora", "giveTaskBack", taskId=id, words="It needs an order first")) == [
        "Task"
    ]
    assert await room.news("dr_lin") == [("CAME_BACK", "It needs an order first", "Nora Feld")]
    assert await room.listed("dr_lin", "myTasks") == ["Book the dietitian"]
    assert codes(
        await room.do("dr_lin", "giveTaskBack", taskId=id, words="No"),
        await room.do("dr_lin", "handTaskOn", taskId=id, staffId=staff(world, "dr_lin")),
        await room.do("dr_lin", "handTaskOn", taskId=id),
        await room.do("dr_lin", "handTaskOn", taskId=id, staffId=staff(world, "mona")),
        await room.do("dr_lin", "handTaskOn", taskId=id, forRole="MENTOR"),
        await room.do("dr_lin", "handTaskOn", taskId=id, staffId=staff(world, "rosa"), words="Ordered."),
        await room.do("rosa", "handTaskOn", taskId=id, forRole="FRONT_DESK"),
    ) == [
        "NOBODY_TO_GIVE_BACK_TO", "THEIRS_ALREADY", "WHO_NEEDED", "CANNOT_BE_ASKED", "CANNOT_BE_ASKED", "Task", "Task",
    ]  # fmt: skip
    # The check-out desk sees what waits for it, and of this person nothing else.
    assert await room.listed("fred", "tasksToTake") == ["Book the dietitian"]
    assert codes(await room.do("fred", "takeTask", taskId=id)) == ["Task"]
    done = await room.do("fred", "reportTaskDone", taskId=id, outcome="Tuesday the 8th at ten.")
    assert [(e["kind"], e["byName"], e["toName"]) for e in done["events"]] == [
        ("ASKED", "Lin Wei", "Nora Feld"), ("CAME_BACK", "Nora Feld", "Lin Wei"), ("HANDED_ON", "Lin Wei", "Rosa Ortiz"),
        ("HANDED_ON", "Rosa Ortiz", None), ("TAKEN", "Fred Okafor", "Fred Okafor"), ("DONE", "Fred Okafor", "Fred Okafor"),
    ]  # fmt: skip
    news = ("DONE", "Tuesday the 8th at ten.", "Fred Okafor")
    assert (await room.news("dr_lin"))[0] == (await room.news("rosa"))[0] == news
    assert await room.news("nora") == [], "whoever gave it back waits for nothing"


async def test_not_needed_and_opened_again_say_why(room: Room, ask: Any) -> None:
    """R038: dismissed with a reason; opened again it is news no more, and whoever has it finds it in their list."""
    made = await room.asked("nora", "mika")
    id = made["id"]
    assert codes(
        await room.do("rosa", "dismissTask", taskId=id, reason="I think not"),
        await room.do("rosa", "moveTask", taskId=id, dueOn=room.day(3)),
        await room.do("mika", "moveTask", taskId=id, dueOn=room.day(-1)),
        await room.do("mika", "moveTask", taskId=id, dueOn=room.day(900)),
        await room.do("mika", "moveTask", taskId=id, dueOn=room.day(3), dueTime="25:00"),
        await room.do("mika", "reopenTask", taskId=id, words="More"),
        await room.do("mika", "moveTask", taskId=id, dueOn=room.day(3)),
        await room.do("mika", "dismissTask", taskId=id, reason="She bought them herself"),
        await room.do("mika", "dismissTask", taskId=id, reason="Twice"),
        await room.do("nora", "takeTask", taskId=id),
    ) == [
        "NOT_YOURS", "NOT_YOURS", "DUE_PASSED", "DUE_FAR", "TIME_FORM", "TASK_OPEN", "Task", "Task", "TASK_CLOSED", "TASK_CLOSED",
    ]  # fmt: skip
    assert await room.news("nora") == [("DISMISSED", "She bought them herself", "Mika Salo")]
    again = await room.do("nora", "reopenTask", taskId=id, words="They do not fit", dueOn=room.day(2))
    assert (again["state"], again["dueOn"], again["outcome"], again["holder"]) == (
        "OPEN",
        room.day(2),
        "",
        "Mika Salo",
    )
    assert await room.news("nora") == []
    assert await room.listed("mika", "myTasks") == [made["what"]]
    # The one who asked takes it off the list: whoever had it is told, not left wondering.
    await room.do("nora", "dismissTask", taskId=id, reason="Her son has it in hand")
    assert await room.news("mika") == [("DISMISSED", "Her son has it in hand", "Nora Feld")]
    assert codes(
        await room.asked("nora", "mika", dueOn=room.day(-1)), await room.asked("nora"),
        await room.asked("nora", "mika", forRole="PROVIDER"), await room.asked("nora", "mona"),
    ) == ["DUE_PASSED", "WHO_NEEDED", "WHO_NEEDED", "CANNOT_BE_ASKED"]  # fmt: skip


async def test_a_colleague_covers_with_a_word_and_without_leave(
    room: Room, ask: Any, behind: AsyncEngine
) -> None:
    """V2, V9, T5: a task is taken over with a word of why, which its holder reads; who has left holds nothing back."""
    made = await room.asked("nora", "mika", what="Bring the scale")
    taken = await room.do("rosa", "takeTask", taskId=made["id"], words="Mika is away until Monday")
    assert (taken["holder"], await room.news("mika")) == (
        "Rosa Ortiz",
        [("TAKEN", "Mika is away until Monday", "Rosa Ortiz")],
    )
    other = await room.asked("nora", "mika", what="Bring the cuff")
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update staff set active = false where id = :id"), {"id": room.world.staff["mika"]}
        )
    assert codes(await room.do("rosa", "takeTask", taskId=other["id"]), await room.asked("nora", "mika")) == [
        "Task",
        "CANNOT_BE_ASKED",
    ]


async def test_nothing_is_given_back_to_whoever_would_not_see_it(room: Room, behind: AsyncEngine) -> None:
    """R037: the one who asked has left, so it stays with whoever has it, who can hand it on."""
    made = await room.asked("rosa", "nora", what="Bring the scale")
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update staff set active = false where id = :id"), {"id": room.world.staff["rosa"]}
        )
    refused = await room.do("nora", "giveTaskBack", taskId=made["id"], words="Not mine")
    assert (refused.get("code"), refused.get("field")) == ("CANNOT_BE_ASKED", "words")
    assert "Rosa Ortiz would not see it" in refused["message"]
    assert await room.listed("nora", "myTasks") == ["Bring the scale"]
    assert codes(await room.do("nora", "handTaskOn", taskId=made["id"], forRole="FRONT_DESK")) == ["Task"]


async def test_a_chart_shows_its_tasks_and_nobody_shows_a_colleagues(room: Room, ask: Any) -> None:
    """V2, V3, T2, T23: a chart's tasks are for whoever may open the chart; there is no list of somebody else's."""
    for what, days in (("Third", 3), ("First", 0), ("Second", 1)):
        await room.asked("nora", "mika", what=what, dueOn=room.day(days))
    at_nine = await room.asked("nora", "mika", what="Before noon", dueOn=room.day(1), dueTime="9:00")
    order = ["First", "Before noon", "Second", "Third"]
    node = await say(ask, room.world, "rosa", OF, id=room.patient)
    assert [edge["node"]["what"] for edge in node["tasks"]["edges"]] == order
    seen, after = [], None
    while True:
        page = await say(ask, room.world, "mika", LISTS["myTasks"], first=1, after=after)
        seen += [edge["node"]["what"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert seen == order
    await room.do("mika", "reportTaskDone", taskId=at_nine["id"], outcome="Said yes")
    closed = await say(ask, room.world, "dr_lin", OF, id=room.patient, closed=True)
    assert [edge["node"]["outcome"] for edge in closed["tasks"]["edges"]] == ["Said yes"]

    # Who may not open the chart sees what is theirs alone, and a mentor nothing.
    for who, code in (("bill", "NOT_FOUND"), ("fred", "NOT_FOUND"), ("mona", "NOT_ALLOWED")):
        there = await ask(room.world, who, NODE, id=at_nine["id"])
        assert there["errors"][0]["extensions"]["code"] == code, who
    assert (await ask(room.world, "bill", OF, id=room.patient))["errors"][0]["extensions"][
        "code"
    ] == "NOT_ALLOWED"
    cover = await room.asked("nora", "bill", what="Is it covered?", kind="COVER")
    assert (await say(ask, room.world, "bill", NODE, id=cover["id"]))["what"] == "Is it covered?"
    assert codes(
        await room.do("bill", "giveTaskBack", taskId=cover["id"], words="Her plan is new to me")
    ) == ["Task"]
    assert (await say(ask, room.world, "bill", NODE, id=cover["id"]))["holder"] == "Nora Feld"


def test_nothing_can_be_asked_about_a_colleagues_tasks() -> None:
    """V2, T2: no field that lists tasks takes a member of the staff, and nothing counts them."""
    from server.graphql.schema import SCHEMA

    core = SCHEMA._schema
    fields = {
        **core.query_type.fields,
        **{f"Patient.{n}": f for n, f in core.type_map["Patient"].fields.items()},
    }
    lists = {name: field for name, field in fields.items() if "task" in name.lower()}
    assert set(lists) == {
        "myTasks",
        "tasksToTake",
        "tasksIAskedFor",
        "tasksCameBack",
        "taskKinds",
        "Patient.tasks",
    }
    assert {argument for field in lists.values() for argument in field.args} == {"first", "after", "closed"}
    assert "task" not in "".join(core.type_map["Staff"].fields).lower()


async def test_the_lowest_suitable_licence_is_a_hint_and_never_a_block(room: Room, ask: Any) -> None:
    """R022: who could do it with the least licence is told; whoever is asked may be anybody with tasks."""
    kinds = {
        one["kind"]: (one["discipline"], [c["name"] for c in one["colleagues"]])
        for one in await say(
            ask, room.world, "nora", "{ taskKinds { kind discipline disciplineName colleagues { name } } }"
        )
    }
    assert kinds["CALL"] == ("medical_assistant", ["Mika Salo"])
    assert kinds["BOOK"] == ("front_desk", ["Fred Okafor"])
    assert kinds["MEDICINE"] == ("rn", ["Nora Feld"]), "a mentor is asked for nothing"
    assert kinds["DECIDE"] == ("md", ["Lin Wei"])
    assert kinds["OTHER"] == (None, [])
    assert codes(await room.asked("mika", "dr_lin", kind="BOOK"), await room.asked("nora", "nora", kind="DECIDE")) == [
        "Task", "Task",
    ]  # fmt: skip


async def test_two_who_take_or_close_at_once_one_wins_and_the_other_is_told(room: Room) -> None:
    """T3: accountability lies in the task. The later one is told kindly who has it or what came of it."""
    made = await room.asked("dr_lin", forRole="CARE_MANAGER", what="Call about the scale")
    assert (
        await room.listed("nora", "tasksToTake") == await room.listed("rosa", "tasksToTake") == [made["what"]]
    )
    assert await room.listed("mika", "tasksToTake") == []
    taken = await asyncio.gather(
        *(room.do(who, "takeTask", taskId=made["id"]) for who in ("nora", "rosa") * 3)
    )
    won = [answer for answer in taken if answer["__typename"] == "Task"]
    assert len(won) == 1
    assert sorted(codes(*taken)).count("TASK_TAKEN") == 3
    assert {answer["message"] for answer in taken if answer.get("code") == "TASK_TAKEN"} == {
        f"{won[0]['holder']} has this already."
    }
    assert await room.listed("nora", "tasksToTake") == []
    closed = await asyncio.gather(
        *(
            room.do("dr_lin" if n % 2 else won[0]["holder"].split()[0].lower(), "reportTaskDone",
                    taskId=made["id"], outcome=f"outcome {n}")
            for n in range(6)
        )
    )  # fmt: skip
    (first,) = [answer for answer in closed if answer["__typename"] == "Task"]
    told = [answer for answer in closed if answer["__typename"] == "Refusal"]
    assert {answer["code"] for answer in told} == {"TASK_CLOSED"}
    assert all(f"“{first['outcome']}”" in answer["message"] for answer in told)
