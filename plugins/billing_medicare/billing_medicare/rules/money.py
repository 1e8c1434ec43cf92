"""Amounts: the national rate of a code, and what the patient may owe of it."""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from carewright_plugin_api.book import cited
from carewright_plugin_api.decisions import CostShare, Fee, Line, total
from carewright_plugin_api.effective import ParameterError
from carewright_plugin_api.facts import MonthFacts

from billing_medicare.rules.book import BOOK

_CENT = Decimal("0.01")


def fee_name(code: str, facts: MonthFacts) -> str:
    """The rate goes by the practitioner: from 2026 there are two conversion factors."""
    qualifying = facts.billing_practitioner is not None and facts.billing_practitioner.qualifying_participant
    return f"fee.{'qualifying' if qualifying else 'standard'}.{code}"


def fee(code: str, facts: MonthFacts, on: date) -> Fee | None:
    """The national amount for one unit on that day, or None where none is held."""
    try:
        row = BOOK.on(fee_name(code, facts), on)
        places = BOOK.on("place.facility", on)
    except ParameterError:
        return None
    clinic = facts.site != "practice"  # clinics are paid the non-facility amount wherever they are
    facility = facts.place_of_service in places.words and not clinic
    where = "facility" if facility else "non_facility"
    return Fee(
        code,
        Decimal(row.table[where]),
        f"national {where.replace('_', '-')} amount, conversion factor {row.table['conversion_factor']}",
        cited(row),
    )


def no_fee_note(code: str, on: date) -> str:
    held = [row for name in BOOK.names("fee.standard.") if name.endswith(code) for row in BOOK.history(name)]
    if not held:
        return f"These rules hold no rate for {code}."
    return f"These rules hold rates from {held[0].starts} to {held[-1].ends}; none for {on}."


def cost_share(lines: Sequence[Line], facts: MonthFacts) -> CostShare:
    """Deductible first, then the patient's share of the rest. Nothing at all for a qualified beneficiary."""
    day = facts.last_day
    if facts.coverage.qmb:
        row = BOOK.on("part_b.qmb", day)
        nothing = Decimal(row.value)
        return CostShare(nothing, nothing, "The patient will not be billed.", cited(row))
    row = BOOK.on("part_b.coinsurance", day)
    allowed, remaining = total(lines), facts.coverage.deductible_remaining
    if allowed is None:
        return CostShare(None, None, "There is no rate to reckon the patient's share from.", cited(row))
    share = Decimal(row.value)
    low = _after_deductible(allowed, min(allowed, remaining or Decimal(0)), share)
    high = _after_deductible(allowed, allowed if remaining is None else min(allowed, remaining), share)
    percent = f"{share * 100:f}".rstrip("0").rstrip(".")
    if low == high:
        sentence = f"The patient or a supplement pays about {low} dollars this month."
    else:
        sentence = (
            f"The patient or a supplement pays about {low} dollars this month ({percent} percent), and up to {high} "
            "while the yearly deductible is not used up."
        )
    return CostShare(low, high, sentence, cited(row))


def _after_deductible(allowed: Decimal, deductible: Decimal, share: Decimal) -> Decimal:
    return (deductible + (allowed - deductible) * share).quantize(_CENT, ROUND_HALF_UP)
