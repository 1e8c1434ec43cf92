"""Whether a file can carry what the claim says: its letters, and enough of them."""

from collections.abc import Iterator

from server.claims.assembly import Draft
from server.claims.claim import Address, Claim, Person, ScrubFinding
from server.claims.scrub.finding import OnFile, error
from server.claims.x12.words import plain, strange
from server.words import say, say_of


def writable(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    for about, text, least in _texts(draft.claim):
        if odd := strange(text):
            yield error(
                "S22",
                about,
                say_of(
                    "A claim cannot carry the character %(characters)s: claims hold Latin letters, digits and "
                    "a little punctuation.",
                    "A claim cannot carry the characters %(characters)s: claims hold Latin letters, digits and "
                    "a little punctuation.",
                    len(odd),
                    characters=odd[:12],
                ),
                say("Write it in Latin letters, as it stands on the insurance card."),
            )
        elif text and len(plain(text)) < least:
            yield error(
                "S22",
                about,
                say(
                    "Too little is left of “%(text)s” in the letters that a claim can carry.", text=text[:20]
                ),
                say("Write it out in Latin letters."),
            )


def _texts(claim: Claim) -> Iterator[tuple[str, str, int]]:
    """(what it is about, the words, how many characters a file needs of them)"""
    yield from _of_person("family_name", "given_names", "address", claim.person)
    if claim.insured.subscriber:
        yield from _of_person("subscriber", "subscriber", "subscriber", claim.insured.subscriber)
    yield "group_number", claim.insured.group_number, 1
    if claim.biller:
        yield "legal_name", claim.biller.legal_name, 1
        yield "contact_name", claim.biller.contact_name, 1
        yield from _of_address("billing_street", claim.biller.address)
    if claim.place.address:
        yield "place", claim.place.name, 1
        yield from _of_address("place", claim.place.address)
    if claim.route:
        yield "route", claim.route.receiver_name, 1
        yield "route", claim.route.payer_name, 1
        yield "provider_number", claim.route.provider_number, 1
    for one in (claim.rendering, claim.supervising):
        if one is not None:
            yield "rendering", one.family_name, 1
            yield "rendering", one.given_name, 1


def _of_person(family: str, given: str, where: str, person: Person) -> Iterator[tuple[str, str, int]]:
    yield family, person.family_name, 1
    yield given, person.given_names, 1
    yield family, person.suffix, 1
    if person.address:
        yield from _of_address(where, person.address)


def _of_address(about: str, where: Address) -> Iterator[tuple[str, str, int]]:
    yield about, where.street, 1
    yield about, where.city, 2
