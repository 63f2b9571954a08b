"""Writes CycloneDX lists of what the project consists of, from its locks, to build/sbom.

.venv/bin/python tools/sbom.py      stack.json, an image each in images/, dashboard.json

Ends with 1 where a part has no hash or no known licence.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from licences import licence_of

ROOT = Path(__file__).resolve().parent.parent
LISTER = ROOT / ".venv-security" / "bin" / "cyclonedx-py"
OUTPUT = ROOT / "build" / "sbom"
DASHBOARD = ROOT / "clients" / "dashboard"
Bill = dict[str, Any]


def main() -> int:
    locks = {"stack": ROOT / "requirements" / "stack.txt"}
    locks |= {f"images/{lock.stem}": lock for lock in sorted((ROOT / "requirements" / "images").glob("*.txt"))}
    bills = {name: python_bill(lock) for name, lock in locks.items()}
    bills["dashboard"] = npm_bill(DASHBOARD)
    faults = []
    for name, bill in bills.items():
        path = OUTPUT / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(bill, indent=2) + "\n")
        faults += [f"{name}: {fault}" for fault in faults_of(bill)]
        print(f"{path.relative_to(ROOT)}: {len(bill['components'])} components")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def python_bill(lock: Path) -> Bill:
    """What a lock of Python packages names, with hashes and licences."""
    words = ("requirements", "--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--of", "JSON", lock)
    bill = run(LISTER, *words)
    for component in bill["components"]:
        if licence := licence_of(component["name"]):
            component["licenses"] = [{"license": {"name": licence}}]
    return bill


def npm_bill(folder: Path) -> Bill:
    """What the dashboard's lock names. npm wants a version of the folder itself, which is never published."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("package.json", "package-lock.json"):
            content = {"name": "dashboard", "version": "0.0.0", **json.loads((folder / name).read_text())}
            if "packages" in content:
                content["packages"][""] |= {"name": "dashboard", "version": "0.0.0"}
            (Path(scratch) / name).write_text(json.dumps(content))
        return run("npm", "sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--prefix", scratch)


def faults_of(bill: Bill) -> list[str]:
    """A sentence for each component without a hash or a licence."""
    faults = []
    for component in bill["components"]:
        references = component.get("externalReferences", [])
        hashed = component.get("hashes") or any(reference.get("hashes") for reference in references)
        for what, is_there in (("hash", hashed), ("licence", component.get("licenses"))):
            if not is_there:
                faults.append(f"{component['name']} has no known {what}")
    return faults


def run(*command: str | Path) -> Bill:
    """The JSON that a program prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr.strip()}")
    bill: Bill = json.loads(done.stdout)
    return bill


if __name__ == "__main__":
    sys.exit(main())
