"""Who pays: Medicare from sixty-five (and for some before), an employer's Blue Cross, or somebody else."""

from datetime import date
from typing import Final

from server.lives.dice import Dice
from server.lives.life import Insurance, Place

_LETTERS: Final = "ACDEFGHJKMNPQRTUVWXY"  # those that a Medicare number may hold
_PRODUCTS: Final = ("commercial_ppo", "commercial_ppo", "commercial_ppo", "bcn", "")


def medicare_number(dice: Dice) -> str:
    """Of the right form, and starting as the specimen card's does, so that it is nobody's."""
    return f"1EG4TE5{dice.one(_LETTERS)}{dice.one(_LETTERS)}{dice.whole(0, 99):02d}"


def insurance(
    dice: Dice, place: Place, born: date, age: int, family: str, spouse: tuple[str, str] | None, today: date
) -> tuple[Insurance, ...]:
    """In the order in which they pay. spouse: (given name, sex) of whoever it may come through."""
    at_65 = date(born.year + 65, born.month, 1)
    since = date(today.year - 3 - dice.whole(0, 4), 1, 1)
    if age >= 66 or (age >= 45 and dice.chance(0.07)):
        from_on = max(at_65, date(today.year - 12, 1, 1)) if age >= 66 else since
        first = Insurance(place.medicare, medicare_number(dice), 1, from_on, benefit=True)
        if dice.chance(0.3):
            return first, Insurance(
                place.other, f"AM{dice.whole(10**7, 10**8 - 1)}", 2, from_on, "Supplement"
            )
        return (first,)
    kind = dice.weighted([(place.commercial, 7.0), (place.other, 2.5)])
    if kind == place.other:
        return (Insurance(kind, f"AM{dice.whole(10**7, 10**8 - 1)}", 1, since, benefit=None),)
    member = f"{dice.one(_LETTERS)}{dice.one(_LETTERS)}{dice.one(_LETTERS)}9{dice.whole(10**7, 10**8 - 1)}"
    asked: bool | None = dice.weighted([(True, 8.0), (None, 1.0), (False, 0.6)])
    subscriber = None
    if age < 18:
        subscriber = ("child", family, "Parent", date(born.year - 29, 4, 12), "female")
    elif spouse is not None and dice.chance(0.3):
        subscriber = ("spouse", family, spouse[0], date(born.year - 1, 9, 3), spouse[1])
    return (Insurance(kind, member, 1, since, dice.one(_PRODUCTS), asked, subscriber),)
