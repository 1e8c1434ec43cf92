from cast import World
from sqlalchemy import select

from server.tenants.db import tenant_db
from server.tenants.tables import Staff


async def test_each_practice_sees_its_own_staff_only(lakeside: World, hillcrest: World) -> None:
    for world in (lakeside, hillcrest):
        async with tenant_db(world.actor("ada"), read_only=True) as db:
            seen = set((await db.execute(select(Staff.id))).scalars())
        assert seen == set(world.staff.values())
