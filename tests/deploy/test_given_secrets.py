"""What only the owner of an installation knows goes from `source` to whom it is meant for, and what lacks is told."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from shodhana.stack.places import PROJECT

TOOL = PROJECT / "tools" / "deployment_secrets.py"
ADDRESS = "https://pager.example.org/hook"


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secrets" / "source").mkdir(parents=True)
    (tmp_path / "secrets" / "source" / "pager_url").write_text(ADDRESS + "\n")
    return tmp_path / "secrets"


def test_an_address_of_alerts_reaches_alertmanager_alone(folder: Path) -> None:
    printed = run(folder, "--place", "kubernetes", "--print").stdout
    holders = [
        found["metadata"]["name"]
        for found in yaml.safe_load_all(printed)
        if "pager_url" in found.get("data", {}) and base64.b64decode(found["data"]["pager_url"]).decode() == ADDRESS
    ]
    assert holders == ["alertmanager"]
    assert (folder / "alertmanager" / "pager_url").read_text() == ADDRESS


def test_an_address_that_lacks_is_told(folder: Path) -> None:
    told = [line.split(" ")[1].rpartition("/")[2] for line in run(folder).stderr.splitlines() if "alerts: " in line]
    assert told == ["tickets_url", "watchdog_url"]
