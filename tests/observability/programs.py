"""Prometheus' programs: beside Python, or on PATH; without them a test skips, and in CI it fails."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]


def program(name: str) -> str:
    """Path of a program of Debian's Prometheus packages."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        missing(f"no {name}: tools/setup_prometheus.sh fetches it")
    return str(found)


def missing(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
