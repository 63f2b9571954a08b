"""Fuzzes the parsers with Atheris, each in a process of its own, two at a time.

.venv/bin/python tests/fuzz [TARGET…] [--seconds 600]

The seconds are shared by the targets. What was found anew and reaches new code stays in build/fuzz; an input that
breaks a parser is put there as TARGET/crash-…: copied into tests/fuzz/corpus/TARGET it is a test from then on.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
FOUND = ROOT / "build" / "fuzz"
ATHERIS = ROOT / ".venv-security" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
AT_ONCE = 2
LONGEST_INPUT = 4096
ONE_INPUT_S = 5
"""What takes longer is a finding: no input of this size is worth it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", choices=[*names_of_all(), []], metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not (ATHERIS / "atheris").exists():
        print("Atheris is not there: tools/setup_security.sh installs it, where it has a wheel for this Python")
        return 2
    if arguments.alone:
        fuzz(arguments.alone, arguments.seconds)
    names = arguments.targets or names_of_all()
    seconds = max(1, arguments.seconds * AT_ONCE // len(names))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        broken = [
            name for name, code in zip(names, pool.map(lambda name: run(name, seconds), names), strict=True) if code
        ]
    print(f"broken: {', '.join(broken)}" if broken else f"{len(names)} targets, {seconds} s each: nothing broke")
    return 1 if broken else 0


def names_of_all() -> list[str]:
    """Every target has a folder; they are not imported here, for Atheris has to see them imported."""
    return sorted(path.name for path in CORPUS.iterdir())


def run(name: str, seconds: int) -> int:
    """Fuzzes one target in a process of its own; its last words are printed where it broke."""
    (FOUND / name).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, "--alone", name, "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    counted = [line for line in done.stderr.splitlines() if line.startswith("Done")]
    print(f"{name}: {counted[-1] if counted else 'BROKE'}", flush=True)
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n", flush=True)
    return done.returncode


def fuzz(name: str, seconds: int) -> None:
    """Runs until the time is over or something breaks; Atheris ends the process."""
    sys.path[:0] = [str(ROOT)]
    sys.path.append(str(ATHERIS))
    import atheris

    with atheris.instrument_imports(include=["shodhana.transcripts", "shodhana.similarity", "shodhana.text"]):
        from tests.fuzz.targets import TARGETS
    seeds = CORPUS / name
    limits = (
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST_INPUT}",
        f"-timeout={ONE_INPUT_S}",
        "-rss_limit_mb=2048",
    )
    atheris.Setup(
        [sys.argv[0], *limits, f"-artifact_prefix={FOUND / name}{os.sep}", str(FOUND / name), str(seeds)], TARGETS[name]
    )
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
