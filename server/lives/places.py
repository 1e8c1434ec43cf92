"""Where the two demo practices are."""

from typing import Final

from server.lives.life import Place, Team


def _zips(region: str, *ends: str) -> tuple[str, ...]:
    return tuple(region + end for end in ends)


LAKESIDE: Final = Place(
    "lakeside", "America/Detroit", "Detroit", "MI", _zips("482", "01", "07", "09", "14", "26", "12"), ("313", "248", "734", "586", "810"),
    ("Livernois Avenue", "Joseph Campau", "Vernor Highway", "Warren Avenue", "Mack Avenue", "Gratiot Avenue", "Kercheval Street", "Chene Street", "Lonyo Street", "Outer Drive", "Michigan Avenue", "Fenkell Street", "Holbrook Street", "Trumbull Street", "Bagley Street"),
)  # fmt: skip
HILLCREST: Final = Place(
    "hillcrest", "America/Chicago", "Chicago", "IL", _zips("606", "01", "08", "22", "40"), ("312", "773", "708", "630"),
    ("Ashland Avenue", "Damen Avenue", "Wolcott Avenue", "Halsted Street", "Cermak Road", "Devon Avenue", "Kedzie Avenue", "Oak Avenue", "Milwaukee Avenue", "Archer Avenue"),
    hospital="St. Columba Hospital",
)  # fmt: skip
PLACES: Final = {one.slug: one for one in (LAKESIDE, HILLCREST)}
TEAMS: Final = {
    "lakeside": Team(("nora", "rosa"), ("dr_lin", "hana"), ("mika", "fred"), "dr_lin"),
    "hillcrest": Team(("tomas",), ("dr_vega",), ("june", "omar"), "dr_vega"),
}
