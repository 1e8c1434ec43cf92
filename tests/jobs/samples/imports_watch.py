"""An import of two files whose process is killed between them."""

import json
from typing import Any

from server.interop.fhir_import import Incoming, bring_in

KIND = "imports.watch"


class Killed(BaseException):
    pass


async def situation(at: Any) -> None:
    def file(name: str) -> Incoming:
        person = {
            "resourceType": "Patient", "id": name, "name": [{"family": name, "given": ["Ruth"]}],
            "birthDate": "1944-05-02", "gender": "female",
        }  # fmt: skip
        entry = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": person}]}
        return Incoming(f"{name}.json", json.dumps(entry).encode())

    files = [file("walker"), file("reed")]
    size = len(files[0].data) if isinstance(files[0].data, bytes) else 0

    def advance(so_far: int, _all: int) -> None:
        if so_far > size:  # in the second file
            raise Killed

    try:
        await bring_in(at.world.actor("ada"), files, advance=advance)
    except Killed:
        return
    raise AssertionError("it was to be killed half way")


async def check(at: Any) -> None:
    assert await at.sql("select state, ended_at is not null from import_batch where tenant_id = :t") == [
        ("stopped", True)
    ]
    rows = await at.sql("select severity, sentence from import_issue where tenant_id = :t")
    assert len(rows) == 1
    assert "stopped before its end" in rows[0][1]
