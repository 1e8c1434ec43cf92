"""What matters to people, and their stories. Each part is written by hand; no two people are given the same whole.

A part in braces depends on the person: {he}/{his}/{him}/{himself}, {spouse}/{spouse_s}.
"""

from typing import Final

from server.lives.dice import Dice, rounds
from server.lives.notes import filled

#: (least age, most age, sentence)
_WORK: Final = (
    (45, 110, "Set type at the newspaper until the presses went quiet, and still reads the paper upside down to amuse children."),
    (50, 110, "Thirty-four years on the line at Dodge Main and then at Jefferson; knows every bolt of a door hinge."),
    (30, 110, "Drives the 53 bus, or did until the knees; regulars still wave at the window."),
    (28, 110, "Cuts hair in a chair by the window and hears everybody's news before the neighbours do."),
    (60, 110, "Ran the elevator at a downtown store when the store still had gloves and a tea room."),
    (35, 110, "Bakes for the whole parish; the Easter bread takes two days and nobody is allowed to help."),
    (25, 110, "Repairs bicycles in a garage that smells of rubber and coffee, for whatever people can pay."),
    (55, 110, "Taught shop at Cass for twenty-six years and has all ten fingers to show for it."),
    (40, 110, "Nursed on the night shift, so the small hours still feel like company."),
    (22, 60, "Works the early counter at the bakery and studies bookkeeping after the children are asleep."),
    (20, 45, "Makes deliveries by van, ten hours a day, and knows which dogs are only talking."),
    (30, 110, "Lays tile; there is a fountain in a garden in Dearborn with {his} initials under it."),
    (50, 110, "Played second trumpet in a wedding band for thirty summers and never missed a Saturday."),
    (60, 110, "Farmed forty acres near Sebewaing before moving to be near the children."),
    (30, 110, "Sews: costumes for the dance school, hems for the street, a quilt for every baby in the building."),
    (24, 70, "Cooks in a school kitchen and sneaks an extra roll to the ones who look hungry."),
    (55, 110, "Retired letter carrier, eleven miles a day in all weathers, and can still recite the route."),
    (45, 110, "Poured steel at Great Lakes until the furnace closed; the hearing stayed behind there."),
    (60, 110, "Kept the books of three churches and a funeral home, and never once was off by a penny."),
    (35, 110, "Tends the community garden on the corner and labels the rows for people who cannot read English."),
    (20, 50, "Stocks shelves at night and draws in the breaks; the notebooks are full of sleeping cats."),
    (30, 110, "Came with one suitcase and a trade; has plastered half the ceilings on the street since."),
    (50, 110, "Sang alto in the choir for forty years and still stands up when the altos come in."),
    (28, 110, "Drives a truck to Toledo and back; home by supper, which was the whole point of taking that run."),
    (65, 110, "Was a telephone operator and still answers with the name of the exchange."),
    (40, 110, "Has a stall at Eastern Market on Saturdays: honey, and opinions about honey."),
    (22, 65, "Looks after other people's mothers for a living and {his} own on Sundays."),
    (30, 75, "Fixes boilers in old apartment houses, where every cellar has its own temper."),
    (58, 110, "Umpired sandlot baseball and is still thanked, and still blamed, for a call in 1987."),
    (20, 40, "In {his} second year of training as an electrician, the first in the family to be asked for at a site by name."),
    (45, 110, "Raised five children and two of a cousin's in three rooms, and nobody ever ate alone."),
    (30, 110, "Interprets at the courthouse when somebody has to, and says the silences are the hard part."),
    (50, 110, "Upholsters chairs; believes a good chair has saved more marriages than talking."),
    (60, 110, "Piloted a tug on the Detroit River and judges all weather by the colour of the water."),
    (25, 60, "Runs the front of a small restaurant where the regulars do not need a menu, or get one."),
    (35, 110, "Teaches Sunday school to the five-year-olds, who ask better questions than the bishop."),
    (55, 110, "Was the first in the family to finish school, and made sure of the other six." ),
    (18, 35, "Studies at Wayne State two days a week and minds a little brother the other five."),
    (40, 110, "Breeds canaries in the back room; the singing starts at five and so does the coffee."),
    (50, 110, "Worked the switch tower of a railroad that is now a bicycle path, and walks it to keep an eye on things."),
    (30, 110, "Paints signs by hand: the pharmacy's, the barber's, and the fish on the fish market."),
    (62, 110, "Was a seamstress at the bridal shop on Michigan Avenue and remembers every difficult mother."),
    (35, 110, "Keeps the keys of the mosque kitchen and feeds whoever comes, without asking."),
    (28, 80, "Cleans offices after six, and waters plants that nobody else there notices."),
    (48, 110, "Welded ships and then sculptures; the one in the yard is a heron, though people see a crane."),
    (60, 110, "Managed a bowling alley and can still tell a strike by its sound."),
    (33, 110, "Plays chess in the park on Wednesdays against anybody, for a peach."),
    (24, 55, "Answers calls for the water department and is patient for a living, so not always at home."),
    (50, 110, "Kept bees, hens and four boys on a city lot, in that order of difficulty."),
    (65, 110, "Was a court stenographer and still moves the fingers when people talk too fast."),
    (30, 110, "Roasts coffee for three cafés and cannot drink it any more, which is taken with humour."),
    (45, 110, "Photographed every wedding on the east side between 1975 and the telephone."),
    (40, 110, "Grows dahlias that win ribbons and gives the ribbons to the neighbours' children."),
    (55, 110, "Carried mortar, then plans, then responsibility; the credit union on Vernor is partly {his} doing."),
)  # fmt: skip
_CHILD: Final = (
    "Draws maps of places that do not exist yet, with legends and a scale.", "Plays goalkeeper and talks to the ball.",
    "Reads everything about whales and corrects the documentaries.", "Is building a robot out of a fan and hopes nobody misses the fan.",
    "Dances in the kitchen and does the shopping list in song.", "Collects bus transfers and knows all the routes by heart.",
    "Has a turtle called Professor and a plan for a second turtle.", "Wants to be a vet or a drummer, or both on different days.",
)  # fmt: skip
_HOME: Final = (
    "Lives alone on the second floor with a radio in every room.", "Lives with a daughter and two grandsons in the house on the corner with the blue door.",
    "Shares a duplex with a sister; they argue about the thermostat and nothing else.", "Rents two rooms above the hardware store, where the stairs are steep and the landlord is kind.",
    "Has a flat in the senior building with a view of the river if one leans.", "Lives with {his} family of six in a house where the table is never cleared.",
    "Lives alone since the spring before last, and keeps the second chair where it was.", "Has a small brick house with a porch that half the street uses.",
    "Lives with an old friend from work; they split the bills and the crossword.", "Lives with a cat called Admiral who was meant to stay a week.",
    "Moved in with a son last winter, into a room that used to be for the trains.", "Keeps house with a cousin and a parrot that swears in two languages.",
    "Lives at the end of the bus line, by choice, because of the trees.",
    "Has the upper flat; the niece downstairs knocks on the pipe to say goodnight.", "Lives in the same house {he} was brought home to as a baby.",
    "Shares a place with two nephews who eat everything and fix everything.", "Lives in a trailer that is tidier than most ships.",
    "Lives with {his} mother's furniture and a very old dog.", "Lives over the family shop, so the bell still gets {him} out of the chair.",
    "Has three rooms, forty plants and a balcony that faces the freeway, which sounds like the sea.", "Lives with a grandchild who is finishing school and eats standing up.",
    "Stays with a brother until the house is mended; the roof is promised for autumn.", "Lives with a roommate from church who cooks on odd days.",
)  # fmt: skip
_TOGETHER: Final = (
    "Lives with {spouse}, who does the pills and the driving.", "Has been married so long that the two of them order for each other.", "Lives with {spouse} and a very old dog.",
    "Has a small brick house with {spouse}, and a porch that half the street uses.", "Lives with {spouse} and the youngest, who is in no hurry to go.", "Rents the lower flat with {spouse}; the stairs were the last straw.",
    "Met {spouse} at a bus stop and they still argue about which one.", "Lives with {spouse} and {spouse_s} mother, who is ninety and in charge.", "Shares one car, one bank book and one bad hip with {spouse}.",
    "Keeps a table for eight with {spouse}, and most Sundays it is needed.", "Lives with {spouse}; a daughter next door comes in without knocking.", "Moved into one floor with {spouse} last winter and misses only the attic.",
    "Lives with {spouse}, three children and a piano nobody tunes.", "Has a garden with {spouse}: flowers on one side of the path, vegetables on the other, by treaty.",
)  # fmt: skip
_HABIT: Final = (
    "Sundays are for the telephone: one call to each of the children, in order of age.", "Walks to the market and back before it opens, to have the street to {himself}.",
    "Keeps every appointment card in a tobacco tin.", "Does not like being called dear, and says so kindly.", "Writes a line in a diary each night and rates the day out of ten.",
    "Laughs easily, cries easily and sees no reason to hide either.", "Would rather be told the plain truth, standing up.", "Trusts people who look at {his} hands before they look at the chart.",
    "Has never missed a ball game on the radio and keeps the score on envelopes.", "Hums when worried; the family can tell from the next room.",
    "Sets the clock ten minutes fast and is still late for everything but church.", "Bakes when sad, so the neighbours always know.",
    "Keeps a list of jokes by the telephone and will try one on you.", "Does not drive at night any more and minds it more than the pills.",
    "Saves string, paper bags and other people's feelings.", "Prays five times a day and plans the walks around it.", "Reads the obituaries first, to see who to write to.",
    "Feeds a crow that brings bottle caps in return.", "Has strong opinions about soup.", "Likes to hear the reason first and the advice second.",
    "Keeps the medicines in a muffin tin, sorted by colour, and it works.", "Plays dominoes on the porch from May on, for pride only.",
    "Learned to swim at fifty and tells everybody it is not too late.", "Has a standing appointment with a bench and a thermos.",
    "Still irons the pillowcases.", "Sends birthday cards a week early, to be safe.", "Owns one good suit and knows where it will be worn next.", "Keeps the porch light on until the last neighbour is home.",
    "Does crosswords in ink.", "Does not complain, so ask twice.", "Writes questions for the doctor on the back of the calendar.",
)  # fmt: skip
#: (least age, most age, sentence)
_HOPES: Final = (
    (55, 110, "Dancing at my granddaughter's wedding in the blue shoes."), (50, 110, "Holding the new baby without being told to sit down first."),
    (18, 110, "Getting through a night without the coughing."), (30, 110, "Having the garden in by Mother's Day."), (50, 110, "One more trip to the lake with my brothers."),
    (18, 110, "Climbing my own stairs with the groceries."), (60, 110, "Staying in this house, with my things."), (18, 66, "Keeping my job and my good name there."),
    (18, 110, "Cooking for the whole table again on a Sunday."), (60, 110, "Seeing my sister in Mobile while we can both still talk all night."),
    (18, 110, "Walking the dog to the river and back."), (40, 110, "Being at every one of his home games."), (18, 110, "Sleeping in the bed and not in the chair."),
    (55, 110, "Teaching my grandson to fish before he grows too cool for it."), (18, 110, "Singing all the verses without stopping for breath."),
    (18, 60, "Finishing my certificate and framing it where my mother can see."), (18, 110, "Having my hands steady enough to sew."), (50, 110, "Driving myself to church."),
    (18, 110, "A whole month when nobody mentions the hospital."), (45, 110, "Putting flowers on his grave myself, on foot."), (18, 110, "Eating what everybody else eats at the party."),
    (18, 55, "Running after my kids and catching them."), (60, 110, "Going home to see the olive trees once more."), (18, 110, "Feeling like myself when I look in the mirror."),
    (30, 110, "Getting back on the bicycle."), (18, 110, "Reading to the children at the library on Thursdays."), (60, 110, "Remembering the names at the reunion."),
    (18, 110, "Getting up in the morning because I want to."), (40, 110, "Playing a full set with the band."), (18, 110, "Not being afraid of the next bad day."),
    (62, 110, "Ninety. I have said ninety and I am stubborn."), (18, 110, "Keeping the shop open on Saturdays."), (18, 110, "Telling my own story instead of my blood sugar's."),
    (18, 110, "Going fishing at Belle Isle and staying until dusk."), (55, 110, "Finishing the quilt, all sixteen squares of it."),
    (18, 110, "Walking into a room without looking for a chair."), (18, 110, "Having people over and not canceling."), (60, 110, "Kneeling at Mass and getting up by myself."),
    (18, 50, "Being there when my little girl starts school."), (45, 110, "Seeing the Tigers win it all, in person, in the cold."), (18, 110, "Making it to the top of the dunes again."),
    (18, 110, "Tasting my food."), (35, 110, "Restoring the old Buick with my boy."), (18, 110, "Swimming with my friends on Wednesdays."), (18, 110, "Sitting through a whole film without counting minutes."),
)  # fmt: skip
_WISHES: Final = (
    "And not being a burden to anybody.", "The rest is decoration.", "I can live with the pills if I can have that.", "That is what I think of when I get up.",
    "Ask me about that before you ask about my numbers.", "My family knows; now you know too.", "If that goes, tell me plainly.", "I have not had that in two years.",
    "Everything else I can bargain about.", "I would trade a year for it.", "And a bit of peace in the house.", "With the radio on.", "No fuss, please.",
    "And to be spoken to, not about.", "I do not need to live forever for it.", "And to hear my children laugh while I do.", "I was good at it once.",
    "People think it is small. It is not small.", "That, and my own front door.", "It would make my mother proud.", "I promised somebody.",
    "So let us work backwards from there.", "And to keep my hair, if it can be arranged.", "With my own two feet under me.",
)  # fmt: skip
_CHILD_HOPES: Final = (
    "Playing a whole game and not sitting out.", "Going to camp with the others.", "Sleeping over at my friend's without the machine.", "Running the mile in school.",
    "Having a dog, if the allergies let me.", "Being in the school play until the end.", "Going sledding like everybody.", "Not using the inhaler in front of the class.",
)  # fmt: skip
_CHILD_WISHES: Final = (
    "And no fuss.",
    "With my friends there.",
    "My mom knows.",
    "That is all, mostly.",
    "And winning.",
    "And a ride home.",
    "Please.",
    "For real this time.",
)
_ESPERANZAS: Final = (
    "Bailar en la quinceañera de mi nieta.", "Cocinar para todos los domingos, como antes.", "Caminar hasta la iglesia sin ayuda.", "Volver a mi pueblo una vez más, en diciembre.",
    "Dormir toda la noche sin despertarme.", "Trabajar en mi jardín, con mis chiles y mis rosas.", "Ver a mis hijos juntos en la misma mesa.", "Seguir en mi casa, con mis cosas.",
    "Cargar a mi nieto sin que me duela la espalda.", "Cantar en el coro sin quedarme sin aire.", "Manejar al mercado sin pedir favores.", "Que mis manos no tiemblen al coser.",
    "Levantarme con ganas.", "Llegar a las bodas de oro con salud.", "Terminar la casa que empecé.", "Jugar fútbol con los muchachos, aunque sea de portero.",
)  # fmt: skip
_DESEOS: Final = (
    "Lo demás se arregla.", "Y no ser una carga para nadie.", "Pregúnteme por eso primero.", "Se lo prometí a mi madre.", "Con música, si se puede.", "Eso me levanta cada mañana.",
    "Así de sencillo.", "Y oír reír a los niños.", "Mi familia ya lo sabe.", "Aunque sea despacio.", "Con mis propios pies.", "Y con la puerta abierta.",
)  # fmt: skip


def _filled(text: str, sex: str) -> str:
    spouse, spouse_s = ("her husband", "his") if sex == "female" else ("his wife", "her")
    return filled(text, sex, himself=filled("{him}self", sex), spouse=spouse, spouse_s=spouse_s)


def _own(suited: list[int], number: int, *labels: object) -> int:
    return suited[rounds(len(suited), number, *labels)]


def story(number: int, age: int, sex: str, married: bool, *labels: object) -> str:
    """Three sentences: their work, their home, their way. `number` goes round each list at its own pace."""
    homes = _TOGETHER if married else _HOME
    home, habit = rounds(len(homes), number, *labels, "home"), rounds(len(_HABIT), number, *labels, "habit")
    if age < 18:
        work = _CHILD[rounds(len(_CHILD), number, *labels, "child")]
        return _filled(
            f"{work} Lives with {{his}} parents. {_HABIT_OF_CHILDREN[number % len(_HABIT_OF_CHILDREN)]}", sex
        )
    suited = [place for place, (low, high, _) in enumerate(_WORK) if low <= age <= high]
    work = _WORK[_own(suited, number, *labels, "work", age // 5)][2]
    return _filled(f"{work} {homes[home]} {_HABIT[habit]}", sex)


_HABIT_OF_CHILDREN: Final = (
    "Asks good questions and expects answers.", "Is shy for four minutes, by the clock.", "Names every inhaler.", "Wants to press the buttons.",
    "Is brave about needles and not about bees.", "Brings a book about sharks.", "Counts ceiling tiles.",
)  # fmt: skip


def matters(number: int, age: int, language: str, *labels: object) -> str:
    """A hope and why, in their words: in Spanish for those who speak it with us."""
    if age < 18:
        wish = Dice(*labels, number, "child wish").one(_CHILD_WISHES)
        return f"{_CHILD_HOPES[rounds(len(_CHILD_HOPES), number, *labels, 'child hope')]} {wish}"
    if language == "es":
        return f"{_ESPERANZAS[rounds(len(_ESPERANZAS), number, *labels, 'esperanza')]} {Dice(*labels, number, 'deseo').one(_DESEOS)}"
    suited = [place for place, (low, high, _) in enumerate(_HOPES) if low <= age <= high]
    hope = _HOPES[_own(suited, number, *labels, "hope", age // 5)][2]
    return f"{hope} {_WISHES[rounds(len(_WISHES), number, *labels, 'wish')]}"
