"""Reviewing: cases that are held, what is decided about them, with a terminal or a file."""
