"""The rules and configurations, by Prometheus' own tool, and what every alert owes its reader."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability.programs import ROOT, program

FOLDER = ROOT / "deploy" / "prometheus"
SEVERITIES = {"page", "ticket", "none"}
SECTIONS = ("## What it means", "## First look", "## Mend", "## Whom to wake")


def promtool(*arguments: str | Path) -> None:
    command = [program("promtool"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> list[dict[str, Any]]:
    rules = [rule for path in sorted(FOLDER.glob("rules/*.yml")) for rule in rules_of(path)]
    return [rule for rule in rules if "alert" in rule]


def rules_of(path: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def test_the_rules_are_sound() -> None:
    promtool("check", "rules", *sorted(FOLDER.glob("rules/*.yml")))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("tests/*.yml")), ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(path: Path) -> None:
    promtool("test", "rules", path)


def test_the_configuration_for_compose_is_sound() -> None:
    promtool("check", "config", FOLDER / "prometheus.yml")


def test_the_configuration_for_kubernetes_is_sound_but_for_its_discovery(tmp_path: Path) -> None:
    """Debian builds Prometheus without discovery in Kubernetes."""
    content = yaml.safe_load((FOLDER / "kubernetes.yml").read_text())
    for scrape in content["scrape_configs"]:
        scrape.pop("kubernetes_sd_configs", None)
    content["rule_files"] = [str(FOLDER / "rules" / "*.yml")]
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump(content))
    promtool("check", "config", path)


def test_every_alert_says_how_urgent_it_is_what_it_is_and_what_to_do() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in SEVERITIES, alert["alert"]
        assert alert["annotations"]["summary"], alert["alert"]
        page = ROOT / alert["annotations"]["runbook_url"]
        assert page.exists(), page
        missing = [section for section in SECTIONS if section not in page.read_text()]
        assert not missing, f"{page.name}: {missing}"


def test_every_alert_has_a_test_and_every_runbook_an_alert() -> None:
    tested = {
        check["alertname"]
        for path in FOLDER.glob("tests/*.yml")
        for test in yaml.safe_load(path.read_text())["tests"]
        for check in test.get("alert_rule_test", ())
        if check.get("exp_alerts")
    }
    assert tested == {alert["alert"] for alert in alerts()}
    pages = {path.name for path in (ROOT / "docs" / "runbooks").glob("*.md")} - {"README.md"}
    assert pages == {Path(alert["annotations"]["runbook_url"]).name for alert in alerts()}


def test_alertmanager_sends_every_severity_somewhere_and_knows_the_alerts_it_names() -> None:
    content = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())
    receivers = {receiver["name"] for receiver in content["receivers"]}
    routes = content["route"]["routes"]
    assert {content["route"]["receiver"], *(route["receiver"] for route in routes)} == receivers
    inhibited = [
        matcher for rule in content["inhibit_rules"] for matcher in rule["source_matchers"] + rule["target_matchers"]
    ]
    named = {name for matcher in inhibited for name in re.findall(r'"([^"]+)"', matcher)}
    assert {name for names in named for name in names.split("|")} <= {alert["alert"] for alert in alerts()}
