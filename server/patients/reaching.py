"""Telephone numbers and e-mail addresses as they are kept. Pure."""

import phonenumbers

from server.errors import Refused
from server.words import say


def phone_written(text: str, field: str = "value") -> str:
    """`(313) 555-0142 ext. 12` as `+13135550142;ext=12` (E.164; the extension as in RFC 3966). Raises Refused
    BAD_PHONE."""
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise Refused(
            "BAD_PHONE",
            say("“%(text)s” is not a telephone number.", text=text[:40]),
            say("Write it with its area code, such as (313) 555-0142."),
            field,
        )
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{written};ext={number.extension}" if number.extension else written


def email_written(text: str, field: str = "value") -> str:
    """The address as it was given. Raises Refused BAD_EMAIL."""
    if "@" not in text[1:-1] or any(c.isspace() for c in text):
        raise Refused(
            "BAD_EMAIL",
            say("“%(text)s” is not an e-mail address.", text=text[:60]),
            say("Check it for a missing @."),
            field,
        )
    return text
