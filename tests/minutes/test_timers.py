"""One's own timer through GraphQL: one at a time, seen, silent, set aside, taken up again; never lost, never doubled."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from cast import World
from claims.care import someone_in_care
from newcomer import ago, key, register, say, written
from sqlalchemy.ext.asyncio import AsyncEngine

from server.graphql.connections import global_id
from server.jobs import KINDS
from server.minutes.timers import set_aside_timer
from server.tenants.db import tenant_db
from tests.minutes.conftest import CONFIRM, CORRECT, JOIN, MINUTES, VOID, Clock, Log

STRETCH = "id kind state startedAt endedAt seconds patientId timeEntryId code message nextStep reason"
TIMER = f"id patientId patientName program activity automatic state startedAt seenAt stoppedAt seconds stretches {{ {STRETCH} }}"
REFUSAL = "... on Refusal { code message nextStep field }"
MINE = f"{{ myTimer {{ running {{ {TIMER} }} start idleMinutes toSortOut {{ {STRETCH} }} draftIds }} }}"


def _mutation(name: str) -> str:
    kind = f"{name[0].upper()}{name[1:]}Input"
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ __typename ... on Timer {{ {TIMER} }} {REFUSAL} }} }}"


CHOOSE = f"mutation ($input: SetTimerStartInput!) {{ setTimerStart(input: $input) {{ __typename ... on MyTimer {{ start idleMinutes }} {REFUSAL} }} }}"


class Hand:
    """Somebody with a timer and a page."""

    def __init__(self, ask: Any, world: World, who: str, clock: Clock) -> None:
        self.ask, self.world, self.who, self.clock = ask, world, who, clock
        self.opened = clock.at

    def page(self, name: str = "p", *, busy: float | None = None, **more: Any) -> dict[str, Any]:
        """What the page would say. busy: seconds ago since when somebody typed, until now."""
        counted = int((self.clock.at - self.opened) / timedelta(milliseconds=1))
        bursts = [{"fromAgo": int(busy * 1000), "untilAgo": 0}] if busy is not None else []
        return {"page": name, "counted": max(0, counted), "bursts": bursts, **more}

    async def do(self, name: str, **given: Any) -> Any:
        return await say(self.ask, self.world, self.who, _mutation(name), input=given)

    async def start(self, patient: str, **more: Any) -> Any:
        self.opened = self.clock.at
        return await self.do("startTimer", patientId=patient, page=self.page(), **more)

    async def beat(self, timer: Any, *, busy: float | None = 10, name: str = "p") -> Any:
        return await self.do("beatTimer", timerId=timer["id"], page=self.page(name, busy=busy))

    async def stop(self, timer: Any, **more: Any) -> Any:
        return await self.do("stopTimer", timerId=timer["id"], page=self.page(busy=0), **more)

    async def mine(self) -> Any:
        return await say(self.ask, self.world, self.who, MINE)

    async def work(self, timer: Any, seconds: int, *, idle: bool = False) -> Any:
        """So many seconds at a page that beats every ten."""
        for _ in range(seconds // 10):
            self.clock.on(seconds=10)
            timer = await self.beat(timer, busy=None if idle else 10)
        return timer


@pytest.fixture
def nora(ask: Any, lakeside: World, clock: Clock) -> Hand:
    return Hand(ask, lakeside, "nora", clock)


async def in_care(world: World, name: str = "Walker") -> str:
    return str(global_id("Patient", await someone_in_care(world, "2026-09", name=name)))


async def entries(ask: Any, world: World, patient: str, who: str = "nora") -> list[Any]:
    found = await say(ask, world, who, MINUTES, id=patient, first=50, after=None, corrected=False)
    return [edge["node"] for edge in found["minutes"]["edges"]]


async def written_by(ask: Any, world: World, patient: str, who: str) -> list[Any]:
    """Everything the ledger says of the patient, as `who` may read it."""
    found = await say(ask, world, who, MINUTES, id=patient, first=50, after=None, corrected=True)
    return [edge["node"] for edge in found["minutes"]["edges"]]


async def aside(world: World, timer: Any) -> None:
    """What the worker does when the job that looks after the timer is due."""
    kind = KINDS["timer.set_aside"]
    system = world.system(*kind.rights)
    async with tenant_db(system) as db:
        await kind.handler(db, system, {"timer_id": str(key(timer["id"]))})


# --- start and stop -------------------------------------------------------------------------------------------


async def test_from_start_to_minutes_in_the_ledger(
    lakeside: World, hillcrest: World, ask: Any, nora: Hand
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.start(ruth, activity="PLAN_WORK")
    assert (timer["state"], timer["program"], timer["automatic"]) == ("RUNNING", "CCM", False)
    await nora.work(timer, 300)
    assert (await nora.mine())["running"]["seconds"] == 300
    stopped = await nora.stop(timer)
    assert (stopped["state"], stopped["seconds"]) == ("STOPPED", 300)
    (entry,) = await entries(ask, lakeside, ruth)
    assert (entry["seconds"], entry["activity"], entry["state"]) == (300, "PLAN_WORK", "FINAL")
    assert entry["startedAt"] == timer["startedAt"]
    assert [s["timeEntryId"] for s in stopped["stretches"]] == [entry["id"]]
    mine = await nora.mine()
    assert (mine["running"], mine["toSortOut"], mine["draftIds"]) == (None, [], [])
    theirs = Hand(ask, hillcrest, "nora", nora.clock)
    assert (await theirs.mine())["toSortOut"] == []
    for name in ("stopTimer", "discardTimer"):
        assert (await theirs.do(name, timerId=timer["id"]))["code"] == "NOT_FOUND"
    assert (await theirs.start(ruth))["code"] == "NOT_FOUND"


@pytest.mark.parametrize("who", ["rosa", "dr_lin", "ada"])
async def test_nobody_else_sees_or_touches_a_timer(lakeside: World, ask: Any, nora: Hand, who: str) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.start(ruth)
    await nora.work(timer, 60)
    await nora.work(timer, 360, idle=True)
    await nora.work(timer, 10)
    (silence,) = (await nora.mine())["toSortOut"]
    other = Hand(ask, lakeside, who, nora.clock)
    calls = [
        ("beatTimer", {"timerId": timer["id"], "page": other.page()}),
        ("stopTimer", {"timerId": timer["id"]}),
        ("discardTimer", {"timerId": timer["id"]}),
        ("decideStretch", {"timerStretchId": silence["id"], "decision": "TRIM"}),
    ]
    for name, given in calls:
        assert (await other.do(name, **given))["code"] == ("NOT_ALLOWED" if who == "ada" else "NOT_FOUND")
    node = await ask(lakeside, who, "query ($id: ID!) { node(id: $id) { id } }", id=timer["id"])
    assert node["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    if who != "ada":
        assert (await other.mine())["toSortOut"] == []
    assert (await nora.mine())["running"]["state"] == "RUNNING"

    # Set aside, and taken up again: neither the draft nor what became of it tells others that she was away.
    nora.clock.on(minutes=11)
    await aside(lakeside, timer)
    drafts = (await nora.mine())["draftIds"]
    assert len(drafts) == 2
    for watching in (who, "bill"):
        for draft in drafts:
            node = await ask(lakeside, watching, "query ($id: ID!) { node(id: $id) { id } }", id=draft)
            assert node["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert await written_by(ask, lakeside, ruth, watching) == []
    assert {e["reason"] for e in await written_by(ask, lakeside, ruth, "nora")} == {"To be confirmed"}
    await nora.beat(timer)
    assert (await nora.mine())["running"]["state"] == "RUNNING"
    assert len(await written_by(ask, lakeside, ruth, "nora")) == 4
    assert await written_by(ask, lakeside, ruth, who) == await written_by(ask, lakeside, ruth, "bill") == []
    await nora.stop(timer)
    shown = await written_by(ask, lakeside, ruth, "bill")
    assert {(e["state"], e["reason"]) for e in shown} == {("FINAL", "")}


async def test_one_at_a_time_and_switching_is_said_aloud(lakeside: World, ask: Any, nora: Hand) -> None:
    ruth, james = await in_care(lakeside), await in_care(lakeside, "Lindqvist")
    timer = await nora.start(ruth)
    assert (await nora.start(ruth))["id"] == timer["id"]
    refused = await nora.start(james)
    assert refused["code"] == "TIMER_RUNS_FOR_ANOTHER"
    assert "Ruth Walker" in refused["message"]
    nora.opened = nora.clock.at
    await nora.work(timer, 120)
    switched = await nora.do("switchTimer", patientId=james, page=nora.page(busy=0))
    assert (switched["patientId"], switched["state"]) == (james, "RUNNING")
    await nora.work(switched, 60)
    await nora.stop(switched)
    (first,), (second,) = await entries(ask, lakeside, ruth), await entries(ask, lakeside, james)
    assert (first["seconds"], second["seconds"]) == (120, 60)
    assert first["endedAt"] == second["startedAt"]


async def test_defaults_follow_the_role_and_each_chooses_for_themselves(
    lakeside: World, ask: Any, clock: Clock
) -> None:
    ruth = await in_care(lakeside)
    hands = {who: Hand(ask, lakeside, who, clock) for who in ("nora", "rosa", "dr_lin", "mika")}
    starts = {who: (await hand.mine())["start"] for who, hand in hands.items()}
    assert starts == {"nora": "MANUAL", "rosa": "MANUAL", "dr_lin": "AUTOMATIC", "mika": "MANUAL"}
    assert (await hands["nora"].start(ruth, automatic=True))["code"] == "NOT_BY_ITSELF"
    assert (await hands["dr_lin"].start(ruth, automatic=True))["automatic"] is True
    chosen = await say(ask, lakeside, "nora", CHOOSE, input={"start": "AUTOMATIC", "idleMinutes": 2})
    assert (chosen["start"], chosen["idleMinutes"]) == ("AUTOMATIC", 2)
    assert (await hands["nora"].start(ruth, automatic=True))["state"] == "RUNNING"
    assert (await hands["rosa"].mine())["start"] == "MANUAL"
    for minutes in (0, 61, -5):
        refused = await say(ask, lakeside, "nora", CHOOSE, input={"start": "NEVER", "idleMinutes": minutes})
        assert refused["code"] == "BAD_MINUTES"
    for who in ("bill", "fred", "mona"):
        answer = await ask(lakeside, who, MINE)
        assert answer["errors"][0]["extensions"]["code"] == "NOT_ALLOWED"


async def test_by_itself_only_for_people_in_a_program(lakeside: World, ask: Any, clock: Clock) -> None:
    maria = await register(ask, lakeside)
    lin = Hand(ask, lakeside, "dr_lin", clock)
    assert (await lin.start(maria, automatic=True))["code"] == "NOT_BY_ITSELF"
    assert (await lin.start(maria))["program"] is None


async def test_a_discarded_timer_counts_nothing_and_stays_in_the_record(
    lakeside: World, ask: Any, nora: Hand, behind: AsyncEngine
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 60)
    gone = await nora.do("discardTimer", timerId=timer["id"])
    assert gone["state"] == "DISCARDED"
    assert [(s["state"], s["seconds"]) for s in gone["stretches"]] == [("DISCARDED", 60)]
    assert await entries(ask, lakeside, ruth) == []
    assert (await nora.mine())["running"] is None
    assert (await nora.beat(timer))["state"] == "DISCARDED"
    async with behind.connect() as connection:
        actions = await connection.execute(
            sa.text(
                "select action from audit_event where tenant_id = :t and action like 'timer.%' order by at"
            ),
            {"t": lakeside.tenant_id},
        )
        assert {"timer.start", "timer.discard"} <= set(actions.scalars())


async def test_two_presses_without_any_page(lakeside: World, ask: Any, nora: Hand) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.do("startTimer", patientId=ruth)
    nora.clock.on(minutes=25)
    await aside(lakeside, timer)
    stopped = await nora.do("stopTimer", timerId=timer["id"])
    assert stopped["seconds"] == 1500
    assert [e["seconds"] for e in await entries(ask, lakeside, ruth)] == [1500]


# --- races ----------------------------------------------------------------------------------------------------


async def test_of_eight_starts_at_once_one_timer_runs(
    lakeside: World, nora: Hand, behind: AsyncEngine
) -> None:
    people = [await in_care(lakeside, f"Walker{n}") for n in range(2)]
    answers = await asyncio.gather(*(nora.do("startTimer", patientId=people[n % 2]) for n in range(8)))
    kinds = Counter(answer["__typename"] for answer in answers)
    assert kinds == {"Timer": 4, "Refusal": 4}
    assert len({answer["id"] for answer in answers if "id" in answer}) == 1
    async with behind.connect() as connection:
        count = sa.text("select count(*) from timer where tenant_id = :t")
        assert (await connection.execute(count, {"t": lakeside.tenant_id})).scalar_one() == 1


async def test_the_database_itself_lets_one_run(lakeside: World, nora: Hand, behind: AsyncEngine) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.start(ruth)
    again = sa.text(
        "insert into timer select tenant_id, gen_random_uuid(), patient_id, staff_id, program, activity, automatic, "
        "state, started_at, seen_at, active_at, stopped_at, idle_minutes, pages, reason from timer where id = :id"
    )
    with pytest.raises(sa.exc.IntegrityError, match="uq_timer_running"):
        async with behind.begin() as connection:
            await connection.execute(again, {"id": key(timer["id"])})


async def test_of_eight_stops_at_once_one_enters_the_minutes(lakeside: World, ask: Any, nora: Hand) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 120)
    answers = await asyncio.gather(
        *(nora.stop(timer) for _ in range(8)), *(nora.beat(timer) for _ in range(4)), aside(lakeside, timer)
    )
    assert {answer["state"] for answer in answers[:8]} == {"STOPPED"}
    assert {answer["state"] for answer in answers[8:12]} <= {"STOPPED", "RUNNING"}
    assert [e["seconds"] for e in await entries(ask, lakeside, ruth)] == [120]
    assert (await nora.beat(timer))["state"] == "STOPPED"


# --- absences and silences ------------------------------------------------------------------------------------


async def test_a_silence_is_kept_trimmed_or_given_to_somebody_else(
    lakeside: World, ask: Any, nora: Hand
) -> None:
    ruth, james = await in_care(lakeside), await in_care(lakeside, "Lindqvist")
    timer = await nora.start(ruth)
    for _ in range(3):
        await nora.work(timer, 60)
        await nora.work(timer, 400, idle=True)
    await nora.work(timer, 60)
    silences = (await nora.mine())["toSortOut"]
    assert [(s["kind"], s["state"], s["seconds"]) for s in silences] == [("IDLE", "OPEN", 400)] * 3
    kept, trimmed, given = (s["id"] for s in silences)
    await nora.do("decideStretch", timerStretchId=kept, decision="KEEP")
    await nora.do("decideStretch", timerStretchId=trimmed, decision="TRIM", reason="Lunch")
    await nora.do("decideStretch", timerStretchId=given, decision="REASSIGN", patientId=james)
    stopped = await nora.stop(timer)
    assert stopped["seconds"] == 240 + 400
    assert sum(e["seconds"] for e in await entries(ask, lakeside, ruth)) == 640
    (other,) = await entries(ask, lakeside, james)
    assert other["seconds"] == 400
    states = Counter((s["kind"], s["state"]) for s in stopped["stretches"])
    assert states == {
        ("IDLE", "KEPT"): 1, ("IDLE", "TRIMMED"): 1, ("IDLE", "ENTERED"): 1, ("WORKED", "ENTERED"): 3,
    }  # fmt: skip
    assert (await nora.mine())["toSortOut"] == []
    again = await nora.do("decideStretch", timerStretchId=trimmed, decision="KEEP", reason="x")
    assert again["code"] == "ALREADY_DECIDED"


async def test_a_silence_kept_later_says_why_and_may_be_kept_in_part(
    lakeside: World, ask: Any, nora: Hand
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 60)
    await nora.work(timer, 600, idle=True)
    await nora.work(timer, 60)
    await nora.stop(timer)
    (silence,) = (await nora.mine())["toSortOut"]
    half = written(datetime.fromisoformat(silence["startedAt"]) + timedelta(seconds=300))
    decide = {"timerStretchId": silence["id"], "decision": "KEEP", "endedAt": half}
    assert (await nora.do("decideStretch", **decide))["code"] == "REASON_NEEDED"
    outside = {**decide, "reason": "On the phone", "startedAt": written(nora.clock.at + timedelta(hours=1))}
    assert (await nora.do("decideStretch", **outside))["code"] == "OUTSIDE_STRETCH"
    decided = await nora.do("decideStretch", **decide, reason="On the phone")
    assert Counter(
        (s["kind"], s["state"], s["seconds"]) for s in decided["stretches"] if s["kind"] == "IDLE"
    ) == {
        ("IDLE", "ENTERED", 300): 1,
        ("IDLE", "TRIMMED", silence["seconds"] - 300): 1,
    }
    kept = [e for e in await entries(ask, lakeside, ruth) if e["reason"] == "On the phone"]
    assert [e["seconds"] for e in kept] == [300]


async def test_left_alone_it_becomes_a_draft_for_its_owner(lakeside: World, ask: Any, nora: Hand) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 240)
    nora.clock.on(minutes=9)
    await aside(lakeside, timer)
    assert (await nora.mine())["running"] is not None
    nora.clock.on(minutes=2)
    await aside(lakeside, timer)
    await aside(lakeside, timer)
    mine = await nora.mine()
    assert mine["running"] is None
    (draft,) = await entries(ask, lakeside, ruth)
    assert (draft["state"], draft["seconds"], mine["draftIds"]) == ("DRAFT", 240, [draft["id"]])
    assert (await ask(lakeside, "rosa", MINE))["data"]["myTimer"]["draftIds"] == []
    confirmed = await say(ask, lakeside, "nora", CONFIRM, input={"timeEntryId": draft["id"]})
    assert confirmed["state"] == "FINAL"
    assert (await nora.mine())["draftIds"] == []


@pytest.mark.parametrize("who", ["rosa", "dr_lin"])
async def test_nobody_else_takes_back_corrects_or_joins_what_was_set_aside(
    lakeside: World, hillcrest: World, ask: Any, nora: Hand, who: str
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 240)
    nora.clock.on(minutes=11)
    await aside(lakeside, timer)
    (draft,) = (await nora.mine())["draftIds"]
    wants = {"timeEntryId": draft, "reason": "x"}
    for world, whoever in ((lakeside, who), (hillcrest, "nora")):
        for mutation, more in ((VOID, {}), (CORRECT, {"changes": {"activity": "PLAN_WORK"}}), (JOIN, {})):
            answer = await say(ask, world, whoever, mutation, input={**wants, **more})
            assert answer == {"code": "NOT_FOUND", "message": answer["message"]}
    told = await say(ask, lakeside, who, CONFIRM, input={"timeEntryId": draft})
    assert told == {"code": "NOT_YOURS_TO_CONFIRM"}
    assert (await nora.mine())["draftIds"] == [draft]
    mended = await say(ask, lakeside, "nora", CORRECT, input={**wants, "changes": {"activity": "PLAN_WORK"}})
    assert mended["activity"] == "PLAN_WORK"


async def test_a_page_that_comes_back_takes_it_up_again(lakeside: World, ask: Any, nora: Hand) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 240)
    nora.clock.on(minutes=25)
    await aside(lakeside, timer)
    assert (await nora.mine())["draftIds"] != []
    back = await nora.beat(timer, busy=1500)
    assert (back["state"], back["seconds"]) == ("RUNNING", 240 + 1500)
    assert (await nora.mine())["draftIds"] == []
    await nora.stop(timer)
    assert [e["seconds"] for e in await entries(ask, lakeside, ruth)] == [1740]


async def test_a_page_that_comes_back_too_late_loses_nothing(lakeside: World, ask: Any, nora: Hand) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 240)
    nora.clock.on(minutes=25)
    await aside(lakeside, timer)
    (draft,) = await entries(ask, lakeside, ruth)
    await say(ask, lakeside, "nora", CONFIRM, input={"timeEntryId": draft["id"]})
    assert (await nora.beat(timer, busy=1500))["state"] == "SET_ASIDE"
    (late,) = (await nora.mine())["toSortOut"]
    assert (late["kind"], late["state"], late["seconds"]) == ("UNSEEN", "OPEN", 1500)
    await nora.do("decideStretch", timerStretchId=late["id"], decision="KEEP", reason="The line was down")
    assert sorted(e["seconds"] for e in await entries(ask, lakeside, ruth)) == [240, 1500]


async def test_one_whose_time_was_taken_back_by_hand_is_discarded(
    lakeside: World, ask: Any, nora: Hand
) -> None:
    """The draft was taken back, the kept silence corrected first: neither stands in the way; nothing counts again."""
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 60)
    await nora.work(timer, 600, idle=True)
    await nora.work(timer, 60)
    nora.clock.on(minutes=11)
    await aside(lakeside, timer)
    drafts = (await nora.mine())["draftIds"]
    (silence,) = (await nora.mine())["toSortOut"]
    await nora.do("decideStretch", timerStretchId=silence["id"], decision="KEEP", reason="On the phone")
    (kept,) = [e for e in await entries(ask, lakeside, ruth) if e["state"] == "FINAL"]
    changes = {"changes": {"activity": "EDUCATION"}, "reason": "Was teaching"}
    kept = await say(ask, lakeside, "nora", CORRECT, input={"timeEntryId": kept["id"], **changes})
    for id in drafts:
        await say(ask, lakeside, "nora", VOID, input={"timeEntryId": id, "reason": "Not work"})
    assert (await nora.beat(timer))["state"] == "SET_ASIDE", "its owner decided: it does not count again"
    assert (await nora.do("discardTimer", timerId=timer["id"]))["code"] == "ALREADY_DECIDED"
    await say(ask, lakeside, "nora", VOID, input={"timeEntryId": kept["id"], "reason": "Not work"})
    assert (await nora.do("discardTimer", timerId=timer["id"]))["state"] == "DISCARDED"
    assert await entries(ask, lakeside, ruth) == []


@pytest.mark.parametrize("confirmed", [False, True])
async def test_a_stop_pressed_while_the_line_was_down_keeps_its_minutes(
    lakeside: World, ask: Any, nora: Hand, confirmed: bool
) -> None:
    """Set aside in between, it is stopped as of the press; a draft that was confirmed stays, and the rest waits."""
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 240)
    nora.clock.on(minutes=15)
    pressed = nora.page(busy=900)
    nora.clock.on(minutes=3)
    await aside(lakeside, timer)
    if confirmed:
        (draft,) = (await nora.mine())["draftIds"]
        await say(ask, lakeside, "nora", CONFIRM, input={"timeEntryId": draft})
    for later in (0, 20):  # the first answer was lost
        nora.clock.on(seconds=later)
        stop = {"timerId": timer["id"], "page": {**pressed, "ago": 180_000 + later * 1000}}
        stopped = await nora.do("stopTimer", **stop)
        assert stopped["state"] == ("SET_ASIDE" if confirmed else "STOPPED")
    mine = await nora.mine()
    assert (mine["running"], mine["draftIds"]) == (None, [])
    waits = [(s["kind"], s["state"], s["seconds"]) for s in mine["toSortOut"]]
    assert waits == ([("UNSEEN", "OPEN", 900)] if confirmed else [])
    assert [e["seconds"] for e in await entries(ask, lakeside, ruth)] == [240 if confirmed else 1140]


async def test_an_absence_is_shown_and_not_counted(lakeside: World, ask: Any, nora: Hand) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 60)
    nora.clock.on(seconds=30)
    assert (await nora.mine())["running"]["seconds"] == 90, "seen a moment ago, it goes on"
    nora.clock.on(seconds=1)
    assert (await nora.mine())["running"]["seconds"] == 60, "nobody vouches for more"
    nora.clock.on(minutes=5, seconds=-31)
    nora.opened = nora.clock.at
    await nora.beat(timer, name="opened again")
    (absence,) = (await nora.mine())["toSortOut"]
    assert (absence["kind"], absence["seconds"]) == ("UNSEEN", 300)
    assert (await nora.mine())["running"]["seconds"] == 60


async def test_the_servers_clock_jumps_back(lakeside: World, ask: Any, nora: Hand) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 300)
    nora.clock.on(minutes=-40)
    nora.opened -= timedelta(minutes=40)
    await nora.work(timer, 300)
    stopped = await nora.stop(timer)
    assert stopped["seconds"] == 600
    (entry,) = await entries(ask, lakeside, ruth)
    assert (entry["seconds"], entry["endedAt"]) == (600, written(nora.clock.at))


# --- what the ledger refuses ----------------------------------------------------------------------------------


async def test_what_the_ledger_refuses_waits_with_its_sentence(
    lakeside: World, ask: Any, nora: Hand, log: Log
) -> None:
    ruth, james = await in_care(lakeside), await in_care(lakeside, "Lindqvist")
    timer = await nora.start(ruth)
    start = nora.clock.at
    await nora.work(timer, 600)
    await log(lakeside, james, start + timedelta(seconds=120), start + timedelta(seconds=240))
    stopped = await nora.stop(timer)
    assert stopped["state"] == "STOPPED"
    (waits,) = (await nora.mine())["toSortOut"]
    assert (waits["kind"], waits["state"], waits["code"], waits["seconds"]) == (
        "WORKED",
        "REFUSED",
        "OVERLAPS",
        600,
    )
    assert "overlaps minutes already entered" in waits["message"]
    assert await entries(ask, lakeside, ruth) == []
    decide = {"timerStretchId": waits["id"], "decision": "KEEP"}
    assert (await nora.do("decideStretch", **decide))["code"] == "OVERLAPS"
    assert (await nora.do("decideStretch", timerStretchId=waits["id"], decision="TRIM"))[
        "code"
    ] == "REASON_NEEDED"
    mended = await nora.do("decideStretch", **decide, startedAt=written(start + timedelta(seconds=240)))
    assert mended["__typename"] == "Timer"
    assert [e["seconds"] for e in await entries(ask, lakeside, ruth)] == [360]
    (rest,) = (await nora.mine())["toSortOut"]
    assert (rest["kind"], rest["state"], rest["seconds"]) == ("WORKED", "OPEN", 240), (
        "work is not dropped by the way"
    )
    trim = {"timerStretchId": rest["id"], "decision": "TRIM"}
    assert (await nora.do("decideStretch", **trim))["code"] == "REASON_NEEDED"
    await nora.do("decideStretch", **trim, reason="With James")
    assert (await nora.mine())["toSortOut"] == []


async def test_a_program_is_asked_for_where_there_is_none(lakeside: World, ask: Any, nora: Hand) -> None:
    maria = await register(ask, lakeside)
    timer = await nora.work(await nora.start(maria), 60)
    await nora.stop(timer)
    (waits,) = (await nora.mine())["toSortOut"]
    assert waits["code"] == "PROGRAM_NEEDED"
    await nora.do(
        "decideStretch", timerStretchId=waits["id"], decision="KEEP", program="CCM", activity="EDUCATION"
    )
    (entry,) = await entries(ask, lakeside, maria)
    assert (entry["program"], entry["activity"], entry["seconds"]) == ("CCM", "EDUCATION", 60)


async def test_somebody_who_died_meanwhile(
    lakeside: World, ask: Any, nora: Hand, behind: AsyncEngine
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 60)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update patient set deceased_on = current_date - 30 where tenant_id = :t and id = :id"),
            {"t": lakeside.tenant_id, "id": key(ruth)},
        )
    await nora.stop(timer)
    (waits,) = (await nora.mine())["toSortOut"]
    assert waits["code"] == "DATED_AFTER_DEATH"
    done = await nora.do("decideStretch", timerStretchId=waits["id"], decision="TRIM", reason="She had died")
    assert {s["state"] for s in done["stretches"]} == {"TRIMMED"}


async def test_longer_than_a_day_is_asked_about(lakeside: World, ask: Any, nora: Hand) -> None:
    ruth = await in_care(lakeside)
    nora.clock.on(hours=-30)
    timer = await nora.do("startTimer", patientId=ruth)
    start = nora.clock.at
    nora.clock.on(hours=29)
    await nora.do("stopTimer", timerId=timer["id"])
    (waits,) = (await nora.mine())["toSortOut"]
    assert (waits["code"], waits["seconds"]) == ("TOO_LONG", 29 * 3600)
    part = {"startedAt": written(start), "endedAt": written(start + timedelta(minutes=30))}
    await nora.do("decideStretch", timerStretchId=waits["id"], decision="KEEP", **part)
    assert [e["seconds"] for e in await entries(ask, lakeside, ruth)] == [1800]


async def test_over_midnight_and_a_months_end_it_is_cut_by_the_arithmetic(
    lakeside: World, ask: Any, nora: Hand, totals: Any
) -> None:
    from newcomer import local

    ruth = await in_care(lakeside)
    nora.clock.at = local(lakeside, "2026-10-31T23:50")
    timer = await nora.work(await nora.start(ruth), 1200)
    stopped = await nora.stop(timer)
    (waits,) = (await nora.mine())["toSortOut"]
    assert waits["code"] == "LATE_WITHOUT_REASON"  # the real clock is weeks ahead of this one
    assert stopped["seconds"] == 1200
    await nora.do("decideStretch", timerStretchId=waits["id"], decision="KEEP", reason="A night call")
    counted = await totals(lakeside, ruth)
    assert counted == {("2026-10", "STAFF"): 600, ("2026-11", "STAFF"): 600}


# --- with a contact -------------------------------------------------------------------------------------------

CONTACT = """mutation ($input: RecordContactInput!) { recordContact(input: $input) { __typename
  ... on RecordedContact { encounter { id at } minutes { id seconds encounterId activity mode withPatient } }
  ... on Refusal { code message } } }"""


async def test_the_timer_becomes_the_contacts_minutes(
    lakeside: World, hillcrest: World, ask: Any, nora: Hand
) -> None:
    ruth, james = await in_care(lakeside), await in_care(lakeside, "Lindqvist")
    timer = await nora.work(await nora.start(ruth), 300)
    contact = {
        "patientId": ruth,
        "kind": "PHONE",
        "at": written(nora.clock.at),
        "program": "CCM",
        "note": "Well.",
    }
    span = {
        "program": "CCM",
        "activity": "CONTACT",
        "startedAt": written(ago(hours=3)),
        "endedAt": written(ago(hours=2.9)),
    }

    async def record(**given: Any) -> Any:
        return await say(ask, lakeside, "nora", CONTACT, input={"encounter": contact, "spans": [], **given})

    assert (await record(timerId=timer["id"], spans=[span]))["code"] == "TIMER_OR_MINUTES"
    other = {**contact, "patientId": james}
    refused = await say(
        ask, lakeside, "nora", CONTACT, input={"encounter": other, "spans": [], "timerId": timer["id"]}
    )
    assert refused["code"] == "TIMER_NOT_HERE"
    made = await record(timerId=timer["id"])
    (minutes,) = made["minutes"]
    assert (minutes["seconds"], minutes["encounterId"]) == (300, made["encounter"]["id"])
    assert (minutes["mode"], minutes["withPatient"], made["encounter"]["at"]) == (
        "PHONE",
        True,
        timer["startedAt"],
    )
    assert (await nora.mine())["running"] is None
    assert (await record(timerId=timer["id"]))["code"] == "TIMER_NOT_HERE"


async def test_a_refused_contact_leaves_the_timer_running(
    lakeside: World, ask: Any, nora: Hand, log: Log
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 300)
    await log(lakeside, ruth, nora.clock.at - timedelta(seconds=100), nora.clock.at)
    contact = {
        "patientId": ruth,
        "kind": "PHONE",
        "at": written(nora.clock.at),
        "program": "CCM",
        "note": "Well.",
    }
    refused = await say(
        ask, lakeside, "nora", CONTACT, input={"encounter": contact, "spans": [], "timerId": timer["id"]}
    )
    assert refused["code"] == "OVERLAPS"
    mine = await nora.mine()
    assert (mine["running"]["seconds"], mine["toSortOut"]) == (300, [])


# --- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        {"page": "p", "counted": -1},
        {"page": "p", "counted": 2_000_000_000},
        {"page": "x" * 65, "counted": 1},
        {"page": "p", "counted": 1, "bursts": [{"fromAgo": -5, "untilAgo": 0}]},
        {"page": "p", "counted": 1, "ago": -1},
    ],
)
async def test_a_page_that_says_what_cannot_be(lakeside: World, nora: Hand, page: dict[str, Any]) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.start(ruth)
    for name in ("stopTimer",) if "ago" in page else ("beatTimer", "stopTimer"):
        assert (await nora.do(name, timerId=timer["id"], page=page))["code"] == "BAD_BEAT"
    assert (await nora.mine())["running"]["seconds"] == 0


async def test_a_job_for_a_timer_that_is_not_there_does_nothing(
    lakeside: World, hillcrest: World, nora: Hand
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 60)
    nora.clock.on(hours=1)
    await aside(hillcrest, timer)
    assert (await nora.mine())["running"]["state"] == "RUNNING"
    system = lakeside.system("minutes.write")
    async with tenant_db(system) as db:
        await set_aside_timer(db, system, UUID(int=7))


async def test_the_look_at_it_waits_in_the_ledger_of_work(
    lakeside: World, nora: Hand, behind: AsyncEngine
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 60)
    nora.clock.on(minutes=9)
    await aside(lakeside, timer)
    async with behind.connect() as connection:
        rows = await connection.execute(
            sa.text(
                "select run_at from job where tenant_id = :t and kind = 'timer.set_aside' order by run_at"
            ),
            {"t": lakeside.tenant_id},
        )
        due = list(rows.scalars())
    started = nora.opened
    assert due == [started + timedelta(minutes=10), started + timedelta(minutes=11)]
