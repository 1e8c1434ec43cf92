"""Figures as a table in a page of the docs, with the day and the shape of the machine they were measured on."""

import os
import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path


def machine() -> str:
    """Such as `2 cores, x86_64, Python 3.11.7`."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, on: date, of: str) -> str:
    """Markdown: a line that says when and on what (and `of` which size), then the rows."""
    lines = [heads, ["---"] * len(heads), *rows]
    body = "\n".join(f"| {' | '.join(_cell(word) for word in line)} |" for line in lines)
    return f"Measured on {on.isoformat()}, {of}; {machine()}.\n\n{body}"


def _cell(word: str) -> str:
    return word.replace("|", "\\|").replace("\n", " ")


def put(page: Path, name: str, text: str) -> None:
    """Write `text` between `<!-- NAME -->` and `<!-- end -->` of `page`. ValueError if the page has no such place."""
    whole = page.read_text("utf-8")
    start, end = f"<!-- {name} -->\n", "\n<!-- end -->"
    before, found, rest = whole.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(
            f"{page} has no place for it: write {start.strip()} and {end.strip()} on lines of their own"
        )
    page.write_text(f"{before}{start}{text}{closed}{after}", "utf-8")
