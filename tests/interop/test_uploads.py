"""P16: whatever is sent as a file: refused or read within two seconds, nothing of it run, no memory blown, nobody made up."""

import gzip
import io
import json
import re
import resource
import struct
import tarfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from cast import World

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(600)]

ZEROS = bytes(20_000_000)
SCRIPT = b"<script>alert(1)</script>"


def zipped(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def nested(depth: int) -> bytes:
    """Each layer holds ten of the next: what an unpacker that follows them never gets to the end of."""
    inner = zipped({"zeros": ZEROS})
    for _ in range(depth):
        inner = zipped({f"{n}.zip": inner for n in range(10)})
    return inner


def tarred() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        told = tarfile.TarInfo("../../../../tmp/carewright-was-here")
        told.size = 4
        archive.addfile(told, io.BytesIO(b"here"))
    return held.getvalue()


def workbook(columns: int) -> bytes:
    cells = "".join(f'<c r="A{n}"><v>1</v></c>' for n in range(columns))
    return zipped(
        {
            "[Content_Types].xml": b"<Types/>",
            "xl/workbook.xml": b"<workbook/>",
            "xl/worksheets/sheet1.xml": f"<worksheet><sheetData><row>{cells}</row></sheetData></worksheet>".encode(),
        }
    )


def picture(wide: int, high: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(ZEROS)) + chunk(b"IEND", b"")


def bundle(**given: Any) -> bytes:
    return json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": given}]}
    ).encode()


LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(9)
) + b"]><l>&j;</l>"  # fmt: skip

#: what it is -> its bytes
CONTENTS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a mark and nothing": lambda: b"\xef\xbb\xbf",
    "a zip of zeros": lambda: zipped({"zeros": ZEROS}),
    "zips in zips": lambda: nested(3),
    "a zip of 3,000 files": lambda: zipped({f"{n}.csv": b"a,b\r\n" for n in range(3_000)}),
    "a zip that climbs": lambda: zipped({"../../../tmp/carewright-was-here": b"here"}),
    "a gzip of zeros": lambda: gzip.compress(ZEROS),
    "a tar that climbs": tarred,
    "a workbook of a million columns": lambda: workbook(1_000_000),
    "an old workbook": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096),
    "a picture of 50,000 by 50,000": lambda: picture(50_000, 50_000),
    "a small picture": lambda: picture(1, 1),
    "a GIF that is a script": lambda: b"GIF89a/*" + SCRIPT + b"*/=1;alert(1)",
    "a JPEG that is a page": lambda: b"\xff\xd8\xff\xe0" + SCRIPT,
    "a PDF with a script": lambda: b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF",
    "a page": lambda: b"<!doctype html><body onload=alert(1)>" + SCRIPT,
    "a drawing with a script": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">' + SCRIPT,
    "a billion laughs": lambda: LAUGHS,
    "an outer entity": lambda: b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "a program": lambda: b"\x7fELF" + bytes(4096),
    "a Windows program": lambda: b"MZ" + bytes(4096),
    "a shell's": lambda: b"#!/bin/sh\nrm -rf /\n",
    "pickled": lambda: b"\x80\x04cposix\nsystem\n(S'id'\ntR.",
    "YAML that calls": lambda: b"!!python/object/apply:os.system ['id']\n",
    "YAML of many names": lambda: b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n" * 50,
    "zeros": lambda: bytes(1_000_000),
    "noise": lambda: bytes(zlib.crc32(bytes([n % 256])) % 256 for n in range(100_000)),
    "half of UTF-16": lambda: "Last,First\r\nWalker,Ruth\r\n".encode("utf-16")[:-1],
    "UTF-32": lambda: "Last,First\r\nWalker,Ruth\r\n".encode("utf-32"),
    "a lone half of a letter": lambda: b'{"resourceType":"Bundle","type":"\\ud800"}',
    "brackets without end": lambda: b"[" * 1_000_000,
    "objects without end": lambda: b'{"a":' * 200_000,
    "a number without end": lambda: b'{"resourceType":"Bundle","total":' + b"9" * 1_000_000 + b"}",
    "a power without end": lambda: b'{"resourceType":"Bundle","total":1e999999999}',
    "the same key twice": lambda: b'{"resourceType":"Bundle","type":"collection","type":"batch"}',
    "a million keys": lambda: b"{" + b",".join(b'"k%d":1' % n for n in range(200_000)) + b"}",
    "a bundle in bundles": lambda: bundle(resourceType="Bundle", entry=[{"resource": {"resourceType": "Bundle"}}]),
    "a person who is a list": lambda: bundle(resourceType="Patient", name=[[[["Ruth"]]]], birthDate=[1]),
    "a document of a megabyte": lambda: bundle(
        resourceType="Binary", contentType="text/html", data="PHNjcmlwdD4" * 100_000
    ),
    "one cell of a megabyte": lambda: b"Last,First\r\n" + b"W" * 1_000_000 + b",Ruth\r\n",
    "a header of 100,000 columns": lambda: b",".join(b"c%d" % n for n in range(100_000)) + b"\r\n1\r\n",
    "quotation marks alone": lambda: b'"' * 999_999,
    "line ends alone": lambda: b"\r\n" * 500_000,
    "separators alone": lambda: b",;\t|" * 250_000,
    "a first line without end": lambda: b"x" * 5_000_000,
}  # fmt: skip
NAMES = (
    "../../etc/passwd", "..\\..\\windows\\system32", "/etc/shadow", "C:\\people.csv", "people.csv\x00.html", "CON", ".htaccess",
    "a" * 5_000 + ".csv", "<script>alert(1)</script>.csv", '"onmouseover=alert(1).csv', "people\r\nSet-Cookie: a=b.csv",
    "\u202evsc.exe", "=cmd()|' /C calc'!A0.csv", "%2e%2e%2fpasswd", "{{7*7}}.csv", "résumé \U0001f600.csv", " ", ".",
)  # fmt: skip
FINE = b"Last,First,DOB\r\n"


def memory() -> float:
    """MB at the most, ever."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def test_sixty_files_nobody_should_send(
    lakeside: World,
    hillcrest: World,
    browse: Any,
    people: Any,
    record_property: Callable[[str, object], None],
) -> None:
    nora = browse(lakeside, "nora")
    found = re.search(r'name="_csrf" value="([^"]+)"', (await nora.get("/imports")).text)
    assert found
    files = [("people.csv", make(), what) for what, make in CONTENTS.items()]
    files += [(name, FINE, "only its name") for name in NAMES]
    slowest, statuses, before = (0.0, ""), Counter[str](), memory()
    for door, field in (("/imports", "files"), ("/imports/tables", "file")):
        for name, data, what in files:
            started = time.perf_counter()
            sent = await nora.post(door, data={"_csrf": found[1]}, files={field: (name, data, "image/png")})
            took = time.perf_counter() - started
            slowest = max(slowest, (took, f"{what} at {door}"))
            statuses[f"{door} {sent.status_code}"] += 1
            assert sent.status_code in (303, 400, 422), (
                door,
                what,
                name[:40],
                sent.status_code,
                sent.text[:500],
            )
            shown = sent
            if sent.status_code == 303:
                assert sent.headers["location"].startswith("/imports/"), sent.headers["location"]
                shown = await nora.get(sent.headers["location"])
                assert shown.status_code == 200, (what, shown.status_code)
            assert shown.headers["content-type"].startswith("text/html")
            assert shown.headers["x-content-type-options"] == "nosniff"
            for alive in ("<script>alert", "onload=alert", 'onmouseover=alert(1).csv"', "root:"):
                assert alive not in shown.text, (what, name[:40])
            assert "49.csv" not in shown.text
    assert await people(lakeside) == []
    assert await people(hillcrest) == []
    grown = memory() - before
    record_property(
        "count",
        f"P16: {len(files)} files at 2 doors: {dict(statuses)}, slowest {slowest[0]:.2f} s ({slowest[1]}), "
        f"memory +{grown:.0f} MB, nobody came in",
    )
    assert slowest[0] < 2
    assert grown < 200
