"""Invented people and two years of their lives, from a seed: the same seed, day and team give the same lives.
Another day gives the same people (names, ages, conditions, stories), their dates counted back from it.

Nothing here reads a clock, a file or a database. `people.lives` puts a practice together; `server.demo_lives` stores it.
"""
