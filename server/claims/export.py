"""`carewright claims export`: a month's files of claims, written into a folder so that none is ever half there.

A file is made and numbered in the database first; it is written under a name of its own kind, forced to the disk,
and only then given its final name; and only after that it is noted as having left. Whatever breaks in between, the
next run writes the same bytes again.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import exists, select

from server.claims.claim_rows import InterchangeRow
from server.claims.files import file_of, interchanges
from server.claims.sending import claims_changed, make_interchanges
from server.claims.tables import Interchange, InterchangeDelivery
from server.errors import Refused
from server.tenants.actor import Actor
from server.tenants.commands import actor_for
from server.tenants.db import tenant_db
from server.words import say, say_of

_RIGHTS: Final = ("claims.read", "claims.sign")


async def export_month(month: str, practice: str, out: Path) -> dict[str, Any]:
    """Write every file of the month that has not left yet into `out`.

    Raises Refused NO_SUCH_PRACTICE, FOLDER_NOT_WRITABLE, FILE_IN_THE_WAY, or CLAIMS_CHANGED if nothing else waits,
    and then nothing is noted as exported that is not safely there.
    """
    actor = await actor_for(practice, *_RIGHTS)
    folder = _probe(out)
    left_out, refused = await _make(actor, month)
    async with tenant_db(actor, read_only=True) as db:
        waiting = [
            row for row in await interchanges(db, actor, month=month, limit=1000) if not row.deliveries
        ]
    written = []
    for row in reversed(waiting):
        written.append(await _export(actor, row, folder))
    if refused is not None and not written:
        raise refused
    says = [
        say_of(
            "%(path)s: %(n)s claim, $%(total)s",
            "%(path)s: %(n)s claims, $%(total)s",
            one["claims"],
            path=one["path"],
            total=one["total"],
        )
        for one in written
    ]
    if left_out:
        says.append(claims_changed(left_out).message)
    if refused is not None:
        says.append(refused.message)
    return {
        "month": month,
        "files": written,
        "left_out": list(left_out),
        "says": "\n".join(says) or say("Nothing of %(month)s waits to be sent.", month=month),
    }


async def _make(actor: Actor, month: str) -> tuple[tuple[str, ...], Refused | None]:
    """(numbers of claims that changed since they were signed, the refusal if no file was made for that). A file made
    before and not written yet is no reason to keep quiet about them, nor they about it."""
    try:
        async with tenant_db(actor) as db:
            return (await make_interchanges(db, actor, month=month)).left_out, None
    except Refused as refused:
        if refused.code not in ("NOTHING_TO_SEND", "CLAIMS_CHANGED"):
            raise
        return (), refused if refused.code == "CLAIMS_CHANGED" else None


async def _export(actor: Actor, row: InterchangeRow, folder: Path) -> dict[str, Any]:
    async with tenant_db(actor, read_only=True) as db:
        content = await db.scalar(select(Interchange.content).where(Interchange.id == row.id))
    path = folder / row.file_name
    _write(path, (content or "").encode("ascii"))
    async with tenant_db(actor) as db:
        # Two exports at once write the same bytes; one of them notes it.
        left = await db.scalar(select(exists().where(InterchangeDelivery.interchange_id == row.id)))
        if not left:
            await file_of(db, actor, row.id, way="folder")
    return {
        "path": str(path),
        "control_number": row.control_number,
        "production": row.production,
        "claims": row.claims,
        "total": f"{row.total:.2f}",
        "sha256": row.content_hash,
    }


def _probe(out: Path) -> Path:
    """The folder, made if need be. Before any claim is sent: can a file be written there?"""
    folder = out.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".claims-", dir=folder)
        os.close(handle)
        Path(name).unlink()
    except OSError as error:
        raise _not_writable(folder, error) from None
    return folder


def _write(path: Path, content: bytes) -> None:
    """All of it under its name, or nothing: written aside, forced to the disk, then renamed.

    What stands there already is never replaced: the same bytes are an earlier run's, others are somebody's file.
    """
    aside: Path | None = None
    try:
        if path.exists() and path.read_bytes() != content:
            raise Refused(
                "FILE_IN_THE_WAY",
                say(
                    "%(path)s is there already and holds something else. It was left as it is, and "
                    "this file of claims was not noted as exported.",
                    path=path,
                ),
                say("Move that file away, or choose another folder, and run the same command again."),
            )
        handle, name = tempfile.mkstemp(prefix=".claims-", dir=path.parent)
        aside = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.chmod(0o600)
        aside.replace(path)
        aside = None
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if aside is not None:
            with suppress(OSError):
                aside.unlink()
        raise _not_writable(path.parent, error) from None


def _not_writable(folder: Path, error: OSError) -> Refused:
    return Refused(
        "FOLDER_NOT_WRITABLE",
        say(
            "%(folder)s could not be written to: %(problem)s. No half file was left there, and "
            "nothing was noted as exported that is not safely on the disk.",
            folder=folder,
            problem=error.strerror or say("the disk refused"),
        ),
        say("Make room, or choose another folder, and run the same command again."),
    )
