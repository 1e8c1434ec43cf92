"""Conditions, medicines, allergies, procedures and immunizations."""

from server.interop.fhir.dates import When
from server.interop.fhir.elements import Node, from_to, joined, said
from server.interop.fhir.names import concept_of, name_of
from server.interop.fhir.rows import (
    AllergyRow,
    Coded,
    ConditionRow,
    ImmunizationRow,
    MedicationRow,
    ProcedureRow,
    Provenance,
    Reaction,
    Reference,
)
from server.words import N_, say, say_of


def named(node: Node, name: str, without: str) -> Coded:
    """The code a record cannot do without. without: the message that says so."""
    concept = said(node.coded(name))
    if concept is None:
        node.bad(name, say(without))
    return concept


def status(node: Node, name: str, allowed: str) -> str:
    """A status from FHIR's list: unknown words are a BadRow, for they can turn the record's meaning around."""
    given = node.given.get(name)
    if given is None:
        return ""
    if not isinstance(given, str):
        node.bad(name, say("Its status is not a word, which FHIR R4 does not know."))
    if given not in allowed.split():
        node.bad(name, say("Its status is “%(status)s”, which FHIR R4 does not know.", status=given[:40]))
    return given


def reasons(node: Node, codes: str, references: str) -> tuple[str, ...]:
    """Why, in words: coded reasons, and the conditions that referenced records are about."""
    found = [
        *node.each_coded(codes),
        *(concept_of(each, node.scribe) for each in node.references(references)),
    ]
    return tuple(dict.fromkeys(concept.text for concept in found if concept))


def condition_row(node: Node, provenance: Provenance, patient: Reference) -> ConditionRow:
    onset, onset_text = _moment(node, "onset")
    abatement, abatement_text = _moment(node, "abatement")
    severity = node.coded("severity")
    return ConditionRow(
        provenance=provenance,
        patient=patient,
        code=named(node, "code", N_("It does not say which condition it is about.")),
        categories=node.category_codes(),
        clinical_status=node.first_code("clinicalStatus"),
        verification_status=node.first_code("verificationStatus"),
        severity=severity.text if severity else "",
        onset=onset,
        onset_text=onset_text,
        abatement=node.checked_end(onset, abatement),
        abatement_text=abatement_text,
        recorded=node.when("recordedDate", lenient=True),
        encounter=node.reference("encounter"),
        note=node.notes(),
    )


def prescription_row(node: Node, provenance: Provenance, patient: Reference) -> MedicationRow:
    dosage, as_needed = _dosage(node.each("dosageInstruction"))
    dispense = node.one("dispenseRequest")
    start, end = dispense.period("validityPeriod") if dispense else (None, None)
    return MedicationRow(
        provenance=provenance,
        patient=patient,
        form="request",
        status=status(
            node, "status", "active on-hold cancelled completed entered-in-error stopped draft unknown"
        ),
        intent=node.word("intent"),
        code=_medicine(node),
        dosage=dosage,
        as_needed=as_needed,
        not_to_be_given=node.flag("doNotPerform") is True,
        authored=node.when("authoredOn"),
        start=start,
        end=end,
        reasons=reasons(node, "reasonCode", "reasonReference"),
        prescriber=name_of(node.reference("requester"), node.scribe),
        reported=True if node.given.get("reportedReference") else node.flag("reportedBoolean"),
        encounter=node.reference("encounter"),
        note=node.notes(),
    )


def statement_row(node: Node, provenance: Provenance, patient: Reference) -> MedicationRow:
    dosage, as_needed = _dosage(node.each("dosage"))
    if node.choice("effective") == "Period":
        start, end = node.period("effectivePeriod")
    else:
        start, end = node.when("effectiveDateTime"), None
    return MedicationRow(
        provenance=provenance,
        patient=patient,
        form="statement",
        status=status(
            node,
            "status",
            "active completed entered-in-error intended stopped on-hold unknown not-taken",
        ),
        intent="",
        code=_medicine(node),
        dosage=dosage,
        as_needed=as_needed,
        not_to_be_given=False,
        authored=node.when("dateAsserted", lenient=True),
        start=start,
        end=end,
        reasons=reasons(node, "reasonCode", "reasonReference"),
        prescriber=name_of(node.reference("informationSource"), node.scribe),
        reported=None,
        encounter=node.reference("context"),
        note=node.notes(),
    )


def allergy_row(node: Node, provenance: Provenance, patient: Reference) -> AllergyRow:
    onset, _ = _moment(node, "onset")
    return AllergyRow(
        provenance=provenance,
        patient=patient,
        code=named(node, "code", N_("It does not say which substance it is about.")),
        kind=node.word("type"),
        categories=tuple(word for word in node.lines("category")),
        criticality=node.word("criticality"),
        clinical_status=node.first_code("clinicalStatus"),
        verification_status=node.first_code("verificationStatus"),
        reactions=tuple(_reaction(each) for each in node.each("reaction")),
        onset=onset,
        recorded=node.when("recordedDate", lenient=True),
        note=node.notes(),
    )


def procedure_row(node: Node, provenance: Provenance, patient: Reference) -> ProcedureRow:
    form = node.choice("performed")
    start: When | None
    end: When | None
    if form == "Period":
        start, end = node.period("performedPeriod", lenient=False)
        text = ""
    else:
        (start, text), end = _moment(node, "performed"), None
    performers = (name_of(each.reference("actor"), node.scribe) for each in node.each("performer"))
    return ProcedureRow(
        provenance=provenance,
        patient=patient,
        code=named(node, "code", N_("It does not say which procedure it is about.")),
        status=status(
            node,
            "status",
            "preparation in-progress not-done on-hold stopped completed entered-in-error unknown",
        ),
        start=start,
        end=end,
        performed_text=text,
        reasons=reasons(node, "reasonCode", "reasonReference"),
        performers=tuple(filter(None, performers)),
        encounter=node.reference("encounter"),
        note=node.notes(),
    )


def immunization_row(node: Node, provenance: Provenance, patient: Reference) -> ImmunizationRow:
    given, text = _moment(node, "occurrence")
    why_not = node.coded("statusReason")
    return ImmunizationRow(
        provenance=provenance,
        patient=patient,
        code=named(node, "vaccineCode", N_("It does not say which vaccine it is about.")),
        status=status(node, "status", "completed entered-in-error not-done"),
        given=given,
        given_text=text,
        not_given_because=why_not.text if why_not else "",
        from_own_record=node.flag("primarySource"),
        lot_number=node.line("lotNumber"),
        encounter=node.reference("encounter"),
        note=node.notes(),
    )


# --- parts ----------------------------------------------------------------------------------------------------


def _moment(node: Node, name: str) -> tuple[When | None, str]:
    """A choice of date, period, age, range or words: the moment it began if it gives one, and what else it says."""
    form = node.choice(name)
    if form == "DateTime":
        return node.when(f"{name}DateTime"), ""
    if form == "Period":
        return node.period(f"{name}Period")[0], ""
    if form == "String":
        return None, node.line(f"{name}String", 2000)
    if form == "Age":
        age = node.quantity(f"{name}Age")
        return None, say("at %(age)s", age=age.text) if age else ""
    if form == "Range":
        between = node.one(f"{name}Range")
        low, high = (between.quantity("low"), between.quantity("high")) if between else (None, None)
        return None, from_to(low.text if low else "", high.text if high else "")
    if form == "Boolean":
        return None, ""
    if form:
        node.note("UNREADABLE", f"{name}{form}", say("FHIR R4 has no such form here; it was left out."))
    return None, ""


def _medicine(node: Node) -> Coded:
    form = node.choice("medication")
    if form == "Reference":
        concept = concept_of(node.reference("medicationReference"), node.scribe)
    else:
        concept = said(node.coded("medicationCodeableConcept"))
    if concept is None:
        node.bad(
            "medication",
            say("It does not say which medicine it is about, or names it in a record that is not here."),
        )
    return concept


def _dosage(nodes: list[Node]) -> tuple[str, bool | None]:
    """How to take it, in words. Without the prescriber's own words they are put together from the parts."""
    as_needed: bool | None = None
    texts = []
    for node in nodes:
        form = node.choice("asNeeded")
        needed = True if form == "CodeableConcept" else node.flag("asNeededBoolean")
        as_needed = needed if as_needed is None else as_needed or bool(needed)
        texts.append(node.line("text", 2000) or _dosage_from_parts(node))
    return joined(texts, "; "), as_needed


def _dosage_from_parts(node: Node) -> str:
    parts = []
    for rate in node.each("doseAndRate"):
        dose = rate.quantity("doseQuantity")
        parts.append(dose.text if dose else "")
    route, timing = node.coded("route"), node.one("timing")
    parts.append(route.text if route else "")
    parts.append(_timing(timing) if timing else "")
    parts.extend(concept.text for concept in node.each_coded("additionalInstruction"))
    parts.append(node.line("patientInstruction", 2000))
    return joined(parts)


_EVERY = {
    "s": (N_("every second"), N_("every %(period)s seconds")),
    "min": (N_("every minute"), N_("every %(period)s minutes")),
    "h": (N_("every hour"), N_("every %(period)s hours")),
    "d": (N_("every day"), N_("every %(period)s days")),
    "wk": (N_("every week"), N_("every %(period)s weeks")),
    "mo": (N_("every month"), N_("every %(period)s months")),
    "a": (N_("every year"), N_("every %(period)s years")),
}


def _timing(node: Node) -> str:
    code, repeat = node.coded("code"), node.one("repeat")
    if code is not None or repeat is None:
        return code.text if code else ""
    period, unit = repeat.number("period"), repeat.word("periodUnit")
    if period is None or unit not in _EVERY:
        return ""
    one, several = _EVERY[unit]
    interval = say(one) if period == 1 else say(several, period=f"{period:f}")
    times = repeat.whole("frequency") or 1
    return say_of("once %(interval)s", "%(n)s times %(interval)s", times, interval=interval)


def _reaction(node: Node) -> Reaction:
    substance = node.coded("substance")
    manifestations = tuple(concept.text for concept in node.each_coded("manifestation"))
    return Reaction(substance.text if substance else "", manifestations, node.word("severity"))
