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
    given = {"_csrf": token(form.text), "given_names": "Ruth Ann", "family_name": "Walker", "birth_date": "1944-05-02"}
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
