"""P27: a payer plugin that does its worst during a close puts a hold that names it on its own months; all else is decided."""

import asyncio
import contextlib
import importlib
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from claims import care
from claims.closing import asked, came_to, close
from conftest import SECRET
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations.run import runtime_urls
from server.claims import jobs as closing_jobs
from server.ids import new_id
from server.plugin_host import kept
from server.plugin_host import runner as runner_of
from server.plugin_host.discover import plugins
from server.plugin_host.runner import Fault, Runner, Told
from server.tenants import db as doors_of
from server.tenants import transaction
from server.tenants.db import tenant_db
from server.tenants.tables import Payer
from server.worker import Worker, drain_once, gather_kinds

pytestmark = pytest.mark.timeout(300)

SECRET_WORD = "canary-in-the-environment"
#: misdeeds that harm nobody: the answer can be stored
DECIDED = {
    "good",
    "changes_what_it_was_told",
    "reads_the_environment",
    "prints",
    "imports_a_module",
    "remembers",
}


@pytest.fixture
async def evil(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    """The evil plugin installed, and a runner with short deadlines. Yields its module."""
    folder = tmp_path_factory.mktemp("evil")
    for above in (
        folder,
        *folder.parents,
    ):  # the child gives up its privileges: it must still be able to look in
        if above.owner() and os.access(above, os.W_OK) and "pytest" in str(above):
            above.chmod(0o755)
    shutil.copy(Path(__file__).with_name("evil_payer.py"), folder / "evil_payer.py")
    (folder / "evil_later.py").write_text("")
    open_to_all = folder / "open_to_all"
    open_to_all.mkdir()
    (open_to_all / "kept").write_text("all of it")
    for path, mode in ((open_to_all, 0o777), (open_to_all / "kept", 0o666)):
        path.chmod(mode)  # only the child's own refusal stands before these
    told = folder / "evil_payer-6.6.6.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: evil_payer\nVersion: 6.6.6\n")
    (told / "entry_points.txt").write_text("[carewright.plugins]\nevil_payer = evil_payer\n")
    monkeypatch.setenv("CAREWRIGHT_CANARY", SECRET_WORD)
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    plugins.cache_clear()
    runner = Runner(seconds=6, single_seconds=5, retry_seconds=90, path=(folder,))
    await kept.end_kept_runner()
    kept._kept[asyncio.get_running_loop()] = runner
    assert "evil_payer" in {one.name for one in plugins().loaded}
    yield importlib.import_module("evil_payer")
    await kept.end_kept_runner()
    plugins.cache_clear()
    sys.modules.pop("evil_payer", None)


@pytest.mark.campaign
async def test_its_months_are_held_by_name_and_everything_else_is_decided(
    lakeside: World,
    hillcrest: World,
    ask: Any,
    evil: Any,
    behind: AsyncEngine,
    record_property: Callable[[str, object], None],
) -> None:
    month = care.last_month(lakeside.zone)
    await insured_by_evil(lakeside)
    people = {}
    for number, name in enumerate(evil.MISDEEDS):
        person = await care.someone_in_care(lakeside, month, payer="evil", name=name)
        await care.minutes(
            lakeside, person, month, number + 2, who=("nora", "rosa")[number % 2], hour=1 + number // 2
        )
        people[person] = name
    honest = await care.someone_in_care(lakeside, month, name="Honest")
    await care.minutes(lakeside, honest, month, 25, who="mika")
    theirs = await care.someone_in_care(hillcrest, month)
    await care.minutes(hillcrest, theirs, month, 25)

    started = time.monotonic()
    run = await close(ask, lakeside, month)
    lasted = time.monotonic() - started
    assert run["state"] == "done", run
    assert lasted < 6 + 90 + 60, "the deadline was not held"
    assert (await close(ask, hillcrest, month))["lines"] == 1

    async with behind.connect() as connection:
        holds = (
            await connection.execute(
                sa.text("select patient_id, reason, sentence from claim_hold where tenant_id = :t"),
                {"t": lakeside.tenant_id},
            )
        ).all()
        lines = (
            await connection.execute(
                sa.text("select patient_id, code from claim_line where tenant_id = :t"),
                {"t": lakeside.tenant_id},
            )
        ).all()
        texts = (
            await connection.execute(
                sa.text("select decision from month_decision where tenant_id = :t"), {"t": lakeside.tenant_id}
            )
        ).scalars()
    held = {people.get(row.patient_id, "honest"): row for row in holds}
    for name in set(evil.MISDEEDS) - DECIDED:
        assert held[name].reason == "PLUGIN_FAULT", (name, held.get(name))
        assert "evil_payer" in held[name].sentence, name
        assert "Quackenbush" not in held[name].sentence
    decided = {people.get(row.patient_id, "honest"): row.code for row in lines}
    assert decided == {
        "good": "E0001",
        "changes_what_it_was_told": "E0001",
        "prints": "E0001",
        "imports_a_module": "E0001",
        "remembers": "E0001",
        "honest": "99490",
    }
    assert not any(SECRET_WORD in text or "CAREWRIGHT_APP_URL" in text for text in texts)
    assert held["reads_the_environment"].reason == "SEEN"
    assert {path.name: path.read_text() for path in evil.OPEN_TO_ALL.iterdir()} == {"kept": "all of it"}

    again = await close(ask, lakeside, month)
    assert again["resultHash"] == run["resultHash"], "the same failures gave another answer"
    record_property(
        "count",
        f"P27: {len(evil.MISDEEDS)} misdeeds in one batch: {len(set(evil.MISDEEDS) - DECIDED)} named holds, "
        f"{len(decided)} decided, {lasted:.0f} s",
    )


@pytest.mark.campaign
async def test_a_plugin_broken_altogether_does_not_hold_up_a_long_month(evil: Any) -> None:
    """After a batch without one answer, the next is asked once and shortly, until the plugin answers again."""
    from carewright_plugin_api.examples import typical_month

    (loaded,) = [one for one in plugins().loaded if one.name == "evil_payer"]
    folder = Path(evil.__file__).parent
    runner = Runner(seconds=2, single_seconds=1, retry_seconds=4, path=(folder,))
    try:
        broken = [_lasting(typical_month("2026-03", payer="evil"), 2 + evil.MISDEEDS.index("hang"))] * 30
        started = time.monotonic()
        answers = await runner.decide(loaded, broken)
        assert all(isinstance(one, Fault) for one in answers)
        assert {one.plugin for one in answers if isinstance(one, Fault)} == {"evil_payer"}
        first = time.monotonic() - started
        started = time.monotonic()
        assert all(isinstance(one, Fault) for one in await runner.decide(loaded, broken))
        second = time.monotonic() - started
        assert second < first
        fine = [_lasting(typical_month("2026-03", payer="evil"), 2)] * 30
        assert not any(isinstance(one, Fault) for one in await runner.decide(loaded, fine))
    finally:
        await runner.close()


async def test_one_practices_broken_month_does_not_change_what_another_is_answered(
    lakeside: World, hillcrest: World, ask: Any, evil: Any, behind: AsyncEngine
) -> None:
    """Lakeside's batch gets no answer at all; hillcrest's next one holds one month that raises among good ones, and is
    answered as it would have been without its neighbour. So is lakeside's own next batch, within the same closing."""
    month = care.last_month(lakeside.zone)
    raises = 2 + evil.MISDEEDS.index("raise")
    patients: dict[str, dict[Any, int]] = {}
    for world, lengths in ((lakeside, (raises, raises)), (hillcrest, (2, raises, 2, 2))):
        await insured_by_evil(world)
        patients[world.slug] = {}
        for number, length in enumerate(lengths):
            person = await care.someone_in_care(world, month, payer="evil", name=f"Walker{number}")
            await care.minutes(world, person, month, length, hour=8 + number)
            patients[world.slug][person] = length
    assert (await close(ask, lakeside, month))["lines"] == 0
    run = await close(ask, hillcrest, month)
    assert (run["lines"], run["holds"]) == (3, 1)
    async with behind.connect() as connection:
        held = await connection.execute(
            sa.text("select patient_id from claim_hold where tenant_id = :t"), {"t": hillcrest.tenant_id}
        )
        assert [patients[hillcrest.slug][id] for id in held.scalars()] == [raises]


@pytest.mark.campaign
async def test_a_batch_may_wait_longer_for_its_rules_than_a_session_may_idle(
    lakeside: World, hillcrest: World, ask: Any, evil: Any, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database ends idle sessions after one second here; the plugin hangs for longer. The first try succeeds."""
    before = transaction.server_settings
    monkeypatch.setattr(
        transaction,
        "server_settings",
        lambda seconds: before(seconds) | {"idle_in_transaction_session_timeout": "1000"},
    )
    month = care.last_month(lakeside.zone)
    await insured_by_evil(lakeside)
    person = await care.someone_in_care(lakeside, month, payer="evil")
    await care.minutes(lakeside, person, month, 2 + evil.MISDEEDS.index("hang"))
    run = await asked(ask, lakeside, month)
    addresses = runtime_urls(database, bytes.fromhex(SECRET))
    hurried = doors_of.Doors(addresses["app"], addresses["auth"], addresses["bell"])
    shared = doors_of.doors()
    doors_of.open_doors(hurried)
    try:
        gather_kinds()
        await drain_once(hurried)
    finally:
        doors_of.open_doors(shared)
        await hurried.close()
    ended = await came_to(ask, lakeside, run)
    assert (ended["state"], ended["holds"]) == ("done", 1)
    assert (await close(ask, hillcrest, month))["patients"] == 0


@pytest.mark.campaign
@pytest.mark.parametrize("limited", [True, False])
async def test_a_hanging_plugin_does_not_hold_every_hand(
    lakeside: World,
    hillcrest: World,
    ask: Any,
    evil: Any,
    behind: AsyncEngine,
    monkeypatch: pytest.MonkeyPatch,
    limited: bool,
) -> None:
    """Four batches of a plugin that hangs, four hands: another practice's month is closed before the plugin's first
    question is given up. Control: where more may wait in line, it is not."""
    if not limited:
        monkeypatch.setattr(runner_of, "_IN_LINE", 4)
    monkeypatch.setattr(closing_jobs, "PATIENTS_PER_BATCH", 1)
    runner = kept.kept_runner()
    monkeypatch.setattr(runner, "_seconds", 10.0)
    month = care.last_month(lakeside.zone)
    await insured_by_evil(lakeside)
    for number in range(4):
        person = await care.someone_in_care(lakeside, month, payer="evil", name=f"Walker{number}")
        await care.minutes(lakeside, person, month, 2 + evil.MISDEEDS.index("hang"), hour=8 + number)
    theirs = await care.someone_in_care(hillcrest, month)
    await care.minutes(hillcrest, theirs, month, 25)
    assert (await close(ask, hillcrest, month))[
        "lines"
    ] == 1  # so that the child which answers it has started
    run = await asked(ask, lakeside, month)
    worker = Worker(doors_of.doors(), hands=4, grace_seconds=0)
    working = asyncio.create_task(worker.run())
    try:
        await _until(4, lambda: _batches(behind, lakeside, "state = 'running'"))
        other = await asked(ask, hillcrest, month)
        while True:
            theirs_now, ours = await came_to(ask, hillcrest, other), await came_to(ask, lakeside, run)
            if theirs_now["state"] == "done" or ours["decided"]:
                break
            await asyncio.sleep(0.1)
        before_the_first_was_given_up = theirs_now["state"] == "done" and ours["decided"] == 0
        assert before_the_first_was_given_up == limited
        if limited:
            monkeypatch.setattr(runner, "_seconds", 0.5)  # for those that are still to be asked about
            await _until(4, lambda: _batches(behind, lakeside, "state = 'done'"))
            assert await _batches(behind, lakeside, "attempts > 1") == 0, "waiting in line used up attempts"
    finally:
        worker.stop.set()
        await working


async def _until(number: int, count: Callable[[], Awaitable[int]]) -> None:
    while True:
        if await count() == number:
            return
        await asyncio.sleep(0.05)


async def _batches(behind: AsyncEngine, world: World, which: str) -> int:
    async with behind.connect() as connection:
        found = await connection.scalar(
            sa.text(
                f"select count(*) from job where tenant_id = :t and kind = 'claims.close_batch' and {which}"
            ),
            {"t": world.tenant_id},
        )
    return int(found or 0)


async def test_rules_that_changed_on_disk_are_not_asked_under_their_old_name(
    lakeside: World, hillcrest: World, ask: Any, evil: Any, behind: AsyncEngine
) -> None:
    """The process has loaded one rule set; its next child would import another."""
    month = care.last_month(lakeside.zone)
    for world in (lakeside, hillcrest):
        await insured_by_evil(world)
    for number in range(2):
        person = await care.someone_in_care(lakeside, month, payer="evil", name=f"Walker{number}")
        await care.minutes(lakeside, person, month, 2, hour=8 + number)
    honest = await care.someone_in_care(lakeside, month, name="Honest")
    await care.minutes(lakeside, honest, month, 25, who="mika")
    _rewrite(evil, '"e" * 64', '"dd" * 32')
    run = await close(ask, lakeside, month)
    assert (run["lines"], run["holds"]) == (1, 2)
    async with behind.connect() as connection:
        told = await connection.execute(
            sa.text("select reason, sentence from claim_hold where tenant_id = :t"), {"t": lakeside.tenant_id}
        )
        for hold in told:
            assert hold.reason == "PLUGIN_FAULT"
            assert "evil_payer" in hold.sentence
            assert "on disk" in hold.sentence
            assert "Restart" in hold.sentence
    _rewrite(evil, '"dd" * 32', '"e" * 64')  # put back: no restart is needed
    assert (await close(ask, lakeside, month))["lines"] == 3
    assert (await close(ask, hillcrest, month))["patients"] == 0


def _rewrite(plugin: Any, this: str, that: str) -> None:
    written = Path(plugin.__file__)
    before = written.read_text()
    assert this in before
    assert len(this) != len(that), "compiled code is known by its source's second and size"
    written.write_text(before.replace(this, that))


async def test_an_answer_that_does_not_count_is_a_fault_of_its_own_month(evil: Any) -> None:
    """[1, 1, -1] sums up to the one decision that comes with it, and says of no coverage whose it is."""
    from carewright_plugin_api.examples import typical_month

    (loaded,) = [one for one in plugins().loaded if one.name == "evil_payer"]
    forges = _lasting(typical_month("2026-03", payer="evil"), 2 + evil.MISDEEDS.index("forges_an_answer"))
    fine = _lasting(typical_month("2026-03", payer="evil"), 2)
    answers = await kept.kept_runner().decide(loaded, [fine, forges, fine])
    assert [isinstance(one, Fault) for one in answers] == [False, True, False]


async def test_a_share_is_answered_by_its_own_copy_alone(evil: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two copies work side by side. One writes an answer that would fit the other's share wherever it can, and one
    would be left over for whoever asks next."""
    from carewright_plugin_api.examples import typical_month

    monkeypatch.setattr(runner_of, "_HANDS", 2)
    monkeypatch.setattr(runner_of, "_LEAST_SHARE", 50)
    (loaded,) = [one for one in plugins().loaded if one.name == "evil_payer"]
    months = [f"{2000 + number // 12}-{number % 12 + 1:02d}" for number in range(99)]
    fine = [_lasting(typical_month(month, payer="evil"), 2) for month in months]
    forges = _lasting(
        typical_month("2026-03", payer="evil"), 2 + evil.MISDEEDS.index("answers_for_the_others")
    )
    runner = kept.kept_runner()
    for batch, others in (([*fine, forges], slice(0, 50)), ([forges, *fine], slice(50, 100))):
        answers = await runner.decide(loaded, batch)
        told = [one.decision.lines[0].date_of_service if isinstance(one, Told) else None for one in answers]
        assert told[others] == [facts.last_day for facts in batch[others]]
        (one,) = await runner.decide(loaded, fine[:1])
        assert isinstance(one, Told)
        assert one.decision.lines[0].date_of_service == fine[0].last_day


@pytest.mark.parametrize(
    ("misdeed", "why"), [("hang", "did not answer within 2 seconds"), ("exit", "ended without an answer")]
)
async def test_a_copy_that_gives_no_answer_takes_the_others_along_in_time(
    evil: Any, monkeypatch: pytest.MonkeyPatch, misdeed: str, why: str
) -> None:
    """The other copies have each more to say than a pipe holds, and nobody to say it to."""
    from carewright_plugin_api.examples import typical_month

    monkeypatch.setattr(runner_of, "_HANDS", 3)
    (loaded,) = [one for one in plugins().loaded if one.name == "evil_payer"]
    fine = _lasting(typical_month("2026-03", payer="evil"), 2)
    bad = _lasting(typical_month("2026-03", payer="evil"), 2 + evil.MISDEEDS.index(misdeed))
    runner = Runner(seconds=2, path=(Path(evil.__file__).parent,))
    asks = runner._ask
    troubles: list[str] = []

    async def told_of(*asked: Any) -> Any:
        try:
            return await asks(*asked)
        except runner_of.Unusable as trouble:
            troubles.append(str(trouble))
            raise

    async def not_again(_plugin: Any, batch: Any, *_: Any, **__: Any) -> Any:
        return [Fault("evil_payer", "not asked again")] * len(batch)

    monkeypatch.setattr(runner, "_ask", told_of)
    monkeypatch.setattr(runner, "_one_by_one", not_again)
    try:
        answers = await runner.decide(loaded, [fine] * 900)
        assert sum(len(one.text) for one in answers[300:600] if isinstance(one, Told)) > 1 << 16
        child = runner._children["evil_payer"].pid
        started = time.monotonic()
        await runner.decide(loaded, [bad, *[fine] * 899])
        assert time.monotonic() - started < 2 + 5
        assert troubles == [why]
        for _ in range(100):
            if not _group(child):
                break
            await asyncio.sleep(0.05)
        assert _group(child) == []
        assert all(isinstance(one, Told) for one in await runner.decide(loaded, [fine] * 900))
    finally:
        await runner.close()


def _group(leader: int) -> list[str]:
    """The living processes of a group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state not in "ZX":
                found.append(stat.parent.name)
    return found


async def test_a_plugin_remembers_nothing_of_what_it_was_asked_before(evil: Any) -> None:
    """One practice's questions leave no trace in the answers to another's: each batch meets the plugin as it began."""
    from carewright_plugin_api.examples import typical_month

    (loaded,) = [one for one in plugins().loaded if one.name == "evil_payer"]
    asked = _lasting(typical_month("2026-03", payer="evil"), 2 + evil.MISDEEDS.index("remembers"))
    answers = [(await kept.kept_runner().decide(loaded, [asked]))[0] for _ in range(3)]
    assert all(isinstance(one, Told) for one in answers)
    assert len({one.text for one in answers}) == 1
    together = await kept.kept_runner().decide(loaded, [asked, asked])
    assert len({one.text for one in together}) == 2, "the plugin does remember, as far as it can"


@pytest.mark.campaign
async def test_asking_again_one_by_one_ends_after_its_time(evil: Any) -> None:
    """With the deadlines of a real closing: a batch that fails at once, and then hangs for each of many."""
    from carewright_plugin_api.examples import typical_month

    (loaded,) = [one for one in plugins().loaded if one.name == "evil_payer"]
    raises, hangs, fine = (
        _lasting(typical_month("2026-03", payer="evil"), 2 + evil.MISDEEDS.index(name))
        for name in ("raise", "hang", "good")
    )
    runner = Runner(path=(Path(evil.__file__).parent,))
    try:
        started = time.monotonic()
        answers = await runner.decide(loaded, [fine, raises, *[hangs] * 14, fine])
        lasted = time.monotonic() - started
    finally:
        await runner.close()
    assert not isinstance(answers[0], Fault)
    assert isinstance(answers[1], Fault)
    assert answers[1].why == "raised ValueError"
    assert isinstance(answers[2], Fault)
    assert "did not answer within 2 seconds" in answers[2].why
    assert isinstance(answers[-1], Fault)
    assert "not asked about" in answers[-1].why
    assert 20 <= lasted < 20 + 2 + 10, "the time for asking again was not held"


async def test_a_plugin_under_suspicion_is_still_asked_about_each(evil: Any) -> None:
    """Within one closing too: after a batch without an answer, one bad month does not take a good batch along."""
    from carewright_plugin_api.examples import typical_month

    (loaded,) = [one for one in plugins().loaded if one.name == "evil_payer"]
    raises = _lasting(typical_month("2026-03", payer="evil"), 2 + evil.MISDEEDS.index("raise"))
    fine = _lasting(typical_month("2026-03", payer="evil"), 2)
    runner = kept.kept_runner()
    assert all(isinstance(one, Fault) for one in await runner.decide(loaded, [raises] * 30, closing="one"))
    again = await runner.decide(loaded, [raises] * 9 + [fine] + [raises] * 20, closing="one")
    assert [number for number, one in enumerate(again) if not isinstance(one, Fault)] == [9]
    cleared = await runner.decide(loaded, [raises] * 12 + [fine], closing="one")
    assert not isinstance(cleared[-1], Fault)


def _lasting(facts: Any, minutes: int) -> Any:
    from dataclasses import replace

    from carewright_plugin_api.examples import spent

    return replace(facts, entries=tuple(spent(minutes, facts.month)))


async def insured_by_evil(world: World) -> None:
    world.payers["evil"] = new_id()
    async with tenant_db(world.system()) as db:
        db.add(
            Payer(
                tenant_id=world.tenant_id,
                id=world.payers["evil"],
                name="Evil Mutual",
                kind="evil",
                made_at=datetime.now(UTC),
            )
        )
