"""Names that could be anybody's, by where a family came from and when somebody was born. Nobody is meant."""

from dataclasses import dataclass
from typing import Final

from server.lives.dice import Dice


@dataclass(frozen=True, slots=True)
class Heritage:
    """older, newer: given names (women, men) of those born before and after 1965. language: (BCP 47, share, of those
    how many want an interpreter)."""

    key: str
    share: float
    races: tuple[str, ...]
    ethnicity: str
    language: tuple[str, float, float]
    women: tuple[str, str]
    men: tuple[str, str]
    families: str


_NO = "not_hispanic_or_latino"
HERITAGES: Final = (
    Heritage(
        "african_american", 32, ("black_or_african_american",), _NO, ("en", 1, 0),
        ("Earline Ernestine Lucille Odessa Vernice Willa Bernadine Geraldine Delores Mattie Ola Rosetta Juanita Thelma Lorraine Gwendolyn",
         "Monique Tamika Denise Yolanda Keisha Latrice Simone Danielle Renee Jasmine Ebony Nichelle Camille Aaliyah Tasha Regina"),
        ("Otis Clarence Roosevelt Cleveland Willie Nathaniel Horace Percy Leroy Elijah Booker Amos Curtis Rufus Isaiah Lamont",
         "Terrence Andre Darnell Marcus Reginald Malik Corey Jerome Devin Tyrone Anthony Maurice Quentin Xavier Damon Kendrick"),
        "Whitfield Pettway Gaines Boykin Crutchfield Mayfield Threadgill Battle Hairston Lofton Merriweather Stallworth Yarbrough Dupree Goodwin Hightower Langford Mosley Ransom Sykes Tolliver Vance Weatherspoon Beasley Cobb Fontaine Grier Ivory",
    ),
    Heritage(
        "white", 28, ("white",), _NO, ("en", 1, 0),
        ("Marjorie Eleanor Lois Beverly Joanne Arlene Phyllis Norma Carol Patricia Janet Shirley Maxine Audrey Constance Roberta",
         "Jennifer Heather Amy Kristen Melissa Stephanie Megan Caitlin Laura Erin Holly Tracy Wendy Brenda Alicia Paige"),
        ("Raymond Gerald Kenneth Norman Duane Russell Lyle Vernon Donald Roger Harvey Stanley Wayne Gordon Merle Eugene",
         "Kevin Brian Scott Jeffrey Todd Ryan Justin Dylan Craig Douglas Keith Travis Shane Wesley Nolan Garrett"),
        "Haskell Brubaker Lindqvist Tanner Vandermeer Hollis Pruitt Ketchum Rademaker Ostrander Bancroft Dunleavy Fairchild Grady Holcomb Jessup Kimball Lathrop McElroy Niemi Pemberton Quigley Rourke Schuyler Truesdale Ulrich Wexler Yost",
    ),
    Heritage(
        "mexican_american", 13, ("white",), "hispanic_or_latino", ("es", 0.62, 0.25),
        ("Guadalupe Socorro Esperanza Amparo Consuelo Graciela Ofelia Elvira Hortensia Josefina Leticia Soledad",
         "Maribel Yesenia Araceli Lorena Claudia Veronica Marisela Brenda Xochitl Daniela Rocio Fabiola"),
        ("Refugio Salvador Ignacio Evaristo Heriberto Gilberto Arturo Ramiro Rogelio Fidel Leopoldo Efrain",
         "Alejandro Hector Oscar Rigoberto Eduardo Ivan Noe Adrian Ulises Cesar Gerardo Marco"),
        "Villalobos Zamarripa Escamilla Tovar Barragan Quintanilla Olvera Cisneros Arredondo Bustamante Carranza Delgadillo Elizondo Figueroa Galindo Huerta Irigoyen Jaramillo Ledesma Montemayor",
    ),
    Heritage(
        "arab_american", 10, ("white",), _NO, ("ar", 0.55, 0.7),
        ("Samira Fatme Nawal Zeinab Suad Hanan Amal Widad Ibtisam Salma", "Rana Dina Hala Mariam Lubna Nadine Rasha Yasmeen Abeer Layal"),
        ("Yousef Mahmoud Faisal Khalil Nabil Hassan Adnan Munir Ghassan Ibrahim", "Tarek Bilal Karim Sami Ziad Walid Rami Jamal Fadi Omar"),
        "Haddad Bazzi Saad Khoury Najjar Sabbagh Makki Beydoun Farhat Hammoud Jaber Mroue Nassar Shaheen Turfah Zaher",
    ),
    Heritage(
        "polish_american", 6, ("white",), _NO, ("pl", 0.25, 0.5),
        ("Jadwiga Wanda Genevieve Stella Helen Irene Bronislawa Regina", "Agnieszka Magda Kasia Joanna Dorota Ewa"),
        ("Casimir Stanislaus Thaddeus Chester Edmund Walter Zygmunt Bernard", "Piotr Marek Tomasz Adam Pawel Jacek"),
        "Wisniewski Majewski Pawlak Gorski Zielinski Nowicki Sobczak Krol Dudek Sikora Wrona Bielak",
    ),
    Heritage(
        "south_asian", 4, ("asian",), _NO, ("bn", 0.4, 0.6),
        ("Shirin Nasima Rokeya Kamala Sudha Meena", "Anjali Farzana Priyanka Nusrat Sharmin Kavita"),
        ("Abdur Rafiq Mohan Suresh Anwar Habibur", "Rajesh Imran Arif Sanjay Tanvir Vikram"),
        "Chowdhury Mazumder Talukder Bhuiyan Pillai Deshmukh Rahimi Sarkar Iyer Biswas Kulkarni Mondal",
    ),
    Heritage(
        "vietnamese", 3, ("asian",), _NO, ("vi", 0.7, 0.75),
        ("Bich Hoa Kim Lan Nga Tuyet", "Thuy Linh Trang Mai Hien Phuong"), ("Duc Hung Quang Tam Vinh Loc", "Tuan Khoa Bao Long Phuc Hai"),
        "Vuong Luu Huynh Trinh Mac Quach Doan Lieu Ton Thach",
    ),
    Heritage(
        "filipino", 2, ("asian",), _NO, ("tl", 0.3, 0.2),
        ("Corazon Luzviminda Remedios Milagros Erlinda", "Maricel Jocelyn Rowena Lovely Analyn"), ("Rodolfo Ernesto Romulo Dominador Virgilio", "Jerome Alvin Rommel Dennis Arnel"),
        "Macaraeg Dimaculangan Bautista Salonga Pangilinan Tolentino Manalo Abad Cruzado Villafuerte",
    ),
    Heritage(
        "deaf_community", 1, ("white",), _NO, ("ase", 1, 1),
        ("Bonnie Marcella Ruthanne Sylvia", "Shelby Corinne Tessa Amber"), ("Lowell Clayton Merritt Alden", "Brett Spencer Joel Trevor"),
        "Applegate Kittredge Sandoz Whitlock Averill Thorne",
    ),
    Heritage(
        "ojibwe", 1, ("american_indian_or_alaska_native",), _NO, ("en", 1, 0),
        ("Delphine Rosalie Theresa Agnes", "Winona Autumn Shawna Dawn"), ("Wilfred Alphonse Leonard Archie", "Dakota Shane Curtis Jesse"),
        "Migwans Petoskey Shananaquet Kewaygeshik Cadreau Otash",
    ),
)  # fmt: skip
_NICK: Final = {
    "Earline": "Earlie", "Ernestine": "Tina", "Lucille": "Lucy", "Geraldine": "Gerry", "Gwendolyn": "Gwen", "Nathaniel": "Nate",
    "Roosevelt": "Rosie", "Cleveland": "Cleve", "Marjorie": "Marge", "Eleanor": "Nell", "Beverly": "Bev", "Patricia": "Pat",
    "Constance": "Connie", "Roberta": "Bobbie", "Raymond": "Ray", "Gerald": "Jerry", "Kenneth": "Ken", "Stanley": "Stan",
    "Eugene": "Gene", "Guadalupe": "Lupe", "Socorro": "Coco", "Josefina": "Chepina", "Refugio": "Cuco", "Salvador": "Chava",
    "Ignacio": "Nacho", "Genevieve": "Genny", "Casimir": "Casey", "Thaddeus": "Ted", "Corazon": "Cory", "Jennifer": "Jen",
    "Stephanie": "Steph", "Jeffrey": "Jeff", "Douglas": "Doug", "Alejandro": "Alex", "Terrence": "Terry", "Reginald": "Reggie",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    family: str
    given: str
    preferred: str


def heritage(dice: Dice) -> Heritage:
    return dice.weighted([(one, one.share) for one in HERITAGES])


def name(dice: Dice, of: Heritage, sex: str, born_year: int) -> Name:
    """A family name, one or two given names, and what they like to be called where that is something else."""
    given = given_names(of, sex, born_year)
    first = dice.one(given)
    second = dice.one([one for one in given if one != first]) if dice.chance(0.3) else ""
    families = of.families.split()
    family = dice.one(families)
    if of.ethnicity == "hispanic_or_latino" and dice.chance(0.35):
        family = f"{family} {dice.one([one for one in families if one != family])}"
    preferred = _NICK.get(first, "") if dice.chance(0.75) else second if dice.chance(0.2) else ""
    return Name(family, f"{first} {second}".strip(), preferred)


def given_names(of: Heritage, sex: str, born_year: int) -> list[str]:
    """The given names somebody of that family and year may have."""
    both = of.women if sex == "female" else of.men
    return both[0 if born_year < 1965 else 1].split()
