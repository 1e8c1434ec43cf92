"""People who are here, as a table sees them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from server.interop.sheets.verdicts import Here, reach
from server.interop.tables import Sheet
from server.lookups import for_each
from server.patients.coverage_overlap import Covered
from server.patients.tables import Address, ContactWay, Coverage, Patient
from server.tenants.db import Db
from server.tenants.tables import Payer

DETAILS: Final = (
    "family_name",
    "given_names",
    "preferred_name",
    "birth_date",
    "sex",
    "language",
    "contact_notes",
)


async def here(db: Db, patient_ids: Iterable[UUID], today: date) -> dict[UUID, Here]:
    """People as a table sees them."""
    ids = set(patient_ids)
    if not ids:
        return {}
    ways: dict[tuple[UUID, bool], set[tuple[str, str]]] = defaultdict(set)
    for patient_id, active, kind, value in await db.execute(
        for_each(
            select(ContactWay.patient_id, ContactWay.active, ContactWay.kind, ContactWay.value),
            ContactWay.patient_id,
            ids,
        )
    ):
        ways[patient_id, active].update(reach(kind, value))
    addresses = {
        row[0]: dict(zip(("id", "street", "city", "state", "zip"), row[1:], strict=True))
        for row in await db.execute(
            for_each(
                select(
                    Address.patient_id, Address.id, Address.street, Address.city, Address.state, Address.zip
                )
                .where(Address.to_on.is_(None), Address.use == "home")
                .order_by(Address.from_on.nulls_first(), Address.id),
                Address.patient_id,
                ids,
            )
        )
    }
    in_force: dict[UUID, dict[str, Any]] = {}
    ended: dict[UUID, dict[str, Any]] = {}
    covered: dict[UUID, list[Covered]] = defaultdict(list)
    for row in (
        await db.execute(
            for_each(
                select(
                    Coverage.patient_id, Coverage.id, Coverage.member_id, Coverage.group_number, Coverage.from_on,
                    Coverage.to_on, Payer.name.label("payer"),
                )
                .join(Payer, (Payer.tenant_id == Coverage.tenant_id) & (Payer.id == Coverage.payer_id))
                .where(Coverage.rank == 1)
                .order_by(Coverage.from_on, Coverage.id),
                Coverage.patient_id,
                ids,
            )
        )
    ).mappings():  # fmt: skip
        coverage = dict(row)
        id = coverage.pop("patient_id")
        if coverage["to_on"] is not None and coverage["to_on"] < today:
            ended[id] = coverage
        elif coverage["from_on"] <= today or id not in in_force:
            in_force[id] = coverage
        covered[id].append(Covered(coverage["payer"], coverage["from_on"], coverage["to_on"]))
    rows = await db.execute(
        for_each(
            select(Patient.id, Patient.record_number, *(getattr(Patient, name) for name in DETAILS)),
            Patient.id,
            ids,
        )
    )
    return {
        id: Here(
            id, record_number, dict(zip(DETAILS, details, strict=True)), frozenset(ways[id, True]),
            frozenset(ways[id, False]), addresses.get(id, {}), in_force.get(id, {}), ended.get(id, {}),
            tuple(covered[id]),
        )
        for id, record_number, *details in rows
    }  # fmt: skip


def source_of(sheet: Sheet) -> str:
    """Where people who came with a table are from."""
    return f"sheet:{sheet.id}"
