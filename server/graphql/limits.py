"""What a request may ask of us, decided before any work is done. No I/O, no clock, no Strawberry.

In the order a request meets them:

1. `read_request(body)`: UTF-8 JSON of at most 256 KB and 32 levels, no duplicate keys, no NUL or half characters,
   no numbers beyond 64 bits; one object with `query`, `variables`, `operationName`, `extensions`.
2. `read_document(text)`: parsed with a cap on tokens.
3. `shape_of(document)`: one walk over the syntax tree, each fragment once: cycles, depth, aliases, directives,
   repeated fields, root fields, argument values. Depends on the text alone, so its answer is cached with it.
4. `plan(...)`: the one operation to run, with this request's variables: page sizes, cost, introspection,
   mutations that must stand alone.

Cost is the number of fields in the largest answer the operation could produce: each field counts one, times
the rows above it. Rows are `first` or `last` (or the schema's default when it is left out) for a connection,
and a flat ten for a plain list. The caller is told the figure in `extensions.cost`.

Everything refused here is a `server.errors.Refused` with a code, a sentence and a next step; syntax errors are
left as graphql-core's GraphQLSyntaxError.
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
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
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
    repeats: int = 10  # of one response name in one selection
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
    """The JSON value in `body`, made of str, int, finite float, bool, None, list and dict; Refused otherwise."""
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
    return -number if digits.startswith("-") else number


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
    """The syntax tree of `text`. Raises Refused when it is too long, GraphQLSyntaxError when it is not GraphQL."""
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
    """What the text alone says about one operation. root: its root fields, fragments included, repeats kept."""

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
    _at_most("TOO_MANY_OPERATIONS", "operations", len(operations), limits.operations)
    _at_most("TOO_MANY_FRAGMENTS", "fragments", len(fragments), limits.fragments)
    parts = {name: _part(fragment, limits) for name, fragment in fragments.items()}
    wholes: dict[str, _Whole] = {}
    for name in parts:
        _follow(name, parts, wholes, (), limits)
    shapes, directives = [], sum(part.directives for part in parts.values())
    for operation in operations:
        part = _part(operation, limits)
        directives += part.directives
        whole = _joined(part, wholes, limits)
        _at_most("TOO_MANY_ALIASES", "aliases", whole.aliases, limits.aliases)
        _at_most("TOO_MANY_ROOT_FIELDS", "fields at the top", len(whole.root), limits.root_fields)
        shapes.append(OperationShape(operation, whole.fields, whole.root))
    _at_most("TOO_MANY_DIRECTIVES", "directives", directives, limits.directives)
    return Shape(tuple(shapes), fragments)


def _part(definition: OperationDefinitionNode | FragmentDefinitionNode, limits: Limits) -> _Part:
    part = _Part()
    _note_directives(part, definition.directives, limits)
    for variable in definition.variable_definitions or ():
        _note_directives(part, variable.directives, limits)
        if variable.default_value is not None:
            _check_literal(variable.default_value, limits)
    # (selections, their depth, whether they are at the root, names already seen at this level of the response)
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
                part.fields += 1
                if node.alias is not None:
                    part.aliases += 1
                name = (node.alias or node.name).value
                seen[name] += 1
                if seen[name] > limits.repeats:
                    raise Refused(
                        "TOO_MANY_REPEATS",
                        f"`{name[:80]}` stands more than {limits.repeats} times in one selection.",
                        "Name each field once; repeats are merged anyway.",
                    )
                if at_root:
                    part.root.append(node.name.value)
                for argument in node.arguments or ():
                    _check_literal(argument.value, limits)
                if node.selection_set is not None:
                    level.append((node.selection_set, depth + 1, False, Counter()))
            elif isinstance(node, FragmentSpreadNode):
                part.spreads.append((node.name.value, 0 if at_root else depth))
                seen["..." + node.name.value] += 1
                if seen["..." + node.name.value] > limits.repeats:
                    raise Refused(
                        "TOO_MANY_REPEATS",
                        f"The fragment `{node.name.value[:80]}` is spread more than {limits.repeats} times in one selection.",
                        "Spread it once; repeats are merged anyway.",
                    )
            elif isinstance(node, InlineFragmentNode):
                # An inline fragment adds its fields to the same level of the response.
                level.append((node.selection_set, depth + 1, at_root, seen))
    return part


def _note_directives(part: _Part, directives: "tuple[DirectiveNode, ...] | None", limits: Limits) -> None:
    if not directives:
        return
    _at_most("TOO_MANY_DIRECTIVES", "directives on one field", len(directives), limits.directives_here)
    part.directives += len(directives)
    for directive in directives:
        for argument in directive.arguments or ():
            _check_literal(argument.value, limits)


def _check_literal(value: ValueNode | ConstValueNode, limits: Limits) -> None:
    """Depth, text and digits of a value written in the document. `first` is checked later, with its variable."""
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
        # Names are only counted against a limit; a doubling chain of fragments must not fill memory with them.
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


def _at_most(code: str, what: str, found: int, most: int) -> None:
    if found > most:
        raise Refused(
            code,
            f"The query has {found:,} {what}; at most {most:,} are allowed.",
            "Split it into several requests.",
        )


# --- 4. the plan --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """The operation that will run. cost: fields in the largest possible answer, out of `limits.cost`."""

    operation: OperationDefinitionNode
    kind: OperationType
    cost: int
    introspects: bool


def plan(
    shape: Shape,
    schema: GraphQLSchema,
    *,
    operation_name: str | None,
    variables: Mapping[str, Any],
    limits: Limits,
    may_introspect: bool,
    alone: frozenset[str] = frozenset(),
) -> Plan:
    """Choose the operation and weigh it with these variables. alone: mutations that must be the only root field.

    Works on documents that were not validated yet: unknown fields cost one and are refused later.
    """
    chosen = _chosen(shape, operation_name)
    introspects = any(name in ("__schema", "__type") for name in chosen.root)
    if introspects:
        _check_introspection(chosen, limits, may_introspect)
        return Plan(chosen.node, chosen.node.operation, chosen.fields, introspects=True)
    if chosen.node.operation is OperationType.MUTATION and len(chosen.root) > 1:
        for name in chosen.root:
            if name in alone:
                raise Refused(
                    "MUTATION_STANDS_ALONE",
                    f"`{name}` must be the only field of its request.",
                    "Send it by itself.",
                )
    cost = _Weigher(shape.fragments, schema, _defaults(chosen.node), variables, limits).weigh(chosen.node)
    if cost > limits.cost:
        raise Refused(
            "TOO_COSTLY",
            f"The largest answer to this query has {_rounded(cost)} fields; at most {limits.cost:,} are allowed.",
            "Ask for fewer rows with `first`, or fewer levels of lists, and continue with `after`.",
        )
    return Plan(chosen.node, chosen.node.operation, cost, introspects=False)


def _rounded(cost: int) -> str:
    return f"{cost:,}" if cost < 10**9 else "more than a billion"


def _chosen(shape: Shape, name: str | None) -> OperationShape:
    if name is None:
        if len(shape.operations) == 1:
            return shape.operations[0]
        raise Refused(
            "UNKNOWN_OPERATION",
            f"The document has {len(shape.operations)} operations and the request names none of them.",
            "Name one in `operationName`.",
        )
    for operation in shape.operations:
        if operation.node.name is not None and operation.node.name.value == name:
            return operation
    raise Refused(
        "UNKNOWN_OPERATION",
        "No operation of the document has the name in `operationName`.",
        "Check the name.",
    )


def _check_introspection(chosen: OperationShape, limits: Limits, may_introspect: bool) -> None:
    if not may_introspect:
        raise Refused(
            "INTROSPECTION_OFF",
            "Introspection is not open here.",
            "Sign in, or read the published schema file.",
        )
    meta = [name for name in chosen.root if name != "__typename"]
    if len(meta) > 2 or any(name not in ("__schema", "__type") for name in meta):
        raise Refused(
            "INTROSPECTION_TOO_LARGE",
            "A request that introspects may hold `__schema` and `__type` once each, and nothing else.",
            "Send the rest in another request.",
        )
    _at_most("INTROSPECTION_TOO_LARGE", "introspection fields", chosen.fields, limits.introspection_fields)


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    """The operation's own defaults of whole-number variables, by name."""
    return {
        variable.variable.name.value: int(variable.default_value.value)
        for variable in operation.variable_definitions or ()
        if isinstance(variable.default_value, IntValueNode)
    }


_CONNECTION = "Connection"


class _Weigher:
    """Cost of selections. Each fragment is weighed once per page size it stands under."""

    def __init__(
        self,
        fragments: Mapping[str, FragmentDefinitionNode],
        schema: GraphQLSchema,
        defaults: Mapping[str, Any],
        variables: Mapping[str, Any],
        limits: Limits,
    ) -> None:
        self.fragments = fragments
        self.schema = schema
        self.defaults = defaults
        self.variables = variables
        self.limits = limits
        self.known: dict[tuple[str, int | None], int] = {}

    def weigh(self, operation: OperationDefinitionNode) -> int:
        return self._selections(operation.selection_set, self.schema.get_root_type(operation.operation), None)

    def _selections(
        self, selections: SelectionSetNode, parent: GraphQLNamedType | None, page: int | None
    ) -> int:
        total = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                total += self._field(node, parent, page)
            elif isinstance(node, InlineFragmentNode):
                inner = node.type_condition
                kind = self.schema.get_type(inner.name.value) if inner is not None else parent
                total += self._selections(node.selection_set, kind, page)
            elif isinstance(node, FragmentSpreadNode):
                total += self._fragment(node.name.value, page)
        return total

    def _fragment(self, name: str, page: int | None) -> int:
        fragment = self.fragments.get(name)
        if fragment is None:
            return 0
        if (name, page) not in self.known:
            kind = self.schema.get_type(fragment.type_condition.name.value)
            self.known[name, page] = self._selections(fragment.selection_set, kind, page)
        return self.known[name, page]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, page: int | None) -> int:
        definition = (
            parent.fields.get(node.name.value)
            if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
            else None
        )
        asked = self._page(node, definition)
        if node.selection_set is None:
            return 1
        kind = get_named_type(definition.type) if definition is not None else None
        if definition is None or not is_list_type(get_nullable_type(definition.type)):
            # Not a list itself. If it is a connection, its rows multiply where its list is.
            return 1 + self._selections(node.selection_set, kind, asked)
        if asked is not None:
            rows = asked
        elif page is not None and parent is not None and parent.name.endswith(_CONNECTION):
            rows = page
        else:
            rows = self.limits.plain_list
        return 1 + rows * self._selections(node.selection_set, kind, None)

    def _page(self, node: FieldNode, definition: GraphQLField | None) -> int | None:
        """The rows asked for: `first` or `last` as given, or the schema's default; None for a field without."""
        sizes = [
            self._size(argument.value)
            for argument in node.arguments or ()
            if argument.name.value in ("first", "last")
        ]
        given = [size for size in sizes if size is not None]
        if given:
            return max(given)
        for name in ("first", "last"):
            argument = definition.args.get(name) if definition is not None else None
            if argument is not None:
                default = argument.default_value
                if default is Undefined and argument.default is not None:
                    default = argument.default.value
                return default if isinstance(default, int) else self.limits.page
        return None

    def _size(self, value: ValueNode) -> int | None:
        """A page size as it will be read; None for null or a variable left out (the schema's default counts)."""
        number: Any
        if isinstance(value, VariableNode):
            name = value.name.value
            number = self.variables.get(name, self.defaults.get(name))
            if number is None:
                return None
        elif isinstance(value, IntValueNode):
            number = int(value.value)
        else:
            return None
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if not isinstance(number, int) or isinstance(number, bool):
            return self.limits.page  # not a number: its own refusal follows; weigh the worst until then
        if not 1 <= number <= self.limits.page:
            raise Refused(
                "BAD_PAGE_SIZE",
                f"A page of {_rounded(number)} rows was asked for; a page holds 1 to {self.limits.page}.",
                "Ask for fewer and continue with `after`.",
            )
        return number
