"""The texts behind each "?": every one is used, every one used is written, and a nurse can read them."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from web.help import GROUPS, TOPICS, Topic, topic

ROOT = Path(__file__).resolve().parents[2]
_USED = re.compile(r"""\bhelp\(\s*["']([a-z-]+)["']""")
_MOST_WORDS = 32
#: words of those who build software, or of forms nobody fills in
JARGON = {
    "tenant", "entity", "parameter", "parameters", "payload", "schema", "configure", "configured", "configuration",
    "utilize", "leverage", "adjudicate", "adjudication", "encounter", "encounters", "attestation", "attest", "workflow",
    "database", "backend", "endpoint", "boolean", "null", "deprecated", "instance", "override", "effectuate", "pursuant",
    "herein", "aforementioned", "case", "cases", "compliance", "non-compliant", "plugin", "fingerprint", "hash",
}  # fmt: skip
#: short forms that everybody here knows; any other is explained where it stands
KNOWN = {"NPI", "TIN", "CMS"}


def used_in(texts: Iterable[str]) -> set[str]:
    return {key for text in texts for key in _USED.findall(text)}


def unmatched(used: set[str], written: set[str]) -> set[str]:
    return used ^ written


def templates() -> list[str]:
    return [path.read_text() for path in sorted((ROOT / "web/templates").rglob("*.html"))]


def test_every_help_that_is_used_is_written_and_every_one_written_is_used() -> None:
    used = used_in(templates())
    assert len(used) > 15
    assert unmatched(used, set(TOPICS)) == set()


def test_control_a_key_on_either_side_alone_is_told() -> None:
    assert unmatched(used_in(['{{ help("nobody-wrote-this") }}']), set()) == {"nobody-wrote-this"}
    assert unmatched(used_in(templates()), {*TOPICS, "nobody-asks"}) == {"nobody-asks"}
    with pytest.raises(KeyError):
        topic("nobody-wrote-this")


def hard_to_read(one: Topic) -> list[str]:
    """What in a topic a nurse would stumble over."""
    found = []
    if not one.title.endswith("?"):
        found.append("the title is no question")
    if not 2 <= len(one.says) <= 5:
        found.append(f"{len(one.says)} sentences")
    for said in one.says:
        words = re.findall(r"[A-Za-z’'-]+", said)
        if len(words) > _MOST_WORDS:
            found.append(f"{len(words)} words: {said}")
        if not said.endswith(".") or ". " in said:
            found.append(f"not one sentence: {said}")
        found += [f"jargon: {word}" for word in words if word.lower() in JARGON]
        short = {word for word in words if len(word) > 1 and word.isupper()} - KNOWN
        found += [f"not explained: {word}" for word in sorted(short) if f", {word})" not in said]
    return found


def test_every_text_is_plain() -> None:
    assert {one.key: wrong for one in TOPICS.values() if (wrong := hard_to_read(one))} == {}


def test_control_what_is_not_plain_is_told() -> None:
    plain = topic("charges")
    assert hard_to_read(plain) == []
    for worse in (
        replace(plain, title="Charges"),
        replace(plain, says=plain.says[:1]),
        replace(plain, says=(*plain.says, "The payload is configured per tenant.")),
        replace(plain, says=(*plain.says, " ".join(["word"] * 40) + ".")),
        replace(plain, says=(*plain.says, "Ask the QMB.")),
    ):
        assert hard_to_read(worse) != []


def test_a_source_is_one_that_the_rules_themselves_cite() -> None:
    cited = {
        str(citation["title"])
        for path in (ROOT / "plugins").glob("*/*/parameters/*.yaml")
        for citation in (yaml.safe_load(path.read_text()).get("citations") or {}).values()
    }
    assert len(cited) > 20
    assert {one.source for one in TOPICS.values()} - {""} <= cited


def test_keys_are_told_apart_and_titles_too() -> None:
    every = [one for group in GROUPS.values() for one in group]
    assert len({one.key for one in every}) == len(every) == len({one.title for one in every})
