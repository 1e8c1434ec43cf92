"""What a reference in a file points to, inside that file. No address is ever fetched, and nothing is followed
further than one step, so references that go in circles are harmless."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from server.interop.fhir.rows import Identifier, Reference
from server.interop.fhir.strict_json import Tree

#: Records that other records take a name from.
NAMED_KINDS = frozenset(
    {"Condition", "Medication", "Organization", "Practitioner", "PractitionerRole", "Location"}
)

_LOCAL = re.compile(
    r"(?:.*/)?([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?", re.DOTALL
)
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]{1,63})\?(?:.*&)?identifier=([^&]*)(?:&.*)?", re.DOTALL)
_MOST_TEXT = 500


@dataclass(slots=True)
class Index:
    """Who is who in one file, or in several files of one import."""

    _by_url: dict[str, tuple[str, str]] = field(default_factory=dict)
    _by_identifier: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _named: dict[tuple[str, str], Tree] = field(default_factory=dict)

    def add(self, kind: str, source_id: str, full_url: str, content: Tree) -> None:
        if full_url:
            self._by_url[full_url] = (kind, source_id)
        identifiers = content.get("identifier")
        for identifier in identifiers if isinstance(identifiers, list) else ():
            read = read_identifier(identifier)
            if read is not None:
                self._by_identifier.setdefault((kind, read.system, read.value), source_id)
        if kind in NAMED_KINDS:
            self._named[kind, source_id] = content

    def named(self, reference: Reference) -> Tree | None:
        """The record meant, if it is of a kind that gives a name and this import holds it."""
        return self._named.get((reference.kind, reference.source_id))

    def resolve(self, given: object, owner_id: str = "") -> Reference | None:
        """The reference written in `given` (a FHIR Reference), or None if it says nothing.

        owner_id: the source id of the resource it stands in, for references to contained records ("#coverage"
        becomes "<owner>#coverage").
        """
        if not isinstance(given, dict):
            return None
        display, declared = _text(given.get("display")), _text(given.get("type"))
        identifier = read_identifier(given.get("identifier"))
        target = _text(given.get("reference"))
        kind, source_id = declared, ""
        if target:
            kind, source_id, conditional = self._target(target, declared, owner_id)
            identifier = conditional or identifier
        if not source_id and identifier is not None and kind:
            source_id = self._by_identifier.get((kind, identifier.system, identifier.value), "")
        if not (source_id or identifier or display):
            return None
        return Reference(kind, source_id, identifier, display)

    def _target(self, target: str, declared: str, owner_id: str) -> tuple[str, str, Identifier | None]:
        if target.startswith("#"):
            return declared, owner_id + target, None
        known = self._by_url.get(target)
        if known is not None:
            return *known, None
        conditional = _CONDITIONAL.fullmatch(target)
        if conditional is not None:
            system, _, value = unquote(conditional.group(2)).rpartition("|")
            return conditional.group(1), "", Identifier(system, value)
        if target.startswith(("urn:uuid:", "urn:oid:")):
            return declared, target[9:] if target.startswith("urn:uuid:") else target, None
        local = _LOCAL.fullmatch(target)
        if local is not None:
            return local.group(1), local.group(2), None
        return declared, "", None


def read_identifier(given: object) -> Identifier | None:
    """The identifier, or None if it carries no value."""
    if not isinstance(given, dict):
        return None
    value, system, use = _text(given.get("value")), _text(given.get("system")), _text(given.get("use"))
    kind = given.get("type")
    codings = kind.get("coding") if isinstance(kind, dict) else None
    code = ""
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict):
            code = code or _text(coding.get("code"))
    return Identifier(system, value, code, use) if value else None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) and len(value) <= _MOST_TEXT else ""
