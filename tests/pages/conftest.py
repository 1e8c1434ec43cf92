"""Somebody at a browser, for tests by page."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cast import World


@dataclass
class Hand:
    """Sends forms with the token of their sign-in; says what came back when it is not what was expected."""

    client: Any
    csrf: str

    async def get(self, address: str, status: int = 200) -> str:
        answer = await self.client.get(address)
        assert answer.status_code == status, (address, answer.status_code, answer.text[:1500])
        return str(answer.text)

    async def send(self, address: str, fields: dict[str, Any], status: int = 303) -> Any:
        answer = await self.client.post(address, data={"_csrf": self.csrf, **fields})
        assert answer.status_code == status, (address, answer.status_code, answer.text[:4000])
        return answer


@pytest.fixture
def at_browser(browse: Any) -> Callable[..., Any]:
    """`await at_browser(lakeside, "bill")` -> a Hand."""

    async def sit(world: World, who: str) -> Hand:
        client = browse(world, who)
        found = re.search(r'name="_csrf" value="([^"]+)"', (await client.get("/")).text)
        assert found
        return Hand(client, found[1])

    return sit
