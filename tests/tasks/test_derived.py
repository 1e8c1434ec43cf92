"""Tasks that come from a fact: opened, settled and opened again in the fact's own transaction, never without a reason (N17)."""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from cast import World
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from newcomer import register, say, today
from sqlalchemy.ext.asyncio import AsyncEngine

from server.enrollment.days import written
from server.plans.copies_due import Written, copies_due
from server.tasks.derived import Changes, Known, Wanted, changes

TODAY = date(2026, 11, 23)
PLAN = """mutation ($input: WritePlanInput!) { writePlan(input: $input) { ... on PlanVersion { id } ... on Refusal { code } } }"""
COPY = """mutation ($input: RecordPlanCopyInput!) { recordPlanCopy(input: $input) { ... on PlanVersion { id } ... on Refusal { code } } }"""
DISMISS = "mutation ($input: DismissTaskInput!) { dismissTask(input: $input) { ... on Task { state } ... on Refusal { code } } }"
REOPEN = "mutation ($input: ReopenTaskInput!) { reopenTask(input: $input) { ... on Task { state } ... on Refusal { code } } }"
MINE = "{ myTasks { edges { node { id what why dueOn askedBy patientId } } } }"
OF = """query ($id: ID!) { node(id: $id) { ... on Patient {
  tasks { edges { node { id what } } } closed: tasks(closed: true) { edges { node { what state outcome } } } } } }"""


def wanted(n: int) -> Wanted:
    return Wanted(UUID(int=n), "paper", "Give them their plan", "", TODAY)


def test_what_is_open_follows_what_is_wanted_and_what_people_decided_stays() -> None:
    """N17: only what the facts settled comes again; done and dismissed are a person's word."""
    known = [
        Known(UUID(int=n), state)
        for n, state in enumerate(("open", "done", "dismissed", "settled", "open"), 1)
    ]
    known.append(Known(UUID(int=7), "kept"))
    assert changes([wanted(n) for n in (1, 2, 3, 4, 6)], known) == Changes(
        opens=(wanted(6),), reopens=(wanted(4),), settles=(UUID(int=5),)
    )


def version(number: int, *, rethought: bool = False, given: bool = False, program: str = "ccm") -> Written:
    return Written(UUID(int=number), program, number, TODAY, rethought, given)


@pytest.mark.parametrize(
    ("versions", "due"),
    [
        ([], []),
        ([version(1)], [1]),
        ([version(1, given=True)], []),
        ([version(1, given=True), version(2)], []),
        ([version(1), version(2)], [1]),
        ([version(1, given=True), version(2, rethought=True)], [2]),
        ([version(1, given=True), version(2, rethought=True), version(3)], [2]),
        ([version(1, given=True), version(2, rethought=True), version(3, given=True)], []),
        ([version(2, program="pdcm"), version(1)], [1, 2]),
    ],
)
def test_a_first_or_rethought_plan_is_theirs_to_have_and_an_update_nags_nobody(
    versions: list[Written], due: list[int]
) -> None:
    """N17, V13: a copy is due of what is new to them, and of nothing else."""
    assert sorted(one.source_id.int for one in copies_due(versions, today=TODAY)) == due


class Practice:
    """What the rules make of one person's plans, played without a database: the mechanism and its control."""

    def __init__(self, keeps: Callable[[list[Wanted], list[Known]], Changes]) -> None:
        self.keeps = keeps
        self.versions: list[Written] = []
        self.tasks: dict[UUID, str] = {}

    def reconcile(self) -> None:
        change = self.keeps(self.due(), [Known(id, state) for id, state in self.tasks.items()])
        self.tasks |= {one.source_id: "open" for one in (*change.opens, *change.reopens)}
        self.tasks |= dict.fromkeys(change.settles, "settled")

    def due(self) -> list[Wanted]:
        return copies_due(self.versions, today=TODAY)

    def play(self, fact: int) -> None:
        kind, place = fact % 5, fact // 5
        if kind < 2:
            self.versions.append(version(len(self.versions) + 1, rethought=kind == 1))
        elif kind == 2 and self.versions:
            one = self.versions[place % len(self.versions)]
            self.versions[one.number - 1] = version(one.number, rethought=one.rethought, given=True)
        elif kind == 3 and self.versions:  # a copy written down by mistake: taken out again
            one = self.versions[place % len(self.versions)]
            self.versions[one.number - 1] = version(one.number, rethought=one.rethought)
        elif kind == 4:
            self.tasks |= {id: "dismissed" for id, state in self.tasks.items() if state == "open"}
            return
        self.reconcile()

    def orphans(self) -> list[UUID]:
        due = {one.source_id for one in self.due()}
        return [id for id, state in self.tasks.items() if state == "open" and id not in due]

    def missing(self) -> list[UUID]:
        return [
            one.source_id for one in self.due() if self.tasks.get(one.source_id) not in ("open", "dismissed")
        ]


def facts(examples: int, keeps: Callable[[list[Wanted], list[Known]], Changes]) -> int:
    """Plays that many histories of facts; how many facts there were. Raises where a task has no reason, or lacks one."""
    played = 0

    @settings(max_examples=examples, database=None, derandomize=True, phases=[Phase.generate])
    @given(st.lists(st.integers(0, 600), min_size=1, max_size=40))
    def play(history: list[int]) -> None:
        nonlocal played
        practice = Practice(keeps)
        for fact in history:
            practice.play(fact)
            played += 1
            assert practice.orphans() == practice.missing() == []

    play()
    return played


def test_no_task_without_a_live_reason_and_no_reason_without_its_task() -> None:
    """N17: after every fact, what is open is what is due, but for what a person dismissed."""
    assert facts(60, changes) > 200


@pytest.mark.campaign
def test_ten_thousand_facts_leave_no_orphan(record_property: Any) -> None:
    """N17, as the measure asks: facts fuzzed ten thousand times."""
    played = facts(1_500, changes)
    assert played > 10_000
    record_property("count", f"N17: {played} facts: 0 tasks without a live reason, 0 reasons without a task")


def test_control_without_settling_orphans_are_found() -> None:
    """The mechanism taken out: the same play must fail."""
    with pytest.raises(AssertionError):
        facts(60, lambda due, known: Changes(opens=changes(due, known).opens))


# --- through the door -------------------------------------------------------------------------------------------


async def write(ask: Any, world: World, patient: str, **more: Any) -> str:
    new = {
        "patientId": patient,
        "program": "CCM",
        "datedOn": today(world).isoformat(),
        "goals": "Walk to church",
        **more,
    }
    made = await say(ask, world, "nora", PLAN, input=new)
    return str(made["id"])


async def give(ask: Any, world: World, id: str) -> None:
    given = {"planVersionId": id, "givenOn": today(world).isoformat(), "how": "PAPER", "toWhom": "Maria"}
    assert "id" in await say(ask, world, "nora", COPY, input=given)


async def test_a_plan_asks_for_its_copy_and_the_copy_settles_it(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    """N17: the task comes with the plan and goes with the copy, saying why; dismissed with a reason it stays away."""
    maria = await register(ask, lakeside)
    first = await write(ask, lakeside, maria)
    ((task,),) = [[edge["node"] for edge in (await say(ask, lakeside, "nora", MINE))["edges"]]]
    assert (task["what"], task["askedBy"], task["patientId"]) == ("Give them their plan", None, maria)
    assert "Version 1" in task["why"], "why it is on my list"
    assert task["dueOn"] == (today(lakeside) + timedelta(days=7)).isoformat()
    assert (await say(ask, hillcrest, "nora", MINE))["edges"] == []
    await give(ask, lakeside, first)
    node = await say(ask, lakeside, "rosa", OF, id=maria)
    assert node["tasks"]["edges"] == []
    ((closed,),) = [[edge["node"] for edge in node["closed"]["edges"]]]
    assert (closed["state"], closed["outcome"]) == (
        "SETTLED",
        f"A copy was given to Maria on {written(today(lakeside))}.",
    )

    await write(ask, lakeside, maria)
    assert (await say(ask, lakeside, "nora", MINE))["edges"] == [], "a routine update asks for nothing"
    await write(ask, lakeside, maria, substantiallyRevised=True)
    ((task,),) = [[edge["node"] for edge in (await say(ask, lakeside, "nora", MINE))["edges"]]]
    assert (
        await say(
            ask, lakeside, "nora", DISMISS, input={"taskId": task["id"], "reason": "She wants it read to her"}
        )
    )["state"] == "DISMISSED"
    # Another fact: what a person decided stays, and they may always think again.
    await write(ask, lakeside, maria)
    assert (await say(ask, lakeside, "nora", MINE))["edges"] == []
    again = await say(
        ask,
        lakeside,
        "nora",
        REOPEN,
        input={"taskId": task["id"], "words": "She asked for paper after all"},
    )
    assert again["state"] == "OPEN"
    await give(ask, lakeside, await write(ask, lakeside, maria))
    ((kept,),) = [[edge["node"] for edge in (await say(ask, lakeside, "nora", MINE))["edges"]]]
    assert (kept["id"], kept["askedBy"]) == (task["id"], "Nora Feld"), "a person's now: no fact closes it"

    # Nobody is asked to give a plan to somebody who has died; what a person asked for stays in sight.
    luis = await register(ask, lakeside, givenNames="Luis")
    await write(ask, lakeside, luis)
    assert len((await say(ask, lakeside, "nora", MINE))["edges"]) == 2
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update patient set deceased_on = :day where tenant_id = :t"),
            {"day": today(lakeside), "t": lakeside.tenant_id},
        )
    assert [edge["node"]["id"] for edge in (await say(ask, lakeside, "nora", MINE))["edges"]] == [kept["id"]]
    assert (await say(ask, lakeside, "rosa", OF, id=luis))["tasks"]["edges"] == []


async def test_a_death_settles_no_task_with_the_words_of_another_fact(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    """N17: a task says why it closed, and says so truly: of two plans of somebody who has died, only the one that was
    given is told as given; the other is asked of nobody, and is back when the death was a mistake."""
    maria = await register(ask, lakeside)
    given = await write(ask, lakeside, maria)
    await write(ask, lakeside, maria, program="PDCM")
    assert len((await say(ask, lakeside, "nora", MINE))["edges"]) == 2
    died = sa.text("update patient set deceased_on = :day where tenant_id = :t")
    async with behind.begin() as connection:
        await connection.execute(died, {"day": today(lakeside), "t": lakeside.tenant_id})
    await give(ask, lakeside, given)
    node = await say(ask, lakeside, "rosa", OF, id=maria)
    assert (len(node["tasks"]["edges"]), len(node["closed"]["edges"])) == (0, 1)
    async with behind.begin() as connection:
        await connection.execute(died, {"day": None, "t": lakeside.tenant_id})
    assert len((await say(ask, lakeside, "nora", MINE))["edges"]) == 1


async def test_a_fact_that_is_undone_leaves_no_task(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    """N17: in the same transaction: a plan that is refused asks for nothing, and eight written at once ask for one copy."""
    maria = await register(ask, lakeside)
    refused = await say(
        ask, lakeside, "nora", PLAN,
        input={"patientId": maria, "program": "CCM", "datedOn": (today(lakeside) + timedelta(days=2)).isoformat(), "goals": "x"},
    )  # fmt: skip
    assert refused["code"] == "DATED_IN_FUTURE"
    assert (await say(ask, lakeside, "nora", MINE))["edges"] == []
    versions = await asyncio.gather(*(write(ask, lakeside, maria) for _ in range(8)))
    assert len((await say(ask, lakeside, "nora", MINE))["edges"]) == 1
    await asyncio.gather(
        *(give(ask, lakeside, id) for id in versions[:4]), *(write(ask, lakeside, maria) for _ in range(4))
    )
    assert (await say(ask, lakeside, "nora", MINE))["edges"] == []
    async with behind.begin() as connection:
        rows = await connection.execute(
            sa.text("select state, count(*) from task where tenant_id = :t group by 1"),
            {"t": lakeside.tenant_id},
        )
        assert {state for state, _ in rows} == {"settled"}


async def test_tasks_go_with_the_record_that_stays_and_back(lakeside: World, ask: Any) -> None:
    """Two records of one person: tasks are of the record that stays, and of the other again when they are taken apart;
    what its plan asks for is kept in step through either."""
    kept, gone = await register(ask, lakeside), await register(ask, lakeside, recordNumber="OLD-7")
    plan = await write(ask, lakeside, gone)
    joined = await say(
        ask, lakeside, "nora",
        "mutation ($input: JoinRecordsInput!) { joinRecords(input: $input) { ... on PatientMerge { id } ... on Refusal { message } } }",
        input={"keepId": kept, "goneId": gone},
    )  # fmt: skip
    assert [edge["node"]["patientId"] for edge in (await say(ask, lakeside, "nora", MINE))["edges"]] == [kept]
    new = {"patientId": gone, "what": "Call", "dueOn": today(lakeside).isoformat(), "forRole": "CARE_MANAGER"}
    refused = await say(
        ask, lakeside, "nora",
        "mutation ($input: AskForTaskInput!) { askForTask(input: $input) { ... on Refusal { code } } }", input=new,
    )  # fmt: skip
    assert refused["code"] == "RECORD_JOINED"
    apart = await say(
        ask, lakeside, "nora",
        "mutation ($input: SeparateRecordsInput!) { separateRecords(input: $input) { __typename ... on Refusal { message } } }",
        input={"mergeId": joined["id"], "reason": "Twins"},
    )  # fmt: skip
    assert apart["__typename"] == "PatientMerge", apart
    assert [edge["node"]["patientId"] for edge in (await say(ask, lakeside, "nora", MINE))["edges"]] == [gone]
    await give(ask, lakeside, plan)
    assert (await say(ask, lakeside, "nora", MINE))["edges"] == []
