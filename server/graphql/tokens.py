"""Bearer tokens over GraphQL."""

from datetime import datetime
from uuid import UUID

import strawberry

from server.graphql.connections import (
    Node,
    global_id,
    id_of,
    node_kind,
)
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line
from server.tenants import tokens
from server.tenants.db import tenant_db


@strawberry.type(description="A bearer token of one person in this practice.")
class ApiToken(Node):
    name: str
    owner: str
    scopes: list[str]
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None
    state: str = strawberry.field(description="live, expired or revoked")

    @classmethod
    def of(cls, row: tokens.TokenLine) -> "ApiToken":
        return cls(
            id=global_id("ApiToken", row.id), name=row.name, owner=row.owner, scopes=list(row.scopes),
            made_at=row.made_at, ends_at=row.ends_at, used_at=row.used_at, state=row.state,
        )  # fmt: skip


@strawberry.type(description="A token just made. It is shown here and never again.")
class NewApiToken:
    id: strawberry.ID
    token: str
    ends_at: datetime


async def _load_token(info: Info, id: UUID) -> ApiToken | None:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return next(
            (ApiToken.of(t) for t in await tokens.list_tokens(db, actor_of(info)) if t.id == id), None
        )


node_kind("ApiToken", permission="tokens.write", loader=_load_token)


@strawberry.input
class CreateApiTokenInput:
    name: Line = strawberry.field(description="What it is for.")
    scopes: list[Line] = strawberry.field(description="read, write, billing, administration")
    days: int = strawberry.field(description="1 to 365.")


@strawberry.type(description="A token that opens nothing any more.")
class ApiTokenRevoked:
    id: strawberry.ID


@strawberry.type
class TokensQuery:
    @field(permission="tokens.write", description="API tokens of this practice, newest first.")
    async def api_tokens(self, info: Info) -> list[ApiToken]:
        async with tenant_db(actor_of(info), read_only=True) as db:
            return [ApiToken.of(line) for line in await tokens.list_tokens(db, actor_of(info))]


@strawberry.type
class TokensMutation:
    @mutation(
        permission="tokens.write", alone=True, description="A bearer token for oneself. It is shown once."
    )
    async def create_api_token(self, info: Info, input: CreateApiTokenInput) -> NewApiToken:
        async with tenant_db(actor_of(info)) as db:
            made = await tokens.create_token(
                db, actor_of(info), name=input.name, scopes=input.scopes, days=input.days
            )
        return NewApiToken(id=global_id("ApiToken", made.id), token=made.text, ends_at=made.ends_at)

    @mutation(permission="tokens.write", description="The token opens nothing any more.")
    async def revoke_api_token(self, info: Info, id: strawberry.ID) -> ApiTokenRevoked:
        async with tenant_db(actor_of(info)) as db:
            await tokens.revoke_token(db, actor_of(info), id_of("ApiToken", id, what="token"))
        return ApiTokenRevoked(id=id)
