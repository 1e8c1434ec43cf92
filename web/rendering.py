"""Templates: one environment, autoescaped, compiled once, with the few globals every page may use."""

import logging
import re
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from web import charts, once
from web.help import topic

_FOLDER = Path(__file__).with_name("templates")
_log = logging.getLogger("carewright.web")


def say(words: str, **values: Any) -> str:
    """The text of a page, ready for translation; values are named."""
    return words % values if values else words


def day(value: date | None) -> str:
    """`Tue 4 Aug 2026`, as people say it."""
    return "" if value is None else f"{value:%a} {value.day} {value:%b %Y}"


def moment(value: datetime | None, zone: str) -> str:
    """`Tue 4 Aug 2026, 2:05 pm`, on the practice's clock."""
    if value is None:
        return ""
    local = value.astimezone(ZoneInfo(zone))
    return f"{day(local.date())}, {clock(value, zone)}"


def clock(value: datetime, zone: str) -> str:
    """`2:05 pm`."""
    local = value.astimezone(ZoneInfo(zone))
    return f"{local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}"


def month_words(month: str) -> str:
    """`2026-10` becomes `October 2026`."""
    return f"{date.fromisoformat(month + '-01'):%B %Y}"


def minutes_words(seconds: int) -> str:
    """Whole minutes, floored once, with their unit."""
    minutes = seconds // 60
    return f"{minutes} min"


def age(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def person_name(person: Any) -> str:
    """The whole name of anything with given_names, family_name (and preferred_name in quotes when it differs)."""
    preferred = f" “{person.preferred_name}”" if person.preferred_name else ""
    return f"{person.given_names}{preferred} {person.family_name}".strip()


def called(person: Any) -> str:
    """What to call them: the preferred name, else the first given name, else the family name."""
    return str(person.preferred_name or person.given_names.partition(" ")[0] or person.family_name)


def phone(number: str) -> str:
    """`+13135550142` as `(313) 555-0142`."""
    return f"({number[2:5]}) {number[5:8]}-{number[8:]}" if re.fullmatch(r"\+1\d{10}", number) else number


@lru_cache(maxsize=1)
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        {
            "_": say,
            "csrf_field": lambda: "",  # given per page by the visit
            "day": day,
            "moment": moment,
            "clock": clock,
            "month_words": month_words,
            "minutes_words": minutes_words,
            "person_name": person_name,
            "called": called,
            "phone": phone,
            "age": age,
            "chart_number": charts.plain,
            "help_topic": topic,
        }
    )
    return made


def csrf_input(token: str) -> Markup:
    """The form's hidden fields: that it is ours, and which one it is (web/once.py). Nobody's forms are all alike."""
    fields = Markup('<input type="hidden" name="_csrf" value="{}">').format(token)
    if token:
        fields += Markup('<input type="hidden" name="{}" value="{}">').format(once.FIELD, once.new_key())
    return fields


def render(template: str, /, **values: Any) -> str:
    """The page as text. values: plain data only."""
    return environment().get_template(template).render(**values)
