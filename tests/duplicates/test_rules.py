"""What must not be while two records are joined or taken apart. Pure."""

from datetime import date

from server.duplicates.rules import Insured, Record, Since, against_joining, against_separating

KEPT, GONE = Record("K-1"), Record("K-2")
MEDICARE = Insured("Medicare Part B", 1, date(2020, 1, 1), None)
ACME = Insured("Acme Mutual", 1, date(2023, 1, 1), date(2023, 12, 31))


def codes(kept: Record, gone: Record, **more: tuple[str, ...]) -> list[str]:
    return [one.code for one in against_joining(kept, gone, **more)]


def test_nothing_stands_against_two_plain_records() -> None:
    assert codes(KEPT, GONE) == []
    assert codes(Record("K-1", billed=("2026-08",)), GONE) == []
    assert codes(Record("K-1", programs=("CCM",)), Record("K-2", programs=("PDCM",))) == []


def test_money_stays_under_the_record_it_was_told_for() -> None:
    billed = Record("K-2", billed=("2026-08", "2026-09"))
    (found,) = against_joining(KEPT, billed)
    assert (found.code, found.other_way) == ("GOES_BILLED", True)
    assert "August 2026 and September 2026" in found.message
    assert "K-2 stay" in found.next_step
    assert codes(Record("K-1", billed=("2026-01",)), billed) == ["BOTH_BILLED"]


def test_nobody_is_in_one_program_twice_or_first_insured_twice() -> None:
    assert codes(Record("K-1", programs=("CCM",)), Record("K-2", programs=("CCM",))) == ["BOTH_ENROLLED"]
    ours, theirs = Record("K-1", coverages=(MEDICARE,)), Record("K-2", coverages=(ACME,))
    assert codes(ours, theirs) == ["COVERAGES_OVERLAP"]
    second = Insured("Acme Mutual", 2, date(2023, 1, 1), None)
    assert codes(ours, Record("K-2", coverages=(second,))) == []
    before = Insured("Acme Mutual", 1, date(2010, 1, 1), date(2019, 12, 31))
    assert codes(ours, Record("K-2", coverages=(before,))) == []


def test_nothing_is_joined_under_somebodys_hands() -> None:
    assert codes(Record("K-1", timers=1), Record("K-2", drafts=2)) == ["TIMER_RUNS", "DRAFT_OPEN"]
    assert codes(KEPT, GONE, closing=("2026-10",)) == ["MONTH_CLOSING"]


def test_what_was_decided_since_keeps_two_records_one() -> None:
    def since(**what: object) -> list[str]:
        return [one.code for one in against_separating("K-1", Since(**what))]  # type: ignore[arg-type]

    assert since() == []
    assert since(decided=("2026-10",), signed=1) == ["DECIDED_SINCE", "SIGNED_SINCE"]
    assert since(joined_on="K-9") == ["JOINED_ON"]
    (found,) = against_separating("K-1", Since(leaning=(("time_entry", 1), ("enrollment_change", 2))))
    assert "1 entry of minutes, 2 changes of a program" in found.message
