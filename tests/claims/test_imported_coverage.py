"""Insurance that came with a table of people, on which a month was then decided: it is not taken back."""

import pytest
import sqlalchemy as sa
from care import last_month, minutes, someone_in_care
from cast import World
from month_end import close_month

from server.interop.sheet_actions import bring_in_sheet, set_sheet_columns, take_sheet, undo_sheet
from server.interop.sheet_queries import rows_of, sheet_state
from server.interop.sheets.packing import prepared
from server.patients.tables import Coverage
from server.tenants.db import tenant_db

HEADER = "MRN,Last,First,DOB,Insurance,Member ID,Covered since\n"
FIELDS = ("record_number", "family_name", "given_names", "birth_date", "payer", "member_id", "coverage_from")
ROW = "CW-000001,Walker,Ruth,1944-05-02,Medicare Part B,1EG4,2020-01-01\n"


@pytest.mark.parametrize("decided", [True, False])
async def test_what_a_month_was_decided_on_stays(lakeside: World, hillcrest: World, decided: bool) -> None:
    month = last_month(lakeside.zone)
    nora, theirs = lakeside.actor("nora"), hillcrest.actor("nora")
    person = await someone_in_care(lakeside, month, covered=False)
    await minutes(lakeside, person, month, 20)
    async with tenant_db(nora) as db:
        sheet_id = await take_sheet(db, nora, "people.csv", prepared((HEADER + ROW).encode()))
        await set_sheet_columns(db, nora, sheet_id, {name: at for at, name in enumerate(FIELDS)}, {})
        await bring_in_sheet(db, nora, sheet_id)
    if decided:
        await close_month(lakeside.actor("bill"), month)
    async with tenant_db(nora) as db:
        await undo_sheet(db, nora, sheet_id)
    async with tenant_db(nora) as db:
        (row,) = await rows_of(db, nora, sheet_id)
        assert (await sheet_state(db, nora, sheet_id)).state == "undone"
        covered = await db.scalar(sa.select(sa.func.count()).select_from(Coverage))
    assert (row.outcome, covered) == (("stays", 1) if decided else ("undone", 0))
    assert ("month decision" in row.sentence) == decided
    async with tenant_db(theirs) as db:
        assert await rows_of(db, theirs, sheet_id) == []
