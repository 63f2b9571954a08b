"""Times as people say them."""

from __future__ import annotations


def ago(seconds: float) -> str:
    """`42 s`, `17 min`, `5 h`, `3 d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
