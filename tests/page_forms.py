"""Every page there is: its address with ids of a practice, the forms on it, and what in it a browser would run.

Routes come from the application, forms from the pages themselves; nothing here lists either.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit
from uuid import UUID

from cast import STAFF, World
from two_practices import Leaf, Practice

from server.app import route_table
from server.graphql.connections import parts_of
from server.ids import new_id, parse_id
from server.tenants.permissions import PERMISSIONS, permissions_of

_PARAMETER = re.compile(r"\{(\w+):(\w+)\}")
#: the part of a path right before a parameter -> the kind of id the parameter is
KINDS = {
    "people": "Patient", "contacts": "Encounter", "programs": "Enrollment", "other-services": "OtherService",
    "visits": "PractitionerVisit", "plan": "PlanVersion", "minutes": "TimeEntry", "staff": "Staff", "sites": "Site",
    "payers": "Payer", "qualifications": "Qualification", "tokens": "ApiToken", "sessions": "SignIn",
    "imports": "ImportBatch", "tables": "Sheet", "work": "Job", "agreements": "Directory", "{month}": "Patient", "{program}": "Consent",
    "stretches": "TimerStretch", "drafts": "TimeEntry", "note-drafts": "Draft",
    "referrals": "Referral", "hours": "Staff", "lines": "WorkingHours", "away": "DaysAway",
    "assessments": "Assessment", "safety": "SafetyConcern",
    "duplicates": "DuplicatePair", "joined": "PatientMerge", "tasks": "Task",
    "providers": "Staff", "claims": "Claim", "files": "Interchange", "unsigned": "Patient", "{patient}": "ClaimDraft",
}  # fmt: skip
#: parameters that are no ids -> a value that is there
WORDS: dict[str, Callable[[Practice], str]] = {
    "month": lambda p: p.month,
    "program": lambda _: "ccm",
    "file_path": lambda _: "css/carewright.css",
    "token": lambda _: "cw_link_" + "A" * 43,  # a secret, not an id: knowing one is the right to use it
}


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    scope: str
    permission: str

    @property
    def name(self) -> str:
        return f"{self.method} {_PARAMETER.sub(lambda m: '{' + m[1] + '}', self.path)}"

    @property
    def parameters(self) -> list[str]:
        return [name for name, _ in _PARAMETER.findall(self.path)]

    def kind(self, parameter: str) -> str | None:
        """The kind of id a parameter takes; None for a word. Raises LookupError for one nobody has explained."""
        if parameter in WORDS:
            return None
        plain = _PARAMETER.sub(lambda m: "{" + m[1] + "}", self.path).split("/")
        before = plain[plain.index("{" + parameter + "}") - 1]
        if before not in KINDS:
            raise LookupError(f"{self.name}: say in page_forms.KINDS or WORDS what `{parameter}` is")
        return KINDS[before]

    @property
    def ids(self) -> list[str]:
        return [p for p in self.parameters if self.kind(p) is not None]

    def pattern(self) -> re.Pattern[str]:
        return re.compile(
            _PARAMETER.sub("[^/]+", re.escape(self.path).replace(r"\{", "{").replace(r"\}", "}"))
        )

    def address(self, practice: Practice, given: Mapping[str, str] | None = None) -> str:
        """The path with ids of what is there, `given` parameters excepted."""

        def filled(match: re.Match[str]) -> str:
            name = match[1]
            if given and name in given:
                return given[name]
            kind = self.kind(name)
            if kind == "Staff" and self.permission == "hours.write":  # hours are one's own
                return str(practice.world.staff[who_may(self.permission)])
            return quote(WORDS[name](practice), safe="/") if kind is None else key_of(practice, kind)

        return _PARAMETER.sub(filled, self.path)


def key_of(practice: Practice, kind: str) -> str:
    # Somebody hired for it: the cast is still needed when a form has made this person leave.
    parts = parts_of(practice.ids[kind][-1] if kind == "Staff" else practice.one(kind))
    assert parts is not None
    return str(parts[1])


def keys_of(practice: Practice, kind: str, most: int = 2) -> list[str]:
    """Database ids of a kind, the pinned one first, as pages write them."""
    pinned = [practice.pinned[kind]] if kind in practice.pinned else []
    ids = list(dict.fromkeys([*pinned, *reversed(practice.ids.get(kind, []))]))[:most]
    return [str(parts[1]) for parts in map(parts_of, ids) if parts]


_route_table = cache(route_table)  # the whole application is made to be asked


def routes(*methods: str) -> list[Route]:
    """Every route of the site's pages with one of the methods; GraphQL and sockets are asked elsewhere."""
    return [
        Route(method, row["path"], row["scope"], row["permission"])
        for row in _route_table()
        for method in row["methods"].split(",")
        if method in (methods or ("GET", "POST", "PUT", "PATCH", "DELETE")) and row["path"] != "/graphql"
    ]


def who_may(permission: str) -> str:
    """One of the cast whose role holds a permission."""
    if permission not in PERMISSIONS:
        return "nora"
    order = ("nora", "ada", "dr_lin", "bill", *STAFF)
    return next(who for who in order if permission in permissions_of(STAFF[who][1]))


def csrf_of(world: World, who: str) -> str:
    return hmac.new(world.csrf[who].encode(), b"form", hashlib.sha256).hexdigest()


# --- forms ------------------------------------------------------------------------------------------------


@dataclass
class Control:
    """One named control of a form and the values it offers."""

    kind: str
    values: list[str] = field(default_factory=list)
    checked: str | None = None


@dataclass
class Form:
    method: str
    action: str
    controls: dict[str, Control] = field(default_factory=dict)

    def filled(self, practice: Practice, words: Callable[[str], str] | None = None) -> dict[str, str]:
        """What a person might send: what is offered, and words where words go."""
        return {
            name: value
            for name, control in self.controls.items()
            if (value := _value(practice, name, control, words)) is not None
            and name not in {"_csrf", "_once"}
        }


_DAY = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
_FITTING = {
    "birth_date": "1944-05-02", "npi": "1234567893", "time_zone": "America/Detroit", "phone": "(313) 555-0142",
    "state": "MI", "zip": "48226-1906", "email": "somebody@somewhere.example", "code": "J44.9", "minutes": "12",
    "language": "en", "days": "30", "tin": "38-7654321", "taxonomy": "207Q00000X", "receiver_id": "GATE01",
    "claim_payer_id": "PAYER01", "submitter_id": "SENDER01", "contact_phone": "(313) 555-0142", "contact_email": "",
    "filing_days": "365", "other_code": "A1234", "other_amount": "12.00",
}  # fmt: skip


def _value(practice: Practice, name: str, control: Control, words: Callable[[str], str] | None) -> str | None:
    if control.kind == "hidden":
        return control.values[0] if control.values else ""
    if name == "role" and "care_manager" in control.values:
        return "care_manager"
    if control.kind in {"select", "radio"}:
        real = [v for v in control.values if v]
        return control.checked or (real[0] if real else "")
    if control.kind == "checkbox":
        return control.values[0] if control.values else "on"
    if control.kind == "file":
        return None
    by_type = {"date": _DAY, "time": "13:00", "number": "10", "month": practice.month}
    if name.startswith("amount_"):
        return "95.00"
    if name in _FITTING:
        return _FITTING[name]
    if control.kind in by_type:
        return control.values[0] if control.values and control.values[0] else by_type[control.kind]
    return words(name) if words else practice.words(Leaf("form", (name,), "Line", True))


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select: Control | None = None
        self._text: Control | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        if tag == "form":
            action = given.get("action") or given.get("hx-post") or ""
            method = "POST" if "hx-post" in given else given.get("method", "get").upper()
            self._open = Form(method, action)
            self.forms.append(self._open)
        if "hx-post" in given and tag != "form":
            lone = Form("POST", given["hx-post"])
            if given.get("name"):
                lone.controls[given["name"]] = Control(given.get("type", "text"))
            self.forms.append(lone)
        form = self._open
        if form is not None and "formaction" in given:
            other = Form("POST", given["formaction"], form.controls)  # the same controls, sent elsewhere
            self.forms.append(other)
        name = given.get("name")
        if form is None or not name:
            if tag == "option" and self._select is not None:
                self._option(given)
            return
        if tag == "input" or tag == "button":
            kind = given.get("type", "text") if tag == "input" else "hidden"
            control = form.controls.setdefault(name, Control(kind))
            control.values.append(given.get("value", ""))
            if "checked" in given:
                control.checked = given.get("value", "on")
        elif tag == "select":
            self._select = form.controls.setdefault(name, Control("select"))
        elif tag == "textarea":
            self._text = form.controls.setdefault(name, Control("textarea"))

    def _option(self, given: dict[str, str]) -> None:
        assert self._select is not None
        self._select.values.append(given.get("value", ""))
        if "selected" in given:
            self._select.checked = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._text = None


def forms_in(page: str) -> list[Form]:
    parser = _Forms()
    parser.feed(page)
    return parser.forms


_known: dict[UUID, dict[str, Form]] = {}


async def forms_of(practice: Practice) -> dict[str, Form]:
    """The forms on the practice's pages, looked for once."""
    tenant = practice.world.tenant_id
    if tenant not in _known:
        _known[tenant], _ = await crawl(practice)
    return _known[tenant]


async def crawl(practice: Practice) -> tuple[dict[str, Form], dict[str, str]]:
    """Every GET page of the practice as somebody who may, and as an administrator: (route name -> form, address -> page)."""
    posts = [(route, route.pattern()) for route in routes("POST")]
    forms: dict[str, Form] = {}
    pages: dict[str, str] = {}
    for route in routes("GET"):
        if route.path.startswith("/static/"):
            continue
        visitors = {
            "tenant": [w for w in (who_may(route.permission), "ada", "bill") if route.permission in permissions_of(STAFF[w][1])],
            "platform": ["nora"],
        }  # fmt: skip
        for who in dict.fromkeys(visitors.get(route.scope, [None])):
            answer = await practice.client(who).get(route.address(practice))
            assert answer.status_code < 500, (route.name, answer.text[:500])
            pages[f"{who or 'nobody'} {route.address(practice)}"] = answer.text
            for form in forms_in(answer.text):
                path = urlsplit(form.action).path or route.address(practice)
                fits = [r for r, pattern in posts if form.method == "POST" and pattern.fullmatch(path)]
                exact = [r for r in fits if not r.parameters] or fits
                for found in exact[:1]:
                    known = forms.setdefault(found.name, Form("POST", path))
                    for name, control in form.controls.items():
                        known.controls.setdefault(name, control)
    return forms, pages


# --- ids inside forms ---------------------------------------------------------------------------------------


def id_controls(form: Form, practice: Practice) -> Iterator[tuple[str, str]]:
    """(control, kind) of every control whose offered values are ids of the practice."""
    by_key: dict[UUID, str] = {}
    for ids in (*practice.ids.values(), practice.pinned.values()):
        for id in ids:
            parts = parts_of(id)
            if parts:
                by_key[parts[1]] = parts[0]
    for name, control in form.controls.items():
        for value in control.values:
            key = parse_id(value)
            if key is not None and key in by_key:
                yield name, by_key[key]
                break


def ghost() -> str:
    return str(new_id())


# --- what a browser would run ---------------------------------------------------------------------------------

#: where a person's words may stand inside a tag: nothing reads these as code or as an address
_INERT = re.compile(r"value|title|alt|placeholder|content|aria-[a-z]+|data-[a-z-]+|label|datetime|lang")
MARK = "__xss"


class _Runs(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag if tag in {"script", "style", "iframe"} else self._inside
        if tag in {"iframe", "object", "embed", "base", "math"}:
            self.found.append(f"<{tag}>")
        if MARK in tag:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if (
                name.startswith("on")
                or MARK in name
                or (value and MARK in value and not _INERT.fullmatch(name))
                or (
                    value
                    and re.match(r"\s*(javascript|vbscript|data:(?!image/)):?", value, re.IGNORECASE)
                    and name
                    in {
                        "href",
                        "src",
                        "action",
                        "formaction",
                        "hx-get",
                        "hx-post",
                        "xlink:href",
                    }
                )
            ):
                self.found.append(f"<{tag} {name}={value!r}>")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside and MARK in data:
            self.found.append(f"inside <{self._inside}>: {data[:80]}")

    def handle_comment(self, data: str) -> None:
        if MARK in data:
            self.found.append(f"comment: {data[:80]}")


def runs_in(page: str) -> list[str]:
    """What of a payload became an element, an attribute with an effect, or a script."""
    parser = _Runs()
    parser.feed(page)
    parser.close()
    return parser.found
