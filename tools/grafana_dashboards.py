"""Writes deploy/grafana/dashboards/*.json from deploy/grafana/dashboards.yaml; with --check only compares.

.venv/bin/python tools/grafana_dashboards.py [--check]

Plain dashboards, as a provisioning folder takes them: no envelope of the HTTP API, ids and places given.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, TypeAlias

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "grafana"
PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
SCHEMA = 39
COLUMNS = 24
HEIGHTS = {"stat": 4}
DEFAULT_HEIGHT, DEFAULT_WIDTH = 8, 8
Json: TypeAlias = dict[str, Any]


def main(arguments: list[str]) -> int:
    written = {FOLDER / "dashboards" / f"{board['uid']}.json": render(board) for board in described()}
    if "--check" not in arguments:
        for path, content in written.items():
            path.write_text(content)
        return 0
    known = {path: path.read_text() for path in (FOLDER / "dashboards").glob("*.json")}
    differing = sorted(path.name for path in known.keys() | written.keys() if known.get(path) != written.get(path))
    if differing:
        print(f"run tools/grafana_dashboards.py: {', '.join(differing)} differ from dashboards.yaml")
    return 1 if differing else 0


def described() -> list[Json]:
    """The content of dashboards.yaml."""
    boards: list[Json] = yaml.safe_load((FOLDER / "dashboards.yaml").read_text())
    return boards


def render(board: Json) -> str:
    return json.dumps(dashboard(board), indent=2, ensure_ascii=False) + "\n"


def dashboard(board: Json) -> Json:
    """One dashboard in Grafana's own form."""
    return {
        "uid": board["uid"],
        "title": board["title"],
        "tags": ["shodhana"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "links": [{"type": "dashboards", "tags": ["shodhana"], "title": "Shodhana", "asDropdown": False}],
        "templating": {"list": [variable(*item) for item in board.get("variables", {}).items()]},
        "annotations": {"list": []},
        "panels": panels(board["rows"]),
    }


def variable(name: str, query: str) -> Json:
    return {
        "name": name,
        "type": "query",
        "datasource": PROMETHEUS,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }


def panels(rows: list[Json]) -> list[Json]:
    """Rows below each other, each with its panels from left to right in lines of 24."""
    placed: list[Json] = []
    y = 0
    for row in rows:
        header = {"type": "row", "title": row["title"], "collapsed": False, "panels": []}
        placed.append({"id": len(placed) + 1, **header, "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}})
        x, y, line = 0, y + 1, 0
        for item in row["panels"]:
            width, height = item.get("width", DEFAULT_WIDTH), height_of(item)
            if x + width > COLUMNS:
                x, y, line = 0, y + line, 0
            position = {"x": x, "y": y, "w": width, "h": height}
            placed.append({"id": len(placed) + 1, **panel(item), "gridPos": position})
            x, line = x + width, max(line, height)
        y += line
    return placed


def height_of(item: Json) -> int:
    return int(item.get("height", HEIGHTS.get(kind_of(item), DEFAULT_HEIGHT)))


def kind_of(item: Json) -> str:
    return str(item.get("kind", "timeseries"))


def panel(item: Json) -> Json:
    kind = kind_of(item)
    return {
        "type": kind,
        "title": item["title"],
        "description": item.get("description", ""),
        "datasource": PROMETHEUS,
        "targets": [target(item, kind, *query) for query in enumerate(item["queries"].items())],
        "fieldConfig": {"defaults": defaults(item, kind), "overrides": []},
        "options": options(item, kind),
    }


def target(item: Json, kind: str, number: int, query: tuple[str, str]) -> Json:
    legend, expression = query
    now = kind in ("stat", "table")
    return {
        "refId": chr(ord("A") + number),
        "datasource": PROMETHEUS,
        "expr": " ".join(expression.split()),
        "legendFormat": legend or "__auto",
        "instant": now,
        "range": not now,
        "exemplar": item.get("exemplars", False),
        "format": {"table": "table", "heatmap": "heatmap"}.get(kind, "time_series"),
    }


def defaults(item: Json, kind: str) -> Json:
    first, *others = item.get("thresholds", ["green"])
    steps = [{"color": first, "value": None}, *({"color": colour, "value": value} for value, colour in others)]
    found: Json = {
        "unit": item.get("unit", "none"),
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    found |= {name: item[name] for name in ("decimals", "max") if name in item}
    if kind == "timeseries":
        stacked = item.get("stack", False)
        found |= {"min": 0, "custom": {"fillOpacity": 30 if stacked else 8, "showPoints": "never"}}
        found["custom"]["stacking"] = {"mode": "normal" if stacked else "none"}
    return found


def options(item: Json, kind: str) -> Json:
    if kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "none"}
    if kind == "heatmap":
        return {"calculate": False, "yAxis": {"unit": item["unit"]}, "color": {"mode": "scheme", "scheme": "Blues"}}
    if kind == "table":
        return {"showHeader": True, "footer": {"show": False}}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
