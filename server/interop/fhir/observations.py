"""Measurements and answers: the value in one of its many forms, components, ranges, groups."""

from server.interop.fhir.clinical import named, status
from server.interop.fhir.dates import When
from server.interop.fhir.elements import Node, from_to, joined
from server.interop.fhir.rows import Component, ObservationRow, Provenance, Quantity, Reference, Value
from server.words import N_, say

_NOT_NAMED = N_("It does not say which measurement it is about.")


def observation_row(node: Node, provenance: Provenance, patient: Reference) -> ObservationRow:
    value, absent = _value(node), _absent(node)
    components = tuple(_component(each) for each in node.each("component"))
    members = node.references("hasMember")
    if value is None and not absent and not components and not members:
        node.note("INCOMPLETE", "value", say("It has no value and does not say why."))
    effective, effective_end = _effective(node)
    return ObservationRow(
        provenance=provenance,
        patient=patient,
        categories=node.category_codes(),
        code=named(node, "code", _NOT_NAMED),
        status=status(
            node,
            "status",
            "registered preliminary final amended corrected cancelled entered-in-error unknown",
        ),
        value=value,
        absent=absent,
        components=components,
        effective=effective,
        effective_end=effective_end,
        issued=node.when("issued", lenient=True),
        interpretation=node.each_coded("interpretation"),
        reference_range=_ranges(node),
        members=members,
        derived_from=node.references("derivedFrom"),
        encounter=node.reference("encounter"),
        note=node.notes(),
    )


def _component(node: Node) -> Component:
    return Component(
        code=named(node, "code", _NOT_NAMED),
        value=_value(node),
        absent=_absent(node),
        interpretation=node.each_coded("interpretation"),
        reference_range=_ranges(node),
    )


def _absent(node: Node) -> str:
    reason = node.coded("dataAbsentReason")
    return reason.text if reason else ""


def _effective(node: Node) -> tuple[When | None, When | None]:
    form = node.choice("effective")
    if form == "Period":
        return node.period("effectivePeriod", lenient=False)
    if form == "Instant":
        return node.when("effectiveInstant"), None
    if form == "Timing":
        node.note(
            "INCOMPLETE", "effectiveTiming", say("It was measured on a schedule; no single time was kept.")
        )
        return None, None
    return node.when("effectiveDateTime"), None


def _value(node: Node) -> Value | None:
    form = node.choice("value")
    if not form:
        return None
    name = f"value{form}"
    if form == "Quantity":
        quantity = node.quantity(name)
        return _measured(quantity) if quantity else None
    if form == "CodeableConcept":
        concept = node.coded(name)
        return Value("coded", concept.text, coded=concept) if concept else None
    if form == "String":
        text = node.text(name)
        return Value("text", text) if text else None
    if form == "Boolean":
        flag = node.flag(name)
        return Value("boolean", say("yes") if flag else say("no")) if flag is not None else None
    if form == "Integer":
        number = node.number(name)
        return Value("integer", f"{number:f}", number) if number is not None else None
    if form == "DateTime":
        when = node.when(name)
        return Value("when", when.text, when=when) if when else None
    if form == "Time":
        time = node.word(name)
        return Value("time", time) if time else None
    return _compound(node, form, name)


def _compound(node: Node, form: str, name: str) -> Value | None:
    inner = node.one(name)
    if inner is None:
        return None
    if form == "Range":
        text = _between(inner.quantity("low"), inner.quantity("high"))
        return Value("range", text) if text else None
    if form == "Ratio":
        top, bottom = inner.quantity("numerator"), inner.quantity("denominator")
        return Value("ratio", f"{top.text} / {bottom.text}") if top and bottom else None
    if form == "Period":
        start, end = node.period(name)
        text = from_to(start.text if start else "", end.text if end else "")
        return Value("period", text, when=start)
    if form == "SampledData":
        return Value("samples", say("A recorded curve; see the source."))
    node.note("UNREADABLE", name, say("FHIR R4 has no such form of value; it was left out."))
    return None


def _measured(quantity: Quantity) -> Value | None:
    if quantity.number is None:
        return None
    return Value(
        "quantity", quantity.text, quantity.number, quantity.unit or quantity.code, quantity.comparator
    )


def _ranges(node: Node) -> str:
    texts = []
    for each in node.each("referenceRange"):
        text = each.line("text", 500) or _between(each.quantity("low"), each.quantity("high"))
        kind = each.coded("type")
        texts.append(
            f"{text} ({kind.text})" if text and kind and kind.text.lower() != "normal range" else text
        )
    return joined(texts, "; ")


def _between(low: Quantity | None, high: Quantity | None) -> str:
    if low and high:
        same = low.unit == high.unit and low.number is not None
        return from_to(f"{low.number:f}" if same else low.text, high.text)
    if low:
        return say("at least %(amount)s", amount=low.text)
    return say("at most %(amount)s", amount=high.text) if high else ""
