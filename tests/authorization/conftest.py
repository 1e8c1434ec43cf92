"""Lets the tests of this folder import `draft_matrix`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
