"""Keeps the lexicon in immutable versions and finds the entries that a heard form may stand for."""

import os

# Before numpy is loaded: its products are small, and a second thread that waits for a busy core slows them tenfold.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
