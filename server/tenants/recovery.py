"""Recovery codes: ten single-use ways in for the day the phone is lost."""

import secrets
from typing import Final
from uuid import UUID

from server.sealed import keyed_hash

#: Crockford's base 32: no i, l, o, u, so that a code survives handwriting and being read aloud.
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_LOOKALIKES: Final = str.maketrans({"i": "1", "l": "1", "o": "0"})
COUNT: Final = 10
_LENGTH: Final = 16  # 80 bits


def new_codes() -> list[str]:
    """Ten fresh codes such as `k3p9-x0tm-4qwe-8rsv`, to be shown once."""
    drawn = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(COUNT)]
    return ["-".join(code[i : i + 4] for i in range(0, _LENGTH, 4)) for code in drawn]


def fold_code(text: str) -> str | None:
    """The code meant by what was typed (case, spaces, hyphens and look-alikes forgiven), or None if it is
    none."""
    plain = "".join(c for c in text.lower() if c not in " -\u2013\u2011").translate(_LOOKALIKES)
    return plain if len(plain) == _LENGTH and all(c in _ALPHABET for c in plain) else None


def code_hash(person_id: UUID, code: str) -> bytes:
    """The stored form of a folded code: keyed, so that a copied table cannot be searched without the key."""
    return keyed_hash("recovery code", person_id.bytes, code.encode("utf-8", "replace"))
