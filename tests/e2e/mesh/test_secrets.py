"""Secrets of a running mesh are in files of their owner and in environments, and nowhere else."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

PRIVATE = (b"PRIVATE KEY-----", b'"d":')
"""Of certificates' keys and of the key that signs tokens."""


@pytest.fixture
def secrets(mesh: Any) -> dict[str, str]:
    """By whose they are."""
    known: dict[str, str] = json.loads((mesh.directory / "secrets.json").read_text())
    assert len(known) >= 10
    return known


def processes(mesh: Any) -> Iterator[psutil.Process]:
    """Of every part of the mesh, and those that they started."""
    for pid in {part["pid"] for part in mesh.state["parts"] if part["pid"]}:
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)


def test_no_command_line_holds_a_secret(mesh: Any, secrets: dict[str, str]) -> None:
    seen = [" ".join(process.cmdline()) for process in processes(mesh)]
    assert len(seen) > 12
    assert [words for words in seen for secret in secrets.values() if secret in words] == []


def test_no_log_holds_a_secret_or_a_token(mesh: Any, secrets: dict[str, str]) -> None:
    with mesh.rest() as client:
        assert client.get("/v1/principal").status_code == 200
    wanted = [*secrets.values(), mesh.token()]
    logs = {path: path.read_text(errors="replace") for path in (mesh.directory / "logs").glob("*.log")}
    assert len(logs) > 8
    assert [(path.name, secret[:4]) for path, text in logs.items() for secret in wanted if secret in text] == []


def test_what_holds_a_secret_is_closed_to_other_users(mesh: Any, secrets: dict[str, str]) -> None:
    wanted = [*(secret.encode() for secret in secrets.values()), *PRIVATE]
    holders = [path for path in files(mesh.directory) if any(secret in path.read_bytes() for secret in wanted)]
    assert {"secrets.json", "service_accounts.json", "client.json", "signing_key.json"} <= {
        path.name for path in holders
    }
    assert [path for path in holders if is_open(path, mesh.directory)] == []


def test_the_gateways_configuration_names_keys_and_holds_none(mesh: Any, secrets: dict[str, str]) -> None:
    written = (mesh.directory / "envoy.yaml").read_bytes()
    assert b"private_key" in written or b"secrets" in written
    assert [secret for secret in (*map(str.encode, secrets.values()), *PRIVATE) if secret in written] == []


def files(directory: Path) -> Iterator[Path]:
    """What is written by the stack itself; not the data of Postgres, which is in a folder of its own user."""
    for path in directory.rglob("*"):
        parts = path.relative_to(directory).parts
        if path.is_file() and not path.is_symlink() and "data" not in parts and "backups" not in parts:
            yield path


def is_open(path: Path, root: Path) -> bool:
    """Whether another user gets to read it: neither it nor a folder around it is closed."""
    around = [path, *(folder for folder in path.parents if folder != root and folder.is_relative_to(root))]
    return all(stat.S_IMODE(part.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO) for part in around)
