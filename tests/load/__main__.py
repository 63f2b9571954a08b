"""Runs every benchmark in turn, or those named, and writes what they print to their sections of docs/performance.md.

.venv/bin/python tests/load [NAME…] [--no-page]     NAME: embedding, search, gateway, runtime, review, throughput,
                                                  verses, knowledge
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "performance.md"
HEAD = """# Performance

Measured by `make bench`, each section on the day it names. Peers and ours ran in turn in one run; on a shared machine
only their ratios mean something. `.venv/bin/python tests/load NAME…` measures and writes again what it names
"""


def main() -> int:
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*known, []], metavar="NAME", help=", ".join(known))
    parser.add_argument("--no-page", action="store_true", help="do not write docs/performance.md")
    arguments = parser.parse_args()
    for name in arguments.names or known:
        text, code = measured(HERE / f"bench_{name}.py")
        if code:
            print(f"bench_{name}.py failed with exit code {code}", file=sys.stderr)
            return code
        if not arguments.no_page:
            write(name, section(name, text))
    return 0


def write(name: str, text: str) -> None:
    """Puts a section in its place on the page, which keeps the others."""
    page = PAGE.read_text() if PAGE.exists() else ""
    sections = {part.split("\n", 1)[0]: f"## {part}" for part in page.split("\n## ")[1:]}
    sections[name] = text
    PAGE.write_text("\n".join([HEAD, *(sections[key].strip() + "\n" for key in sorted(sections))]))
    print(f"written: {PAGE.relative_to(ROOT)}, {name}", flush=True)


def measured(bench: Path) -> tuple[str, int]:
    """What a benchmark prints, shown as it comes, and its exit code."""
    print(f"== {bench.relative_to(ROOT)}", flush=True)
    lines = []
    with subprocess.Popen([sys.executable, str(bench)], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return "".join(lines), process.returncode


def section(name: str, text: str) -> str:
    """A benchmark's part of the page: its title, its command, what it printed."""
    bench = HERE / f"bench_{name}.py"
    title = bench.read_text().split('"""')[1].split("\n")[0].split(".")[0]
    measured_on = f"{date.today()}, {os.cpu_count()} shared cores, {platform.machine()}"
    return (
        f"## {name}\n\n{title}: `.venv/bin/python {bench.relative_to(ROOT)}` ({measured_on})\n\n"
        f"```\n{text.strip()}\n```\n"
    )


if __name__ == "__main__":
    sys.exit(main())
