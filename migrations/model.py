"""Every room's tables, gathered. A new room adds its line here; a house test notices one that is missing."""

import server.assessments.tables
import server.claims.tables
import server.duplicates.tables
import server.encounters.tables
import server.enrollment.referral_tables
import server.enrollment.tables
import server.interop.tables
import server.minutes.tables
import server.patients.tables
import server.plans.tables
import server.tasks.tables
import server.tenants.tables
from server.tables import Table

METADATA = Table.metadata

__all__ = ["METADATA", "server"]
