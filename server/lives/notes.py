"""What care managers write after a talk: what was said, what was done, what comes next. By what the talk was about.

Slots: {He} {he} {his} {him}; {low} and {high} are readings at home, {day} the day of coming home.
"""

from typing import Final

from server.lives.dice import Dice

#: theme -> (what was said, what was done, what comes next)
TALKS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]] = {
    "sugar": (
        ("Fasting readings {low} to {high}. Bread at night is the hard part; laughed about it.", "Brought the log: {low} to {high} before breakfast. Skipped lunch twice and felt it.", "Has switched to walking after supper; mornings {low} to {high}.",
         "Sugar {low} to {high} this week. The birthday cake was worth it, {he} says.", "Forgot the evening tablet three times; the pill box is on the wrong shelf. Readings {low} to {high}.", "No lows. Feet looked at every night with a mirror; skin whole. {low} to {high} at breakfast."),
        ("Went over the plate by halves and quarters.", "Talked through sick days: what to drink, when to call.", "Agreed to try one change only: fruit instead of juice.", "Practised reading a label together over the phone.", "Looked at what works and left it alone.", "Moved the pill box beside the kettle."),
        ("Ask about the evening tablet", "Foot check at the next visit", "Eye appointment: has it been made?", "Bring the log", "Ask how the walking goes", ""),
    ),
    "heart": (
        ("Weighs each morning: {low} to {high} lb this week. Slept flat.", "Up two pounds since Friday, {high} today; shoes tight by evening.", "Breathing easy on the stairs for the first time in a month. {low} lb.",
         "Salted the soup and paid for it: {high} lb, two pillows for two nights.", "Weight steady around {low}. Walked to the corner and back.", "Tired in the afternoons; no swelling. {low} lb on the kitchen scale."),
        ("Dose checked with the doctor the same day; no change.", "Went over when to call: three pounds in a day, five in a week.", "Talked about soup from the can and soup from the pot.", "Asked {him} to write the weights on the calendar.", "Praised the walking; it was earned.", "Reviewed the water tablet and when to take it on church days."),
        ("Call Friday about the weight", "Ask about the shoes", "Refill of the water tablet", "Ask how the nights are", "", "Talk about the salt list"),
    ),
    "breath": (
        ("Two puffs more than usual since the weather turned. Knows the yellow zone by heart.", "A good fortnight; walked to the mailbox without stopping.", "Coughing more at night, clear. No fever.", "Smoke from the neighbours' grill set it off on Sunday.",
         "Down to four cigarettes and cross about it, with reason.", "Used the spacer every time and can feel the difference."),
        ("Watched the inhaler by video; the breath-hold was short, better the third time.", "Went over the action plan by colour.", "Asked about the flu shot; will come Thursday.", "Talked about the fan by the chair and pursed lips.", "Set a day to leave the last four.", "Checked the counter on the inhaler: nine left."),
        ("Call after the next cold front", "Refill the inhaler", "Flu shot on Thursday?", "Ask about the nights", "Quit line call-back", ""),
    ),
    "mood": (
        ("Better mornings, flat evenings. Went to the choir once.", "Slept four hours. Says the pills take the edge off and nothing else yet.", "Laughed twice during the call and noticed it too.", "Stayed in most of the week; answered the door for the mail.", "Back to cooking. Eating at the table, not the sink.", "Hard week: the anniversary was Tuesday."),
        ("Asked plainly about harm to self: no thoughts, no plan; has the number.", "Planned two small things for the week, both {his} own idea.", "Listened mostly.", "Talked about giving the medicine six weeks.", "Wrote down three people to call, in order.", "Linked the sleep to the late coffee; will try without."),
        ("Ask about the two small things", "Repeat the questionnaire", "Call on the hard day", "Ask about sleep", "", "Counselor's waiting list: any news?"),
    ),
    "pain": (
        ("Knees better on warm days; took the stairs twice.", "Bad nights after the garden; not sorry.", "Swelling down since Monday. Opens jars again.", "Wears the brace for the market and hides it at church.", "Four bad days out of fourteen, was seven.", "Pool class on Wednesdays; the talk afterwards helps as much."),
        ("Went through the exercises; two are enough for now.", "Checked what else is in the cupboard: no doubled pills.", "Talked about pacing: half the bed today, half tomorrow.", "Sent the therapist's sheet again, in large type.", "Looked at the bathroom together by video; a rail would help.", "Agreed what a flare is and when to call."),
        ("Rail for the bathroom", "Ask about the pool", "Therapy visit: confirmed?", "", "Lab draw is due", "Ask how the nights are"),
    ),
    "pressure": (
        ("Home readings {low} to {high} on top. Cuff now sits at heart height.", "Dizzy on standing twice; drank more, better. {low} this morning.", "Readings {low} to {high}. Walks while the rice cooks.", "Ran out for four days and did not say. {high} at the pharmacy.", "Proud of {low}. Wants to know if that means fewer pills.", "Cuff batteries died; bought new ones during the call."),
        ("Went over rest before measuring: five minutes, feet flat.", "Tablet moved to the morning coffee.", "Talked about canned beans: rinse them.", "Refills put on one date.", "Explained what the two numbers are; {he} explained it back better.", "Reported the readings to the doctor; dose unchanged."),
        ("Two weeks of readings", "Ask about dizziness", "Check the refill date", "", "Bring the cuff to the visit", "Ask about the walks"),
    ),
    "kidney": (
        ("Drinks by the bottle with marks; two a day.", "Took ibuprofen for the back for a week; did not know.", "Ankles as usual. The kidney class was useful, the chairs were not.", "Eats less meat without noticing, thanks to the daughter-in-law.", "Asked what the number means; we drew it as a road.", "Tired, but that was the grandchildren."),
        ("Made a list of pills to leave alone and taped it to the cupboard, by phone.", "Lab date agreed.", "Went over what to stop on days of vomiting.", "Talked about what comes if it gets worse, slowly.", "Checked with the pharmacist about the new cream: fine.", "Looked at the potassium list together."),
        ("Lab in two weeks", "Ask about the back", "Pharmacist to look at the list", "", "Kidney doctor's letter", "Ask about the ankles"),
    ),
    "general": (
        ("Doing well and says so. The new glasses help.", "Has been to the eye doctor, the dentist and the barber: a full month.", "Missed the bus, not the pills.", "Sleeping well. Garden is in.", "Worried about a letter from the insurance; it was an advertisement.", "A cold, nothing more. Soup from next door."),
        ("Went over the list of medicines; it matches the bottles.", "Looked at rides for next month.", "Talked about the week.", "Updated who to call.", "Read the plan together; one line changed.", "Checked what is due: nothing until spring."),
        ("", "Ride for the next visit", "Ask about the letter", "Call as usual", "Ask about the garden", "Send the new card"),
    ),
    "expecting": (
        ("Readings {low} to {high}; the baby kicks at the meter.", "Walks after supper with her mother. {low} to {high}.", "Breakfast is the hard one: {high} after cereal, {low} after eggs.", "Tired and happy. Swelling only in the evening."),
        ("Went over eggs, beans and which fruit.", "Talked about signs to call for, day or night.", "Confirmed the visit with the obstetrician.", "Cheered."),
        ("Log to the obstetrician", "Ask about breakfast", "Test after the birth", ""),
    ),
    "home_again": (
        ("Home since {day}. Discharge papers read together; two tablets changed, the old ones put away.", "Back home {day}, tired and glad of the bed. Understands the new dose.", "Called the day after coming home. Has the papers, the pills and soup."),
        ("Follow-up with the doctor within the week, ride arranged.", "Compared every bottle with the list; one doubled, set aside.", "Went over what would be a reason to call tonight."),
        ("Visit this week", "Call again in three days", "Home nurse: has she come?"),
    ),
    "first": (
        ("Sat together for the first time. Told me what matters before I could ask.", "Came with family. We drew the week on paper: pills, meals, people.", "First long talk. Chose the goal and the words for it."),
        ("Went over what the program is, what it may cost, and that one may stop any time. Said yes.", "Plan written together; a copy went home.", "Agreed how often to talk, and what to do at night."),
        ("First call next week", "Send the plan", "Call to ask how the first week went"),
    ),
}  # fmt: skip
#: illness -> what talks about it are about
THEMES: Final = {
    "diabetes": "sugar", "diabetes_kidney": "sugar", "diabetes_1": "sugar", "kidney": "kidney", "heart_failure": "heart", "stiff_heart": "heart", "copd": "breath", "asthma": "breath",
    "depression": "mood", "anxiety": "mood", "knees": "pain", "rheumatoid": "pain", "gout": "pain", "migraine": "pain", "sickle_cell": "pain", "hypertension": "pressure", "stroke": "pressure",
    "pregnancy": "expecting",
}  # fmt: skip
NOBODY: Final = {
    "no_answer": ("Rang twice, no answer. Will try in the evening.", "No answer. It is market day.", "No answer; will try the other number."),
    "left_message": ("Left a message with the day and my name, nothing else.", "Left word on the house phone to call when it suits.", "Message left; no hurry in it."),
}  # fmt: skip
#: theme -> (goal, steps, expected); whoever is expecting is in no program, and has no plan in one
GOALS: Final = {
    "sugar": ("Sugar under 150 before breakfast, most days.", "Checks before breakfast and writes it down. We look at the log together. One change at a time at the table.", "A1c under 7.5 by next summer, without lows."),
    "heart": ("Sleep flat and climb the stairs without stopping.", "Weighs each morning; calls at three pounds up. Low salt from the pot, not the can.", "No night in hospital this year."),
    "breath": ("Through the winter without the emergency room.", "Spacer every time. Yellow zone: call the same day. Flu and pneumonia shots.", "Walk to the corner shop and back."),
    "mood": ("Two good things a week that I chose.", "Questionnaire every few weeks. Medicine for six months at least. Three people to call, in order.", "Back among people; sleeping through."),
    "pain": ("Do the things I like with less pain after.", "Two exercises a day. Half the work today, half tomorrow. Call at the first sign of a flare.", "Fewer bad days in the month."),
    "pressure": ("Top number under 135 at home.", "Measures twice a week, seated, and brings the cuff along. Refills on one date.", "Steady pressure, no dizziness."),
    "kidney": ("Keep the kidneys as they are.", "No ibuprofen. Lab three times a year. Sick-day rules on the fridge.", "A level line on the chart."),
    "general": ("Stay well and stay myself.", "Talks as agreed; visits twice a year. Family knows the plan.", "A quiet year."),
}  # fmt: skip


def filled(text: str, sex: str, **values: str) -> str:
    """The text with its slots filled, in the words for that sex."""
    he, his, him = ("she", "her", "her") if sex == "female" else ("he", "his", "him")
    for slot, word in {"He": he.title(), "he": he, "his": his, "him": him, **values}.items():
        text = text.replace("{" + slot + "}", word)
    return text


def talk(
    dice: Dice, theme: str, sex: str, figure: float | None, lately: list[str], day: str = ""
) -> tuple[str, str]:
    """(note, next step) of one contact. figure: where the measure of the condition stands. lately: what was written
    about this person before, which is not written again so soon; what is written now joins it."""
    said, done, then = (_fresh(dice, among, lately) for among in TALKS[theme])
    around = (
        figure
        if figure is not None
        else {"sugar": 140.0, "expecting": 92.0, "heart": 170.0}.get(theme, 132.0)
    )
    spread = {"heart": (0.5, 2.4), "pressure": (3, 7), "expecting": (6, 12)}.get(theme, (14, 32))
    low, high = around - dice.between(*spread), around + dice.between(*spread)
    note = f"{said} {done}"
    return filled(note, sex, low=f"{low:.0f}", high=f"{high:.0f}", day=day), then


def _fresh(dice: Dice, among: tuple[str, ...], lately: list[str]) -> str:
    recent = lately[-9:]
    found = dice.one([one for one in among if one not in recent] or among)
    lately.append(found)
    return found
