"""Closing a month through GraphQL, for tests: asked for, done by the worker, looked at."""

from typing import Any

from cast import World

from server.worker import drain_once, gather_kinds

RUN = "id state patients decided lines holds unchanged resultHash askedBy endedAt"
CLOSE = f"""mutation ($month: Line!) {{ closeMonth(month: $month) {{
  ... on MonthClose {{ {RUN} }} ... on Refusal {{ code message field }} }} }}"""
CLOSED = f"query ($id: ID!) {{ monthClose(closeId: $id) {{ {RUN} }} }}"
DECISIONS = """query ($month: Line!) { monthDecisions(month: $month) { edges { node {
  patientName version payer plugin pluginVersion ruleSetHash factsFingerprint
  lines { code units amount serviceOn sentence ruleId entryIds citations { title where } whatWouldChange }
  holds { reason sentence nextStep citations { title } whatWouldChange }
} } } }"""


async def asked(ask: Any, world: World, month: str) -> dict[str, Any]:
    """The run, or the refusal, as `closeMonth` answers at once."""
    answer = await ask(world, "bill", CLOSE, month=month)
    assert not answer["errors"], answer
    return answer["data"]["closeMonth"]  # type: ignore[no-any-return]


async def close(ask: Any, world: World, month: str) -> dict[str, Any]:
    """The run once the worker has done it."""
    run = await asked(ask, world, month)
    assert run["state"] in ("asked", "running"), run
    gather_kinds()
    await drain_once()
    return await came_to(ask, world, run)


async def came_to(ask: Any, world: World, run: dict[str, Any]) -> dict[str, Any]:
    answer = await ask(world, "bill", CLOSED, id=run["id"])
    assert not answer["errors"], answer
    return answer["data"]["monthClose"]  # type: ignore[no-any-return]


async def decisions(ask: Any, world: World, month: str) -> list[dict[str, Any]]:
    answer = await ask(world, "bill", DECISIONS, month=month)
    assert not answer["errors"], answer
    return [edge["node"] for edge in answer["data"]["monthDecisions"]["edges"]]
