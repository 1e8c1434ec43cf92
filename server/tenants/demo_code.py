"""The current authenticator code of a demo person, for `carewright demo code` and the sign-in page on
loopback."""

from sqlalchemy import select

from server.clock import now
from server.errors import Refused
from server.tenants import totp
from server.tenants.db import auth_db
from server.tenants.names import fold_email
from server.tenants.tables import Directory, Membership, Person
from server.words import say, say_of


async def current_code(email: str) -> str:
    """Six digits that will open the door now; the next ones if those of this half minute were used.

    Only for people all of whose practices are demo practices. Raises Refused NOT_DEMO or WAIT_FOR_CODE.
    """
    async with auth_db() as db:
        rows = (
            await db.execute(
                select(Person, Directory.demo)
                .join(Membership, Membership.person_id == Person.id)
                .join(Directory, Directory.id == Membership.tenant_id)
                .where(Person.email == fold_email(email))
            )
        ).all()
    if not rows or not all(demo for _, demo in rows) or rows[0][0].totp_secret is None:
        raise Refused(
            "NOT_DEMO",
            say("Codes are shown here only for the invented people of the demo practices."),
            say("Use an address that was printed when the demo was made, such as nora@lakeside.example."),
            "email",
        )
    person: Person = rows[0][0]
    at = now()
    current = totp.step_at(at)
    step = max(current, person.totp_last_step + 1)
    if step > current + totp.DRIFT_STEPS:
        seconds = (step - totp.DRIFT_STEPS) * totp.STEP_SECONDS - int(at.timestamp())
        raise Refused(
            "WAIT_FOR_CODE",
            say("The codes of this minute are used up."),
            say_of("Try again in %(n)s second.", "Try again in %(n)s seconds.", seconds),
        )
    return totp.code_at(totp.unseal_secret(person.id, person.totp_secret or b""), step)


async def is_demo_person(email: str) -> bool:
    """Whether `current_code` would answer for this address."""
    try:
        await current_code(email)
    except Refused as refused:
        return refused.code == "WAIT_FOR_CODE"
    return True


async def demo_slugs() -> frozenset[str]:
    """Which demo practices are open in this house; empty in a real one."""
    async with auth_db() as db:
        rows = await db.execute(select(Directory.slug).where(Directory.demo, Directory.state == "open"))
        return frozenset(rows.scalars())
