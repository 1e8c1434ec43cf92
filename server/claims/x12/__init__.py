"""Claims as X12 files. Pure: frozen claims in, the text of a file out."""
