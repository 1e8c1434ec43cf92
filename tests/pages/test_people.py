import re
from datetime import date
from typing import Any
from uuid import UUID

from cast import World

from server.patients.chart import coverages
from server.tenants.db import tenant_db


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
        (
            "details",
            new | {"preferred_name": "Ruthie", "races": ["white"], "language": "es", "revision": "1"},
            303,
        ),
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


async def test_when_somebody_is_best_reached_stands_beside_the_number(
    lakeside: World, hillcrest: World, at_browser: Any
) -> None:
    fred, there = await at_browser(lakeside, "fred"), await at_browser(hillcrest, "fred")
    new = {"given_names": "Ruth", "family_name": "Walker", "birth_date": "1944-05-02"}
    address = (await fred.send("/people/new", new)).headers["location"]
    way = {"kind": "phone", "value": "(313) 555-0142", "best_time": "After 5 pm, <b>not</b> on Sundays."}
    long = await fred.send(f"{address}/contact-ways", way | {"best_time": "x" * 201}, 422)
    assert re.search(r'id="f-best_time-error"[^>]*>.*?201 characters', long.text, re.DOTALL)
    assert f'value="{"x" * 201}"' in long.text, "what was typed is kept"
    wrong = await fred.send(f"{address}/contact-ways", way | {"value": "12", "message_ok": "yes"}, 422)
    assert 'value="After 5 pm, &lt;b&gt;not&lt;/b&gt; on Sundays."' in wrong.text
    assert re.search(r'name="message_ok"[^>]* checked', wrong.text)
    await fred.send(f"{address}/contact-ways", way)
    for where in ("", "/details"):
        page = await fred.get(address + where)
        assert "(313) 555-0142" in page
        assert "After 5 pm, &lt;b&gt;not&lt;/b&gt; on Sundays" in page, where
    await there.send(f"{address}/contact-ways", way, 404)
    assert "on Sundays" not in await there.get("/people")


async def test_details_are_saved_over_what_was_seen_and_over_nothing_else(
    lakeside: World, hillcrest: World, at_browser: Any
) -> None:
    fred, there = await at_browser(lakeside, "fred"), await at_browser(hillcrest, "fred")
    new = {"given_names": "Ruth", "family_name": "Walker", "birth_date": "1944-05-02"}
    address = (await fred.send("/people/new", new)).headers["location"]
    seen = re.search(r'name="revision" value="(\d+)"', await fred.get(f"{address}/details"))
    assert seen
    mended = new | {"given_names": "Ruth Ann", "revision": seen[1]}
    for revision in ("", "x", "9" * 400, "9" * 5_000):
        refused = await fred.send(f"{address}/details", mended | {"revision": revision}, 422)
        assert "Someone else changed" in refused.text, revision[:9]
    # A box that no browser of ours sends: what was written beside it is given back too.
    refused = await fred.send(f"{address}/details", mended | {"races": ["asian", "as\x00ian"]}, 422)
    assert 'name="given_names" value="Ruth Ann"' in refused.text
    await there.send(f"{address}/details", mended, 404)
    assert "Ruth Ann" not in await fred.get(address)
    await fred.send(f"{address}/details", mended)
    assert "Ruth Ann" in await fred.get(address)
    assert "Someone else changed" in (await fred.send(f"{address}/details", mended, 422)).text


async def test_an_insurance_card_is_taken_down_whole_and_corrected(
    lakeside: World, hillcrest: World, at_browser: Any
) -> None:
    """What a claim needs of it: member and group number, and whoever holds the policy."""
    fred = await at_browser(lakeside, "fred")
    made = await fred.send(
        "/people/new", {"given_names": "Mary", "family_name": "Roe", "birth_date": "1972-02-02"}
    )
    address = made.headers["location"]
    id = UUID(address.rpartition("/")[2])
    card = {
        "member_id": "XYZ123456789", "group_number": "GRP0001", "relationship": "spouse",
        "subscriber_given_names": "Richard", "subscriber_family_name": "Roe", "subscriber_birth_date": "1970-01-01",
        "subscriber_sex": "male",
    }  # fmt: skip
    new = card | {"payer_id": str(lakeside.payers["bcbsm"]), "from_on": "2020-01-01"}

    async def on_file() -> tuple[Any, ...]:
        actor = lakeside.actor("fred")
        async with tenant_db(actor, read_only=True) as db:
            (one,) = (await coverages(db, actor, [id]))[id]
        return (
            str(one.id), one.member_id, one.group_number, one.relationship, one.subscriber_given_names,
            one.subscriber_family_name, one.subscriber_birth_date, one.subscriber_sex,
        )  # fmt: skip

    for field, value, said in (
        ("subscriber_family_name", "", "family name"),
        ("subscriber_birth_date", "1970-02-30", "not a day"),
        ("relationship", "neighbour", "to the subscriber"),
        ("relationship", "self", "Roe is written"),
    ):
        answer = await fred.send(f"{address}/coverages", new | {field: value}, 422)
        assert re.search(rf'id="f-{field}-error"[^>]*>.*?{said}', answer.text, re.DOTALL), field
        assert 'value="XYZ123456789"' in answer.text, "what was typed is kept"
    await fred.send(f"{address}/coverages", new)
    which, *told = await on_file()
    assert told == ["XYZ123456789", "GRP0001", "spouse", "Richard", "Roe", date(1970, 1, 1), "male"]
    page = await fred.get(f"{address}/details")
    assert "policy of Richard Roe" in page
    assert "group GRP0001" in page
    assert page.count('value="XYZ123456789"') == 1, "the form to correct it holds what is on file"

    wrong = await fred.send(
        f"{address}/coverages/card", card | {"which": which, "subscriber_given_names": ""}, 422
    )
    assert len(re.findall(r'id="f-subscriber_given_names-error"', wrong.text)) == 1
    own = {"which": which, "member_id": "XYZ999", "group_number": "", "relationship": "self"}
    await fred.send(f"{address}/coverages/card", own)
    assert await on_file() == (which, "XYZ999", "", "self", "", "", None, "")
    await (await at_browser(hillcrest, "fred")).send(f"{address}/coverages/card", own, 404)
    assert "policy of" not in await fred.get(f"{address}/details")


async def test_a_refused_form_of_the_details_alone_says_so(lakeside: World, at_browser: Any) -> None:
    """Nine forms on one page, several with a name, a kind or a day: the one that was sent keeps what was typed, opens,
    and has its sentence under the id that the summary leads to."""
    fred = await at_browser(lakeside, "fred")
    new = {"given_names": "Ruth", "family_name": "Walker", "birth_date": "1944-05-02"}
    address = (await fred.send("/people/new", new)).headers["location"]

    def led_to(page: str, name: str) -> str:
        """The form that holds the one field the summary leads to."""
        assert f'<a href="#f-{name}">' in page
        assert len(re.findall(f'id="f-{name}"', page)) == 1
        assert page.count(f'id="f-{name}-error"') == 1
        (form,) = [one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if f'id="f-{name}"' in one]
        return form

    someone = {"name": "", "kind": "neighbour", "phone": "(313) 555-0142", "helps_with": "the shopping"}
    page = (await fred.send(f"{address}/supports", someone, 422)).text
    assert 'value="the shopping"' in led_to(page, "name")
    assert page.count('value="(313) 555-0142"') == 1
    assert re.search(r'<details class="more" open><summary>Add someone', page)

    page = (await fred.send(f"{address}/team", {"part": "specialist", "name": "", "staff_id": ""}, 422)).text
    assert 'action="' + f'{address}/team"' in led_to(page, "name")
    assert re.search(r'<details class="more" open><summary>Add to the team', page)

    home = {"street": "12 Larkspur Ave", "city": "Detroit", "state": "MI", "zip": "4" * 21}
    page = (await fred.send(f"{address}/address", home, 422)).text
    assert 'value="12 Larkspur Ave"' in led_to(page, "zip")

    way = {"kind": "email", "value": "nowhere", "use": "home", "best_time": "after 5 pm"}
    page = (await fred.send(f"{address}/contact-ways", way, 422)).text
    assert 'value="after 5 pm"' in led_to(page, "value")

    insurance = {
        "payer_id": str(lakeside.payers["medicare_part_b"]),
        "from_on": "2026-02-01",
        "member_id": "1EG4TE5MK73",
    }
    await fred.send(f"{address}/coverages", insurance)
    which = re.search(r'name="which" value="([0-9a-f-]{36})"', await fred.get(f"{address}/details"))
    assert which
    ended = {"which": which[1], "last_day": "2026-01-01"}
    page = (await fred.send(f"{address}/coverages/end", ended, 422)).text
    assert "It started on 01 Feb 2026." in led_to(page, "last_day")
