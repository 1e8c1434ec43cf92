"""What this practice billed in earlier months, as far as payer rules ask about it: services that are paid once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from carewright_plugin_api.facts import BilledService
from sqlalchemy import JSON, and_, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from server.claims.tables import ClaimLine, MonthDecision
from server.plugin_host.discover import plugins
from server.tenants.db import Db


@dataclass(frozen=True, slots=True)
class EarlierLine:
    """A line of an earlier month. practitioner: who billed it, None where nobody was named."""

    code: str
    on: date
    modifiers: tuple[str, ...]
    practitioner: str | None
    condition: str | None

    def billed(self, practitioner: UUID | None) -> BilledService:
        """As a fact for the month of `practitioner`. Where one of the two is unknown they are taken as the same."""
        unknown = self.practitioner is None or practitioner is None
        return BilledService(
            self.code,
            self.on,
            same_practitioner=unknown or self.practitioner == str(practitioner),
            same_group=True,
            modifiers=self.modifiers,
            diagnosis=self.condition,
        )


async def earlier_lines(db: Db, ids: Sequence[UUID], month: str) -> dict[UUID, list[EarlierLine]]:
    """The remembered services on the newest decisions of the months before `month`, by patient."""
    remembered = plugins().remembered()
    if not remembered:
        return {}
    newest = (
        select(
            MonthDecision.tenant_id,
            MonthDecision.id,
            MonthDecision.patient_id,
            MonthDecision.facts,
        )
        .where(MonthDecision.patient_id.in_(ids), MonthDecision.month < month)
        .ext(distinct_on(MonthDecision.patient_id, MonthDecision.month))
        .order_by(MonthDecision.patient_id, MonthDecision.month, MonthDecision.version.desc())
        .subquery()
    )
    modifiers = func.nullif(func.array_to_string(ClaimLine.modifiers, "-"), "")
    rows = await db.execute(
        select(
            newest.c.patient_id,
            ClaimLine.code,
            ClaimLine.service_on,
            ClaimLine.modifiers,
            cast(func.nullif(newest.c.facts, ""), JSON)["billing_practitioner"]["id"].as_string(),
            ClaimLine.facts_used,
        )
        .join(
            ClaimLine,
            and_(ClaimLine.tenant_id == newest.c.tenant_id, ClaimLine.decision_id == newest.c.id),
        )
        .where(func.concat_ws("-", ClaimLine.code, modifiers).in_(remembered))
        .order_by(newest.c.patient_id, ClaimLine.service_on, ClaimLine.code, ClaimLine.id)
    )
    found: dict[UUID, list[EarlierLine]] = defaultdict(list)
    for patient_id, code, on, held, practitioner, used in rows:
        condition = next((fact["value"] for fact in used if fact["name"] == "condition"), None)
        found[patient_id].append(EarlierLine(code, on, tuple(held), practitioner, condition))
    return found
