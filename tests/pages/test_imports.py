import json
import re
from pathlib import Path
from typing import Any

import pytest
from cast import World

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "synthea_r4"


def token(page: str) -> str:
    found = re.search(r'name="_csrf" value="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample data is not beside this checkout")
async def test_real_bundles_come_in_by_page_once(lakeside: World, hillcrest: World, browse: Any) -> None:
    nora = browse(lakeside, "nora")
    csrf = token((await nora.get("/imports")).text)
    paths = sorted(SAMPLES.glob("*.json"))[:2]
    for words in ("new", "the same as before"):
        files = [("files", (path.name, path.read_bytes(), "application/json")) for path in paths]
        sent = await nora.post("/imports", data={"_csrf": csrf, "source": "Synthea"}, files=files)
        assert sent.status_code == 303, sent.text[:1500]
        shown = await nora.get(sent.headers["location"])
        assert f"2 {words}" in shown.text, shown.text
    name = paths[0].name.split("_")[0]
    assert name in (await nora.post("/people", data={"_csrf": csrf, "q": name})).text
    there = browse(hillcrest, "nora")
    assert (await there.get(sent.headers["location"])).status_code == 404
    assert name not in (await there.get("/people")).text


async def test_what_is_no_bundle_is_refused_with_its_reason(lakeside: World, browse: Any) -> None:
    nora = browse(lakeside, "nora")
    csrf = token((await nora.get("/imports")).text)
    r5 = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {
        "resourceType": "Patient", "meta": {"profile": ["http://hl7.org/fhir/5.0/StructureDefinition/Patient"]}}}]}  # fmt: skip
    for body, words in (
        (b'{"resourceType": "Bundle", "entry": [{"res', "incomplete"),
        (json.dumps(r5).encode(), "R4"),
        (b"\xff\xfe\x00", "UTF-8"),
    ):
        files = [("files", ("broken.json", body, "application/json"))]
        sent = await nora.post("/imports", data={"_csrf": csrf}, files=files)
        assert sent.status_code == 303, sent.text[:800]
        shown = (await nora.get(sent.headers["location"])).text
        assert "Nothing was taken" in shown
        assert words in shown, (words, shown)
    nothing = await nora.post("/imports", data={"_csrf": csrf})
    assert nothing.status_code == 422
    assert "No file was chosen" in nothing.text
