"""Facts and decisions as JSON: there and back, one spelling, and nothing let in that does not belong."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from carewright_plugin_api import canonical
from carewright_plugin_api.canonical import NotCanonical, dumps
from carewright_plugin_api.decisions import Citation, Decision, Hold, Line
from carewright_plugin_api.examples import entry, spent, typical_month
from carewright_plugin_api.facts import Entry, FacilityStay, MonthFacts

LINE = Line(
    "99490",
    1,
    date(2026, 3, 31),
    "ccm",
    "medicare.code",
    "Twenty minutes.",
    (Citation("A page"),),
    "Fewer minutes.",
    amount=Decimal("66.10"),
)
DECISION = Decision("accurate", lines=(LINE,))


def test_facts_there_and_back() -> None:
    facts = typical_month(
        entries=spent(20),
        died_on=date(2026, 3, 9),
        stays=(FacilityStay.of_days("inpatient", date(2026, 3, 1), date(2026, 3, 2), "America/Detroit"),),
    )
    assert MonthFacts.from_json(facts.to_json()) == facts


def test_money_keeps_its_cents() -> None:
    assert '"66.10"' in DECISION.to_json()
    assert Decision.from_json(DECISION.to_json()) == DECISION


def test_one_spelling() -> None:
    facts = typical_month(entries=spent(20))
    assert facts.to_json() == json.dumps(json.loads(facts.to_json()), sort_keys=True, separators=(",", ":"))


def test_a_default_is_left_out_so_that_new_fields_change_no_old_fingerprint() -> None:
    assert "policy" not in json.loads(typical_month().to_json())
    assert json.loads(typical_month(policy="max").to_json())["policy"] == "max"


def test_the_order_of_facts_changes_nothing() -> None:
    facts = typical_month(entries=(*spent(20), *spent(9, role="practitioner")))
    turned = replace(facts, entries=facts.entries[::-1], diagnoses=facts.diagnoses[::-1])
    assert facts.fingerprint() == turned.fingerprint()


def test_a_second_more_changes_the_fingerprint() -> None:
    facts = typical_month(entries=spent(20))
    (one,) = facts.entries
    longer = replace(facts, entries=(replace(one, end=one.end + timedelta(seconds=1)),))
    assert facts.fingerprint() != longer.fingerprint()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"surprise": 1}, "Decision has no field surprise"),
        ({"policy": "greedy"}, "Decision.policy should be one of accurate, max"),
        ({"lines": {}}, "Decision.lines should be a list"),
        ({"lines": [{}]}, "Decision.lines[0] lacks code"),
        ({"holds": [None]}, "Decision.holds[0] should be an object"),
    ],
)
def test_a_decision_of_another_shape_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(NotCanonical) as refused:
        Decision.from_json(json.dumps({"policy": "accurate", **change}))
    assert said in str(refused.value)


@pytest.mark.parametrize("amount", ["NaN", "1e5", "66,13", "Infinity", "", "--1", "1" * 40, 66, True])
def test_money_that_is_no_amount_is_refused(amount: object) -> None:
    data = json.loads(DECISION.to_json())
    data["lines"][0]["amount"] = amount
    with pytest.raises(NotCanonical, match=r"lines\[0\]\.amount"):
        Decision.from_json(json.dumps(data))


@pytest.mark.parametrize(
    "text",
    [
        '{"policy":"accurate","lines":[{"amount":66.13}]}',
        '{"policy":"accurate","x":NaN}',
        '{"lines":[{"amount":66.13}],"policy":"accurate"}',
        '{"policy":"accurate","policy":"max"}',
        '{"policy":"accurate","policy":"accurate"}',
        '{"policy":',
        "[" * 100_000,
        b"\xff\xfe{",
    ],
)
def test_text_that_is_no_canonical_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(NotCanonical):
        Decision.from_json(text)


#: what may stand where a decision has something else; as JSON, the same text that `dumps` would spell
STRANGE = ("1.0", "1e3", "1e+20", "-0", "-0.0", "0", str(2**31), str(2**63), str(2**64), "9" * 400, "NaN", '"\\u0000"',
    '"\\ud800"', '"99490"', "true", "null", "[]", "{}", "[[]]", '{"code":"99490"}', '"2026-03-31T00:00:00"')  # fmt: skip


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("spaced", [False, True])
def test_what_is_read_quickly_is_what_would_be_read_slowly(
    strange: str, spaced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every place of a decision, in the canonical spelling and in another."""
    texts = []
    for place in _places(json.loads(DECISION.to_json())):
        text = json.dumps(
            _with(json.loads(DECISION.to_json()), place, "@"), sort_keys=True, separators=(",", ":")
        )
        texts.append((" " * spaced + text).replace('"@"', strange))
    quickly = [_read(text) for text in texts]
    quick = [canonical._canonical(text) for text in texts]
    assert spaced == all(found is None for found in quick) or strange in _OTHERWISE_SPELLED
    monkeypatch.setattr(canonical, "_canonical", lambda _: None)
    assert quickly == [_read(text) for text in texts]
    assert "NotCanonical" in quickly


#: which the quick reader leaves to the other wherever they stand
_OTHERWISE_SPELLED = ("1e3", "-0", "9" * 400, "NaN", '"\\ud800"', str(2**64), "1e+20")


def _read(text: str) -> object:
    try:
        return Decision.from_json(text)
    except NotCanonical:
        return "NotCanonical"


def _places(data: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(found for key, held in inner for found in _places(held, (*path, key)))][not path :]


def _with(data: Any, path: tuple[str | int, ...], strange: str) -> Any:
    at = data
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = strange
    return data


def test_true_is_not_a_number_of_units() -> None:
    data = json.loads(DECISION.to_json())
    data["lines"][0]["units"] = True
    with pytest.raises(NotCanonical, match="whole number"):
        Decision.from_json(json.dumps(data))


def test_instants_need_an_offset() -> None:
    data = json.loads(typical_month(entries=spent(20)).to_json())
    data["entries"][0]["start"] = "2026-03-03T09:00:00"
    with pytest.raises(NotCanonical, match="no offset"):
        MonthFacts.from_json(json.dumps(data))


def test_an_offset_is_read_and_written_as_utc() -> None:
    data = json.loads(typical_month(entries=spent(20)).to_json())
    assert data["entries"][0]["start"] == "2026-03-03T14:00:00Z"
    data["entries"][0]["start"] = "2026-03-03T09:00:00-05:00"
    assert MonthFacts.from_json(json.dumps(data)) == typical_month(entries=spent(20))


def test_what_facts_refuse_is_refused_with_its_place() -> None:
    data = json.loads(typical_month(entries=spent(20)).to_json())
    data["entries"][0]["end"] = data["entries"][0]["start"]
    with pytest.raises(NotCanonical, match=r"entries\[0\].*not after its start"):
        MonthFacts.from_json(json.dumps(data))


def test_floats_cannot_be_written() -> None:
    with pytest.raises(NotCanonical):
        dumps(replace(LINE, units=1.5))
    with pytest.raises(NotCanonical):
        dumps(replace(LINE, amount=Decimal("NaN")))


def test_a_hold_there_and_back() -> None:
    hold = Hold("NO_CONSENT", "ccm", "None.", "Ask.", "r", (Citation("A", status="PROPOSED"),), "One.")
    decision = Decision("max", holds=(hold,))
    assert Decision.from_json(decision.to_json()) == decision


# --- what facts refuse ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "month", ["9999-12", "0001-01", "2026-13", "2026-3", "26-03", "2026", "2026-03-01", "", "xxxx-03"]
)
def test_a_month_is_a_year_and_a_number(month: str) -> None:
    with pytest.raises(ValueError, match="YYYY-MM"):
        replace(typical_month(), month=month)


@pytest.mark.parametrize("zone", ["Michigan", "", "../etc/passwd"])
def test_a_zone_is_an_iana_name(zone: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        replace(typical_month(), zone=zone)


def test_two_entries_cannot_share_an_id() -> None:
    with pytest.raises(ValueError, match="same id"):
        typical_month(entries=(*spent(5), *spent(6)))


def test_naive_and_foreign_instants_are_refused() -> None:
    right = entry("a", "2026-03-02T09:00", "2026-03-02T09:10")
    with pytest.raises(ValueError, match="aware and in UTC"):
        replace(right, start=datetime(2026, 3, 2, 9))
    east = timezone(timedelta(hours=-5))
    with pytest.raises(ValueError, match="aware and in UTC"):
        replace(right, start=datetime(2026, 3, 2, 9, tzinfo=east))


def test_an_entry_that_ends_before_it_starts_is_refused() -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with pytest.raises(ValueError, match="not after its start"):
        Entry("a", "p", "staff", start, start - timedelta(seconds=1), "ccm")


@pytest.mark.parametrize(
    ("month", "last"), [("2024-02", 29), ("2026-02", 28), ("2026-12", 31), ("2026-04", 30)]
)
def test_first_and_last_day(month: str, last: int) -> None:
    facts = replace(typical_month(), month=month)
    assert (facts.first_day.day, facts.last_day.day) == (1, last)
    assert facts.first_day.month == facts.last_day.month
