"""The ladders as they stood on a day: which codes, at how many minutes, how many units at most."""

from datetime import date

from carewright_plugin_api.ladder import Ladder, Rung

from billing_medicare.rules.book import BOOK

STAFF, PERSONAL, COMPLEX = "ccm_staff", "ccm_practitioner", "ccm_complex"


def ladder_of(name: str, on: date) -> Ladder:
    """The ladder as it stood on a day, its units limited by the edits of that day."""
    members = BOOK.on(f"ladder.{name}", on).table
    base = Rung.of(members["base"], BOOK.on(f"code.{members['base']}", on).table)
    addon = members.get("addon")
    ladder = Ladder(base, Rung.of(addon, BOOK.on(f"code.{addon}", on).table) if addon else None)
    edits = {
        code: BOOK.on(f"mue.{code}", on).table["units"]
        for code in ladder.codes
        if BOOK.known(f"mue.{code}", on)
    }
    return ladder.capped(edits)
