"""The terms of use and the business associate agreement: their texts, their fingerprints, and who accepted
them.

The texts live in `legal/` as `<document>-<version>.md`, in a small Markdown: one title, headings, paragraphs
and lists. A text that was ever shown is never changed: a new version is a further file.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import select

from server.errors import Refused
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.names import written
from server.tenants.tables import Acceptance
from server.words import say

_FOLDER: Final = Path(__file__).with_name("legal")
Kind = Literal["terms", "baa"]
KINDS: Final[tuple[Kind, ...]] = ("terms", "baa")


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a text. kind: heading, paragraph or list; a list has several lines."""

    kind: Literal["heading", "paragraph", "list"]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A text that is accepted. text_hash: SHA-256 of the file as shown, in hexadecimal."""

    kind: Kind
    version: str
    title: str
    text: str
    text_hash: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What somebody agreed to on a page: the version and hash they were shown, and their name as they
    typed it."""

    document: Kind
    version: str
    text_hash: str
    name: str


@cache
def documents() -> dict[Kind, Document]:
    """The version of each text that is accepted today: the newest file."""
    return {kind: _read(kind, max(_FOLDER.glob(f"{kind}-*.md"))) for kind in KINDS}


def check_accepted(given: list[Accepted]) -> list[Accepted]:
    """Both documents, in the version and wording that is in force, each with a name typed.

    Raises Refused AGREEMENT_MISSING, AGREEMENT_CHANGED or a refusal about the name.
    """
    found = []
    for kind, document in documents().items():
        accepted = next((one for one in given if one.document == kind), None)
        if accepted is None:
            raise Refused(
                "AGREEMENT_MISSING",
                say(
                    "“%(title)s” has not been accepted. Without it the law does not let us keep "
                    "patients' information.",
                    title=document.title,
                ),
                say("Read it and type your name under it."),
                kind,
            )
        if (accepted.version, accepted.text_hash) != (document.version, document.text_hash):
            raise Refused(
                "AGREEMENT_CHANGED",
                say(
                    "“%(title)s” has changed since it was shown to you; the version now is %(version)s.",
                    title=document.title,
                    version=document.version,
                ),
                say("Open the page again, read the new text and accept that one."),
                kind,
            )
        name = written(accepted.name, kind, what=say("your full name, as a signature"))
        if len(name.split()) < 2:
            raise Refused(
                "SIGNATURE_SHORT",
                say(
                    "“%(name)s” is not a full name; it stands as your signature under an agreement.",
                    name=name,
                ),
                say("Type first and last name."),
                kind,
            )
        found.append(Accepted(kind, accepted.version, accepted.text_hash, name))
    return found


def acceptance_rows(actor: Actor, accepted: list[Accepted], at: datetime) -> list[Acceptance]:
    """The rows that record an acceptance by `actor`."""
    return [
        Acceptance(
            tenant_id=actor.tenant_id, document=one.document, version=one.version, text_hash=one.text_hash,
            accepted_by=one.name, staff_id=actor.staff_id, at=at,
        )
        for one in accepted
    ]  # fmt: skip


async def accepted_documents(db: Db, actor: Actor) -> list[Acceptance]:
    """Everything this practice has accepted, newest first."""
    actor.require("practice.read")
    found = await db.execute(select(Acceptance).order_by(Acceptance.at.desc(), Acceptance.document))
    return list(found.scalars())


async def require_open(db: Db, actor: Actor) -> None:
    """The gate before the first word about any patient: both agreements accepted. Raises Refused NOT_OPEN.

    A practice's rows are made together with its acceptances, so this only ever refuses if something else is
    broken; the law asks for certainty here, and one indexed read is cheap.
    """
    found = await db.execute(
        select(Acceptance.document).where(Acceptance.tenant_id == actor.tenant_id).distinct()
    )
    if not set(KINDS) <= set(found.scalars()):
        db.note(actor, "practice.require_open", entity="acceptance", effect="refused")
        raise Refused(
            "NOT_OPEN",
            say(
                "This practice has not yet accepted the terms of use and the business associate "
                "agreement, so no patient's information may be entered."
            ),
            say("An administrator can accept both from the practice's page."),
        )


def _read(kind: Kind, path: Path) -> Document:
    raw = path.read_bytes()
    text = raw.decode("utf-8")
    title, _, body = text.partition("\n")
    blocks = [_block(part) for part in body.strip().split("\n\n")]
    version = path.stem.removeprefix(f"{kind}-")
    return Document(kind, version, title.removeprefix("# "), text, sha256(raw).hexdigest(), tuple(blocks))


def _block(part: str) -> Block:
    if part.startswith("## "):
        return Block("heading", (part.removeprefix("## "),))
    if part.startswith("- "):
        return Block("list", tuple(line.removeprefix("- ") for line in part.splitlines()))
    return Block("paragraph", (part,))
