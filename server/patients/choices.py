"""The words a form offers about a person. Values are stored; words are shown."""

from typing import Final

SEX: Final = {"female": "Female", "male": "Male", "other": "Other", "unknown": "Not known"}
GENDER_IDENTITY: Final = {
    "": "Not asked",
    "woman": "Woman",
    "man": "Man",
    "transgender_woman": "Transgender woman",
    "transgender_man": "Transgender man",
    "nonbinary": "Non-binary",
    "other": "Another",
    "declined": "Prefers not to say",
}
RACE: Final = {
    "american_indian_or_alaska_native": "American Indian or Alaska Native",
    "asian": "Asian",
    "black_or_african_american": "Black or African American",
    "native_hawaiian_or_pacific_islander": "Native Hawaiian or other Pacific Islander",
    "white": "White",
    "other": "Another",
    "declined": "Prefers not to say",
}
ETHNICITY: Final = {
    "": "Not asked",
    "hispanic_or_latino": "Hispanic or Latino",
    "not_hispanic_or_latino": "Not Hispanic or Latino",
    "declined": "Prefers not to say",
}
#: BCP 47 -> the language's name in English
LANGUAGE: Final = {
    "": "Not asked",
    "en": "English",
    "es": "Spanish",
    "ar": "Arabic",
    "bn": "Bengali",
    "zh": "Chinese",
    "fr": "French",
    "de": "German",
    "hi": "Hindi",
    "hmn": "Hmong",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "so": "Somali",
    "tl": "Tagalog",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "ase": "American Sign Language",
}
WAY: Final = {"phone": "Phone", "text": "Text message", "email": "E-mail", "other": "Another way"}
USE: Final = {"": "", "home": "Home", "mobile": "Mobile", "work": "Work"}
SUPPORT: Final = {
    "family": "Family",
    "friend": "Friend",
    "neighbour": "Neighbour",
    "paid": "Paid helper",
    "other": "Someone else",
}
LEGAL_ROLE: Final = {
    "": "None",
    "emergency_contact": "Emergency contact",
    "healthcare_proxy": "Health-care proxy",
    "power_of_attorney": "Power of attorney",
    "guardian": "Guardian",
}
CARE_TEAM_PART: Final = {
    "care_manager": "Care manager",
    "primary_care": "Primary-care provider",
    "specialist": "Specialist",
    "nurse": "Nurse",
    "pharmacist": "Pharmacist",
    "social_worker": "Social worker",
    "community_health_worker": "Community health worker",
    "other": "Other",
}


def known(value: str, choices: dict[str, str]) -> bool:
    """Is `value` one of the stored values of `choices`? Empty is, where a form may leave it out."""
    return value == "" or value in choices
