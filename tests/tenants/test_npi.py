import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Refused
from server.tenants.npi import check_digit, check_npi


def test_a_possible_number_is_kept_as_ten_digits() -> None:
    # The worked example of the CMS check digit document: 123456789 takes 3.
    assert check_npi("1234567893") == "1234567893"
    assert check_npi(" 1234-567-893 ") == "1234567893"


def test_a_wrong_check_digit_is_named_with_the_right_one() -> None:
    with pytest.raises(Refused) as refused:
        check_npi("1234567890", "npi")
    assert refused.value.code == "NPI_CHECK_DIGIT"
    assert "1234567890" in refused.value.message
    assert "would be 3, not 0" in refused.value.message
    assert refused.value.field == "npi"


@pytest.mark.parametrize(
    "text", ["", "123456789", "12345678933", "3234567893", "12345678 x3", "١٢٣٤٥٦٧٨٩٣", "NPI", "\ud800"]
)
def test_what_is_no_npi_at_all(text: str) -> None:
    with pytest.raises(Refused) as refused:
        check_npi(text)
    assert refused.value.code == "NPI_FORM"


@given(st.from_regex(r"[12][0-9]{8}", fullmatch=True), st.integers(0, 9), st.integers(0, 9))
def test_every_single_slip_is_noticed(nine: str, place: int, digit: int) -> None:
    right = nine + check_digit(nine)
    assert check_npi(right) == right
    slipped = right[:place] + str(digit) + right[place + 1 :]
    if slipped != right:
        with pytest.raises(Refused):
            check_npi(slipped)


@given(st.from_regex(r"[12][0-9]{8}", fullmatch=True), st.integers(0, 8))
def test_every_swap_of_neighbours_but_09_is_noticed(nine: str, place: int) -> None:
    right = nine + check_digit(nine)
    pair = right[place : place + 2]
    swapped = right[:place] + pair[::-1] + right[place + 2 :]
    if pair[0] != pair[1] and set(pair) != {"0", "9"}:  # the one swap that Luhn's formula cannot see
        with pytest.raises(Refused):
            check_npi(swapped)
