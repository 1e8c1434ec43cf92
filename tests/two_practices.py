"""Two practices with something of everything, and a valid request for every root field of the schema.

Nothing here lists fields or tables: arguments are grown from the schema itself, ids are learned from the answers, and
rows are counted over every table the metadata knows. What cannot be guessed (a month is `2026-10`, a coverage needs a
payer) stands in `FITS`, `KINDS` and `FIRST`; a field that is added later and cannot be called is reported by name.
"""

import itertools
import json
import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa
from cast import STAFF, World
from claims.care import last_month, minutes, someone_in_care
from claims.month_end import close_month
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, Range
from sqlalchemy.ext.asyncio import AsyncEngine

import migrations.model
from server.claims.claim_queries import month_claims
from server.claims.claim_rows import Chosen
from server.claims.sending import make_interchanges
from server.claims.sign import record_denial, sign_claims
from server.clock import today
from server.duplicates.tables import DuplicatePair
from server.enrollment.referral_policy import choose_referral_policy
from server.graphql.connections import global_id, parts_of
from server.graphql.context import Context
from server.graphql.refusals import described, permissions
from server.graphql.schema import SCHEMA
from server.ids import new_id
from server.minutes.tables import Timer, TimerStretch
from server.patients.actions import NewPatient, register_patient
from server.patients.details import set_address
from server.patients.tables import Coverage
from server.tables import Instant, Table, Tenant
from server.tenants.billing_identity import state_identity, state_provider_billing, state_route
from server.tenants.charges import state_charge
from server.tenants.db import tenant_db
from server.tenants.permissions import permissions_of
from server.tenants.tables import Job
from server.worker import drain_once, gather_kinds
from web.site import cookie_name

CORE = SCHEMA._schema
CLASSES: dict[str, Any] = {m.class_.__tablename__: m.class_ for m in Table.registry.mappers}
TENANT_TABLES = [t for t in migrations.model.METADATA.sorted_tables if issubclass(CLASSES[t.name], Tenant)]
#: rows of the platform that belong to one practice, by the column that says so
OF_A_PRACTICE = {
    "directory": "id",
    "membership": "tenant_id",
    "sign_in": "tenant_id",
    "api_token": "tenant_id",
    "one_time_link": "tenant_id",
}
ROOTS = {"Query": CORE.query_type, "Mutation": CORE.mutation_type, "Subscription": CORE.subscription_type}
ORIGIN = "http://127.0.0.1:8080"

Path = tuple[str | int, ...]
Words = Callable[["Leaf"], str]


# --- what a field can be given ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leaf:
    """One place in a root field's arguments: `input.changes.note` of `saveEncounter`."""

    field: str
    path: Path
    type: str
    required: bool

    @property
    def name(self) -> str:
        return next(str(p) for p in reversed(self.path) if isinstance(p, str))

    @property
    def place(self) -> str:
        return f"{self.field}({'.'.join(map(str, self.path))})"

    @property
    def is_text(self) -> bool:
        return self.type in {"Line", "ShortText", "Text", "LongText", "String"}


def root_fields() -> Iterator[tuple[str, str, GraphQLField]]:
    """(root, name, definition) of every root field."""
    for root, kind in ROOTS.items():
        for name, definition in (kind.fields if kind else {}).items():
            yield root, name, definition


def leaves(name: str, definition: GraphQLField) -> list[Leaf]:
    """Every place of the arguments that takes a scalar or an enum, lists and nested input objects included."""
    found: list[Leaf] = []
    for argument, given in definition.args.items():
        required = isinstance(given.type, GraphQLNonNull) and is_required_argument(given)
        found += _leaves(name, (argument,), given.type, required, ())
    return found


def _leaves(name: str, path: Path, kind: Any, required: bool, above: tuple[str, ...]) -> list[Leaf]:
    plain = get_nullable_type(kind)
    if isinstance(plain, GraphQLList):
        return _leaves(name, (*path, 0), plain.of_type, required, above)
    if isinstance(plain, GraphQLInputObjectType):
        if plain.name in above:
            return []
        found = []
        for sub, given in plain.fields.items():
            needed = required and isinstance(given.type, GraphQLNonNull)
            found += _leaves(name, (*path, sub), given.type, needed, (*above, plain.name))
        return found
    return [Leaf(name, path, plain.name, required)]


#: what an id argument whose name does not say it is an id of
KINDS = {
    "practitioner": "Staff",
    "batch": "ImportBatch",
    "close": "MonthClose",
    "override": "MonthOverride",
    "continues": "Draft",
    "signOffClaims.draftId": "ClaimDraft",
    "line": "ClaimLine",
    "claims": "Claim",
    "corrects": "Assessment",
    "takeBackAssessment": "Assessment",
    "recordPayerNumber": "Claim",
    "recordClaimRefusal": "Claim",
    "recordClaimDenial": "Claim",
    "takeBackClaimDenial": "Claim",
    "pair": "DuplicatePair",
    "merge": "PatientMerge",
    "keep": "Patient",
    "gone": "Patient",
    "to": "Staff",
    "through": "ReferralStep",
}
_VERB = re.compile(r"^[a-z]+")


def kind_of(leaf: Leaf) -> str | None:
    """The kind of id a place takes, by its name; `endContactWay(id)` takes the id of a ContactWay."""
    stem = leaf.name.removesuffix("Ids").removesuffix("Id")
    if leaf.name in {"id", "ids"}:
        return None if leaf.field == "node" else KINDS.get(leaf.field) or _VERB.sub("", leaf.field) or None
    stem = KINDS.get(f"{leaf.field}.{leaf.name}") or KINDS.get(stem, stem)
    return stem[:1].upper() + stem[1:]


class Gone(Exception):
    """There is nothing of this kind to name."""


@dataclass
class Practice:
    """One practice of the two, what it holds, and its clients."""

    world: World
    app: Any
    month: str
    words: Words
    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    pinned: dict[str, str] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    refused: dict[str, str] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)  # places that took our words
    failed: list[str] = field(default_factory=list)  # jobs that failed, each good for one decision
    to_sign: dict[str, str] = field(default_factory=dict)  # a draft that lacks nothing: patient, draft, hash
    sent: list[str] = field(default_factory=list)  # three claims sent, one denied, one signed
    _slots: Iterator[int] = field(default_factory=itertools.count)

    # --- asking -----------------------------------------------------------------------------------------

    def client(self, who: str | None) -> httpx.AsyncClient:
        """Signed in as one of the cast, or nobody."""
        key = who or ""
        if key not in self.clients:
            self.clients[key] = client_of(self.app, self.world.sessions[who] if who else None)
        return self.clients[key]

    async def post(self, who: str | None, document: str, **variables: Any) -> httpx.Response:
        # Written in ASCII: half of a surrogate pair can be sent as an escape, and must be refused, not failed on.
        body = json.dumps({"query": document, "variables": variables}).encode()
        return await self.client(who).post(
            "/graphql", content=body, headers={"content-type": "application/json"}
        )

    async def first_event(self, who: str, document: str, **variables: Any) -> httpx.Response:
        """What a subscription says first, in the shape of an answer to a query."""
        context = Context(self.world.actor(who, via="graphql"))
        stream = await SCHEMA.subscribe(document, variable_values=variables, context_value=context)
        result: Any = stream
        if hasattr(stream, "__anext__"):
            result = await anext(stream)
            await stream.aclose()  # type: ignore[attr-defined]
        errors = [described(error, lambda *_: None) for error in result.errors or ()]
        return httpx.Response(200, json={"data": result.data, "errors": errors})

    async def close(self) -> None:
        for client in self.clients.values():
            await client.aclose()

    # --- arguments that fit -------------------------------------------------------------------------------

    def arguments(
        self,
        name: str,
        definition: GraphQLField,
        given: Mapping[Path, Any] | None = None,
        *,
        words: Words | None = None,
        full: bool = True,
    ) -> dict[str, Any]:
        """A valid value for every place, `given` ones excepted. full: optional places too.

        Raises Gone if an id is needed of a kind this practice has nothing of.
        """
        given = given or {}
        moment = self._moment(name)
        built: dict[str, Any] = {}
        for leaf in leaves(name, definition):
            if leaf.path in given:
                _put(built, leaf.path, given[leaf.path])
                continue
            fit = FITS.get(f"{name}.{leaf.name}", FITS.get(leaf.name))
            if fit is LEFT_OUT or (not leaf.required and not full):
                continue
            if leaf.type == "ID" and callable(fit):
                _put(built, leaf.path, fit(self, moment, leaf))
            elif leaf.type == "ID":
                kind = kind_of(leaf)
                if kind is None or not self.has(kind):
                    if leaf.required:
                        raise Gone(f"{leaf.place}: nothing of the kind {kind}")
                    continue
                _put(built, leaf.path, self.one(kind, leaf))
            elif fit is not None:
                value = fit(self, moment, leaf) if callable(fit) else fit
                _put(built, leaf.path, value)
            elif leaf.is_text:
                _put(built, leaf.path, (words or self.words)(leaf))
            else:
                _put(built, leaf.path, self._plain(leaf, moment))
        return built

    def has(self, kind: str) -> bool:
        return kind in self.pinned or bool(self.ids.get(kind))

    def one(self, kind: str, leaf: Leaf | None = None) -> str:
        """An id of this practice: the pinned one, else the newest."""
        if leaf is not None and leaf.name == "practitionerId":
            return global_id("Staff", self.world.staff["dr_lin"])
        if leaf is not None and kind == "Job" and self.failed:
            return self.failed.pop()
        made_for_it = leaf is not None and kind in NEWEST.get(leaf.field, ())
        return self.ids[kind][-1] if made_for_it else self.pinned.get(kind) or self.ids[kind][-1]

    def _moment(self, name: str) -> datetime:
        """A quarter of an hour nobody has used, last month, which nobody closes; nothing overlaps."""
        year, number = map(int, last_month(self.world.zone).split("-"))
        return datetime(year, number, 9, 13, tzinfo=UTC) + timedelta(minutes=15 * next(self._slots))

    def _plain(self, leaf: Leaf, moment: datetime) -> Any:
        kind = CORE.type_map[leaf.type]
        if isinstance(kind, GraphQLEnumType):
            return next(iter(kind.values))
        return {
            "Int": 1,
            "Float": 1.0,
            "Minutes": 10,
            "Seconds": 600,
            "Boolean": False,
            "Decimal": "1.50",
            "Date": f"{moment:%Y-%m-%d}",
            "DateTime": moment.isoformat(),
        }[leaf.type]

    # --- living ---------------------------------------------------------------------------------------------

    def who_may(self, root: str, name: str) -> str:
        """The first of the cast whose role holds the field's permission; clinicians first."""
        permission = PERMISSIONS[f"{root}.{name}"]
        if permission == "by_kind":
            return "ada"
        for who in ("nora", "ada", "dr_lin", "bill", *STAFF):
            if permission in permissions_of(STAFF[who][1]) or permission == "public":
                return who
        raise AssertionError(f"nobody holds {permission}")

    async def run(
        self,
        root: str,
        name: str,
        given: Mapping[Path, Any] | None = None,
        *,
        who: str | None = None,
        words: Words | None = None,
        full: bool = True,
    ) -> dict[str, Any]:
        """Call a root field with arguments that fit, having first done what it needs; what it answered."""
        definition = ROOTS[root].fields[name]  # type: ignore[union-attr]
        if name in FIRST:
            before, more = FIRST[name]
            await self.run("Mutation", before, more, who=_BY.get(name), words=words)
        arguments = self.arguments(name, definition, given, words=words, full=full)
        answer = await self.post(
            who or self.who_may(root, name),
            document(root, [(name, name, arguments)]),
            **variables(name, arguments),
        )
        assert answer.status_code < 500, (name, answer.text)
        payload = answer.json()
        result = (payload.get("data") or {}).get(name)
        if payload.get("errors"):
            self.refused[name] = str(payload["errors"][0]["message"])
        elif isinstance(result, dict) and result.get("__typename") in {"Refusal", "NewerEncounter"}:
            self.refused[name] = f"{result.get('code')} {result.get('field') or ''} {result.get('message')}"
        else:
            self.done[name] += 1
            self.refused.pop(name, None)
            for leaf in leaves(name, definition):
                if leaf.is_text and f"{name}.{leaf.name}" not in FITS and leaf.name not in FITS:
                    self.written.add(leaf.place)
        self.learn(payload.get("data"))
        return payload  # type: ignore[no-any-return]

    def learn(self, value: Any) -> None:
        """Remember every id in an answer; the newest is named next."""
        if isinstance(value, list):
            for one in reversed(value):
                self.learn(one)
        elif isinstance(value, dict):
            for one in value.values():
                self.learn(one)
            id = value.get("id")
            parts = parts_of(id) if isinstance(id, str) else None
            if parts is not None:
                if id in self.ids[parts[0]]:
                    self.ids[parts[0]].remove(id)
                self.ids[parts[0]].append(id)
                self.seen[id] = {**self.seen.get(id, {}), **value}


# --- documents ----------------------------------------------------------------------------------------------


def document(root: str, calls: Sequence[tuple[str, str, Mapping[str, Any]]], *, depth: int = 2) -> str:
    """One operation of several calls (alias, field, arguments), the arguments as variables `<alias>_<argument>`."""
    heads, bodies, fragments = [], [], {}
    for alias, name, arguments in calls:
        definition = ROOTS[root].fields[name]  # type: ignore[union-attr]
        heads += [f"${alias}_{a}: {definition.args[a].type}" for a in arguments]
        inside = ", ".join(f"{a}: ${alias}_{a}" for a in arguments)
        target = get_named_type(definition.type)
        spread = ""
        if not is_leaf_type(target):
            fragments[target.name] = selection(target, depth)
            spread = f"{{ __typename ...F{target.name} }}"
        bodies.append(f"{alias}: {name}{f'({inside})' if inside else ''} {spread}")
    head = f"({', '.join(heads)})" if heads else ""
    written = " ".join(f"fragment F{n} on {n} {body}" for n, body in fragments.items())
    return f"{root.lower()} T{head} {{ {' '.join(bodies)} }} {written}"


def variables(alias: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{alias}_{name}": value for name, value in arguments.items()}


def selection(kind: Any, depth: int) -> str:
    """Every field that needs no argument, to a depth; 0: only what was answered, or why not."""
    if depth == 0:
        refusal = "... on Refusal { code }" if isinstance(kind, GraphQLUnionType) else ""
        return f"{{ __typename {refusal} }}"
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        types: dict[str, str] = {}
        # What all of them have is named once: a name may stand only so often in a selection.
        shared = set(kind.fields) if isinstance(kind, GraphQLInterfaceType) else set()
        parts = ["__typename", *sorted(shared)]
        for member in sorted(CORE.get_possible_types(kind), key=lambda t: t.name):
            parts.append(f"... on {member.name} {_fields(member, depth, types, shared)}")
        return "{ " + " ".join(parts) + " }"
    return _fields(kind, depth, {})


def _fields(kind: GraphQLObjectType, depth: int, types: dict[str, str], but: Collection[str] = ()) -> str:
    parts = []
    for name, given in kind.fields.items():
        if name in but or any(is_required_argument(a) for a in given.args.values()):
            continue
        target = get_named_type(given.type)
        below = ""
        if not is_leaf_type(target):
            if depth <= 1:
                continue
            below = selection(target, depth - 1)
        few = "(first: 3)" if "first" in given.args else ""
        # Two members of a union may call different things by one name.
        same = types.setdefault(name, str(given.type)) == str(given.type) and is_leaf_type(target)
        alias = "" if same else f"{kind.name}_{name}: "
        parts.append(f"{alias}{name}{few} {below}")
    return "{ " + " ".join(parts or ["__typename"]) + " }"


def _put(built: dict[str, Any], path: Path, value: Any) -> None:
    at: Any = built
    for step, following in itertools.pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if len(at) <= step:
                at.append(empty)
            at = at[step]
        else:
            at = at.setdefault(step, empty)
    last = path[-1]
    if isinstance(last, int):
        at.insert(last, value)
    else:
        at[last] = value


# --- what cannot be guessed ---------------------------------------------------------------------------------

LEFT_OUT = object()


def _long_ago(_: Practice, moment: datetime, __: Leaf) -> str:
    return f"{moment - timedelta(days=90):%Y-%m-%d}"


def _today(_: Practice, __: datetime, ___: Leaf) -> str:
    return f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"


def _revision(practice: Practice, _: datetime, __: Leaf) -> int:
    newest = practice.seen.get(practice.ids["Encounter"][-1] if practice.ids["Encounter"] else "", {})
    return int(newest.get("revision", 1))


def _unlike_any_other(practice: Practice, _: datetime, leaf: Leaf) -> str:
    return f"{secrets.token_hex(4)} {practice.words(leaf)[:180]}"


_years, _later_years = itertools.count(1900), itertools.count(1900)
_npis = itertools.count(100_000_000)


def npi(*_: Any) -> str:
    """A number with the right check digit, another one each time."""
    digits = f"{next(_npis) + 100_000_000}"
    total = 24
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return digits + str(-total % 10)


def _short(practice: Practice, _: datetime, leaf: Leaf) -> str:
    """What a claim has room for."""
    return practice.words(leaf)[:35]


def _table(practice: Practice, _: datetime, leaf: Leaf) -> str:
    """Somebody like the one an earlier table brought, and somebody new; our words are in a column that may say anything."""
    one, other = secrets.token_hex(5), secrets.token_hex(5)
    words = practice.words(leaf).replace('"', "'")
    return (
        "Last Name,First Name,DOB,Contact notes\r\n"
        f'Newcomer,Ida {one},3/4/1950,\r\nNew{other},Ida,3/4/1950,"{words}"\r\n'
    )


_weeks = itertools.count()
_of_hours: list[date] = []


def _next_monday(*_: Any) -> str:
    """Of a week in which nobody has hours yet."""
    _of_hours.append(date(2005, 1, 3) + timedelta(weeks=next(_weeks)))
    return f"{_of_hours[-1]}"


def _that_monday(*_: Any) -> str:
    return f"{_of_hours[-1]}"


def _nora(practice: Practice, *_: Any) -> str:
    """Hours are one's own."""
    return global_id("Staff", practice.world.staff["nora"])


def _rosa(practice: Practice, *_: Any) -> str:
    """A colleague to hand things on to."""
    return global_id("Staff", practice.world.staff["rosa"])


def _to_sign(key: str) -> Callable[[Practice, datetime, Leaf], str]:
    """A draft that was made ready and is still to be signed."""
    return lambda practice, _, __: practice.to_sign[key]


def _claim(place: int) -> Callable[[Practice, datetime, Leaf], str]:
    return lambda practice, _, __: practice.sent[place]


#: `field.place` or `place` -> the value that fits, a function of (practice, moment, leaf), or LEFT_OUT
FITS: dict[str, Any] = {
    "program": "CCM",
    "initiatingFor": "CCM",
    "enroll.program": "PDCM",
    "recordRefusal.program": "PDCM",
    "month": lambda p, *_: p.month,
    "target": LEFT_OUT,
    "birthDate": "1944-05-02",
    "deceasedOn": LEFT_OUT,
    "toOn": LEFT_OUT,
    "effectiveAt": LEFT_OUT,
    "basedOn": LEFT_OUT,
    "reviewOn": LEFT_OUT,
    "askAgainOn": lambda *_: f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%d}",
    "partOf": LEFT_OUT,
    "after": LEFT_OUT,
    "first": 20,
    "changePatient.revision": LEFT_OUT,
    "revision": _revision,
    "sex": "female",
    "birthSex": "female",
    "genderIdentity": "woman",
    "races": "white",
    "ethnicity": "not_hispanic_or_latino",
    "language": "en",
    "maritalStatus": LEFT_OUT,
    "recordNumber": lambda *_: f"R{secrets.token_hex(5)}",
    "addContactWay.kind": "other",
    "addSupportPerson.kind": "friend",
    "legalRole": "guardian",
    "use": "home",
    "part": "specialist",
    "addCareTeamMember.name": LEFT_OUT,
    "state": lambda p, m, leaf: "MI" if leaf.is_text else "FINAL",
    "zip": "48201",
    "phone": "(313) 555-0142",
    "code": "J44.9",
    "aboutCode": LEFT_OUT,
    "wordingVersion": "elsewhere",
    "told": "COST_SHARE",
    "element": "ehr_shared",
    "find": "Walker",
    "diagnosisCodes.find": "E11",
    "startedAt": lambda p, m, leaf: m.isoformat(),
    "endedAt": lambda p, m, leaf: (m + timedelta(minutes=12)).isoformat(),
    "joinMeeting.startedAt": LEFT_OUT,
    "joinMeeting.endedAt": LEFT_OUT,
    "joint": False,
    "page": "window",
    "counted": 1_000,
    "ago": 0,
    "recordContact.timerId": LEFT_OUT,
    "decideStretch.startedAt": LEFT_OUT,
    "decideStretch.endedAt": LEFT_OUT,
    "npi": npi,
    "timeZone": "America/Detroit",
    "email": lambda *_: f"{secrets.token_hex(6)}@somewhere.example",
    "ediId": "12345",
    "number": "L-20391",
    "PayerInput.kind": LEFT_OUT,
    "addPayer.kind": LEFT_OUT,
    "changePayer.kind": LEFT_OUT,
    "region": "MI",
    "scopes": "read",
    "draftId": LEFT_OUT,
    "saveDraft.encounterId": LEFT_OUT,
    "saveDraft.name": "note",
    "cursorField": "note",
    "days": 30,
    "fromOn": _long_ago,
    "addCoverage.fromOn": lambda *_: f"{next(_years)}-01-01",
    "addCoverage.toOn": lambda *_: f"{next(_later_years)}-12-31",
    "recordOtherService.code": "99213",
    "addQualification.name": "rn",
    "addQualification.toOn": LEFT_OUT,
    "addPayer.name": _unlike_any_other,
    "changePayer.name": _unlike_any_other,
    "policy": "accurate",
    "startedOn": _long_ago,
    "lastDay": _today,
    "on": _today,
    "active": True,
    "chronic": True,
    "rank": 1,
    "role": "CARE_MANAGER",
    "retryJobs.kind": LEFT_OUT,
    "jobs.state": "DEAD",
    "tin": "38-7654321",
    "tinKind": "EI",
    "relationship": "spouse",
    "taxonomy": "207Q00000X",
    "placeOfService": "11",
    "filingIndicator": "MB",
    "filingDays": 365,
    "receiverId": "GATE01",
    "claimPayerId": "MB001",
    "submitterId": "SENDER01",
    "contactPhone": "(313) 555-0142",
    "contactEmail": LEFT_OUT,
    "legalName": _short,
    "contactName": _short,
    "receiverName": _short,
    "claimPayerName": _short,
    "providerNumber": _short,
    "stateProviderBilling.familyName": _short,
    "stateProviderBilling.givenName": _short,
    "stateProviderBilling.staffId": lambda p, *_: global_id("Staff", p.world.staff["dr_lin"]),
    **{f"{name}.street": _short for name in ("stateIdentity", "stateSiteBilling")},
    **{f"{name}.city": "Detroit" for name in ("stateIdentity", "stateSiteBilling")},
    **{f"{name}.zip": "48226-1906" for name in ("stateIdentity", "stateSiteBilling")},
    "stateCharge.code": "99439",
    "signOffClaims.patientId": _to_sign("patient"),
    "signOffClaims.draftId": _to_sign("draft"),
    "signOffClaims.contentHash": _to_sign("hash"),
    "signOffClaims.looked": True,
    "recordPayerNumber.id": _claim(0),
    "recordClaimRefusal.id": _claim(1),
    "recordClaimDenial.id": _claim(2),
    "recordClaimDenial.on": lambda p, *_: today(p.world.zone).isoformat(),
    "takeBackClaimDenial.id": _claim(3),
    "withdrawClaim.id": _claim(4),
    "claims": _claim(0),
    "claims.states": LEFT_OUT,
    "duplicatePairs.state": "OPEN",
    "joinRecords.goneId": lambda p, *_: p.ids["Patient"][-1],
    "take": "sex",
    "evidence.version": LEFT_OUT,
    "evidence.lineId": LEFT_OUT,
    "makeInterchanges.payerId": LEFT_OUT,
    "takeSheet.text": _table,
    "setSheetColumns.place": 2,
    "setSheetColumns.field": "birth_date",
    "setSheetColumns.dateOrder": "mdy",
    "decideSheetRow.line": 2,
    "decideSheetRow.choice": "new",
    "sheetRows.verdict": LEFT_OUT,
    "sheetRows.afterLine": 0,
    "closeSafetyConcern.on": lambda p, *_: today(p.world.zone).isoformat(),
    "recordAssessment.instrument": "whole-picture",
    "recordAssessment.version": "1",
    "recordAssessment.item": "matters",
    "recordAssessment.codes": LEFT_OUT,
    "recordAssessment.number": LEFT_OUT,
    "recordAssessment.correctsId": LEFT_OUT,
    "assessments.instrument": LEFT_OUT,
    "putHintAway.key": "a-hint",
    "planning.staffId": _nora,
    "whoIsThere.fromOn": lambda *_: f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}",
    "whoIsThere.days": 7,
    "addWorkingHours.staffId": _nora,
    "addWorkingHours.begins": "08:30",
    "addWorkingHours.ends": "16:30",
    "addWorkingHours.fromOn": _next_monday,
    "addWorkingHours.toOn": _that_monday,
    "endWorkingHours.lastDay": _that_monday,
    "addDaysAway.staffId": _nora,
    "addDaysAway.fromOn": _next_monday,
    "addDaysAway.toOn": _that_monday,
    "dueOn": lambda *_: f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}",
    "dueTime": "14:05",
    "forRole": LEFT_OUT,
    "handTaskOn.staffId": _rosa,
    "reopenTask.dueOn": LEFT_OUT,
    "referPatient.toId": _nora,
    "rerouteReferral.toId": lambda p, *_: global_id("Staff", p.world.staff["rosa"]),
    "firstVisitAt": lambda *_: f"{(datetime.now(UTC) + timedelta(days=3)).isoformat()}",
}
#: what is done about a referral, each with one that was just made
_REFERRALS = (
    "confirmReferral", "comeToReferral", "proposeFirstVisit", "acceptReferral", "rerouteReferral", "declineReferral",
    "closeReferral", "takeBackReferral", "sayOnReferral",
)  # fmt: skip
#: what must have been done right before, so that there is something to end or take back
FIRST: dict[str, tuple[str, Mapping[Path, Any]]] = {
    "referPatient": ("registerPatient", {}),
    **dict.fromkeys(_REFERRALS, ("referPatient", {})),
    "readReferral": ("sayOnReferral", {}),
    "endWorkingHours": ("addWorkingHours", {}),
    "removeWorkingHours": ("addWorkingHours", {}),
    "removeDaysAway": ("addDaysAway", {}),
    "enroll": ("registerPatient", {}),
    "chooseDiagnosis": ("registerPatient", {}),
    "changeEnrollment": ("enroll", {}),
    "pauseEnrollment": ("enroll", {}),
    "resumeEnrollment": ("pauseEnrollment", {}),
    "endEnrollment": ("enroll", {}),
    "revokeConsent": ("recordConsent", {}),
    "strikeConsent": ("recordConsent", {}),
    "withdrawPractitionerVisit": ("recordPractitionerVisit", {}),
    "withdrawOtherService": ("recordOtherService", {}),
    "recordPlanCopy": ("writePlan", {}),
    "takeBackAssessment": ("recordAssessment", {}),
    "closeSafetyConcern": ("openSafetyConcern", {}),
    "saveEncounter": ("recordEncounter", {}),
    "signEncounter": ("recordEncounter", {}),
    "amendEncounter": ("signEncounter", {}),
    "correctMinutes": ("logMinutes", {}),
    "confirmMinutes": ("logMinutes", {("input", "state"): "DRAFT"}),
    "voidMinutes": ("logMinutes", {}),
    "joinMeeting": ("logMinutes", {("input", "joint"): True, ("input", "staffId"): None}),
    "beatTimer": ("startTimer", {}),
    "stopTimer": ("startTimer", {}),
    "discardTimer": ("startTimer", {}),
    "endContactWay": ("addContactWay", {}),
    "endSupportPerson": ("addSupportPerson", {}),
    "endCareTeamMember": ("addCareTeamMember", {}),
    "endCoverage": ("addCoverage", {}),
    "endDiagnosis": ("chooseDiagnosis", {}),
    "changeSite": ("addSite", {}),
    "changePayer": ("addPayer", {}),
    "inviteStaffAgain": ("inviteStaff", {}),
    "changeStaff": ("addProvider", {}),
    "changeStaffRole": ("inviteStaff", {}),
    "deactivateStaff": ("addProvider", {}),
    "reactivateStaff": ("deactivateStaff", {}),
    "addQualification": ("addProvider", {}),
    "endQualification": ("addQualification", {}),
    "discardDraft": ("saveDraft", {}),
    "setSheetColumns": ("takeSheet", {}),
    "discardSheet": ("takeSheet", {}),
    "bringInSheet": ("setSheetColumns", {}),
    "undoSheet": ("bringInSheet", {}),
    "decideSheetRow": ("setSheetColumns", {}),
    "restoreDraft": ("discardDraft", {}),
    "joinRecords": ("registerPatient", {}),
    "separateRecords": ("joinRecords", {}),
    "revokeApiToken": ("createApiToken", {}),
    "takeTask": ("askForTask", {("input", "staffId"): None, ("input", "forRole"): "CARE_MANAGER"}),
    "handTaskOn": ("askForTask", {}),
    "giveTaskBack": ("askForTask", {}),
    "moveTask": ("askForTask", {}),
    "reportTaskDone": ("askForTask", {}),
    "dismissTask": ("askForTask", {}),
    "reopenTask": ("reportTaskDone", {}),
    "readTask": ("reportTaskDone", {}),
}
#: who does it instead of the first who may
_BY = {"joinMeeting": "dr_lin", "giveTaskBack": "dr_lin"}
#: the kinds of which a field takes the newest one, just made for it, rather than the one everything hangs on
NEWEST = {
    "enroll": {"Patient"},
    "referPatient": {"Patient"},
    **{name: {"Referral"} for name in _REFERRALS},
    "readReferral": {"Referral", "ReferralStep"},
    "chooseDiagnosis": {"Patient"},
    "endDiagnosis": {"Patient"},
    "changePayer": {"Payer"},
    **{
        name: {"Staff"}
        for name in (
            "inviteStaffAgain", "changeStaff", "changeStaffRole", "deactivateStaff", "reactivateStaff", "addQualification",
        )
    },
    **{
        name: {"Task"}
        for name in (
            "takeTask", "handTaskOn", "giveTaskBack", "moveTask", "reportTaskDone", "dismissTask", "reopenTask", "readTask",
        )
    },
}  # fmt: skip

PERMISSIONS = permissions(SCHEMA)


# --- making them --------------------------------------------------------------------------------------------


def client_of(app: Any, session: str | None) -> httpx.AsyncClient:
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
        base_url=ORIGIN,
        headers={"origin": ORIGIN, "sec-fetch-site": "same-origin"},
    )
    if session is not None:
        client.cookies.set(cookie_name(), session)
    return client


def plain_words(leaf: Leaf) -> str:
    return f"About {leaf.name}"


async def lived_in(world: World, app: Any, *, words: Words = plain_words) -> Practice:
    """A practice where every mutation has been used, with a closed month, and at least one row in every table."""
    last = datetime.fromisoformat(f"{last_month(world.zone)}-01")
    practice = Practice(world, app, f"{last - timedelta(days=1):%Y-%m}", words)
    patient = await someone_in_care(world, practice.month)
    await minutes(world, patient, practice.month, 12, 10)
    practice.pinned["Patient"] = global_id("Patient", patient)
    practice.pinned["Staff"] = global_id("Staff", world.staff["nora"])
    practice.pinned["Payer"] = global_id("Payer", world.payers["medicare_part_b"])
    practice.pinned["Practice"] = global_id("Practice", world.tenant_id)
    practice.ids["TimerStretch"] += await silences(world, patient, last_month(world.zone))  # nobody closes it
    practice.failed = [global_id("Job", await failed_job(world, n)) for n in range(3)]
    practice.ids["Job"] = practice.failed[:1]
    await _bill(practice)
    practice.pinned["DuplicatePair"] = global_id("DuplicatePair", await a_pair(world, patient))
    ada = world.actor("ada")
    async with tenant_db(ada) as db:  # so that there is something to confirm
        await choose_referral_policy(db, ada, confirmed_by_provider=True, agreement="opt_in")
    mutations = sorted((n for r, n, _ in root_fields() if r == "Mutation"), key=_order)
    for _ in range(2):
        for name in mutations:
            if not practice.done[name]:
                try:
                    await practice.run("Mutation", name)
                except Gone as gone:
                    practice.refused[name] = str(gone)
    await practice.run("Mutation", "closeMonth")  # the first one was stopped: that is a mutation too
    gather_kinds()
    await drain_once()
    # What was found by itself meanwhile may have taken the first pair's place.
    practice.pinned["DuplicatePair"] = global_id("DuplicatePair", await a_pair(world, patient))
    for name in ("overrideMonth", "withdrawOverride"):  # about a month that is decided
        await practice.run("Mutation", name)
    await practice.run("Mutation", "referPatient")  # one that is open, and somebody is here now
    practice.pinned["Referral"] = practice.ids["Referral"][-1]
    practice.failed.clear()
    practice.pinned["Job"] = global_id("Job", await failed_job(world, 99))
    # The first person's claim is still a draft, of whatever the month was last decided to be.
    bill = world.actor("bill")
    async with tenant_db(bill, read_only=True) as db:
        rows = await month_claims(db, bill, practice.month, patient_ids=[patient])
    practice.ids["ClaimDraft"] = [global_id("ClaimDraft", row.id) for row in rows if row.draft]
    practice.ids["Claim"] = [id for id in practice.ids["Claim"] if id not in practice.sent] + practice.sent[
        :1
    ]
    return practice


async def silences(world: World, patient: UUID, month: str) -> list[str]:
    """Pieces of Nora's time that wait for her, as a page left open would have made them; their node ids."""
    nora, year, number = world.actor("nora"), *map(int, month.split("-"))
    began = datetime(year, number, 11, 13, tzinfo=UTC)
    owner = {"tenant_id": world.tenant_id, "patient_id": patient, "staff_id": nora.staff_id}
    timer = {"id": new_id(), "program": "ccm", "activity": "plan_work", "state": "stopped", "idle_minutes": 5}
    pieces = [{"id": new_id(), "at": began + timedelta(hours=n)} for n in range(4)]
    async with tenant_db(nora) as db:
        instants = dict.fromkeys(("started_at", "seen_at", "active_at", "stopped_at"), began)
        await db.execute(sa.insert(Timer).values(**owner, **timer, **instants))
        for piece in pieces:
            span = {"started_at": piece["at"], "ended_at": piece["at"] + timedelta(minutes=20)}
            row = {"id": piece["id"], "timer_id": timer["id"], "kind": "idle", "state": "open", **span}
            await db.execute(sa.insert(TimerStretch).values(**owner, **row))
    return [global_id("TimerStretch", piece["id"]) for piece in pieces]


async def a_pair(world: World, patient: UUID) -> UUID:
    """Two records that may be one person: this one and another that is new."""
    nora, id = world.actor("nora"), new_id()
    async with tenant_db(nora) as db:
        new = NewPatient(family_name="Twin", given_names="Ida", birth_date=date(1961, 7, 4))
        other = (await register_patient(db, nora, new)).id
        await db.execute(
            sa.insert(DuplicatePair).values(
                tenant_id=world.tenant_id, id=id, one_id=min(patient, other), other_id=max(patient, other),
                score=Decimal("0.8"), alike=["the same birth date"], unlike=[], facts_hash="", state="open",
                found_at=datetime.now(UTC),
            )
        )  # fmt: skip
    return id


async def failed_job(world: World, number: int) -> UUID:
    """A job of the practice that has failed for good."""
    id = new_id()
    async with tenant_db(world.system()) as db:
        await db.execute(
            sa.insert(Job).values(
                tenant_id=world.tenant_id, id=id, kind="recount", dedupe_key=f"failed-{number}", state="dead",
                args={"month": "2001-01"}, attempts=8, run_at=datetime.now(UTC), made_at=datetime.now(UTC),
                done_at=datetime.now(UTC), last_error="builtins.ValueError at server/minutes/recount.py:1 recount",
            )
        )  # fmt: skip
    return id


async def _bill(practice: Practice) -> None:
    """Claims in every state: three sent, one denied, one signed, one that lacks nothing but a signature."""
    world, month = practice.world, practice.month
    nora, bill = world.actor("nora"), world.actor("bill")
    people = []
    for hour, name in enumerate(("Sent", "Returned", "Unpaid", "Denied", "Signed", "Ready"), 16):
        person = await someone_in_care(world, month, name=name)
        await minutes(world, person, month, 25, hour=hour)
        people.append(person)
        async with tenant_db(nora) as db:
            await set_address(db, nora, person, street="1 Oak", city="Detroit", state="MI", zip="48202-1414")
            await db.execute(
                sa.update(Coverage).where(Coverage.patient_id == person).values(member_id="1EG4TE5MK73")
            )
    await _state(practice, production=True)
    await close_month(bill, month)
    for last, some in ((False, people[:4]), (True, people[4:])):
        async with tenant_db(bill) as db:
            rows = [
                row for row in await month_claims(db, bill, month)
                if row.draft and row.patient_id in some and row.state != "to_mend"
            ]  # fmt: skip
            assert len(rows) == len(some), [(row.family_name, row.state, row.findings) for row in rows]
            chosen = [Chosen(row.patient_id, row.id, row.content_hash, looked=True) for row in rows]
            wanted = sorted(chosen, key=lambda one: people.index(one.patient_id))
            if last:
                ready = wanted.pop()
                practice.to_sign = {
                    "patient": global_id("Patient", ready.patient_id),
                    "draft": global_id("ClaimDraft", ready.draft_id),
                    "hash": ready.content_hash,
                }
            signed = (await sign_claims(db, bill, month, wanted)).signed
            by_person = {row.patient_id: row.id for row in signed}
            practice.sent += [global_id("Claim", by_person[one.patient_id]) for one in wanted]
            if not last:
                await make_interchanges(db, bill, month=month)
        if not last:
            async with tenant_db(bill) as db:
                await record_denial(
                    db, bill, by_person[people[3]], on=today(world.zone), note="Another plan pays"
                )
            await _state(practice, production=False)


async def _state(practice: Practice, *, production: bool) -> None:
    world, since = practice.world, date(2020, 1, 1)
    bill = world.actor("bill")
    async with tenant_db(bill) as db:
        await state_identity(
            db, bill, from_on=since, legal_name="A practice", tin="387654321", tin_kind="EI", npi="1881000008",
            taxonomy="207Q00000X", street="12 Main Street", city="Detroit", state="MI", zip="48226-1906",
            contact_name="Bill Janssen", contact_phone="3135550142", submitter_id="SENDER01",
        )  # fmt: skip
        await state_provider_billing(
            db, bill, world.staff["dr_lin"], from_on=since, family_name="Wei", given_name="Lin", taxonomy="207Q00000X"
        )  # fmt: skip
        await state_route(
            db, bill, world.payers["medicare_part_b"], from_on=since, receiver_id="GATE01", receiver_name="A gateway",
            claim_payer_name="Medicare", claim_payer_id="MB001", filing_indicator="MB", production=production,
        )  # fmt: skip
        await state_charge(db, bill, code="99490", from_on=since, amount=Decimal("95.00"))


_ENDS = re.compile(r"^(end|void|withdraw|strike|revoke|pause|resume|close|retract|remove|leave)")


def _order(name: str) -> tuple[bool, bool]:
    # retryJobs leaves no failed job for the others
    return bool(_ENDS.match(name)), name.startswith("end") or name == "retryJobs"


# --- rows -----------------------------------------------------------------------------------------------


async def plant_the_rest(behind: AsyncEngine, practice: Practice) -> list[str]:
    """A row in every table of the practice that nothing has filled (imported facts, seals); the tables' names.

    Every text column takes the practice's words, unless a check says what it may hold.
    """
    patient = parts_of(practice.pinned["Patient"])
    assert patient is not None
    tenant = practice.world.tenant_id
    rows = await rows_of(behind, tenant)
    planted = []
    async with behind.begin() as connection:
        for table in TENANT_TABLES:
            if rows[table.name][0]:
                continue
            row: dict[str, Any] = {"tenant_id": tenant, "id": new_id()}
            for column in table.columns:
                if column.name not in row:
                    row[column.name] = _value(table, column, practice)
            for key in table.foreign_key_constraints:
                for element in key.elements:
                    if element.parent.name != "tenant_id":
                        row[element.parent.name] = await _parent(
                            connection, element.column.table, tenant, patient[1]
                        )
            if "patient_id" in row:
                row["patient_id"] = patient[1]
            await connection.execute(sa.insert(table).values(row))
            planted.append(table.name)
    return planted


async def _parent(connection: Any, table: sa.Table, tenant: UUID, patient: UUID) -> UUID | None:
    if table.name == "patient":
        return patient
    found = await connection.execute(sa.select(table.c.id).where(table.c.tenant_id == tenant).limit(1))
    return found.scalar()  # type: ignore[no-any-return]


def _value(table: sa.Table, column: sa.Column[Any], practice: Practice) -> Any:
    for constraint in table.constraints:
        if isinstance(constraint, sa.CheckConstraint):
            allowed = re.fullmatch(rf"{column.name} in \((.*)\)", str(constraint.sqltext))
            if allowed:
                return re.findall(r"'([^']*)'", allowed[1])[0]
    at = datetime.now(UTC) - timedelta(days=20)
    by_type: list[tuple[type, Any]] = [
        (Instant, at + timedelta(hours=any(w in column.name for w in ("end", "until", "to_")))),
        (sa.Uuid, new_id()), (sa.Boolean, False), (sa.Integer, 1), (sa.Numeric, 1), (sa.Date, at.date()),
        (sa.LargeBinary, b"x"), (JSONB, {}), (TSTZRANGE, Range(at, at + timedelta(hours=1))), (sa.ARRAY, []),
    ]  # fmt: skip
    for kind, value in by_type:
        if isinstance(column.type, kind):
            return value
    if column.name in {"month"}:
        return practice.month
    return practice.words(Leaf(table.name, (column.name,), "Line", True))


async def rows_of(behind: AsyncEngine, tenant_id: UUID) -> dict[str, tuple[int, str]]:
    """table -> (rows, digest) of everything a practice has, in every table there is."""
    places = [(t.name, "tenant_id", "id") for t in TENANT_TABLES]
    places += [(name, column, column) for name, column in OF_A_PRACTICE.items()]
    parts = [
        f"select '{name}', count(*), md5(coalesce(string_agg(md5(t::text), '' order by md5(t::text)), '')) "
        f'from "{name}" t where t.{column} = :tenant'
        for name, column, _ in places
    ]
    parts.append(
        "select 'person', count(*), md5(coalesce(string_agg(md5(t::text), '' order by t.id), '')) from person t "
        "where t.id in (select person_id from membership where tenant_id = :tenant)"
    )
    async with behind.connect() as connection:
        found = await connection.execute(sa.text(" union all ".join(parts)), {"tenant": tenant_id})
        return {name: (count, digest) for name, count, digest in found}


def changed(before: Mapping[str, Any], after: Mapping[str, Any], *, but: Sequence[str] = ()) -> list[str]:
    """The tables whose rows differ."""
    return [name for name in before if before[name] != after.get(name) and name not in but]


async def ids_in_every_table(behind: AsyncEngine, tenant_id: UUID) -> dict[str, list[UUID]]:
    """Class name -> up to three ids of the practice's rows."""
    async with behind.connect() as connection:
        found: dict[str, list[UUID]] = {}
        for table in TENANT_TABLES:
            rows = await connection.execute(
                sa.select(table.c.id).where(table.c.tenant_id == tenant_id).order_by(table.c.id).limit(3)
            )
            found[CLASSES[table.name].__name__] = list(rows.scalars())
    return found


# --- the two ------------------------------------------------------------------------------------------------

CANARY = "Qvzx"
#: what a browser would run if a page did not write it out as text; each is tried in every place, in rounds
PAYLOADS = (
    "<script>__xss()</script>", "\"><img src=x onerror=__xss()>", "'><svg/onload=__xss()>", "</title><script>__xss()</script>",
    "</textarea><script>__xss()</script>", "\" autofocus onfocus=\"__xss()", "' onmouseover='__xss()", "javascript:__xss()",
    "<iframe srcdoc='<script>__xss()</script>'>", "<a href=javascript:__xss()>x</a>", "{{7*7}}{% __xss %}", "--><script>__xss()</script>",
    "<math><mtext></p><img src=x onerror=__xss()>", "<div hx-get=/__xss hx-trigger=load>", "]]><script>__xss()</script>",
    "<input autofocus onfocus=__xss()>", "<details open ontoggle=__xss()>", "<style>@import'/__xss'</style>",
    "&lt;script&gt;__xss()&lt;/script&gt;", "<form action=/__xss><button>x",
)  # fmt: skip


@dataclass
class Canaries:
    """Words that cannot occur by chance, another one for every place they are written to, and hostile besides."""

    seed: str = field(default_factory=lambda: secrets.token_hex(4))
    places: dict[str, str] = field(default_factory=dict)

    def __call__(self, leaf: Leaf) -> str:
        payload = PAYLOADS[len(self.places) % len(PAYLOADS)]
        return self.places.setdefault(leaf.place, f"{CANARY}{self.seed}x{len(self.places)}") + f"-{payload}"

    def found_in(self, text: str) -> list[str]:
        """The places whose canary sings in a text."""
        lowered = text.lower()  # what is searched by is kept folded
        if f"{CANARY}{self.seed}".lower() not in lowered:
            return []
        return [place for place, word in self.places.items() if f"{word}-".lower() in lowered] or ["a place"]


@dataclass
class TwoPractices:
    """A looks; B must stay unseen, unchanged and undistinguished from nothing."""

    a: Practice
    b: Practice
    canaries: Canaries

    def of_b(self, kind: str, most: int = 3) -> list[str]:
        return self.b.ids.get(kind, [])[-most:] or ([self.b.pinned[kind]] if kind in self.b.pinned else [])


async def make_two(app: Any, behind: AsyncEngine) -> TwoPractices:
    canaries = Canaries()
    a = await make_whole("lakeside", app, behind)
    b = await make_whole("hillcrest", app, behind, words=canaries)
    return TwoPractices(a, b, canaries)


async def make_whole(slug: str, app: Any, behind: AsyncEngine, *, words: Words = plain_words) -> Practice:
    """A practice with something of everything, and the ids of all of it."""
    from cast import make_practice

    practice = await lived_in(await make_practice(slug), app, words=words)
    await plant_the_rest(behind, practice)
    for name, found in (await ids_in_every_table(behind, practice.world.tenant_id)).items():
        known = practice.ids[name]
        known[:0] = [i for i in (global_id(name, id) for id in found) if i not in known]
    async with behind.connect() as connection:
        for kind, table in (("SignIn", "sign_in"), ("ApiToken", "api_token")):
            # Rosa's: nobody of the cast is signed out by a test that ends one.
            rows = await connection.execute(
                sa.text(f"select id from {table} where tenant_id = :t and person_id = :rosa"),
                {"t": practice.world.tenant_id, "rosa": practice.world.persons["rosa"]},
            )
            practice.ids[kind] = [global_id(kind, id) for id in rows.scalars()]
    practice.ids["Directory"] = [global_id("Directory", practice.world.tenant_id)]
    return practice


async def hostile_texts(two: TwoPractices, behind: AsyncEngine, payload: str) -> int:
    """Put a payload behind every canary of B, in whatever column it was stored; how many columns there are."""
    columns = 0
    async with behind.begin() as connection:
        for table in TENANT_TABLES:
            for column in table.columns:
                if isinstance(column.type, sa.Text | sa.String):
                    done = await connection.execute(
                        sa.text(
                            f'update "{table.name}" set "{column.name}" = substring("{column.name}" from '
                            f"'^.*{CANARY}[0-9a-f]+x[0-9]+') || '-' || :payload "
                            f"where tenant_id = :t and \"{column.name}\" like '%{CANARY}%'"
                        ),
                        {"t": two.b.world.tenant_id, "payload": payload},
                    )
                    columns += bool(done.rowcount)
    return columns
