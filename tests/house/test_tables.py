"""The tables the code declares and the tables the migrations make are the same, and all of them are looked after."""

import ast
import asyncio
import importlib
import pkgutil
import re
from collections import Counter

import pytest
import sqlalchemy as sa
from alembic.operations import ops
from conftest import ROOT, SECRET, _admin, database_url, make_database
from sqlalchemy.ext.asyncio import create_async_engine

import server
from migrations.draft import differences, fill
from migrations.run import async_url, upgrade
from server.errors import Refused
from server.tables import Platform, Table, Tenant

CLASSES = {mapper.class_.__tablename__: mapper.class_ for mapper in Table.registry.mappers}
TENANT = {name: cls for name, cls in CLASSES.items() if issubclass(cls, Tenant)}


async def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_async_engine(async_url(url))
    async with engine.connect() as connection:
        rows = (await connection.execute(sa.text(statement))).all()
    await engine.dispose()
    return [tuple(row) for row in rows]


async def missing_in(url: str) -> list[object]:
    engine = create_async_engine(async_url(url))
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    return found


async def test_the_tables_declared_are_the_tables_migrated(worker_id: str) -> None:
    url = await make_database(f"tables_{worker_id}")
    assert await missing_in(url) == []
    engine = create_async_engine(async_url(url))
    async with engine.begin() as connection:
        await connection.execute(sa.text("alter table patient drop column family_name"))
        await connection.execute(sa.text("create table newcomer (id uuid)"))
    await engine.dispose()
    assert len(await missing_in(url)) == 2, "the comparison must see what differs"


def test_every_rooms_tables_are_known_to_the_migrations() -> None:
    """A table in a module that migrations/model.py does not import would never be made."""
    known = set(CLASSES)
    source = (ROOT / "migrations" / "model.py").read_text()
    rooms = [path.parent.name for path in (ROOT / "server").glob("*/tables.py")]
    assert rooms
    assert [room for room in rooms if f"import server.{room}.tables" not in source] == []
    for module in pkgutil.walk_packages(server.__path__, "server."):
        if not module.name.endswith("__main__"):
            source_file = ROOT / (module.name.replace(".", "/") + ("/__init__.py" if module.ispkg else ".py"))
            if "__tablename__" in source_file.read_text():
                importlib.import_module(module.name)
    after = {mapper.class_.__tablename__ for mapper in Table.registry.mappers}
    assert after == known, "tables outside what migrations/model.py imports"
    assert set(Table.metadata.tables) == known


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_table_is_a_practices_or_says_why_not(name: str) -> None:
    cls = CLASSES[name]
    assert issubclass(cls, Tenant) != issubclass(cls, Platform), f"{name} must be exactly one of the two"
    if issubclass(cls, Platform):
        assert cls.exempt
        assert set(cls.roles) <= {"app", "auth", "bell"}


@pytest.mark.parametrize("name", sorted(TENANT))
def test_keys_and_indexes_of_a_practices_table_lead_with_the_practice(name: str) -> None:
    table = Table.metadata.tables[name]
    assert [column.name for column in table.primary_key.columns] == ["tenant_id", "id"]
    assert isinstance(table.c.tenant_id.type, sa.Uuid)
    for key in table.foreign_key_constraints:
        pairs = [(element.parent.name, element.column.name) for element in key.elements]
        assert pairs[0] == ("tenant_id", "tenant_id"), f"{key.name} may leave the practice"
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            assert next(iter(constraint.columns)).name == "tenant_id"
    for index in table.indexes:
        assert index.expressions[0] is table.c.tenant_id, (
            f"{index.name}: under the policies only this order is used"
        )
    assert not [c.name for c in table.c if isinstance(c.type, sa.Enum)], (
        "an enum comparison uses no index here"
    )
    assert not [c.name for c in table.c if c.computed is not None or c.identity is not None]


@pytest.mark.parametrize("name", sorted(TENANT))
def test_a_table_with_a_patient_says_so(name: str) -> None:
    patient = Table.metadata.tables[name].c.get("patient_id")
    assert CLASSES[name].about_patient or patient is None or patient.nullable


async def test_every_practices_table_is_protected_in_the_database(worker_id: str) -> None:
    url = await make_database(f"tables_{worker_id}")
    rows = await ask(
        url,
        "select c.relname, c.relrowsecurity and c.relforcerowsecurity, (select count(*) from pg_policy p "
        "where p.polrelid = c.oid), has_table_privilege('carewright_app', c.oid, 'select') "
        "from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace",
    )
    walls = {row[0]: row[1:] for row in rows}
    assert {name: walls.get(name) for name in TENANT} == dict.fromkeys(TENANT, (True, 1, True))


async def test_upgrading_again_changes_nothing_and_two_at_once_are_safe(worker_id: str) -> None:
    name = f"upgrade_{worker_id}"
    await _admin(f'drop database if exists "{name}" with (force)', f'create database "{name}"')
    url, secret = database_url(name), bytes.fromhex(SECRET)
    await asyncio.gather(*(upgrade(url, secret, code_sets=False) for _ in range(3)))
    assert await missing_in(url) == []
    catalog = "select relname, relacl::text, relrowsecurity from pg_class where relnamespace = 'public'::regnamespace order by 1"
    before = await ask(url, catalog)
    await upgrade(url, secret, code_sets=False)
    assert await ask(url, catalog) == before
    newest = max(path.name[:4] for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
    assert await ask(url, "select version_num from alembic_version") == [(newest,)]


async def test_the_runtime_roles_are_harmless_and_a_stronger_one_is_refused_at_start(worker_id: str) -> None:
    from migrations.run import runtime_urls
    from server.tenants.db import Doors

    url = await make_database(f"tables_{worker_id}")
    urls = runtime_urls(url, bytes.fromhex(SECRET))
    harmless = Doors(urls["app"], urls["auth"], urls["bell"])
    await harmless.check_roles()
    await harmless.close()
    too_strong = Doors(async_url(url).render_as_string(hide_password=False), "", "")
    with pytest.raises(RuntimeError, match="too strong"):
        await too_strong.check_roles()
    await too_strong.close()


def test_an_old_postgresql_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import migrations.run as run

    class Old:
        def scalar_one(self) -> str:
            return "140010"

    class Connection:
        async def execute(self, *_: object) -> Old:
            return Old()

        async def __aenter__(self) -> "Connection":
            return self

        async def __aexit__(self, *_: object) -> None:
            return None

    class Engine:
        connect = Connection

        async def dispose(self) -> None:
            return None

    monkeypatch.setattr(run, "create_async_engine", lambda *_, **__: Engine())
    with pytest.raises(Refused, match="POSTGRESQL_TOO_OLD") as told:
        asyncio.run(upgrade("postgresql://nowhere/x", b"x"))
    assert "14" in told.value.message


#: What only the door and the migrations may write. A plain SET or set_config outlives its transaction.
FORBIDDEN = re.compile(
    r"""set_config\s*\(|["'\s;]set\s+(?:session\s+)?["']?app\.|alter\s+role|session_replication_role""", re.I
)


def test_nothing_but_the_door_sets_the_practice() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for folder in ("server", "web", "plugins", "bench")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for match in FORBIDDEN.finditer(path.read_text())
    }
    assert found == {
        "server/tenants/one_trip.py: set_config(",
        "bench/book.py: session_replication_role",  # the owner of a throw-away database
        "bench/demo.py: session_replication_role",  # the same
    }
    one_trip = (ROOT / "server" / "tenants" / "one_trip.py").read_text()
    assert one_trip.count("set_config(") == one_trip.count("set_config('app.tenant_id', $1, true)") == 1
    assert FORBIDDEN.search('db.execute("SET app.tenant_id = 1")')
    assert FORBIDDEN.search("select set_config('app.tenant_id', 'x', false)")
    assert not FORBIDDEN.search("set local app.tenant_id")


def test_every_migration_has_a_way_to_make_its_tables_and_no_import_of_todays_code() -> None:
    for path in sorted((ROOT / "migrations" / "versions").glob("[0-9]*.py")):
        source = path.read_text()
        assert "from server" not in source, f"{path.name} depends on code that will change"
        for made in re.findall(r'op\.create_table\(\s*"(\w+)"', source):
            assert re.search(rf'(?:protect|exempt)\(\s*op\.get_bind\(\),\s*"{made}"', source), (
                f"{made} stands open"
            )


def test_a_column_added_to_a_table_says_what_the_rows_there_are_hold_in_it() -> None:
    """An empty database, which is what tests begin with, takes a column that a practice's database would refuse."""

    def silent(source: str) -> list[str]:
        return [
            ast.unparse(call)
            for call in ast.walk(ast.parse(source))
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "op.add_column"
            for column in call.args
            if isinstance(column, ast.Call)
            and any(k.arg == "nullable" and ast.unparse(k.value) == "False" for k in column.keywords)
            and not any(k.arg == "server_default" for k in column.keywords)
        ]

    assert silent('op.add_column("t", sa.Column("c", sa.Text(), nullable=False))')
    for path in sorted((ROOT / "migrations" / "versions").glob("[0-9]*.py")):
        assert silent(path.read_text()) == [], (
            f"{path.name}: give it a server_default, and take it away again"
        )


def test_a_drafted_column_gets_the_tables_default_for_the_rows_there_are() -> None:
    added = [
        ops.AddColumnOp("contact_way", sa.Column(name, sa.Text(), nullable=name == "use"))
        for name in ("best_time", "rank", "message_ok", "use")
    ]
    filled = ops.ModifyTableOps("contact_way", list(added))
    fill(filled)
    values = [a.column.server_default and str(a.column.server_default.arg) for a in added]  # type: ignore[attr-defined]
    assert values == ["''", "1", "false", None]
    assert [type(op).__name__[:5] for op in filled.ops] == ["AddCo", "Alter"] * 3 + ["AddCo"]


def test_migrations_live_in_one_line() -> None:
    from alembic.script import ScriptDirectory

    from migrations.run import config

    paths = sorted((ROOT / "migrations" / "versions").glob("[0-9]*.py"))
    twice = [number for number, count in Counter(path.name[:4] for path in paths).items() if count > 1]
    again = "somebody's migration came in before yours: delete yours and draft it again"
    assert twice == [], again
    heads = ScriptDirectory.from_config(config()).get_heads()
    assert heads == [paths[-1].name[:4]], f"{again} (ends: {heads})"
