"""Characters that no door takes into a text: what cannot be stored, and what nobody can read. Pure."""

import re
from typing import Final

#: what PostgreSQL, XML or a terminal would choke on: C0 controls but tab and line ends, DEL, surrogates
UNREADABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
