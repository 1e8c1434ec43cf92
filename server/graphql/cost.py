"""What an operation would cost, weighed on its syntax tree before it is validated or run.

Cost is the number of fields in the largest answer the operation could produce: each field counts one, times
the rows above it. Rows are `first` or `last` for a connection (as written, from its variable, or the
schema's default when it is left out), and a flat ten for a plain list. The caller is told the figure in
`extensions.cost`. Introspection is weighed apart: nothing else may stand beside it, and its size is bounded
by the number of fields asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from server.errors import Refused
from server.graphql.limits import Limits, OperationShape, Shape, at_most


@dataclass(frozen=True, slots=True)
class Plan:
    """The operation that will run. cost: fields in the largest possible answer, out of `limits.cost`. root: the
    names of its root fields."""

    operation: OperationDefinitionNode
    kind: OperationType
    cost: int
    introspects: bool
    root: tuple[str, ...]


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
    """Choose the operation and weigh it with these variables.

    alone: mutations that must be the only root field.
    Works on documents that were not validated yet: unknown fields cost one and are refused later.
    """
    chosen = _chosen(shape, operation_name)
    introspects = any(name in ("__schema", "__type") for name in chosen.root)
    if introspects:
        _check_introspection(chosen, limits, may_introspect)
        return Plan(chosen.node, chosen.node.operation, chosen.fields, introspects=True, root=chosen.root)
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
            f"The largest answer to this has {_rounded(cost)} fields; at most {limits.cost:,} are allowed.",
            "Ask for fewer rows with `first`, or fewer levels of lists, and continue with `after`.",
        )
    return Plan(chosen.node, chosen.node.operation, cost, introspects=False, root=chosen.root)


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
    at_most("INTROSPECTION_TOO_LARGE", "introspection fields", chosen.fields, limits.introspection_fields)


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
        """The rows asked for: `first` or `last` as given, or the schema's default.

        None for a field without.
        """
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
                default = coerce_default_value(argument)
                return default if isinstance(default, int) else self.limits.page
        return None

    def _size(self, value: ValueNode) -> int | None:
        """A page size as it will be read.

        None for null or a variable left out (the schema's default counts).
        """
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
