"""Every instrument against its own published table, and what no instrument's file may say."""

import hashlib
import json
from typing import Any

import pytest
import yaml
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st

from server.assessments.instrument import Answer, Instrument, Item
from server.assessments.library import FOLDER, every_version, known, newest
from server.assessments.reading import BadInstrument, read_instrument
from server.assessments.scoring import asked, check_answers, concerns, scores
from server.assessments.tables import DOMAINS
from server.errors import Refused

EVERY = sorted(every_version(), key=lambda one: (one.key, one.version))
US_CORE = SHARED / "data" / "us_core"


def cases_of(one: Instrument) -> list[dict[str, Any]]:
    return yaml.safe_load((FOLDER / f"{one.key}.{one.version}.cases.yaml").read_text(encoding="utf-8"))


def answer_of(item: Item, value: Any) -> Answer:
    if isinstance(value, list):
        return Answer(item.id, tuple(value))
    if isinstance(value, int):
        return Answer(item.id, number=value)
    return Answer(item.id, text=value) if item.kind == "text" else Answer(item.id, (value,))


def answers_of(one: Instrument, case: dict[str, Any]) -> list[Answer]:
    found = []
    for id, points in case.get("points", {}).items():
        item = one.item(id)
        assert item is not None, id
        found.append(Answer(id, (next(o.code for o in item.options if o.score == points),)))
    for id, value in case.get("answers", {}).items():
        item = one.item(id)
        assert item is not None, id
        found.append(answer_of(item, value))
    return found


@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.key} {one.version}")
def test_an_instrument_scores_as_published(one: Instrument) -> None:
    """R124, F044: the cases beside each file, and among them both sides of every band."""
    seen: dict[str, set[int]] = {}
    for case in cases_of(one):
        given_answers = answers_of(one, case)
        if "refused" in case:
            with pytest.raises(Refused) as refused:
                check_answers(one, given_answers)
            assert refused.value.code == case["refused"], case["says"]
            continue
        checked = check_answers(one, given_answers)
        told = {s.key: None if s.value is None else [s.value, s.band] for s in scores(one, checked)}
        assert told == case["scores"], case["says"]
        assert [worry.domain for worry in concerns(one, checked)] == case.get("worries", []), case["says"]
        for key, value in told.items():
            if value is not None:
                seen.setdefault(key, set()).add(value[0])
    for score in one.scores:
        edges = {edge for band in score.bands for edge in (band.low, band.high)}
        assert edges <= seen[score.key], f"{score.key}: a case is missing for {edges - seen[score.key]}"


def test_what_people_answered_keeps_its_meaning() -> None:
    """A version in use never changes: another wording, another number is another version, in a file of its own."""
    here = {
        f"{one.key} {one.version}": hashlib.sha256(
            (FOLDER / f"{one.key}.{one.version}.yaml").read_bytes()
        ).hexdigest()[:16]
        for one in EVERY
    }
    published = yaml.safe_load((FOLDER / "published.txt").read_text())
    assert here == published, "make the change in a file of the next version, and add that to published.txt"
    assert all(known(one.key, one.version) is one for one in EVERY)
    assert set(newest()) == {one.key for one in EVERY}


def test_wording_that_is_not_ours_is_there_only_where_its_owner_allows_it() -> None:
    """Licences: PHQ, GAD-7 and Hunger Vital Sign alone are shipped in their owners' words; no MMSE in any form."""
    by = {w: {one.key for one in EVERY if one.wording == w} for w in ("published", "codes", "score")}
    assert by["published"] == {"phq-2", "phq-9", "gad-7", "hunger-vital-sign"}
    assert by["codes"] == {"audit-c", "ahc-hrsn", "prapare"}
    assert by["score"] == {"mcsi"}
    for one in EVERY:
        words = " ".join([one.title, one.about, *(item.text for item in one.items)]).lower()
        assert "mini-mental" not in words
        assert "mmse" not in words
        if one.wording == "codes":
            assert all(len(item.text) < 60 and "?" not in item.text for item in one.items), one.key


def test_the_labels_of_prapare_are_not_its_questions() -> None:
    text = sample("Questionnaire-prapare-example")
    ours = [item for one in EVERY if one.key == "prapare" for item in one.items]
    assert [item.text for item in ours if len(item.text) > 24 and item.text in text] == []


def test_a_worry_is_one_of_those_that_can_be_kept() -> None:
    """The reader of files is pure and cannot see the table; a word it does not know would be a fault when it is answered."""
    assert {concern.domain for one in EVERY for concern in one.concerns} <= set(DOMAINS)


# --- the published examples of US Core -------------------------------------------------------------------------


def sample(name: str) -> str:
    """The text of one example. Where the folder is there, a file that is not fails: no skip may hide it."""
    if not US_CORE.is_dir():
        pytest.skip(f"no samples at {US_CORE}")
    return (US_CORE / f"{name}.json").read_text(encoding="utf-8")


def response(name: str) -> dict[str, list[dict[str, Any]]]:
    """LOINC code -> its answers."""
    found: dict[str, list[dict[str, Any]]] = {}

    def walk(items: list[dict[str, Any]]) -> None:
        for item in items:
            if "answer" in item:
                found[item["linkId"].rpartition("/")[2]] = item["answer"]
            walk(item.get("item", []))

    walk(json.loads(sample(f"QuestionnaireResponse-{name}"))["item"])
    return found


def from_response(one: Instrument, given_answers: dict[str, list[dict[str, Any]]]) -> list[Answer]:
    made = []
    for item in one.items:
        values = given_answers.get(item.loinc)
        if values is None:
            continue
        if "valueCoding" in values[0]:
            made.append(Answer(item.id, tuple(v["valueCoding"]["code"] for v in values)))
        elif "valueString" in values[0]:
            made.append(Answer(item.id, text=values[0]["valueString"]))
        else:
            made.append(
                Answer(item.id, number=int(values[0].get("valueInteger", values[0].get("valueDecimal"))))
            )
    return made


def instrument(key: str) -> Instrument:
    return newest()[key]


def test_the_examples_of_us_core_come_to_their_published_totals() -> None:
    """F044: PHQ-9 12, and the answer Hunger Vital Sign's example gives; PRAPARE takes every coded answer it has."""
    phq, given_answers = instrument("phq-9"), response("phq-9-example")
    checked = check_answers(phq, from_response(phq, given_answers))
    assert len(checked) == 10
    (total,) = scores(phq, checked)
    assert (total.value, total.band) == (given_answers["44261-6"][0]["valueDecimal"], "Moderate")
    assert concerns(phq, checked) == ()

    hunger, given_answers = instrument("hunger-vital-sign"), response("hunger-vital-sign-example")
    (risk,) = scores(hunger, check_answers(hunger, from_response(hunger, given_answers)))
    assert given_answers["88124-3"][0]["valueCoding"]["display"] == "At risk"
    assert risk.value == 1

    prapare, given_answers = instrument("prapare"), response("PRAPARE-example")
    checked = check_answers(prapare, from_response(prapare, given_answers))
    assert len(checked) == len(
        [code for code in given_answers if any(i.loinc == code for i in prapare.items)]
    )
    assert len(checked) == len(prapare.items)
    assert scores(prapare, checked)[0].value == 1  # the example has no housing
    assert [worry.domain for worry in concerns(prapare, checked)] == [
        "home"
    ]  # nor does it feel safe where it lives


def test_the_alcohol_example_of_us_core_lacks_a_question_and_gets_no_total() -> None:
    """It asks 68517-2 where AUDIT-C has 68518-0, and calls the total 0. What is missing is not guessed here; the two
    answers it has count nothing each, as its total says."""
    alcohol, given_answers = instrument("audit-c"), response("AUDIT-C")
    checked = check_answers(alcohol, from_response(alcohol, given_answers))
    (total,) = scores(alcohol, checked)
    assert (total.value, total.missing) == (None, ("how-often",))
    never = {**checked, "how-often": Answer("how-often", ("LA18926-8",))}
    assert scores(alcohol, never)[0].value == 1 + given_answers["75626-2"][0]["valueDecimal"]


def test_the_observations_of_us_core_are_the_same_answers() -> None:
    """The single Observations of the PHQ-9 example, as records systems send them, come to the same total."""
    phq = instrument("phq-9")
    found = []
    for item in phq.items:
        example = json.loads(sample(f"Observation-PHQ9-item-example-{item.loinc}"))
        code = example["valueCodeableConcept"]["coding"][0]["code"]
        found.append(Answer(item.id, (code,)))
    assert scores(phq, check_answers(phq, found))[0].value == 12


# --- properties ---------------------------------------------------------------------------------------------------


@st.composite
def answered(draw: st.DrawFn) -> tuple[Instrument, dict[str, Answer]]:
    """Some instrument, and answers to some of what it asks, branches as they open."""
    one = draw(st.sampled_from(EVERY))
    given_answers: dict[str, Answer] = {}
    for _ in one.items:
        left = [i for i in asked(one, given_answers) if i.id not in given_answers]
        for item in left:
            if not item.required and draw(st.booleans()):
                continue
            if item.kind == "integer":
                given_answers[item.id] = Answer(item.id, number=draw(st.integers(item.least, item.most)))
            elif item.kind == "text":
                given_answers[item.id] = Answer(
                    item.id, text=draw(st.text(min_size=1, max_size=9)).strip() or "x"
                )
            else:
                given_answers[item.id] = Answer(item.id, (draw(st.sampled_from(item.options)).code,))
    open_ones = {item.id for item in asked(one, given_answers)}
    return one, {id: answer for id, answer in given_answers.items() if id in open_ones}


@settings(max_examples=30)
@given(answered())
def test_answers_that_fit_are_taken_and_their_scores_lie_in_their_bands(
    made: tuple[Instrument, dict[str, Answer]],
) -> None:
    one, given_answers = made
    if not given_answers:
        return
    checked = check_answers(one, given_answers.values())
    assert checked == given_answers
    for told, score in zip(scores(one, checked), one.scores, strict=True):
        if told.value is None:
            assert told.missing
            assert told.band == ""
        else:
            assert score.low <= told.value <= score.high
            assert bool(told.band) == bool(score.bands)
            if score.how == "sum":
                assert not told.missing


@settings(max_examples=30)
@given(answered(), st.randoms(use_true_random=False))
def test_neither_the_order_of_answers_nor_what_is_not_counted_moves_a_score(
    made: tuple[Instrument, dict[str, Answer]], dice: Any
) -> None:
    one, given_answers = made
    mixed = list(given_answers.values())
    dice.shuffle(mixed)
    again = {answer.item: answer for answer in mixed}
    assert scores(one, again) == scores(one, given_answers)
    counted = {id for score in one.scores for id in score.of} | {c.item for i in one.items for c in i.when}
    assert scores(one, {id: a for id, a in again.items() if id in counted}) == scores(one, given_answers)


# --- files that are refused ---------------------------------------------------------------------------------------

GOOD = """
key: small
version: "1"
language: en
title: Small
about: Two questions.
subject: Trial
wording: ours
licence: Ours.
citation: None.
items:
  - {id: one, type: choice, text: One, options: [{code: a, text: A, score: 0}, {code: b, text: B, score: 2}]}
  - {id: two, type: integer, text: Two, least: 0, most: 3, when: [{item: one, is: [b]}]}
scores:
  - {key: total, text: Total, of: [one, two], unasked: 0, bands: [{from: 0, to: 1, text: Low}, {from: 2, to: 5, text: High}]}
"""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("least: 0, most: 3, when: [{item: one, is: [b]}]", "least: 0, most: 3, when: [{item: nobody, is: [b]}]", "not there"),
        ("is: [b]", "is: [c]", "has not"),
        ("score: 2}]}", "score: 2}], when: [{item: two, above: 1}]}", "circle: one after two after one"),
        ("when: [{item: one, is: [b]}]", "when: [{item: two, above: 1}]", "circle: two after two"),
        ("is: [b]", "is: [b], above: 3", "at one of them"),
        ("{from: 2, to: 5", "{from: 3, to: 5", "2 belongs to no band"),
        ("{from: 2, to: 5", "{from: 1, to: 5", "1 is said twice"),
        ("to: 5", "to: 4", "goes to 5"),
        ("{from: 0, to: 1", "{from: 1, to: 1", "0 belongs to no band"),
        ("of: [one, two]", "of: [one, three]", "not asked"),
        ("unasked: 0, ", "", "unasked"),
        ("{id: two", "{id: one", "two items are called one"),
        ("code: b", "code: a", "stands for two answers"),
        ("type: integer", "type: decimal", "is of the type decimal"),
        ("wording: ours", "wording: codes", "own copy"),
        ("wording: ours", "wording: borrowed", "borrowed"),
        ("licence: Ours.", "licence: ''", "licence is missing"),
        ("text: Two", "text: Two, loinc: 44261-7", "no LOINC code"),
        ("text: Two", "text: Two, weight: 3", "weight, which nobody reads"),
        ("least: 0, most: 3", "least: 3, most: 0", "nothing is between"),
        ("items:", "rows:", "which nobody reads"),
        ("key: small", "key: [", "not YAML"),
        ('version: "1"', 'version: "1b"', "version is '1b'; it is a whole number"),
        ("score: 2}", "score: '2'}", "the answer b has the points '2'"),
        ("scores:", "concerns: [{domain: home, item: three, above: 0}]\nscores:", "rests on three, which is not asked"),
        ("scores:", "  - {id: three, type: text, text: Three}\nconcerns: [{domain: home, item: three, above: 0}]\nscores:", "none of its answers has points"),
    ],
)  # fmt: skip
def test_a_file_that_could_not_work_is_refused_with_the_reason(old: str, new: str, why: str) -> None:
    """R137: a branch in a circle, an unknown link, a gap in the bands, and the rest."""
    assert read_instrument(GOOD).key == "small"
    assert old in GOOD
    with pytest.raises(BadInstrument, match=why.replace("[", r"\[")):
        read_instrument(GOOD.replace(old, new, 1))
