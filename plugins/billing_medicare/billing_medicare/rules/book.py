"""The dated values of this plugin, read once."""

from carewright_plugin_api.book import Book

PROGRAM = "ccm"
PART_B = "medicare_part_b"
BOOK = Book.of("billing_medicare", prefix="medicare", program=PROGRAM)
