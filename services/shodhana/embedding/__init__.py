"""Turns texts into unit-length vectors: `semantic` for what a passage means, `phonetic` for how a term sounds."""
