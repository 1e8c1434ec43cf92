"""Ids are made here, by the server: UUID version 7, so that indexes stay compact and rows sort by birth."""

import os
import re
import time
from uuid import UUID

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def new_id() -> UUID:
    """A fresh UUIDv7: 48 bits of milliseconds, then 74 random bits (RFC 9562, section 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80
    value |= 0x7 << 76
    value |= ((tail >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= tail & 0x3FFFFFFFFFFFFFFF
    return UUID(int=value)


def parse_id(text: str) -> UUID | None:
    """The id written in `text`, or None if it is not one. Only the canonical form is read."""
    return UUID(text) if _UUID.fullmatch(text) else None
