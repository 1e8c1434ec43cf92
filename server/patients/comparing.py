"""Asks for people to be compared with everybody else here; what is found waits for somebody in `server.duplicates`."""

import hashlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from server.jobs import add
from server.tenants.actor import Actor
from server.tenants.db import Db

FIND: Final = "duplicates.find"
_AT_MOST: Final = 50


async def ask_to_compare(db: Db, actor: Actor, ids: Sequence[UUID] = ()) -> None:
    """Have these people compared once this transaction has committed; without ids, or with many, everybody."""
    if 0 < len(ids) <= _AT_MOST:
        # A job of the same key takes the place of one that waits: the key names all of them.
        named = hashlib.sha256(" ".join(sorted(map(str, ids))).encode()).hexdigest()
        await add(db, actor, FIND, named, {"ids": list(ids)})
    else:
        await add(db, actor, FIND, "everybody", {})
