"""Where the two demo practices are."""

from typing import Final

from server.lives.life import Place, Team

LAKESIDE: Final = Place(
    "lakeside", "America/Detroit", "Detroit", "MI", ("48201", "48207", "48209", "48214", "48126", "48212"), ("313", "248", "734", "586", "810"),
    ("Livernois Avenue", "Joseph Campau", "Vernor Highway", "Warren Avenue", "Mack Avenue", "Gratiot Avenue", "Kercheval Street", "Chene Street", "Lonyo Street", "Outer Drive", "Michigan Avenue", "Fenkell Street", "Holbrook Street", "Trumbull Street", "Bagley Street"),
)  # fmt: skip
HILLCREST: Final = Place(
    "hillcrest", "America/Chicago", "Chicago", "IL", ("60601", "60608", "60622", "60640"), ("312", "773", "708", "630"),
    ("Ashland Avenue", "Damen Avenue", "Wolcott Avenue", "Halsted Street", "Cermak Road", "Devon Avenue", "Kedzie Avenue", "Oak Avenue", "Milwaukee Avenue", "Archer Avenue"),
    hospital="St. Columba Hospital",
)  # fmt: skip
PLACES: Final = {one.slug: one for one in (LAKESIDE, HILLCREST)}
TEAMS: Final = {
    "lakeside": Team(("nora", "rosa"), ("dr_lin", "hana"), ("mika", "fred"), "dr_lin"),
    "hillcrest": Team(("tomas",), ("dr_vega",), ("june", "omar"), "dr_vega"),
}
