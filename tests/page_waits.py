"""Waiting until a page says yes. Playwright's own way evaluates again inside the page, which our policy forbids."""

import asyncio
import time
from typing import Any


async def until(page: Any, expression: str, argument: object = None, seconds: float = 20) -> None:
    """Ask an async page until `expression` is true of it."""
    end = time.monotonic() + seconds
    while not await page.evaluate(expression, argument):
        assert time.monotonic() < end, f"never true: {expression}"
        await asyncio.sleep(0.05)


def wait_until(page: Any, expression: str, seconds: float = 20) -> None:
    """The same for a page of Playwright's blocking kind."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(50)
