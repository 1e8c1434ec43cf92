from typing import Any

from cast import World

FIND = {"query": "{ patients { edges { node { id } } } }"}


async def test_a_bearer_token_asks_graphql_and_a_wrong_one_is_nobody(lakeside: World, browse: Any) -> None:
    bearer = {"authorization": f"Bearer {lakeside.tokens['nora']}"}
    answer = await browse().post("/graphql", json=FIND, headers=bearer)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"] == {"patients": {"edges": []}}
    wrong = await browse().post("/graphql", json=FIND, headers={"authorization": "Bearer cw_api_nonsense"})
    assert wrong.status_code == 401
    assert wrong.json()["errors"][0]["extensions"]["code"] == "SIGN_IN_NEEDED"


async def test_a_session_asks_graphql_only_from_our_own_pages(lakeside: World, browse: Any) -> None:
    nora = browse(lakeside, "nora")
    assert (await nora.post("/graphql", json=FIND)).json()["data"] == {"patients": {"edges": []}}
    foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert (await nora.post("/graphql", json=FIND, headers=foreign)).status_code == 403


async def test_strangers_to_our_name_and_unknown_pages(browse: Any) -> None:
    assert (await browse().get("/health/ready")).text == "ready\n"
    assert (await browse().get("/health/ready", headers={"host": "evil.example"})).status_code == 421
    lost = await browse().get("/no-such-page")
    assert lost.status_code == 404
    assert "frame-ancestors 'none'" in lost.headers["content-security-policy"]
    assert lost.headers["cache-control"] == "no-store"
