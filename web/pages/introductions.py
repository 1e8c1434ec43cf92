"""How this practice wants referrals to go, and the words with which a care manager is introduced."""

from typing import Any

from server.enrollment.introductions import FIELDS, introduced
from server.enrollment.referral_policy import (
    choose_referral_policy,
    introductions,
    referral_policy,
    write_introduction,
)
from server.enrollment.referral_tables import AGREEMENTS, INTRODUCERS
from server.errors import Refused
from server.tenants.db import tenant_db
from server.words import say
from web.site import Answer, Visit, page
from web.typed import Form, text_in


@page.get("/practice/referrals", permission="practice.read")
async def referral_ways(visit: Visit) -> Answer:
    return await _page(visit)


@page.post("/practice/referrals", permission="practice.write")
async def referral_policy_chosen(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await choose_referral_policy(
                db,
                visit.actor,
                confirmed_by_provider=form.get("confirmed_by_provider") == "yes",
                agreement=form.get("agreement", ""),
            )
    except Refused as refused:
        return await _page(visit, refused, form)
    return visit.go("/practice/referrals", say("Saved. What is open already goes on as it began."))


@page.post("/practice/referrals/words", permission="practice.write")
async def introduction_written(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            words = text_in(form, "words", 10_000)
            await write_introduction(db, visit.actor, role=form.get("role", ""), words=words)
    except Refused as refused:
        return await _page(visit, refused, form)
    return visit.go("/practice/referrals", say("Saved. It is shown wherever somebody is introduced."))


async def _page(visit: Visit, refused: Refused | None = None, form: Form | None = None) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        policy = await referral_policy(db, visit.actor)
        scripts = await introductions(db, visit.actor)
    example = {
        "patient": say("Ruthie"),
        "care_manager": "Nora Feld",
        "colleague": say("Dr. Lin"),
        "condition": say("your heart"),
        "result": say("a weight of 151 pounds"),
    }
    given: dict[str, Any] = {
        "policy": policy,
        "agreements": [(key, say(words)) for key, words in AGREEMENTS.items()],
        "scripts": [
            {
                "role": one.role,
                "title": say(INTRODUCERS[one.role]),
                "words": one.words,
                "ours": one.ours,
                "lines": introduced(one.words, example),
            }
            for one in scripts
        ],
        "fields": [(f"{{{{{name}}}}}", say(words)) for name, words in FIELDS.items()],
        "which": (form or {}).get("role", ""),
    }
    if refused is not None:
        return visit.again("practice/referrals.html", refused, values=form or {}, **given)
    return visit.show("practice/referrals.html", **given)
