"""`python -m migrations.draft "sentence"`: write the next migration from the difference between the newest migration,
brought up on a throw-away server, and the tables: with `protect()` or `exempt()` for every new table, and with a value
for the rows there are in every new column that must have one. Read it before committing it."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import ops
from alembic.script import Script
from sqlalchemy.ext.asyncio import create_async_engine

from migrations.model import METADATA
from migrations.protect import OWNER
from migrations.run import async_url, config, upgrade
from server import embedded
from server.tables import Platform, Table, Tenant


def guards(tables: list[str]) -> list[str]:
    """The lines that protect or exempt each of `tables`."""
    classes = {mapper.class_.__tablename__: mapper.class_ for mapper in Table.registry.mappers}
    lines = []
    for name in tables:
        cls = classes[name]
        if issubclass(cls, Tenant):
            tail = ", append_only=True" if cls.append_only else ""
            lines.append(f'    protect(op.get_bind(), "{name}"{tail})')
        elif issubclass(cls, Platform):
            lines.append(f'    exempt(op.get_bind(), "{name}", reason={cls.exempt!r}, rights={cls.roles!r})')
        else:
            raise SystemExit(f"{name} is neither a Tenant nor a Platform table")
    return lines


def differences(connection: sa.Connection) -> list[object]:
    """What the tables have and the database has not, or the other way round."""

    def include(name: str | None, kind: str, parents: object) -> bool:
        return not (kind == "table" and name in {"policy_exemption", "alembic_version"})

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": include})
    return list(compare_metadata(context, METADATA))


def fill(changes: ops.OpContainer) -> None:
    """Give each added column that may not be empty the tables' own default, for the rows there are, and take it away
    again. An empty database would let such a column pass; a practice's would not."""
    for part in list(changes.ops):
        if isinstance(part, ops.OpContainer):
            fill(part)
        elif (
            isinstance(part, ops.AddColumnOp) and not part.column.nullable and not part.column.server_default
        ):
            column, default = part.column, METADATA.tables[part.table_name].c[part.column.name].default
            if not isinstance(default, sa.ColumnDefault) or not isinstance(default.arg, str | bool | int):
                sys.stderr.write(
                    f"{part.table_name}.{column.name}: say what the rows there are hold in it.\n"
                )
                continue
            value = sa.literal(default.arg).compile(compile_kwargs={"literal_binds": True})
            column.server_default = sa.DefaultClause(sa.text(str(value)))
            no_more = ops.AlterColumnOp(part.table_name, column.name, modify_server_default=None)
            changes.ops.insert(changes.ops.index(part) + 1, no_more)


def _draft(connection: sa.Connection, sentence: str) -> Path:
    made = config()
    made.attributes["connection"] = connection
    # numbers were skipped while two people drafted at once: the next one follows the newest, however many there are
    number = max(int(path.name[:4]) for path in Path(__file__).with_name("versions").glob("[0-9]*.py")) + 1

    def filled(context: MigrationContext, revision: object, scripts: list[ops.MigrationScript]) -> None:
        for each in scripts:
            for upgrades in each.upgrade_ops_list:
                fill(upgrades)

    script = command.revision(
        made, message=sentence, autogenerate=True, rev_id=f"{number:04d}", process_revision_directives=filled
    )
    if not isinstance(script, Script):
        raise RuntimeError("one revision was asked for, and Alembic made none, or several")
    path = Path(script.path)
    text = path.read_text()
    up, down = text.split("def downgrade()")
    lines = guards(re.findall(r"op\.create_table\(\s*'(\w+)'", up))
    up = up.replace("    # ### end Alembic commands ###", "\n".join(lines) + "\n", 1)
    up = re.sub(r"    # ### commands .*\n", "", up)
    down = re.sub(r"    # ### .*\n", "", down)
    path.write_text(up + "def downgrade()" + down)
    return path


async def draft(url: str, sentence: str) -> Path:
    await upgrade(url, b"nobody signs in here", code_sets=False)
    engine = create_async_engine(async_url(url))
    async with engine.connect() as connection:
        await connection.execute(sa.text(f"set role {OWNER}"))
        await connection.commit()
        path = await connection.run_sync(_draft, sentence)
    await engine.dispose()
    return path


def main(sentence: str) -> None:
    with embedded.servers(throwaway=True, ring=False) as servers:
        path = asyncio.run(draft(servers.database_url, sentence))
    for tidy in (("check", "--fix", "--quiet"), ("format", "--quiet")):
        subprocess.run([sys.executable, "-m", "ruff", *tidy, path], check=True)  # noqa: S603 - our own words
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or "://" in sys.argv[1]:
        raise SystemExit('Say what changes, in one sentence: python -m migrations.draft "What changes"')
    main(sys.argv[1])
