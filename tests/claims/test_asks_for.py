"""What makes a signed claim untrue, and what does not."""

from dataclasses import replace
from typing import Any

import pytest
from claim_samples import BILLER, BLUE, DEPENDENT_CLAIM, DR_LIN, DR_ROE, MARY, MEDICARE_CLAIM, RICHARD

from server.claims.claim import Address, Insured, Place, asks_for

SITE = Place("19", "Lakeside West", "1992000004", Address("9 Shore Rd", "Dearborn", "MI", "48124-0002"))
CLAIM = replace(DEPENDENT_CLAIM, place=SITE)
INSURED = CLAIM.insured
UNTRUE: dict[str, dict[str, Any]] = {
    "name": {"person": replace(MARY, family_name="Rowe")},
    "given names": {"person": replace(MARY, given_names="Marie")},
    "birth": {"person": replace(MARY, birth_date=RICHARD.birth_date)},
    "sex": {"person": replace(MARY, sex="U")},
    "subscriber": {"insured": replace(INSURED, subscriber=replace(RICHARD, given_names="Rick"))},
    "member": {"insured": replace(INSURED, member_id="XYZ123456780")},
    "billing NPI": {"biller": replace(BILLER, npi="1992000004")},
    "tax number": {"biller": replace(BILLER, tin="987654321")},
    "billing taxonomy": {"biller": replace(BILLER, taxonomy="208D00000X")},
    "rendering NPI": {"rendering": DR_ROE},
    "rendering taxonomy": {"rendering": replace(DR_LIN, taxonomy="363L00000X")},
    "supervising": {"supervising": DR_LIN},
    "site": {"place": Place("11")},
    "site NPI": {"place": replace(SITE, npi="")},
    "site name": {"place": replace(SITE, name="Lakeside East")},
    "site address": {"place": replace(SITE, address=Address("8 Shore Rd", "Dearborn", "MI", "48124-0002"))},
}
STILL_SO: dict[str, dict[str, Any]] = {
    "dashes": {"insured": replace(INSURED, member_id="xyz-123 456789")},
    "accents": {"person": replace(MARY, family_name="Róe", given_names="Mary ")},
    "home": {"person": replace(MARY, address=None)},
    "route": {"route": replace(BLUE, receiver_id="GATE02")},
    "practice": {
        "biller": replace(
            BILLER, contact_name="Somebody", address=Address("5 New St", "Flint", "MI", "48501")
        )
    },
    "written": {"place": replace(SITE, address=Address("9 Shore Rd ", "DEARBORN", "mi", "481240002"))},
}


@pytest.mark.parametrize("what", UNTRUE)
def test_it_asks_for_something_else(what: str) -> None:
    assert asks_for(replace(CLAIM, **UNTRUE[what])) != asks_for(CLAIM)


@pytest.mark.parametrize("what", STILL_SO)
def test_it_asks_for_the_same(what: str) -> None:
    assert asks_for(replace(CLAIM, **STILL_SO[what])) == asks_for(CLAIM)


def test_nobody_insured_elsewhere() -> None:
    other = replace(MEDICARE_CLAIM, insured=Insured("1EG4TE5MK73"))
    assert asks_for(other) == asks_for(MEDICARE_CLAIM)
