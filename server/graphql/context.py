"""What a resolver knows: who asks, and the batches that keep lists to one statement each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from server.tenants.actor import Actor
from server.tenants.db import tenant_db

#: name -> (db, actor, ids, *arguments) -> value per id. One statement for all ids of one level of the query.
Batch = Callable[..., Awaitable[dict[UUID, Any]]]
_batches: dict[str, tuple[Batch, Callable[[], Any]]] = {}


def batch(name: str, load: Batch, *, empty: Callable[[], Any] = list) -> None:
    """Register how to load something for many parents at once; `empty()` is the value of a parent without any."""
    if name in _batches:
        raise ValueError(f"batch {name!r} is already registered")
    _batches[name] = (load, empty)


@dataclass
class Context:
    """One operation's context. `actor` is None for somebody who is not signed in."""

    actor: Actor | None
    request_id: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    _loaders: dict[tuple[Any, ...], DataLoader[UUID, Any]] = field(default_factory=dict)

    async def load(self, name: str, id: UUID, *arguments: Any) -> Any:
        """The batch `name`'s value for `id`; all loads of one level travel in one statement.

        arguments: hashable, handed on to the batch, such as a page's size and place; each set is its own batch.
        """
        key = (name, *arguments)
        if key not in self._loaders:
            self._loaders[key] = DataLoader(load_fn=self._reader(name, arguments))
        return await self._loaders[key].load(id)

    def forget(self) -> None:
        """After a mutation: what was loaded before it may be stale."""
        self._loaders.clear()

    def _reader(self, name: str, arguments: tuple[Any, ...]) -> Callable[[list[UUID]], Awaitable[list[Any]]]:
        load, empty = _batches[name]

        async def read(ids: list[UUID]) -> list[Any]:
            if self.actor is None:
                raise RuntimeError("a batch was asked for by nobody")
            async with tenant_db(self.actor, read_only=True) as db:
                found = await load(db, self.actor, ids, *arguments)
            return [found[id] if id in found else empty() for id in ids]

        return read


Info = strawberry.Info[Context, Any]


def actor_of(info: Info) -> Actor:
    """The signed-in actor; root fields have checked that there is one."""
    actor = info.context.actor
    if actor is None:
        raise RuntimeError("a resolver behind a permission ran for nobody")
    return actor
