"""Sealing small secrets with the installation's key, and keyed hashes of things that must only be compared.

Every use names its purpose, and each purpose has its own key derived from the one in the settings, so that
bytes sealed for one thing never open as another.
"""

import hmac
import os
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from server.settings import settings

_VERSION = b"\x01"


class NotSealedHere(ValueError):
    """The bytes were not sealed by this installation for this purpose and this owner, or were changed
    since."""


def seal(purpose: str, plain: bytes, bound_to: bytes = b"") -> bytes:
    """AES-256-GCM under the purpose's key. `bound_to` (an id) must be given again to open it."""
    nonce = os.urandom(12)
    return _VERSION + nonce + AESGCM(_key(purpose)).encrypt(nonce, plain, bound_to)


def unseal(purpose: str, sealed: bytes, bound_to: bytes = b"") -> bytes:
    """What was sealed. Raises NotSealedHere for anything else."""
    if sealed[:1] != _VERSION or len(sealed) < 29:
        raise NotSealedHere(purpose)
    try:
        return AESGCM(_key(purpose)).decrypt(sealed[1:13], sealed[13:], bound_to)
    except InvalidTag:
        raise NotSealedHere(purpose) from None


def keyed_hash(purpose: str, *parts: bytes) -> bytes:
    """HMAC-SHA256 of `parts`: equal inputs meet, and nobody without the key can try guesses against a
    stolen table."""
    return hmac.digest(_key(purpose), b"".join(len(part).to_bytes(4, "big") + part for part in parts), sha256)


def _key(purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"carewright {purpose}".encode()).derive(settings().secret)
