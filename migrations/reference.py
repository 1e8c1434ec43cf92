"""Public code sets, loaded once after migrating. Today: ICD-10-CM, from the package that carries the official file."""

import asyncio
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.patients.search import fold


async def load_diagnosis_codes(connection: AsyncConnection) -> int:
    """Fill `diagnosis_code` if it is empty; returns how many codes it holds. Takes about three seconds, once."""
    held = await connection.scalar(sa.text("select count(*) from diagnosis_code"))
    if held:
        return int(held)
    rows = await asyncio.to_thread(_codes)
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    await driver.copy_records_to_table(
        "diagnosis_code", records=rows, columns=["code", "label", "search_key", "billable"]
    )
    return len(rows)


def _codes() -> list[tuple[str, str, str, bool]]:
    import simple_icd_10_cm as icd  # parses the whole official file when imported

    found = []
    for code in dict.fromkeys(icd.get_all_codes(with_dots=True)):  # a block of one category is listed twice
        if icd.is_category_or_subcategory(code):
            label = icd.get_description(code)
            found.append((code, label, fold(f"{code} {label}"), icd.is_leaf(code)))
    return found
