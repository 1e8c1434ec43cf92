"""Who pays: from Coverage records, and from the bills (Claim, ExplanationOfBenefit) that name a payer."""

from server.interop.fhir.elements import Node
from server.interop.fhir.names import name_of
from server.interop.fhir.rows import Coded, CoverageRow, Identifier, Provenance, Reference
from server.words import say


def coverage_row(node: Node, provenance: Provenance, patient: Reference) -> CoverageRow:
    payors = node.references("payor")
    payer = name_of(payors[0], node.scribe) if payors else ""
    kind = node.coded("type")
    identifier = _identifier(payors)
    if not payer and kind is None and identifier is None:
        node.bad("payor", say("The coverage does not say who pays."))
    start, end = node.period("period", lenient=False)
    return CoverageRow(
        provenance=provenance,
        patient=patient,
        payer=payer,
        payer_identifier=identifier,
        kind=kind,
        product=_class_name(node, "plan"),
        group=_class_name(node, "group"),
        member_id=_member_id(node),
        relationship=node.first_code("relationship"),
        order=node.whole("order"),
        status=node.word("status"),
        start=start,
        end=end,
        basis="coverage",
    )


def coverage_of_bill(node: Node, provenance: Provenance, patient: Reference) -> CoverageRow | None:
    """The payer a Claim or ExplanationOfBenefit names, with the days it is about; None if it names none.

    A contained Coverage (Synthea writes one in every ExplanationOfBenefit) tells more than the bill's own line. A
    reference to a Coverage record of its own needs no second row.
    """
    insurance = node.each("insurance")
    focal = next((each for each in insurance if each.flag("focal")), insurance[0] if insurance else None)
    covered = focal.reference("coverage") if focal else None
    inner = _contained_coverage(node, covered)
    if inner is None and covered is not None and covered.source_id and not covered.display:
        return None
    payors = inner.references("payor") if inner else ()
    payer = name_of(payors[0], node.scribe) if payors else covered.display if covered else ""
    payer = payer or name_of(node.reference("insurer"), node.scribe)
    kind: Coded | None = inner.coded("type") if inner else None
    if not payer and kind is None:
        return None
    start, end = node.period("billablePeriod")
    return CoverageRow(
        provenance=provenance,
        patient=patient,
        payer=payer,
        payer_identifier=_identifier(payors),
        kind=kind,
        product=_class_name(inner, "plan") if inner else "",
        group=_class_name(inner, "group") if inner else "",
        member_id=_member_id(inner) if inner else "",
        relationship=inner.first_code("relationship") if inner else "",
        order=None,
        status=inner.word("status") if inner else "",
        start=start,
        end=end,
        basis="claim",
    )


def _contained_coverage(node: Node, covered: Reference | None) -> Node | None:
    tree = node.scribe.contained.get(covered.source_id) if covered else None
    if tree is None or tree.get("resourceType") != "Coverage":
        return None
    return Node(tree, f"{node.path}.contained", node.scribe)


def _identifier(payors: tuple[Reference, ...]) -> Identifier | None:
    return payors[0].identifier if payors else None


def _member_id(node: Node) -> str:
    return node.line("subscriberId") or next(
        (v for e in node.each("identifier") if (v := e.line("value"))), ""
    )


def _class_name(node: Node, code: str) -> str:
    for each in node.each("class"):
        if each.first_code("type") == code:
            return each.line("name") or each.line("value")
    return ""
