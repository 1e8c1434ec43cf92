"""The dated values of this plugin, read once."""

from carewright_plugin_api.book import Book

PROGRAM = "pdcm"
BCBSM = "bcbsm"
BOOK = Book.of("payer_bcbsm", prefix="bcbsm", program=PROGRAM)
