"""A form that is sent twice, by a second click or by a browser trying again, is saved once.

Every form carries a key of its own beside its CSRF token. When saving it led on to another page, that redirect is
kept with the key, in the transaction of what was saved, and the same form gets it again.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from litestar import Response

from server.errors import Refused
from server.sealed import keyed_hash
from server.tenants import idempotency
from server.tenants.idempotency import Asked, checked_key
from server.words import N_, say

if TYPE_CHECKING:
    from web.site import Visit

FIELD: Final = "_once"


def new_key() -> str:
    return secrets.token_urlsafe(12)


async def answered_once(
    visit: "Visit", route: str, handler: Callable[["Visit"], Awaitable[Response[Any]]]
) -> Response[Any]:
    """The handler's answer, or the way on from where this form was saved before. route: as declared."""
    fields = [(name, value) for name, value in (await visit.request.form()).multi_items() if name != "_csrf"]
    key = next((value for name, value in fields if name == FIELD), "")
    if not key or not all(isinstance(value, str) for _, value in fields):  # files are imported, not filled in
        return await handler(visit)
    answers: list[Response[Any]] = []

    async def work() -> idempotency.Answer:
        answers.append(await handler(visit))
        return idempotency.Answer(303, json.dumps(visit.went).encode(), kept=bool(visit.went))

    sent = json.dumps([visit.request.url.path, *sorted(fields)]).encode()
    try:
        told = await idempotency.once(
            visit.actor, Asked(route, checked_key(key), keyed_hash("form", sent)), work
        )
    except Refused as refused:
        if refused.code not in _SAID:
            raise refused from None
        code, message, next_step = _SAID[refused.code]
        raise Refused(code, say(message), say(next_step)) from None
    return answers[0] if answers else visit.go(*json.loads(told.body))


_SAID: Final = {
    "IDEMPOTENCY_KEY_REUSED": (
        "ALREADY_SAVED",
        N_(
            "This form was saved already, and something else was in it then. What you sent now was not saved."
        ),
        N_("Open the page again to see what is there, and change it from there."),
    ),
    "IDEMPOTENCY_KEY_IN_USE": (
        "STILL_SAVING",
        N_("What you sent a moment ago is still being saved."),
        N_("Wait a few seconds, then look at the page again."),
    ),
}
