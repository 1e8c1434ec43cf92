"""Turns the shared billing tables into this plugin's dated parameters: `python convert.py [SHARED_BILLING_FOLDER]`.

Run by hand when a table changes, and the result is reviewed and committed; nothing reads the tables at run time.
The tables' own columns of descriptors are never read: labels are our own, from labels.csv. `--check` writes
nothing and ends with status 1 if a committed file differs.
"""

import csv
import sys
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
OUT = HERE / "billing_medicare" / "parameters"
SHARED = HERE.parents[1].parent / "shared" / "billing"

#: ladder -> the family that its codes have in the shared table
LADDERS = {"ccm_staff": "ccm_staff", "ccm_practitioner": "ccm_practitioner", "ccm_complex": "ccm_complex"}
ONCE = {"ccm_plan": "ccm_plan"}
BEGINNING = date(2015, 1, 1)
#: facts.md 0.13: of the 2027 rule only the proposal was found, so 2026 is the last year that stands.
LAST_FINAL = date(2026, 12, 31)
PROPOSED = {
    "title": "CY 2027 physician fee schedule, proposed rule (CMS-1848-P)",
    "where": "91 FR 43842, 2026-07-16",
    "section": "nothing is proposed for these rules; the final rule was not found",
}
BASIS = {"V": "published", "K": "general_knowledge", "U": "uncertain", "P": "our_policy"}

#: first code of the other side -> the exclusion's name, its hold, what we call the service, where facts.md found it
OTHER_SIDES = {
    "99424": ("pcm", "CONFLICT_PCM", "principal care management", "NGS care-management page"),
    "G0181": (
        "plan_oversight",
        "CONFLICT_PLAN_OVERSIGHT",
        "oversight of a home-health or hospice plan",
        "CMS FAQ 2015 via AAPC",
    ),
    "90951": ("esrd", "CONFLICT_ESRD", "monthly care for kidney failure", "CMS FAQ 2015 via AAPC"),
    "99495": (
        "tcm",
        "CONFLICT_CCM_PCM_TCM",
        "transitional care management",
        "CY2020 rule lifted the TCM limits (appliedpolicy)",
    ),
    "G0556": (
        "apcm",
        "CONFLICT_APCM",
        "advanced primary care management",
        "AAFP list; 89 FR 97896 via hana.health; the whole group is our cautious reading",
    ),
}


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    folders = [argument for argument in arguments if argument != "--check"]
    shared = Path(folders[0]) if folders else SHARED
    book = yaml.safe_load((shared / "medicare_codes.yaml").read_text("utf-8"))
    reviewed = book["as_of"]
    wanted = {*LADDERS.values(), *ONCE.values()}
    codes = [row for row in book["codes"] if row["family"] in wanted]
    labels = {row["code"]: row["label"] for row in _rows(shared / "labels.csv")}
    stale = 0
    for name, made in {
        "codes": _codes(codes, labels, reviewed),
        "mue": _mue(_rows(shared / "mue_2026Q2.csv"), codes, reviewed),
        "fees": _fees(_rows(shared / "medicare_rates.csv"), codes, reviewed),
        "exclusions": _exclusions(
            yaml.safe_load((shared / "exclusions.yaml").read_text("utf-8"))["rules"], book["codes"], reviewed
        ),
    }.items():
        stale += _write(OUT / f"{name}.yaml", made, check=check)
    return 1 if stale else 0


def _codes(codes: list[dict[str, Any]], labels: dict[str, str], reviewed: date) -> dict[str, Any]:
    """Per code its minutes, step and units; per ladder which code is base and which add-on, from when to when."""
    citations: dict[str, Any] = {"cy2027": PROPOSED}
    parameters: dict[str, Any] = {}
    for row in codes:
        code = row["code"]
        citations[code] = _cited(row, f"{code}, from {row['from']}", reviewed)
        value = {"label": labels.get(code) or labels[row["replaced_by"]]}
        value |= {to: row[key] for key, to in _NUMBERS.items() if row.get(key) is not None}
        parameters[f"code.{code}"] = {
            "unit": "whole minutes and units",
            "history": _closed([(row["from"], row.get("to"), value, code)], reviewed),
        }
    for ladder, family in {**LADDERS, **ONCE}.items():
        members = [row for row in codes if row["family"] == family]
        edges = sorted(
            {row["from"] for row in members} | {_after(row["to"]) for row in members if row.get("to")}
        )
        history = []
        for n, start in enumerate(edges):
            stop = edges[n + 1] - timedelta(days=1) if n + 1 < len(edges) else None
            there = {row["role"]: row["code"] for row in members if _holds(row, start)}
            history.append((start, stop, there, there.get("base") or there["addon"]))
        parameters[f"ladder.{ladder}"] = {"unit": "codes", "history": _closed(history, reviewed)}
    return {"citations": citations, "parameters": parameters}


_NUMBERS = {"min": "minutes", "step": "step", "max_units": "units", "time_of": "time_of", "period": "period"}


def _mue(rows: Iterable[dict[str, str]], codes: list[dict[str, Any]], reviewed: date) -> dict[str, Any]:
    citations = {
        "mue": {"title": "CMS practitioner medically unlikely edits", "where": "table effective 2026-04-01"},
        "mue_before": {
            "title": "No earlier edition of the CMS edits at hand: we keep to the one of 2026-04-01 for months before it",
            "basis": "our_policy",
        },
    }
    parameters: dict[str, Any] = {}
    ours = {row["code"] for row in codes}
    for row in (row for row in rows if row["code"] in ours):
        since = date.fromisoformat(row["effective"])
        value = {"units": int(row["mue"]), "indicator": int(row["mai"])}
        parameters[f"mue.{row['code']}"] = {
            "unit": "units a day, and the adjudication indicator",
            "history": [
                _row(BEGINNING, since - timedelta(days=1), value, "mue_before", reviewed),
                _row(since, None, value, "mue", reviewed),
            ],
        }
    return {"citations": citations, "parameters": parameters}


def _fees(rows: Iterable[dict[str, str]], codes: list[dict[str, Any]], reviewed: date) -> dict[str, Any]:
    """National amounts. Until 2025 there is one conversion factor; from 2026 two, so two histories per code."""
    ours = {row["code"] for row in codes}
    citations: dict[str, Any] = {}
    histories: dict[str, list[dict[str, Any]]] = {}
    for row in (row for row in rows if row["code"] in ours and row["national_nonfac"]):
        source = row["source"]
        key = next(
            (k for k, held in citations.items() if held["title"] == source), f"rvu{len(citations) + 1}"
        )
        citations[key] = {"title": source, "section": row["confidence"].partition("(")[2].rstrip(")")}
        starts, ends = date.fromisoformat(row["effective_from"]), date.fromisoformat(row["effective_to"])
        value = {
            "non_facility": row["national_nonfac"],
            "facility": row["national_fac"],
            "conversion_factor": row["conversion_factor"],
        }
        for kind in {"nonQP": ["standard"], "QP": ["qualifying"]}.get(
            row["cf_kind"], ["standard", "qualifying"]
        ):
            histories.setdefault(f"fee.{kind}.{row['code']}", []).append(
                _row(starts, ends, value, key, reviewed)
            )
    parameters = {name: {"unit": "dollars, national", "history": held} for name, held in histories.items()}
    return {"citations": citations, "parameters": parameters}


def _exclusions(rules: list[dict[str, Any]], book: list[dict[str, Any]], reviewed: date) -> dict[str, Any]:
    """The pairs that touch the base codes of our ladders, with every range written out and every add-on added."""
    bases = [row["code"] for row in book if row["family"] in LADDERS.values() and row["role"] == "base"]
    own = _with_addons(bases, book)
    citations: dict[str, Any] = {}
    parameters: dict[str, Any] = {}

    def add(name: str, hold: str, service: str, scope: str, histories: list[tuple[Any, ...]]) -> None:
        parameters[f"exclusion.{name}"] = {
            "unit": "codes not paid in the same month",
            "history": [
                _row(
                    starts,
                    ends,
                    {"hold": hold, "service": service, "scope": scope, "action": action, "codes": codes},
                    key,
                    reviewed,
                )
                for starts, ends, action, codes, key in histories
            ],
        }

    for rule in rules:
        sides = [_expanded(rule["a"]), _expanded(rule["b"])]
        other = sides[1] if set(bases) & set(sides[0]) else sides[0] if set(bases) & set(sides[1]) else None
        if other is None or other[0] not in {*OTHER_SIDES, *bases}:
            continue
        since = rule.get("from", BEGINNING)
        if set(sides[0]) == set(sides[1]) == set(bases):
            citations["one_practitioner"] = _cited(rule, "one practitioner a month", reviewed)
            every = [(since, None, "exclusive", own, "one_practitioner")]
            add(
                "other_practitioner",
                "OTHER_PRACTITIONER_THIS_MONTH",
                "chronic care management",
                "others",
                every,
            )
            add("own_ccm", "CONFLICT_CCM_PCM_TCM", "chronic care management", "same_practitioner", every)
        elif other[0] in OTHER_SIDES:
            name, hold, service, source = OTHER_SIDES[other[0]]
            scope = rule.get("default_scope_we_use", rule["scope"])
            codes = _with_addons(other, book)
            citations[name] = {**_cited(rule, f"{service} in the same month", reviewed), "title": source}
            history = [(since, None, rule["action"], codes, name)]
            if rule["action"] != "exclusive":  # allowed from a day on: before it the pair was exclusive
                history.insert(0, (BEGINNING, since - timedelta(days=1), "exclusive", codes, name))
            add(name, hold, service, scope, history)
    return {"citations": citations, "parameters": parameters}


def _with_addons(codes: list[str], book: list[dict[str, Any]]) -> list[str]:
    """The codes, the codes they replaced, and the add-ons that can only follow them."""
    older = [row["code"] for row in book if row.get("replaced_by") in codes]
    bases = {*codes, *older}
    addons = [row["code"] for row in book if row["role"] == "addon" and bases & set(row.get("of", ()))]
    return list(dict.fromkeys([*codes, *older, *addons]))


def _expanded(codes: list[Any]) -> list[str]:
    made: list[str] = []
    for code in map(str, codes):
        first, dash, last = code.partition("-")
        made += [str(number) for number in range(int(first), int(last) + 1)] if dash else [code]
    return made


def _cited(row: dict[str, Any], section: str, reviewed: date) -> dict[str, Any]:
    basis = BASIS[str(row.get("conf", "K"))[0]]
    title = row.get("src") or row.get("note") or "General knowledge of the rule, no published text at hand"
    return {"title": title, "section": section, "where": f"billing fact base of {reviewed}", "basis": basis}


def _closed(rows: list[tuple[date, date | None, Any, str]], reviewed: date) -> list[dict[str, Any]]:
    """Ends the open row with the last final year and repeats its value as a proposal, which is never billed on."""
    made = []
    for starts, ends, value, key in rows:
        made.append(_row(starts, ends or LAST_FINAL, value, key, reviewed))
        if ends is None:
            made.append(_row(_after(LAST_FINAL), None, value, "cy2027", reviewed, status="PROPOSED"))
    return made


def _row(
    starts: date, ends: date | None, value: Any, citation: str, reviewed: date, *, status: str = "FINAL"
) -> dict[str, Any]:
    row = {
        "from": starts,
        "to": ends,
        "value": value,
        "citation": citation,
        "status": status,
        "reviewed_on": reviewed,
    }
    return {key: held for key, held in row.items() if key != "to" or held is not None}


def _holds(row: dict[str, Any], day: date) -> bool:
    return bool(row["from"] <= day and (row.get("to") is None or day <= row["to"]))


def _after(day: date) -> date:
    return day + timedelta(days=1)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write(path: Path, made: dict[str, Any], *, check: bool) -> int:
    text = "# Made by convert.py from the shared billing tables. Do not edit by hand.\n"
    text += yaml.dump(made, Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True)
    same = path.exists() and path.read_text("utf-8") == text
    if not check:
        path.write_text(text, "utf-8")
    sys.stdout.write(f"{path.name}: {'as it was' if same else 'differs' if check else 'written'}\n")
    return 0 if same else int(check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
