"""Runs every test and closes with one line: `N passed, N failed, N skipped`.

.venv/bin/python tools/run_tests.py [pytest argument…]

Unit and integration tests run side by side, those that start whole meshes or measure time one after another.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS = 5
STAGES = (
    (
        ["tests/unit", "tests/fuzz", "tests/integration", "tests/deploy", "tests/observability"],
        ["-n", "2", "--dist", "loadfile"],
    ),
    (["tests/eval", "tests/e2e", "tests/faults", "tests/high_availability"], []),
    (["tests/browser"], []),
)


def main() -> int:
    counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    codes = []
    for folders, options in STAGES:
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.xml"
            codes.append(run_stage(folders, [*options, f"--junitxml={report}", *sys.argv[1:]]))
            add(counts, report)
    failed = counts["failures"] + counts["errors"]
    passed = counts["tests"] - failed - counts["skipped"]
    print(f"{passed} passed, {failed} failed, {counts['skipped']} skipped", flush=True)
    return 1 if failed or not passed or any(code not in (0, NO_TESTS) for code in codes) else 0


def run_stage(folders: list[str], options: list[str]) -> int:
    there = [folder for folder in folders if any((ROOT / folder).rglob("test_*.py"))]
    if not there:
        return NO_TESTS
    command = [sys.executable, "-m", "pytest", "-q", *there, *options]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def add(counts: dict[str, int], report: Path) -> None:
    if not report.exists():
        return
    for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314 - pytest wrote it
        for name in counts:
            counts[name] += int(suite.get(name, 0))


if __name__ == "__main__":
    sys.exit(main())
