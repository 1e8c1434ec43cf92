from datetime import date
from typing import Any

from cast import World

from server.graphql.connections import global_id
from server.patients.actions import NewPatient, register_patient
from server.tenants.db import tenant_db


async def test_the_administrator_sees_who_opened_a_record_and_nobody_else_does(
    lakeside: World, hillcrest: World, browse: Any, ask: Any
) -> None:
    fred = lakeside.actor("fred")
    async with tenant_db(fred) as db:
        ruth = (await register_patient(db, fred, NewPatient("Walker", "Ruth", date(1944, 5, 2)))).id
    await browse(lakeside, "rosa").get(f"/people/{ruth}")
    page = (await browse(lakeside, "ada").get(f"/people/{ruth}/openings")).text
    for words in ("Fred Okafor", "Rosa Ortiz", "Changed", "Looked"):
        assert words in page, words
    assert (await browse(lakeside, "rosa").get(f"/people/{ruth}/openings")).status_code == 403
    assert (await browse(hillcrest, "ada").get(f"/people/{ruth}/openings")).status_code == 404
    document = "query ($id: ID!) { openings(patientId: $id) { staffName effect } }"
    told = (await ask(lakeside, "ada", document, id=global_id("Patient", ruth)))["data"]["openings"]
    assert {"Fred Okafor", "Rosa Ortiz"} <= {one["staffName"] for one in told}
