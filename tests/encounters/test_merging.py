"""Two people's changes to one text: what each added stays, and nothing is told twice."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from server.encounters.merging import both, differences, marked

SENTENCES = st.lists(
    st.sampled_from(
        ["She is well.", "Her feet hurt.", "Call on Friday!", "Tom drives?", "No cough.", "7.5 mg"]
    ),
    max_size=7,
)
ENDS = st.sampled_from([" ", "\n", "\n\n"])
TEXTS = st.builds(lambda parts, end: end.join(parts), SENTENCES, ENDS)
ANY = st.text(alphabet="ab.! \n", max_size=60)


def sentences(text: str) -> set[str]:
    return {part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+", text) if part.strip()}


def test_two_additions_to_one_note_are_one_note_with_both() -> None:
    base = "She is well."
    theirs, mine = "She is well. Her feet are better.", "She is well. Call her on Friday."
    assert both(base, theirs, mine) == "She is well. Her feet are better. Call her on Friday."
    assert both(None, theirs, mine) == "She is well. Her feet are better. Call her on Friday."


def test_what_only_one_side_changed_is_as_that_side_has_it() -> None:
    assert both("A. B.", "A. B.", "A. C.") == "A. C."
    assert both("A. B.", "A. C.", "A. B.") == "A. C."
    assert both("A. B. C.", "A2. B. C.", "A. B. C2.") == "A2. B. C2."
    assert both("A. B.", "A.", "A. B. C.") == "A. C."
    assert both("One.", "One.\n\nTwo.", "One. Three.") == "One.\n\nTwo. Three."


def test_the_same_place_changed_twice_holds_both() -> None:
    assert both("Sugar 140.", "Sugar 104.", "Sugar 114.") == "Sugar 104. Sugar 114."


def test_what_both_still_say_stays_where_each_struck_out_another_copy() -> None:
    assert both("Hot. Hot. Well.", "Hot.", "Hot. Well.") == "Hot. Well."


def test_fields_say_who_changed_them() -> None:
    base = {"kind": "phone", "note": "A.", "next_step": "x", "program": "ccm"}
    theirs = {"kind": "video", "note": "A. B.", "next_step": "x", "program": "ccm"}
    mine = {"kind": "home", "note": "A. C.", "next_step": "y", "program": "ccm"}
    found = {
        d.field: (d.changed_by, d.together)
        for d in differences(base, theirs, mine, texts={"note", "next_step"})
    }
    assert found == {"kind": ("both", ""), "note": ("both", "A. B. C."), "next_step": ("mine", "y")}
    unknown = differences(None, theirs, mine, texts=())
    assert {d.changed_by for d in unknown} == {"both"}
    assert differences(base, theirs, {**theirs, "note": "A.\r\nB. "}, texts={"note"})[0].mine == "A.\nB."


def test_a_note_of_many_thousand_pieces_is_compared_in_time() -> None:
    long = "a. " * 16_000
    merged = both(long, long + "b. ", "c. " + long)
    assert "b." in merged
    assert "c." in merged
    assert "".join(piece for piece, _ in marked(long, "c. " + long)) == long


@settings(max_examples=600)
@given(TEXTS, TEXTS, TEXTS)
def test_nothing_that_either_side_wrote_is_lost(base: str, theirs: str, mine: str) -> None:
    kept = sentences(both(base, theirs, mine))
    assert sentences(theirs) - sentences(base) <= kept
    assert sentences(mine) - sentences(base) <= kept
    assert sentences(theirs) & sentences(mine) <= kept or base in (theirs, mine)
    assert kept <= sentences(base) | sentences(theirs) | sentences(mine)


@given(TEXTS, TEXTS)
def test_without_a_beginning_all_of_both_stays(theirs: str, mine: str) -> None:
    assert sentences(both(None, theirs, mine)) == sentences(theirs) | sentences(mine)


@given(ANY, ANY)
def test_one_side_unchanged_gives_the_other_and_agreement_gives_itself(base: str, other: str) -> None:
    assert both(base, other, base) == other
    assert both(base, base, other) == other
    assert both(base, other, other) == other


@given(ANY, ANY)
def test_the_marked_pieces_are_the_text(text: str, other: str) -> None:
    assert "".join(piece for piece, _ in marked(text, other)) == text
    assert not any(new for _, new in marked(text, text))
