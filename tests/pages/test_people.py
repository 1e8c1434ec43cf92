import re
from typing import Any

from cast import World


def token(page: str) -> str:
    found = re.search(r'name="_csrf" value="([^"]+)"', page)
    assert found, page[:400]
    return found[1]


async def test_register_find_and_read_a_person(lakeside: World, hillcrest: World, browse: Any) -> None:
    fred = browse(lakeside, "fred")
    form = await fred.get("/people/new")
    assert form.status_code == 200, form.text
    given = {
        "_csrf": token(form.text),
        "given_names": "Ruth Ann",
        "family_name": "Walker",
        "birth_date": "1944-05-02",
    }
    wrong = await fred.post("/people/new", data=given | {"birth_date": "1944-02-30"})
    assert wrong.status_code == 422
    assert "not a day in the calendar" in wrong.text
    assert "Walker" in wrong.text
    saved = await fred.post("/people/new", data=given)
    assert saved.status_code == 303, saved.text
    address = saved.headers["location"]

    nora = browse(lakeside, "nora")
    page = await nora.get(address)
    assert page.status_code == 200, page.text
    assert "Nobody has asked yet" in page.text
    story = await nora.get(f"{address}/story")
    told = {"_csrf": token(story.text), "what_matters": "Dancing at <b>the</b> wedding", "story": ""}
    assert (await nora.post(f"{address}/story", data=told)).status_code == 303
    page = await nora.get(address)
    assert "Dancing at &lt;b&gt;the&lt;/b&gt; wedding" in page.text

    people = await nora.get("/people")
    found = await nora.post("/people/find", data={"_csrf": token(people.text), "q": "walk ru"})
    assert address.rpartition("/")[2] in found.text
    assert "Walker" in (await nora.post("/people", data={"_csrf": token(people.text), "q": "5/2/1944"})).text

    there = browse(hillcrest, "nora")
    assert (await there.get(address)).status_code == 404
    assert "Walker" not in (await there.get("/people")).text
    assert (await browse(lakeside, "mona").get("/people")).status_code == 403


async def test_details_supports_insurance_and_codes(lakeside: World, hillcrest: World, browse: Any) -> None:
    fred, nora = browse(lakeside, "fred"), browse(lakeside, "nora")
    csrf = token((await fred.get("/people/new")).text)
    new = {"_csrf": csrf, "given_names": "Ruth", "family_name": "Walker", "birth_date": "1944-05-02"}
    address = (await fred.post("/people/new", data=new)).headers["location"]
    for where, given, status in (
        ("contact-ways", {"kind": "phone", "value": "(313) 555-0142", "use": "mobile"}, 303),
        ("contact-ways", {"kind": "phone", "value": "12"}, 422),
        ("address", {"street": "12 Elm St", "city": "Detroit", "state": "MI", "zip": "48201"}, 303),
        ("supports", {"name": "Tom", "kind": "neighbour", "may_discuss": "rides"}, 303),
        ("supports", {"kind": "neighbour"}, 422),
        ("team", {"part": "care_manager", "staff_id": str(lakeside.staff["nora"])}, 303),
        ("team", {"part": "care_manager", "staff_id": str(hillcrest.staff["nora"])}, 404),
        ("coverages", {"payer_id": str(lakeside.payers["medicare_part_b"]), "from_on": "2020-01-01"}, 303),
        ("coverages", {"payer_id": str(hillcrest.payers["medicare_part_b"]), "from_on": "2020-01-01"}, 404),
        ("coverages", {"payer_id": str(lakeside.payers["bcbsm"]), "from_on": "2021-02-30"}, 422),
        ("details", new | {"preferred_name": "Ruthie", "races": ["white"], "language": "es"}, 303),
    ):
        answer = await fred.post(f"{address}/{where}", data={"_csrf": csrf, **given})
        assert answer.status_code == status, (where, given, answer.text[:2000])
    page = (await fred.get(address)).text
    for words in (
        "(313) 555-0142",
        "Tom",
        "Medicare Part B",
        "Ruthie Walker",
        "Spanish",
        "Nora Feld (care manager)",
    ):
        assert words in page, words

    csrf = token((await nora.get(f"{address}/diagnoses")).text)
    assert "I50.22" in (await nora.get("/codes", params={"q": "heart failure"})).text
    chosen = await nora.post(f"{address}/diagnoses", data={"_csrf": csrf, "code": "I50.22", "chronic": "yes"})
    assert chosen.status_code == 303
    heading = await nora.post(f"{address}/diagnoses", data={"_csrf": csrf, "code": "E11", "chronic": "yes"})
    assert heading.status_code == 422
    assert "heading" in heading.text
    assert "I50.22" in (await nora.get(address)).text
    assert (await nora.get(f"{address}/chart")).status_code == 200
    theirs = browse(hillcrest, "nora")
    for where in ("", "/details", "/diagnoses", "/chart", "/story"):
        assert (await theirs.get(address + where)).status_code == 404, where
