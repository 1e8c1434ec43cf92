"""The practice over GraphQL: the same rooms as its pages, from the other edge."""

import secrets
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

REFUSAL = "... on Refusal { code message nextStep field }"


async def done(ask: Any, world: World, who: str, mutation: str, **variables: object) -> Any:
    """The mutation's answer; GraphQL errors fail the test."""
    answer = await ask(world, who, mutation, **variables)
    assert answer["errors"] == [], answer["errors"]
    return next(iter(answer["data"].values()))


async def test_who_is_asking(lakeside: World, ask: Any) -> None:
    answer = await ask(
        lakeside,
        "nora",
        "{ me { name email may staff { id role roleName qualifications { kind name nameSaid } } practices { slug here state } } }",
    )
    me = answer["data"]["me"]
    assert (me["name"], me["email"]) == ("Nora Feld", lakeside.emails["nora"])
    assert me["practices"] == [{"slug": lakeside.slug, "here": True, "state": "open"}]
    assert (me["staff"]["role"], me["staff"]["roleName"]) == ("CARE_MANAGER", "Care manager")
    assert {"kind": "DISCIPLINE", "name": "rn", "nameSaid": "Registered nurse"} in me["staff"][
        "qualifications"
    ]
    assert "minutes.write" in me["may"]
    assert "staff.write" not in me["may"]


async def test_the_practice_its_sites_payers_and_staff(lakeside: World, hillcrest: World, ask: Any) -> None:
    document = """{ practice { id name npi timeZone selectionPolicy agreements { document version acceptedBy } }
      sites { edges { node { id name } } } payers { edges { node { id name kind rules } } }
      staff(first: 3) { edges { node { id name } } pageInfo { hasNextPage endCursor } } payerKinds { key } }"""
    mine = (await ask(lakeside, "fred", document))["data"]
    assert mine["practice"]["name"] == "Lakeside Family Medicine"
    assert {a["document"] for a in mine["practice"]["agreements"]} == {"terms", "baa"}
    rules = {edge["node"]["name"]: edge["node"]["rules"] for edge in mine["payers"]["edges"]}
    assert rules["Acme Mutual"] is None
    assert rules["Medicare Part B"]
    assert {"medicare_part_b", "bcbsm"} <= {kind["key"] for kind in mine["payerKinds"]}

    names, after = [], None
    for _ in range(4):
        page = await ask(
            lakeside,
            "fred",
            "query Q($after: String) { staff(first: 3, after: $after) { edges { node { name } } pageInfo { hasNextPage endCursor } } }",
            after=after,
        )
        names += [edge["node"]["name"] for edge in page["data"]["staff"]["edges"]]
        after = page["data"]["staff"]["pageInfo"]["endCursor"]
        if not page["data"]["staff"]["pageInfo"]["hasNextPage"]:
            break
    assert names == sorted(names)
    assert len(names) == 8

    theirs = (await ask(hillcrest, "fred", document))["data"]

    def ids(data: Any) -> set[str]:
        rooms = {e["node"]["id"] for room in ("sites", "payers", "staff") for e in data[room]["edges"]}
        return rooms | {data["practice"]["id"]}

    assert not ids(mine) & ids(theirs)
    for id in sorted(ids(mine)):
        found = await ask(lakeside, "fred", "query Q($id: ID!) { node(id: $id) { id __typename } }", id=id)
        assert found["data"]["node"]["id"] == id
        other = await ask(hillcrest, "ada", "query Q($id: ID!) { node(id: $id) { id } }", id=id)
        assert other["data"]["node"] is None
        assert other["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_list_of_staff_with_their_qualifications_is_few_statements(
    lakeside: World, ask: Any, watch: Any
) -> None:
    counts = []
    for first in (2, 8):
        with watch() as work:
            answer = await ask(
                lakeside,
                "ada",
                "query Q($n: Int!) { staff(first: $n) { edges { node { qualifications { name } } } } }",
                n=first,
            )
        assert len(answer["data"]["staff"]["edges"]) == first
        counts.append(len(work.done))
    assert counts[0] == counts[1]


async def test_sites_and_payers_are_added_and_mended(lakeside: World, hillcrest: World, ask: Any) -> None:
    add = f"mutation M($input: SiteInput!) {{ addSite(input: $input) {{ ... on Site {{ id name city }} {REFUSAL} }} }}"
    site = await done(ask, lakeside, "ada", add, input={"name": "West", "city": "Detroit", "zip": "48201"})
    assert site["city"] == "Detroit"
    wrong = await done(ask, lakeside, "ada", add, input={"name": "West", "zip": "1"})
    assert (wrong["code"], wrong["field"]) == ("ZIP_FORM", "zip")
    change = f'mutation M($id: ID!) {{ changeSite(siteId: $id, input: {{name: "West Clinic"}}, active: false) {{ ... on Site {{ name active }} {REFUSAL} }} }}'
    assert await done(ask, lakeside, "ada", change, id=site["id"]) == {"name": "West Clinic", "active": False}
    assert (await done(ask, hillcrest, "ada", change, id=site["id"]))["code"] == "NOT_FOUND"

    add = f"mutation M($input: PayerInput!) {{ addPayer(input: $input) {{ ... on Payer {{ id kind rules }} {REFUSAL} }} }}"
    payer = await done(ask, lakeside, "ada", add, input={"name": "Beta Health"})
    assert (payer["kind"], payer["rules"]) == ("", None)
    assert (await done(ask, lakeside, "ada", add, input={"name": "Gamma", "kind": "gamma"}))[
        "code"
    ] == "KIND_UNKNOWN"
    assert (await done(ask, lakeside, "ada", add, input={"name": "BETA health"}))["code"] == "PAYER_THERE"
    change = f'mutation M($id: ID!) {{ changePayer(payerId: $id, input: {{name: "Beta", kind: "bcbsm"}}) {{ ... on Payer {{ name kind }} {REFUSAL} }} }}'
    assert await done(ask, lakeside, "ada", change, id=payer["id"]) == {"name": "Beta", "kind": "bcbsm"}


async def test_staff_are_invited_change_role_and_leave(
    lakeside: World, ask: Any, letters: Any, behind: AsyncEngine
) -> None:
    email = f"june-{secrets.token_hex(4)}@harbor.example"
    invite = f"mutation M($input: InviteStaffInput!) {{ inviteStaff(input: $input) {{ ... on Staff {{ id role joinedAt }} {REFUSAL} }} }}"
    june = await done(
        ask, lakeside, "ada", invite, input={"name": "June Park", "email": email, "role": "BILLER"}
    )
    assert (june["role"], june["joinedAt"]) == ("BILLER", None)
    assert await letters.link(email)
    again = await done(
        ask, lakeside, "ada", invite, input={"name": "June Park", "email": email, "role": "BILLER"}
    )
    assert (again["code"], again["field"]) == ("ALREADY_STAFF", "email")

    one = (
        "mutation M($id: ID!) {{ {0} {{ ... on Staff {{ role active }} "
        + REFUSAL.replace("{", "{{").replace("}", "}}")
        + " }} }}"
    )
    assert (await done(ask, lakeside, "ada", one.format("inviteStaffAgain(staffId: $id)"), id=june["id"]))[
        "active"
    ]
    role = await done(
        ask, lakeside, "ada", one.format("changeStaffRole(staffId: $id, role: FRONT_DESK)"), id=june["id"]
    )
    assert role == {"role": "FRONT_DESK", "active": True}
    assert not (await done(ask, lakeside, "ada", one.format("deactivateStaff(staffId: $id)"), id=june["id"]))[
        "active"
    ]
    assert (await done(ask, lakeside, "ada", one.format("reactivateStaff(staffId: $id)"), id=june["id"]))[
        "active"
    ]
    me = (await ask(lakeside, "ada", "{ me { staff { id } } }"))["data"]["me"]["staff"]["id"]
    last = await done(ask, lakeside, "ada", one.format("deactivateStaff(staffId: $id)"), id=me)
    assert last["code"] == "LAST_ADMINISTRATOR"
    async with behind.connect() as connection:
        kept = await connection.scalar(
            sa.text(
                "select count(*) from audit_event where tenant_id = :t and action like 'staff.%' and effect = 'write'"
            ),
            {"t": lakeside.tenant_id},
        )
    assert kept == 5


async def test_providers_and_their_dated_qualifications(lakeside: World, hillcrest: World, ask: Any) -> None:
    add = f"mutation M($input: AddProviderInput!) {{ addProvider(input: $input) {{ ... on Staff {{ id npi bills role }} {REFUSAL} }} }}"
    wrong = await done(ask, lakeside, "ada", add, input={"name": "Omar Reed", "npi": "1245319598"})
    assert (wrong["code"], wrong["field"]) == ("NPI_CHECK_DIGIT", "npi")
    omar = await done(ask, lakeside, "ada", add, input={"name": "Omar Reed", "npi": "1245319599"})
    assert (omar["role"], omar["bills"]) == ("PROVIDER", True)
    qualify = f"mutation M($input: AddQualificationInput!) {{ addQualification(input: $input) {{ ... on Qualification {{ id fromOn toOn }} {REFUSAL} }} }}"
    given = {"staffId": omar["id"], "kind": "DISCIPLINE", "name": "md", "fromOn": "2015-07-01"}
    made = await done(ask, lakeside, "ada", qualify, input=given)
    assert made["toOn"] is None
    assert (await done(ask, lakeside, "ada", qualify, input=given))["code"] == "QUALIFICATION_THERE"
    assert (await done(ask, hillcrest, "ada", qualify, input=given))["code"] == "NOT_FOUND"
    end = f"mutation M($id: ID!, $day: Date!) {{ endQualification(id: $id, lastDay: $day) {{ ... on Qualification {{ toOn }} {REFUSAL} }} }}"
    assert (await done(ask, lakeside, "ada", end, id=made["id"], day="2014-01-01"))[
        "code"
    ] == "ENDS_BEFORE_START"
    assert await done(ask, lakeside, "ada", end, id=made["id"], day="2026-10-31") == {"toOn": "2026-10-31"}
    change = f"mutation M($input: ChangeStaffInput!) {{ changeStaff(input: $input) {{ ... on Staff {{ name npi }} {REFUSAL} }} }}"
    assert await done(ask, lakeside, "ada", change, input={"staffId": omar["id"], "name": "Omar Reed, MD", "npi": "1245319599"}) == {
        "name": "Omar Reed, MD", "npi": "1245319599",
    }  # fmt: skip


async def test_the_practice_is_changed_and_the_set_up_ended(lakeside: World, ask: Any) -> None:
    change = f"""mutation M($input: ChangePracticeInput!) {{ changePractice(input: $input) {{
      ... on PracticeChanged {{ warnings practice {{ name timeZone }} }} {REFUSAL} }} }}"""
    given = {"name": "Lakeside", "npi": "1234567893", "timeZone": "America/Chicago"}
    changed = await done(ask, lakeside, "ada", change, input=given)
    assert changed["practice"] == {"name": "Lakeside", "timeZone": "America/Chicago"}
    assert "America/Chicago" in changed["warnings"][0]
    policy = f"mutation M($p: Line!, $r: ShortText) {{ setSelectionPolicy(policy: $p, reason: $r) {{ ... on Practice {{ selectionPolicy }} {REFUSAL} }} }}"
    assert (await done(ask, lakeside, "ada", policy, p="max"))["code"] == "REASON_MISSING"
    reason = "Agreed by the partners; within each payer's own rules."
    assert await done(ask, lakeside, "ada", policy, p="max", r=reason) == {"selectionPolicy": "max"}
    steps = (await ask(lakeside, "ada", "{ setUp { ready finished steps { key done needed } } }"))["data"][
        "setUp"
    ]
    assert (steps["ready"], steps["finished"], len(steps["steps"])) == (True, True, 5)
    assert (
        await done(
            ask, lakeside, "ada", f"mutation {{ finishSetUp {{ ... on Practice {{ name }} {REFUSAL} }} }}"
        )
    )["name"]


async def test_a_token_is_made_once_listed_and_revoked(lakeside: World, hillcrest: World, ask: Any) -> None:
    make = f"mutation M($input: CreateApiTokenInput!) {{ createApiToken(input: $input) {{ ... on NewApiToken {{ id token endsAt }} {REFUSAL} }} }}"
    assert (await done(ask, lakeside, "ada", make, input={"name": "x", "scopes": ["all"], "days": 3}))[
        "code"
    ] == "SCOPE_UNKNOWN"
    made = await done(ask, lakeside, "ada", make, input={"name": "export", "scopes": ["read"], "days": 3})
    assert made["token"].startswith("cw_api_")
    listed = await ask(lakeside, "ada", "{ apiTokens { id name state scopes } }")
    assert {"id": made["id"], "name": "export", "state": "live", "scopes": ["read"]} in listed["data"][
        "apiTokens"
    ]
    assert made["token"] not in str(listed)
    revoke = (
        f"mutation M($id: ID!) {{ revokeApiToken(id: $id) {{ ... on ApiTokenRevoked {{ id }} {REFUSAL} }} }}"
    )
    assert (await done(ask, hillcrest, "ada", revoke, id=made["id"]))["code"] == "NOT_FOUND"
    assert await done(ask, lakeside, "ada", revoke, id=made["id"]) == {"id": made["id"]}
    node = await ask(
        lakeside, "ada", "query Q($id: ID!) { node(id: $id) { ... on ApiToken { state } } }", id=made["id"]
    )
    assert node["data"]["node"] == {"state": "revoked"}


@pytest.mark.parametrize("who", ["nora", "rosa", "dr_lin", "mika", "fred", "bill", "mona"])
async def test_only_an_administrator_changes_the_practice(lakeside: World, ask: Any, who: str) -> None:
    for mutation in (
        'addSite(input: {name: "X"})',
        'addPayer(input: {name: "X"})',
        'inviteStaff(input: {name: "X", email: "x@harbor.example", role: BILLER})',
        'createApiToken(input: {name: "X", scopes: ["read"], days: 3})',
        'setSelectionPolicy(policy: "accurate")',
        "finishSetUp",
    ):
        refused = await done(ask, lakeside, who, f"mutation {{ {mutation} {{ {REFUSAL} }} }}")
        assert refused["code"] == "NOT_ALLOWED", mutation
    assert (await ask(lakeside, who, "{ apiTokens { id } }"))["errors"][0]["extensions"][
        "code"
    ] == "NOT_ALLOWED"
    assert (await ask(lakeside, None, "{ me { name } }"))["errors"][0]["extensions"][
        "code"
    ] == "SIGN_IN_NEEDED"
