"""Time zones as a practice chooses one: those of the United States in plain words first, then all others."""

from typing import Final

from server.tenants.names import zones
from server.words import N_, say

_NEAR: Final = {
    "America/New_York": N_("Eastern (New York)"),
    "America/Detroit": N_("Eastern (Detroit)"),
    "America/Indiana/Indianapolis": N_("Eastern (Indianapolis)"),
    "America/Kentucky/Louisville": N_("Eastern (Louisville)"),
    "America/Chicago": N_("Central (Chicago)"),
    "America/Denver": N_("Mountain (Denver)"),
    "America/Boise": N_("Mountain (Boise)"),
    "America/Phoenix": N_("Mountain, no daylight saving (Phoenix)"),
    "America/Los_Angeles": N_("Pacific (Los Angeles)"),
    "America/Anchorage": N_("Alaska (Anchorage)"),
    "Pacific/Honolulu": N_("Hawaii (Honolulu)"),
    "America/Puerto_Rico": N_("Atlantic (Puerto Rico)"),
    "Pacific/Guam": N_("Chamorro (Guam)"),
}


def zone_choices() -> tuple[tuple[str, str], ...]:
    """`(IANA name, words)` for a select field."""
    near = tuple((zone, say(words)) for zone, words in _NEAR.items() if zone in zones())
    return near + tuple((zone, zone.replace("_", " ")) for zone in zones() if zone not in _NEAR)
