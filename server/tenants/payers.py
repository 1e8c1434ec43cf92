"""The payers the practice bills, and which kind each is: the word by which a plugin knows its own."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.names import plain_letters, written
from server.tenants.tables import Payer
from server.words import say


async def list_payers(db: Db, actor: Actor, *, with_closed: bool = False) -> list[Payer]:
    """The practice's payers by name."""
    actor.require("practice.read")
    chosen = select(Payer).order_by(Payer.name, Payer.id)
    return list((await db.execute(chosen if with_closed else chosen.where(Payer.active))).scalars())


async def payer_for(db: Db, actor: Actor, payer_id: UUID, *, permission: str = "practice.read") -> Payer:
    """The payer, if `actor` may `permission`. Raises Refused NOT_FOUND."""
    actor.require(permission)
    found = await db.get(Payer, (actor.tenant_id, payer_id))
    if found is None:
        db.note(actor, permission, entity="payer", entity_ids=[payer_id], effect="refused")
        raise not_found("payer")
    return found


async def add_payer(
    db: Db, actor: Actor, *, name: str, kind: str = "", edi_id: str = "", known_kinds: Collection[str]
) -> Payer:
    """A payer. kind: one of `known_kinds` (what the plugins that are loaded own), or empty when no plugin
    knows it: its months then wait for somebody to look at them.

    Raises Refused TEXT_*, KIND_UNKNOWN or PAYER_THERE.
    """
    actor.require("practice.write")
    fields = _checked(name, kind, edi_id, known_kinds)
    await _is_new(db, fields["name"], None)
    payer = Payer(tenant_id=actor.tenant_id, id=new_id(), made_at=now(), made_by=actor.staff_id, **fields)
    db.add(payer)
    await db.flush()
    db.note(actor, "payer.add", entity="payer", entity_ids=[payer.id], effect="write", kind=payer.kind)
    return payer


async def change_payer(
    db: Db, actor: Actor, payer_id: UUID,
    *, name: str, kind: str = "", edi_id: str = "", active: bool = True, known_kinds: Collection[str],
) -> Payer:  # fmt: skip
    """Mend a payer, or set it aside with `active=False`. Raises as `add_payer`."""
    payer = await payer_for(db, actor, payer_id, permission="practice.write")
    fields = _checked(name, kind, edi_id, {*known_kinds, payer.kind})
    await _is_new(db, fields["name"], payer.id)
    before = payer.kind
    for field, value in fields.items():
        setattr(payer, field, value)
    payer.active = active
    await db.flush()
    db.note(
        actor, "payer.change", entity="payer", entity_ids=[payer.id], effect="write",
        before=before, after=payer.kind, active=active,
    )  # fmt: skip
    return payer


def _checked(name: str, kind: str, edi_id: str, known_kinds: Collection[str]) -> dict[str, str]:
    if kind and kind not in known_kinds:
        raise Refused(
            "KIND_UNKNOWN",
            say(
                "No plugin here knows payers of the kind “%(kind)s”, so nothing could decide their months.",
                kind=kind[:40],
            ),
            say(
                "Choose a kind from the list, or leave it empty: its months then wait for somebody to "
                "look at them."
            ),
            "kind",
        )
    return {
        "name": written(name, "name", what=say("the payer's name")),
        "kind": kind,
        "edi_id": written(edi_id, "edi_id", what=say("the payer's electronic id"), longest=40, empty=True),
    }


async def _is_new(db: Db, name: str, but: UUID | None) -> None:
    names = await db.execute(select(Payer.id, Payer.name))
    if any(id != but and plain_letters(there) == plain_letters(name) for id, there in names):
        raise Refused(
            "PAYER_THERE",
            say(
                "“%(name)s” is on the list already; two of one name would be mistaken for each other "
                "on coverages.",
                name=name,
            ),
            say("Use the one that is there, or add the plan's name to this one."),
            "name",
        )
