"""P3: the catalog lint finds nothing on a database made by the migrations alone, and finds every hole we can make."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import make_database
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

import migrations.model
from migrations.lint import RULES, Finding, exemptions, findings
from migrations.protect import POLICY
from migrations.run import async_url
from server.tables import Platform, Table, Tenant

CLASSES = {mapper.class_.__tablename__: mapper.class_ for mapper in Table.registry.mappers}
TENANT_TABLES = sorted(name for name, cls in CLASSES.items() if issubclass(cls, Tenant))
APPEND_ONLY = sorted(name for name in TENANT_TABLES if CLASSES[name].append_only)
assert migrations.model.METADATA is Table.metadata  # imports every room's tables

PROTECTED = (
    f"alter table {{0}} enable row level security; alter table {{0}} force row level security; "
    f"create policy tenant on {{0}} to carewright_app using {POLICY} with check {POLICY}; "
    "revoke all on {0} from public"
)

#: rule -> what breaks it, each in a few statements. Every one is planted alone and taken back.
MUTANTS: dict[str, tuple[str, ...]] = {
    "L1": (
        "alter table patient no force row level security",
        "alter table patient disable row level security",
        "create table newcomer (tenant_id uuid not null, id uuid, primary key (tenant_id, id))",
        "create schema aside; create table aside.newcomer (tenant_id uuid not null)",
        "alter table audit_event no force row level security",
    ),
    "L2": (
        "create table newcomer (id uuid primary key)",
        "create table newcomer (tenant_id uuid, id uuid); " + PROTECTED.format("newcomer"),
        "create table newcomer (tenant_id text not null)",
        "create table newcomer (practice_id uuid not null)",
    ),
    "L3": (
        "drop policy tenant on patient",
        "create table newcomer (tenant_id uuid not null); alter table newcomer enable row level security; "
        "alter table newcomer force row level security",
    ),
    "L4": (
        "alter policy tenant on patient using (true)",
        "alter policy tenant on patient with check (true)",
        "alter policy tenant on patient to public",
        "alter policy tenant on patient to carewright_app, carewright_auth",
        "alter policy tenant on patient using (tenant_id = current_setting('app.tenant_id')::uuid)",
        "alter policy tenant on patient using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))",
        f"alter policy tenant on patient using ({POLICY} or record_number = 'demo')",
        f"drop policy tenant on patient; create policy tenant on patient for select to carewright_app using {POLICY}",
        f"drop policy tenant on patient; create policy tenant on patient to carewright_app using {POLICY}",
    ),
    "L5": (
        "create policy support on patient to carewright_app using (made_by is null)",
        f"create policy again on patient to carewright_app using {POLICY} with check {POLICY}",
    ),
    "L6": (
        "create view everyone as select * from patient",
        "create view everyone with (security_invoker = false) as select * from patient",
        "create schema aside; create view aside.everyone as select * from patient",
    ),
    "L7": (
        "create materialized view everyone as select * from patient; grant select on everyone to carewright_app",
        "create materialized view everyone as select * from patient; grant select (family_name) on everyone to carewright_app",
        "create materialized view everyone as select * from patient; grant select on everyone to public",
    ),
    "L8": (
        "create function all_of_them() returns setof patient language sql security definer as 'select * from patient'",
        "create schema aside; create function aside.f() returns bigint language sql security definer as "
        "'select count(*) from patient'",
        "create procedure wipe() language sql security definer as 'delete from patient'",
    ),
    "L9": (
        "create unique index mrn on patient (record_number)",
        "create unique index mrn on patient (record_number, tenant_id)",
        "create unique index mrn on patient ((tenant_id::text), record_number)",
        "create unique index mrn on patient (record_number) where record_number <> ''",
        "alter table staff add constraint once unique (person_id)",
        "alter table person_time add constraint anywhere exclude using gist (staff_id with =, span with &&)",
    ),
    "L10": (
        "alter table staff add constraint login foreign key (person_id) references person (id)",
        "create unique index one on patient (id); alter table encounter add constraint theirs foreign key (patient_id) "
        "references patient (id)",
        "create unique index one on patient (id, tenant_id); alter table encounter add constraint crossed "
        "foreign key (tenant_id, patient_id) references patient (id, tenant_id)",
    ),
    "L11": (
        "alter role carewright_app bypassrls",
        "alter role carewright_bell superuser",
        "alter role carewright_auth createrole",
        "alter role carewright_app createdb",
        "alter role carewright_app replication",
        "grant carewright_owner to carewright_app",
        "grant pg_read_all_data to carewright_auth",
        "alter table patient owner to carewright_app",
        "grant create on schema public to carewright_app",
        "grant create on schema public to public",
        "create role between; grant carewright_owner to between; grant between to carewright_bell",
    ),
    "L12": (
        "grant truncate on patient to carewright_app",
        "grant references on patient to carewright_app",
        "grant references (id) on patient to carewright_app",
        "grant trigger on patient to carewright_auth",
        "grant truncate on patient to public",
        "grant all on directory to carewright_auth",
    ),
    "L13": (
        "create table annex () inherits (patient)",
        "create table newcomer (tenant_id uuid not null, n int) partition by list (n); "
        + PROTECTED.format("newcomer")
        + "; create table newcomer_one partition of newcomer for values in (1)",
    ),
    "L14": (
        "grant select on patient to public",
        "grant select (family_name) on patient to public",
        "grant insert on audit_event to public",
        "grant select on person to public",
        "create view everyone with (security_invoker = true) as select * from patient; grant select on everyone to public",
    ),
    "L15": (
        "create sequence numbers",
        "alter table patient add column number integer generated always as identity",
        "create function noop() returns trigger language plpgsql as 'begin return new; end'; "
        "create trigger t before insert on patient for each row execute function noop()",
        "create rule copies as on insert to patient do also notify copied",
    ),
    "L16": (
        "grant select on patient to carewright_auth",
        "grant insert on job to carewright_bell",
        "grant delete on patient to carewright_auth",
        "grant select (email) on staff to carewright_auth",
    ),
    "L17": (
        "grant update on audit_event to carewright_app",
        "grant delete on time_entry to carewright_app",
        "grant update (details) on audit_event to carewright_app",
        "grant update on audit_seal to public",
    ),
    "L18": (
        "alter role carewright_app set app.tenant_id = '01900000-0000-7000-8000-000000000000'",
        "alter role carewright_app in database {database} set app.tenant_id = '01900000-0000-7000-8000-000000000000'",
        "alter database {database} set app.tenant_id = '01900000-0000-7000-8000-000000000000'",
    ),
}  # fmt: skip
PLANTED = [(rule, statements) for rule, several in MUTANTS.items() for statements in several]


@pytest.fixture(scope="module")
async def fresh(worker_id: str) -> AsyncIterator[AsyncEngine]:
    """A database that nothing but the migrations has touched."""
    engine = create_async_engine(async_url(await make_database(f"lint_{worker_id}")))
    yield engine
    await engine.dispose()


async def found_with(connection: AsyncConnection, statements: str) -> list[Finding]:
    """The lint's findings with `statements` run before it; taken back afterwards."""
    database = (await connection.execute(sa.text("select quote_ident(current_database())"))).scalar_one()
    try:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute(statements.replace("{database}", database))
        return await findings(connection, APPEND_ONLY)
    finally:
        await connection.rollback()


async def test_a_migrated_database_has_no_findings_and_its_exemptions_are_the_declared_ones(
    fresh: AsyncEngine, record_property: Any
) -> None:
    async with fresh.connect() as connection:
        assert await findings(connection, APPEND_ONLY) == []
        listed = dict(await exemptions(connection))
    declared = {name: cls.exempt for name, cls in CLASSES.items() if issubclass(cls, Platform)}
    assert {name: reason for name, reason in listed.items() if name in CLASSES} == declared
    assert set(listed) - set(declared) == {"policy_exemption", "alembic_version"}
    assert not set(listed) & set(TENANT_TABLES)
    record_property("count", f"P3: {len(RULES)} rules, {len(TENANT_TABLES)} tables walled in, 0 findings")
    for name, reason in sorted(listed.items()):
        record_property("count", f"P3: exempt: {name}: {reason}")


def test_every_rule_has_mutants() -> None:
    assert set(MUTANTS) == {rule.id for rule in RULES}
    assert all(MUTANTS.values())
    assert len({rule.id for rule in RULES}) == len(RULES) >= 17


@pytest.mark.parametrize(
    ("rule", "statements"), PLANTED, ids=[f"{r}-{i}" for i, (r, _) in enumerate(PLANTED)]
)
async def test_a_planted_hole_is_found_by_its_rule(fresh: AsyncEngine, rule: str, statements: str) -> None:
    async with fresh.connect() as connection:
        found = await found_with(connection, statements)
        assert rule in {finding.rule for finding in found}, f"{statements!r} found only as {found}"
        assert await findings(connection, APPEND_ONLY) == [], "the mutant was not taken back"


@pytest.mark.parametrize(
    ("rule", "mutation"),
    [
        ("L1", "alter table {} no force row level security"),
        ("L1", "alter table {} disable row level security"),
        ("L3", "drop policy tenant on {}"),
        ("L4", "alter policy tenant on {} using (true)"),
        ("L5", "create policy second on {} to carewright_app using (true)"),
        ("L12", "grant truncate on {} to carewright_app"),
        ("L14", "grant select on {} to public"),
        ("L16", "grant select on {} to carewright_auth"),
    ],
)
async def test_the_same_hole_is_found_in_every_table(fresh: AsyncEngine, rule: str, mutation: str) -> None:
    async with fresh.connect() as connection:
        found = await found_with(connection, ";".join(mutation.format(name) for name in TENANT_TABLES))
    places = " ".join(finding.where for finding in found if finding.rule == rule)
    assert [name for name in TENANT_TABLES if not re.search(rf"\b{name}\b", places)] == []


async def test_every_append_only_table_refuses_change(fresh: AsyncEngine) -> None:
    assert {"time_entry", "audit_event", "audit_seal", "audit_subject", "acceptance"} <= set(APPEND_ONLY)
    for right in ("update", "delete"):
        async with fresh.connect() as connection:
            found = await found_with(
                connection, ";".join(f"grant {right} on {name} to carewright_app" for name in APPEND_ONLY)
            )
        assert {finding.where for finding in found if finding.rule == "L17"} == set(APPEND_ONLY)


def test_the_count_of_mutants_is_told(record_property: Any) -> None:
    record_property("count", f"P3: {len(PLANTED)} mutants planted for {len(MUTANTS)} rules")
    assert len(PLANTED) >= 17
