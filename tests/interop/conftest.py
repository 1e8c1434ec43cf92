"""A table of people on its way in, as nora does it by page."""

import re
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World

_CSRF = re.compile(r'name="_csrf" value="([^"]+)"')


class Table:
    """One file on its way in, as nora does it."""

    def __init__(self, nora: Any, csrf: str) -> None:
        self.nora, self.csrf, self.at = nora, csrf, ""

    async def brought(self, data: bytes | str, name: str = "people.csv") -> Any:
        content = data.encode() if isinstance(data, str) else data
        answer = await self.nora.post(
            "/imports/tables", data={"_csrf": self.csrf}, files={"file": (name, content, "text/csv")}
        )
        if answer.status_code == 303:
            self.at = answer.headers["location"].removesuffix("/columns")
        return answer

    async def tried(self, **form: str) -> Any:
        """The columns as the page has them, `form` excepted; the page it leads to."""
        page = (await self.nora.get(f"{self.at}/columns")).text
        given = {
            name: chosen[1] if (chosen := re.search(r'value="([^"]*)" selected', inside)) else ""
            for name, inside in re.findall(r'<select[^>]*name="(column_\d+)">(.*?)</select>', page, re.DOTALL)
        }
        for name, value in re.findall(r'type="radio" name="(order_\w+)" value="(\w+)" checked', page):
            given[name] = value
        given |= dict(re.findall(r'type="hidden" name="(asked_\w+)" value="(\d*)"', page))
        answer = await self.nora.post(f"{self.at}/columns", data={"_csrf": self.csrf, **given, **form})
        if answer.status_code == 303:
            answer = await self.page()
        assert answer.status_code < 500, answer.text[:3000]
        return answer

    async def page(self, show: str = "") -> Any:
        return await self.nora.get(self.at + (f"?show={show}" if show else ""))

    @staticmethod
    def counts(page: Any) -> dict[str, int]:
        """What the tabs of a table's page say."""
        found = re.findall(
            r'<a href="[^"]*show=(\w+)"[^>]*>[^<]*<span class="tab-count">(\d+)</span>', page.text
        )
        return {name: int(number) for name, number in found}

    async def does(self, what: str, **form: str) -> Any:
        answer = await self.nora.post(f"{self.at}/{what}", data={"_csrf": self.csrf, **form})
        assert answer.status_code in (303, 422), answer.text[:800]
        return await self.page() if answer.status_code == 303 and what != "discard" else answer

    async def came_in(self, data: bytes | str, **form: str) -> Any:
        assert (await self.brought(data)).status_code == 303
        shown = await self.tried(**form)
        assert shown.status_code == 200, shown.text[:3000]
        return await self.does("bring")


@pytest.fixture
def table(browse: Any) -> Any:
    async def table(world: World) -> Table:
        nora = browse(world, "nora")
        found = _CSRF.search((await nora.get("/imports/tables")).text)
        assert found
        return Table(nora, found[1])

    return table


@pytest.fixture
def people(behind: Any) -> Any:
    """`await people(world)`: (record number, given, family, birth date, phones, street) of everyone, by family name."""

    async def people(world: World) -> list[tuple[Any, ...]]:
        async with behind.begin() as connection:
            rows = await connection.execute(
                sa.text(
                    "select record_number, given_names, family_name, birth_date::text, coalesce((select string_agg(value, ' ' "
                    "order by rank) from contact_way w where w.tenant_id = p.tenant_id and w.patient_id = p.id and w.active), ''),"
                    " coalesce((select street from address a where a.tenant_id = p.tenant_id and a.patient_id = p.id and a.to_on "
                    "is null), '') from patient p where tenant_id = :t order by family_key, given_key, record_number"
                ),
                {"t": world.tenant_id},
            )
            return [tuple(row) for row in rows]

    return people
