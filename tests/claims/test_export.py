# ruff: noqa: ASYNC240 - these tests are about the disk
"""`carewright claims export`: whole files or none, and nothing noted that is not on the disk."""

import errno
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from billing_ready import billable, ready_to_bill
from care import last_month
from cast import World
from claim_steps import MAKE, claims, said, signed
from conftest import ROOT
from pyx12_says import complaints
from sqlalchemy.ext.asyncio import AsyncEngine

from server.claims.export import export_month
from server.errors import Refused


async def deliveries(behind: AsyncEngine, world: World) -> int:
    async with behind.connect() as connection:
        return (
            await connection.scalar(
                sa.text("select count(*) from interchange_delivery where tenant_id = :t"),
                {"t": world.tenant_id},
            )
        ) or 0


async def a_signed_month(world: World, ask: Any, behind: AsyncEngine) -> str:
    month = last_month(world.zone)
    await ready_to_bill(world)
    await billable(world, behind, month, 21)
    await signed(ask, world, month)
    return month


async def test_a_month_is_written_once_and_whole(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine, tmp_path: Path
) -> None:
    month = await a_signed_month(lakeside, ask, behind)
    report = await export_month(month, lakeside.slug, tmp_path / "new" / "folder")
    (one,) = report["files"]
    content = Path(one["path"]).read_bytes()
    assert complaints(content.decode("ascii")) == []
    assert hashlib.sha256(content).hexdigest() == one["sha256"]
    (name,) = [path.name for path in (tmp_path / "new" / "folder").iterdir()]
    assert re.fullmatch(r"837P-LAKESIDE01-08202-000000001-P-[0-9a-f]{8}\.edi", name)
    assert Path(one["path"]).stat().st_mode & 0o077 == 0, "patients' data is for its owner"
    assert (one["claims"], one["total"]) == (1, "100.00")
    again = await export_month(month, lakeside.slug, tmp_path)
    assert again["files"] == []
    assert again["says"] == f"Nothing of {month} waits to be sent."
    assert (await export_month(month, hillcrest.slug, tmp_path))["files"] == []


async def test_a_folder_that_cannot_be_written_changes_nothing(
    lakeside: World, ask: Any, behind: AsyncEngine, tmp_path: Path
) -> None:
    month = await a_signed_month(lakeside, ask, behind)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Refused) as refused:
        await export_month(month, lakeside.slug, tmp_path / "file" / "inside")
    assert refused.value.code == "FOLDER_NOT_WRITABLE"
    assert [c["state"] for c in await claims(ask, lakeside, month)] == ["signed"], "nothing was sent"


@pytest.mark.parametrize("breaks", ["fsync", "replace"])
async def test_a_full_disk_leaves_no_half_file_and_the_next_run_the_same_bytes(
    breaks: str,
    lakeside: World,
    ask: Any,
    behind: AsyncEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    month = await a_signed_month(lakeside, ask, behind)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full) if breaks == "fsync" else patched.setattr(Path, "replace", full)
        with pytest.raises(Refused) as refused:
            await export_month(month, lakeside.slug, tmp_path)
    assert "No space left" in refused.value.message
    assert list(tmp_path.iterdir()) == []
    assert await deliveries(behind, lakeside) == 0

    (one,) = (await export_month(month, lakeside.slug, tmp_path))["files"]
    async with behind.connect() as connection:
        kept = await connection.scalar(
            sa.text("select content from interchange where tenant_id = :t"), {"t": lakeside.tenant_id}
        )
    assert Path(one["path"]).read_text() == kept
    assert (one["control_number"], await deliveries(behind, lakeside)) == (1, 1)


async def test_two_practices_share_a_folder_and_a_clearinghouse(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine, tmp_path: Path
) -> None:
    """Both send as the same submitter to the same receiver, and both begin with number 1."""
    kept = {}
    for world in (lakeside, hillcrest):
        month = await a_signed_month(world, ask, behind)
        (one,) = (await export_month(month, world.slug, tmp_path))["files"]
        assert one["control_number"] == 1
        kept[one["path"]] = one["sha256"]
    on_disk = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert len(kept) == 2
    assert on_disk == kept


async def test_a_file_in_the_way_is_left_as_it_is(
    lakeside: World, ask: Any, behind: AsyncEngine, tmp_path: Path
) -> None:
    month = await a_signed_month(lakeside, ask, behind)
    assert (await said(ask, lakeside, MAKE, month=month))["__typename"] == "MadeInterchanges"
    async with behind.connect() as connection:
        id, content = (
            await connection.execute(
                sa.text("select id, content from interchange where tenant_id = :t"), {"t": lakeside.tenant_id}
            )
        ).one()
    path = tmp_path / f"837P-LAKESIDE01-08202-000000001-P-{id.hex[-8:]}.edi"
    path.write_text("somebody else's")
    with pytest.raises(Refused) as refused:
        await export_month(month, lakeside.slug, tmp_path)
    assert refused.value.code == "FILE_IN_THE_WAY"
    assert path.read_text() == "somebody else's"
    assert list(tmp_path.iterdir()) == [path]
    assert await deliveries(behind, lakeside) == 0

    # What an interrupted run of the same export left is the same file, and is noted now.
    path.write_text(content)
    (one,) = (await export_month(month, lakeside.slug, tmp_path))["files"]
    assert (one["path"], path.read_text()) == (str(path), content)
    assert await deliveries(behind, lakeside) == 1


def test_the_command_refuses_in_one_sentence(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "server.cli", "claims", "export", "2026-13", "--practice", "x", "--out", str(tmp_path)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 1
    assert ran.stderr.strip() == "2026-13 is not a month. Write it as YYYY-MM, such as 2026-03."
