"""What the HTTP route and the socket share: the schema with its documents and bounds, the hooks of the site
around it, and the three things both do: prepare a request, run it, and write the answer.

Operations run straight on graphql-core: Strawberry's own `execute` logs errors with the values that caused
them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from inspect import isawaitable
from typing import Any, cast

import orjson
import strawberry
from graphql import ExecutionResult, OperationType, execute, subscribe
from litestar.connection import ASGIConnection
from strawberry.execution import optimized_is_awaitable

from server.graphql.document import Documents, Prepared
from server.graphql.limits import GraphQLRequest, Limits
from server.graphql.refusals import LogError, described, masked

Connection = ASGIConnection[Any, Any, Any, Any]
ContextFor = Callable[[Connection, Mapping[str, Any]], Awaitable[Any]]
Scope = Callable[[Any, OperationType], AbstractAsyncContextManager[None]]
Gate = Callable[[Connection], bool]


_MOST_ERRORS = 20


class Introspection(StrEnum):
    """Who may ask the schema about itself."""

    NOBODY = "nobody"
    SIGNED_IN = "signed-in"
    EVERYONE = "everyone"

    def open_to(self, context: Any) -> bool:
        return self is Introspection.EVERYONE or (
            self is Introspection.SIGNED_IN and getattr(context, "actor", None) is not None
        )


@asynccontextmanager
async def no_scope(_context: Any, _kind: OperationType) -> AsyncIterator[None]:
    """Nothing around an operation."""
    yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Everything both doors (HTTP and socket) need. See `graphql_routes` for the parts."""

    schema: strawberry.Schema
    documents: Documents
    context_for: ContextFor
    same_site: Gate
    known_origin: Gate
    still_allowed: Callable[[Any], Awaitable[bool]]
    scope: Scope
    limits: Limits
    introspection: Introspection
    seconds: float
    body_seconds: float
    log_error: LogError

    def prepare(self, request: GraphQLRequest, context: Any) -> Prepared:
        """The operation of `request` that may run for `context`. Raises Refused or BadDocument."""
        return self.documents.prepare(request, may_introspect=self.introspection.open_to(context))

    def cost(self, prepared: Prepared) -> dict[str, Any]:
        """What `extensions` tells about the operation."""
        return {"cost": {"requested": prepared.plan.cost, "limit": self.limits.cost}}

    def encode(self, payload: Mapping[str, Any]) -> bytes:
        """`payload` as JSON; an answer that cannot be written is our failure, and masked like one."""
        try:
            return orjson.dumps(payload)
        except (TypeError, ValueError) as error:  # orjson's own error is a TypeError
            return orjson.dumps({"data": None, "errors": [masked(error, self.log_error)]})

    def payload(self, result: ExecutionResult, prepared: Prepared) -> dict[str, Any]:
        """One result as it goes over the wire, errors typed or masked."""
        found = result.errors or []
        # One failing column of a long list fails in every row; the first few say it all, here and in the log.
        errors = {"errors": [described(e, self.log_error) for e in found[:_MOST_ERRORS]]} if found else {}
        return {**errors, "data": result.data, "extensions": self.cost(prepared)}

    async def execute(self, context: Any, request: GraphQLRequest, prepared: Prepared) -> ExecutionResult:
        """The result of a query or mutation."""
        result = execute(
            self.schema._schema,
            prepared.document.node,
            context_value=context,
            max_coercion_errors=_MOST_ERRORS,
            **self._engine(request),
        )
        return await result if isawaitable(result) else result

    async def subscribe(
        self, context: Any, request: GraphQLRequest, prepared: Prepared
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        """The results of a subscription as they come, or one result that says why there are none."""
        source = subscribe(
            self.schema._schema,
            prepared.document.node,
            context_value=context,
            max_coercion_errors=_MOST_ERRORS,
            **self._engine(request),
        )
        return await source if isawaitable(source) else source

    def _engine(self, request: GraphQLRequest) -> dict[str, Any]:
        return {
            "variable_values": dict(request.variables),
            "operation_name": request.operation_name,
            "executor_class": self.schema.execution_context_class,
            "is_awaitable": cast(Any, optimized_is_awaitable),
            "hide_suggestions": True,
            "operation_extensions": None,  # asked for by Strawberry's executor
        }
