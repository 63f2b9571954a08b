"""The dashboards as Grafana's provisioning takes them, and Jaeger's configuration."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability.programs import ROOT

FOLDER = ROOT / "deploy" / "grafana"
BOARDS = sorted(FOLDER.glob("dashboards/*.json"))
PANELS = {"row", "stat", "timeseries", "table", "heatmap"}
"""Of those that Grafana still has: `graph` and `singlestat` are gone."""


def board(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_the_dashboards_are_what_their_description_gives() -> None:
    command = [sys.executable, str(ROOT / "tools" / "grafana_dashboards.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_plain_json_with_panels_that_exist(path: Path) -> None:
    content = board(path)
    assert "dashboard" not in content, "the envelope of the HTTP API"
    assert content["uid"] == path.stem
    assert {panel["type"] for panel in content["panels"]} <= PANELS
    ids = [panel["id"] for panel in content["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_panels_lie_beside_each_other_within_the_page(path: Path) -> None:
    places = [panel["gridPos"] for panel in board(path)["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    assert not [(a, b) for a, b in combinations(places, 2) if overlap(a, b)]


def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    is_beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    is_below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not (is_beside or is_below)


def test_every_datasource_that_is_named_is_provisioned() -> None:
    content = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "shodhana.yaml").read_text())
    known = {source["uid"]: source["type"] for source in content["datasources"]}
    used = {(source["uid"], source["type"]) for path in BOARDS for source in datasources(board(path))}
    assert used <= set(known.items())
    prometheus = next(source for source in content["datasources"] if source["uid"] == "prometheus")
    [link] = prometheus["jsonData"]["exemplarTraceIdDestinations"]
    assert (link["name"], known[link["datasourceUid"]]) == ("trace_id", "jaeger")


def datasources(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("datasource"), dict):
            yield value["datasource"]
        for item in value.values():
            yield from datasources(item)
    elif isinstance(value, list):
        for item in value:
            yield from datasources(item)


def test_jaegers_pipelines_use_only_parts_that_are_configured() -> None:
    """Shape only: Jaeger itself is not at hand."""
    content = yaml.safe_load((ROOT / "deploy" / "jaeger" / "jaeger.yaml").read_text())
    connectors = set(content["connectors"])
    for name, pipeline in content["service"]["pipelines"].items():
        assert set(pipeline["receivers"]) <= set(content["receivers"]) | connectors, name
        assert set(pipeline.get("processors", ())) <= set(content["processors"]), name
        assert set(pipeline["exporters"]) <= set(content["exporters"]) | connectors, name
    assert set(content["service"]["extensions"]) == set(content["extensions"])
    stores, query = content["extensions"]["jaeger_storage"], content["extensions"]["jaeger_query"]["storage"]
    assert content["exporters"]["jaeger_storage_exporter"]["trace_storage"] in stores["backends"]
    assert (query["traces"] in stores["backends"], query["metrics"] in stores["metric_backends"]) == (True, True)


def test_spans_are_counted_before_any_is_dropped() -> None:
    content = yaml.safe_load((ROOT / "deploy" / "jaeger" / "jaeger.yaml").read_text())
    pipelines = content["service"]["pipelines"].values()
    [counting] = [pipeline for pipeline in pipelines if "spanmetrics" in pipeline["exporters"]]
    assert "tail_sampling" not in counting["processors"]
