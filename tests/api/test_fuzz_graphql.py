"""The real API, from the doorway to PostgreSQL, under spoiled requests: no 5xx, no masked failure, nothing logged.

What the edge alone does with them is in `edge/`; here the rooms behind it are asked too, with ids they made.
"""

import time
from collections import Counter
from typing import Any

import pytest
from cast import World
from spoiled_requests import Grower, codes_in, wrong_with

from server.graphql.schema import SCHEMA

WHO = ("ada", "nora", "bill", "dr_lin")


async def campaign(world: World, browse: Any, count: int, seed: int) -> str:
    grower = Grower(SCHEMA._schema, seed)
    clients = [browse(world, who) for who in WHO]
    statuses: Counter[int] = Counter()
    codes: Counter[str] = Counter()
    fields: set[str] = set()
    began = time.monotonic()
    for n in range(count):
        body = grower.body()
        answer = await clients[n % len(clients)].post(
            "/graphql", content=body, headers={"content-type": "application/json"}
        )
        assert wrong_with(answer) is None, (seed, n, wrong_with(answer), body[:2_000])
        statuses[answer.status_code] += 1
        codes.update(codes_in(answer)[:1])
        grower.learn(answer.text)
        fields |= {k for k, v in (answer.json().get("data") or {}).items() if v is not None}
    assert statuses[200] > count // 10, "the grammar no longer reaches the rooms"
    return (
        f"\nGraphQL fuzz of the real schema, seed {seed}: {count:,} bodies, 0 x 5xx, 0 masked, "
        f"statuses {dict(sorted(statuses.items()))}, {len(codes)} codes, {len(fields)} root fields answered, "
        f"{(time.monotonic() - began) / count * 1_000:.0f} ms each"
    )


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_ten_thousand_spoiled_requests_to_the_real_api(
    lakeside: World, browse: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    report = await campaign(lakeside, browse, 10_000, seed=time.time_ns() % 10**9)
    with capsys.disabled():
        print(report)  # noqa: T201
