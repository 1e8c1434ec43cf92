"""`Idempotency-Key` on an operation with mutations: done once, answered with the same bytes however often it is sent.

The operation's mutations become one transaction with the key and the answer, so with a key an operation is all or
nothing: if any part of it fails on our side, nothing was done, and the key is free to try again. A refusal is an
answer like any other. On queries the header means nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from graphql import OperationType

from server.graphql.document import Prepared
from server.graphql.limits import GraphQLRequest
from server.sealed import keyed_hash
from server.tenants.actor import Actor
from server.tenants.idempotency import Answer, Asked, checked_key, once

HEADER: Final = "idempotency-key"
STATUS: Final = {"IDEMPOTENCY_KEY_REUSED": 422, "IDEMPOTENCY_KEY_IN_USE": 409}


@dataclass(frozen=True, slots=True)
class Ran:
    """What an operation came to. stands: an answer to keep; else what it did is undone."""

    status: int
    payload: dict[str, Any]
    stands: bool


class _Undone(Exception):
    """Leaves the transaction with an answer that is not kept."""

    def __init__(self, status: int, payload: dict[str, Any]) -> None:
        super().__init__()
        self.status, self.payload = status, payload


def wants_once(context: Any, prepared: Prepared) -> bool:
    """Can a key mean something here? It does for somebody's mutations; nobody's are only told to sign in."""
    actor = getattr(context, "actor", None)
    return (
        prepared.plan.kind is OperationType.MUTATION
        and isinstance(actor, Actor)
        and actor.staff_id is not None
    )


async def run_once(
    key: str,
    actor: Actor,
    asked: GraphQLRequest,
    prepared: Prepared,
    run: Callable[[], Awaitable[Ran]],
    encode: Callable[[Any], bytes],
) -> Answer:
    """The answer of `run`, or the one kept with the key. Raises what `idempotency.once` raises."""

    async def work() -> Answer:
        ran = await run()
        if not ran.stands:
            raise _Undone(ran.status, ran.payload | ({"data": None} if "data" in ran.payload else {}))
        try:
            return Answer(ran.status, orjson.dumps(ran.payload))
        except (
            TypeError,
            ValueError,
        ):  # an answer that cannot be written is our failure too; `encode` masks it
            raise _Undone(ran.status, ran.payload) from None

    try:
        return await once(actor, _asked(checked_key(key), asked, prepared), work)
    except _Undone as undone:
        return Answer(undone.status, encode(undone.payload))


def _asked(key: str, asked: GraphQLRequest, prepared: Prepared) -> Asked:
    # What the text says and what it was given, not how the JSON around it was spaced.
    given = orjson.dumps(dict(asked.variables), option=orjson.OPT_SORT_KEYS)
    text = prepared.document.sha256.encode()
    hash = keyed_hash("idempotency", text, (asked.operation_name or "").encode(), given)
    return Asked(",".join(prepared.plan.root), key, hash)
