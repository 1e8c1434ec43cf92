"""Lets the campaigns of this folder import their parts."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # last: the name `conftest` belongs to the one above
sys.path.append(str(Path(__file__).parent.parent / "jobs"))  # worker_process and OwnValkey's home
