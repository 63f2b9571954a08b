"""How probabilities are written."""

from __future__ import annotations


def hundredths(share: float) -> str:
    """Two places: "0.85".

    Of thousandths, which is what the services keep: 0.8453 and the 0.845 that a report has of it read alike, though
    the one is nearer to 0.85 and the other, as a binary number, to 0.84.
    """
    return f"{(round(share * 1000) + 5) // 10 / 100:.2f}"
