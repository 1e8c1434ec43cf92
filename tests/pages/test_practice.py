"""The practice's pages: what each role may open and change, and what a refused form says."""

import html
import re
import sys
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from cast import STAFF, World
from sqlalchemy.ext.asyncio import AsyncEngine

from server.app import route_table
from server.tenants.permissions import permissions_of

OURS = ("/practice", "/security", "/set-up")


async def post(client: httpx.AsyncClient, path: str, page: str = "", **form: Any) -> httpx.Response:
    token = re.search(r'name="_csrf" value="([^"]*)"', (await client.get(page or path)).text)
    assert token is not None
    return await client.post(path, data={**form, "_csrf": token[1]})


def beside(answer: httpx.Response, field: str) -> str:
    """The sentence beside a field of a refused form."""
    assert answer.status_code == 422, answer.status_code
    found = re.search(rf'id="f-{field}-error">.*?<span>([^<]+)</span>', answer.text, re.S)
    assert found is not None, re.findall(r'id="(f-[\w-]+-error)"', answer.text)
    return html.unescape(found[1])


async def test_each_role_opens_exactly_what_it_may(lakeside: World, browse: Any) -> None:
    pages = [r for r in route_table() if r["path"].startswith(OURS) and r["methods"] == "GET"]
    forms = [r for r in route_table() if r["path"].startswith(OURS) and r["methods"] == "POST"]
    ids = {"staff": lakeside.staff["mika"], "sites": lakeside.site_id, "payers": lakeside.payers["bcbsm"]}
    ids["providers"] = lakeside.staff["dr_lin"]
    cells = 0
    for who, (_, role, *_) in STAFF.items():
        client = browse(lakeside, who)
        token = (await client.get("/session")).headers["x-csrf-token"]
        for route in pages:
            path = re.sub(
                r"\{[^}]+\}",
                str(next((id for part, id in ids.items() if f"/{part}/{{" in route["path"]), "")),
                route["path"],
            )
            answer = await client.get(path)
            allowed = route["permission"] in permissions_of(role)
            assert answer.status_code == (200 if allowed else 403), (who, path, answer.status_code)
            cells += 1
        for route in forms:
            if route["permission"] in permissions_of(role):
                continue
            path = re.sub(r"\{[^}]+\}", str(lakeside.staff["mika"]), route["path"])
            form = {"name": "Not mine to change", "role": "administrator", "_csrf": token}
            answer = await client.post(path, data=form)
            assert answer.status_code == 403, (who, path)
            cells += 1
    assert (await browse(lakeside, "fred").get("/practice/staff/invite")).status_code == 403
    assert cells > 250
    sys.stdout.write(f"P28: {len(STAFF)} roles, {cells} cells of pages and forms, all as declared\n")


async def test_what_a_role_may_not_do_is_not_offered(lakeside: World, browse: Any) -> None:
    ada_page, fred_page = [
        (await browse(lakeside, who).get("/practice/staff")).text for who in ("ada", "fred")
    ]
    assert "/practice/staff/invite" in ada_page
    assert "Nora Feld" in fred_page
    assert "/practice/staff/invite" not in fred_page
    assert "/practice/tokens" not in fred_page


async def test_other_practices_things_are_like_none(lakeside: World, hillcrest: World, browse: Any) -> None:
    iris = browse(hillcrest, "ada")
    ghost = "01900000-0000-7000-8000-000000000000"
    for path, id in (
        ("/practice/staff/{}", lakeside.staff["nora"]),
        ("/practice/sites/{}", lakeside.site_id),
        ("/practice/payers/{}", lakeside.payers["bcbsm"]),
    ):
        answers = [await iris.get(path.format(one)) for one in (id, ghost, "x")]
        assert [a.status_code for a in answers] == [404] * 3, path
        assert answers[0].text == answers[1].text == answers[2].text
    for path in (
        f"/practice/staff/{lakeside.staff['nora']}/role",
        f"/practice/staff/{lakeside.staff['nora']}/leave",
    ):
        assert (await post(iris, path, page="/practice", role="biller")).status_code == 404
    assert "Acme Mutual" in (await iris.get("/practice/payers")).text
    assert lakeside.slug not in (await iris.get("/practice/staff")).text


async def test_the_practice_is_changed_and_a_new_zone_is_told(lakeside: World, browse: Any) -> None:
    ada = browse(lakeside, "ada")
    good = {
        "name": "Lakeside Family Practice",
        "npi": "1234567893",
        "phone": "313 555 0142",
        "time_zone": "America/Chicago",
    }
    assert "the tenth digit" in beside(
        await post(ada, "/practice/edit", **{**good, "npi": "1234567890"}), "npi"
    )
    assert "area code" in beside(await post(ada, "/practice/edit", **{**good, "phone": "12"}), "phone")
    zone = await post(ada, "/practice/edit", **{**good, "time_zone": "Mars/Olympus"})
    assert "not a time zone" in beside(zone, "time_zone")
    assert 'value="Lakeside Family Practice"' in zone.text
    saved = await post(ada, "/practice/edit", **good)
    assert (saved.status_code, saved.headers["location"]) == (303, "/practice")
    page = (await ada.get("/practice")).text
    assert "reckoned in America/Chicago" in page
    assert "(313) 555-0142" in page
    assert "Lakeside Family Practice" in page


async def test_choosing_by_what_pays_most_needs_a_written_reason(
    lakeside: World, browse: Any, behind: AsyncEngine
) -> None:
    ada = browse(lakeside, "ada")
    assert "reason in writing" in beside(
        await post(ada, "/practice/policy", policy="max", reason="money"), "reason"
    )
    reason = "Agreed by the partners on 2 November; each chosen line is within the payer's own rules."
    assert (await post(ada, "/practice/policy", policy="max", reason=reason)).status_code == 303
    assert "What pays the most" in (await ada.get("/practice")).text
    async with behind.connect() as connection:
        kept = await connection.scalar(
            sa.text("select reason from policy_choice where tenant_id = :t order by made_at desc limit 1"),
            {"t": lakeside.tenant_id},
        )
    assert kept == reason


async def test_sites_are_added_mended_and_closed(lakeside: World, browse: Any) -> None:
    ada = browse(lakeside, "ada")
    new = "/practice/sites/new"
    assert "We need" in beside(await post(ada, new, name=""), "name")
    assert "ZIP" in beside(await post(ada, new, name="West", zip="482"), "zip")
    assert "abbreviation" in beside(await post(ada, new, name="West", state="QQ"), "state")
    assert (
        await post(ada, new, name="West Street", city="Detroit", state="MI", zip="48201")
    ).status_code == 303
    page = (await ada.get("/practice/sites")).text
    link = re.search(r'href="(/practice/sites/[0-9a-f-]{36})">West Street', page)
    assert link is not None
    assert (await post(ada, link[1], name="West Street Clinic", closed="yes")).status_code == 303
    page = (await ada.get("/practice/sites")).text
    assert "West Street Clinic" in page
    assert "Closed" in page


async def test_a_payer_no_rules_know_is_allowed_and_says_so(lakeside: World, browse: Any) -> None:
    ada = browse(lakeside, "ada")
    new = "/practice/payers/new"
    form = (await ada.get(new)).text
    assert 'value="medicare_part_b"' in form
    assert 'value="bcbsm"' in form
    assert "No plugin here knows" in beside(await post(ada, new, name="Beta Health", kind="beta"), "kind")
    assert "on the list already" in beside(await post(ada, new, name="acme MUTUAL"), "name")
    assert (await post(ada, new, name="Beta Health")).status_code == 303
    page = (await ada.get("/practice/payers")).text
    assert "wait for a person" in page
    assert "Beta Health" in page
    saved = await post(
        ada, f"/practice/payers/{lakeside.payers['bcbsm']}", name="Blue Cross", kind="bcbsm", edi_id="00710"
    )
    assert saved.status_code == 303
    assert "00710" in (await ada.get("/practice/payers")).text


async def test_staff_are_invited_given_roles_and_leave(lakeside: World, browse: Any) -> None:
    ada = browse(lakeside, "ada")
    invite = "/practice/staff/invite"
    good = {"name": "June Park", "email": f"june@{lakeside.slug}.example", "role": "medical_assistant"}
    assert "e-mail" in beside(await post(ada, invite, **{**good, "email": "june"}), "email")
    assert "not a role" in beside(await post(ada, invite, **{**good, "role": "queen"}), "role")
    assert "own" in beside(await post(ada, invite, **good, bills="yes"), "npi")
    assert "on the list" in beside(
        await post(ada, invite, **{**good, "email": lakeside.emails["nora"]}), "email"
    )
    invited = await post(ada, invite, **good)
    assert invited.status_code == 303
    june = invited.headers["location"]
    assert "not here yet" in (await ada.get(june)).text
    assert (await post(ada, f"{june}/invite-again", page=june)).status_code == 303
    assert (await post(ada, f"{june}/role", page=june, role="biller")).status_code == 303
    assert "Biller, invited" in (await ada.get(june)).text

    nora = f"/practice/staff/{lakeside.staff['nora']}"
    working = browse(lakeside, "nora")
    assert (await working.get("/session")).status_code == 204
    assert (await post(ada, f"{nora}/leave", page=nora)).status_code == 303
    assert (await working.get("/session")).status_code == 401  # outside at the next request
    assert "Those who have left" in (await ada.get("/practice/staff")).text
    assert (await post(ada, f"{nora}/return", page=nora)).status_code == 303

    me = f"/practice/staff/{lakeside.staff['ada']}"
    last = await post(ada, f"{me}/role", page=me, role="biller")
    assert (last.status_code, "only administrator" in last.text) == (422, True)


async def test_a_provider_without_a_sign_in_and_dated_qualifications(lakeside: World, browse: Any) -> None:
    ada = browse(lakeside, "ada")
    new = "/practice/staff/provider"
    assert "the tenth digit" in beside(await post(ada, new, name="Omar Reed", npi="1999999980"), "npi")
    assert "on the list with the NPI" in beside(
        await post(ada, new, name="Omar Reed", npi="1234567893"), "npi"
    )
    added = await post(ada, new, name="Omar Reed", npi="1245319599", bills="yes")
    assert added.status_code == 303
    omar = added.headers["location"]
    assert "does not sign in" in (await ada.get(omar)).text

    add = f"{omar}/qualifications"
    md = {"kind": "discipline", "discipline": "md", "from_on": "2015-07-01"}
    assert "not a day" in beside(
        await post(ada, add, page=omar, **{**md, "from_on": "2026-02-30"}), "from_on"
    )
    assert "before the first" in beside(await post(ada, add, page=omar, **md, to_on="2014-01-01"), "to_on")
    assert "not a discipline" in beside(
        await post(ada, add, page=omar, **{**md, "discipline": "wizard"}), "discipline"
    )
    assert (await post(ada, add, page=omar, **md)).status_code == 303
    licence = {"kind": "licence", "name": "MD", "number": "4301", "region": "MI", "from_on": "2015-07-01"}
    assert (await post(ada, add, page=omar, **licence)).status_code == 303
    page = (await ada.get(omar)).text
    assert "Physician (MD)" in page
    assert "4301" in page
    end = re.search(r'action="([^"]+/qualifications/[0-9a-f-]{36}/end)"', page)
    assert end is not None
    wrong = await post(ada, end[1], page=omar, last_day="2010-01-01")
    assert (wrong.status_code, "before the first" in wrong.text) == (422, True)
    assert (await post(ada, end[1], page=omar, last_day="2026-10-31")).status_code == 303
    assert "Sat 31 Oct 2026" in (await ada.get(omar)).text


async def test_a_token_is_shown_once_works_and_is_revoked(lakeside: World, browse: Any) -> None:
    ada = browse(lakeside, "ada")
    page = "/practice/tokens"
    assert "what the token is for" in beside(await post(ada, page, name="", scopes="read", days="30"), "name")
    assert "between 1 and 365" in beside(
        await post(ada, page, name="export", scopes="read", days="4000"), "days"
    )
    assert "whole number" in beside(await post(ada, page, name="export", scopes="read", days="soon"), "days")
    assert beside(await post(ada, page, name="export", days="30"), "scopes")
    made = await post(ada, page, name="nightly export", scopes=["read", "billing"], days="30")
    assert made.status_code == 200
    text = re.search(r"<code>(cw_api_[\w-]+)</code>", made.text)
    assert text is not None
    listed = await ada.get(page)
    assert "nightly export" in listed.text
    assert text[1] not in listed.text
    bearer = {"authorization": f"Bearer {text[1]}"}
    asked = await browse().post("/graphql", json={"query": "{ me { email may } }"}, headers=bearer)
    assert asked.json()["data"]["me"]["email"] == lakeside.emails["ada"]
    assert "staff.write" not in asked.json()["data"]["me"]["may"]
    revoke = re.search(r'action="(/practice/tokens/[0-9a-f-]{36}/revoke)"', listed.text)
    assert revoke is not None
    assert (await post(ada, revoke[1], page=page)).status_code == 303
    gone = await browse().post("/graphql", json={"query": "{ me { email } }"}, headers=bearer)
    assert gone.json()["errors"][0]["extensions"]["code"] == "SIGN_IN_NEEDED"


async def test_the_set_up_can_be_left_and_ends_with_what_is_needed(
    lakeside: World, browse: Any, behind: AsyncEngine
) -> None:
    async with behind.begin() as connection:
        for statement in (
            "update practice set set_up_done_at = null where tenant_id = :t",
            "update site set active = false where tenant_id = :t",
        ):
            await connection.execute(sa.text(statement), {"t": lakeside.tenant_id})
    ada = browse(lakeside, "ada")
    assert (await ada.get("/sign-in/next")).headers["location"] == "/set-up"
    assert (await browse(lakeside, "nora").get("/sign-in/next")).headers["location"] == "/"
    page = (await ada.get("/set-up")).text
    assert "Go on: Where you see people" in page
    early = await post(ada, "/set-up")
    assert (early.status_code, "Where you see people" in early.text) == (422, True)
    await post(ada, "/practice/sites/new", name="Main Street")
    assert "The practice is set up" in (await ada.get("/set-up")).text
    assert (await post(ada, "/set-up")).headers["location"] == "/"
    assert (await ada.get("/sign-in/next")).headers["location"] == "/"


@pytest.mark.parametrize(
    "typed", ["<script>alert(1)</script>", "{{ 7*7 }}", "' or 1=1 --", "Ærø ‘quoted’ & co"]
)
async def test_names_are_shown_as_they_were_typed_and_never_run(
    lakeside: World, browse: Any, typed: str
) -> None:
    ada = browse(lakeside, "ada")
    assert (await post(ada, "/practice/sites/new", name=typed)).status_code == 303
    page = (await ada.get("/practice/sites")).text
    assert f">{html.escape(typed).replace('&#x27;', '&#39;')}<" in page
    assert typed not in page or "<" not in typed
