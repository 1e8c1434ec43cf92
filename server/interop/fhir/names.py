"""Names of the people, places and medicines that records point to."""

from server.interop.fhir.elements import Node, Scribe, joined, said
from server.interop.fhir.rows import Coded, Name, Reference


def human_name(node: Node) -> Name | None:
    """A HumanName; None if it names nobody."""
    start, end = node.period("period")
    name = Name(
        use=node.word("use"),
        family=node.line("family"),
        given=node.lines("given"),
        prefix=" ".join(node.lines("prefix")),
        suffix=" ".join(node.lines("suffix")),
        text=node.line("text"),
        start=start,
        end=end,
    )
    return name if name.family or name.given or name.text else None


def name_of(reference: Reference | None, scribe: Scribe) -> str:
    """What to call whoever or whatever is meant: the name given with the reference, or that of the record itself."""
    if reference is None:
        return ""
    node = _record(reference, scribe)
    if node is None:
        return reference.display
    if reference.kind == "PractitionerRole":
        inner = node.reference("practitioner")
        record = _record(inner, scribe) if inner else None
        return _person(record) or (inner.display if inner else "") or reference.display
    found = _person(node) if reference.kind == "Practitioner" else node.line("name")
    return found or reference.display


def concept_of(reference: Reference | None, scribe: Scribe) -> Coded | None:
    """What a Medication or Condition record is about, or what the reference itself calls it."""
    if reference is None:
        return None
    node = _record(reference, scribe)
    found = said(node.coded("code")) if node else None
    return found or (Coded(reference.display) if reference.display else None)


def _person(node: Node | None) -> str:
    names = [name for each in node.each("name") if (name := human_name(each))] if node else []
    if not names:
        return ""
    first = names[0]
    return first.text or joined((first.prefix, *first.given, first.family, first.suffix), " ")


def _record(reference: Reference, scribe: Scribe) -> Node | None:
    tree = scribe.contained.get(reference.source_id) or scribe.index.named(reference)
    return Node(tree, f"{reference.kind}/{reference.source_id}", scribe) if tree else None
