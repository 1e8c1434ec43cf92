"""Where the practice sees people and whom it bills, over GraphQL."""

from uuid import UUID

import strawberry

from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    by_name,
    global_id,
    id_of,
    node_kind,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line
from server.plugin_host.discover import plugins
from server.tenants import payers as payers_room
from server.tenants import queries, sites, tables
from server.tenants.db import tenant_db

BY_NAME = {name: Ordering(f"{name}.by_name", str, UUID) for name in ("sites", "payers")}


@strawberry.type(description="Where the practice sees people.")
class Site(Node):
    name: str
    street: str
    city: str
    state: str
    zip: str
    phone: str
    active: bool

    @classmethod
    def of(cls, row: queries.SiteRow | tables.Site) -> "Site":
        return cls(
            id=global_id("Site", row.id), name=row.name, street=row.street, city=row.city, state=row.state,
            zip=row.zip, phone=row.phone, active=row.active,
        )  # fmt: skip


@strawberry.type(description="A payer the practice bills.")
class Payer(Node):
    name: str
    kind: str = strawberry.field(description="The word by which installed rules know it; empty if none do.")
    rules: str | None = strawberry.field(
        description="Whose rules decide its months. Null: they wait for a person."
    )
    edi_id: str
    active: bool

    @classmethod
    def of(cls, row: queries.PayerRow | tables.Payer) -> "Payer":
        return cls(
            id=global_id("Payer", row.id), name=row.name, kind=row.kind,
            rules=plugins().payer_kinds().get(row.kind), edi_id=row.edi_id, active=row.active,
        )  # fmt: skip


@strawberry.type(description="A kind of payer that installed rules speak for.")
class PayerKind:
    key: str
    label: str


async def _load_site(info: Info, id: UUID) -> Site:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Site.of(await sites.site_for(db, actor_of(info), id))


async def _load_payer(info: Info, id: UUID) -> Payer:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Payer.of(await payers_room.payer_for(db, actor_of(info), id))


node_kind("Site", permission="practice.read", loader=_load_site)


node_kind("Payer", permission="practice.read", loader=_load_payer)


@strawberry.input
class SiteInput:
    name: Line
    street: Line | None = None
    city: Line | None = None
    state: Line | None = None
    zip: Line | None = None
    phone: Line | None = None


@strawberry.input
class PayerInput:
    name: Line
    kind: Line | None = strawberry.field(
        default=None, description="One of payerKinds; left out, months wait for a person."
    )
    edi_id: Line | None = None


def _site(input: SiteInput) -> dict[str, str]:
    return {name: getattr(input, name) or "" for name in ("name", "street", "city", "state", "zip", "phone")}


@strawberry.type
class PlacesQuery:
    @field(permission="practice.read", description="Where the practice sees people, by name.")
    async def sites(
        self, info: Info, with_closed: bool = False, first: First = 50, after: After = None
    ) -> Connection[Site]:
        actor = actor_of(info)
        cursors = BY_NAME["sites"].within(actor.tenant_id)
        async with tenant_db(actor, read_only=True) as db:
            rows = await queries.site_page(
                db,
                actor,
                limit=rows_to_fetch(first),
                position=by_name(cursors.read(after)),
                with_closed=with_closed,
            )
        return page_from_rows(
            rows, first, cursor_of=lambda row: cursors.write(row.name, row.id), node_of=Site.of, after=after
        )

    @field(permission="practice.read", description="Whom the practice bills, by name.")
    async def payers(
        self, info: Info, with_closed: bool = False, first: First = 50, after: After = None
    ) -> Connection[Payer]:
        actor = actor_of(info)
        cursors = BY_NAME["payers"].within(actor.tenant_id)
        async with tenant_db(actor, read_only=True) as db:
            rows = await queries.payer_page(
                db,
                actor,
                limit=rows_to_fetch(first),
                position=by_name(cursors.read(after)),
                with_closed=with_closed,
            )
        return page_from_rows(
            rows, first, cursor_of=lambda row: cursors.write(row.name, row.id), node_of=Payer.of, after=after
        )

    @field(permission="practice.read", description="Kinds of payers that installed rules speak for.")
    async def payer_kinds(self, info: Info) -> list[PayerKind]:
        return [PayerKind(key=key, label=label) for key, label in plugins().payer_kinds().items()]


@strawberry.type
class PlacesMutation:
    @mutation(permission="practice.write", description="A place where the practice sees people.")
    async def add_site(self, info: Info, input: SiteInput) -> Site:
        async with tenant_db(actor_of(info)) as db:
            return Site.of(await sites.add_site(db, actor_of(info), **_site(input)))

    @mutation(permission="practice.write", description="Mend a site, or close it; what happened there stays.")
    async def change_site(
        self, info: Info, site_id: strawberry.ID, input: SiteInput, active: bool = True
    ) -> Site:
        id = id_of("Site", site_id)
        async with tenant_db(actor_of(info)) as db:
            return Site.of(await sites.change_site(db, actor_of(info), id, active=active, **_site(input)))

    @mutation(
        permission="practice.write", description="A payer. Without a kind its months wait for a person."
    )
    async def add_payer(self, info: Info, input: PayerInput) -> Payer:
        async with tenant_db(actor_of(info)) as db:
            return Payer.of(
                await payers_room.add_payer(
                    db, actor_of(info), name=input.name, kind=input.kind or "", edi_id=input.edi_id or "",
                    known_kinds=plugins().payer_kinds(),
                )
            )  # fmt: skip

    @mutation(permission="practice.write", description="Mend a payer, or set it aside.")
    async def change_payer(
        self, info: Info, payer_id: strawberry.ID, input: PayerInput, active: bool = True
    ) -> Payer:
        async with tenant_db(actor_of(info)) as db:
            return Payer.of(
                await payers_room.change_payer(
                    db, actor_of(info), id_of("Payer", payer_id), name=input.name, kind=input.kind or "",
                    edi_id=input.edi_id or "", active=active, known_kinds=plugins().payer_kinds(),
                )
            )  # fmt: skip
