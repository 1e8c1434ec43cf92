"""P10: the same key and the same question have one effect and get the same bytes, whatever happens in between."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from cast import World
from litestar.exceptions import LitestarException
from sqlalchemy.ext.asyncio import AsyncEngine
from two_practices import FIRST, ROOTS, Gone, TwoPractices, changed, document, rows_of, variables

from server.tenants import idempotency, sites
from server.tenants.db import doors, tenant_db

Count = Callable[[str, object], None]
Send = Callable[..., Awaitable[httpx.Response]]

ADD_SITE = """mutation ($input: SiteInput!) { addSite(input: $input) {
  __typename ... on Site { id name } ... on Refusal { code message } } }"""
TWO_SITES = """mutation ($a: SiteInput!, $b: SiteInput!) {
  first: addSite(input: $a) { ... on Site { id } ... on Refusal { code } }
  second: addSite(input: $b) { ... on Site { id } ... on Refusal { code } } }"""
SITES = "select count(*) from site where tenant_id = :t and name like :name"
#: what being told again may write: who saw it
AUDIT = ("audit_event", "audit_unsealed", "audit_seal", "audit_subject")


@pytest.fixture
def send(browse: Any) -> Send:
    """`await send(world, "ada", document, key="...", **variables)` over HTTP, with a token."""

    async def send(
        world: World, who: str, text: str, *, key: str | None = None, **given: Any
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {world.tokens[who]}", "content-type": "application/json"}
        if key is not None:
            headers["idempotency-key"] = key
        body = json.dumps({"query": text, "variables": given})
        answer: httpx.Response = await browse().post("/graphql", content=body, headers=headers)
        return answer

    return send


@pytest.fixture
def count(behind: AsyncEngine) -> Callable[..., Awaitable[int]]:
    async def count(world: World, statement: str = SITES, **given: Any) -> int:
        async with behind.connect() as connection:
            given = {"name": "%"} | given if ":name" in statement else given
            return int(
                (await connection.execute(sa.text(statement), {"t": world.tenant_id, **given})).scalar_one()
            )

    return count


async def all_of(callers: Iterable[Coroutine[Any, Any, bytes]]) -> list[bytes]:
    """Everybody's answer; when one fails, nobody goes on knocking while the next test is set up."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in callers]
    return [task.result() for task in tasks]


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["extensions"]["code"])


def site(name: str) -> dict[str, str]:
    return {"name": name}


async def test_a_repeated_key_is_answered_with_the_same_bytes_and_does_nothing(
    lakeside: World, send: Send, count: Any
) -> None:
    answers = [await send(lakeside, "ada", ADD_SITE, key="k-1", input=site("North")) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 200], answers[0].text
    assert len({a.content for a in answers}) == 1
    assert answers[0].json()["data"]["addSite"]["name"] == "North"
    assert await count(lakeside, name="North") == 1
    # The control: without a key every request is another thing to do.
    for _ in range(3):
        await send(lakeside, "ada", ADD_SITE, input=site("South"))
    assert await count(lakeside, name="South") == 3


async def test_the_same_key_with_another_body_is_refused_and_does_nothing(
    lakeside: World, send: Send, count: Any
) -> None:
    await send(lakeside, "ada", ADD_SITE, key="k", input=site("North"))
    other = await send(lakeside, "ada", ADD_SITE, key="k", input=site("South"))
    assert (other.status_code, code_of(other)) == (422, "IDEMPOTENCY_KEY_REUSED")
    respelt = await send(
        lakeside, "ada", ADD_SITE + " # the same, said otherwise", key="k", input=site("North")
    )
    assert respelt.status_code == 422
    assert await count(lakeside, name="South") == 0
    assert await count(lakeside, name="North") == 1


async def test_how_the_json_is_spaced_does_not_matter(lakeside: World, send: Send, browse: Any) -> None:
    first = await send(lakeside, "ada", ADD_SITE, key="k", input={"name": "North", "city": "Flint"})
    body = json.dumps(
        {"variables": {"input": {"city": "Flint", "name": "North"}}, "query": ADD_SITE}, indent=2
    )
    again = await browse().post(
        "/graphql", content=body,
        headers={
            "authorization": f"Bearer {lakeside.tokens['ada']}", "idempotency-key": "k", "content-type": "application/json",
        },
    )  # fmt: skip
    assert again.content == first.content


@pytest.mark.parametrize("key", ["", "k" * 201, "Schlüssel", "tab\there", "null\x00"])
async def test_a_key_that_cannot_be_one_is_refused_in_words(
    lakeside: World, send: Send, count: Any, key: str
) -> None:
    status, text = await _raw(_headers(lakeside, key), _body(ADD_SITE, input=site("North")))
    assert status == 400, text
    error = json.loads(text)["errors"][0]
    assert error["extensions"]["code"] == "IDEMPOTENCY_KEY"
    assert "1 to 200 printable ASCII" in error["message"]
    assert await count(lakeside, name="North") == 0


def _headers(world: World, key: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"authorization", f"Bearer {world.tokens['ada']}".encode()),
        (b"content-type", b"application/json"),
        (b"idempotency-key", key.encode()),
    ]


def _body(text: str, **given: Any) -> bytes:
    return json.dumps({"query": text, "variables": given}).encode()


async def _raw(
    headers: list[tuple[bytes, bytes]], body: bytes, take: Callable[[Any], Awaitable[None]] | None = None
) -> tuple[int, bytes]:
    """As a client that checks nothing would send it. take: what becomes of the answer's messages."""
    from server.app import create_app

    sent: list[Any] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/graphql",
        "raw_path": b"/graphql", "query_string": b"", "root_path": "", "scheme": "http", "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 8080), "headers": [(b"host", b"127.0.0.1:8080"), *headers],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def keep(message: Any) -> None:
        sent.append(message)

    await create_app()(scope, receive, take or keep)  # type: ignore[arg-type]
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])


async def test_on_a_query_the_key_means_nothing(lakeside: World, send: Send, count: Any) -> None:
    answer = await send(lakeside, "ada", "{ practice { name } }", key="k")
    assert answer.json()["data"]["practice"]["name"] == "Lakeside Family Medicine"
    assert await count(lakeside, "select count(*) from idempotency_key where tenant_id = :t") == 0


async def test_a_refusal_is_an_answer_like_another(lakeside: World, send: Send, count: Any) -> None:
    refused = await send(lakeside, "ada", ADD_SITE, key="k", input=site("North") | {"zip": "12"})
    assert refused.json()["data"]["addSite"]["__typename"] == "Refusal"
    again = await send(lakeside, "ada", ADD_SITE, key="k", input=site("North") | {"zip": "12"})
    assert again.content == refused.content
    assert await count(lakeside, "select count(*) from idempotency_key where tenant_id = :t") == 1


async def test_somebody_turned_away_is_written_down_with_a_key_as_without(
    lakeside: World, send: Send, count: Any
) -> None:
    refused = "select count(*) from audit_event where tenant_id = :t and effect = 'refused'"
    text = """mutation { changeSite(siteId: "%s", input: { name: "X" }) { ... on Refusal { code } } }"""
    text %= "U2l0ZTowMTkwMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDA="
    without = (await send(lakeside, "ada", text)).json()
    before = await count(lakeside, refused)
    assert (await send(lakeside, "ada", text, key="k")).json()["data"] == without["data"]
    assert await count(lakeside, refused) == 2 * before


async def test_our_own_failure_undoes_the_whole_operation_and_frees_the_key(
    lakeside: World, send: Send, count: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sites.add_site
    broken = True

    async def fails_second(db: Any, actor: Any, **given: str) -> Any:
        made = await real(db, actor, **given)
        if broken and given["name"] == "Second":
            raise ValueError("boom")
        return made

    monkeypatch.setattr(sites, "add_site", fails_second)
    given = {"a": site("First"), "b": site("Second")}
    failed = await send(lakeside, "ada", TWO_SITES, key="k", **given)
    assert code_of(failed) == "INTERNAL"
    assert failed.json()["data"] is None, "with a key it is all or nothing, and says so"
    assert await count(lakeside, name="%st") + await count(lakeside, name="Second") == 0
    assert await count(lakeside, "select count(*) from idempotency_key where tenant_id = :t") == 0
    broken = False
    done = await send(lakeside, "ada", TWO_SITES, key="k", **given)
    assert "errors" not in done.json()
    assert (await send(lakeside, "ada", TWO_SITES, key="k", **given)).content == done.content
    assert await count(lakeside, name="First") == await count(lakeside, name="Second") == 1


async def test_one_failure_of_ours_behind_many_refusals_is_still_a_failure(
    lakeside: World, send: Send, count: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than twenty errors are not all told; which of them are ours must be known of every one."""
    real = sites.add_site

    async def fails(db: Any, actor: Any, **given: str) -> Any:
        made = await real(db, actor, **given)
        if given["name"] == "Last":
            raise ValueError("boom")
        return made

    monkeypatch.setattr(sites, "add_site", fails)
    monkeypatch.setattr("server.graphql.edge._MOST_ERRORS", 0)
    failed = await send(lakeside, "ada", TWO_SITES, key="k", a=site("First"), b=site("Last"))
    assert failed.json()["data"] is None
    assert await count(lakeside, name="First") == 0
    assert await count(lakeside, "select count(*) from idempotency_key where tenant_id = :t") == 0


async def test_an_answer_that_cannot_be_written_is_a_failure_and_undoes_what_was_done(
    lakeside: World, hillcrest: World, send: Send, count: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.graphql.edge import Edge

    payload = Edge.payload
    monkeypatch.setattr(Edge, "payload", lambda *given: payload(*given) | {"data": {"n": 2**70}})
    failed = await send(lakeside, "ada", ADD_SITE, key="k", input=site("North"))
    assert (failed.status_code, code_of(failed), failed.json()["data"]) == (200, "INTERNAL", None)
    assert await count(lakeside, name="North") == await count(hillcrest, name="North") == 0
    monkeypatch.undo()
    assert (await send(lakeside, "ada", ADD_SITE, key="k", input=site("North"))).json()["data"]
    assert await count(lakeside, name="North") == 1


async def test_of_several_mutations_a_refused_one_undoes_itself_alone(
    lakeside: World, send: Send, count: Any
) -> None:
    answer = await send(
        lakeside, "ada", TWO_SITES, key="k", a=site("First") | {"zip": "12"}, b=site("Second")
    )
    assert set(answer.json()["data"]["first"]) == {"code"}
    assert set(answer.json()["data"]["second"]) == {"id"}
    assert await count(lakeside, name="Second") == 1


async def test_a_key_is_its_owners_alone(lakeside: World, hillcrest: World, send: Send, count: Any) -> None:
    """The same key and body by a colleague and in another practice are theirs: no answer crosses, and nothing tells
    that the key was used before."""
    mine = await send(lakeside, "nora", REGISTER, key="k", input=RUTH)
    rosas = await send(lakeside, "rosa", REGISTER, key="k", input=RUTH)
    theirs = await send(hillcrest, "nora", REGISTER, key="k", input=RUTH)
    ids = {a.json()["data"]["registerPatient"].get("id") for a in (mine, rosas, theirs)}
    assert len(ids) == 3, ids
    fresh = await send(hillcrest, "nora", REGISTER, key="never used", input=RUTH)
    assert fresh.status_code == theirs.status_code == 200
    assert fresh.headers.keys() == theirs.headers.keys()
    patients = "select count(*) from patient where tenant_id = :t"
    assert (await count(lakeside, patients), await count(hillcrest, patients)) == (2, 2)


async def test_whoever_has_lost_a_right_since_is_told_nothing(
    lakeside: World, send: Send, behind: AsyncEngine
) -> None:
    told = await send(lakeside, "nora", REGISTER, key="k", input=RUTH)
    assert "id" in told.json()["data"]["registerPatient"]
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update staff set role = 'front_desk' where tenant_id = :t and id = :i"),
            {"t": lakeside.tenant_id, "i": lakeside.staff["nora"]},
        )
    again = await send(lakeside, "nora", REGISTER, key="k", input=RUTH)
    assert (again.status_code, code_of(again)) == (403, "NOT_ALLOWED")
    assert "Walker" not in again.text


async def test_being_told_again_is_in_the_audit_with_whom_it_is_about(
    lakeside: World, send: Send, behind: AsyncEngine
) -> None:
    for _ in range(2):
        await send(lakeside, "nora", REGISTER, key="k", input=RUTH)
    async with behind.connect() as connection:
        rows = (
            await connection.execute(
                sa.text(
                    "select e.effect, e.patient_ids = array[p.id] from audit_event e, patient p "
                    "where e.action = 'idempotency.tell_again' and e.tenant_id = :t and p.tenant_id = :t"
                ),
                {"t": lakeside.tenant_id},
            )
        ).all()
    assert rows == [("read", True)]


async def test_what_is_kept_cannot_be_read_in_the_table(
    lakeside: World, send: Send, behind: AsyncEngine
) -> None:
    await send(lakeside, "nora", REGISTER, key="k", input=RUTH)
    async with behind.connect() as connection:
        (row,) = (
            await connection.execute(
                sa.text("select row_to_json(k)::text, k.answer from idempotency_key k where tenant_id = :t"),
                {"t": lakeside.tenant_id},
            )
        ).all()
    assert "Walker" not in row[0]
    assert b"Walker" not in row[1]


async def test_an_answer_too_large_to_keep_is_refused_and_nothing_done(
    lakeside: World, send: Send, count: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LARGEST_ANSWER", 20)
    answer = await send(lakeside, "ada", ADD_SITE, key="k", input=site("North"))
    assert (answer.status_code, code_of(answer)) == (400, "ANSWER_TOO_LARGE")
    assert await count(lakeside, name="North") == 0


async def test_what_is_still_being_done_is_waited_for_then_said_so(
    lakeside: World, send: Send, count: Any, behind: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, and in another one (a transaction of somebody else's that holds the key)."""
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.3)
    gate, inside, real = asyncio.Event(), asyncio.Event(), sites.add_site

    async def slow(db: Any, actor: Any, **given: str) -> Any:
        inside.set()
        await gate.wait()
        return await real(db, actor, **given)

    monkeypatch.setattr(sites, "add_site", slow)
    first = asyncio.create_task(send(lakeside, "ada", ADD_SITE, key="k", input=site("North")))
    await inside.wait()
    early = await send(lakeside, "ada", ADD_SITE, key="k", input=site("North"))
    assert (early.status_code, code_of(early)) == (409, "IDEMPOTENCY_KEY_IN_USE")
    assert early.headers["retry-after"] == "5"
    waiting = asyncio.create_task(send(lakeside, "ada", ADD_SITE, key="k", input=site("North")))
    await asyncio.sleep(0.05)
    gate.set()
    done = await first
    assert (await waiting).content == done.content
    assert await count(lakeside, name="North") == 1
    async with behind.connect() as elsewhere:
        transaction = await elsewhere.begin()
        await elsewhere.execute(
            sa.text(
                "insert into idempotency_key select tenant_id, gen_random_uuid(), staff_id, operation, 'k2', asked_hash, "
                "status, answer, rights, patient_ids, made_at from idempotency_key where tenant_id = :t"
            ),
            {"t": lakeside.tenant_id},
        )
        held = await send(lakeside, "ada", ADD_SITE, key="k2", input=site("North"))
        assert (held.status_code, code_of(held)) == (409, "IDEMPOTENCY_KEY_IN_USE")
        waiting = asyncio.create_task(send(lakeside, "ada", ADD_SITE, key="k2", input=site("North")))
        await asyncio.sleep(0.2)
        await transaction.rollback()
    assert (await waiting).status_code == 200, "it died there, so it is done here"
    assert await count(lakeside, name="North") == 2


async def test_a_connection_that_ends_before_the_answer_changes_nothing(
    lakeside: World, send: Send, count: Any
) -> None:
    """The commit is through and the client is gone: asking again tells what was done."""
    reached: list[str] = []

    async def gone(message: Any) -> None:
        reached.append(message["type"])
        raise ConnectionResetError

    with contextlib.suppress(LitestarException):
        await _raw(_headers(lakeside, "k"), _body(ADD_SITE, input=site("North")), take=gone)
    assert reached[0] == "http.response.start"
    assert await count(lakeside, name="North") == 1
    again = await send(lakeside, "ada", ADD_SITE, key="k", input=site("North"))
    assert again.json()["data"]["addSite"]["name"] == "North"
    assert await count(lakeside, name="North") == 1


@pytest.mark.parametrize("statement", ["insert into site", "update idempotency_key", "insert into job"])
async def test_a_database_connection_cut_inside_leaves_neither_effect_nor_key(
    lakeside: World, send: Send, count: Any, behind: AsyncEngine, statement: str
) -> None:
    cut: list[bool] = []

    def watch(_connection: Any, _cursor: Any, text: str, _values: Any, _context: Any, _many: Any) -> None:
        if not cut and text.strip().lower().startswith(statement):
            cut.append(True)
            raise ConnectionResetError

    engine = doors()._app
    assert engine is not None
    sa.event.listen(engine.sync_engine, "after_cursor_execute", watch)
    try:
        failed = await send(lakeside, "ada", ADD_SITE, key="k", input=site("North"))
    finally:
        sa.event.remove(engine.sync_engine, "after_cursor_execute", watch)
    assert cut
    assert failed.status_code == 503 or code_of(failed) == "INTERNAL"
    assert await count(lakeside, name="North") == 0
    done = await send(lakeside, "ada", ADD_SITE, key="k", input=site("North"))
    assert done.json()["data"]["addSite"]["name"] == "North"
    assert await count(lakeside, name="North") == 1


@pytest.mark.timeout(400)
@pytest.mark.parametrize("callers", [100, pytest.param(1_000, marks=pytest.mark.campaign)])
async def test_so_many_at_once_have_one_effect_and_one_answer(
    lakeside: World, send: Send, count: Any, callers: int, record_property: Count
) -> None:
    """Whoever a slow machine turns away at its door (503) sends the same again, as the guide says."""
    statuses: Counter[int] = Counter()

    async def caller() -> bytes:
        while True:  # the test's own timeout ends it
            answer = await send(lakeside, "ada", ADD_SITE, key="k", input=site("North"))
            statuses[answer.status_code] += 1
            if answer.status_code == 200:
                return answer.content
            assert answer.status_code == 503, answer.text
            await asyncio.sleep(random.uniform(0.5, 2))

    bodies = set(await all_of(caller() for _ in range(callers)))
    effects = await count(lakeside, name="North")
    record_property(
        "count",
        f"P10: {callers:,} at once with one key: {effects} effect, {len(bodies)} body, statuses {dict(statuses)}",
    )
    assert (effects, len(bodies), statuses[200]) == (1, 1, callers)


@pytest.mark.parametrize("keys", [10, pytest.param(50, marks=pytest.mark.campaign)])
async def test_keys_by_twenty_callers_half_of_whom_fail(
    lakeside: World,
    send: Send,
    count: Any,
    keys: int,
    record_property: Count,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half the attempts raise after their effect; every caller tries until it is told. One effect for each key."""
    chance, aborted, real = random.Random(10), 0, sites.add_site

    async def may_fail(db: Any, actor: Any, **given: str) -> Any:
        nonlocal aborted
        made = await real(db, actor, **given)
        if chance.random() < 0.5:
            aborted += 1
            raise ValueError("boom")
        return made

    monkeypatch.setattr(sites, "add_site", may_fail)

    async def caller(key: int) -> bytes:
        for _ in range(60):
            answer = await send(lakeside, "ada", ADD_SITE, key=f"key {key}", input=site(f"Key {key}"))
            if answer.status_code == 200 and "errors" not in answer.json():
                return answer.content
            assert answer.status_code in (409, 503) or code_of(answer) == "INTERNAL", answer.text
        raise AssertionError(f"key {key} was never done")

    callers = [key for key in range(keys) for _ in range(20)]
    chance.shuffle(callers)
    told = list(zip(callers, await all_of(map(caller, callers)), strict=True))
    bodies = {key: {body for k, body in told if k == key} for key in range(keys)}
    effects = await count(lakeside, name="Key %")
    record_property(
        "count", f"P10: {keys} keys by 20 callers, {aborted} aborted: {effects} effects, "
        f"{sum(map(len, bodies.values()))} bodies",
    )  # fmt: skip
    assert {len(one) for one in bodies.values()} == {1}
    assert effects == keys
    assert aborted > keys / 3, "too few failures to show anything"


@pytest.mark.campaign
async def test_every_mutation_takes_a_key(
    two: TwoPractices, behind: AsyncEngine, record_property: Count
) -> None:
    """Found in the schema: each is done once with a key, told again byte for byte, and refused with another body."""
    a, tried, done = two.a, 0, 0
    for name, definition in ROOTS["Mutation"].fields.items():  # type: ignore[union-attr]
        if name in FIRST:
            await a.run("Mutation", *FIRST[name])
        try:
            arguments = a.arguments(name, definition)
        except Gone:
            await a.run("Mutation", name)  # says what is missing
            raise
        who = a.who_may("Mutation", name)
        text = document("Mutation", [(name, name, arguments)])
        body = json.dumps({"query": text, "variables": variables(name, arguments)})
        headers = {"content-type": "application/json", "idempotency-key": f"every {name}"}
        first = await a.client(who).post("/graphql", content=body, headers=headers)
        assert first.status_code == 200, (name, first.text)
        assert "INTERNAL" not in first.text, (name, first.text)
        a.learn(first.json()["data"])
        done += (first.json()["data"][name] or {}).get("__typename") != "Refusal"
        before = await rows_of(behind, a.world.tenant_id)
        again = await a.client(who).post("/graphql", content=body, headers=headers)
        assert again.content == first.content, name
        after = await rows_of(behind, a.world.tenant_id)
        assert changed(before, after, but=(*AUDIT, "sign_in")) == [], name
        other = json.dumps({"query": text + " ", "variables": variables(name, arguments)})
        refused = await a.client(who).post("/graphql", content=other, headers=headers)
        assert refused.status_code == 422, (name, refused.text)
        tried += 1
    record_property("count", f"P10: {tried} mutations take a key, {done} of them did something")
    assert done > tried * 0.7, "most of them were refused: the test shows little"


async def test_answers_are_forgotten_after_a_week_and_the_job_for_it_waits(
    lakeside: World, hillcrest: World, send: Send, count: Any, behind: AsyncEngine
) -> None:
    keys = "select count(*) from idempotency_key where tenant_id = :t"
    for world in (lakeside, hillcrest):
        for key in ("old", "new"):
            await send(world, "ada", ADD_SITE, key=key, input=site(key))
    waiting = (
        "select count(*) from job where tenant_id = :t and kind = 'idempotency.purge' and run_at > now()"
    )
    assert (await count(lakeside, waiting), await count(hillcrest, waiting)) == (1, 1)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update idempotency_key set made_at = :at where key = 'old' and tenant_id in (:a, :b)"),
            {"at": datetime.now(UTC) - timedelta(days=8), "a": lakeside.tenant_id, "b": hillcrest.tenant_id},
        )
    from server.tenants.jobs import purge_answers

    async with tenant_db(lakeside.system()) as db:
        await purge_answers(db, lakeside.system(), {})
    assert (await count(lakeside, keys), await count(hillcrest, keys)) == (1, 2)
    again = await send(lakeside, "ada", ADD_SITE, key="new", input=site("new"))
    assert again.status_code == 200
    assert await count(lakeside, name="new") == 1


RUTH = {"familyName": "Walker", "givenNames": "Ruth", "birthDate": "1944-05-02"}
REGISTER = """mutation ($input: RegisterPatientInput!) { registerPatient(input: $input) {
  __typename ... on Patient { id familyName } ... on Refusal { code message } } }"""
