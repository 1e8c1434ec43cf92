"""Everybody's working days: nobody is asked to be in two places at once."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server.lives.hours import hours_of
from server.lives.life import Hospital

_OPENS, _CLOSES, _STEP = 8 * 60 + 15, 17 * 60, 5


class Diary:
    """Minutes of the day that are taken, by staff member and day. What lies outside somebody's hours is not worked.

    slug: of the practice whose hours these are; any other's people keep the usual ones."""

    def __init__(
        self, zone: str, busy: tuple[tuple[str, datetime, datetime], ...] = (), slug: str = ""
    ) -> None:
        self._zone, self._slug = ZoneInfo(zone), slug
        self._taken: dict[tuple[str, date], list[tuple[int, int]]] = {}
        for staff, start, end in busy:
            local, until = start.astimezone(self._zone), end.astimezone(self._zone)
            first = local.hour * 60 + local.minute
            self._taken.setdefault((staff, local.date()), []).append(
                (first, max(first + 1, until.hour * 60 + until.minute + 1))
            )

    def take(self, staff: str, on: date, around: int, minutes: int) -> datetime | None:
        """Keep so many whole minutes of somebody's day, near the minute of the day `around`; the instant they begin.
        None when that day is full or not worked."""
        if on.weekday() > 4:
            return None
        taken = self._taken.setdefault((staff, on), [])
        hours = hours_of(self._slug, staff)
        first = max(_OPENS, around - around % _STEP)
        for start in (*range(first, _CLOSES - minutes, _STEP), *range(first - _STEP, _OPENS - 1, -_STEP)):
            end = start + minutes
            works = end <= _CLOSES and any(block.holds(on, start, end) for block in hours)
            if works and all(end <= one or start >= other for one, other in taken):
                taken.append((start, end))
                return datetime.combine(on, time(start // 60, start % 60), self._zone).astimezone(UTC)
        return None


def working_day(on: date) -> date:
    """That day, or the Monday after."""
    return on + timedelta(days=max(0, 7 - on.weekday()) if on.weekday() > 4 else 0)


def at_home(on: date, stays: tuple[Hospital, ...], zone: str) -> bool:
    where = ZoneInfo(zone)
    return not any(
        one.from_at.astimezone(where).date() <= on <= one.to_at.astimezone(where).date() for one in stays
    )
