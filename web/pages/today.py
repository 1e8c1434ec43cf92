"""The first page: people, not paperwork. What is theirs, for each who works here; never a colleague's loose ends."""

from datetime import date
from typing import Any, Final

from carewright_plugin_api.facts import local_day

from server.assessments.queries import my_open_concerns
from server.assessments.tables import DOMAINS
from server.claims.overview import first_work
from server.claims.queries import closes
from server.dates import month_name, weekday_name
from server.encounters.my_day import InMyCare, my_loose_ends, people_in_my_care
from server.encounters.tables import KINDS
from server.encounters.under_way import my_note_drafts
from server.enrollment.referral_queries import here_today, my_referral_news, open_referrals
from server.minutes.timer_queries import my_stretches, my_unconfirmed
from server.patients import choices
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import N_, say, say_of
from web.pages.diary import said_day
from web.pages.drafts import composer_address, draft_title, said_when
from web.pages.month import month_before, month_states
from web.pages.referrals import listed, news_said
from web.pages.tasks import tasks_for_today
from web.rendering import age, called, clock
from web.site import Answer, Visit, page

_MOST: Final = 40
_TASKS: Final = 12
_LAST: Final = {
    "reached": N_("Spoke"),
    "reached_supporter": N_("Spoke with their family"),
    "no_answer": N_("Not reached"),
    "left_message": N_("Left a message"),
    "wrong_number": N_("Wrong number"),
    "no_show": N_("Did not come"),
    "declined_contact": N_("Preferred not to talk"),
    "declined_program": N_("Talked about the program"),
    "done": N_("Done something for them"),
}


@page.get("/", permission="self.read")
async def today(visit: Visit) -> Answer:
    actor = visit.actor
    given: dict[str, Any] = {"cares": actor.may("encounters.write"), "people": [], "loose": [], "drafts": []}
    async with tenant_db(actor, read_only=True) as db:
        if actor.may("tasks.read"):
            given |= await tasks_for_today(db, visit, most=_TASKS)
        if actor.may("encounters.read") and actor.may("chart.read"):
            rows = await people_in_my_care(db, actor, limit=_MOST + 1)
            given["people"] = [_row(row, visit.today, actor.zone) for row in rows[:_MOST]]
            given["more"] = len(rows) > _MOST
        if given["cares"]:
            given["drafts"] = [
                {
                    "href": composer_address(row),
                    "words": draft_title(row),
                    "when": say("A draft, saved %(when)s", when=said_when(row.saved_at, actor.zone)),
                }
                for row in await my_note_drafts(db, actor, limit=_MOST)
            ]
            given["loose"] = [
                {
                    "href": f"/people/{row.patient_id}/contacts/{row.id}",
                    "words": say(
                        "%(contact)s with %(name)s",
                        contact=say(KINDS[row.kind]),
                        name=f"{called(row)} {row.family_name}",
                    ),
                    "when": said_day(local_day(row.at, actor.zone), visit.today),
                }
                for row in await my_loose_ends(db, actor, limit=_MOST)
            ]
        if actor.may("assessments.write"):
            given["worries"] = [
                {
                    "href": f"/people/{row.patient_id}/safety/{row.id}",
                    "words": f"{called(row)} {row.family_name}",
                    "about": say(DOMAINS[row.domain]),
                    "when": said_day(local_day(row.made_at, actor.zone), visit.today),
                }
                for row in await my_open_concerns(db, actor, limit=_MOST)
            ]
        if actor.may("minutes.write"):
            given["time"] = await _own_time(db, actor, visit.today)
        if actor.may("referrals.write"):
            given |= await _thought_of(db, visit)
        if actor.may("claims.close"):
            began = await first_work(db, actor)
            last = month_before(f"{visit.today:%Y-%m}")
            states = month_states(await closes(db, actor), began, visit.today, actor.zone)
            given["month"] = next((one for one in states if one["month"] == last), None)
    given["sentence"] = _sentence(
        actor, visit.today, len(given["people"]), len(given["loose"]), more=given.get("more", False)
    )
    return visit.show("today/today.html", **given)


async def _thought_of(db: Db, visit: Visit) -> dict[str, Any]:
    """People given to me, what waits for my word, what became of those I thought of, and who of mine is here."""
    actor, zone = visit.actor, visit.zone
    given: dict[str, Any] = {
        "news": [
            {
                "id": row.referral.id,
                "href": f"/referrals/{row.referral.id}",
                "through": row.step.id,
                "words": news_said(row, zone),
            }
            for row in await my_referral_news(db, actor, limit=_MOST)
        ]
    }
    if actor.may("enrollment.write"):
        given["given_to_me"] = [
            listed(row, zone) for row in await open_referrals(db, actor, to_me=True, limit=_MOST)
        ]
        given["here_today"] = [
            {
                "href": f"/people/{row.patient_id}",
                "name": f"{called(row)} {row.family_name}".strip(),
                "since": clock(row.noted_at, zone),
                "place": row.place,
            }
            for row in await here_today(db, actor, visit.today, mine=True)
        ]
    if actor.may("referrals.confirm"):
        given["to_confirm"] = [
            listed(row, zone) for row in await open_referrals(db, actor, states=["suggested"], limit=_MOST)
        ]
    given["thought_of"] = any(given.values())
    return given


async def _own_time(db: Db, actor: Actor, on: date) -> list[dict[str, str]]:
    """Pieces of one's time that only oneself can explain, oldest first."""
    waiting: list[Any] = [
        *await my_stretches(db, actor, limit=_MOST),
        *await my_unconfirmed(db, actor, limit=_MOST),
    ]
    return [
        {
            "href": f"/time#s-{row.id}",
            "words": f"{called(row)} {row.family_name}",
            "when": say(
                "%(day)s, %(time)s",
                day=said_day(local_day(row.started_at, actor.zone), on),
                time=clock(row.started_at, actor.zone),
            ),
        }
        for row in waiting[:_MOST]
    ]


def _row(row: InMyCare, on: date, zone: str) -> dict[str, Any]:
    signs = []
    if row.interpreter_needed:
        signs.append(
            (
                say(
                    "%(language)s, interpreter",
                    language=say(choices.LANGUAGE.get(row.language, row.language)),
                ),
                "plain",
                "language",
            )
        )
    if row.contact_notes:
        signs.append((row.contact_notes, "plain", "clock"))
    last = (
        say(
            "%(how)s %(day)s",
            how=say(_LAST[row.last_outcome or "reached"]),
            day=said_day(local_day(row.last_at, zone), on),
        )
        if row.last_at
        else ""
    )
    return {
        "name": f"{called(row)} {row.family_name}",
        "href": f"/people/{row.id}",
        "age": str(age(row.birth_date, on)),
        "matters": row.what_matters or "",
        "last": last or say("No contact yet"),
        "next": row.next_step or "",
        "signs": signs,
    }


def _sentence(actor: Actor, on: date, people: int, loose: int, *, more: bool) -> str:
    said = [
        say("%(weekday)s, %(day)s %(month)s.", weekday=weekday_name(on), day=on.day, month=month_name(on))
    ]
    if actor.role == "mentor":
        said.append(say("Nobody has asked for your thoughts yet."))
    elif actor.may("encounters.write") and not people:
        said.append(say("Nobody is in your care yet."))
    elif actor.may("encounters.write"):
        said.append(
            say("More than %(n)s people are in your care.", n=people)
            if more
            else say_of("One person is in your care.", "%(n)s people are in your care.", people)
        )
        if loose:
            said.append(
                say_of(
                    "One note of yours waits for your signature.",
                    "%(n)s notes of yours wait for your signature.",
                    loose,
                )
            )
    return " ".join(said)
