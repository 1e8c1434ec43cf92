"""Who works in the practice: inviting, roles, leaving, and providers who bill without signing in.

What concerns a login as well is told to the sign-in door after the practice's own change is committed
(`db.after_commit`), and not at all if it is not. Nothing is allowed without the staff row, and each request reads the
role from it, so what a crash between the two leaves undone (a session, a link) opens no door. It brings the door to
what the staff row says by then, so that leaving and coming back may cross.
"""

from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.mail import post
from server.tenants import attempts, links, sessions, throttle
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.names import fold_email, written
from server.tenants.npi import check_npi
from server.tenants.permissions import ADMINISTRATOR, PROVIDER, ROLES
from server.tenants.tables import ApiToken, Membership, Practice, Staff
from server.tenants.working import working_here
from server.words import N_, say


async def staff_for(db: Db, actor: Actor, staff_id: UUID, *, permission: str = "practice.read") -> Staff:
    """The staff member, if `actor` may `permission`. Missing and another practice's are the same answer."""
    actor.require(permission)
    found = await db.get(Staff, (actor.tenant_id, staff_id))
    if found is None:
        db.note(actor, permission, entity="staff", entity_ids=[staff_id], effect="refused")
        raise not_found("person on the staff")
    return found


async def list_staff(db: Db, actor: Actor, *, with_left: bool = False) -> list[Staff]:
    """Everybody on the staff by name; `with_left` adds those who no longer work here."""
    actor.require("practice.read")
    chosen = select(Staff).order_by(Staff.name, Staff.id)
    return list((await db.execute(chosen if with_left else chosen.where(Staff.active))).scalars())


async def my_staff_row(db: Db, actor: Actor) -> Staff:
    """The staff row of the actor. Raises Refused NOT_FOUND for the system."""
    actor.require("self.read")
    if actor.staff_id is None:
        raise not_found("person on the staff")
    return await staff_for(db, actor, actor.staff_id)


# --- joining ------------------------------------------------------------------------------------------------


async def invite(
    db: Db, actor: Actor, *, name: str, email: str, role: str, npi: str = "", bills: bool = False
) -> Staff:
    """Put somebody on the staff and mail them a link, good for 72 hours and for this e-mail, practice and
    role.

    Raises Refused TEXT_*, EMAIL_FORM, ROLE_UNKNOWN, NPI_*, BILLS_WITHOUT_NPI, ALREADY_STAFF or TRY_LATER.
    """
    actor.require("staff.write")
    folded = fold_email(email)
    values = {**_checked(name, role, npi, bills), "email": folded}
    await attempts.take_place({attempts.bucket("invitations", str(actor.tenant_id)): throttle.INVITATIONS})

    at = now()
    made = await db.execute(
        insert(Staff)
        .values(
            tenant_id=actor.tenant_id,
            id=new_id(),
            active=True,
            invited_at=at,
            made_at=at,
            made_by=actor.staff_id,
            **values,
        )
        .on_conflict_do_nothing()
        .returning(Staff)
    )
    staff = made.scalar_one_or_none()
    if staff is None:
        raise await _already(db, folded)

    db.note(actor, "staff.invite", entity="staff", entity_ids=[staff.id], effect="write", role=role)
    await _mail_invitation(db, actor, staff)
    return staff


async def invite_again(db: Db, actor: Actor, staff_id: UUID) -> Staff:
    """A fresh link for somebody who has not joined yet; the earlier one stops working. Raises Refused
    ALREADY_JOINED."""
    staff = await staff_for(db, actor, staff_id, permission="staff.write")
    if staff.person_id is not None or not staff.email or not staff.active:
        raise Refused(
            "ALREADY_JOINED",
            say(
                "%(name)s has joined already, has left, or has no e-mail address here, so there is "
                "nothing to send.",
                name=staff.name,
            ),
            say("Look at the list of staff."),
        )
    await attempts.take_place({attempts.bucket("invitations", str(actor.tenant_id)): throttle.INVITATIONS})
    staff.invited_at = now()
    db.note(actor, "staff.invite_again", entity="staff", entity_ids=[staff.id], effect="write")
    await _mail_invitation(db, actor, staff)
    return staff


async def add_provider(db: Db, actor: Actor, *, name: str, npi: str, bills: bool = True) -> Staff:
    """A provider who needs no sign-in: visits and claims carry the name and NPI. An e-mail can be added by
    inviting.

    Raises Refused TEXT_*, NPI_* or NPI_TAKEN.
    """
    actor.require("staff.write")
    values = _checked(name, PROVIDER, npi, bills)
    await _npi_is_free(db, values["npi"], None)
    staff = Staff(tenant_id=actor.tenant_id, id=new_id(), made_at=now(), made_by=actor.staff_id, **values)
    db.add(staff)
    await db.flush()
    db.note(actor, "staff.add_provider", entity="staff", entity_ids=[staff.id], effect="write")
    return staff


# --- changing -----------------------------------------------------------------------------------------------


async def change_staff(
    db: Db, actor: Actor, staff_id: UUID, *, name: str, npi: str = "", bills: bool = False
) -> Staff:
    """Mend a staff member's name, NPI, or whether they may be the billing practitioner. Raises as
    `invite`."""
    staff = await staff_for(db, actor, staff_id, permission="staff.write")
    values = _checked(name, staff.role, npi, bills)
    if values["npi"]:
        await _npi_is_free(db, values["npi"], staff.id)
    staff.name, staff.npi, staff.bills = str(values["name"]), str(values["npi"]), bills
    db.note(actor, "staff.change", entity="staff", entity_ids=[staff.id], effect="write")
    return staff


async def change_role(db: Db, actor: Actor, staff_id: UUID, role: str) -> Staff:
    """Give somebody another role. It counts from their next request; their sessions here end, so that no
    token outlives the rights it was given for. Somebody still invited gets a new link, because the old one
    named the role.

    Raises Refused ROLE_UNKNOWN or LAST_ADMINISTRATOR.
    """
    _check_role(role)
    await _one_at_a_time(db, actor)
    staff = await staff_for(db, actor, staff_id, permission="staff.write")
    if staff.role == role:
        return staff
    if staff.role == ADMINISTRATOR:
        await _not_the_last(db, staff)
    before, staff.role = staff.role, role
    await db.flush()
    db.note(
        actor,
        "staff.change_role",
        entity="staff",
        entity_ids=[staff.id],
        effect="write",
        before=before,
        after=role,
    )
    if staff.person_id is not None:
        db.after_commit(partial(sessions.end_all, person_id=staff.person_id, tenant_id=actor.tenant_id))
    elif staff.email and staff.active:
        await _mail_invitation(db, actor, staff)
    return staff


async def deactivate(db: Db, actor: Actor, staff_id: UUID) -> Staff:
    """Somebody leaves: at their next request they are outside. What they wrote stays, with their name.

    Raises Refused LAST_ADMINISTRATOR.
    """
    await _one_at_a_time(db, actor)
    staff = await staff_for(db, actor, staff_id, permission="staff.write")
    if staff.active:
        if staff.role == ADMINISTRATOR:
            await _not_the_last(db, staff)
        staff.active = False
        await db.flush()
        db.note(actor, "staff.deactivate", entity="staff", entity_ids=[staff.id], effect="write")
    db.after_commit(partial(links.end, kind="invite", staff_id=staff.id))
    if staff.person_id is not None:
        db.after_commit(partial(_see_out, person_id=staff.person_id, tenant_id=actor.tenant_id, at=now()))
    return staff


async def reactivate(db: Db, actor: Actor, staff_id: UUID) -> Staff:
    """Somebody comes back, in the role they had. Who never joined gets a new invitation."""
    staff = await staff_for(db, actor, staff_id, permission="staff.write")
    if staff.active and staff.person_id is None:
        return staff
    was_away = not staff.active
    if was_away:
        staff.active = True
        await db.flush()
        db.note(actor, "staff.reactivate", entity="staff", entity_ids=[staff.id], effect="write")
    if staff.person_id is not None:
        who, where = staff.person_id, actor.tenant_id
        if was_away:  # whatever was left open when they went does not come back with them
            db.after_commit(partial(_shut_out, person_id=who, tenant_id=where, at=now()))
        db.after_commit(partial(_let_in, person_id=who, tenant_id=where))
    elif staff.email:
        await _mail_invitation(db, actor, staff)
    return staff


async def _let_in(auth: Db, person_id: UUID, tenant_id: UUID) -> None:
    if await working_here(tenant_id, person_id) is None:
        return
    values = {"person_id": person_id, "tenant_id": tenant_id}
    await auth.execute(insert(Membership).values(values).on_conflict_do_nothing())


async def _see_out(auth: Db, person_id: UUID, tenant_id: UUID, at: datetime) -> None:
    if await working_here(tenant_id, person_id) is None:
        await _shut_out(auth, person_id, tenant_id, at)


async def _shut_out(auth: Db, person_id: UUID, tenant_id: UUID, at: datetime) -> None:
    await sessions.end_all(auth, person_id, tenant_id=tenant_id)
    await auth.execute(
        update(ApiToken)
        .where(
            ApiToken.person_id == person_id, ApiToken.tenant_id == tenant_id, ApiToken.revoked_at.is_(None)
        )
        .values(revoked_at=at)
    )
    await auth.execute(
        delete(Membership).where(Membership.person_id == person_id, Membership.tenant_id == tenant_id)
    )


# --- rules --------------------------------------------------------------------------------------------------


def _checked(name: str, role: str, npi: str, bills: bool) -> dict[str, str | bool]:
    _check_role(role)
    number = check_npi(npi) if npi.strip() else ""
    if bills and not number:
        raise Refused(
            "BILLS_WITHOUT_NPI",
            say("Whoever bills needs an NPI of their own: it stands on every claim."),
            say("Add the NPI, or leave “may bill” empty."),
            "npi",
        )
    return {
        "name": written(name, "name", what=say("the person's name")),
        "role": role,
        "npi": number,
        "bills": bills,
    }


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Refused(
            "ROLE_UNKNOWN",
            say("“%(role)s” is not a role here.", role=role[:40]),
            say("Choose one of: %(roles)s.", roles=", ".join(map(say, ROLES.values()))),
            "role",
        )


async def _one_at_a_time(db: Db, actor: Actor) -> None:
    """Changes that could remove an administrator queue on the practice's row: two administrators demoting
    each other at the same moment would otherwise each see the other still there."""
    actor.require("staff.write")
    await db.execute(select(Practice.id).where(Practice.tenant_id == actor.tenant_id).with_for_update())


async def _not_the_last(db: Db, leaving: Staff) -> None:
    others = await db.execute(
        select(Staff.id)
        .where(
            Staff.role == ADMINISTRATOR, Staff.active, Staff.person_id.is_not(None), Staff.id != leaving.id
        )
        .limit(1)
    )
    if leaving.active and leaving.person_id is not None and others.scalar_one_or_none() is None:
        raise Refused(
            "LAST_ADMINISTRATOR",
            say(
                "%(name)s is the only administrator who has joined. Without one, nobody could invite "
                "staff or change the practice.",
                name=leaving.name,
            ),
            say("Make somebody else administrator first."),
        )


async def _already(db: Db, email: str) -> Refused:
    there = (await db.execute(select(Staff.name, Staff.active).where(Staff.email == email))).first()
    name, active = there if there else (say("Somebody"), True)
    if active:
        return Refused(
            "ALREADY_STAFF",
            say("%(name)s is on the list with this e-mail address.", name=name),
            say("Send the invitation again from the list."),
            "email",
        )
    return Refused(
        "ALREADY_STAFF",
        say("%(name)s is on the list with this e-mail address, as somebody who has left.", name=name),
        say("Bring them back from the list of those who left."),
        "email",
    )


async def _npi_is_free(db: Db, npi: str | bool, but: UUID | None) -> None:
    there = select(Staff.name).where(Staff.npi == npi)
    if but is not None:
        there = there.where(Staff.id != but)
    if name := (await db.execute(there.limit(1))).scalar_one_or_none():
        raise Refused(
            "NPI_TAKEN",
            say(
                "%(name)s is on the list with the NPI %(npi)s; one number belongs to one person.",
                name=name,
                npi=npi,
            ),
            say("Compare both with the enrollment letters."),
            "npi",
        )


async def _mail_invitation(db: Db, actor: Actor, staff: Staff) -> None:
    await db.flush()
    names = await db.execute(select(Practice.name).where(Practice.tenant_id == actor.tenant_id))
    practice = names.scalar_one()
    inviting = await db.get(Staff, (actor.tenant_id, actor.staff_id)) if actor.staff_id else None
    to, id, role, tenant_id = staff.email, staff.id, staff.role, actor.tenant_id
    greeting = {
        "name": staff.name,
        "inviting": inviting.name if inviting else practice,
        "practice": practice,
        "role": say(ROLES[role]).lower(),
    }

    async def mail(auth: Db) -> None:
        await links.end(auth, "invite", staff_id=id)
        address = links.issue(
            auth, "invite", to, tenant_id=tenant_id, staff_id=id, details={"role": role, "practice": practice}
        )
        body = say(_INVITATION, **greeting, address=address)
        post(auth, to=to, subject=say("%(practice)s invites you to Carewright", practice=practice), body=body)

    db.after_commit(mail)


_INVITATION = N_("""Hello %(name)s,

%(inviting)s invites you to work with %(practice)s in Carewright, as %(role)s. Join here within three days:

%(address)s

You will choose a password (or use the one you have, if you already work with Carewright elsewhere) and set up an
authenticator app on your phone, which takes about two minutes.
""")
