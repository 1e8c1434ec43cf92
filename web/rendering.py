"""Templates: one environment, autoescaped, compiled once, with the few globals every page may use."""

import logging
import re
from datetime import date, datetime
from functools import lru_cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from server import dates
from server.words import say, speaker, speaking, spoken
from web import charts, once
from web.help import topic

_FOLDER = Path(__file__).with_name("templates")
_log = logging.getLogger("carewright.web")


@lru_cache(maxsize=8192)
def _escaped(catalog: NullTranslations, words: str) -> str:
    """A message is words, never markup, whoever translated it."""
    return str(escape(catalog.gettext(words) if words else ""))


def said(words: str, /, **values: Any) -> Markup:
    """`_` of templates: a page says hundreds of messages, so what is the same each time is done once."""
    text = _escaped(speaker(), words)
    if values or "%%" in text:
        text %= {name: escape(value) for name, value in values.items()}
    return Markup(text)  # noqa: S704  (escaped above, values too)


def said_of(one: str, many: str, n: int, /, **values: Any) -> Markup:
    """`ngettext` of templates: the message for n of something."""
    values.setdefault("num", n)
    text = str(escape(speaker().ngettext(one, many, n)))
    return Markup(text % {name: escape(value) for name, value in values.items()})  # noqa: S704  (escaped)


def day(value: date | None) -> str:
    """`Tue 4 Aug 2026`, as people say it."""
    if value is None:
        return ""
    return say(
        "%(weekday)s %(day)s %(month)s %(year)s",
        weekday=dates.weekday_name(value, short=True),
        day=value.day,
        month=dates.month_name(value, short=True),
        year=value.year,
    )


def paper_day(value: date) -> str:
    """`8/4/2026`, for a paper in English. Who reads Spanish may read that as 8 April: there the month is a word."""
    if spoken() == "en":
        return f"{value.month}/{value.day}/{value.year}"
    return say("%(month)s %(day)s, %(year)s", month=dates.month_name(value), day=value.day, year=value.year)


def moment(value: datetime | None, zone: str) -> str:
    """`Tue 4 Aug 2026, 2:05 pm`, on the practice's clock."""
    if value is None:
        return ""
    local = value.astimezone(ZoneInfo(zone))
    return say("%(day)s, %(time)s", day=day(local.date()), time=clock(value, zone))


def clock(value: datetime, zone: str) -> str:
    """`2:05 pm`."""
    local = value.astimezone(ZoneInfo(zone))
    return dates.half_day(f"{local.hour % 12 or 12}:{local:%M}", local.hour)


month_words = dates.month_words


def minutes_words(seconds: int) -> str:
    """Whole minutes, floored once, with their unit."""
    return say("%(minutes)s min", minutes=seconds // 60)


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
    """`+13135550142;ext=12` as `(313) 555-0142 ext. 12`."""
    whole, _, extension = number.partition(";ext=")
    if re.fullmatch(r"\+1\d{10}", whole):
        whole = f"({whole[2:5]}) {whole[5:8]}-{whole[8:]}"
    return say("%(number)s ext. %(extension)s", number=whole, extension=extension) if extension else whole


@lru_cache(maxsize=1)
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.newstyle_gettext = True  # type: ignore[attr-defined]  # the extension's
    made.filters["said"] = say  # words of a table, marked there with N_
    made.globals.update(
        {
            "_": said,
            "gettext": said,  # what {% trans %} calls, as `newstyle` has it
            "ngettext": said_of,
            "csrf_field": lambda: "",  # given per page by the visit
            "day": day,
            "paper_day": paper_day,
            "moment": moment,
            "clock": clock,
            "month_name": dates.month_name,
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


def paper(template: str, language: str, /, **values: Any) -> Markup:
    """What is put into a person's hands, in the language they read, whatever the page around it speaks. Every word
    of the templates in templates/for_patients/ stands in every catalog."""
    with speaking(language):
        return Markup(render(f"for_patients/{template}", **values))  # noqa: S704  (a template's own output)
