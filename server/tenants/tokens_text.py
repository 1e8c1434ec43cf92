"""Opaque tokens: what they look like, and the only form in which we keep them.

A token is a word that says what it opens, so that people and secret scanners recognise it, and 256 random
bits. The database holds its SHA-256: enough to find it again, useless to whoever copies the table. A slow
hash would add nothing, because nobody can guess 256 random bits.
"""

import secrets
from hashlib import sha256
from typing import Final, Literal

Kind = Literal["session", "link", "api", "device"]

PREFIX: Final[dict[Kind, str]] = {
    "session": "cw_session_",
    "link": "cw_link_",
    "api": "cw_api_",
    "device": "cw_device_",
}
LONGEST: Final = 200


def new_token(kind: Kind) -> str:
    """A fresh token, such as `cw_api_` and 43 characters; safe in addresses, cookies and headers."""
    return PREFIX[kind] + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is stored and looked up. Any text is taken; one that was never issued finds nothing."""
    return sha256(token[:LONGEST].encode("utf-8", "surrogatepass")).digest()
