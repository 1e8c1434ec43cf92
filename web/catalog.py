"""Gathers the words of templates and pages into the catalogs of server/locale; needs the development dependency Babel.

`python -m web.catalog` writes, for each language, its `.po` (what is put into patients' hands) and from it the `.mo`
that pages read. Translations are written into the `.po` by hand; a message that is new there waits with an empty one,
and a message nobody says any more goes. `--check` writes nothing and ends with 1 when anything is not as it would be
written. `--all FILE` writes every message there is, for whoever brings the staff's pages into another language.
"""

import argparse
import ast
import gettext
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from server.words import DOMAIN, LANGUAGES, LOCALE
from web.help import GROUPS, topics

WEB: Final = Path(__file__).parent
_SAID: Final = {"_": None, "gettext": None, "ngettext": (1, 2)}
#: whose words are read by patients: these templates, what they are called, and the dates in them
_PAPERS: Final = (
    *(WEB / "templates" / "for_patients", WEB / "pages" / "papers.py", WEB / "rendering.py"),
    LOCALE.parent / "dates.py",
)
_HEAD: Final = 'msgid ""\nmsgstr ""\n"Language: {}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
_PLURALS: Final = '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'


def messages_of(path: Path) -> Iterator[str | tuple[str, ...]]:
    """The messages of one template or Python file."""
    if path.suffix == ".py":
        yield from _messages_of_python(path.read_text("utf-8"))
        return
    options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
    for _, words, _, _ in extract_from_file("jinja2.ext:babel_extract", str(path), _SAID, options=options):
        yield words


def _messages_of_python(source: str) -> Iterator[str | tuple[str, ...]]:
    """Babel's own reader of Python loses a message that is said as a value within another."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        words = [str(word.value) for word in call.args[:2] if isinstance(word, ast.Constant) and word.value]
        if name in {"say", "N_"} and words:
            yield words[0]
        elif name == "say_of" and len(words) == 2:
            yield words[0], words[1]


def gathered(*places: Path) -> Catalog:
    """The messages of these files and folders, sorted, without translations."""
    catalog = Catalog(fuzzy=False)
    for place in places:
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.suffix in {".html", ".py"}:
                for words in messages_of(path):
                    catalog.add(words)
    return catalog


def everything() -> Catalog:
    catalog = gathered(WEB / "templates", WEB / "pages", *sorted(WEB.glob("*.py")), LOCALE.parent)
    for words in (*GROUPS, *(words for topic in topics() for words in (topic.title, *topic.says))):
        catalog.add(words)
    return catalog


def papers() -> Catalog:
    return gathered(*_PAPERS)


def po_of(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def written(catalog: Catalog, language: str) -> str:
    """The catalog as a file: sorted, without places and dates, so that it changes only when words do."""
    file = BytesIO()
    write_po(file, catalog, no_location=True, omit_header=True, sort_output=True, width=110)
    return _HEAD.format(language) + (_PLURALS if language else "") + "\n" + file.getvalue().decode().lstrip()


def translated(language: str, wanted: Catalog) -> Catalog:
    """What `language` says for the wanted messages; "" for what nobody has translated yet."""
    file = po_of(language)
    old = read_po(BytesIO(file.read_bytes()), locale=language) if file.exists() else Catalog(locale=language)
    new = Catalog(locale=language, fuzzy=False)
    for message in _said(wanted):
        known = old.get(message.id)
        new.add(
            message.id, known.string if known else None, user_comments=known.user_comments if known else ()
        )
    return new


def untranslated(language: str) -> list[str]:
    """What patients read and `language` has no words for, or words with other values than the English has."""
    wrong = []
    for message in _said(translated(language, papers())):
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        faults = [str(fault) for fault in message.check()]
        if not all(strings) or message.fuzzy or faults:
            wrong.append(f"{message.id!r}: {', '.join(faults) or 'no translation'}")
    return wrong


def compiled(catalog: Catalog) -> bytes:
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def _said(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def _meanings(mo: bytes) -> dict[object, object]:
    """What a compiled catalog says, its head apart."""
    said = gettext.GNUTranslations(BytesIO(mo))._catalog  # type: ignore[attr-defined]  # no public way to all of it
    return {key: words for key, words in said.items() if key != ""}


def stale(*, write: bool = False) -> list[str]:
    """Files that are not what the words of today make them; written anew where asked."""
    found = []

    def hold(file: Path, wanted: bytes, *, as_it_is: bool) -> None:
        if not as_it_is:
            found.append(str(file))
            if write:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(wanted)

    def hold_text(file: Path, wanted: str) -> None:
        hold(file, wanted.encode(), as_it_is=file.exists() and file.read_text("utf-8") == wanted)

    for language in LANGUAGES:
        if language == "en":
            continue
        catalog = translated(language, papers())
        hold_text(po_of(language), written(catalog, language))
        mo, file = compiled(catalog), po_of(language).with_suffix(".mo")
        hold(file, mo, as_it_is=file.exists() and _meanings(file.read_bytes()) == _meanings(mo))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Gather the words of pages into the catalogs.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; end with 1 when a catalog is stale"
    )
    parser.add_argument(
        "--all", metavar="FILE", type=Path, help="write every message of pages there, as a .pot"
    )
    asked = parser.parse_args()
    if asked.all:
        asked.all.write_text(written(everything(), ""), "utf-8")
        return 0
    check: bool = asked.check
    for file in (found := stale(write=not check)):
        sys.stdout.write(f"{file} {'is stale' if check else 'is written'}\n")
    for language in LANGUAGES:
        for words in untranslated(language) if language != "en" else []:
            sys.stdout.write(f"{language}: {words}\n")
    return int(bool(check and found))


if __name__ == "__main__":
    sys.exit(main())
