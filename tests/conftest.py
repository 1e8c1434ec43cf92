"""The test house: throw-away servers once per run, a database per worker, two fresh practices per test.

Practices are walled off from each other, so tests need no clean-up: each test gets its own `lakeside`, which has
the data, and its own `hillcrest`, which must see nothing of it. The people are always the same (tests/cast.py).
"""

import asyncio
import gc
import json
import os
import sys
from collections.abc import AsyncIterator
from copy import copy
from functools import cache
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

ROOT = Path(__file__).resolve().parent.parent
for entry in (str(ROOT), str(ROOT / "tests")):
    if entry not in sys.path:
        sys.path.insert(0, entry)

SECRET = "7" * 64
TEMPLATE = "carewright_template"
SHARED = ROOT.parent / "shared"
#: enough of ICD-10-CM for tests; the whole set is loaded and tested in tests/house/test_code_sets.py
SOME_CODES = (
    ("E11", "Type 2 diabetes mellitus"),
    ("E11.9", "Type 2 diabetes mellitus without complications"),
    ("E11.22", "Type 2 diabetes mellitus with diabetic chronic kidney disease"),
    ("I10", "Essential (primary) hypertension"),
    ("I50", "Heart failure"),
    ("I50.22", "Chronic systolic (congestive) heart failure"),
    ("J44.9", "Chronic obstructive pulmonary disease, unspecified"),
    ("N18.31", "Chronic kidney disease, stage 3a"),
    ("F33.1", "Major depressive disorder, recurrent, moderate"),
)


# A busy machine draws its examples slowly; that says nothing about what is tested.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    os.environ["CAREWRIGHT_MODE"] = "test"
    os.environ["CAREWRIGHT_SECRET_KEY"] = SECRET
    if "CAREWRIGHT_TEST_SERVERS" not in os.environ:
        from server import embedded

        servers = embedded.start(throwaway=True)
        config.add_cleanup(servers.stop)
        os.environ["CAREWRIGHT_TEST_SERVERS"] = json.dumps(
            {"database_url": servers.database_url, "redis_url": servers.redis_url}
        )
        config.add_cleanup(lambda: os.environ.pop("CAREWRIGHT_TEST_SERVERS", None))
    asyncio.run(_make_template())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser takes its time: what needs one runs with the campaigns, after the suite."""
    for item in items:
        if item.get_closest_marker("browser") is not None:
            item.add_marker(pytest.mark.campaign)


def pytest_collection_finish() -> None:
    """As the server does (server/serve.py): what was imported stays, and is not looked at again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "object") -> "object":
    """A file is one worker's, and so are all the files that use `two`: those practices take long to make."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return "two" if _uses_two(file) else file

    return Together(config, log)


@cache
def _uses_two(file: str) -> bool:
    return file.endswith(".py") and "two: TwoPractices" in (ROOT / file).read_text(encoding="utf-8")


def pytest_terminal_summary(terminalreporter: "object") -> None:
    """The figures that promises ask for, told by tests through `record_property("count", ...)`."""
    figures = [
        (report.nodeid.rpartition("::")[2], value)
        for report in terminalreporter.stats.get("passed", [])  # type: ignore[attr-defined]
        for key, value in getattr(report, "user_properties", ())
        if key == "count"
    ]
    if figures:
        terminalreporter.section("counts")  # type: ignore[attr-defined]
        for test, figure in figures:
            terminalreporter.line(f"{test}: {figure}")  # type: ignore[attr-defined]


async def _make_template() -> None:
    from migrations.run import async_url, upgrade

    await _admin(f'drop database if exists "{TEMPLATE}"', f'create database "{TEMPLATE}"')
    await upgrade(database_url(TEMPLATE), bytes.fromhex(SECRET), code_sets=False)
    engine = create_async_engine(async_url(database_url(TEMPLATE)))
    async with engine.begin() as connection:
        await connection.execute(
            sa.text(
                "insert into diagnosis_code values (:code, :label, lower(:code || ' ' || :label), :billable)"
            ),
            [
                {"code": code, "label": label, "billable": "." in code or code == "I10"}
                for code, label in SOME_CODES
            ],
        )
    await engine.dispose()


def servers() -> dict[str, str]:
    return json.loads(os.environ["CAREWRIGHT_TEST_SERVERS"])  # type: ignore[no-any-return]


def database_url(name: str) -> str:
    """The superuser's address of a database on the throw-away server: for set-up and for looking behind the doors."""
    return sa.make_url(servers()["database_url"]).set(database=name).render_as_string(hide_password=False)


async def _admin(*statements: str) -> None:
    from migrations.run import async_url

    engine = create_async_engine(async_url(database_url("postgres")), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(sa.text(statement))
    await engine.dispose()


async def make_database(name: str) -> str:
    """A fresh copy of the migrated template; returns the superuser's address."""
    await _admin(
        f'drop database if exists "{name}" with (force)', f'create database "{name}" template "{TEMPLATE}"'
    )
    return database_url(name)


@pytest.fixture(scope="session", autouse=True)
def _no_host_settings() -> None:
    """Tests depend on nothing configured on this machine."""
    for key in [k for k in os.environ if k.startswith("CAREWRIGHT_SMTP")]:
        del os.environ[key]


@pytest.fixture(scope="session")
async def database(worker_id: str) -> AsyncIterator[str]:
    """Superuser's address of this worker's migrated database; the process's doors are open to it."""
    from migrations.run import runtime_urls
    from server.plugin_host.kept import end_kept_runner
    from server.settings import settings
    from server.tenants.db import open_doors

    url = await make_database(f"test_{worker_id}")
    for word, address in runtime_urls(url, bytes.fromhex(SECRET)).items():
        os.environ[f"CAREWRIGHT_{word.upper()}_URL"] = address
    os.environ["CAREWRIGHT_REDIS_URL"] = servers()["redis_url"]
    settings.cache_clear()
    opened = open_doors()
    yield url
    await end_kept_runner()
    await opened.close()


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """xdist's own fixture where it runs; one word where it does not."""
    return os.environ.get("PYTEST_XDIST_WORKER", "alone")


@pytest.fixture(scope="session")
async def behind(database: str) -> AsyncIterator[AsyncEngine]:
    """The superuser's engine: sees every practice. For planting data and for checking what really changed."""
    from migrations.run import async_url

    engine = create_async_engine(async_url(database), hide_parameters=True)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
def drain(database: str) -> "object":
    """`await drain()` -> everything that is due in any practice is done, as a worker would."""
    from server.worker import drain_once, gather_kinds

    gather_kinds()
    return drain_once


@pytest.fixture
async def lakeside(database: str, behind: AsyncEngine) -> AsyncIterator["object"]:
    async for made in _practice("lakeside", behind):
        yield made


@pytest.fixture
async def hillcrest(database: str, behind: AsyncEngine) -> AsyncIterator["object"]:
    async for made in _practice("hillcrest", behind):
        yield made


async def _practice(kind: str, behind: AsyncEngine) -> AsyncIterator["object"]:
    """Fresh, for one test; what is still due in it afterwards is nobody's work."""
    from cast import make_practice

    made = await make_practice(kind)
    yield made
    async with behind.begin() as connection:
        done = "select tenant_id from bell where tenant_id = :t for update skip locked"
        await connection.execute(
            sa.text(f"delete from bell where tenant_id in ({done})"), {"t": made.tenant_id}
        )


@pytest.fixture(scope="session")
def ask(database: str) -> "object":
    """`await ask(world, "nora", "query ...", variables={...})` -> {"data": ..., "errors": [...]}."""
    from strawberry.extensions import ParserCache, ValidationCache

    from server.graphql.context import Context
    from server.graphql.refusals import described
    from server.graphql.schema import SCHEMA

    # As the edge does with documents of its own: read and checked once, however often they are sent.
    schema = copy(SCHEMA)
    schema.extensions = [lambda: ParserCache(1024), lambda: ValidationCache(1024)]
    surprises: list[BaseException] = []

    async def ask(world: object, who: str | None, document: str, **variables: object) -> dict[str, object]:
        actor = world.actor(who, via="graphql") if who else None  # type: ignore[attr-defined]
        surprises.clear()
        result = await schema.execute(document, variable_values=variables, context_value=Context(actor))
        errors = [
            described(error, lambda _, raised: surprises.append(raised)) for error in result.errors or ()
        ]
        if surprises:
            raise surprises[0]
        return {"data": result.data, "errors": errors}

    return ask


@pytest.fixture(scope="session")
async def app(database: str) -> "object":
    """The whole web process, in this one: the real ASGI application behind its doorway."""
    from server.app import create_app

    return create_app()


@pytest.fixture
async def two(two_made: "object", behind: AsyncEngine) -> "object":
    """Two practices with something of everything, A looks, B must stay unseen; everybody in them is at work now."""
    # Who has done nothing for a quarter of an hour is asked for their password, and campaigns take longer than that.
    async with behind.begin() as connection:
        await connection.execute(sa.text("update sign_in set seen_at = now() where ended_at is null"))
    return two_made


@pytest.fixture(scope="session")
async def two_made(app: "object", behind: AsyncEngine) -> AsyncIterator["object"]:
    """The practices of `two` (tests/two_practices.py), made once."""
    from two_practices import make_two

    made = await make_two(app, behind)
    yield made
    await made.a.close()
    await made.b.close()


@pytest.fixture
async def browse(app: "object") -> AsyncIterator["object"]:
    """`browse(world, "nora")` -> an HTTP client signed in as nora; `browse()` -> one that is nobody."""
    import httpx

    from web.site import cookie_name

    clients: list[httpx.AsyncClient] = []

    def browse(world: object = None, who: str | None = None) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),  # type: ignore[arg-type]
            base_url="http://127.0.0.1:8080",
            headers={"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"},
        )
        if who is not None:
            client.cookies.set(cookie_name(), world.sessions[who])  # type: ignore[attr-defined]
        clients.append(client)
        return client

    yield browse
    for client in clients:
        await client.aclose()
