"""Turns texts into unit-length vectors: `semantic` for what a passage means, `phonetic` for how a term sounds."""

import os

# Before numpy is loaded: its products are small, and a second thread that waits for a busy core slows them tenfold.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
