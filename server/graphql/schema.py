"""The rooms put together. `carewright schema` prints what this makes; server/graphql/schema.graphql is its committed
copy, and a change to it is reviewed like code: additions only."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from server.graphql.assessments import AssessmentsMutation, AssessmentsQuery
from server.graphql.audit import AuditQuery
from server.graphql.billing import BillingMutation, BillingQuery
from server.graphql.claims import ClaimsMutation, ClaimsQuery, ClaimsSubscription
from server.graphql.connections import NodeQuery
from server.graphql.consents import ConsentsMutation, ConsentsQuery
from server.graphql.drafts import DraftsMutation, DraftsQuery
from server.graphql.duplicates import DuplicatesMutation, DuplicatesQuery
from server.graphql.encounters import EncountersMutation
from server.graphql.enrollment import EnrollmentMutation
from server.graphql.evidence import EvidenceQuery
from server.graphql.hours import HoursMutation, HoursQuery
from server.graphql.imports import ImportsQuery
from server.graphql.introductions import IntroductionsMutation, IntroductionsQuery
from server.graphql.jobs import JobsMutation, JobsQuery
from server.graphql.minutes import MinutesMutation
from server.graphql.overrides import OverridesMutation, OverridesQuery
from server.graphql.patients import PatientsMutation, PatientsQuery
from server.graphql.places import PlacesMutation, PlacesQuery
from server.graphql.plans import PlansMutation
from server.graphql.practice import PracticeMutation, PracticeQuery
from server.graphql.prerequisites import PrerequisitesMutation, PrerequisitesQuery
from server.graphql.referrals import ReferralsMutation, ReferralsQuery, ReferralsSubscription
from server.graphql.refusals import GuardedSchema
from server.graphql.scalars import SCALARS
from server.graphql.sheets import SheetsMutation, SheetsQuery
from server.graphql.signed_claims import SignedClaimsMutation, SignedClaimsQuery
from server.graphql.staff import StaffMutation, StaffQuery
from server.graphql.tasks import TasksMutation, TasksQuery
from server.graphql.timers import TimersMutation, TimersQuery
from server.graphql.tokens import TokensMutation, TokensQuery


@strawberry.type
class Query(
    NodeQuery,
    PatientsQuery,
    DuplicatesQuery,
    ConsentsQuery,
    PrerequisitesQuery,
    ReferralsQuery,
    IntroductionsQuery,
    ImportsQuery,
    SheetsQuery,
    AuditQuery,
    JobsQuery,
    DraftsQuery,
    AssessmentsQuery,
    ClaimsQuery,
    EvidenceQuery,
    SignedClaimsQuery,
    BillingQuery,
    OverridesQuery,
    PracticeQuery,
    StaffQuery,
    HoursQuery,
    PlacesQuery,
    TokensQuery,
    TimersQuery,
    TasksQuery,
):
    pass


@strawberry.type
class Mutation(
    PatientsMutation,
    DuplicatesMutation,
    SheetsMutation,
    EnrollmentMutation,
    ConsentsMutation,
    PrerequisitesMutation,
    ReferralsMutation,
    IntroductionsMutation,
    PlansMutation,
    AssessmentsMutation,
    EncountersMutation,
    DraftsMutation,
    MinutesMutation,
    JobsMutation,
    ClaimsMutation,
    SignedClaimsMutation,
    BillingMutation,
    OverridesMutation,
    PracticeMutation,
    StaffMutation,
    HoursMutation,
    PlacesMutation,
    TokensMutation,
    TimersMutation,
    TasksMutation,
):
    pass


@strawberry.type
class Subscription(ClaimsSubscription, ReferralsSubscription):
    pass


SCHEMA = GuardedSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(scalar_map=dict(SCALARS), disable_field_suggestions=True),
)


def sdl() -> str:
    """The schema in GraphQL's own language, as committed beside this file."""
    return SCHEMA.as_str() + "\n"
