"""The catalog lint: asks PostgreSQL itself whether every table is walled in. Runs on a database the migrations made.

Each rule is one query that returns what breaks it. The list of exemptions is a table with a reason for each, and
`exemptions()` reads it. Rights on single columns count like rights on the whole table.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.protect import APP, AUTH, BELL, POLICY

_RUNTIME = f"'{APP}', '{AUTH}', '{BELL}'"
_OURS = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'"
_TABLES = f"""
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where {_OURS}
    and c.relkind in ('r', 'p')
    and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    and c.relname not in (select table_name from policy_exemption)
"""
_POLICY = POLICY.replace("'", "''")


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    says: str
    query: str


@dataclass(frozen=True, slots=True)
class Finding:
    rule: str
    says: str
    where: str


RULES = (
    Rule("L1", "row level security is enabled and forced",
         f"select c.relname {_TABLES} and not (c.relrowsecurity and c.relforcerowsecurity)"),
    Rule("L2", "tenant_id exists, is a uuid and is never null",
         f"""select c.relname {_TABLES} and not exists (select from pg_attribute a where a.attrelid = c.oid
             and a.attname = 'tenant_id' and a.attnotnull and a.atttypid = 'uuid'::regtype and not a.attisdropped)"""),
    Rule("L3", "has a policy",
         f"select c.relname {_TABLES} and not exists (select from pg_policy p where p.polrelid = c.oid)"),
    Rule("L4", "the policy is the template's, word for word",
         f"""select c.relname || '.' || p.polname from pg_policy p join pg_class c on c.oid = p.polrelid
             where p.polpermissive and (
               pg_get_expr(p.polqual, p.polrelid) is distinct from '{_POLICY}'
               or pg_get_expr(p.polwithcheck, p.polrelid) is distinct from '{_POLICY}'
               or p.polcmd <> '*'
               or p.polroles <> array[(select oid from pg_roles where rolname = '{APP}')])"""),
    Rule("L5", "one permissive policy per table: several are joined by OR",
         """select c.relname from pg_policy p join pg_class c on c.oid = p.polrelid
            where p.polpermissive group by c.relname having count(*) > 1"""),
    Rule("L6", "views run with the reader's rights",
         f"""select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where {_OURS} and c.relkind = 'v'
              and not coalesce(c.reloptions::text[] @> array['security_invoker=true'], false)
              and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')"""),
    Rule("L7", "no materialised view is readable by a runtime role",
         f"""select c.relname || ' by ' || r.rolname from pg_class c join pg_roles r on r.rolname in ({_RUNTIME})
             where c.relkind = 'm' and has_any_column_privilege(r.oid, c.oid, 'select')"""),
    Rule("L8", "no function runs with its owner's rights for a runtime role",
         f"""select p.proname || ' by ' || r.rolname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
             join pg_roles r on r.rolname in ({_RUNTIME})
             where {_OURS} and p.prosecdef and has_function_privilege(r.oid, p.oid, 'execute')"""),
    Rule("L9", "unique and exclusion indexes lead with tenant_id",
         f"""select i.indexrelid::regclass::text {_TABLES.replace("from pg_class c", "from pg_index i join pg_class c on c.oid = i.indrelid")}
             and (i.indisunique or i.indisexclusion)
             and (select a.attname from pg_attribute a where a.attrelid = c.oid and a.attnum = i.indkey[0])
                 is distinct from 'tenant_id'"""),
    Rule("L10", "foreign keys carry tenant_id to tenant_id",
         f"""select k.conname {_TABLES.replace("from pg_class c", "from pg_constraint k join pg_class c on c.oid = k.conrelid")}
             and k.contype = 'f' and not exists (
               select from unnest(k.conkey, k.confkey) as pair(here, there)
               join pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.here
               join pg_attribute b on b.attrelid = k.confrelid and b.attnum = pair.there
               where a.attname = 'tenant_id' and b.attname = 'tenant_id')"""),
    Rule("L11", "runtime roles are harmless, in themselves and through membership",
         f"""with recursive power as (
               select oid, rolname as through, rolname from pg_roles where rolname in ({_RUNTIME})
               union select m.roleid, p.through, r.rolname from power p
               join pg_auth_members m on m.member = p.oid join pg_roles r on r.oid = m.roleid)
             select p.through || ' as ' || p.rolname from power p join pg_roles r on r.oid = p.oid
             where r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication
                or p.through <> p.rolname
                or exists (select from pg_class c where c.relowner = r.oid)
                or has_schema_privilege(r.oid, 'public', 'create')"""),
    Rule("L12", "no runtime role may truncate, reference or add triggers",
         f"""select c.relname || ' by ' || r.rolname from pg_class c
             join pg_namespace n on n.oid = c.relnamespace join pg_roles r on r.rolname in ({_RUNTIME})
             where {_OURS} and c.relkind in ('r', 'p')
               and (has_table_privilege(r.oid, c.oid, 'truncate, trigger')
                    or has_any_column_privilege(r.oid, c.oid, 'references'))"""),
    Rule("L13", "partitions and children are walled in like their parents",
         """select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)"""),
    Rule("L14", "PUBLIC holds no right on anything of ours",
         f"""select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace,
            lateral (select grantee from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner)))
                     union select grantee from pg_attribute a, aclexplode(a.attacl) where a.attrelid = c.oid) as granted
            where {_OURS} and c.relkind in ('r', 'p', 'v', 'm', 'S') and granted.grantee = 0
              and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')"""),
    Rule("L15", "no sequence is shared between practices, and no trigger or rule sits on a tenant table",
         f"""select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where {_OURS} and c.relkind = 'S'
             union all
             select t.tgname {_TABLES.replace("from pg_class c", "from pg_trigger t join pg_class c on c.oid = t.tgrelid")}
             and not t.tgisinternal
             union all
             select w.rulename {_TABLES.replace("from pg_class c", "from pg_rewrite w join pg_class c on c.oid = w.ev_class")}"""),
    Rule("L16", "the sign-in and bell roles hold no right on a tenant table",
         f"""select c.relname || ' by ' || r.rolname {_TABLES.replace("where", f"join pg_roles r on r.rolname in ('{AUTH}', '{BELL}') where", 1)}
             and (has_any_column_privilege(r.oid, c.oid, 'select, insert, update')
                  or has_table_privilege(r.oid, c.oid, 'delete'))"""),
    Rule("L17", "append-only tables refuse change: the app holds neither update nor delete",
         f"""select c.relname {_TABLES} and c.relname = any(:append_only)
             and (has_any_column_privilege('{APP}', c.oid, 'update') or has_table_privilege('{APP}', c.oid, 'delete'))"""),
    Rule("L18", "no role and no database presets the practice: without one, nothing is found",
         """select coalesce(r.rolname, d.datname) from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole
            left join pg_database d on d.oid = s.setdatabase
            where s.setconfig::text ilike '%app.%'"""),
)  # fmt: skip


async def findings(connection: AsyncConnection, append_only: list[str]) -> list[Finding]:
    """Everything on this database that breaks a rule. append_only: names of the tables declared so."""
    found = []
    for rule in RULES:
        statement = sa.text(rule.query)
        given = {"append_only": append_only} if ":append_only" in rule.query else {}
        rows = (await connection.execute(statement, given)).scalars().all()
        found += [Finding(rule.id, rule.says, str(row)) for row in rows]
    return found


async def exemptions(connection: AsyncConnection) -> list[tuple[str, str]]:
    """(table, reason) of every table outside the policies."""
    rows = await connection.execute(sa.text("select table_name, reason from policy_exemption order by 1"))
    return [(row[0], row[1]) for row in rows]
