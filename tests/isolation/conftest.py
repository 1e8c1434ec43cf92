"""Lets the tests of this folder import `isolation_rows`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
