"""A table in two portions, tried out; nora has it brought in, which is the worker's: somebody new, somebody changed."""

from dataclasses import replace
from typing import Any

from server.interop.sheet_actions import bring_in_sheet, set_sheet_columns, take_sheet
from server.interop.sheets.packing import prepared
from server.tenants.db import tenant_db
from server.worker import drain_once

KIND = "imports.sheet_portion"

HEADER = "MRN,Last,First,DOB,Phone\n"
COLUMNS = {"record_number": 0, "family_name": 1, "given_names": 2, "birth_date": 3, "phone": 4}


async def tried(at: Any, *parts: str) -> Any:
    nora = at.world.actor("nora")
    read = [prepared((HEADER + part).encode()) for part in parts]
    cells = tuple(one.portions[0] for one in read)
    whole = replace(prepared((HEADER + "".join(parts)).encode()), portions=cells)
    async with tenant_db(nora) as db:
        sheet_id = await take_sheet(db, nora, "people.csv", whole)
        await set_sheet_columns(db, nora, sheet_id, COLUMNS, {"birth_date": "mdy"})
    await drain_once()
    return sheet_id


async def situation(at: Any) -> None:
    nora = at.world.actor("nora")
    for parts in (
        ("A1,Walker,Ruth,5/2/1944,\n",),
        ("\nA1,Walker,Ruth,5/2/1944,313-555-0142\n", "\n\nA2,Reed,Ann,3/4/1950,\n"),
    ):
        sheet_id = await tried(at, *parts)
        async with tenant_db(nora) as db:
            await bring_in_sheet(db, nora, sheet_id)


async def check(at: Any) -> None:
    assert await at.sql("select state, counts ->> 'in' from sheet where tenant_id = :t order by made_at") == [
        ("in", "1"),
        ("in", "2"),
    ]
    assert await at.sql("select family_name from patient where tenant_id = :t order by 1") == [
        ("Reed",),
        ("Walker",),
    ]
    assert await at.sql("select value from contact_way where tenant_id = :t") == [("+13135550142",)]
    assert await at.sql(
        "select count(*) from patient where tenant_id = :other", other=at.other.tenant_id
    ) == [(0,)]
