"""The types around a person: details, ways to reach them, supports, coverage, diagnoses, chart facts, story."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum

import strawberry

from server.graphql.connections import Node, global_id
from server.patients import chart
from server.patients.details import DetailsRow
from server.patients.diagnoses import CodeRow


@strawberry.type(description="What lists do not show.")
class PatientDetails:
    sex: str
    birth_sex: str
    gender_identity: str
    pronouns: str
    races: list[str]
    ethnicity: str
    marital_status: str
    contact_notes: str = strawberry.field(description="When and how this person likes to be reached.")
    confidential_contact: str = strawberry.field(description="If not empty, the only way to reach them.")
    revision: int = strawberry.field(
        description="Send it back with a change, so that nobody's words are lost."
    )
    source: str

    @classmethod
    def of(cls, row: DetailsRow) -> "PatientDetails":
        return cls(**{name: getattr(row, name) for name in DetailsRow.__dataclass_fields__})


@strawberry.type(description="In the person's own words; the newest saving.")
class Story:
    what_matters: str
    story: str
    told_by: str
    told_at: datetime

    @classmethod
    def of(cls, row: chart.StoryRow) -> "Story":
        return cls(what_matters=row.what_matters, story=row.story, told_by=row.told_by, told_at=row.made_at)


@strawberry.type
class ContactWay(Node):
    kind: str
    value: str
    use: str
    rank: int
    message_ok: bool
    note: str
    best_time: str = strawberry.field(
        description="When they are best reached this way, in words; may be empty."
    )

    @classmethod
    def of(cls, row: chart.ContactWayRow) -> "ContactWay":
        return cls(
            id=global_id("ContactWay", row.id),
            kind=row.kind,
            value=row.value,
            use=row.use,
            rank=row.rank,
            message_ok=row.message_ok,
            note=row.note,
            best_time=row.best_time,
        )


@strawberry.type
class Address(Node):
    use: str
    street: str
    city: str
    state: str
    zip: str

    @classmethod
    def of(cls, row: chart.AddressRow) -> "Address":
        return cls(
            id=global_id("Address", row.id),
            use=row.use,
            street=row.street,
            city=row.city,
            state=row.state,
            zip=row.zip,
        )


@strawberry.type
class SupportPerson(Node):
    name: str
    kind: str
    relationship: str
    legal_role: str
    phone: str
    may_discuss: str = strawberry.field(description="Topics, in words; empty means nothing may be discussed.")
    helps_with: str

    @classmethod
    def of(cls, row: chart.SupportRow) -> "SupportPerson":
        return cls(
            id=global_id("SupportPerson", row.id),
            name=row.name,
            kind=row.kind,
            relationship=row.relationship_words,
            legal_role=row.legal_role,
            phone=row.phone,
            may_discuss=row.may_discuss,
            helps_with=row.helps_with,
        )


@strawberry.type
class CareTeamMember(Node):
    part: str
    name: str
    from_on: date

    @classmethod
    def of(cls, row: chart.CareTeamRow) -> "CareTeamMember":
        return cls(id=global_id("CareTeamMember", row.id), part=row.part, name=row.name, from_on=row.from_on)


@strawberry.type
class Coverage(Node):
    payer: str
    product: str
    member_id: str
    rank: int
    from_on: date
    to_on: date | None
    replaces_part_b: bool
    qualified_beneficiary: bool
    care_management_benefit: bool | None
    group_number: str
    relationship: str = strawberry.field(
        description="What the person is to the subscriber: self, spouse, child, life_partner or other."
    )
    subscriber_family_name: str
    subscriber_given_names: str
    subscriber_birth_date: date | None
    subscriber_sex: str

    @classmethod
    def of(cls, row: chart.CoverageRow) -> "Coverage":
        return cls(
            id=global_id("Coverage", row.id),
            payer=row.payer_name,
            product=row.product,
            member_id=row.member_id,
            rank=row.rank,
            from_on=row.from_on,
            to_on=row.to_on,
            replaces_part_b=row.replaces_part_b,
            qualified_beneficiary=row.qualified_beneficiary,
            care_management_benefit=row.care_management_benefit,
            group_number=row.group_number,
            relationship=row.relationship,
            subscriber_family_name=row.subscriber_family_name,
            subscriber_given_names=row.subscriber_given_names,
            subscriber_birth_date=row.subscriber_birth_date,
            subscriber_sex=row.subscriber_sex,
        )


@strawberry.type
class Diagnosis(Node):
    code: str
    label: str
    chronic: bool
    from_on: date
    to_on: date | None

    @classmethod
    def of(cls, row: chart.DiagnosisRow) -> "Diagnosis":
        return cls(
            id=global_id("Diagnosis", row.id),
            code=row.code,
            label=row.label,
            chronic=row.chronic,
            from_on=row.from_on,
            to_on=row.to_on,
        )


@strawberry.type(description="One code of the public ICD-10-CM set.")
class DiagnosisCode:
    code: str
    label: str
    billable: bool

    @classmethod
    def of(cls, row: CodeRow) -> "DiagnosisCode":
        return cls(code=row.code, label=row.label, billable=row.billable)


@strawberry.enum(description="Kinds of chart facts.")
class ChartKind(Enum):
    CONDITION = "condition"
    MEDICATION = "medication"
    ALLERGY = "allergy"
    OBSERVATION = "observation"
    VISIT = "visit"
    PROCEDURE = "procedure"
    STAY = "stay"


@strawberry.type(description="A fact of the chart, and who told us.")
class ChartFact(Node):
    kind: ChartKind
    label: str
    status: str
    code: str
    code_system: str
    when: str = strawberry.field(description="A day or an instant, in ISO form; empty when nobody knows.")
    until: str
    detail: str
    value: Decimal | None
    unit: str
    source: str

    @classmethod
    def of(cls, row: chart.FactRow) -> "ChartFact":
        return cls(
            id=global_id("ChartFact", row.id),
            kind=ChartKind(row.kind),
            label=row.label,
            status=row.status,
            code=row.code,
            code_system=row.code_system,
            when="" if row.when is None else row.when.isoformat(),
            until="" if row.until is None else row.until.isoformat(),
            detail=row.detail,
            value=row.value,
            unit=row.unit,
            source=row.source,
        )
