"""The words a form offers about a person. Values are stored; words are shown."""

from typing import Final

from server.words import N_

SEX: Final = {"female": N_("Female"), "male": N_("Male"), "other": N_("Other"), "unknown": N_("Not known")}
GENDER_IDENTITY: Final = {
    "": N_("Not asked"),
    "woman": N_("Woman"),
    "man": N_("Man"),
    "transgender_woman": N_("Transgender woman"),
    "transgender_man": N_("Transgender man"),
    "nonbinary": N_("Non-binary"),
    "other": N_("Another"),
    "declined": N_("Prefers not to say"),
}
RACE: Final = {
    "american_indian_or_alaska_native": N_("American Indian or Alaska Native"),
    "asian": N_("Asian"),
    "black_or_african_american": N_("Black or African American"),
    "native_hawaiian_or_pacific_islander": N_("Native Hawaiian or other Pacific Islander"),
    "white": N_("White"),
    "other": N_("Another"),
    "declined": N_("Prefers not to say"),
}
ETHNICITY: Final = {
    "": N_("Not asked"),
    "hispanic_or_latino": N_("Hispanic or Latino"),
    "not_hispanic_or_latino": N_("Not Hispanic or Latino"),
    "declined": N_("Prefers not to say"),
}
#: BCP 47 -> the language's name in English
LANGUAGE: Final = {
    "": N_("Not asked"),
    "en": N_("English"),
    "es": N_("Spanish"),
    "ar": N_("Arabic"),
    "bn": N_("Bengali"),
    "zh": N_("Chinese"),
    "fr": N_("French"),
    "de": N_("German"),
    "hi": N_("Hindi"),
    "hmn": N_("Hmong"),
    "it": N_("Italian"),
    "ja": N_("Japanese"),
    "ko": N_("Korean"),
    "pl": N_("Polish"),
    "pt": N_("Portuguese"),
    "ru": N_("Russian"),
    "so": N_("Somali"),
    "tl": N_("Tagalog"),
    "uk": N_("Ukrainian"),
    "ur": N_("Urdu"),
    "vi": N_("Vietnamese"),
    "ase": N_("American Sign Language"),
}
WAY: Final = {
    "phone": N_("Phone"),
    "text": N_("Text message"),
    "email": N_("E-mail"),
    "other": N_("Another way"),
}
USE: Final = {"": "", "home": N_("Home"), "mobile": N_("Mobile"), "work": N_("Work")}
SUPPORT: Final = {
    "family": N_("Family"),
    "friend": N_("Friend"),
    "neighbour": N_("Neighbour"),
    "paid": N_("Paid helper"),
    "other": N_("Someone else"),
}
LEGAL_ROLE: Final = {
    "": N_("None"),
    "emergency_contact": N_("Emergency contact"),
    "healthcare_proxy": N_("Health-care proxy"),
    "power_of_attorney": N_("Power of attorney"),
    "guardian": N_("Guardian"),
}
CARE_TEAM_PART: Final = {
    "care_manager": N_("Care manager"),
    "primary_care": N_("Primary-care provider"),
    "specialist": N_("Specialist"),
    "nurse": N_("Nurse"),
    "pharmacist": N_("Pharmacist"),
    "social_worker": N_("Social worker"),
    "community_health_worker": N_("Community health worker"),
    "other": N_("Other"),
}


def known(value: str, choices: dict[str, str]) -> bool:
    """Is `value` one of the stored values of `choices`? Empty is, where a form may leave it out."""
    return value == "" or value in choices
