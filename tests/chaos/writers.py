"""Writers who enter minutes over the API, and the book that says what each was told."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from cast import World
from claims.care import at, last_month, someone_in_care
from house import House

from server.graphql.connections import global_id
from server.ids import new_id

LOG = """mutation ($input: LogMinutesInput!) { logMinutes(input: $input) {
  __typename ... on TimeEntry { id seconds } ... on Refusal { code message } } }"""
WHO = ("nora", "rosa", "dr_lin", "mika")


@dataclass
class Write:
    """One minute, entered or not. told: done | undone | unknown; a wrong answer is kept as it was."""

    world: World
    who: str
    patient_id: UUID
    started_at: datetime
    key: str
    told: str = ""
    body: bytes = b""

    @property
    def place(self) -> tuple[UUID, datetime]:
        return self.patient_id, self.started_at


@dataclass
class Book:
    """Everything that was tried, and how the API answered."""

    house: House
    keys: bool = True
    writes: list[Write] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    async def post(self, client: httpx.AsyncClient, write: Write) -> None:
        """Send it and note what came back: done, undone for certain, or unknown."""
        headers = {"authorization": f"Bearer {write.world.tokens[write.who]}"}
        if self.keys:
            headers["idempotency-key"] = write.key
        given = {
            "patientId": global_id("Patient", write.patient_id), "program": "CCM", "activity": "CONTACT",
            "startedAt": write.started_at.isoformat(),
            "endedAt": (write.started_at + timedelta(minutes=1)).isoformat(), "reason": "Entered late",
        }  # fmt: skip
        began = time.monotonic()
        try:
            answer = await client.post(
                "/graphql", json={"query": LOG, "variables": {"input": given}}, headers=headers
            )
        except httpx.HTTPError as error:
            self.statuses[type(error).__name__] += 1
            write.told = "unknown"
            return
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.statuses[str(answer.status_code)] += 1
        write.told = _told(answer)
        write.body = answer.content
        assert write.told, answer.text

    def count(self, told: str) -> int:
        return sum(write.told == told for write in self.writes)

    async def there(self) -> Counter[tuple[UUID, datetime]]:
        """How often each minute is in the ledger."""
        rows = await self.house.sql("select patient_id, started_at, count(*) from time_entry group by 1, 2")
        return Counter({(patient_id, started_at): count for patient_id, started_at, count in rows})


def _told(answer: httpx.Response) -> str:
    if answer.status_code in (409, 503):
        return "unknown"
    if answer.status_code != 200:
        return ""
    payload: dict[str, Any] = answer.json()
    if errors := payload.get("errors"):
        # With a key the whole operation is undone when any part of it fails on the server's side.
        return "undone" if errors[0]["extensions"]["code"] in {"INTERNAL", "TOOK_TOO_LONG"} else ""
    return "done" if payload["data"]["logMinutes"]["__typename"] == "TimeEntry" else ""


class Writer:
    """Somebody of one practice with a patient of their own, entering one minute after the other."""

    def __init__(self, book: Book, world: World, who: str, patient_id: UUID, day: int) -> None:
        self.book, self.world, self.who, self.patient_id = book, world, who, patient_id
        self.next_at = at(world, last_month(world.zone), day, 0)

    def next(self) -> Write:
        write = Write(self.world, self.who, self.patient_id, self.next_at, f"{new_id()}")
        self.next_at += timedelta(minutes=1)
        self.book.writes.append(write)
        return write

    async def until_trouble(self, client: httpx.AsyncClient) -> None:
        """Write until an answer is not a plain yes."""
        told = "done"
        while told == "done":
            write = self.next()
            await self.book.post(client, write)
            told = write.told

    async def until(self, stop: asyncio.Event, client: httpx.AsyncClient) -> None:
        """Write until told to stop; what is not known to be done is sent again with its key."""
        while not stop.is_set():
            write = self.next()
            await self.book.post(client, write)
            while write.told != "done":
                await asyncio.sleep(0.05)
                await self.book.post(client, write)


async def writers(book: Book, worlds: list[World], count: int) -> list[Writer]:
    """`count` writers over the practices, several to a person, each on days of their own."""
    found = []
    async with book.house.doors():
        for n in range(count):
            world = worlds[n % len(worlds)]
            round_ = n // len(worlds)
            patient_id = await someone_in_care(
                world, last_month(world.zone), name=f"Walker {n}",
                codes=(), consent=False, plan=False, visit=False, covered=False,
            )  # fmt: skip
            found.append(Writer(book, world, WHO[round_ % 4], patient_id, 1 + 4 * (round_ // 4)))
    return found
