"""Consent as plain values: where a person stands, and when we may ask."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.enrollment import wording
from server.enrollment.consent import TOLD, ConsentRow, live, standing
from server.enrollment.tables import PROGRAMS
from server.errors import Refused

MARIA = UUID(int=1)
DAY = datetime(2026, 11, 2, 15, tzinfo=UTC)


def row(
    number: int, kind: str, days: int, *, program: str = "ccm", effective: int | None = None,
    again: date | None = None, strikes: int | None = None,
) -> ConsentRow:  # fmt: skip
    at = DAY + timedelta(days=days)
    return ConsentRow(
        UUID(int=100 + number), MARIA, program, kind, "verbal", at,
        None if effective is None else DAY + timedelta(days=effective),
        "", "", "en", "patient", [], None, "", "", again,
        None if strikes is None else UUID(int=100 + strikes), strikes is not None, at + timedelta(seconds=number), None,
    )  # fmt: skip


def at(days: float) -> datetime:
    return DAY + timedelta(days=days)


def test_nobody_asked_means_we_may_ask() -> None:
    stands = standing([], "ccm", DAY)
    assert (stands.kind, stands.in_force(), stands.may_ask(DAY.date())) == ("", False, True)


def test_the_newest_word_counts_per_program() -> None:
    log = [row(1, "refused", 0), row(2, "given", 5), row(3, "refused", 6, program="pdcm")]
    assert standing(log, "ccm", at(7)).kind == "given"
    assert standing(log, "ccm", at(1)).kind == "refused"
    assert standing(log, "pdcm", at(7)).kind == "refused"


def test_after_a_no_nobody_asks_before_the_day_they_chose() -> None:
    log = [row(1, "refused", 0, again=date(2027, 1, 15))]
    stands = standing(log, "ccm", at(1))
    assert not stands.may_ask(date(2027, 1, 14))
    assert stands.may_ask(date(2027, 1, 15))
    assert not standing([row(1, "refused", 0)], "ccm", at(900)).may_ask(date(2029, 1, 1))


def test_consent_taken_back_with_notice_holds_until_then() -> None:
    log = [row(1, "given", 0), row(2, "revoked", 10, effective=28)]
    before, after = standing(log, "ccm", at(20)), standing(log, "ccm", at(28))
    assert (before.kind, before.ends_at) == ("given", at(28))
    assert (after.kind, after.in_force(), after.may_ask(date(2027, 6, 1))) == ("revoked", False, False)


def test_a_struck_row_and_the_one_that_strikes_it_count_for_nothing() -> None:
    log = [row(1, "refused", 0), row(2, "given", 3), row(3, "given", 3, strikes=2)]
    assert [one.id for one in live(log)] == [UUID(int=101)]
    assert standing(log, "ccm", at(9)).kind == "refused"


@given(st.permutations([row(1, "given", 0), row(2, "revoked", 4), row(3, "given", 9), row(4, "refused", 2)]))
def test_the_order_rows_arrive_in_does_not_matter(log: list[ConsentRow]) -> None:
    assert standing(log, "ccm", at(30)).kind == "given"
    assert standing(log, "ccm", at(5)).kind == "revoked"


# --- wording --------------------------------------------------------------------------------------------------


def test_every_program_has_a_wording_in_english_and_spanish() -> None:
    texts = {(one.program, one.language): one for one in wording.wordings()}
    assert set(texts) == {(program, language) for program in PROGRAMS for language in ("en", "es")}
    for one in texts.values():
        assert len(one.text) > 500
        assert one.sha256 == sha256(one.text.encode()).hexdigest()


def test_every_wording_says_the_four_things_a_person_must_hear() -> None:
    marks = {
        "en": ("What you get", "cost", "One practice", "stop"),
        "es": ("recibe", "costar", "solo consultorio", "dejarlo"),
    }
    for one in wording.wordings():
        assert [mark for mark in marks[one.language] if mark not in one.text] == [], one
    assert len(TOLD) == 4


def test_a_wording_that_was_changed_after_use_stops_start_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"Do you agree?"
    (tmp_path / "ccm-en-2026-11.md").write_bytes(text)
    (tmp_path / "SHA256SUMS").write_text(f"{sha256(text).hexdigest()}  ccm-en-2026-11.md\n")
    monkeypatch.setattr(wording, "_FOLDER", tmp_path)
    wording.wordings.cache_clear()
    try:
        assert [one.version for one in wording.wordings()] == ["2026-11"]
        (tmp_path / "ccm-en-2026-11.md").write_bytes(text + b" Really?")
        wording.wordings.cache_clear()
        with pytest.raises(RuntimeError, match="was changed"):
            wording.wordings()
    finally:
        wording.wordings.cache_clear()


def test_a_language_without_its_own_text_is_read_from_the_english() -> None:
    haitian = wording.newest_wording("ccm", "ht")
    assert haitian is not None
    assert haitian.language == "en"
    assert wording.wording_hash("ccm", "2026-11", "ht") == haitian.sha256
    assert wording.wording_hash("ccm", wording.ELSEWHERE, "en") == ""
    with pytest.raises(Refused) as refused:
        wording.wording_hash("ccm", "1999-01", "en")
    assert refused.value.code == "WORDING_UNKNOWN"
