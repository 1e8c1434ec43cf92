"""Documents that were parsed, measured and validated once, kept by the hash of their text.

Parsing and validating cost more than running most queries, and the syntax tree that is kept is also what
later plans (SQL per selection) are keyed on, so one text always yields the same tree. Only valid documents
are kept, a bounded number of them, least recently used first out; a failure is never remembered, so no
flood of bad documents can fill the memory or push good ones out.

Clients may send `extensions.persistedQuery.sha256Hash` beside the text once, and the hash alone afterwards. A
hash that is not known (another process, a restart, pushed out) is answered PERSISTED_QUERY_NOT_FOUND, and the
client sends the text again.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
    specified_rules,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged as overlap
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from server.errors import Refused
from server.graphql.cost import Plan, plan
from server.graphql.limits import GraphQLRequest, Limits, Shape, read_document, shape_of
from server.graphql.refusals import lone_mutations

_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
_MOST_ERRORS = 20
# Comparing every pair of fields that might be merged is the one rule whose work grows with the square of the
# document. graphql-core stops it after this many steps; its own default allows half a second of them.
overlap.MAX_COMPLEXITY_BUDGET = 6_000


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document. sha256: of its text, in hexadecimal."""

    sha256: str
    node: DocumentNode
    shape: Shape


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document and the operation of it that will run, already weighed."""

    document: Document
    plan: Plan


class BadDocument(Exception):
    """The client's document is not valid.

    code: BAD_SYNTAX or BAD_QUERY. errors: at most 20, for the client.
    """

    def __init__(self, code: str, next_step: str, errors: Sequence[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.next_step = next_step
        self.errors = tuple(errors)


class Documents:
    """The documents one schema has seen.

    Not shared between schemas: what is valid in one is not in another.
    """

    def __init__(self, schema: strawberry.Schema, limits: Limits, size: int = 500) -> None:
        self._schema = schema._schema
        self._alone = lone_mutations(schema)
        self._limits = limits
        self._size = size
        self._kept: OrderedDict[str, Document] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def prepare(self, request: GraphQLRequest, *, may_introspect: bool) -> Prepared:
        """The operation to run.

        Raises Refused when it is too much or unknown, BadDocument when it is not valid.
        """
        document, fresh = self._found(request)
        planned = plan(
            document.shape,
            self._schema,
            operation_name=request.operation_name,
            variables=request.variables,
            limits=self._limits,
            may_introspect=may_introspect,
            alone=self._alone,
        )
        if fresh:
            # Validation comes last because it is the dearest.
            self._validate(document.node)
            self._keep(document)
        return Prepared(document, planned)

    def _found(self, request: GraphQLRequest) -> tuple[Document, bool]:
        if request.query is None:
            known = self._kept.get(request.sha256 or "")
            if known is None:
                raise Refused(
                    "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound", "Send the text with its hash once."
                )
            self._kept.move_to_end(known.sha256)
            return known, False
        key = sha256(request.query.encode()).hexdigest()
        if request.sha256 is not None and request.sha256 != key:
            raise Refused(
                "PERSISTED_QUERY_MISMATCH",
                "The hash in `extensions.persistedQuery` is not that of `query`.",
                "Send the SHA-256 of the exact text, in hexadecimal.",
            )
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known, False
        try:
            node = read_document(request.query, self._limits)
        except GraphQLSyntaxError as error:
            raise BadDocument(
                "BAD_SYNTAX", "Mend the query at the place named; an editor with the schema helps.", [error]
            ) from None
        return Document(key, node, shape_of(node, self._limits)), True

    def _validate(self, node: DocumentNode) -> None:
        errors = validate(self._schema, node, _RULES, max_errors=_MOST_ERRORS, hide_suggestions=True)
        if errors and errors[-1].message == "Validation aborted.":
            raise Refused(
                "DOCUMENT_TOO_TANGLED",
                "The query repeats the same fields in too many combinations to be checked.",
                "Name each field once, and use each fragment in few places.",
            )
        if errors:
            raise BadDocument(
                "BAD_QUERY",
                "Compare the query with the schema at the place named.",
                errors[: _MOST_ERRORS + 1],
            )

    def _keep(self, document: Document) -> None:
        self._kept[document.sha256] = document
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
