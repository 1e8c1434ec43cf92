"""Authenticator codes (RFC 6238): 30-second steps, six digits, one step of drift either way, each step
used once."""

import base64
import hmac
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

import pyotp
import segno

from server.sealed import seal, unseal
from server.words import say

STEP_SECONDS: Final = 30
DRIFT_STEPS: Final = 1
ISSUER: Final = "Carewright"


def new_secret() -> str:
    """160 random bits in base 32, as authenticators take them (RFC 4226, section 4)."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def step_at(at: datetime) -> int:
    """The number of the 30-second step that `at` lies in."""
    return int(at.timestamp()) // STEP_SECONDS


def code_at(secret: str, step: int) -> str:
    """The six digits an authenticator shows during `step`."""
    return str(pyotp.TOTP(secret, interval=STEP_SECONDS).generate_otp(step))


def matching_step(secret: str, typed: str, at: datetime) -> int | None:
    """The step whose code was typed, if it is this one or a neighbour; the newest if several agree.

    Whether that step was used before is not known here: only the database can decide that, in one statement.
    """
    code = "".join(c for c in typed if c not in " -\u00a0")
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        return None
    now = step_at(at)
    found = None
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if hmac.compare_digest(code_at(secret, step), code):
            found = step
    return found


def seal_secret(person_id: UUID, secret: str) -> bytes:
    """The stored form: encrypted for this person alone, so that rows cannot be swapped between people."""
    return seal("authenticator secret", secret.encode(), person_id.bytes)


def unseal_secret(person_id: UUID, sealed: bytes) -> str:
    return unseal("authenticator secret", sealed, person_id.bytes).decode()


def spoken(secret: str) -> str:
    """The secret in groups of four, for typing by hand."""
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))


def provisioning_uri(secret: str, email: str) -> str:
    """The otpauth:// address inside the picture."""
    return str(pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=email, issuer_name=ISSUER))


def qr_svg(uri: str) -> str:
    """The picture to scan, as one inline `<svg>` element: dark on light in any colour scheme, no style, no
    script."""
    return str(
        segno.make(uri, error="m", micro=False).svg_inline(
            scale=1, border=4, dark="#111", light="#fff", omitsize=True, svgclass="qr", lineclass=None,
            title=say("Picture to scan with an authenticator app"),
        )
    )  # fmt: skip
