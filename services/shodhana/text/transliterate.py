"""IAST ⇄ Devanagari, by vidyut."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from .normalize import to_iast

_OPEN_END = re.compile(r"(?<=[kgṅcjñṭḍṇtdnpbmyrlvśṣsh]) (?=[^\W\d_])")


@lru_cache(maxsize=50_000)
def devanagari_of(iast: str) -> str:
    """A term in Devanagari."""
    return _convert(iast.lower(), "Iast", "Devanagari")


@lru_cache(maxsize=50_000)
def devanagari_of_line(iast: str) -> str:
    """A line in Devanagari as it is written: a word that ends in a consonant is joined to the next."""
    return devanagari_of(_OPEN_END.sub("", iast.lower()))


@lru_cache(maxsize=10_000)
def iast_of_devanagari(text: str) -> str:
    """Devanagari in IAST."""
    return to_iast(_convert(text, "Devanagari", "Iast"))


def iast_of_slp1(text: str) -> str:
    """SLP1, the transliteration of the Cologne dictionaries, in IAST."""
    return to_iast(_convert(text, "Slp1", "Iast"))


def slp1_of_iast(iast: str) -> str:
    """IAST in SLP1, one letter a sound."""
    return _convert(iast.lower(), "Iast", "Slp1")


def _convert(text: str, source: str, target: str) -> str:
    lipi = _lipi()
    scheme = lipi.Scheme
    return str(lipi.transliterate(text, getattr(scheme, source), getattr(scheme, target)))


@cache
def _lipi() -> Any:
    from vidyut import lipi  # loaded when first needed: most processes never transliterate

    return lipi
