"""How the minutes of a decision add up: entry by entry, what the rules were told, left out and counted. Pure.

Nothing is decided here. The figures are those of the stored facts and the stored decision; a sum that does not come
out at the stored figure is said, not mended.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from carewright_plugin_api.decisions import Decision, LeftOut, MinutesCounted
from carewright_plugin_api.facts import Entry, MonthFacts
from carewright_plugin_api.ladder import Span, inside, length, month_window


@dataclass(frozen=True, slots=True)
class Share:
    """One entry in a sum, in elapsed seconds: within the month, left out of them, counted."""

    entry_id: str
    told: int
    left_out: int

    @property
    def counted(self) -> int:
        return self.told - self.left_out


@dataclass(frozen=True, slots=True)
class Sum:
    """A counted total and the entries it is made of. agrees: whether they come to the stored seconds."""

    counted: MinutesCounted
    shares: tuple[Share, ...]
    agrees: bool


def sums_of(facts: MonthFacts, decision: Decision) -> tuple[Sum, ...]:
    """Each total of the decision with its entries, in the order the decision names them."""
    return tuple(_sum(counted, facts, decision) for counted in decision.minutes)


def sum_behind(program: str, entry_ids: Iterable[str], facts: MonthFacts, decision: Decision) -> Sum | None:
    """The total a line rests on: the one made of the same entries, else its program's only total that names none.

    None where the rules count otherwise, by contacts for instance.
    """
    wanted = tuple(sorted(entry_ids))
    ours = [one for one in decision.minutes if one.program == program]
    same = [one for one in ours if wanted and tuple(sorted(one.entry_ids)) == wanted]
    unnamed = [replace(one, entry_ids=wanted) for one in ours if wanted and not one.entry_ids and one.seconds]
    found = [*same, *(unnamed if len(unnamed) == 1 else [])]
    return _sum(found[0], facts, decision) if found else None


def _sum(counted: MinutesCounted, facts: MonthFacts, decision: Decision) -> Sum:
    told = {entry.id: seconds_within(entry, facts) for entry in facts.entries}
    left: dict[str, int] = defaultdict(int)
    for out in decision.left_out:
        left[out.entry_id] += out.seconds
    shares = tuple(Share(id, told.get(id, 0), min(left[id], told.get(id, 0))) for id in counted.entry_ids)
    short = abs(sum(share.counted for share in shares) - counted.seconds)
    # Each share is floored to a whole second, so a sum of n may be up to n seconds away.
    return Sum(counted, shares, short <= len(shares))


def seconds_within(entry: Entry, facts: MonthFacts) -> int:
    """Whole elapsed seconds of an entry in the month it was asked about."""
    return length(inside([Span.of(entry)], month_window(facts.first_day, facts.zone))) // timedelta(seconds=1)


def left_out_of(decision: Decision) -> dict[str, list[LeftOut]]:
    """entry id -> what was left out of it, and why."""
    found: dict[str, list[LeftOut]] = defaultdict(list)
    for out in decision.left_out:
        found[out.entry_id].append(out)
    return dict(found)
