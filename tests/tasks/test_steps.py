"""The life of one task, as a function: what may follow what, by whom, and who is owed the news (R022, R037, R038)."""

from datetime import date, time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Refused
from server.tasks.kinds import KINDS, Colleague, suggestion
from server.tasks.steps import STEPS, Doer, Names, Standing, check_due, check_step, may, owed, sees

ASKER, HOLDER, OTHER, BETWEEN = (UUID(int=n) for n in range(1, 5))
WORDS_FREE = {"take", "hand_on", "move"}


def doer(id: UUID, *, opens_chart: bool = True, role: str = "care_manager") -> Doer:
    return Doer(id, role, opens_chart)


HELD = Standing("open", ASKER, HOLDER, given_by=ASKER)
FREE = Standing("open", ASKER, None, for_role="front_desk")
DONE = Standing("done", ASKER, HOLDER, given_by=ASKER)


@pytest.mark.parametrize(
    ("task", "who", "steps"),
    [
        (HELD, HOLDER, {"hand_on", "give_back", "move", "done", "dismiss"}),
        (HELD, ASKER, {"take", "hand_on", "move", "done", "dismiss"}),
        (HELD, OTHER, {"take"}),
        (FREE, OTHER, {"take", "hand_on", "move", "done", "dismiss"}),
        (DONE, HOLDER, {"reopen"}),
        (DONE, OTHER, {"reopen"}),
    ],
)
def test_which_steps_are_offered(task: Standing, who: UUID, steps: set[str]) -> None:
    """R037: what a task allows depends on how it stands and on whose it is, never on anybody's rank."""
    assert {step for step in STEPS if may(step, task, doer(who))} == steps
    assert {step for step in STEPS if may(step, task, doer(who, role="administrator"))} == steps


def refused(step: str, task: Standing, who: UUID, words: str = "") -> str:
    with pytest.raises(Refused) as told:
        check_step(
            step, task, doer(who), words=words, names=Names("Mika Salo", "Two sizes wider", "yesterday")
        )
    assert told.value.message
    assert told.value.next_step
    return told.value.code


def test_nothing_closes_without_words() -> None:
    """R038: an outcome, a reason, a word of why; spaces are none."""
    for step, task, who in (
        ("done", HELD, HOLDER),
        ("dismiss", HELD, HOLDER),
        ("give_back", HELD, HOLDER),
        ("reopen", DONE, ASKER),
    ):
        assert refused(step, task, who, "  ") == "WORDS_NEEDED"
        check_step(step, task, doer(who), words="Because")
    assert refused("take", HELD, OTHER, " ") == "TASK_TAKEN"
    check_step("take", HELD, doer(OTHER), words="Mika is away")
    check_step("take", FREE, doer(OTHER))


def test_who_hears_of_it() -> None:
    """R037, R038: everybody who asked or handed it on, and whoever has it; nobody of what they did themselves."""
    task = Standing("open", ASKER, HOLDER, given_by=BETWEEN, handed_by=frozenset({BETWEEN}))
    assert owed("done", task, HOLDER) == {ASKER, BETWEEN}
    assert owed("done", task, ASKER) == {HOLDER, BETWEEN}
    assert owed("came_back", task, HOLDER) == {BETWEEN}
    assert owed("taken", task, OTHER) == {HOLDER}
    assert owed("moved", task, HOLDER) == owed("handed_on", task, HOLDER) == frozenset()
    assert owed("dismissed", Standing("open", None, HOLDER), HOLDER) == frozenset(), "a fact reads nothing"
    assert owed("done", Standing("open", HOLDER, HOLDER), HOLDER) == frozenset()


def test_who_sees_it() -> None:
    """V2: whoever may open the chart; of others those it is about, and the role it waits for."""
    for who, seen in ((ASKER, True), (HOLDER, True), (OTHER, False)):
        assert sees(HELD, doer(who, opens_chart=False, role="biller")) is seen
    assert sees(FREE, doer(OTHER, opens_chart=False, role="front_desk"))
    assert not sees(FREE, doer(OTHER, opens_chart=False, role="biller"))
    assert sees(Standing("done", ASKER, HOLDER, part_in=frozenset({OTHER})), doer(OTHER, opens_chart=False))


ids = st.sampled_from([None, ASKER, HOLDER, OTHER, BETWEEN])
standings = st.builds(
    Standing, st.sampled_from(["open", "done", "dismissed", "settled"]), ids, ids, st.sampled_from(["", "front_desk"]),
    st.booleans(), ids, st.frozensets(st.sampled_from([ASKER, BETWEEN])),
)  # fmt: skip


@given(standings, st.sampled_from([ASKER, HOLDER, OTHER]), st.booleans())
def test_an_open_task_can_always_be_closed_by_somebody_and_a_closed_one_opened(
    task: Standing, who: UUID, chart: bool
) -> None:
    """R038, N17: no task that nobody may close; and a step that is offered is refused for want of words alone."""
    closers = {one for one in (ASKER, HOLDER, OTHER) if may("done", task, doer(one))}
    if task.is_open and (task.is_free or task.holder_id in (ASKER, HOLDER, OTHER)):
        assert closers
    if not task.is_open:
        assert {step for step in STEPS if may(step, task, doer(OTHER))} == {"reopen"}
    for step in STEPS:
        if may(step, task, doer(who, opens_chart=chart)):
            check_step(step, task, doer(who, opens_chart=chart), words="Because")


def test_due_days() -> None:
    today = date(2026, 11, 23)
    for day in (today, date(2028, 11, 24)):
        check_due(day, time(14, 5), today)
    for day, code in ((date(2026, 11, 22), "DUE_PASSED"), (date(2028, 11, 25), "DUE_FAR")):
        with pytest.raises(Refused) as told:
            check_due(day, None, today)
        assert told.value.code == code


def test_the_lowest_suitable_licence_somebody_here_holds() -> None:
    """R022: the first discipline of the kind's ladder that anybody here holds; none where nobody is nearer."""
    mika, nora, lin = (
        Colleague(UUID(int=n), name, "", (held,)) for n, name, held in ((1, "Mika", "medical_assistant"), (2, "Nora", "rn"), (3, "Lin", "md"))
    )  # fmt: skip
    hint = suggestion("call", (lin, nora, mika))
    assert hint is not None
    assert (hint.discipline, hint.colleagues) == ("medical_assistant", (mika,))
    hint = suggestion("call", (lin, nora))
    assert hint is not None
    assert hint.colleagues == (nora,)
    assert suggestion("call", (lin,)) is suggestion("other", (lin, nora, mika)) is None
    assert all(len(set(kind.suits)) == len(kind.suits) for kind in KINDS.values())
