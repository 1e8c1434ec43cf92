"""Which days and instants a record about a person may bear: nothing to come, nothing outside a life."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from carewright_plugin_api.facts import local_day

from server.dates import half_day, month_name
from server.errors import Refused
from server.words import say


@dataclass(frozen=True, slots=True)
class Life:
    """What a date is held against. zone: the practice's IANA zone. now: an aware instant."""

    born: date
    died: date | None
    now: datetime
    zone: str

    @property
    def today(self) -> date:
        return local_day(self.now, self.zone)


def check_day(life: Life, day: date, *, what: str, field: str, after_death: bool = False) -> None:
    """Refuses a `day` to come, before birth, or (unless `after_death`) after death. what: "The plan", said."""
    if day > life.today:
        raise Refused(
            "DATED_IN_FUTURE",
            say(
                "%(what)s is dated %(day)s; today is %(today)s. A record says what has happened.",
                what=what,
                day=written(day),
                today=written(life.today),
            ),
            say("Check the date, or come back on that day."),
            field,
        )
    if day < life.born:
        raise Refused(
            "DATED_BEFORE_BIRTH",
            say(
                "%(what)s is dated %(day)s, before this person was born on %(born)s.",
                what=what,
                day=written(day),
                born=written(life.born),
            ),
            say("Check the year, and that you are on the right person's page."),
            field,
        )
    if life.died is not None and day > life.died and not after_death:
        raise Refused(
            "DATED_AFTER_DEATH",
            say(
                "%(what)s is dated %(day)s; this person died on %(died)s.",
                what=what,
                day=written(day),
                died=written(life.died),
            ),
            say("Check the date, and that you are on the right person's page."),
            field,
        )


def check_instant(life: Life, at: datetime, *, what: str, field: str, after_death: bool = False) -> None:
    """As `check_day`, for an instant: later today has not come yet either."""
    if at > life.now:
        raise Refused(
            "DATED_IN_FUTURE",
            say(
                "%(what)s is dated %(at)s; it is now %(now)s. A record says what has happened.",
                what=what,
                at=clock(at, life.zone),
                now=clock(life.now, life.zone),
            ),
            say("Check the date and the time."),
            field,
        )
    check_day(life, local_day(at, life.zone), what=what, field=field, after_death=after_death)


def written(day: date) -> str:
    """`3 December 2026`."""
    return say("%(day)s %(month)s %(year)s", day=day.day, month=month_name(day), year=day.year)


def clock(at: datetime, zone: str) -> str:
    """`3 December 2026, 2:05 pm` on the practice's clock."""
    return say("%(day)s, %(time)s", day=written(local_day(at, zone)), time=time_of_day(at, zone))


def time_of_day(at: datetime, zone: str) -> str:
    """`2:05 pm`, with seconds only where there are some."""
    local = at.astimezone(ZoneInfo(zone))
    seconds = f":{local:%S}" if local.second else ""
    return half_day(f"{local.hour % 12 or 12}:{local:%M}{seconds}", local.hour)
