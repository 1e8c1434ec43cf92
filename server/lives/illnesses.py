"""Conditions people live with, who may have them, what is prescribed for them and what is measured."""

from dataclasses import dataclass
from typing import Final

from server.lives.dice import Dice


@dataclass(frozen=True, slots=True)
class Drug:
    label: str
    dosage: str


@dataclass(frozen=True, slots=True)
class Illness:
    """ages: of the person today. years: how long they may have had it. first: prescribed from the start; added: in the
    course of therapy. measures: keys of `measures.KINDS`."""

    key: str
    code: str
    label: str
    words: str
    ages: tuple[int, int] = (18, 100)
    sexes: tuple[str, ...] = ("female", "male")
    years: tuple[int, int] = (2, 15)
    chronic: bool = True
    first: tuple[Drug, ...] = ()
    added: tuple[Drug, ...] = ()
    measures: tuple[str, ...] = ()


_W, _M = ("female",), ("male",)
ILLNESSES: Final = {
    one.key: one
    for one in (
        Illness("hypertension", "I10", "Essential (primary) hypertension", "High blood pressure", (28, 100), first=(Drug("Lisinopril 10 mg", "One tablet each morning"),), added=(Drug("Amlodipine 5 mg", "One tablet each morning"),), measures=("bp",)),
        Illness("diabetes", "E11.9", "Type 2 diabetes mellitus without complications", "Type 2 diabetes", (30, 95), first=(Drug("Metformin 500 mg", "One tablet with breakfast and supper"),), added=(Drug("Empagliflozin 10 mg", "One tablet each morning"),), measures=("a1c",)),
        Illness("diabetes_kidney", "E11.22", "Type 2 diabetes mellitus with diabetic chronic kidney disease", "Type 2 diabetes with kidney disease", (45, 92), years=(6, 20), first=(Drug("Linagliptin 5 mg", "One tablet a day"),), added=(Drug("Insulin glargine", "14 units at bedtime"),), measures=("a1c", "egfr")),
        Illness("kidney", "N18.31", "Chronic kidney disease, stage 3a", "Kidney disease, stage 3a", (45, 98), measures=("egfr",)),
        Illness("diabetes_1", "E10.9", "Type 1 diabetes mellitus without complications", "Type 1 diabetes", (18, 60), years=(5, 16), first=(Drug("Insulin lispro", "By carbohydrates, before meals"), Drug("Insulin glargine", "22 units at bedtime")), measures=("a1c",)),
        Illness("heart_failure", "I50.22", "Chronic systolic (congestive) heart failure", "Heart failure", (52, 98), years=(1, 9), first=(Drug("Carvedilol 6.25 mg", "One tablet twice a day"), Drug("Furosemide 20 mg", "One tablet each morning")), added=(Drug("Sacubitril-valsartan 24-26 mg", "One tablet twice a day"),), measures=("weight", "bp")),
        Illness("stiff_heart", "I50.32", "Chronic diastolic (congestive) heart failure", "Heart failure, stiff heart", (60, 98), years=(1, 8), first=(Drug("Furosemide 20 mg", "One tablet each morning"),), added=(Drug("Spironolactone 25 mg", "Half a tablet each morning"),), measures=("weight", "bp")),
        Illness("fibrillation", "I48.20", "Chronic atrial fibrillation, unspecified", "Atrial fibrillation", (55, 98), years=(1, 10), first=(Drug("Apixaban 5 mg", "One tablet twice a day"), Drug("Metoprolol succinate 50 mg", "One tablet each morning"))),
        Illness("coronary", "I25.10", "Atherosclerotic heart disease of native coronary artery without angina pectoris", "Coronary heart disease", (45, 96), first=(Drug("Aspirin 81 mg", "One tablet a day"), Drug("Atorvastatin 40 mg", "One tablet at night")), measures=("ldl",)),
        Illness("lipids", "E78.5", "Hyperlipidemia, unspecified", "High cholesterol", (32, 95), first=(Drug("Rosuvastatin 10 mg", "One tablet at night"),), measures=("ldl",)),
        Illness("copd", "J44.9", "Chronic obstructive pulmonary disease, unspecified", "COPD", (46, 96), first=(Drug("Tiotropium inhaler", "Two puffs each morning"), Drug("Albuterol inhaler", "Two puffs when needed")), added=(Drug("Budesonide-formoterol inhaler", "Two puffs twice a day"),), measures=("cat",)),
        Illness("asthma", "J45.40", "Moderate persistent asthma, uncomplicated", "Asthma", (6, 70), years=(2, 12), first=(Drug("Albuterol inhaler", "Two puffs when needed"),), added=(Drug("Fluticasone inhaler", "Two puffs twice a day, with the spacer"),), measures=("act",)),
        Illness("depression", "F33.1", "Major depressive disorder, recurrent, moderate", "Depression", (19, 90), years=(1, 14), first=(Drug("Sertraline 50 mg", "One tablet each morning"),), added=(Drug("Bupropion XL 150 mg", "One tablet each morning"),), measures=("phq",)),
        Illness("anxiety", "F41.1", "Generalized anxiety disorder", "Anxiety", (18, 80), years=(1, 10), first=(Drug("Escitalopram 10 mg", "One tablet each morning"),), measures=("gad",)),
        Illness("knees", "M17.0", "Bilateral primary osteoarthritis of knee", "Worn knees", (50, 98), first=(Drug("Acetaminophen 500 mg", "Two tablets up to three times a day"),)),
        Illness("bones", "M81.0", "Age-related osteoporosis without current pathological fracture", "Thin bones", (58, 99), _W, (1, 9), first=(Drug("Alendronate 70 mg", "One tablet a week, sitting up"), Drug("Vitamin D3 1000 units", "One a day"))),
        Illness("prostate", "N40.1", "Benign prostatic hyperplasia with lower urinary tract symptoms", "Enlarged prostate", (54, 98), _M, first=(Drug("Tamsulosin 0.4 mg", "One capsule after supper"),)),
        Illness("thyroid", "E03.9", "Hypothyroidism, unspecified", "Underactive thyroid", (25, 95), first=(Drug("Levothyroxine 75 mcg", "One tablet before breakfast"),), measures=("tsh",)),
        Illness("parkinson", "G20.A1", "Parkinson's disease without dyskinesia, without mention of fluctuations", "Parkinson's disease", (60, 92), years=(1, 8), first=(Drug("Carbidopa-levodopa 25-100 mg", "One tablet three times a day"),)),
        Illness("stroke", "I69.351", "Hemiplegia and hemiparesis following cerebral infarction affecting right dominant side", "Weak right side after a stroke", (52, 96), years=(1, 6), first=(Drug("Clopidogrel 75 mg", "One tablet a day"), Drug("Atorvastatin 80 mg", "One tablet at night")), measures=("bp", "ldl")),
        Illness("memory", "F03.A0", "Unspecified dementia, mild, without behavioral disturbance, psychotic disturbance, mood disturbance, and anxiety", "Trouble with memory", (72, 99), years=(1, 4), first=(Drug("Donepezil 5 mg", "One tablet at bedtime"),)),
        Illness("rheumatoid", "M06.9", "Rheumatoid arthritis, unspecified", "Rheumatoid arthritis", (28, 85), first=(Drug("Methotrexate 15 mg", "Once a week, on Mondays"), Drug("Folic acid 1 mg", "One tablet a day"))),
        Illness("epilepsy", "G40.909", "Epilepsy, unspecified, not intractable, without status epilepticus", "Epilepsy", (18, 70), first=(Drug("Levetiracetam 500 mg", "One tablet twice a day"),)),
        Illness("sickle_cell", "D57.1", "Sickle-cell disease without crisis", "Sickle-cell disease", (18, 52), years=(18, 18), first=(Drug("Hydroxyurea 1000 mg", "Once a day"), Drug("Folic acid 1 mg", "One tablet a day"))),
        Illness("migraine", "G43.709", "Chronic migraine without aura, not intractable, without status migrainosus", "Migraine", (18, 60), first=(Drug("Topiramate 50 mg", "One tablet at night"), Drug("Rizatriptan 10 mg", "One tablet at the first sign"))),
        Illness("sleep_apnea", "G47.33", "Obstructive sleep apnea (adult) (pediatric)", "Sleep apnea", (30, 88), years=(1, 8)),
        Illness("reflux", "K21.9", "Gastro-esophageal reflux disease without esophagitis", "Heartburn", (22, 90), first=(Drug("Omeprazole 20 mg", "One capsule before breakfast"),)),
        Illness("gout", "M10.9", "Gout, unspecified", "Gout", (40, 90), first=(Drug("Allopurinol 100 mg", "One tablet a day"),)),
        Illness("crohn", "K50.90", "Crohn's disease, unspecified, without complications", "Crohn's disease", (19, 60), first=(Drug("Adalimumab 40 mg", "Under the skin every other week"),)),
        Illness("weight", "E66.811", "Obesity, class 1", "Weight", (20, 80), years=(1, 10), measures=("weight",)),
        Illness("breast_history", "Z85.3", "Personal history of malignant neoplasm of breast", "Breast cancer, past", (46, 92), _W, (3, 14), chronic=False),
        Illness("prostate_history", "Z85.46", "Personal history of malignant neoplasm of prostate", "Prostate cancer, past", (60, 94), _M, (2, 12), chronic=False),
        Illness("ovaries", "E28.2", "Polycystic ovarian syndrome", "Polycystic ovaries", (18, 42), _W, (1, 10), first=(Drug("Metformin ER 500 mg", "Two tablets with supper"),)),
        Illness("pregnancy", "O24.410", "Gestational diabetes mellitus in pregnancy, diet controlled", "Expecting, with diabetes of pregnancy", (20, 42), _W, (0, 0), chronic=False, first=(Drug("Prenatal vitamin", "One tablet a day"),), measures=("glucose",)),
    )
}  # fmt: skip

#: what tends to come together: (weight, least age, most age, keys)
PROFILES: Final = (
    (7, 55, 95, ("heart_failure", "diabetes", "hypertension")), (4, 62, 98, ("stiff_heart", "fibrillation")), (4, 60, 95, ("heart_failure", "kidney", "gout")),
    (12, 40, 90, ("diabetes", "hypertension", "lipids")), (6, 48, 90, ("diabetes_kidney", "hypertension")), (5, 35, 80, ("diabetes", "depression")), (4, 40, 85, ("diabetes", "weight", "sleep_apnea")),
    (7, 50, 92, ("copd", "hypertension")), (4, 55, 92, ("copd", "coronary", "depression")), (5, 58, 95, ("coronary", "lipids", "hypertension")), (3, 58, 95, ("stroke", "hypertension")),
    (3, 62, 90, ("parkinson", "depression")), (3, 74, 97, ("memory", "hypertension")), (4, 60, 96, ("knees", "hypertension", "bones")), (4, 60, 94, ("knees", "weight")),
    (4, 58, 92, ("fibrillation", "hypertension")), (3, 60, 92, ("prostate", "hypertension")), (2, 62, 92, ("prostate_history", "lipids")), (3, 48, 90, ("breast_history", "bones")),
    (3, 30, 80, ("rheumatoid", "anxiety")), (5, 19, 75, ("depression", "anxiety")), (3, 19, 68, ("asthma", "reflux")), (3, 20, 58, ("migraine", "anxiety")), (2, 20, 50, ("diabetes_1", "depression")),
    (2, 20, 50, ("sickle_cell",)), (2, 20, 60, ("epilepsy",)), (2, 20, 58, ("crohn",)), (3, 30, 85, ("thyroid", "lipids")), (3, 32, 75, ("hypertension", "weight")), (2, 20, 40, ("ovaries",)), (9, 21, 41, ("pregnancy",)),
    (4, 28, 70, ("hypertension",)), (4, 6, 17, ("asthma",)),
)  # fmt: skip


def fits(illness: Illness, age: int, sex: str) -> bool:
    return illness.ages[0] <= age <= illness.ages[1] and sex in illness.sexes


def conditions(dice: Dice, age: int, sex: str) -> tuple[Illness, ...]:
    """One to three conditions that a person of this age and sex may well have together; the first weighs most."""
    suited = [
        ([ILLNESSES[key] for key in keys if fits(ILLNESSES[key], age, sex)], float(weight))
        for weight, low, high, keys in PROFILES
        if low <= age <= high and fits(ILLNESSES[keys[0]], age, sex)
    ]
    if not suited:
        return ()
    return tuple(dice.weighted(suited))
