"""What a request may ask of us, decided before any work is done. No I/O, no clock, no Strawberry.

In the order a request meets them:

1. `read_request(body)`: UTF-8 JSON of at most 256 KB and 32 levels, no duplicate keys, no NUL or half
   characters, no numbers beyond 64 bits; one object with `query`, `variables`, `operationName`,
   `extensions`.
2. `read_document(text)`: parsed with a cap on tokens.
3. `shape_of(document)`: one walk over the syntax tree, each fragment once: cycles, depth, aliases,
   directives, repeated fields, root fields, argument values. Depends on the text alone, so its answer is
   cached with it.
4. `plan(...)` in `cost.py`: the one operation to run, weighed with this request's variables.

Everything refused here is a `server.errors.Refused` with a code, a sentence and a next step; syntax errors
are left as graphql-core's GraphQLSyntaxError.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from graphql import (
    ConstValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    parse,
)

from server.errors import Refused


@dataclass(frozen=True, slots=True)
class Limits:
    """Every bound in one place; the defaults are the product's."""

    body: int = 256 * 1024  # bytes
    json_depth: int = 32
    json_values: int = 10_000
    document: int = 64 * 1024  # characters
    tokens: int = 2_000
    comments: int = 200
    operations: int = 10
    fragments: int = 50
    depth: int = 25  # levels of braces, fragments included
    root_fields: int = 20
    aliases: int = 50
    directives_here: int = 4  # on one node
    directives: int = 100
    repeats: int = 30  # of one response name in one selection, type conditions included
    value_depth: int = 12  # of a literal in the document
    page: int = 200
    plain_list: int = 10  # rows assumed for a list without `first`
    cost: int = 20_000
    introspection_fields: int = 500


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A well-formed request. sha256: the hash a client sent for a persisted document, in lower case."""

    query: str | None
    variables: Mapping[str, Any]
    operation_name: str | None
    extensions: Mapping[str, Any]
    sha256: str | None = None


# --- 1. the body --------------------------------------------------------------------------------------------

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_SHA256 = re.compile("[0-9a-f]{64}")
_LARGEST_NUMBER = 2**63 - 1
_MEND_JSON = (
    "Send one JSON object with `query` and, if needed, `variables`, `operationName` and `extensions`."
)


def read_request(body: bytes, limits: Limits) -> GraphQLRequest:
    """The request in an HTTP body, or Refused."""
    return request_from(read_json(body, limits))


def read_json(body: bytes, limits: Limits) -> Any:
    """The JSON value in `body`, made of str, int, finite float, bool, None, list and dict.

    Refused otherwise.
    """
    if len(body) > limits.body:
        raise body_too_large(limits)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("BODY_NOT_JSON", "The body is not UTF-8 text.", _MEND_JSON) from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_whole_number,
            parse_float=_number,
            parse_constant=_no_such_number,
        )
    except RecursionError:
        raise _too_deep(limits) from None
    except json.JSONDecodeError as error:
        raise Refused(
            "BODY_NOT_JSON", f"The body is not JSON (line {error.lineno}, column {error.colno}).", _MEND_JSON
        ) from None
    _check_json(value, limits)
    return value


def body_too_large(limits: Limits) -> Refused:
    """The refusal for a body over the limit, also used while it is still arriving."""
    return Refused(
        "BODY_TOO_LARGE",
        f"The request is larger than {limits.body // 1024} KB.",
        "Ask for less at once; long lists belong in an import, not in a query.",
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused(
            "BODY_NOT_JSON",
            "A JSON object in the body names the same key twice, so its meaning is unclear.",
            "Send each key once.",
        )
    return found


def _whole_number(digits: str) -> int:
    if len(digits) > 20 or abs(number := int(digits)) > _LARGEST_NUMBER:
        _no_such_number(digits)
    return number


def _number(digits: str) -> float:
    number = float(digits) if len(digits) <= 64 else math.inf
    if not math.isfinite(number):
        _no_such_number(digits)
    return number


def _no_such_number(_: str) -> NoReturn:
    raise Refused(
        "BODY_NOT_JSON",
        "A number in the body is too large, or not a number at all.",
        "Send whole numbers within 64 bits; exact decimals go as strings.",
    )


def _too_deep(limits: Limits) -> Refused:
    return Refused(
        "BODY_TOO_DEEP",
        f"The JSON is nested deeper than {limits.json_depth} levels.",
        "Send a flatter value.",
    )


def _check_json(value: Any, limits: Limits) -> None:
    """Depth, number of values, and no text that the database or another system could not hold."""
    level, depth, values = [value], 0, 0
    while level:
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
                strings: Iterator[Any] = iter(item)
            elif isinstance(item, list):
                below.extend(item)
                continue
            else:
                strings = iter((item,))
            for text in strings:
                if isinstance(text, str) and ("\0" in text or _HALF_CHARACTER.search(text)):
                    raise _bad_text()
        values += len(level)
        depth += 1
        if depth > limits.json_depth + 1:
            raise _too_deep(limits)
        if values > limits.json_values:
            raise Refused(
                "BODY_TOO_LARGE",
                f"The body holds more than {limits.json_values:,} values.",
                "Split the work into several requests.",
            )
        level = below


def _bad_text() -> Refused:
    return Refused(
        "BODY_BAD_TEXT",
        "A text in the request holds a character that cannot be stored (NUL, or half of a pair).",
        "Remove it and send the request again.",
    )


def request_from(value: Any) -> GraphQLRequest:
    """The GraphQL request in a JSON value: keys of the right types, unknown keys ignored."""
    if isinstance(value, list):
        raise Refused(
            "BATCHING_OFF", "The body is a list of requests; one is taken at a time.", "Send them one by one."
        )
    if not isinstance(value, dict):
        raise Refused("NOT_A_REQUEST", "The body is not a JSON object.", _MEND_JSON)
    query = _typed(value, "query", str)
    variables = _typed(value, "variables", dict) or {}
    operation_name = _typed(value, "operationName", str) or None
    extensions = _typed(value, "extensions", dict) or {}
    sha256 = _persisted_hash(extensions)
    if not query and sha256 is None:
        raise Refused("NOT_A_REQUEST", "The request has no `query`.", _MEND_JSON)
    return GraphQLRequest(query or None, variables, operation_name, extensions, sha256)


def _typed(value: dict[str, Any], key: str, kind: type) -> Any:
    found = value.get(key)
    if found is not None and not isinstance(found, kind):
        wanted = "a string" if kind is str else "an object"
        raise Refused("NOT_A_REQUEST", f"`{key}` must be {wanted} or null.", _MEND_JSON)
    return found


def _persisted_hash(extensions: dict[str, Any]) -> str | None:
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        return None
    sha256 = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256.lower()) or persisted.get("version") != 1:
        raise Refused(
            "NOT_A_REQUEST",
            "`extensions.persistedQuery` must hold `version: 1` and a `sha256Hash` of 64 hexadecimal digits.",
            "Send the hash of the query text, or the query alone.",
        )
    return sha256.lower()


# --- 2. the document ----------------------------------------------------------------------------------------


def read_document(text: str, limits: Limits) -> DocumentNode:
    """The syntax tree of `text`.

    Raises Refused when it is too long, GraphQLSyntaxError when it is not GraphQL.
    """
    if len(text) > limits.document:
        raise _too_long(f"The query has {len(text):,} characters; at most {limits.document:,} are read.")
    try:
        return parse(text, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
    except GraphQLSyntaxError as error:
        # graphql-core tells its limits from its grammar only by the sentence.
        if "limit exceeded" in error.message or "Parsing aborted" in error.message:
            raise _too_long(f"The query has more than {limits.tokens:,} words and signs.") from None
        raise


def _too_long(message: str) -> Refused:
    return Refused(
        "DOCUMENT_TOO_LONG", message, "Split it, and pass values as variables rather than in the text."
    )


# --- 3. the shape -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Part:
    """One operation or fragment by itself: spreads are noted, not followed."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    root: list[str] = field(default_factory=list)
    spreads: list[tuple[str, int]] = field(default_factory=list)  # (fragment, at which depth); 0 is the root
    directives: int = 0


@dataclass(frozen=True, slots=True)
class _Whole:
    """The same with every spread followed."""

    depth: int
    fields: int
    aliases: int
    root: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperationShape:
    """What the text alone says about one operation.

    root: its root fields, fragments included, repeats kept.
    """

    node: OperationDefinitionNode
    fields: int
    root: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A document that passed every check that needs no variables."""

    operations: tuple[OperationShape, ...]
    fragments: Mapping[str, FragmentDefinitionNode]


def shape_of(document: DocumentNode, limits: Limits) -> Shape:
    """Walk the tree once. Refused when any part of it is deeper, wider or more tangled than allowed."""
    operations: list[OperationDefinitionNode] = []
    fragments: dict[str, FragmentDefinitionNode] = {}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
        elif isinstance(definition, FragmentDefinitionNode):
            if definition.name.value in fragments:
                raise _bad_document("Two fragments have the same name.", "Give each fragment its own name.")
            fragments[definition.name.value] = definition
        else:
            raise _bad_document(
                "The document defines types; only operations and fragments can be run.",
                "Send a query, mutation or subscription.",
            )
    at_most("TOO_MANY_OPERATIONS", "operations", len(operations), limits.operations)
    at_most("TOO_MANY_FRAGMENTS", "fragments", len(fragments), limits.fragments)
    parts = {name: _part(fragment, limits) for name, fragment in fragments.items()}
    wholes: dict[str, _Whole] = {}
    for name in parts:
        _follow(name, parts, wholes, (), limits)
    shapes, directives = [], sum(part.directives for part in parts.values())
    for operation in operations:
        part = _part(operation, limits)
        directives += part.directives
        whole = _joined(part, wholes, limits)
        at_most("TOO_MANY_ALIASES", "aliases", whole.aliases, limits.aliases)
        at_most("TOO_MANY_ROOT_FIELDS", "fields at the top", len(whole.root), limits.root_fields)
        shapes.append(OperationShape(operation, whole.fields, whole.root))
    at_most("TOO_MANY_DIRECTIVES", "directives", directives, limits.directives)
    return Shape(tuple(shapes), fragments)


def _part(definition: OperationDefinitionNode | FragmentDefinitionNode, limits: Limits) -> _Part:
    part = _Part()
    _note_directives(part, definition.directives, limits)
    for variable in definition.variable_definitions or ():
        _note_directives(part, variable.directives, limits)
        if variable.default_value is not None:
            _check_literal(variable.default_value, limits)
    # (selections, their depth, whether at the root, names already seen at this level of the response)
    level: list[tuple[SelectionSetNode, int, bool, Counter[str]]] = [
        (definition.selection_set, 1, True, Counter())
    ]
    while level:
        selections, depth, at_root, seen = level.pop()
        if depth > limits.depth:
            raise _document_too_deep(limits)
        part.depth = max(part.depth, depth)
        for node in selections.selections:
            _note_directives(part, node.directives, limits)
            if isinstance(node, FieldNode):
                _note_field(part, node, at_root, limits)
                _note_repeat(seen, (node.alias or node.name).value, limits)
                if node.selection_set is not None:
                    level.append((node.selection_set, depth + 1, False, Counter()))
            elif isinstance(node, FragmentSpreadNode):
                part.spreads.append((node.name.value, 0 if at_root else depth))
                _note_repeat(seen, f"...{node.name.value}", limits)
            elif isinstance(node, InlineFragmentNode):
                # An inline fragment adds its fields to the same level of the response.
                level.append((node.selection_set, depth + 1, at_root, seen))
    return part


def _note_field(part: _Part, node: FieldNode, at_root: bool, limits: Limits) -> None:
    part.fields += 1
    if node.alias is not None:
        part.aliases += 1
    if at_root:
        part.root.append(node.name.value)
    for argument in node.arguments or ():
        _check_literal(argument.value, limits)


def _note_repeat(seen: Counter[str], name: str, limits: Limits) -> None:
    seen[name] += 1
    if seen[name] > limits.repeats:
        raise Refused(
            "TOO_MANY_REPEATS",
            f"`{name[:80]}` stands more than {limits.repeats} times in one selection.",
            "Name each field once; repeats are merged anyway.",
        )


def _note_directives(part: _Part, directives: "tuple[DirectiveNode, ...] | None", limits: Limits) -> None:
    if not directives:
        return
    at_most("TOO_MANY_DIRECTIVES", "directives on one field", len(directives), limits.directives_here)
    part.directives += len(directives)
    for directive in directives:
        for argument in directive.arguments or ():
            _check_literal(argument.value, limits)


def _check_literal(value: ValueNode | ConstValueNode, limits: Limits) -> None:
    """Depth, text and digits of a value written in the document.

    `first` is checked later, with its variable.
    """
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > limits.value_depth:
            raise _bad_document(
                f"A value in the query is nested deeper than {limits.value_depth} levels.",
                "Pass it as a variable, and make it flatter.",
            )
        below: list[ValueNode | ConstValueNode] = []
        for node in level:
            if isinstance(node, ListValueNode):
                below.extend(node.values)
            elif isinstance(node, ObjectValueNode):
                below.extend(pair.value for pair in node.fields)
            elif isinstance(node, StringValueNode):
                if "\0" in node.value or _HALF_CHARACTER.search(node.value):
                    raise _bad_text()
            elif isinstance(node, IntValueNode | FloatValueNode) and len(node.value) > 32:
                raise _bad_document(
                    f"A number in the query has {len(node.value):,} digits.", "Use a number within 64 bits."
                )
        level = below


def _follow(
    name: str, parts: Mapping[str, _Part], wholes: dict[str, _Whole], trail: tuple[str, ...], limits: Limits
) -> None:
    """Put `name` and all it spreads into `wholes`, deepest first; refuses a cycle."""
    if name in wholes or name not in parts:
        return
    if name in trail:
        cycle = " → ".join((*trail[trail.index(name) :], name))
        raise Refused(
            "FRAGMENT_CYCLE", f"Fragments spread each other in a circle: {cycle[:200]}.", "Break the circle."
        )
    for spread, _ in parts[name].spreads:
        _follow(spread, parts, wholes, (*trail, name), limits)
    wholes[name] = _joined(parts[name], wholes, limits)


def _joined(part: _Part, wholes: Mapping[str, _Whole], limits: Limits) -> _Whole:
    depth, fields, aliases, root = part.depth, part.fields, part.aliases, list(part.root)
    for name, at in part.spreads:
        spread = wholes.get(name)
        if spread is None:
            continue  # an unknown fragment; validation will say so
        depth = max(depth, max(at, 1) + spread.depth)
        fields += spread.fields
        aliases += spread.aliases
        if at == 0:
            root.extend(spread.root)
        # Names only count against a limit; a doubling chain of fragments must not fill memory with them.
        root = root[: limits.root_fields + 1]
    if depth > limits.depth:
        raise _document_too_deep(limits)
    return _Whole(depth, fields, aliases, tuple(root))


def _document_too_deep(limits: Limits) -> Refused:
    return Refused(
        "DOCUMENT_TOO_DEEP",
        f"The query is nested deeper than {limits.depth} levels.",
        "Ask for the inner part by its id in a second request.",
    )


def _bad_document(message: str, next_step: str) -> Refused:
    return Refused("BAD_DOCUMENT", message, next_step)


def at_most(code: str, what: str, found: int, most: int) -> None:
    if found > most:
        raise Refused(
            code,
            f"The query has {found:,} {what}; at most {most:,} are allowed.",
            "Split it into several requests.",
        )
