"""The dated values of this plugin, read once."""

from carewright_plugin_api.book import Book

PROGRAM = "ccm"
BOOK = Book.of("billing_medicare", prefix="medicare", program=PROGRAM)
