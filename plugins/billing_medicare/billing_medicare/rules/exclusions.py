"""What may not be paid together with chronic care management in one month."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from carewright_plugin_api.book import cited, spelled, used
from carewright_plugin_api.decisions import Conflict, Finding, Hold
from carewright_plugin_api.effective import Dated
from carewright_plugin_api.facts import BilledService, MonthFacts

from billing_medicare.rules.book import BOOK

_Scope = Literal["same_practitioner", "same_group", "any_practitioner"]
_SCOPES: dict[str, _Scope] = {
    "same_practitioner": "same_practitioner",
    "same_group": "same_group",
    "others": "any_practitioner",
}
_THEIRS = "others"
_DOES_NOT_STAND = "The other practitioner's claim does not stand."
_WHO = {
    "same_practitioner": "The same practitioner",
    "same_group": "A practitioner of the same group",
    "others": "Another practitioner",
}


def exclusions(facts: MonthFacts) -> tuple[Hold, ...]:
    return tuple(_holds(facts))


def _holds(facts: MonthFacts) -> Iterator[Hold]:
    for row in _exclusive(facts.last_day):
        table = row.table
        standing = sorted(
            (
                service
                for service in facts.billed
                if service.code in table["codes"]
                and facts.first_day <= service.on <= facts.last_day
                and _in_scope(service, table["scope"])
            ),
            key=lambda service: (service.on, service.code),
        )
        if standing and not _checked(facts, table):
            first = standing[0]
            yield BOOK.hold(
                table["hold"],
                row,
                f"{_WHO[table['scope']]} billed {table['service']} ({first.code}) on {spelled(first.on)}; "
                "both are not paid in one month.",
                "Check the other claim. If it stands, nothing is to be billed here this month.",
                "That service not being billed for this patient in the month.",
                *used(billed=first.code, on=first.on),
                mendable=False,
                asserts=_DOES_NOT_STAND if table["scope"] == _THEIRS else "",
            )


def accepted(facts: MonthFacts) -> tuple[Finding, ...]:
    """What somebody checked and found not to stand: said beside the lines, so that it is not forgotten."""
    return tuple(
        BOOK.finding(
            row.table["hold"],
            "info",
            row,
            f"A claim of another practitioner for {row.table['service']} was checked. {_DOES_NOT_STAND}",
            "Nothing is to be done.",
        )
        for row in _exclusive(facts.last_day)
        if _checked(facts, row.table)
    )


def _checked(facts: MonthFacts, table: Mapping[str, Any]) -> bool:
    """Of others' claims we know by hearsay only, so a person may say otherwise; of our own we know."""
    return bool(table["scope"] == _THEIRS) and facts.accepts(table["hold"])


def conflicts(code: str, on: date) -> tuple[Conflict, ...]:
    """What stands against one of our own codes on that day."""
    return tuple(
        Conflict(
            BOOK.rule_id(row),
            (code,),
            tuple(other for other in row.table["codes"] if other != code),
            _SCOPES[row.table["scope"]],
            "calendar month",
            row.table["hold"],
            f"Not paid in the same month as {row.table['service']}.",
            cited(row),
        )
        for row in _exclusive(on)
    )


@lru_cache(maxsize=1024)  # of days; a month asks about one or two
def _exclusive(on: date) -> tuple[Dated, ...]:
    rows = (BOOK.on(name, on) for name in BOOK.names("exclusion.") if BOOK.known(name, on))
    return tuple(row for row in rows if row.table["action"] == "exclusive")


def _in_scope(service: BilledService, scope: str) -> bool:
    if scope == "others":
        return not service.same_practitioner
    return service.same_practitioner or (scope == "same_group" and service.same_group)
