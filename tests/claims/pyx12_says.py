"""What an independent reader of X12 says of a file: its complaints, none if it is sound.

pyx12's command ends with the same exit code for good and bad files, so its API is asked. It knows the structure,
the dates and the public code lists of 005010X222A1; it does not check digits of NPIs, nor procedure codes.
"""

import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree as ET

from pyx12.errors import EngineError
from pyx12.params import ParamsBase
from pyx12.x12n_document import x12n_document


def complaints(text: str) -> list[str]:
    """Empty: the file was accepted."""
    report = io.StringIO()
    try:
        with patch.object(ET, "parse", _as_read_before):
            accepted = x12n_document(
                param=ParamsBase(), src_file=io.StringIO(text), fd_997=None, fd_html=None, fd_json=report
            )
    except EngineError as error:
        return [f"not read at all: {error}"]
    found = list(_errors(json.loads(report.getvalue() or "{}"), ""))
    if accepted and not found:
        return []
    return found or ["refused without a word"]


def _as_read_before(file: Any, parser: Any = None) -> ET.ElementTree:
    """Its maps and code lists, thirty files for each document, are read once; it changes nothing in them."""
    return _read(Path(file if isinstance(file, str) else file.name))


@cache
def _read(path: Path, really: Any = ET.parse) -> ET.ElementTree:
    return really(path)


def _errors(node: Any, where: str) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _errors(each, where)
    elif isinstance(node, dict):
        here = f"{where}/{node['seg_id']}" if node.get("seg_id") else where
        for error in node.get("errors", ()):
            yield f"{here}: {error.get('err_str', error)}"
        for key, below in node.items():
            if key != "errors":
                yield from _errors(below, here)
