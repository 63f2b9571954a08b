"""Runs Prometheus, with the rules of deploy/prometheus, on a mesh of this machine until Ctrl-C.

.venv/bin/python tools/prometheus.py [--dir .shodhana] [--port 9090]

Debian's package `prometheus` has the program; tools/setup_prometheus.sh fetches it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).resolve().parent.parent / "deploy" / "prometheus" / "rules"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dir", type=Path, default=Path(".shodhana"), help="the mesh's directory")
    parser.add_argument("--port", type=int, default=9090)
    options = parser.parse_args()
    found = program()
    if found is None:
        print("prometheus: not installed; tools/setup_prometheus.sh fetches it", file=sys.stderr)
        return 1
    if not (options.dir / "state.json").exists():
        print(f"prometheus: no mesh in {options.dir}; `shodhana up` starts one", file=sys.stderr)
        return 1
    print(f"http://127.0.0.1:{options.port}/alerts · Ctrl-C ends it", flush=True)
    return os.execv(found, command(options.dir, options.port))


def program() -> str | None:
    """Prometheus beside Python, or on PATH."""
    return shutil.which("prometheus", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


def command(mesh: Path, port: int, interval: str = "5s", *others: dict[str, Any]) -> list[str]:
    """Writes the configuration into the mesh's directory; returns what to run. `others`: more groups of targets."""
    folder = mesh.resolve() / "prometheus"
    folder.mkdir(exist_ok=True)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(mesh, interval, others)))
    return [
        *("prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage", "--log.level=warn"),
    ]


def configuration(mesh: Path, interval: str, others: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    """Scrapes every process that the mesh's state names."""
    parts = json.loads((mesh / "state.json").read_text())["parts"]
    groups = [target(part) for part in parts if part["metrics_url"]]
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(RULES / "*.yml")],
        "scrape_configs": [{"job_name": "mesh", "static_configs": [*groups, *others]}],
    }


def target(part: dict[str, Any]) -> dict[str, Any]:
    """The process under its service's name: `similarity-2` is one of `similarity`."""
    job, dash, number = part["name"].rpartition("-")
    address = part["metrics_url"].removeprefix("http://").removesuffix("/metrics")
    return {"targets": [address], "labels": {"job": job if dash and number.isdigit() else part["name"]}}


if __name__ == "__main__":
    sys.exit(main())
