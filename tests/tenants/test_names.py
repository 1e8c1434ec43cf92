import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Refused
from server.tenants import names


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Nora@Lakeside.Example", "nora@lakeside.example"),
        ("  nora@lakeside.example ", "nora@lakeside.example"),
        ("ＮＯＲＡ@lakeside.example", "nora@lakeside.example"),
        ("straße@lakeside.example", "strasse@lakeside.example"),
        ("nora@Bücher.example", "nora@xn--bcher-kva.example"),
        ("n.feld+work@mail.lakeside.example", "n.feld+work@mail.lakeside.example"),
        ("nora@lakeside.example.", "nora@lakeside.example"),
    ],
)
def test_an_address_has_one_spelling(typed: str, kept: str) -> None:
    assert names.fold_email(typed) == kept
    assert names.fold_email(kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "", "nora", "@lakeside.example", "nora@", "nora@localhost", "a b@lakeside.example", "nora@lake side.example",
        "nora@-lake.example", ".nora@lakeside.example", "no..ra@lakeside.example", "nora@@lakeside.example",
        "nora\x00@lakeside.example", "nora\n@lakeside.example", "no\u200dra@lakeside.example", "\ud800@lakeside.example",
        "nora@lakeside..example", "x" * 65 + "@lakeside.example", "nora@" + "a" * 64 + ".example", "nora,b@x.example",
        "nora@" + ".".join(["abcdefgh"] * 40),
    ],
)  # fmt: skip
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(Refused) as refused:
        names.fold_email(typed)
    assert refused.value.code == "EMAIL_FORM"


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for typed in (text, f"{text}@lakeside.example", f"nora@{text}"):
        try:
            kept = names.fold_email(typed)
        except Refused:
            continue
        assert names.fold_email(kept) == kept


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Lakeside Family Medicine", "lakeside-family-medicine"),
        ("Núñez & Søn's Family Practice", "nunez-sons-family-practice"),
        ("LAKESIDE", "lakeside"),
        ("Ｌakeside", "lakeside"),
        ("Admin", "admin-practice"),
        ("家庭医", "practice"),
        ("123", "practice-123"),
        ("xn--lakeside", "practice-xn-lakeside"),
    ],
)
def test_a_slug_is_plain_and_never_one_of_ours(name: str, slug: str) -> None:
    expected = "practice-practice" if slug == "practice" else slug
    assert names.slug_of(name) == expected
    assert names.slug_of(name, number=3) == f"{expected}-3"


@given(st.text(min_size=1))
def test_every_name_has_a_slug(name: str) -> None:
    slug = names.slug_of(name)
    assert slug.isascii()
    assert slug == slug.lower()
    assert slug.strip("-") == slug
    assert slug
    assert slug not in names.RESERVED


def test_names_are_kept_as_written_but_tidy() -> None:
    assert names.written("  Núñez \n Family ", "name", what="the name") == "Núñez Family"
    assert names.written("", "name", what="the name", empty=True) == ""
    for text, code in (
        ("", "TEXT_MISSING"),
        ("x" * 121, "TEXT_TOO_LONG"),
        ("a\x00b", "TEXT_UNSEEN"),
        ("a\u202eb", "TEXT_UNSEEN"),
        ("\ud800", "TEXT_UNSEEN"),
    ):
        with pytest.raises(Refused) as refused:
            names.written(text, "name", what="the practice's name")
        assert refused.value.code == code
        assert "the practice's name" in refused.value.message


@pytest.mark.parametrize(
    "zone", ["", "Detroit", "EST", "Etc/GMT+5", "../../etc/passwd", "America/Nowhere", "\x00"]
)
def test_zones_that_are_no_places(zone: str) -> None:
    with pytest.raises(Refused) as refused:
        names.check_zone(zone)
    assert refused.value.code == "ZONE_UNKNOWN"


def test_zones_and_phones() -> None:
    assert names.check_zone("America/Detroit") == "America/Detroit"
    assert names.check_phone("313.555.0142") == "(313) 555-0142"
    assert names.check_phone("+44 20 7946 0018") == "+44 20 7946 0018"
    assert names.check_phone(" ") == ""
    for typed in ("call me", "12", "9" * 40, "\x00", "\ud800"):
        with pytest.raises(Refused) as refused:
            names.check_phone(typed)
        assert refused.value.code == "PHONE_FORM"
