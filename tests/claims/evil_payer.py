"""A payer plugin with one misdeed for each length of a month's first entry: the tests' enemy (P27)."""

import contextlib
import ctypes
import importlib
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from carewright_plugin_api import API_VERSION
from carewright_plugin_api.decisions import Citation, Decision, Hold, Line
from carewright_plugin_api.facts import Coverage, MonthFacts
from carewright_plugin_api.hooks import Manifest, PayerKind, hookimpl

#: what happens to a month whose first entry lasts this many minutes, from 2 on; None: it is decided
MISDEEDS = (
    "good", "raise", "hang", "exit", "segfault", "memory", "fifty_megabytes", "changes_what_it_was_told", "wrong_type",
    "nan_money", "foreign_code", "reads_the_environment", "opens_a_socket", "starts_a_process", "writes_a_file",
    "too_few", "kills_its_parent", "prints", "foreign_entry", "no_reason",
    "nul_in_text", "half_a_letter", "countless_units", "money_without_end", "many_bytes",
    "empties_a_file", "removes_a_file", "renames_a_file", "cuts_a_file", "makes_a_folder", "forges_an_answer",
    "imports_a_module", "remembers", "answers_for_the_others",
)  # fmt: skip
#: a folder in which everybody may do anything, as far as the system is concerned
OPEN_TO_ALL = Path(__file__).parent / "open_to_all"
FORGED = b'{"owned": [1, 1, -1], "decisions": ["{}"]}'
SOURCE = (Citation("Evil Mutual", "Rules"),)


class Spelled:
    """An answer that writes itself."""

    def __init__(self, text: str) -> None:
        self.text = text

    def to_json(self) -> str:
        return self.text


def good(facts: MonthFacts) -> Decision:
    line = Line(
        "E0001", 1, facts.last_day, "ccm", "evil.rule", "It is due.", SOURCE, "Nothing.", amount=Decimal(1)
    )
    return Decision(facts.policy, lines=(line,))


def tell_everybody(answer: bytes) -> None:
    """Wherever its process can write, as it writes its own answers."""
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(descriptor, struct.pack(">I", len(answer)) + answer)


#: whom it was asked about since it began
ASKED: list[str] = []


def misdeed(name: str, facts: MonthFacts) -> Any:
    answer = good(facts)
    match name:
        case "remembers":
            ASKED.append(facts.month)
            return replace(answer, lines=(replace(answer.lines[0], amount=Decimal(len(ASKED))),))
        case "raise":
            raise ValueError("Zebulon Quackenbush has diabetes")
        case "hang":
            while True:
                time.sleep(1)
        case "exit":
            os._exit(0)
        case "segfault":
            ctypes.string_at(0)
        case "memory":
            return bytearray(10 * 1024**3)
        case "fifty_megabytes":
            return replace(answer, lines=(replace(answer.lines[0], amount_note="x" * 50_000_000),))
        case "changes_what_it_was_told":
            object.__setattr__(facts, "month", "1999-01")
            object.__setattr__(facts.coverage, "payer", "somebody")
        case "wrong_type":
            return replace(answer, lines=(replace(answer.lines[0], units="many"),))  # type: ignore[arg-type]
        case "nan_money":
            return replace(answer, lines=(replace(answer.lines[0], amount=Decimal("NaN")),))
        case "foreign_code":
            return replace(answer, lines=(replace(answer.lines[0], code="99490"),))
        case "reads_the_environment":
            seen = " ".join(f"{key}={value}" for key, value in sorted(os.environ.items()))
            held = Hold("SEEN", "ccm", f"Seen: {seen}"[:1900], "None.", "evil.rule", SOURCE, "Nothing.")
            return Decision(facts.policy, holds=(held,))
        case "opens_a_socket":
            socket.create_connection(("127.0.0.1", 9), timeout=1)
        case "starts_a_process":
            os.fork()
        case "writes_a_file":
            with open("/tmp/evil", "w") as file:
                file.write("x")
        case "kills_its_parent":
            os.kill(os.getppid(), signal.SIGKILL)
        case "prints":
            print("\x00\x00\x00\x02{}" * 10, flush=True)  # noqa: T201 - that is the misdeed
        case "foreign_entry":
            return replace(answer, lines=(replace(answer.lines[0], entry_ids=("0" * 32,)),))
        case "no_reason":
            return replace(answer, lines=(replace(answer.lines[0], sentence=" "),))
        case "nul_in_text":
            return replace(answer, lines=(replace(answer.lines[0], sentence="It is\x00due."),))
        case "half_a_letter":
            return Spelled(answer.to_json().replace("It is due.", r"It is \ud800 due."))
        case "countless_units":
            return replace(answer, lines=(replace(answer.lines[0], units=2**40),))
        case "money_without_end":
            return replace(answer, lines=(replace(answer.lines[0], amount=Decimal("99999999999")),))
        case "many_bytes":
            return replace(answer, lines=(replace(answer.lines[0], amount_note="\N{EURO SIGN}" * 30_000),))
        case "empties_a_file":
            os.close(os.open(OPEN_TO_ALL / "kept", os.O_WRONLY | os.O_TRUNC))
        case "removes_a_file":
            os.remove(OPEN_TO_ALL / "kept")
        case "renames_a_file":
            os.rename(OPEN_TO_ALL / "kept", OPEN_TO_ALL / "lost")
        case "cuts_a_file":
            os.truncate(OPEN_TO_ALL / "kept", 0)
        case "makes_a_folder":
            os.mkdir(OPEN_TO_ALL / "made")
        case "imports_a_module":  # which is none: read as ever, and nothing is left behind
            if "evil_later" in sys.modules or not sys.dont_write_bytecode:
                raise RuntimeError
            importlib.import_module("evil_later")
        case "forges_an_answer":
            tell_everybody(FORGED)
        case "answers_for_the_others":
            tell_everybody(b'{"owned": [' + b", ".join([b"false"] * 50) + b'], "decisions": []}')
    return answer


class EvilRules:
    manifest = Manifest(
        "evil_payer", "6.6.6", API_VERSION, (PayerKind("evil", "Evil Mutual", ()),), ("ccm",), ("E0001",),
        date(2026, 1, 1), "e" * 64,
    )  # fmt: skip

    def owns(self, coverage: Coverage) -> bool:
        return coverage.payer == "evil"

    def decide(self, batch: Sequence[MonthFacts]) -> list[Any]:
        answers = []
        for facts in batch:
            minutes = (
                int((facts.entries[0].end - facts.entries[0].start).total_seconds()) // 60
                if facts.entries
                else 2
            )
            name = MISDEEDS[(minutes - 2) % len(MISDEEDS)]
            if name != "too_few":
                answers.append(misdeed(name, facts))
        return answers

    def _nothing(self, *_: Any) -> Any:
        return ()

    eligibility = required_documents = counts = conflicts = fees = cost_share = _nothing


RULES = EvilRules()


@hookimpl
def carewright_payer_rules() -> EvilRules:
    return RULES
