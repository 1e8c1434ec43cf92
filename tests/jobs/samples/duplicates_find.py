"""Two records of one person, registered one after the other; registering asks for the look itself."""

from typing import Any

from duplicates.pairs import registered

KIND = "duplicates.find"


async def situation(at: Any) -> None:
    for given in ("Anna", "Ana", "Bert"):
        await registered(at.world, "Keller" if given != "Bert" else "Lund", given)


async def check(at: Any) -> None:
    rows = await at.sql("select state, score >= 0.7 from duplicate_pair where tenant_id = :t")
    assert rows == [("open", True)]
    assert await at.sql(
        "select count(*) from duplicate_pair where tenant_id = :other", other=at.other.tenant_id
    ) == [(0,)]
