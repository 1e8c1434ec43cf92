import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from server.sealed import NotSealedHere
from server.tenants import recovery, totp

PERSON, OTHER = UUID(int=1), UUID(int=2)
SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "eight"), [(59, "94287082"), (1111111109, "07081804"), (2000000000, "69279037")]
)
def test_the_examples_of_rfc_6238(seconds: int, eight: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    code = totp.code_at(SECRET, totp.step_at(at))
    assert code == eight[-6:]
    assert totp.matching_step(SECRET, code, at) == seconds // 30


def test_one_step_of_drift_each_way_and_no_more() -> None:
    at = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    step = totp.step_at(at)
    for offset in range(-3, 4):
        found = totp.matching_step(SECRET, totp.code_at(SECRET, step + offset), at)
        assert found == (step + offset if abs(offset) <= 1 else None)


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 34\x0056", "-12345", "\ud800" * 6]
)
def test_what_is_no_code(typed: str) -> None:
    assert totp.matching_step(SECRET, typed, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_code_may_be_typed_in_two_groups() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    code = totp.code_at(SECRET, totp.step_at(at))
    assert totp.matching_step(SECRET, f" {code[:3]} {code[3:]} ", at) == totp.step_at(at)
    assert totp.matching_step(SECRET, code, at + timedelta(seconds=61)) is None


def test_a_sealed_secret_opens_for_its_owner_only(database: str) -> None:
    sealed = totp.seal_secret(PERSON, SECRET)
    assert SECRET.encode() not in sealed
    assert totp.unseal_secret(PERSON, sealed) == SECRET
    for person, changed in ((OTHER, sealed), (PERSON, sealed[:-1] + bytes([sealed[-1] ^ 1])), (PERSON, b"!")):
        with pytest.raises(NotSealedHere):
            totp.unseal_secret(person, changed)


def test_the_picture_is_plain_svg() -> None:
    uri = totp.provisioning_uri(SECRET, "nora@lakeside.example")
    assert uri.startswith("otpauth://totp/Carewright:nora%40lakeside.example?secret=")
    svg = ET.fromstring(totp.qr_svg(uri))
    assert svg.tag.endswith("svg")
    assert {e.tag.rpartition("}")[2] for e in svg.iter()} == {"svg", "title", "path"}
    assert not any("style" in e.attrib for e in svg.iter())


def test_recovery_codes_survive_handwriting(database: str) -> None:
    codes = recovery.new_codes()
    assert len(set(codes)) == 10
    code = recovery.fold_code(codes[0])
    assert code is not None
    assert recovery.fold_code(codes[0].upper().replace("-", " ")) == code
    assert recovery.fold_code("OIL0-OIL0-OIL0-OIL0") == "0110" * 4
    for typed in ("", "abcd", "u" * 16, "1234567890123456789", "\ud800" * 16):
        assert recovery.fold_code(typed) is None
    assert recovery.code_hash(PERSON, code) != recovery.code_hash(OTHER, code)
