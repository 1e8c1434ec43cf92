"""Files of claims: what pyx12 accepts, what it must refuse, and that whatever the scrub passes can be sent."""

import string
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from claim_samples import (
    BILLER,
    BLUE,
    COMPLEX_CLAIM,
    DEPENDENT_CLAIM,
    DR_LIN,
    DR_ROE,
    ENVELOPE,
    MEDICARE,
    MEDICARE_CLAIM,
    TODAY,
    draft_of,
    file_of,
    on_file,
)
from conftest import SHARED
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyx12_says import complaints

from server.claims.claim import Address, Claim, Insured, Person, Place, Service
from server.claims.scrub import scrub
from server.claims.x12.interchange import MOST_CLAIMS, NotWritable
from server.claims.x12.segments import money
from server.claims.x12.words import plain, strange
from server.tenants.billing_values import FILING_INDICATORS, PLACES_OF_SERVICE

CLINIC = Place("19", "Lakeside West", "1992000004", Address("9 Shore Rd", "Dearborn", "MI", "48124-0002"))
REPLACEMENT = replace(MEDICARE_CLAIM, route=BLUE, frequency="7", payer_control_number="ICN20261101A")
ODD_NAMES = replace(
    MEDICARE_CLAIM,
    person=replace(
        MEDICARE_CLAIM.person, family_name="Núñez~O’Brien*Łukasz", given_names="Zoë:Maria Ærø", suffix="Jr."
    ),
)


def with_state(claim: Claim, state: str) -> Claim:
    address = claim.person.address
    assert address is not None
    return replace(claim, person=replace(claim.person, address=replace(address, state=state)))


def segments(text: str, name: str) -> list[list[str]]:
    return [line[:-1].split("*") for line in text.splitlines() if line.startswith(f"{name}*")]


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param((MEDICARE_CLAIM,), id="Medicare, base and add-on, the subscriber herself"),
        pytest.param((DEPENDENT_CLAIM,), id="BCBSM, a dependent, quantity two"),
        pytest.param((COMPLEX_CLAIM,), id="complex"),
        pytest.param((REPLACEMENT,), id="a replacement"),
        pytest.param((replace(REPLACEMENT, frequency="8"),), id="a void"),
        pytest.param((ODD_NAMES,), id="accents and delimiters in names"),
        pytest.param(
            (
                MEDICARE_CLAIM,
                replace(COMPLEX_CLAIM, place=CLINIC, rendering=DR_ROE, supervising=DR_LIN),
                replace(MEDICARE_CLAIM, place=replace(CLINIC, npi="")),
            ),
            id="several claims, two places, two practitioners",
        ),
        pytest.param(
            (replace(MEDICARE_CLAIM, rendering=replace(DR_LIN, npi=BILLER.npi)),),
            id="a practitioner who bills alone",
        ),
        pytest.param(
            (replace(MEDICARE_CLAIM, biller=replace(BILLER, tin_kind="SY", contact_email="")),),
            id="a sole proprietor",
        ),
        pytest.param(
            (MEDICARE_CLAIM, replace(MEDICARE_CLAIM, biller=replace(BILLER, legal_name="Lakeside Medicine"))),
            id="a practice that changed its name",
        ),
        pytest.param(
            (replace(DEPENDENT_CLAIM, route=replace(BLUE, provider_number="B12345")),),
            id="the payer's own number",
        ),
    ],
)
def test_pyx12_accepts(claims: tuple[object, ...]) -> None:
    text = file_of(*claims)  # type: ignore[arg-type]
    assert complaints(text) == []
    assert len(segments(text, "CLM")) == len(claims)
    assert int(segments(text, "SE")[0][1]) == text.count("~") - 4, "SE counts ST to SE"


def test_the_shared_examples_say_the_same() -> None:
    """Claims that others wrote and pyx12 accepted, read next to ours: the same segments in the same order."""
    sample = SHARED / "billing" / "x12" / "837P_pdcm_bcbsm.edi"
    if not sample.is_file():
        pytest.skip(f"no sample at {sample}")
    theirs = [line.split("*")[0] for line in sample.read_text().splitlines()]
    ours = [line.split("*")[0] for line in file_of(DEPENDENT_CLAIM).splitlines()]
    assert [name for name in theirs if name not in {"N3", "N4"}] == [
        name for name in ours if name not in {"N3", "N4"}
    ]


@pytest.mark.parametrize(
    ("was", "is_"),
    [
        ("DMG*D8*19440502", "DMG*D8*19441502"),
        ("CLM*2610-00001*260***11:B:1", "CLM*2610-00001*260***00:B:1"),
        ("HL*2*1*22*0", "HL*2*7*22*0"),
        ("SE*", "SE*1"),
        ("IEA*1*000000001", "IEA*1*000000002"),
        ("DTP*472*D8*20261031", "DTP*472*D8*20260231"),
        ("SV1*HC:99490*100*UN*1***1:2:3~", "SV1*HC:99490*100*UN~"),
        ("NM1*85*2*", "NM1*86*2*"),
    ],
)
def test_a_spoiled_file_is_refused(was: str, is_: str) -> None:
    """The control: were these accepted, the acceptances above would mean nothing."""
    text = file_of(MEDICARE_CLAIM)
    assert was in text
    assert complaints(text.replace(was, is_, 1)) != []


@pytest.mark.parametrize(
    ("claim", "finding"),
    [
        (replace(MEDICARE_CLAIM, rendering=replace(DR_LIN, npi="1234567890")), "S17"),
        (
            replace(MEDICARE_CLAIM, services=(replace(MEDICARE_CLAIM.services[0], code="9949"),)),
            "S21",
        ),
    ],
)
def test_what_pyx12_lets_through_our_scrub_does_not(claim: object, finding: str) -> None:
    assert complaints(file_of(claim)) == []  # type: ignore[arg-type]
    assert finding in {f.id for f in scrub(draft_of(claim), on_file(claim)) if f.severity == "error"}  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["Michigan", "M", "M.I."])
def test_a_state_that_would_spoil_the_whole_file_stops_its_own_claim(state: str) -> None:
    claim = with_state(MEDICARE_CLAIM, state)
    assert complaints(file_of(claim)) != []
    (found,) = [f for f in scrub(draft_of(claim), on_file(claim)) if f.severity == "error"]
    assert (found.id, found.field) == ("S21", "address")
    assert state in found.sentence
    assert "two letters" in found.mends


def test_a_state_in_small_letters_is_that_state() -> None:
    claim = with_state(MEDICARE_CLAIM, "mi")
    assert not any(f.severity == "error" for f in scrub(draft_of(claim), on_file(claim)))
    assert complaints(file_of(claim)) == []


def test_what_the_file_says() -> None:
    text = file_of(DEPENDENT_CLAIM)
    assert segments(text, "CLM") == [["CLM", "2610-00001", "150", "", "", "11:B:1", "Y", "A", "Y", "Y"]]
    assert segments(text, "SV1") == [["SV1", "HC:G9002", "150", "UN", "2", "", "", "1:2"]]
    assert segments(text, "HI") == [["HI", "ABK:E1122", "ABF:F331"]]
    assert segments(text, "SBR") == [["SBR", "P", "", "GRP0001", "", "", "", "", "", "BL"]]
    assert segments(text, "PAT") == [["PAT", "01"]]
    assert segments(text, "REF") == [["REF", "EI", "123456789"], ["REF", "6R", "2610-00001-1"]]
    assert [s[1:5] for s in segments(text, "NM1") if s[1] in {"IL", "QC"}] == [
        ["IL", "1", "ROE", "RICHARD"],
        ["QC", "1", "ROE", "MARY"],
    ]
    assert segments(file_of(MEDICARE_CLAIM), "NM1")[3][8:] == ["MI", "1EG4TE5MK73"]
    assert ["REF", "F8", "ICN20261101A"] in segments(file_of(REPLACEMENT), "REF")
    assert segments(file_of(ODD_NAMES), "NM1")[3][3:8] == [
        "NUNEZ O'BRIEN LUKASZ",
        "ZOE",
        "MARIA AERO",
        "",
        "JR.",
    ]


def test_a_sole_proprietor_is_a_person() -> None:
    alone = replace(MEDICARE_CLAIM, biller=replace(BILLER, tin_kind="SY", legal_name="Lin Wei MD"))
    own_number = replace(alone, rendering=replace(DR_LIN, npi=BILLER.npi))
    for claim, name in ((alone, ["LIN WEI MD", ""]), (own_number, ["WEI", "LIN"])):
        text = file_of(claim)
        assert complaints(text) == []
        (billing,) = [s for s in segments(text, "NM1") if s[1] == "85"]
        assert billing[2:5] == ["1", *name]
    assert ["NM1", "85", "2"] in [s[:3] for s in segments(file_of(MEDICARE_CLAIM), "NM1")]


def test_a_death_is_told() -> None:
    died = date(2026, 10, 31)
    alone, dependent = (
        replace(claim, person=replace(claim.person, died_on=died))
        for claim in (MEDICARE_CLAIM, DEPENDENT_CLAIM)
    )
    text = file_of(alone)
    assert complaints(text) == []
    assert segments(text, "PAT") == [["PAT", "", "", "", "", "D8", "20261031"]]
    text = file_of(dependent)
    assert complaints(text) == []
    assert segments(text, "PAT") == [["PAT", "01", "", "", "", "D8", "20261031"]]
    assert segments(file_of(MEDICARE_CLAIM), "PAT") == []
    assert MEDICARE_CLAIM.to_json().count("died_on") == 0, "of the living it changes no hash"


def test_the_claim_that_cannot_be_written_is_named() -> None:
    odd = replace(MEDICARE_CLAIM, person=replace(MEDICARE_CLAIM.person, family_name="李"))
    for bad in (odd, replace(MEDICARE_CLAIM, biller=None), replace(MEDICARE_CLAIM, route=None)):
        with pytest.raises(NotWritable) as refused:
            file_of(MEDICARE_CLAIM, bad, MEDICARE_CLAIM)
        assert refused.value.number == "2610-00002"


def test_the_envelope_is_as_wide_as_a_reader_expects() -> None:
    first = file_of(MEDICARE_CLAIM).splitlines()[0]
    assert len(first) == 106
    assert (first[3], first[82], first[104], first[105]) == ("*", "^", ":", "~")
    assert first.split("*")[15] == "T"
    assert file_of(MEDICARE_CLAIM, envelope=replace(ENVELOPE, production=True)).split("*")[15] == "P"


def test_the_same_claims_make_the_same_bytes() -> None:
    assert file_of(MEDICARE_CLAIM, COMPLEX_CLAIM) == file_of(MEDICARE_CLAIM, COMPLEX_CLAIM)


def test_what_no_file_can_hold_is_not_written() -> None:
    for claims in (
        (),
        (replace(MEDICARE_CLAIM, biller=None),),
        (replace(MEDICARE_CLAIM, route=None),),
        (MEDICARE_CLAIM, DEPENDENT_CLAIM),
        (replace(MEDICARE_CLAIM, person=replace(MEDICARE_CLAIM.person, family_name="李")),),
    ):
        with pytest.raises(NotWritable):
            file_of(*claims)
    with pytest.raises(NotWritable, match=str(MOST_CLAIMS)):
        file_of(*[MEDICARE_CLAIM] * (MOST_CLAIMS + 1))


def test_money_is_written_as_x12_reads_it() -> None:
    written = [money(Decimal(text)) for text in ("100.00", "66.50", "0.05", "1000", "12.34")]
    assert written == ["100", "66.5", "0.05", "1000", "12.34"]


def test_words() -> None:
    assert plain("Núñez  O’Brien~*:^") == "NUNEZ O'BRIEN"
    assert strange("Straße 5 #3") == ""
    assert strange("李 Wei") == "李"
    assert strange("𝕎") == "", "a letter in another dress is that letter"


_USUAL = st.tuples(
    st.sampled_from(
        ["Walker", "O’Brien", "Núñez", "Łukasz Ærø", "Straße", "Nguyễn", "van der Berg-Iñárritu"]
    ),
    st.text(string.ascii_letters + " ~*:^'-.", max_size=80),
).map("".join)
_ODD = st.text(st.characters(codec="utf-8", categories=("L", "P", "Zs")), min_size=1, max_size=40)
_NAMES = st.integers(0, 60).flatmap(lambda n: _USUAL if n else _ODD)
_DAYS = st.dates(TODAY - timedelta(days=300), TODAY)
_CENTS = st.decimals(Decimal("0.01"), Decimal("99999.99"), places=2)
_ZIPS = st.sampled_from(["48226", "48226-1906", "00501"])
#: One in eight as somebody wrote it by hand: a file with such a state is sent back whole.
_STATES = st.integers(0, 7).flatmap(
    lambda n: st.sampled_from(["MI", "OH", "PR", "mi"] if n else ["Michigan", "M", "ZZ", "ON", "M.I."])
)
_ADDRESSES = st.builds(Address, _NAMES, _NAMES, _STATES, _ZIPS)
_PERSONS = st.builds(
    Person, _NAMES, _NAMES, st.dates(date(1915, 1, 1), date(2025, 1, 1)), st.sampled_from("FMU"),
    st.sampled_from(["", "Jr", "III"]), _ADDRESSES,
)  # fmt: skip
_INSURED = st.one_of(
    st.builds(Insured, st.just("1EG4-TE5-MK73")),
    st.builds(
        Insured, st.just("XYZ123456789"), st.sampled_from(["", "GRP 1", "00123"]),
        st.sampled_from(["spouse", "child", "life_partner", "other"]), _PERSONS,
    ),
)  # fmt: skip
_DIAGNOSES = st.lists(
    st.sampled_from(["I50.22", "E11.22", "N18.31", "F33.1", "I10"]), min_size=1, max_size=5, unique=True
)


@st.composite
def any_claim(draw: st.DrawFn) -> Claim:
    diagnoses = tuple(draw(_DIAGNOSES))
    pointers = st.lists(st.integers(1, len(diagnoses)), min_size=1, max_size=4, unique=True).map(tuple)
    services = st.builds(
        Service, st.sampled_from(["99490", "99439", "G9002", "99487"]), st.integers(1, 999), _DAYS, _CENTS, pointers,
        st.lists(st.sampled_from(["25", "2P", "GT"]), max_size=4, unique=True).map(tuple),
    )  # fmt: skip
    place = Place("11") if draw(st.booleans()) else replace(
        CLINIC, place_of_service=draw(st.sampled_from(sorted(PLACES_OF_SERVICE))), name=draw(_NAMES),
        npi=draw(st.sampled_from(["", "1992000004"])),
    )  # fmt: skip
    insured = draw(_INSURED)
    kinds = FILING_INDICATORS if insured.relationship == "self" else FILING_INDICATORS.keys() - {"MB"}
    route = replace(
        draw(st.sampled_from([MEDICARE, BLUE])),
        filing_indicator=draw(st.sampled_from(sorted(kinds))),
        receiver_id="CLEARING1",
    )
    again = draw(st.sampled_from("178"))
    return replace(
        MEDICARE_CLAIM, insured=insured, person=draw(_PERSONS), place=place, route=route, diagnoses=diagnoses,
        services=tuple(draw(st.lists(services, min_size=1, max_size=6))), frequency=again,
        payer_control_number="" if again == "1" else "ICN-1/2", rendering=draw(st.sampled_from([DR_LIN, DR_ROE])),
        supervising=draw(st.sampled_from([None, DR_LIN])),
    )  # fmt: skip


@pytest.mark.campaign
def test_whatever_the_scrub_passes_pyx12_accepts(record_property: Callable[[str, object], None]) -> None:
    met = Counter[str]()

    @settings(
        max_examples=20,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.generate],
    )
    @given(st.lists(any_claim(), min_size=10, max_size=25))
    def some(claims: list[Claim]) -> None:
        passed = [c for c in claims if not any(f.severity == "error" for f in scrub(draft_of(c), on_file(c)))]
        met.update(passed=len(passed), stopped=len(claims) - len(passed))
        if passed:
            assert complaints(file_of(*passed)) == []

    some()
    assert met["passed"] > 25
    assert met["stopped"] > 5
    record_property("count", f"{met['passed']} claims passed and were accepted, {met['stopped']} stopped")
