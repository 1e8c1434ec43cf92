"""Takes pictures of pages, so that whoever makes a page can look at it.

`python web/look.py http://127.0.0.1:8000 / /people --out /tmp/pictures [--demo "Nora Feld" | --cookies FILE] [--only phone,dark]`
writes NAME-desktop.png (1280 x 900), NAME-phone.png (360 x 780), NAME-dark.png, NAME-contrast.png, the whole page
each (a tall one in parts, NAME-desktop-1.png ...), and NAME-paper-1.png ... from the printed PDF (through pdftoppm where it is installed; without it, the
page as it is laid out for print). It also says when a page is wider than the window, logs an error to the
console or answers with something other than 200, and then ends with exit code 1.

--demo signs in as somebody of the demo, by the words on its sign-in page. FILE holds cookies as JSON, [{"name": ..., "value": ...}], or as `name=value` lines. Needs the development
dependency playwright and a Chromium: CAREWRIGHT_CHROMIUM, or `chromium` / `google-chrome` on the path.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Browser, ConsoleMessage, FloatRect, Page, sync_playwright

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 780}
PART = 1600  # CSS pixels: a taller picture cannot be read at a glance
VIEWS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": DESKTOP},
    "phone": {"viewport": PHONE, "device_scale_factor": 2, "has_touch": True, "is_mobile": True},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "contrast": {"viewport": DESKTOP, "contrast": "more"},
    "paper": {"viewport": DESKTOP},
}


def chromium() -> str | None:
    """Path of a Chromium to drive, or None when this machine has none."""
    asked = os.environ.get("CAREWRIGHT_CHROMIUM")
    return asked or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


def demo_cookies(browser: Browser, base: str, name: str) -> list[dict[str, str]]:
    """The cookies of somebody of the demo, signed in the way a visitor is offered. name: "Nora Feld", or with the
    practice where somebody works in two, "Bill Janssen, Lakeside Family Medicine"."""
    name, _, practice = name.partition(", ")
    context = browser.new_context()
    page = context.new_page()
    page.goto(urljoin(base, "/sign-in"))
    for words in filter(None, (name, "Go on", "Fill in the code", "Sign in", practice)):
        page.get_by_role("link", name=words).or_(page.get_by_role("button", name=words)).locator(
            "visible=true"
        ).first.click()
        page.wait_for_load_state()
    found = [{"name": one["name"], "value": one["value"], "url": base} for one in context.cookies()]
    context.close()
    return found


def cookies_in(path: Path, base: str) -> list[dict[str, str]]:
    """Cookies for the base address, from JSON or from name=value lines."""
    text = path.read_text()
    if text.lstrip().startswith("["):
        pairs = [(str(item["name"]), str(item["value"])) for item in json.loads(text)]
    else:
        parted = [line.strip().partition("=") for line in text.splitlines() if "=" in line]
        pairs = [(name, value) for name, _, value in parted]
    return [{"name": name, "value": value, "url": base} for name, value in pairs]


def file_name(path: str) -> str:
    """A file name for a page's path: "/people/new?x=1" -> "people-new-x-1"."""
    return re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-") or "first"


def paper(pdf: Path) -> list[Path]:
    """The PDF's pages as PNG files beside it; empty when pdftoppm is not installed."""
    program = shutil.which("pdftoppm")
    if program is None:
        return []
    subprocess.run([program, "-png", "-r", "60", str(pdf), str(pdf.with_suffix(""))], check=True)  # noqa: S603
    return sorted(pdf.parent.glob(f"{pdf.stem}-*.png"))


def take(page: Page, target: str, width: int) -> None:
    """The whole page as one picture, or in parts when it is tall."""
    height = int(page.evaluate("document.documentElement.scrollHeight"))
    # As tall as the page, so that what sticks to the window's edges is pictured once, at its edge.
    page.set_viewport_size({"width": width, "height": height})
    if height <= PART:
        page.screenshot(path=f"{target}.png", full_page=True)
        return
    for number, top in enumerate(range(0, height, PART), start=1):
        clip = FloatRect(x=0, y=top, width=width, height=min(PART, height - top))
        page.screenshot(path=f"{target}-{number}.png", clip=clip)


def look_at(
    browser: Browser, base: str, path: str, *, view: str, out: Path, cookies: list[dict[str, str]]
) -> list[str]:
    """Take one view of one page; returns what is wrong with it, one sentence each."""
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(f"console: {message.text}")

    context = browser.new_context(**VIEWS[view], reduced_motion="reduce")
    try:
        if cookies:
            context.add_cookies(
                [{"name": one["name"], "value": one["value"], "url": one["url"]} for one in cookies]
            )
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
        answer = page.goto(urljoin(base, path), wait_until="networkidle")
        if answer is None or answer.status != 200:
            wrong.append(f"answered {answer.status if answer else 'nothing'}")
        page.evaluate("document.fonts.ready")
        target = out / f"{file_name(path)}-{view}"
        if view == "paper":
            pdf = target.with_suffix(".pdf")
            page.pdf(path=pdf, prefer_css_page_size=True, print_background=True)
            if not paper(pdf):
                page.emulate_media(media="print")
                page.set_viewport_size({"width": 700, "height": 990})
                page.screenshot(path=f"{target}.png", full_page=True)
            return wrong
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > VIEWS[view]["viewport"]["width"]:
            wrong.append(f"is {width} px wide in a window of {VIEWS[view]['viewport']['width']} px")
        take(page, str(target), VIEWS[view]["viewport"]["width"])
    finally:
        context.close()
    return wrong


def main() -> int:
    """Command line; returns 1 when a page had something wrong with it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("base", help="address of the running house, http://127.0.0.1:PORT")
    parser.add_argument("paths", nargs="+", help="pages to look at, /people ...")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder for the pictures")
    parser.add_argument(
        "--demo",
        metavar="NAME",
        help="whom of the demo to sign in as; NAME, PRACTICE where somebody works in two",
    )
    parser.add_argument("--cookies", type=Path, help="file with the cookies of a sign-in")
    parser.add_argument("--only", default=",".join(VIEWS), help=f"views, of: {', '.join(VIEWS)}")
    asked = parser.parse_args()
    program = chromium()
    if program is None:
        sys.stderr.write("No Chromium on this machine: install it, or set CAREWRIGHT_CHROMIUM to its path.\n")
        return 2
    asked.out.mkdir(parents=True, exist_ok=True)
    for path in asked.paths:
        for view in asked.only.split(","):
            for old in asked.out.glob(f"{file_name(path)}-{view}*"):
                old.unlink()
    cookies = cookies_in(asked.cookies, asked.base) if asked.cookies else []
    troubled = False
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=CHROMIUM_ARGS)
        if asked.demo:
            cookies += demo_cookies(browser, asked.base, asked.demo)
        for path in asked.paths:
            for view in asked.only.split(","):
                wrong = look_at(browser, asked.base, path, view=view, out=asked.out, cookies=cookies)
                troubled = troubled or bool(wrong)
                sys.stdout.write(f"{path} {view}: {'; '.join(wrong) or 'fine'}\n")
        browser.close()
    return 1 if troubled else 0


if __name__ == "__main__":
    sys.exit(main())
