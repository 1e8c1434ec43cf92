"""Two people changed one note: what each of them changed, and both together. Pure; nothing that was written is dropped.

The comparison has three sides: how the note read when the writer began (`base`), how it reads now (`theirs`) and what
the writer has (`mine`). Where the base is not known, every difference is one that both made. Texts are compared by
sentences (`difflib`), so that an addition at the end does not make two copies of a paragraph.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final

#: difflib may need the cube of this many steps, and a note can be made of 25,000 sentences
_MOST_PIECES: Final = 400
_SENTENCE = re.compile(r".+?(?:[.!?]+(?:\s+|$)|\n+|$)", re.DOTALL)
_LINE = re.compile(r"[^\n]*\n+|[^\n]+")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that does not read the same on both sides.

    changed_by: `mine` or `theirs` where one side alone changed it, `both` otherwise. together: of a text, both sides'
    words; empty for a choice, where there is no such thing.
    """

    field: str
    theirs: str
    mine: str
    changed_by: str
    together: str = ""


def differences(
    base: Mapping[str, str] | None,
    theirs: Mapping[str, str],
    mine: Mapping[str, str],
    *,
    texts: Collection[str],
) -> list[Difference]:
    """The fields of `theirs` that read otherwise in `mine`, in its order. texts: fields with words in them."""
    found = []
    for name in theirs:
        was, now, own = (base or {}).get(name), _plain(theirs[name]), _plain(mine.get(name, ""))
        was = None if was is None else _plain(was)
        if now == own:
            continue
        changed_by = "mine" if was == now else "theirs" if was == own else "both"
        together = both(was, now, own) if name in texts else ""
        found.append(Difference(name, now, own, changed_by, together))
    return found


def both(base: str | None, theirs: str, mine: str) -> str:
    """One text with what each side added or changed: theirs first where they changed the same place."""
    if mine in (theirs, base):
        return theirs
    if base == theirs:
        return mine
    split = _split(theirs, mine, base or "")
    was, now, own = ([] if base is None else split(base)), split(theirs), split(mine)
    if base is None:  # what they share is the nearest thing to a beginning
        was = [now[i + n] for i, _, size in _blocks(now, own) for n in range(size)]
    together = _three_way(was, now, own)
    # Of words told twice each side may have struck out another one; what both still say is never struck out.
    if base is not None and {*_keys(now)} & {*_keys(own)} - {*_keys(together)}:
        return both(None, theirs, mine)
    return _joined(together)


def marked(text: str, other: str) -> list[tuple[str, bool]]:
    """`text` in pieces, each with whether it stands only here and not in `other`."""
    split = _split(text, other)
    pieces, others = split(text), split(other)
    shared = {i + n for i, _, size in _blocks(pieces, others) for n in range(size)}
    return [(piece, n not in shared) for n, piece in enumerate(pieces)]


# --- sentences ------------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _split(*texts: str) -> "_Split":
    """How to cut these texts: by sentences, or coarser where there are very many."""
    for pattern in (_SENTENCE, _LINE):
        if all(len(pattern.findall(text)) <= _MOST_PIECES for text in texts):
            return _Split(pattern)
    return _Split(None)


@dataclass(frozen=True, slots=True)
class _Split:
    """Cuts a text into pieces whose sum is the text."""

    pattern: re.Pattern[str] | None

    def __call__(self, text: str) -> list[str]:
        if self.pattern is None:
            return [text] if text else []
        return self.pattern.findall(text)


def _keys(pieces: Sequence[str]) -> list[str]:
    return [piece.strip() for piece in pieces]


def _blocks(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int, int]]:
    """(place in one, place in other, length) of the runs they share."""
    matcher = SequenceMatcher(None, _keys(one), _keys(other), autojunk=False)
    return [(block.a, block.b, block.size) for block in matcher.get_matching_blocks()]


@dataclass(frozen=True, slots=True)
class _Edit:
    """base[start:end] became `pieces` on one side."""

    start: int
    end: int
    pieces: tuple[str, ...]
    mine: bool


def _edits(base: Sequence[str], side: Sequence[str], *, mine: bool) -> list[_Edit]:
    codes = SequenceMatcher(None, _keys(base), _keys(side), autojunk=False).get_opcodes()
    return [_Edit(i, j, tuple(side[k:m]), mine) for tag, i, j, k, m in codes if tag != "equal"]


def _three_way(base: Sequence[str], theirs: Sequence[str], mine: Sequence[str]) -> list[str]:
    base = _spaced(_spaced(base, theirs), mine)
    edits = sorted(
        [*_edits(base, theirs, mine=False), *_edits(base, mine, mine=True)],
        key=lambda edit: (edit.start, edit.end, edit.mine),
    )
    merged: list[str] = []
    place = 0
    while edits:
        group = [edits.pop(0)]
        while edits and _meet(group, edits[0]):
            group.append(edits.pop(0))
        start, end = group[0].start, max(edit.end for edit in group)
        merged += base[place:start]
        merged += _settled(base, start, end, group)
        place = end
    return [*merged, *base[place:]]


def _spaced(base: Sequence[str], side: Sequence[str]) -> list[str]:
    """The base with the wider spaces of one side: a paragraph begun after the last sentence stays one."""
    spaced = list(base)
    for i, j, size in _blocks(base, side):
        for n in range(size):
            spaced[i + n] = max(spaced[i + n], side[j + n], key=len)
    return spaced


def _meet(group: Sequence[_Edit], edit: _Edit) -> bool:
    """Does the edit touch what the group changes? Two additions in one place do; neighbours do not."""
    end = max(each.end for each in group)
    return edit.start < end or (edit.start == edit.end == group[-1].start == group[-1].end)


def _settled(base: Sequence[str], start: int, end: int, group: Sequence[_Edit]) -> list[str]:
    """Both sides of one stretch: theirs, then what is new in mine."""
    theirs, mine = ([edit for edit in group if edit.mine is side] for side in (False, True))
    now, own = _applied(base, start, end, theirs), _applied(base, start, end, mine)
    if not mine or _keys(now) == _keys(own):
        return now
    if not theirs:
        return own
    known = {*_keys(now), *_keys(base[start:end])}
    return [*now, *(piece for piece in own if piece.strip() not in known)]


def _applied(base: Sequence[str], start: int, end: int, edits: Sequence[_Edit]) -> list[str]:
    pieces: list[str] = []
    for edit in edits:
        pieces += [*base[start : edit.start], *edit.pieces]
        start = edit.end
    return [*pieces, *base[start:end]]


def _joined(pieces: Sequence[str]) -> str:
    """The pieces as one text: a space where two sentences would meet, a new line where words without an end would."""
    kept = [piece for piece in pieces if piece.strip()]
    text = ""
    for piece, after in pairwise(kept):
        met = not piece[-1:].isspace() and not after[:1].isspace()
        between = "" if not met else " " if piece[-1] in ".!?" else "\n"
        text += piece + between
    return (text + kept[-1]).strip() if kept else ""
