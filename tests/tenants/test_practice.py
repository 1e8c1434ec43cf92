"""The practice's own settings, its sites, payers and qualifications, and the guided set-up."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from server.errors import Refused
from server.ids import new_id
from server.tenants import payers, practice, qualifications, set_up, sites
from server.tenants.db import auth_db, tenant_db
from server.tenants.tables import AuditEvent, Directory, PolicyChoice

TODAY = date(2026, 11, 22)
KINDS = {"medicare_part_b", "bcbsm"}


async def refused_by(world: Any, who: str, verb: Any) -> Refused:
    actor = world.actor(who)
    with pytest.raises(Refused) as refused:
        async with tenant_db(actor) as db:
            await verb(db, actor)
    assert refused.value.message
    return refused.value


async def test_changing_the_practice(lakeside: Any) -> None:
    ada = lakeside.actor("ada")
    async with tenant_db(ada) as db:
        changed = await practice.change_practice(
            db, ada, name=" Lakeside  Medicine ", npi="1992000004", phone="313 555 0142", time_zone="America/Chicago",
            months_closed=2,
        )  # fmt: skip
    assert (changed.practice.name, changed.practice.phone) == ("Lakeside Medicine", "(313) 555-0142")
    assert "2 billing months were closed with the days of America/Detroit" in changed.warnings[0]
    async with auth_db() as db:
        entry = await db.get(Directory, lakeside.tenant_id)
    assert entry is not None
    assert (entry.name, entry.slug) == ("Lakeside Medicine", lakeside.slug)
    async with tenant_db(ada) as db:
        same = await practice.change_practice(
            db,
            ada,
            name="Lakeside Medicine",
            npi="1992000004",
            phone="",
            time_zone="America/Chicago",
            months_closed=2,
        )
    assert same.warnings == ()
    assert same.practice.phone == ""


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": ""}, "TEXT_MISSING"),
        ({"npi": "1881000001"}, "NPI_CHECK_DIGIT"),
        ({"phone": "x"}, "PHONE_FORM"),
        ({"time_zone": "EST"}, "ZONE_UNKNOWN"),
    ],
)
async def test_bad_changes_change_nothing(lakeside: Any, given: dict[str, str], code: str) -> None:
    values = {"name": "L", "npi": "1992000004", "phone": "", "time_zone": "America/Detroit"} | given
    refused = await refused_by(lakeside, "ada", lambda db, a: practice.change_practice(db, a, **values))
    assert (refused.code, refused.field) == (code, next(iter(given)))


async def test_choosing_by_what_pays_most_needs_a_written_reason(lakeside: Any) -> None:
    ada = lakeside.actor("ada")
    for policy, reason, code in (
        ("max", "", "REASON_MISSING"),
        ("max", "money", "REASON_MISSING"),
        ("best", "", "POLICY_UNKNOWN"),
    ):
        refused = await refused_by(
            lakeside,
            "ada",
            lambda db, a, p=policy, r=reason: practice.set_selection_policy(db, a, policy=p, reason=r),
        )
        assert refused.code == code
    reason = "Our payer asks for the higher-paid of two programs when both fit."
    async with tenant_db(ada) as db:
        row = await practice.set_selection_policy(db, ada, policy="max", reason=reason)
        assert row.selection_policy == "max"
    async with tenant_db(ada, read_only=True) as db:
        event = (
            await db.execute(select(AuditEvent).where(AuditEvent.action == "practice.set_selection_policy"))
        ).scalar_one()
        kept = (
            await db.execute(select(PolicyChoice.policy, PolicyChoice.reason, PolicyChoice.made_by))
        ).one()
    assert event.details == {"before": "accurate", "after": "max"}
    assert kept == ("max", reason, lakeside.staff["ada"])


async def test_sites(lakeside: Any, hillcrest: Any) -> None:
    ada = lakeside.actor("ada")
    async with tenant_db(ada) as db:
        site = await sites.add_site(db, ada, name="Annex", state="mi", zip="48201", phone="3135550142")
        assert (site.state, site.phone) == ("MI", "(313) 555-0142")
        await sites.change_site(db, ada, site.id, name="Annex East", active=False)
        assert [s.name for s in await sites.list_sites(db, ada)] == ["Lakeside Family Medicine, Main Street"]
        assert len(await sites.list_sites(db, ada, with_closed=True)) == 2
    for given, code in (
        ({"state": "Michigan"}, "STATE_UNKNOWN"),
        ({"zip": "4820"}, "ZIP_FORM"),
        ({"name": " "}, "TEXT_MISSING"),
    ):
        values = {"name": "Annex"} | given
        refused = await refused_by(lakeside, "ada", lambda db, a, v=values: sites.add_site(db, a, **v))
        assert refused.code == code
    answers = {
        (
            await refused_by(lakeside, "ada", lambda db, a, i=id: sites.change_site(db, a, i, name="Mine"))
        ).message
        for id in (hillcrest.site_id, new_id())
    }
    assert len(answers) == 1


async def test_payers(lakeside: Any, hillcrest: Any) -> None:
    ada = lakeside.actor("ada")
    async with tenant_db(ada) as db:
        added = await payers.add_payer(db, ada, name="Priority Health", known_kinds=KINDS)
        assert added.kind == ""
        changed = await payers.change_payer(
            db,
            ada,
            lakeside.payers["unknown"],
            name="Acme Mutual PPO",
            kind="bcbsm",
            active=False,
            known_kinds=KINDS,
        )
        assert (changed.kind, changed.active) == ("bcbsm", False)
        assert "Acme Mutual PPO" not in [p.name for p in await payers.list_payers(db, ada)]
        kept = await payers.change_payer(  # a kind whose plugin is gone may stay as it is
            db,
            ada,
            lakeside.payers["medicare_part_b"],
            name="Medicare Part B",
            kind="medicare_part_b",
            known_kinds=(),
        )
        assert kept.kind == "medicare_part_b"
    for given, code in (
        ({"kind": "nobody"}, "KIND_UNKNOWN"),
        ({"name": "MEDICARE part b"}, "PAYER_THERE"),
        ({"name": "\x00"}, "TEXT_UNSEEN"),
    ):
        values = {"name": "Some Payer", "known_kinds": KINDS} | given
        refused = await refused_by(lakeside, "ada", lambda db, a, v=values: payers.add_payer(db, a, **v))
        assert refused.code == code
    answers = {
        (await refused_by(lakeside, "ada", lambda db, a, i=id: payers.payer_for(db, a, i))).message
        for id in (hillcrest.payers["bcbsm"], new_id())
    }
    assert len(answers) == 1


async def test_qualifications_are_dated(lakeside: Any, hillcrest: Any) -> None:
    ada, nora = lakeside.actor("ada"), lakeside.staff["nora"]
    async with tenant_db(ada) as db:
        made = await qualifications.add_qualification(
            db,
            ada,
            nora,
            kind="licence",
            name="np",
            number="4704",
            region="MI",
            from_on=date(2026, 1, 1),
            today=TODAY,
        )
        closed = await qualifications.close_qualification(
            db, ada, made.id, to_on=date(2026, 6, 30), today=TODAY
        )
        assert closed.to_on == date(2026, 6, 30)
        await qualifications.add_qualification(
            db, ada, nora, kind="licence", name="np", from_on=date(2026, 7, 1), today=TODAY
        )
        of_nora = await qualifications.list_qualifications(db, ada, staff_id=nora)
        assert sum(q.name == "np" for q in of_nora) == 2
        assert len(await qualifications.list_qualifications(db, ada)) > len(of_nora)
    fine = {"kind": "discipline", "name": "np", "from_on": date(2026, 1, 1)}
    for given, code in (
        ({"kind": "degree"}, "KIND_UNKNOWN"),
        ({"name": "wizard"}, "DISCIPLINE_UNKNOWN"),
        ({"from_on": date(206, 1, 1)}, "DATE_FAR"),
        ({"from_on": date(9999, 1, 1)}, "DATE_FAR"),
        ({"to_on": date(2025, 12, 31)}, "ENDS_BEFORE_START"),
        ({"to_on": date(9999, 12, 31)}, "DATE_FAR"),
        ({"name": "rn", "to_on": date(2026, 5, 1)}, "QUALIFICATION_THERE"),
    ):
        refused = await refused_by(
            lakeside,
            "ada",
            lambda db, a, v=fine | given: qualifications.add_qualification(db, a, nora, today=TODAY, **v),
        )
        assert refused.code == code, given
    answers = {
        (
            await refused_by(
                lakeside,
                "ada",
                lambda db, a, i=id: qualifications.add_qualification(db, a, i, today=TODAY, **fine),
            )
        ).code
        for id in (hillcrest.staff["nora"], new_id())
    }
    assert answers == {"NOT_FOUND"}
    assert (
        await refused_by(
            lakeside,
            "ada",
            lambda db, a: qualifications.close_qualification(db, a, new_id(), to_on=TODAY, today=TODAY),
        )
    ).code == "NOT_FOUND"


async def test_set_up_is_computed(lakeside: Any, superuser: Any) -> None:
    ada = lakeside.actor("ada")
    await superuser("update practice set set_up_done_at = null where tenant_id = :id", id=lakeside.tenant_id)
    await superuser("delete from site where tenant_id = :id", id=lakeside.tenant_id)
    async with tenant_db(ada, read_only=True) as db:
        state = await set_up.set_up_of(db, ada, patients=0)
    assert [(s.key, s.done) for s in state.steps] == [
        ("sites", False), ("providers", True), ("payers", True), ("staff", False), ("patients", False),
    ]  # fmt: skip
    assert state.next is not None
    assert (state.next.key, state.ready, state.finished) == ("sites", False, False)
    refused = await refused_by(lakeside, "ada", lambda db, a: set_up.finish_set_up(db, a, patients=3))
    assert refused.code == "SET_UP_UNFINISHED"
    assert "Where you see people" in refused.message
    async with tenant_db(ada) as db:
        await sites.add_site(db, ada, name="Main")
        assert (await set_up.finish_set_up(db, ada, patients=3)).set_up_done_at is not None
        assert (await set_up.set_up_of(db, ada, patients=3)).finished


async def test_only_administrators_change_the_practice(lakeside: Any) -> None:
    for who in ("nora", "dr_lin", "mika", "fred", "bill", "mona"):
        for verb in (
            lambda db, a: practice.change_practice(
                db, a, name="X", npi="1992000004", phone="", time_zone="America/Detroit"
            ),
            lambda db, a: practice.set_selection_policy(db, a, policy="accurate"),
            lambda db, a: sites.add_site(db, a, name="X"),
            lambda db, a: sites.change_site(db, a, lakeside.site_id, name="X"),
            lambda db, a: payers.add_payer(db, a, name="X", known_kinds=()),
            lambda db, a: payers.change_payer(db, a, lakeside.payers["bcbsm"], name="X", known_kinds=()),
            lambda db, a: set_up.finish_set_up(db, a, patients=1),
            lambda db, a: qualifications.add_qualification(
                db, a, a.staff_id, kind="licence", name="md", from_on=TODAY, today=TODAY
            ),
        ):
            assert (await refused_by(lakeside, who, verb)).code == "NOT_ALLOWED"
        actor = lakeside.actor(who)
        async with tenant_db(actor, read_only=True) as db:
            assert (await practice.practice_of(db, actor)).id == lakeside.tenant_id
