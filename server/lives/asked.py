"""What people were asked and answered over two years: moods that lift slowly, needs told once, how sure they felt.

Answers are named as the instruments name them (server/assessments/instruments); what they add up to is reckoned there.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from server.lives.dice import Dice
from server.lives.life import Asked, Place, Program, Reply, Result, Stayed

_DAYS: Final = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")
#: LOINC of a total -> instrument, and its items in the order in which trouble usually shows
_MOODS: Final = {
    "44261-6": (
        "phq-9",
        ("tired", "sleep", "interest", "down", "concentration", "appetite", "failure", "slow-or-restless"),
    ),
    "70274-6": (
        "gad-7",
        ("worrying", "nervous", "cannot-stop-worrying", "relaxing", "annoyed", "restless", "afraid"),
    ),
}
_LOW: Final = ("Sleeps again, most nights.", "Went to the fish fry and stayed.", "Laughed on the phone and noticed it too.", "Back to the crossword.")  # fmt: skip
_HIGH: Final = ("Evenings are the long part.", "Gets up because the cat asks.", "Would rather not see anybody just now.", "Four hours of sleep, and then the ceiling.")  # fmt: skip
_STAYED: Final = (
    Stayed(
        "Asked plainly on the phone: a passing thought, no plan, nothing at home to do it with. Has the number, and used the porch light sign with the neighbor.",
        "the provider and the person nearest to them",
        "Says the evenings are worst and that being asked helped. We talk every other day until the next visit.",
        1,
    ),
    Stayed(
        "Came in the same afternoon and sat with the doctor. Tablets now come by the week.",
        "the provider",
        "No plan. Wants the choir back, and somebody to drive there. We call Thursday.",
        0,
    ),
    Stayed(
        "Went over it together at the kitchen table, with the list of three people to call, in order.",
        "the provider and the family, as agreed",
        "Thoughts came with the bad nights and left with them. The list hangs by the phone.",
        2,
    ),
)
_CHANGES: Final = (
    "Walk to the mailbox and back every day", "Cook at home four nights a week", "Leave the evening cigarette",
    "Take the tablets with breakfast, every day", "Get to bed before midnight", "See the grandchildren on Sundays",
)  # fmt: skip
_SURER: Final = (
    "If somebody walked with me", "A list on the refrigerator", "Knowing whom to call", "One thing at a time", "",
)  # fmt: skip
_HELPERS: Final = (
    "My daughter, twice a week, and the neighbor with the mail.", "Nobody yet, and I manage.", "My husband. He says it is enough.",
    "The boys come Saturdays.", "",
)  # fmt: skip


def asked_of(
    dice: Dice,
    place: Place,
    results: Sequence[Result],
    program: Program | None,
    manager: str,
    provider: str,
    age: int,
    matters: str,
    until: date,
) -> tuple[Asked, ...]:
    """In the order of time, all before `until`. manager: who cares for them, empty where nobody does yet."""
    who = manager or provider
    found = [*_moods(dice.apart("mood"), results, who, until)]
    if program is not None and program.status != "declined" and manager:
        found += _care(dice.apart("care"), place, program, manager, age, matters, until)
    return tuple(sorted(found, key=lambda one: (one.at, one.instrument)))


def _moods(dice: Dice, results: Sequence[Result], who: str, until: date) -> list[Asked]:
    """The answers behind each total on the chart."""
    found = []
    stayed = False
    for result in results:
        if result.loinc not in _MOODS or result.value is None:
            continue
        key, items = _MOODS[result.loinc]
        total = round(result.value)
        points = _spread(dice, items, min(total, 3 * len(items)))
        worry = None
        if key == "phq-9":
            points["better-off-dead"] = 0
            long_ago = (until - result.at.date()).days > 7  # what was done about it has been done
            if not stayed and total >= 14 and long_ago and dice.chance(0.12):
                points["better-off-dead"], stayed = 1, True
                points[next(item for item in items if points[item])] -= 1
                worry = dice.one(_STAYED)
        replies = [Reply(item, (_DAYS[n],)) for item, n in points.items()]
        if key == "phq-9" and total:
            hard = ("LA6572-7", "LA6573-5", "LA6575-0", "LA6574-3")[min(3, total // 6)]
            replies.append(Reply("difficulty", (hard,)))
        note = dice.one(_HIGH if total >= 10 else _LOW) if dice.chance(0.4) else ""
        found.append(Asked(key, result.at, who, "phone", tuple(replies), note, worry))
    return found


def _spread(dice: Dice, items: Sequence[str], total: int) -> dict[str, int]:
    """The points of each item, 0 to 3, adding up to `total`; the first items come by more."""
    points = dict.fromkeys(items, 0)
    for _ in range(total):
        open_ones = [
            (item, float(2 * len(items) - place)) for place, item in enumerate(items) if points[item] < 3
        ]
        points[dice.weighted(open_ones)] += 1
    return points


def _care(
    dice: Dice, place: Place, program: Program, manager: str, age: int, matters: str, until: date
) -> list[Asked]:
    """What belongs to the beginning of care, and comes again."""
    found: list[Asked] = []
    last = min(until, program.ended_on or until)

    def ask(days: int, key: str, mode: str, *replies: Reply, note: str = "") -> None:
        on = program.started_on + timedelta(days=days)
        on += timedelta(days=max(0, 7 - on.weekday()) if on.weekday() > 4 else 0)
        at = datetime.combine(on, time(dice.whole(9, 15), dice.whole(0, 11) * 5), ZoneInfo(place.zone))
        if on < last:
            kept = tuple(one for one in replies if one.codes or one.number is not None or one.text)
            found.append(Asked(key, at.astimezone(UTC), manager, mode, kept, note))

    ask(
        0, "whole-picture", "in_person",
        Reply("matters", text=matters), Reply("family", text=dice.one(_HELPERS)),
        Reply("reading", (dice.weighted((("never", 6.0), ("sometimes", 3.0), ("always", 1.0))),)),
    )  # fmt: skip
    need = dice.weighted((("none", 6.0), ("food", 2.0), ("rides", 2.0), ("utilities", 1.0), ("home", 1.0)))
    for days in (9, 380):
        ask(days, "ahc-hrsn", "phone", *_needs(dice, need))
        need = "none" if dice.chance(0.6) else need  # for many, somebody found a way
    change, sure = dice.one(_CHANGES), dice.whole(3, 6)
    matter = dice.whole(6, 9)
    for days in range(14, 730, 150):
        ask(
            days, "rulers", "phone", Reply("change", text=change), Reply("importance", number=matter),
            Reply("confidence", number=sure), Reply("what-would-help", text=dice.one(_SURER)),
        )  # fmt: skip
        sure = min(10, max(1, sure + dice.whole(-1, 2)))
        matter = min(10, max(4, matter + dice.whole(-1, 1)))
    if age >= 72:
        for days in (21, 400):
            ask(
                days,
                "everyday",
                "home",
                *_help(dice, ("washing", "dressing", "toilet", "getting-up", "leaks", "eating"), 0.12),
            )
            ask(days, "falls", "home", *_falls(dice))
    return found


def _needs(dice: Dice, need: str) -> list[Reply]:
    truth = ("LA28397-0", "LA6729-3")
    never = "LA6270-8"
    return [
        Reply("living", ("LA31994-9" if need == "home" else "LA31993-1",)),
        Reply("place", ("LA31998-0", "LA32001-2") if need == "home" else ("LA9-3",)),
        Reply("food-worry", (dice.one(truth) if need == "food" else "LA28398-8",)),
        Reply("food-short", (truth[1] if need == "food" else "LA28398-8",)),
        Reply("rides", ("LA33-6" if need == "rides" else "LA32-8",)),
        Reply("utilities", ("LA33-6" if need == "utilities" else "LA32-8",)),
        *(Reply(item, (never,)) for item in ("hurt", "threatened")),
        *(Reply(item, ("LA10066-1" if dice.chance(0.2) else never,)) for item in ("insulted", "screamed")),
    ]


def _help(dice: Dice, items: Sequence[str], share: float) -> list[Reply]:
    return [
        *(Reply(item, ("some" if dice.chance(share) else "alone",)) for item in items),
        Reply("who-helps", text=dice.one(_HELPERS)),
    ]


def _falls(dice: Dice) -> list[Reply]:
    fell = dice.chance(0.3)
    told = [Reply("fallen", ("yes" if fell else "no",))]
    if fell:
        told += [Reply("how-many", number=dice.whole(1, 2)), Reply("hurt", ("no",))]
    return [
        *told,
        Reply("unsteady", ("yes" if dice.chance(0.35) else "no",)),
        Reply("afraid", ("yes" if dice.chance(0.3) else "no",)),
    ]
