"""`python -m migrations.draft URL "sentence"`: write the next migration from the difference between the newest
migration and the tables, with `protect()` or `exempt()` for every new table. Read it before committing it."""

import asyncio
import re
import sys
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import Script
from sqlalchemy.ext.asyncio import create_async_engine

from migrations.model import METADATA
from migrations.protect import OWNER
from migrations.run import async_url, config
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


def _draft(connection: sa.Connection, sentence: str) -> Path:
    made = config()
    made.attributes["connection"] = connection
    number = len(list(Path(__file__).with_name("versions").glob("[0-9]*.py"))) + 1
    script = command.revision(made, message=sentence, autogenerate=True, rev_id=f"{number:04d}")
    if not isinstance(script, Script):
        raise RuntimeError("one revision was asked for, and Alembic made none, or several")
    path = Path(script.path)
    text = path.read_text()
    upgrade, downgrade = text.split("def downgrade()")
    lines = guards(re.findall(r"op\.create_table\(\s*'(\w+)'", upgrade))
    upgrade = upgrade.replace("    # ### end Alembic commands ###", "\n".join(lines) + "\n", 1)
    upgrade = re.sub(r"    # ### commands .*\n", "", upgrade)
    downgrade = re.sub(r"    # ### .*\n", "", downgrade)
    path.write_text(upgrade + "def downgrade()" + downgrade)
    return path


async def main(url: str, sentence: str) -> None:
    engine = create_async_engine(async_url(url))
    async with engine.connect() as connection:
        await connection.execute(sa.text(f"set role {OWNER}"))
        await connection.commit()
        path = await connection.run_sync(_draft, sentence)
    await engine.dispose()
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
