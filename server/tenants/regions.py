"""Parts of the United States, as addresses name them."""

from typing import Final

#: United States postal abbreviations: states, the District, territories, military (Postal Service Publication
#: 28).
_STATES: Final = """
    AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR
    PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI AA AE AP"""
STATES: Final = tuple(_STATES.split())
