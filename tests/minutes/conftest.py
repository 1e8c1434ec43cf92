from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cast import World
from newcomer import ago, say, written

FIELDS = """id patientId staffName recordedBy program activity mode withPatient startedAt endedAt seconds state partOf
  joint encounterId replaces replacedBy void live reason"""
LOG = f"mutation ($input: LogMinutesInput!) {{ logMinutes(input: $input) {{ __typename ... on TimeEntry {{ {FIELDS} }} ... on Refusal {{ code message nextStep field }} }} }}"
CORRECT = f"mutation ($input: CorrectMinutesInput!) {{ correctMinutes(input: $input) {{ ... on TimeEntry {{ {FIELDS} }} ... on Refusal {{ code message }} }} }}"
VOID = f"mutation ($input: VoidMinutesInput!) {{ voidMinutes(input: $input) {{ ... on TimeEntry {{ {FIELDS} }} ... on Refusal {{ code message }} }} }}"
CONFIRM = f"mutation ($input: ConfirmMinutesInput!) {{ confirmMinutes(input: $input) {{ ... on TimeEntry {{ {FIELDS} }} ... on Refusal {{ code }} }} }}"
JOIN = f"mutation ($input: JoinMeetingInput!) {{ joinMeeting(input: $input) {{ ... on TimeEntry {{ {FIELDS} }} ... on Refusal {{ code message }} }} }}"
TOTALS = """query ($id: ID!) { node(id: $id) { ... on Patient {
  monthTotals { program month roleClass seconds minutes entries } } } }"""
MINUTES = f"""query ($id: ID!, $first: Int!, $after: String, $corrected: Boolean!) {{ node(id: $id) {{ ... on Patient {{
  minutes(first: $first, after: $after, corrected: $corrected) {{
    edges {{ node {{ {FIELDS} }} }} pageInfo {{ hasNextPage endCursor }} }} }} }} }}"""

Log = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def log(ask: Any) -> Log:
    """`await log(world, patient, start, end, who="nora", ...)` -> the entry, or the refusal."""

    async def log(world: World, patient: str, start: Any, end: Any, who: str = "nora", **more: Any) -> Any:
        span = {
            "patientId": patient,
            "program": "CCM",
            "activity": "CONTACT",
            "startedAt": written(start),
            "endedAt": written(end),
        }
        return await say(ask, world, who, LOG, input={**span, **more})

    return log


@pytest.fixture
def totals(ask: Any) -> Any:
    """`await totals(world, patient)` -> {(month, role class): seconds} of CCM."""

    async def totals(world: World, patient: str) -> dict[tuple[str, str], int]:
        rows = (await say(ask, world, "nora", TOTALS, id=patient))["monthTotals"]
        return {(row["month"], row["roleClass"]): row["seconds"] for row in rows if row["program"] == "CCM"}

    return totals


@pytest.fixture
def statements(database: str) -> Any:
    """`with statements() as seen:` collects the SQL that the doors send, transaction control aside."""
    from contextlib import contextmanager

    import sqlalchemy as sa

    @contextmanager
    def statements() -> Any:
        seen: list[str] = []

        def note(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)

    return statements


class Clock:
    """The server's clock in these tests: stands two hours ago and is moved by hand, forward or back."""

    def __init__(self) -> None:
        self.at = ago(hours=2)

    def __call__(self) -> datetime:
        return self.at

    def on(self, **time: float) -> None:
        self.at += timedelta(**time)


#: where timers read the clock
TIMED = ("server.minutes.timers", "server.minutes.timer_rows", "server.minutes.stretches")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What timers see as now; the ledger keeps to the real time, in which nothing here is to come."""
    made = Clock()
    for module in (*TIMED, "server.graphql.timers", "web.timer_line"):
        monkeypatch.setattr(f"{module}.now", made)
    return made
