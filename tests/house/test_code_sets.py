import pytest
import sqlalchemy as sa
from conftest import make_database
from sqlalchemy.ext.asyncio import create_async_engine

from migrations.reference import load_diagnosis_codes
from migrations.run import async_url


@pytest.mark.filterwarnings(
    "ignore:(read|open)_text is deprecated:DeprecationWarning"
)  # the package itself does
async def test_the_whole_of_icd_10_cm_is_loaded_once() -> None:
    engine = create_async_engine(async_url(await make_database("test_code_sets")))
    async with engine.begin() as connection:
        await connection.execute(sa.text("delete from diagnosis_code"))
        held = await load_diagnosis_codes(connection)
        assert held > 90_000
        assert await load_diagnosis_codes(connection) == held
        rows = await connection.execute(
            sa.text(
                "select code, billable from diagnosis_code where code in ('E11', 'E11.9', 'I50.22') order by 1"
            )
        )
        assert [tuple(row) for row in rows] == [("E11", False), ("E11.9", True), ("I50.22", True)]
    await engine.dispose()
