"""Who works in the practice: the list for everybody, and what an administrator may change."""

from typing import Any

from server.errors import Refused, not_found
from server.tenants import staff as room
from server.tenants.db import tenant_db
from server.tenants.permissions import ROLES
from server.tenants.qualifications import (
    DISCIPLINES,
    KINDS,
    add_qualification,
    close_qualification,
    list_qualifications,
)
from server.tenants.regions import STATES
from server.words import N_, say
from web.site import Answer, Visit, page
from web.typed import day_in, day_or_none, pairs

#: role -> what somebody with it does here, beside the choice
_DOES = {
    "administrator": N_("Runs the practice here: staff, payers, agreements. Sees charts, writes none."),
    "care_manager": N_("Calls, plans, consents, minutes: the daily work."),
    "provider": N_("Leads the care, sees the month’s lines; may bill."),
    "medical_assistant": N_("Calls and minutes beside the care manager."),
    "front_desk": N_("Registers people and mends contact details and coverage. Sees no chart."),
    "biller": N_("Closes the month; sees minutes and coverage, no notes."),
    "mentor": N_("Coaches the team. Opens no patient’s page."),
}


def role_choices() -> list[tuple[str, str, str]]:
    """`(role, words, what it does)` for a group of choices."""
    return [(role, say(words), say(_DOES[role])) for role, words in ROLES.items()]


@page.get("/practice/staff", permission="practice.read")
async def staff_list(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        everybody = await room.list_staff(db, visit.actor, with_left=True)
        qualifications = await list_qualifications(db, visit.actor)
    on = visit.today
    disciplines = {
        q.staff_id: say(DISCIPLINES.get(q.name, q.name))
        for q in qualifications
        if q.kind == "discipline" and q.from_on <= on and (q.to_on is None or q.to_on >= on)
    }
    return visit.show(
        "practice/staff.html",
        here_now=[one for one in everybody if one.active],
        left=[one for one in everybody if not one.active],
        roles=ROLES,
        disciplines=disciplines,
    )


@page.get("/practice/staff/invite", permission="staff.write")
async def invite_form(visit: Visit) -> Answer:
    return visit.show("practice/invite.html", roles=role_choices())


@page.post("/practice/staff/invite", permission="staff.write")
async def invite(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            invited = await room.invite(
                db,
                visit.actor,
                name=form.get("name", ""),
                email=form.get("email", ""),
                role=form.get("role", ""),
                npi=form.get("npi", ""),
                bills="bills" in form,
            )
    except Refused as refused:
        return visit.again("practice/invite.html", refused, values=form, roles=role_choices())
    return visit.go(f"/practice/staff/{invited.id}", say(_INVITED))


@page.get("/practice/staff/provider", permission="staff.write")
async def provider_form(visit: Visit) -> Answer:
    return visit.show("practice/provider.html", values={"bills": "yes"})


@page.post("/practice/staff/provider", permission="staff.write")
async def provider_add(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            added = await room.add_provider(
                db, visit.actor, name=form.get("name", ""), npi=form.get("npi", ""), bills="bills" in form
            )
    except Refused as refused:
        return visit.again("practice/provider.html", refused, values=form)
    return visit.go(
        f"/practice/staff/{added.id}",
        say("The provider is on the list. Add the discipline next: rules ask for it."),
    )


@page.get("/practice/staff/{id:str}", permission="staff.write")
async def member(visit: Visit) -> Answer:
    return await _member_page(visit)


@page.post("/practice/staff/{id:str}", permission="staff.write")
async def member_save(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await room.change_staff(
                db,
                visit.actor,
                _whom(visit),
                name=form.get("name", ""),
                npi=form.get("npi", ""),
                bills="bills" in form,
            )
    except Refused as refused:
        return await _member_page(visit, refused, form)
    return visit.go(_address(visit), say("Saved."))


@page.post("/practice/staff/{id:str}/role", permission="staff.write")
async def member_role(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await room.change_role(db, visit.actor, _whom(visit), form.get("role", ""))
    except Refused as refused:
        return await _member_page(visit, refused, form)
    return visit.go(_address(visit), say("The role is changed. It counts from the next thing they do."))


@page.post("/practice/staff/{id:str}/invite-again", permission="staff.write")
async def member_invite_again(visit: Visit) -> Answer:
    try:
        async with tenant_db(visit.actor) as db:
            await room.invite_again(db, visit.actor, _whom(visit))
    except Refused as refused:
        return await _member_page(visit, refused)
    return visit.go(_address(visit), say(_INVITED))


@page.post("/practice/staff/{id:str}/leave", permission="staff.write")
async def member_leaves(visit: Visit) -> Answer:
    try:
        async with tenant_db(visit.actor) as db:
            await room.deactivate(db, visit.actor, _whom(visit))
    except Refused as refused:
        return await _member_page(visit, refused)
    return visit.go(
        "/practice/staff", say("They are outside from now on. What they wrote stays, with their name.")
    )


@page.post("/practice/staff/{id:str}/return", permission="staff.write")
async def member_returns(visit: Visit) -> Answer:
    try:
        async with tenant_db(visit.actor) as db:
            await room.reactivate(db, visit.actor, _whom(visit))
    except Refused as refused:
        return await _member_page(visit, refused)
    return visit.go(_address(visit), say("They are back, in the role they had."))


# --- qualifications ---------------------------------------------------------------------------------------------


@page.post("/practice/staff/{id:str}/qualifications", permission="staff.write")
async def qualification_add(visit: Visit) -> Answer:
    form = await visit.form()
    kind = form.get("kind", "")
    try:
        from_on, to_on = day_in(form, "from_on"), day_or_none(form, "to_on")
        async with tenant_db(visit.actor) as db:
            await add_qualification(
                db,
                visit.actor,
                _whom(visit),
                kind=kind,
                name=form.get("discipline" if kind == "discipline" else "name", ""),
                from_on=from_on,
                to_on=to_on,
                number=form.get("number", ""),
                region=form.get("region", ""),
                today=visit.today,
            )
    except Refused as refused:
        if refused.field == "name" and kind == "discipline":
            refused = Refused(refused.code, refused.message, refused.next_step, "discipline")
        return await _member_page(visit, refused, form)
    return visit.go(_address(visit), say("Added."))


@page.post("/practice/staff/{id:str}/qualifications/{qualification:str}/end", permission="staff.write")
async def qualification_end(visit: Visit) -> Answer:
    form = await visit.form()
    qualification = visit.id("qualification", "qualification")
    try:
        last = day_in(form, "last_day")
        async with tenant_db(visit.actor) as db:
            if qualification not in {
                q.id for q in await list_qualifications(db, visit.actor, staff_id=_whom(visit))
            }:
                raise not_found("qualification")
            await close_qualification(db, visit.actor, qualification, to_on=last, today=visit.today)
    except Refused as refused:
        field = f"last_day_{qualification}"
        return await _member_page(
            visit, Refused(refused.code, refused.message, refused.next_step, field), form
        )
    return visit.go(_address(visit), say("The last day is noted. Earlier days keep counting."))


def _whom(visit: Visit) -> Any:
    return visit.id("id", "person on the staff")


def _address(visit: Visit) -> str:
    return f"/practice/staff/{_whom(visit)}"


async def _member_page(
    visit: Visit, refused: Refused | None = None, form: dict[str, str] | None = None
) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await room.staff_for(db, visit.actor, _whom(visit), permission="staff.write")
        qualifications = await list_qualifications(db, visit.actor, staff_id=found.id)
    values = {"name": found.name, "npi": found.npi, "bills": "yes" if found.bills else "", "role": found.role}
    given: dict[str, Any] = {
        "member": found,
        "me": found.id == visit.actor.staff_id,
        "role_choices": role_choices(),
        "roles": ROLES,
        "qualifications": qualifications,
        "kinds": KINDS,
        "kind_choices": pairs(KINDS),
        "disciplines": DISCIPLINES,
        "discipline_choices": pairs(DISCIPLINES),
        "states": [(state, state) for state in STATES],
        "values": values if form is None else {**values, **form},
    }
    return (
        visit.show("practice/member.html", **given)
        if refused is None
        else visit.again("practice/member.html", refused, **given)
    )


_INVITED = N_("The invitation is in the mail. Its link works for three days.")
