import pytest
from argon2 import PasswordHasher, extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Refused
from server.settings import settings
from server.tenants import passwords


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "P@ssw0rd2024!!", "123456789012", "aaaaaaaaaaaa", "abcabcabcabc", "qwertyuiop[]", "poiuytrewqlk",
        "Summer2026Summer", "Carewright2026!", "correct horse battery staple", "welcome welcome welcome", "letmein123456",
        "1q2w3e4r5t6y", "nurse nurse nurse 1", "Medicare!2026",
    ],
)  # fmt: skip
def test_the_usual_ones_are_refused(password: str) -> None:
    with pytest.raises(Refused) as refused:
        passwords.check_password(password)
    assert refused.value.code == "PASSWORD_COMMON"


@pytest.mark.parametrize(
    "password",
    [
        "kettle otter marble song",
        "purple tractor moves softly",
        "k7#Vt9qLmZ2x",
        "a quiet morning by the lake",
        "ключ от старой двери",
    ],
)
def test_good_ones_pass(password: str) -> None:
    assert passwords.check_password(password, about=("nora@lakeside.example", "Nora Feld")) == password


def test_short_long_and_personal_ones() -> None:
    for password, about, code in (
        ("kettle otte", (), "PASSWORD_SHORT"),
        ("x1y2" * 80, (), "PASSWORD_LONG"),
        ("lakeside-familys", ("Lakeside Family Medicine",), "PASSWORD_ABOUT_YOU"),
        ("nora.feld.2026", ("nora@lakeside.example", "Nora Feld"), "PASSWORD_ABOUT_YOU"),
    ):
        with pytest.raises(Refused) as refused:
            passwords.check_password(password, about=about)
        assert refused.value.code == code
        assert refused.value.field == "password"
        assert password not in refused.value.message


@given(st.text(min_size=12, max_size=300))
def test_any_text_is_judged_without_a_crash(text: str) -> None:
    try:
        kept = passwords.check_password(text)
    except Refused as refusal:
        code = refusal.code
    else:
        code = ""
        assert passwords.SHORTEST <= len(kept) <= passwords.LONGEST
    assert code in {"", "PASSWORD_SHORT", "PASSWORD_LONG", "PASSWORD_COMMON"}


async def test_hash_and_verify(database: str) -> None:
    stored = await passwords.hash_password("kettle otter marble song")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify(stored, "kettle otter marble song")
    assert not await passwords.verify(stored, "kettle otter marble sonG")
    assert not await passwords.verify(None, "kettle otter marble song")
    assert not await passwords.verify("!", "kettle otter marble song")
    assert not await passwords.verify(stored, "\ud800" * 20)
    assert await passwords.verify(
        await passwords.hash_password("ﬁne otter marble song"), "fine otter marble song"
    )


def test_the_stand_in_costs_what_a_real_one_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in ("production", "test"):
        monkeypatch.setenv("CAREWRIGHT_MODE", mode)
        settings.cache_clear()
        real = PasswordHasher.from_parameters(extract_parameters(passwords._hasher().hash("x")))
        assert not real.check_needs_rehash(passwords.nobody()), mode
        assert not passwords.needs_rehash(passwords.nobody())
    monkeypatch.undo()
    settings.cache_clear()
