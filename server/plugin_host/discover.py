"""Which payer plugins are installed, whether they are what they claim, and which one owns a coverage.

pluggy finds and checks; then its part is over. A plugin that cannot be loaded, or whose manifest clashes with
another's, is set aside and named: everything else goes on without it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from carewright_plugin_api import API_VERSION
from carewright_plugin_api.facts import Coverage
from carewright_plugin_api.hooks import ENTRY_POINTS, PROJECT, Hooks, Manifest, PayerRules


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin that may be asked."""

    name: str
    rules: PayerRules
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class SetAside:
    """A plugin that is installed and may not be asked, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Plugins:
    loaded: tuple[Loaded, ...]
    set_aside: tuple[SetAside, ...]

    def owner_of(self, coverage: Coverage) -> Loaded | None:
        """The one plugin that speaks for the payer of `coverage`, or None. Whether its rules own this very coverage
        is asked in their child process, with the question itself: `owns` is a plugin's own code."""
        return next(
            (p for p in self.loaded if any(kind.key == coverage.payer for kind in p.manifest.payers)), None
        )

    def payer_kinds(self) -> dict[str, str]:
        """payer key -> label, of every payer some plugin speaks for."""
        return {kind.key: kind.label for p in self.loaded for kind in p.manifest.payers}

    def labels(self, kinds: Collection[str]) -> dict[str, str]:
        """code -> what it is called, for every code that may be asked of payers of these kinds. Rules that share a
        code may mean different work by it: then both say so."""
        said: dict[str, dict[str, None]] = {}
        for owner in self.loaded:
            if any(kind.key in kinds for kind in owner.manifest.payers):
                for code in owner.manifest.codes:
                    said.setdefault(code, {})[owner.manifest.labels.get(code, "")] = None
        return {code: "; ".join(filter(None, labels)) for code, labels in said.items()}

    def remembered(self) -> tuple[str, ...]:
        """The services (code, or code-modifier) whose earlier claims some plugin asks about."""
        return tuple(sorted({service for p in self.loaded for service in p.manifest.remembers}))


def load(found: Iterable[EntryPoint] | None = None) -> Plugins:
    """Find, import and check. found: entry points to use instead of the installed ones."""
    loaded: list[Loaded] = []
    aside: list[SetAside] = []
    for entry in sorted(entry_points(group=ENTRY_POINTS) if found is None else found, key=lambda e: e.name):
        try:
            rules = _rules_of(entry)
            manifest = rules.manifest
            if problem := _problem(manifest, loaded):
                aside.append(SetAside(entry.name, problem))
                continue
        except Exception as error:
            aside.append(SetAside(entry.name, f"could not be loaded: {type(error).__name__}"))
            continue
        loaded.append(Loaded(entry.name, rules, manifest))
    return Plugins(tuple(loaded), tuple(aside))


@lru_cache(maxsize=1)
def plugins() -> Plugins:
    """The installed plugins, found once per process."""
    return load()


def describe() -> list[dict[str, Any]]:
    """What `carewright plugins` prints: one entry per plugin, set-aside ones too."""
    found = plugins()
    rows: list[dict[str, Any]] = [
        {
            "name": p.name,
            "version": p.manifest.version,
            "api": p.manifest.api_version,
            "payers": [kind.label for kind in p.manifest.payers],
            "codes": len(p.manifest.codes),
            "hooks": ["carewright_payer_rules"],
            "oldest_review": p.manifest.oldest_review.isoformat(),
            "rule_set": p.manifest.rule_set_hash,
            "state": "ready",
        }
        for p in found.loaded
    ]
    return rows + [{"name": p.name, "state": "set aside", "why": p.why} for p in found.set_aside]


def _rules_of(entry: EntryPoint) -> PayerRules:
    # One manager per plugin: in a shared one, the first that raises would silence those behind it.
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    manager.register(entry.load(), name=entry.name)
    manager.check_pending()
    answers = manager.hook.carewright_payer_rules()
    if len(answers) != 1 or not isinstance(answers[0], PayerRules):
        raise TypeError("carewright_payer_rules must return one object with everything PayerRules names")
    return answers[0]


def _problem(manifest: Manifest, before: list[Loaded]) -> str:
    if manifest.api_version.partition(".")[0] != API_VERSION.partition(".")[0]:
        return f"was written for API {manifest.api_version}; this house speaks {API_VERSION}"
    if not isinstance(manifest.oldest_review, date) or not manifest.rule_set_hash:
        return "its manifest has no review date or no rule-set hash"
    for other in before:
        shared = {k.key for k in manifest.payers} & {k.key for k in other.manifest.payers}
        if shared:
            return f"speaks for {', '.join(sorted(shared))}, which {other.name} already does"
    return ""
