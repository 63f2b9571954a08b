"""Trains the phonetic model: terms and their garbled hearings come together, neighbours in the dictionary stay apart.

    .venv-torch/bin/python -m training.phonetic [--steps 1600] [--output FILE] [--evaluate-only]

Data: the glossary, its popular spellings, attested forms (package sanskrit-parser), and the noise model's hearings of
them. 200 terms are held out and never trained on. Seeds are fixed; one thread, so that the same machine gives the same
weights. Prints recall on the held-out terms beside character n-gram hashing, and the weights' sha256.
"""

from __future__ import annotations

import argparse
import bisect
import csv
import hashlib
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from shodhana.embedding.adapters.phonetic_weights import PATH, load_phonetic_weights
from shodhana.embedding.domain.phonetic import BUCKETS, DIMENSIONS, PhoneticEngine, features_of
from shodhana.sound.garble import Garbler, garbler
from shodhana.sound.units import units_of_iast
from shodhana.stack.places import GLOSSARY
from shodhana.text.transliterate import iast_of_slp1
from torch import nn
from torch.nn import functional

SEED = 20_261_125
WIDTH, HIDDEN = 128, 512
TEMPERATURE = 0.06
TERMS_A_STEP, RUNS_A_STEP, RUN = 256, 8, 32  # a run: neighbours in alphabetical order, hard negatives
ATTESTED = 60_000
HELD_OUT = 200
ROUGHNESS = (0.0, 0.3, 0.6, 1.0)
ALIAS_SHARE = 0.15
KEPT_SHARE = 0.6  # of one side of the pairs is the term itself, not another hearing of it


class Network(nn.Module):
    """What `PhoneticEngine` computes, for training."""

    def __init__(self) -> None:
        super().__init__()
        self.grams = nn.EmbeddingBag(BUCKETS, WIDTH, mode="sum")
        nn.init.normal_(self.grams.weight, std=0.3)
        self.hidden = nn.Linear(WIDTH, HIDDEN)
        self.output = nn.Linear(HIDDEN, DIMENSIONS)
        self.skip = nn.Linear(WIDTH, DIMENSIONS, bias=False)

    def forward(self, words: Sequence[str]) -> torch.Tensor:
        rows = [features_of(word) for word in words]
        offsets = np.cumsum([0, *(len(row) for row in rows[:-1])])
        scale = torch.tensor([[len(row) ** -0.5] for row in rows], dtype=torch.float32)
        summed = self.grams(torch.from_numpy(np.concatenate(rows)), torch.from_numpy(offsets)) * scale
        return functional.normalize(self.skip(summed) + self.output(torch.relu(self.hidden(summed))), dim=1)

    def save(self, path: Path) -> str:
        """Writes the weights in half precision; their sha256."""
        tensors = {
            "grams": self.grams.weight,
            "hidden": self.hidden.weight.T,
            "hidden_bias": self.hidden.bias,
            "output": self.output.weight.T,
            "output_bias": self.output.bias,
            "skip": self.skip.weight.T,
        }
        arrays = {name: np.ascontiguousarray(tensor.detach().numpy(), np.float16) for name, tensor in tensors.items()}
        save_file(arrays, path)
        return hashlib.sha256(path.read_bytes()).hexdigest()


class Hearings:
    """Pairs of spellings that stand for the same term."""

    def __init__(self, aliases: dict[str, list[str]]) -> None:
        self._aliases = aliases
        self._random = random.Random(SEED)
        self._garblers = [garbler(SEED + number, roughness) for number, roughness in enumerate(ROUGHNESS)]

    def hear(self, term: str) -> str:
        """A popular spelling of the term, or what a recogniser might make of it."""
        if self._aliases.get(term) and self._random.random() < ALIAS_SHARE:
            return self._random.choice(self._aliases[term])
        noise: Garbler = self._random.choice(self._garblers)
        return noise.hear(units_of_iast(term))

    def pairs(self, terms: Sequence[str]) -> tuple[list[str], list[str]]:
        first = [term if self._random.random() < KEPT_SHARE else self.hear(term) for term in terms]
        return first, [self.hear(term) for term in terms]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--output", type=Path, default=PATH)
    parser.add_argument("--evaluate-only", action="store_true", help="measure the weights that are there")
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    aliases = glossary()
    held_out = random.Random(SEED).sample(sorted(aliases), HELD_OUT)
    if not arguments.evaluate_only:
        network = train(aliases, sorted(set(aliases) - set(held_out)), arguments.steps)
        print(f"{arguments.output}: sha256 {network.save(arguments.output)}")
    engine = PhoneticEngine(load_phonetic_weights(arguments.output))
    for title, vectors in (("trained", engine.vectors), ("character n-gram hashing", hashed)):
        print(f"{title:<26}" + "  ".join(f"recall@{k} {share:.3f}" for k, share in recall(vectors, aliases, held_out)))


def train(aliases: dict[str, list[str]], terms: list[str], steps: int) -> Network:
    """A network after so many steps."""
    network, hearings, chooser = Network(), Hearings(aliases), random.Random(SEED)
    neighbours = attested_forms()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    began = time.monotonic()
    for step in range(steps):
        batch = chooser.sample(terms, TERMS_A_STEP)
        for start in (chooser.randrange(len(neighbours) - RUN) for _ in range(RUNS_A_STEP)):
            batch += neighbours[start : start + RUN]
        first, second = hearings.pairs(batch)
        likeness = network(first) @ network(second).T / TEMPERATURE
        right = torch.arange(len(batch))
        loss = (functional.cross_entropy(likeness, right) + functional.cross_entropy(likeness.T, right)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step:>5}  loss {loss.item():.3f}  {time.monotonic() - began:.0f} s", flush=True)
    return network


def glossary() -> dict[str, list[str]]:
    """Popular spellings by term."""
    found: dict[str, list[str]] = {}
    for file in sorted(GLOSSARY.glob("*.tsv")):
        for row in csv.DictReader(file.read_text().splitlines(), delimiter="\t"):
            found.setdefault(row["lemma"], []).extend(filter(None, (row["aliases"] or "").split("|")))
    return found


def attested_forms() -> list[str]:
    """Inflected Sanskrit forms in IAST, in alphabetical order, from the package sanskrit-parser."""
    spec = find_spec("sanskrit_parser")
    if spec is None or spec.origin is None:
        raise SystemExit("package sanskrit-parser is not installed: run `make train-phonetic`")
    with sqlite3.connect(Path(spec.origin).parent / "data" / "inria_forms_pos.db") as database:
        forms = [form for (form,) in database.execute("SELECT form FROM forms WHERE length(form) BETWEEN 4 AND 16")]
    chosen = random.Random(SEED).sample(sorted(forms), ATTESTED)
    return sorted(iast_of_slp1(form) for form in chosen)


def recall(
    vectors: Callable[[Sequence[str]], NDArray[np.float32]], aliases: dict[str, list[str]], terms: list[str]
) -> Iterator[tuple[int, float]]:
    """(k, share) of hearings of the terms whose own term is among the k nearest of the whole glossary."""
    forms = [(term, spelling) for term in sorted(aliases) for spelling in (term, *aliases[term])]
    table = vectors([spelling for _, spelling in forms])
    noise = garbler(SEED - 1, 0.7)
    heard = [(noise.hear(units_of_iast(term)), term) for term in terms for _ in range(5)]
    ranks = []
    for row, (_, term) in zip(vectors([word for word, _ in heard]) @ table.T, heard, strict=True):
        nearest = list(dict.fromkeys(forms[at][0] for at in np.argsort(-row)[:60]))
        ranks.append(nearest.index(term) if term in nearest else len(forms))
    ranks.sort()
    for k in (1, 5, 10):
        yield k, bisect.bisect_left(ranks, k) / len(ranks)


def hashed(words: Sequence[str]) -> NDArray[np.float32]:
    """The peer: signed hashing of the same n-grams, untrained."""
    table = np.random.default_rng(0).choice([-1.0, 1.0], (BUCKETS, DIMENSIONS)).astype(np.float32)
    vectors = np.stack([table[features_of(word)].sum(axis=0) for word in words])
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


if __name__ == "__main__":
    main()
