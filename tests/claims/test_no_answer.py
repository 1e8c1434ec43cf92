"""A plugin that cannot answer decides nothing: what was sent on an earlier decision stands."""

from typing import Any

import pytest
import sqlalchemy as sa
from billing_ready import billable, ready_to_bill
from care import last_month
from cast import World
from claim_steps import DRAFTS, MAKE, claims, close, said, sent, sign, uncovered
from sqlalchemy.ext.asyncio import AsyncEngine

from server.plugin_host.kept import kept_runner


async def test_a_plugin_that_fails_takes_nothing_back(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21, name="Adams")
    waits = await billable(lakeside, behind, month, 21, name="Baker", hour=16)
    await close(lakeside, month)
    goes, stays = await claims(ask, lakeside, month)
    await sign(ask, lakeside, month, [goes])
    await sent(ask, lakeside, month)
    await sign(ask, lakeside, month, [stays])
    with monkeypatch.context() as patch:
        for deadline in ("_seconds", "_single_seconds"):
            patch.setattr(kept_runner(), deadline, 0.0)
        await close(lakeside, month)
    async with behind.connect() as connection:
        reasons = await connection.scalars(
            sa.text("select reason from claim_hold where tenant_id = :t"), {"t": lakeside.tenant_id}
        )
        assert list(reasons) == ["PLUGIN_FAULT"] * 2
    assert await claims(ask, lakeside, month, *DRAFTS) == []
    there, held = await claims(ask, lakeside, month)
    assert (there["state"], there["changedSince"]) == ("sent", False)
    assert (held["state"], held["changedSince"]) == ("signed", True), "nobody knows whether it still holds"
    assert (await said(ask, lakeside, MAKE, month=month))["code"] == "CLAIMS_CHANGED"

    await close(lakeside, month)
    assert [(c["state"], c["changedSince"]) for c in await claims(ask, lakeside, month)] == [
        ("sent", False),
        ("signed", False),
    ]
    await sent(ask, lakeside, month)
    await uncovered(behind, waits)
    await close(lakeside, month)
    (void,) = await claims(ask, lakeside, month, *DRAFTS)
    async with behind.connect() as connection:
        sentence = await connection.scalar(
            sa.text("select sentence from claim_hold where patient_id = :id order by id desc limit 1"),
            {"id": waits},
        )
    assert void["frequency"] == "8"
    assert sentence in [f["sentence"] for f in void["findings"] if f["rule"] == "S13"], "a void says why"
    assert await claims(ask, hillcrest, month) == []
