"""The form of a golden case, and the facts that a case of that form stands for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import yaml
from carewright_plugin_api.examples import instant, typical_month
from carewright_plugin_api.facts import (
    BilledService,
    DecisionLevel,
    Diagnosis,
    Entry,
    FacilityStay,
    Level,
    MonthFacts,
    Policy,
    Role,
    Visit,
    start_of_day,
)
from carewright_plugin_api.hooks import PayerRules

from server.plugin_host.discover import plugins

_COMMON: Final = {
    "tz", "consent", "consent_at", "consent_revoked_on", "chronic_conditions", "care_plan", "not_seen_1yr", "mdm",
    "facility_stays", "died_on", "same_practitioner_codes", "other_practitioner_codes",
    "other_practitioner_billed_ccm",
}  # fmt: skip
_KINDS: Final[Mapping[str, set[str]]] = {
    "ccm": set(),
    "pcm": set(),
    "bhi": set(),
    "apcm": {"qmb", "bh"},
    "cocm": {"first_month"},
    "rpm": {"data_days", "live_contact"},
    "tcm": {
        "discharged_on", "discharged_to", "contact_on", "failed_attempts_in_window", "visit_on", "holidays",
        "tcm_billed_from_discharge",
    },
    "pdcm": {
        "service", "minutes", "on", "licensed", "trained", "product", "pdcm_benefit", "declined",
        "prior_this_month",
    },
    "ibt_obesity": {
        "service", "series_start", "on", "prior_sessions", "bmi", "minutes", "setting",
        "weight_change_kg_at_6_months",
    },
    "mnt": {
        "service", "units", "on", "first_mnt_year", "units_used_this_year", "units_used_last_year",
        "referral_this_year", "second_referral",
    },
    "tobacco": {"minutes", "on", "prior_sessions"},
    "wellness": {"service", "on", "part_b_start", "prior"},
    "ccm_plan": {"service", "on", "with_initiating_visit", "prior_g0506_same_practitioner"},
}  # fmt: skip
_CASE: Final = {
    "id", "title", "month", "kind", "facts", "totals", "activities", "expect", "expect_max", "conf", "note", "manual",
}  # fmt: skip
_EXPECT: Final = {"lines", "reason", "dos", "note"}
_ACTIVITY: Final = {"start", "end", "role", "person", "program", "status", "joint", "part_of"}
_ROLES: Final[tuple[Role, ...]] = get_args(Role)
_LEVELS: Final[tuple[Level, ...]] = get_args(Level)
_DAY_OF_WORK: Final = 480  # minutes; a longer total is spread over several days


class BadCase(ValueError):
    """The case does not have the form it should; the message names the key or value."""


class NotYet(Exception):
    """No installed plugin decides this. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A plugin and how its services look in the case form."""

    rules: PayerRules
    payer: str
    program: str
    form: Mapping[str, Any]


def checked(case: Any) -> dict[str, Any]:
    """The case with every key known; BadCase names the first that is not."""
    if not isinstance(case, dict):
        raise BadCase("a case is a map of keys")
    _known(case, _CASE, "key")
    for key in ("id", "month", "expect"):
        if key not in case:
            raise BadCase(f"{key} is missing")
    kind = case.get("kind", "ccm")
    if kind not in _KINDS:
        raise BadCase(f"unknown kind {kind}")
    # YAML reads a bare `on` as true; the key is meant.
    facts = {"on" if key is True else key: value for key, value in (case.get("facts") or {}).items()}
    _known(facts, _COMMON | _KINDS[kind], f"fact of kind {kind}")
    if "totals" in case and "activities" in case:
        raise BadCase("totals and activities say the same thing; give one of them")
    for key in ("expect", "expect_max"):
        if key in case:
            _known(case[key], _EXPECT, f"key in {key}")
            if "lines" not in case[key] and not case.get("manual"):
                raise BadCase(f"{key} has no lines")
    for activity in case.get("activities") or ():
        _known(activity, _ACTIVITY, "key in an activity")
    return {**case, "kind": kind, "facts": facts, "month": str(case["month"])}


def _known(held: Any, allowed: set[str], what: str) -> None:
    if not isinstance(held, dict):
        raise BadCase(f"{held!r} should be a map")
    unknown = sorted(str(key) for key in held if key not in allowed)
    if unknown:
        raise BadCase(f"unknown {what}: {', '.join(unknown)}")


def owner_of(kind: str) -> Owner:
    for rules, form in _forms():
        if kind in form["kinds"]:
            return Owner(rules, str(form["payer"]), str(form["kinds"][kind]), form)
    raise NotYet("no installed plugin decides this kind")


@cache
def _forms() -> tuple[tuple[PayerRules, Mapping[str, Any]], ...]:
    found = []
    for plugin in plugins().loaded:
        form = files(type(plugin.rules).__module__.partition(".")[0]).joinpath("golden.yaml")
        if form.is_file():
            found.append((plugin.rules, yaml.safe_load(form.read_text("utf-8"))))
    return tuple(found)


def facts_of(case: Mapping[str, Any], owner: Owner, policy: Policy) -> MonthFacts:
    told, program = case["facts"], owner.program
    zone = _zone(str(told.get("tz", "America/Detroit")))
    month = typical_month(case["month"], program=program, payer=owner.payer, zone=zone)
    facts = replace(
        month,
        policy=policy,
        died_on=day_of(told["died_on"]) if told.get("died_on") else None,
        diagnoses=tuple(
            Diagnosis(f"E{10 + n}.9", chronic=True) for n in range(whole(told.get("chronic_conditions", 2)))
        ),
        plans=month.plans if told.get("care_plan", True) else (),
        visits=() if told.get("not_seen_1yr", False) else month.visits,
        decision_levels=(DecisionLevel(program, _one_of(told.get("mdm", "low"), _LEVELS, "mdm")),),
        stays=tuple(_stay(stay, zone) for stay in told.get("facility_stays", ())),
    )
    facts = _with_consent(facts, told)
    facts = replace(facts, billed=_billed(facts, told, owner))
    if case["kind"] == "ccm_plan":
        facts = _with_plan_visit(facts, told, owner)
    if case["kind"] == "pdcm":
        facts = _with_service(facts, told, owner)
    entries = (*facts.entries, *_totals(case, facts), *_activities(case, facts, program))
    return replace(facts, entries=entries)


def _with_consent(facts: MonthFacts, told: Mapping[str, Any]) -> MonthFacts:
    if not told.get("consent", True):
        return replace(facts, consents=())
    given = facts.consents[0]
    if told.get("consent_at"):
        given = replace(given, at=instant(told["consent_at"], facts.zone))
    consents = [given]
    if told.get("consent_revoked_on"):
        at = instant(told["consent_revoked_on"], facts.zone)
        consents.append(replace(given, id="no", kind="revoked", at=at))
    return replace(facts, consents=tuple(consents))


def _billed(facts: MonthFacts, told: Mapping[str, Any], owner: Owner) -> tuple[BilledService, ...]:
    middle = facts.first_day + timedelta(days=14)
    same = [str(code) for code in told.get("same_practitioner_codes", ())]
    others = [str(code) for code in told.get("other_practitioner_codes", ())]
    if told.get("other_practitioner_billed_ccm"):
        others.append(str(owner.form["another_practitioner"]))
    return (
        *(BilledService(code, middle, same_practitioner=True, same_group=True) for code in same),
        *(BilledService(code, middle, same_practitioner=False) for code in others),
    )


def _with_plan_visit(facts: MonthFacts, told: Mapping[str, Any], owner: Owner) -> MonthFacts:
    if "on" not in told or "service" not in told:
        raise BadCase("this kind needs the facts service and on")
    service = owner.form["services"].get(str(told["service"]))
    if service is None:
        raise NotYet(f"no installed plugin decides the service {told['service']}")
    on = day_of(told["on"])
    program = owner.program if told.get("with_initiating_visit", False) else None
    visit = Visit("office_visit", on, initiating_for=program, care_planning_by_practitioner=True)
    billed = facts.billed
    if told.get("prior_g0506_same_practitioner"):
        before = facts.first_day - timedelta(days=200)
        billed = (*billed, BilledService(service["code"], before, same_practitioner=True, same_group=True))
    return replace(facts, visits=(*facts.visits, visit), billed=billed)


def _with_service(facts: MonthFacts, told: Mapping[str, Any], owner: Owner) -> MonthFacts:
    """One service on one day, as the plugin's own form describes it."""
    coverage = replace(
        facts.coverage,
        product=str(told.get("product", "commercial_ppo")),
        care_management_benefit=bool(told.get("pdcm_benefit", True)),
        deductible_applies=False,
    )
    facts = replace(facts, coverage=coverage)
    if "service" not in told:
        return facts
    service = owner.form["services"].get(str(told["service"]))
    if service is None:
        raise NotYet(f"no installed plugin decides the service {told['service']}")
    on = day_of(told.get("on", facts.first_day + timedelta(days=9)))
    start = start_of_day(on, facts.zone) + timedelta(hours=9)
    minutes = whole(told.get("minutes", 30))
    trained = bool(told.get("trained", True))
    licensed = bool(told.get("licensed", True))
    entries = tuple(
        Entry(
            id=f"service-{n}",
            person=f"person-{n}",
            program=owner.program,
            start=start,
            end=start + timedelta(minutes=minutes),
            licensed=licensed,
            discipline="rn" if licensed else "medical_assistant",
            trained_on=on - timedelta(days=300) if trained else None,
            first_billed_on=on - timedelta(days=400),
            declined=bool(told.get("declined", False)),
            **shape,
        )
        for n, shape in enumerate(service["entries"] if minutes else ())
    )
    days = _prior_days(told.get("prior_this_month", 0), facts, on)
    prior = tuple(
        BilledService(service["code"], day, same_practitioner=True, same_group=True) for day in days
    )
    return replace(facts, entries=entries, billed=(*facts.billed, *prior))


def _prior_days(prior: Any, facts: MonthFacts, on: date) -> list[date]:
    """Days of this month, other than `on`, on which the service was billed: a number of them, or the days."""
    if isinstance(prior, list):
        return [day_of(day) for day in prior]
    others = (facts.first_day + timedelta(days=n) for n in range((facts.last_day - facts.first_day).days + 1))
    return [day for day in others if day != on][: whole(prior)]


def _totals(case: Mapping[str, Any], facts: MonthFacts) -> Iterable[Entry]:
    """Whole minutes as entries, on days that nothing in the facts speaks against."""
    days = _clear_days(facts)
    for program, by_role in (case.get("totals") or {}).items():
        if program not in _KINDS:
            raise BadCase(f"unknown program in totals: {program}")
        for role, total in by_role.items():
            _one_of(role, _ROLES, "role in totals")
            left = whole(total)
            for day in days:
                spent = min(left, max(_DAY_OF_WORK, -(-whole(total) // len(days))))
                if spent:
                    start = start_of_day(day, facts.zone) + timedelta(hours=9)
                    end = start + timedelta(minutes=spent)
                    name = f"{program}-{role}"
                    yield Entry(f"{name}-{day}", name, role, start, end, program)
                left -= spent


def _clear_days(facts: MonthFacts) -> list[date]:
    count = (facts.last_day - facts.first_day).days + 1
    days = [facts.first_day + timedelta(days=n) for n in range(count)]
    return [day for day in days if _clear(day, facts)] or days


def _clear(day: date, facts: MonthFacts) -> bool:
    starts = start_of_day(day, facts.zone)
    ends = start_of_day(day + timedelta(days=1), facts.zone)
    in_stay = any(s.starts < ends and (s.ends is None or s.ends > starts) for s in facts.stays)
    lived = facts.died_on is None or day <= facts.died_on
    given = all(c.at <= starts for c in facts.consents if c.kind == "given")
    kept = all(c.at >= ends for c in facts.consents if c.kind == "revoked")
    return lived and given and kept and not in_stay


def _activities(case: Mapping[str, Any], facts: MonthFacts, program: str) -> Iterable[Entry]:
    for n, activity in enumerate(case.get("activities") or ()):
        for key in ("start", "end", "role"):
            if key not in activity:
                raise BadCase(f"an activity has no {key}")
        named = str(activity.get("program", case["kind"]))
        if named not in _KINDS:
            raise BadCase(f"unknown program in an activity: {named}")
        yield Entry(
            id=f"activity-{n}",
            person=str(activity.get("person", f"person-{n}")),
            role=_one_of(activity["role"], _ROLES, "role"),
            start=instant(activity["start"], facts.zone),
            end=instant(activity["end"], facts.zone),
            program=program if named == case["kind"] else named,
            status=_one_of(activity.get("status", "final"), ("final", "draft"), "status"),
            part_of=str(activity["part_of"]) if activity.get("part_of") else None,
            joint=str(activity["joint"]) if activity.get("joint") else None,
        )


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise BadCase(f"tz is {name}, which is no IANA time zone") from None
    return name


def _stay(stay: Mapping[str, Any], zone: str) -> FacilityStay:
    """from and to are dates (whole days, both included) or instants."""
    _known(stay, {"from", "to"}, "key in a stay")
    if "from" not in stay:
        raise BadCase("a stay has no from")
    until = stay.get("to")
    if until is None:
        return FacilityStay("inpatient", instant(stay["from"], zone))
    last = _moment(until)
    ends = instant(last, zone) if isinstance(last, datetime) else start_of_day(last + timedelta(days=1), zone)
    return FacilityStay("inpatient", instant(stay["from"], zone), ends)


def _moment(written: Any) -> date | datetime:
    if isinstance(written, date):
        return written
    text = str(written)
    return date.fromisoformat(text) if len(text) == len("2026-03-01") else datetime.fromisoformat(text)


def day_of(written: Any) -> date:
    moment = _moment(written)
    return moment.date() if isinstance(moment, datetime) else moment


def whole(written: Any) -> int:
    if isinstance(written, bool) or not isinstance(written, int) or written < 0:
        raise BadCase(f"{written!r} should be a whole number")
    return written


def _one_of(written: Any, allowed: tuple[Any, ...], what: str) -> Any:
    if written not in allowed:
        raise BadCase(f"{what} is {written!r}; it is one of {', '.join(map(str, allowed))}")
    return written
