"""Claims as values, and a person in care, for the tests of this room."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # last: the name `conftest` belongs to the one above
