"""Keeps the lexicon in immutable versions and finds the entries that a heard form may stand for."""
