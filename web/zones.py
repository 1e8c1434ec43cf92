"""Time zones as a practice chooses one: those of the United States in plain words first, then all others."""

from functools import cache
from typing import Final

from server.tenants.names import zones

_NEAR: Final = {
    "America/New_York": "Eastern (New York)",
    "America/Detroit": "Eastern (Detroit)",
    "America/Indiana/Indianapolis": "Eastern (Indianapolis)",
    "America/Kentucky/Louisville": "Eastern (Louisville)",
    "America/Chicago": "Central (Chicago)",
    "America/Denver": "Mountain (Denver)",
    "America/Boise": "Mountain (Boise)",
    "America/Phoenix": "Mountain, no daylight saving (Phoenix)",
    "America/Los_Angeles": "Pacific (Los Angeles)",
    "America/Anchorage": "Alaska (Anchorage)",
    "Pacific/Honolulu": "Hawaii (Honolulu)",
    "America/Puerto_Rico": "Atlantic (Puerto Rico)",
    "Pacific/Guam": "Chamorro (Guam)",
}


@cache
def zone_choices() -> tuple[tuple[str, str], ...]:
    """`(IANA name, words)` for a select field."""
    near = tuple((zone, words) for zone, words in _NEAR.items() if zone in zones())
    return near + tuple((zone, zone.replace("_", " ")) for zone in zones() if zone not in _NEAR)
