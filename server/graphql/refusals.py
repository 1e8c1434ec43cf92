"""How GraphQL says no, and who may ask in the first place.

Every root field declares the permission it needs; a schema with an undeclared one cannot be built:

    from server.graphql.refusals import PUBLIC, field, mutation, subscription

    @strawberry.type
    class MinutesQuery:
        @field(permission="minutes.read")
        async def minutes(self, info: Info, first: First = 50, after: After = None) -> Connection[Entry]: ...

    @strawberry.type
    class MinutesMutation:
        @mutation(permission="minutes.log")
        async def log_minutes(self, info: Info, input: LogMinutesInput) -> Entry:
            async with tenant_db(info.context.actor) as db:
                return Entry.of(await log_minutes(db, info.context.actor, ...))   # may raise Refused

        @mutation(permission=PUBLIC, alone=True)      # one per request: no guessing a thousand at a time
        async def request_reset(self, info: Info, email: Line) -> ResetRequested: ...

Before the resolver runs, `info.context.actor.require(permission)` must return; it raises `Refused` to say no.

A mutation returns the thing it made and nothing else. The wrapper widens the field's type to a union named
after it, `union LogMinutesResult = Entry | Refusal`, and turns `Refused` into the `Refusal` member. (Return
`A | B` for a union of three.) The resolver opens its own door, so a refusal has rolled back by then.
Query and mutation fields are nullable in the schema, so that one failure leaves the others' answers standing.
In queries and subscriptions the same `Refused` becomes a GraphQL error with `extensions.code` and
`extensions.nextStep`. Everything else that is raised is our bug: `described` masks it behind a reference.
"""

import logging
import secrets
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLObjectType
from strawberry.annotation import StrawberryAnnotation
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.extensions import FieldExtension
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryOptional, has_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.types.union import StrawberryUnion
from strawberry.utils.str_converters import capitalize_first, to_camel_case

from server.errors import Refused

PUBLIC = "public"  # nobody needs to be signed in
BY_KIND = "by_kind"  # `node`: the permission is the one its kind was registered with (connections.py)

LogError = Callable[[str, BaseException], None]
_LONGEST_MESSAGE = 500
_log = logging.getLogger("carewright.graphql")


@strawberry.type(description="What was asked was understood and declined. Nothing was changed.")
class Refusal:
    code: str = strawberry.field(description="Stable, in UPPER_SNAKE; safe to switch on.")
    message: str = strawberry.field(description="What happened and why it matters, for the person to read.")
    next_step: str = strawberry.field(description="What the person can do now.")
    field: str | None = strawberry.field(
        default=None, description="The input it concerns, as named in the input object, if one does."
    )


def refusal_of(refused: Refused) -> Refusal:
    """The union member for `refused`; its field name is turned into the schema's spelling."""
    return Refusal(
        code=refused.code,
        message=refused.message,
        next_step=refused.next_step,
        field=to_camel_case(refused.field) if refused.field else None,
    )


def sign_in_needed() -> Refused:
    """Nobody is signed in, or the session has ended."""
    return Refused("SIGN_IN_NEEDED", "You are not signed in.", "Sign in, then try again.")


class Permitted(FieldExtension):
    """What a root field declares: its permission, whether it stands alone, and whether refusals are members.

    nullable: in the schema, whatever the resolver's annotation says. A failure in one field must leave the
    answers of its neighbours standing: of two mutations in a request, the first may have been done.
    """

    def __init__(
        self, permission: str, *, alone: bool = False, widen: bool = False, nullable: bool = True
    ) -> None:
        self.permission = permission
        self.alone = alone
        self.widen = widen
        self.nullable = nullable

    def apply(self, field: StrawberryField) -> None:
        answer: Any = _with_refusal(field) if self.widen else field.type
        if self.nullable and not isinstance(answer, StrawberryOptional):
            answer = StrawberryOptional(of_type=answer)
        field.type_annotation = StrawberryAnnotation(answer)

    def resolve(self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        try:
            self._check(info)
            return next_(source, info, **kwargs)
        except Refused as refused:
            if not self.widen:
                raise
            return refusal_of(refused)

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        try:
            self._check(info)
            result = next_(source, info, **kwargs)
            # A subscription's resolver gives an async generator, which is handed on, not awaited.
            return await result if hasattr(result, "__await__") else result
        except Refused as refused:
            if not self.widen:
                raise
            return refusal_of(refused)

    def _check(self, info: strawberry.Info) -> None:
        if self.permission in (PUBLIC, BY_KIND):
            return
        actor = info.context.actor
        if actor is None:
            raise sign_in_needed()
        actor.require(self.permission)


def _with_refusal(field: StrawberryField) -> StrawberryUnion:
    declared = field.type
    if isinstance(declared, StrawberryOptional) and isinstance(declared.of_type, StrawberryUnion):
        declared = declared.of_type
    if isinstance(declared, StrawberryUnion) and Refusal in declared.types:
        return declared  # an earlier schema was built from the same field
    members = declared.types if isinstance(declared, StrawberryUnion) else (declared,)
    for member in members:
        if not (has_object_definition(member) or isinstance(member, LazyType)):
            raise TypeError(
                f"mutation {field.python_name!r} must return an object type (or a union of them), so that "
                f"Refusal can stand beside it; it returns {declared!r}. Wrap it in a type of its own."
            )
    name = field.graphql_name or to_camel_case(field.python_name)
    return StrawberryUnion(
        name=f"{capitalize_first(name)}Result",
        type_annotations=tuple(StrawberryAnnotation(m) for m in (*members, Refusal)),
    )


Declared = Callable[[Callable[..., Any]], Any]


def field(
    *,
    permission: str,
    name: str | None = None,
    description: str | None = None,
    deprecation_reason: str | None = None,
) -> Declared:
    """A query field (or any field with a resolver) behind a permission. See the module's example."""

    def declare(resolver: Callable[..., Any]) -> Any:
        return strawberry.field(
            resolver,
            name=name,
            description=description,
            deprecation_reason=deprecation_reason,
            extensions=[Permitted(permission)],
        )

    return declare


def mutation(
    *,
    permission: str,
    alone: bool = False,
    name: str | None = None,
    description: str | None = None,
    deprecation_reason: str | None = None,
) -> Declared:
    """A mutation whose refusals are union members. alone: no other root field may stand in its request."""

    def declare(resolver: Callable[..., Any]) -> Any:
        return strawberry.mutation(
            resolver,
            name=name,
            description=description,
            deprecation_reason=deprecation_reason,
            extensions=[Permitted(permission, alone=alone, widen=True)],
        )

    return declare


def subscription(
    *,
    permission: str,
    name: str | None = None,
    description: str | None = None,
    deprecation_reason: str | None = None,
) -> Declared:
    """A subscription behind a permission, checked when it starts; `websocket.py` re-checks the session."""

    def declare(resolver: Callable[..., Any]) -> Any:
        return strawberry.subscription(
            resolver,
            name=name,
            description=description,
            deprecation_reason=deprecation_reason,
            extensions=[Permitted(permission, nullable=False)],
        )

    return declare


class UndeclaredPermission(TypeError):
    """A root field was added without saying who may use it."""


class GuardedSchema(strawberry.Schema):
    """A Strawberry schema that refuses to exist while a root field declares no permission."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        declarations(self)


def declarations(schema: strawberry.Schema) -> dict[str, Permitted]:
    """What every root field declared, by `Query.patients`.

    Raises UndeclaredPermission naming those that do not.
    """
    found: dict[str, Permitted] = {}
    missing: list[str] = []
    for place, definition in _root_fields(schema):
        declared = next((e for e in definition.extensions if isinstance(e, Permitted)), None)
        if declared is None:
            missing.append(place)
        else:
            found[place] = declared
    if missing:
        raise UndeclaredPermission(
            f"no permission declared for {', '.join(missing)}: use field, mutation or subscription "
            "from server.graphql.refusals and say permission=..."
        )
    return found


def permissions(schema: strawberry.Schema) -> dict[str, str]:
    """`{"Query.patients": "patients.read", ...}` for every root field."""
    return {place: declared.permission for place, declared in declarations(schema).items()}


def lone_mutations(schema: strawberry.Schema) -> frozenset[str]:
    """The mutations that must stand alone in their request, by GraphQL field name."""
    return frozenset(
        place.partition(".")[2] for place, declared in declarations(schema).items() if declared.alone
    )


def _root_fields(schema: strawberry.Schema) -> Iterator[tuple[str, StrawberryField]]:
    core = schema._schema
    roots: Iterable[GraphQLObjectType | None] = (core.query_type, core.mutation_type, core.subscription_type)
    for root in roots:
        for name, output in (root.fields if root else {}).items():
            yield (
                f"{root.name if root else ''}.{name}",
                output.extensions[GraphQLCoreConverter.DEFINITION_BACKREF],
            )


def refusal_error(refused: Refused) -> dict[str, Any]:
    """`refused` in the shape of a GraphQL error, as it goes over the wire."""
    extensions: dict[str, Any] = {"code": refused.code, "nextStep": refused.next_step}
    if refused.field:
        extensions["field"] = to_camel_case(refused.field)
    return {"message": refused.message, "extensions": extensions}


def described(error: GraphQLError, log_error: LogError) -> dict[str, Any]:
    """One error as the client may see it: typed, with a code and a next step, or masked with a reference.

    Passed on as they are: our own refusals and typed input errors, and what the GraphQL engine says about the
    client's document, variables and arguments. Everything else is logged through `log_error(reference, exc)`
    and answered with a sentence that says nothing about the inside.
    """
    cause = _cause(error)
    place = {
        key: value
        for key, value in (("locations", error.formatted.get("locations")), ("path", error.path))
        if value
    }
    if isinstance(cause, Refused):
        return {**refusal_error(cause), **place}
    code = (error.extensions or {}).get("code")
    if code is not None:
        return {"message": _clipped(error.message), **place, "extensions": dict(error.extensions or {})}
    if not our_fault(error):
        return {
            "message": _clipped(error.message),
            **place,
            "extensions": {
                "code": "BAD_INPUT",
                "nextStep": "Compare the arguments and variables with the schema and send them again.",
            },
        }
    return {**masked(cause, log_error), **place}


def our_fault(error: GraphQLError) -> bool:
    """Did something fail on our side? Then it is masked, and what was done with an idempotency key is undone."""
    cause = _cause(error)
    told = isinstance(cause, Refused) or (error.extensions or {}).get("code") is not None
    return not told and not _about_the_input(error, cause)


def masked(error: BaseException, log_error: LogError) -> dict[str, Any]:
    """Our own failure, as the client may see it; the details go to `log_error` under the same reference."""
    reference = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
    log_error(reference, error)
    return {
        "message": "Something went wrong on our side.",
        "extensions": {
            "code": "INTERNAL",
            "nextStep": f"Try again. If it happens again, give support the reference {reference}.",
            "reference": reference,
        },
    }


def document_error(error: GraphQLError, code: str, next_step: str) -> dict[str, Any]:
    """A syntax or validation error about the client's document.

    A literal refused by its scalar keeps its own code.
    """
    formatted: Mapping[str, Any] = error.formatted
    typed = dict(error.extensions or {})
    return {
        "message": _clipped(error.message),
        **({"locations": formatted["locations"]} if formatted.get("locations") else {}),
        "extensions": typed if "code" in typed else {"code": code, "nextStep": next_step},
    }


def log_without_words(reference: str, error: BaseException) -> None:
    """The default `log_error`: types and places only. Messages and values may be a patient's words."""
    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 5:
        chain.append(type(seen).__qualname__)
        seen = seen.__cause__ or seen.__context__
    frames = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-12:]
    ]
    _log.error("masked error %s: %s at %s", reference, " from ".join(chain), "; ".join(frames))


def _cause(error: GraphQLError) -> Exception:
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _about_the_input(error: GraphQLError, cause: Exception) -> bool:
    if isinstance(cause, StrawberryInputCoercionError):
        return True
    if not isinstance(cause, GraphQLError):
        return False
    if error.path is None:
        return True
    # With a path, the engine is resolving. It blames the input only while reading arguments and directives;
    # its other complaints (a null where none may be, an unwritable value) are about what we returned.
    last = cause.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_globals["__name__"] == "graphql.execution.values"


def _clipped(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"
