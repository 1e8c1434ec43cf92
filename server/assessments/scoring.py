"""Which items are asked, whether answers fit, and what they add up to. Pure: answers in, numbers out.

A score is told only when its instrument's rule can be followed to the end: what is missing is never guessed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from server.assessments.instrument import Answer, Answers, Concern, Condition, Instrument, Item, Score
from server.errors import Refused
from server.words import say


class WrongAnswer(Refused):
    """An answer that does not fit its item, `item` by its link id."""

    def __init__(self, item: str, code: str, message: str, next_step: str) -> None:
        super().__init__(code, message, next_step, "answers")
        self.item = item


@dataclass(frozen=True, slots=True)
class Scored:
    """value: None where an answer it needs is missing, and then `missing` names the items. band: what it is called."""

    key: str
    value: int | None
    band: str
    missing: tuple[str, ...] = ()


def asked(instrument: Instrument, answers: Answers) -> tuple[Item, ...]:
    """The items whose branch is open, in the instrument's order. What was answered in a closed branch opens nothing."""
    known: dict[str, bool] = {}

    def is_asked(item: Item) -> bool:
        if item.id not in known:
            known[item.id] = all(holds(one) for one in item.when)  # the loader has refused circles
        return known[item.id]

    def holds(condition: Condition) -> bool:
        item, answer = instrument.item(condition.item), answers.get(condition.item)
        if item is None or not is_asked(item):
            return False
        if condition.unless:
            return answer is None or not any(code in condition.unless for code in answer.codes)
        if answer is None:
            return False
        if condition.above is not None:
            return answer.number is not None and answer.number > condition.above
        return any(code in condition.codes for code in answer.codes)

    return tuple(item for item in instrument.items if is_asked(item))


def check_answers(instrument: Instrument, given: Iterable[Answer]) -> dict[str, Answer]:
    """item -> its answer, empty ones left out. Raises WrongAnswer for what does not fit; Refused NOTHING_ANSWERED."""
    answers: dict[str, Answer] = {}
    for answer in given:
        if answer.is_empty:
            continue
        item = instrument.item(answer.item)
        if item is None:
            raise WrongAnswer(
                answer.item,
                "ANSWER_TO_NOTHING",
                say("%(title)s does not ask “%(item)s”.", title=instrument.title, item=answer.item[:40]),
                say("Open it again, and answer what it asks."),
            )
        if answer.item in answers:
            raise _wrong(item, "ANSWERED_TWICE", say("It was answered twice."), say("Keep one of the two."))
        _check(item, answer)
        answers[answer.item] = answer
    open_ones = {item.id for item in asked(instrument, answers)}
    for id in answers:
        if id not in open_ones:
            raise _not_asked(instrument, id)
    for item in instrument.items:
        if item.required and item.id in open_ones and item.id not in answers:
            raise _wrong(item, "ANSWER_MISSING", say("It cannot be left out."), say("Answer it."))
    if not answers:
        raise Refused(
            "NOTHING_ANSWERED",
            say("Nothing is answered yet."),
            say("Answer what they want to answer; the rest may be left out."),
        )
    return answers


def _check(item: Item, answer: Answer) -> None:
    if item.kind == "integer":
        _check_number(item, answer)
    elif item.kind == "text":
        if answer.codes or answer.number is not None:
            raise _wrong(
                item, "ANSWER_NOT_WORDS", say("It is answered in words."), say("Write what they say.")
            )
    else:
        _check_choice(item, answer)


def _check_number(item: Item, answer: Answer) -> None:
    number = answer.number
    if number is None or answer.codes or answer.text.strip():
        raise _wrong(
            item, "ANSWER_NOT_A_NUMBER", say("It is answered with a number."), say("Write a number.")
        )
    if (item.least is not None and number < item.least) or (item.most is not None and number > item.most):
        raise _wrong(
            item,
            "ANSWER_OUT_OF_RANGE",
            say(
                "%(number)s is not between %(least)s and %(most)s.",
                number=number,
                least=item.least,
                most=item.most,
            ),
            say("Choose a whole number from %(least)s to %(most)s.", least=item.least, most=item.most),
        )


def _check_choice(item: Item, answer: Answer) -> None:
    if answer.number is not None or answer.text.strip():
        raise _wrong(
            item, "NOT_A_CHOICE", say("It is answered by choosing."), say("Choose one of the answers.")
        )
    for code in answer.codes:
        if item.option(code) is None:
            raise _wrong(
                item,
                "NOT_A_CHOICE",
                say("“%(code)s” is not among its answers.", code=code[:40]),
                say("Choose one of the answers it has."),
            )
    if len(set(answer.codes)) != len(answer.codes) or (len(answer.codes) > 1 and not item.repeats):
        raise _wrong(
            item, "ONE_ANSWER_ONLY", say("It takes one answer."), say("Choose the one that fits best.")
        )
    alone = [one.text for one in item.options if one.alone and one.code in answer.codes]
    if alone and len(answer.codes) > 1:
        raise _wrong(
            item,
            "ANSWERS_DISAGREE",
            say("“%(alone)s” and another answer cannot both be so.", alone=alone[0]),
            say("Take one of them away."),
        )


def _wrong(item: Item, code: str, message: str, next_step: str) -> WrongAnswer:
    return WrongAnswer(item.id, code, f"{_short(item.text)}: {message}", next_step)


def _not_asked(instrument: Instrument, id: str) -> WrongAnswer:
    item = instrument.item(id)
    before = instrument.item(item.when[0].item) if item else None
    return WrongAnswer(
        id,
        "ANSWER_NOT_ASKED",
        say(
            "“%(item)s” is answered, and is not asked after what was answered to “%(before)s”.",
            item=_short(item.text) if item else id,
            before=_short(before.text) if before else "",
        ),
        say("Change the one or take the other away."),
    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59].rstrip()}…"


def points(item: Item, answer: Answer | None) -> int | None:
    """What an answer gives to a score; None where there is none, or one that says nothing to it."""
    if answer is None:
        return None
    if item.kind == "integer":
        return answer.number
    total = 0
    for code in answer.codes:
        option = item.option(code)
        if option is None or option.score is None:
            return None
        total += option.score
    return total if answer.codes else None


def scores(instrument: Instrument, answers: Answers) -> tuple[Scored, ...]:
    """Every score of the instrument, in its order. answers: as `check_answers` returned them."""
    open_ones = {item.id for item in asked(instrument, answers)}
    return tuple(_scored(instrument, one, answers, open_ones) for one in instrument.scores)


def _scored(instrument: Instrument, score: Score, answers: Answers, open_ones: set[str]) -> Scored:
    found: list[int] = []
    missing: list[str] = []
    for id in score.of:
        item = instrument.item(id)
        given = points(item, answers.get(id)) if item is not None and id in open_ones else score.unasked
        if given is None:
            missing.append(id)
        else:
            found.append(given)
    if score.how == "any" and any(found):
        value = 1  # one answer decides, whatever else was left out
    elif missing:
        return Scored(score.key, None, "", tuple(missing))
    else:
        value = int(any(found)) if score.how == "any" else sum(found)
    return Scored(score.key, value, score.band(value))


def concerns(instrument: Instrument, answers: Answers) -> tuple[Concern, ...]:
    """The worries about somebody's safety that these answers are, one a domain."""
    told = {one.key: one.value for one in scores(instrument, answers)}
    open_ones = {item.id for item in asked(instrument, answers)}
    found: dict[str, Concern] = {}
    for one in instrument.concerns:
        item = instrument.item(one.item)
        value = points(item, answers.get(one.item)) if item and one.item in open_ones else told.get(one.score)
        if value is not None and value > one.above:
            found.setdefault(one.domain, one)
    return tuple(found.values())
