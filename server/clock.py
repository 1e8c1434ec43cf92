"""The only place that asks what time it is. Edges and jobs call it and pass the answer in."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)


def today(zone: str) -> date:
    """Today's date as the practice's clock on the wall says it. zone: an IANA name."""
    return now().astimezone(ZoneInfo(zone)).date()
