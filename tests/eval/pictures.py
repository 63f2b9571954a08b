"""Pictures of what the published probability is worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from tests.eval.measures import BINS, Judged


def draw_reliability(judged: Sequence[Judged], path: Path) -> None:
    """How often corrections of each probability are right."""
    probabilities = np.array([one.probability for one in judged])
    truth = np.array([one.truth == "right" for one in judged])
    places = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    figure, axes = plt.subplots(figsize=(4.5, 4))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--", label="as published")
    for place in sorted(set(places.tolist())):
        part = places == place
        point = (probabilities[part].mean(), truth[part].mean())
        axes.scatter(*point, s=20 + 2 * part.sum(), color="#1b6ca8")
        axes.annotate(str(part.sum()), point, xytext=(6, -10), textcoords="offset points")
    axes.set(xlabel="published probability", ylabel="share that is right", xlim=(0, 1.02), ylim=(0, 1.05))
    axes.set_title("Reliability")
    axes.legend(loc="upper left")
    _save(figure, path)


def draw_precision(judged: Sequence[Judged], path: Path) -> None:
    """The share that is right against the share of places applied, as the threshold falls."""
    ranked = sorted(judged, key=lambda one: -one.probability)
    right = np.cumsum([one.truth == "right" for one in ranked])
    count = np.arange(1, len(ranked) + 1)
    figure, axes = plt.subplots(figsize=(4.5, 4))
    axes.plot(count / max(1, len(ranked)), right / count, color="#1b6ca8")
    axes.axhline(0.98, color="grey", linewidth=1, linestyle="--", label="98 % right")
    axes.set(xlabel="share of places applied", ylabel="share that is right", ylim=(0.7, 1.01))
    axes.set_title("Precision and coverage")
    axes.legend(loc="lower left")
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
