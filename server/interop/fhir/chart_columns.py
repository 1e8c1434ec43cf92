"""Chart facts as our tables hold them: which column says what. Pure: values in, values out.

A column that holds less than the source knew (a day where only a year was given, one code where there were three)
loses nothing for good: the raw record keeps it, and a note says so where a reader could be misled.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from server.interop.fhir.dates import When
from server.interop.fhir.rows import (
    AllergyRow,
    Coded,
    Coding,
    Component,
    ConditionRow,
    ImmunizationRow,
    MedicationRow,
    ObservationRow,
    ProcedureRow,
    StayRow,
    Value,
    VisitRow,
)
from server.words import N_, say

Columns = dict[str, object]
ChartRow = (
    ConditionRow
    | MedicationRow
    | AllergyRow
    | ObservationRow
    | VisitRow
    | StayRow
    | ProcedureRow
    | ImmunizationRow
)

ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"

_SETTINGS = {  # HL7 v3 ActEncounterCode
    "AMB": "ambulatory",
    "EMER": "emergency",
    "FLD": "field",
    "HH": "home",
    "VR": "virtual",
    "IMP": "inpatient",
    "ACUTE": "inpatient",
    "NONAC": "inpatient",
    "OBSENC": "observation",
    "PRENC": "pre-admission",
    "SS": "short stay",
}
_STAYS = {"inpatient": "inpatient", "observation": "observation", "nursing": "skilled_nursing"}
_STAY_LABELS = {
    "inpatient": N_("Inpatient stay"),
    "observation": N_("Observation stay"),
    "nursing": N_("Nursing stay"),
}
_OBSERVATION_CATEGORIES = (
    "vital-signs",
    "laboratory",
    "survey",
    "social-history",
    "imaging",
    "exam",
    "procedure",
    "therapy",
    "activity",
)
_LARGEST = Decimal(10) ** 12  # the observation table's numeric(18, 6)


def fact_columns(row: ChartRow, zone: str) -> tuple[str, Columns] | str:
    """The table a chart row belongs to and its columns, or a sentence that says why it cannot be kept.

    zone: IANA name of the practice's; a day without a time is kept as that day's first moment there.
    """
    if isinstance(row, ConditionRow):
        return "condition", _condition(row)
    if isinstance(row, MedicationRow):
        return "medication", _medication(row)
    if isinstance(row, AllergyRow):
        return "allergy", _allergy(row)
    if isinstance(row, ObservationRow):
        return "observation", _observation(row, zone)
    if isinstance(row, VisitRow):
        return "visit", _visit(row, zone)
    if isinstance(row, StayRow):
        return _stay(row, zone)
    if isinstance(row, ProcedureRow):
        return "procedure", _procedure(row, zone)
    return "procedure", _immunization(row, zone)


def _condition(row: ConditionRow) -> Columns:
    doubtful = row.verification_status in ("refuted", "unconfirmed", "provisional", "differential")
    notes = [
        row.note,
        row.severity and say("Severity: %(severity)s.", severity=row.severity),
        _said(N_("Began: %(words)s."), row.onset_text),
        _vague(N_("Began %(when)s; the day is not known."), row.onset),
        _said(N_("Ended: %(words)s."), row.abatement_text),
        _vague(N_("Ended %(when)s; the day is not known."), row.abatement),
    ]
    return _labelled(row.code, ICD10, SNOMED) | {
        "status": row.verification_status if doubtful else row.clinical_status,
        "category": next(iter(row.categories), ""),
        "onset_on": row.onset.day if row.onset else None,
        "ended_on": row.abatement.day if row.abatement else None,
        "note": _joined(notes),
    }


def _medication(row: MedicationRow) -> Columns:
    began = row.start or row.authored
    dosage = row.dosage
    if row.as_needed and "as needed" not in dosage.lower():
        dosage = say("%(dosage)s, as needed", dosage=dosage) if dosage else say("as needed")
    notes = [
        row.note,
        row.prescriber and say("From %(prescriber)s.", prescriber=row.prescriber),
        _vague(N_("Since %(when)s; the day is not known."), began),
    ]
    return _labelled(row.code, RXNORM) | {
        "status": "do-not-give" if row.not_to_be_given else row.status,
        "dosage": dosage,
        "started_on": began.day if began else None,
        "ended_on": row.end.day if row.end else None,
        "reason": ", ".join(row.reasons),
        "note": _joined(notes),
    }


def _allergy(row: AllergyRow) -> Columns:
    reactions = [
        ", ".join(part for part in (*each.manifestations, each.severity, each.substance) if part)
        for each in row.reactions
    ]
    doubtful = row.verification_status in ("refuted", "unconfirmed")
    return _labelled(row.code, RXNORM, SNOMED) | {
        "status": row.verification_status if doubtful else row.clinical_status,
        "criticality": row.criticality,
        "reaction": "; ".join(reaction for reaction in reactions if reaction),
        "onset_on": row.onset.day if row.onset else None,
        "note": _joined([row.note, _vague(N_("Since %(when)s; the day is not known."), row.onset)]),
    }


def _observation(row: ObservationRow, zone: str) -> Columns:
    known = [category for category in _OBSERVATION_CATEGORIES if category in row.categories]
    number = row.value.number if row.value else None
    notes = [
        row.note,
        row.reference_range and say("Normal: %(range)s.", range=row.reference_range),
        _vague(N_("Measured %(when)s; the day is not known."), row.effective),
    ]
    return _labelled(row.code, LOINC) | {
        "status": row.status,
        "category": next(iter([*known, *row.categories]), ""),
        "at": _instant(row.effective or row.issued, zone),
        "value": number if number is not None and abs(number) < _LARGEST else None,
        "unit": row.value.unit if row.value else "",
        "value_text": _value_text(row.value) or row.absent,
        "components": [_component(each) for each in row.components],
        "interpretation": ", ".join(each.text for each in row.interpretation),
        "note": _joined(notes),
    }


def _component(each: Component) -> Columns:
    """JSON: numbers as text, so that no digit is lost on the way."""
    coding = _chosen(each.code, LOINC)
    return {
        "code_system": coding.system,
        "code": coding.code,
        "label": each.code.text,
        "value": f"{each.value.number:f}" if each.value and each.value.number is not None else None,
        "unit": each.value.unit if each.value else "",
        "value_text": _value_text(each.value) or each.absent,
        "interpretation": ", ".join(concept.text for concept in each.interpretation),
        "normal": each.reference_range,
    }


def _visit(row: VisitRow, zone: str) -> Columns:
    kind = _SETTINGS.get(row.setting.code, row.setting.display or row.setting.code)
    described = next(iter(row.types), Coded(kind or say("visit")))
    return _labelled(described, SNOMED) | {
        "status": row.status,
        "kind": kind,
        "started_at": _instant(row.start, zone),
        "ended_at": _instant(row.end, zone),
        "reason": ", ".join(row.reasons),
        "provider": row.provider,
        "place": row.organization or row.location,
        "note": _vague(N_("Began %(when)s; the day is not known."), row.start),
    }


def _stay(row: StayRow, zone: str) -> tuple[str, Columns] | str:
    admitted = _instant(row.admitted, zone)
    if admitted is None:
        return say("The stay does not say when it began, so no one can tell which days it covers.")
    reason = ", ".join(row.reasons)
    notes = [
        _vague(N_("Began %(when)s; the day is not known."), row.admitted),
        _vague(N_("Ended %(when)s; the day is not known."), row.discharged),
    ]
    return "stay", {
        "code_system": "",
        "code": "",
        "label": reason or say(_STAY_LABELS[row.form]),
        "status": row.status,
        "kind": _STAYS[row.form],
        "from_at": admitted,
        "to_at": _instant(row.discharged, zone),
        "facility": row.facility,
        "discharged_to": row.disposition.text if row.disposition else "",
        "note": _joined(notes),
    }


def _procedure(row: ProcedureRow, zone: str) -> Columns:
    by = ", ".join(row.performers)
    reasons = ", ".join(row.reasons)
    notes = [
        row.note,
        _said(N_("Done: %(words)s."), row.performed_text),
        by and say("By %(performers)s.", performers=by),
        reasons and say("For %(reasons)s.", reasons=reasons),
        _vague(N_("Done %(when)s; the day is not known."), row.start),
    ]
    return _labelled(row.code, SNOMED) | {
        "status": row.status,
        "kind": "procedure",
        "started_at": _instant(row.start, zone),
        "ended_at": _instant(row.end, zone),
        "note": _joined(notes),
    }


def _immunization(row: ImmunizationRow, zone: str) -> Columns:
    lot = row.lot_number and say("Lot %(lot_number)s.", lot_number=row.lot_number)
    notes = [
        row.note,
        _said(N_("Given: %(words)s."), row.given_text),
        _said(N_("Not given: %(words)s."), row.not_given_because),
        lot,
    ]
    if row.from_own_record is False:
        notes.append(say("Told, not from the record of who gave it."))
    return _labelled(row.code, CVX) | {
        "status": row.status,
        "kind": "immunization",
        "started_at": _instant(row.given, zone),
        "ended_at": None,
        "note": _joined([*notes, _vague(N_("Given %(when)s; the day is not known."), row.given)]),
    }


# --- parts ----------------------------------------------------------------------------------------------------


def _labelled(concept: Coded, *preferred: str) -> Columns:
    coding = _chosen(concept, *preferred)
    return {"code_system": coding.system, "code": coding.code, "label": concept.text}


def _chosen(concept: Coded, *preferred: str) -> Coding:
    """The coding of the first preferred system that has one, else the first coding."""
    for system in preferred:
        for coding in concept.codings:
            if coding.system == system and coding.code:
                return coding
    return next(iter(concept.codings), Coding("", ""))


def _value_text(value: Value | None) -> str:
    """What `value` and `unit` cannot say: words, and how a number is bounded."""
    if value is None:
        return ""
    plain = value.number is not None and not value.comparator and abs(value.number) < _LARGEST
    return "" if plain else value.text


def _instant(when: When | None, zone: str) -> datetime | None:
    if when is None:
        return None
    if when.instant is not None:
        return when.instant
    try:
        return datetime.combine(when.day, time(0), ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:
        return datetime.combine(when.day, time(0), UTC)


def _vague(message: str, when: When | None) -> str:
    """A word about a date that was known less exactly than its column says."""
    return say(message, when=when.text) if when and when.precision in ("year", "month") else ""


def _said(message: str, words: str) -> str:
    return say(message, words=words) if words else ""


def _joined(notes: Iterable[str]) -> str:
    return "\n".join(note for note in notes if note)
