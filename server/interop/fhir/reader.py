"""Bytes to resources: a Bundle, NDJSON or a single resource, within limits, or a refusal that says where and why.

A file that is not wholly readable is refused as a whole, because a part of a person's record can mislead; a record
that is at fault in itself is reported and the others go on (one NDJSON line, one bundle entry).
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from server.errors import Refused
from server.interop.fhir.dates import NotADate, parse_when
from server.interop.fhir.private_numbers import may_hold_one, without_private_numbers
from server.interop.fhir.references import NAMED_KINDS, Index
from server.interop.fhir.rows import Provenance, RowError
from server.interop.fhir.strict_json import Malformed, Tree, canonical, parse
from server.interop.fhir.versions import ACCEPTED, other_version
from server.words import N_, say

_BUNDLES = ("transaction", "batch", "collection", "searchset", "document")
_KIND = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9\-._:]{1,128}", re.ASCII)
_BASE = re.compile(r"(https?://.{1,400})/[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
_NAMED_LINE = re.compile(r'"resourceType"\s*:\s*"(?:' + "|".join(sorted(NAMED_KINDS)) + ')"')
_UNSTORABLE = re.compile(r"(?<!\\)(?:\\\\)*\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")

_RESEND = N_("Export or download the file again, and bring it in once it is complete.")
#: (how such a file begins, what it is, what to do instead)
_NOT_JSON = (
    (
        b"PK\x03\x04",
        N_("The file is a ZIP archive, not FHIR as JSON in UTF-8."),
        N_("Unpack it and bring in the .json or .ndjson files inside."),
    ),
    (
        b"\x1f\x8b",
        N_("The file is compressed with gzip, not FHIR as JSON in UTF-8."),
        N_("Unpack it and bring in the .json or .ndjson file inside."),
    ),
    (
        b"%PDF",
        N_("The file is a PDF, not FHIR as JSON in UTF-8."),
        N_("Ask the sending system for FHIR R4 as JSON."),
    ),
    (
        b"MSH|",
        N_("The file is an HL7 version 2 message, not FHIR as JSON in UTF-8."),
        N_("FHIR is brought in here as JSON; ask for a FHIR R4 export."),
    ),
    (
        b"<",
        N_("The file is XML, not FHIR as JSON in UTF-8."),
        N_("FHIR is brought in here as JSON; ask for the export as JSON."),
    ),
    *(
        (
            mark,
            N_("The file is written in UTF-16, not FHIR as JSON in UTF-8."),
            N_("Save it as UTF-8."),
        )
        for mark in (b"\xff\xfe", b"\xfe\xff")
    ),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may hold. file_bytes and resource_bytes in bytes, deepest in open brackets."""

    file_bytes: int = 64 * 1024 * 1024
    entries: int = 10_000
    lines: int = 200_000
    resource_bytes: int = 2 * 1024 * 1024
    deepest: int = 64


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, ready to keep and to translate. raw: its canonical JSON, private numbers already taken out
    (left_out counts them), always storable as text. place: where it stood in the file."""

    provenance: Provenance
    content: Tree
    raw: str
    place: str
    left_out: int = 0

    @property
    def kind(self) -> str:
        return self.provenance.kind

    @property
    def source_id(self) -> str:
        return self.provenance.source_id


@dataclass(slots=True)
class Document:
    """One file's resources. form: bundle, lines or single. count: resources to expect, for a progress bar."""

    form: Literal["bundle", "lines", "single"]
    bundle_type: str
    count: int
    index: Index
    _parts: list[tuple[str, str, object]] = field(
        repr=False
    )  # place, full URL, tree (bundle) or text (lines)
    _limits: Limits
    _source: str

    def resources(self) -> Iterator[Resource | RowError]:
        """Each resource in the file's order, or what is wrong with it. May raise Refused: the file is of another
        FHIR version after all, and nothing of it may be stored."""
        for place, full_url, part in self._parts:
            tree = _line(part, place, self._limits) if isinstance(part, str) else part
            yield (
                tree
                if isinstance(tree, RowError)
                else _resource(tree, place, full_url, self._source, self._limits)
            )


def read(
    data: bytes, *, limits: Limits | None = None, source: str = "", shared: Index | None = None
) -> Document:
    """Reads one file. Raises Refused.

    source: the name of the sending system; without one, the server address of the entries, or "file". shared: an
    index for the files of one import, so that the separate files of a bulk export find each other's names; a bundle
    carries its own names and does not use it.
    """
    limits = limits or Limits()
    index = shared if shared is not None else Index()
    text = _text_of(data, limits)
    first_line, _, rest = text.partition("\n")
    if first_line.rstrip().endswith("}") and re.search(r"^\{", rest, re.MULTILINE):
        return _read_lines(text, limits, source, index)
    tree = _whole(text, limits)
    kind = tree.get("resourceType")
    if kind == "Bundle":
        return _read_bundle(tree, limits, source, Index())
    _refuse_other_version(tree, say("The file"))
    _add(index, tree, "")
    return Document("single", "", 1, index, [(say("the file"), "", tree)], limits, source)


# --- the file as text -----------------------------------------------------------------------------------------


def _text_of(data: bytes, limits: Limits) -> str:
    if len(data) > limits.file_bytes:
        raise Refused(
            "FHIR_TOO_LARGE",
            say(
                "The file is %(size)s MB; one file may be at most %(most)s MB, so that it can be "
                "read whole or not at all.",
                size=f"{len(data) / 1048576:,.1f}",
                most=f"{limits.file_bytes / 1048576:,.0f}",
            ),
            say("Export fewer people at a time, or as NDJSON in several files."),
            "file",
        )
    if not data.strip():
        raise Refused("FHIR_EMPTY", say("The file is empty."), say(_RESEND), "file")
    for magic, what, instead in _NOT_JSON:
        if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(magic):
            raise Refused("FHIR_NOT_JSON", say(what), say(instead), "file")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").strip()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise _truncated(
                say("It stops inside a letter, at byte %(byte)s.", byte=f"{len(data):,}")
            ) from None
        raise Refused(
            "FHIR_NOT_JSON",
            say(
                "Byte %(byte)s of the file is not UTF-8 text, so names and words could come in wrong.",
                byte=f"{error.start + 1:,}",
            ),
            say("Save or export the file as UTF-8."),
            "file",
        ) from None


def _whole(text: str, limits: Limits) -> Tree:
    try:
        tree = parse(text, deepest=limits.deepest)
    except Malformed as fault:
        if fault.kind == "truncated":
            raise _truncated(fault.sentence) from None
        code = {"duplicate": "FHIR_DUPLICATE_KEY", "depth": "FHIR_TOO_DEEP"}.get(fault.kind, "FHIR_NOT_JSON")
        raise Refused(
            code,
            say(
                "The file is not usable JSON. %(sentence)s Reading on could put wrong facts in a chart.",
                sentence=fault.sentence,
            ),
            say("Ask the sending system for the export again; if it repeats, show them this sentence."),
            "file",
        ) from None
    if isinstance(tree, dict) and isinstance(tree.get("resourceType"), str):
        return tree
    raise Refused(
        "FHIR_NOT_FHIR",
        say(
            "The file is JSON, but it holds a list; FHIR files are a Bundle, one record, or one record a "
            "line (NDJSON)."
        )
        if isinstance(tree, list)
        else say(
            "The file is JSON, but it does not say what it holds (it has no resourceType); FHIR files are "
            "a Bundle, one record, or one record a line (NDJSON)."
        ),
        say("Ask the sending system for %(accepted)s.", accepted=say(ACCEPTED)),
        "file",
    )


def _truncated(where: str) -> Refused:
    return Refused(
        "FHIR_TRUNCATED",
        say(
            "The file is incomplete. %(where)s Nothing was brought in, because half a record can mislead.",
            where=where,
        ),
        say(_RESEND),
        "file",
    )


def _refuse_other_version(tree: Tree, place: str) -> None:
    other = other_version(tree)
    if other is not None:
        kind = tree.get("resourceType")
        what = f"{place} ({kind})" if isinstance(kind, str) and _KIND.fullmatch(kind) else place
        raise Refused(
            "FHIR_VERSION",
            say(
                "%(place)s is written in %(version)s: %(sign)s. Carewright reads %(accepted)s; other "
                "versions use the same words for other things, so nothing was brought in.",
                place=what,
                version=other.name,
                sign=other.sign,
                accepted=say(ACCEPTED),
            ),
            say("Ask the sending system for an R4 export of the same people."),
            "file",
        )


# --- the three forms ------------------------------------------------------------------------------------------


def _read_bundle(bundle: Tree, limits: Limits, source: str, index: Index) -> Document:
    _refuse_other_version(bundle, say("The file"))
    bundle_type = bundle.get("type")
    if bundle_type not in _BUNDLES:
        shown = bundle_type[:40] if isinstance(bundle_type, str) and bundle_type else say("not given")
        raise Refused(
            "FHIR_BUNDLE_TYPE",
            say(
                "The bundle's type is %(type)s; Carewright brings in %(types)s and %(last_type)s "
                "bundles, which hold records as they are now.",
                type=shown,
                types=", ".join(_BUNDLES[:-1]),
                last_type=_BUNDLES[-1],
            ),
            say("Ask the sending system for one of those."),
            "file",
        )
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise Refused(
            "FHIR_NOT_FHIR",
            say("The bundle's entry is not a list, so there are no records to read in it."),
            say("Ask the sending system for %(accepted)s.", accepted=say(ACCEPTED)),
            "file",
        )
    if len(entries) > limits.entries:
        raise Refused(
            "FHIR_TOO_MANY",
            say(
                "The bundle has %(n)s entries; one may have at most %(most)s.",
                n=f"{len(entries):,}",
                most=f"{limits.entries:,}",
            ),
            say("Export fewer people at a time, or as NDJSON."),
            "file",
        )
    parts: list[tuple[str, str, object]] = []
    for number, entry in enumerate(entries, start=1):
        place = say("entry %(number)s", number=number)
        given = entry if isinstance(entry, dict) else {}
        resource, full_url = given.get("resource"), given.get("fullUrl")
        url = full_url if isinstance(full_url, str) and len(full_url) <= 500 else ""
        if isinstance(resource, dict):
            _refuse_other_version(resource, place.capitalize())
            _add(index, resource, url)
        request = given.get("request")
        if isinstance(request, dict) and request.get("method") == "DELETE":
            fault = RowError(
                "",
                "",
                f"Bundle.entry[{number - 1}].request",
                say("This entry asks to delete a record."),
                say("Nothing was deleted. If a record is wrong, retract it on the person's page."),
                place,
            )
            parts.append((place, url, fault))
        else:
            parts.append((place, url, resource))
    return Document("bundle", str(bundle_type), len(parts), index, parts, limits, source)


def _read_lines(text: str, limits: Limits, source: str, index: Index) -> Document:
    lines = [
        (say("line %(number)s", number=number), line)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if len(lines) > limits.lines:
        raise Refused(
            "FHIR_TOO_MANY",
            say(
                "The file has %(n)s records; one file may have at most %(most)s.",
                n=f"{len(lines):,}",
                most=f"{limits.lines:,}",
            ),
            say("Split it at any line and bring in the parts."),
            "file",
        )
    last_place, last = lines[-1]
    try:
        parse(last, deepest=limits.deepest)
    except Malformed as fault:
        if fault.kind == "truncated":
            raise _truncated(say("Its last record, on %(line)s, breaks off.", line=last_place)) from None
    for place, line in lines:
        if _NAMED_LINE.search(line):
            tree = _line(line, place, limits)
            if isinstance(tree, dict):
                _add(index, tree, "")
    return Document("lines", "", len(lines), index, [(p, "", line) for p, line in lines], limits, source)


def _line(line: str, place: str, limits: Limits) -> Tree | RowError:
    try:
        tree = parse(line, deepest=limits.deepest)
    except Malformed as fault:
        return _fault(place, say("This line is not usable JSON. %(sentence)s", sentence=fault.sentence))
    if not isinstance(tree, dict):
        return _fault(place, say("This line is not a record."))
    _refuse_other_version(tree, place.capitalize())
    return tree


# --- one resource ---------------------------------------------------------------------------------------------


def _resource(tree: object, place: str, full_url: str, source: str, limits: Limits) -> Resource | RowError:
    if isinstance(tree, RowError):
        return tree
    if not isinstance(tree, dict):
        return _fault(place, say("This entry holds no record."))
    kind = tree.get("resourceType")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        return _fault(place, say("This record does not say what kind it is (resourceType)."))
    raw = canonical(tree)
    if len(raw) > limits.resource_bytes:
        return _fault(
            place,
            say(
                "This %(kind)s is %(size)s MB; one record may be at most %(most)s MB.",
                kind=kind,
                size=f"{len(raw) / 1048576:.1f}",
                most=f"{limits.resource_bytes / 1048576:.0f}",
            ),
            kind,
        )
    left_out = 0
    if may_hold_one(raw):
        tree, left_out = without_private_numbers(tree)
        raw = canonical(tree) if left_out else raw
    sha256 = hashlib.sha256(raw.encode()).hexdigest()
    meta = tree.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    base = _BASE.fullmatch(full_url)
    provenance = Provenance(
        source=source or (base.group(1) if base else "file"),
        kind=kind,
        source_id=_source_id(tree, full_url) or f"sha256-{sha256[:32]}",
        version=version if isinstance(version, str) and _ID.fullmatch(version) else "",
        last_updated=_instant(meta.get("lastUpdated") if isinstance(meta, dict) else None),
        sha256=sha256,
    )
    return Resource(provenance, tree, raw, place, left_out)


def unstorable(raw: str) -> bool:
    """Whether canonical JSON holds a NUL or half a surrogate pair, which no PostgreSQL text takes."""
    return "\\u" in raw and _UNSTORABLE.search(raw) is not None


def _source_id(tree: Tree, full_url: str) -> str:
    given = tree.get("id")
    if isinstance(given, str) and _ID.fullmatch(given):
        return given
    tail = full_url.removeprefix("urn:uuid:")
    return tail if tail != full_url and _ID.fullmatch(tail) else ""


def _add(index: Index, tree: Tree, full_url: str) -> None:
    kind, source_id = tree.get("resourceType"), _source_id(tree, full_url)
    if isinstance(kind, str) and source_id:
        index.add(kind, source_id, full_url, tree)


def _instant(text: object) -> datetime | None:
    try:
        return parse_when(text).instant if isinstance(text, str) else None
    except NotADate:
        return None


def _fault(place: str, sentence: str, kind: str = "") -> RowError:
    return RowError(
        kind,
        "",
        kind,
        sentence,
        say("Ask the sending system to correct it, then bring the file in again."),
        place,
    )
