"""The dashboards of deploy/grafana: what the code makes, with ids that stay, and nothing unbounded in their queries."""

import json
import re
from itertools import combinations
from typing import Any

import pytest

from dashboards.all import DASHBOARDS
from dashboards.grafana import COLUMNS, Dashboard, to_json
from tests.checks import ROOT

FOLDER = ROOT / "deploy" / "grafana"
QUERIES = [query.expr for dashboard in DASHBOARDS for query in dashboard.queries]
# Of Grafana's own, every other `$` is a variable of the dashboard.
GRAFANAS = {"__rate_interval", "__range"}


def test_the_files_are_what_the_code_makes() -> None:
    made = {f"{dashboard.uid}.json": to_json(dashboard) for dashboard in DASHBOARDS}
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == made, "python -m dashboards"


def test_addresses_of_dashboards_stay() -> None:
    assert [dashboard.uid for dashboard in DASHBOARDS] == ["kadr-service", "kadr-pipeline", "kadr-delivery"]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_panels_do_not_overlap_and_variables_are_there(dashboard: Dashboard) -> None:
    told: dict[str, Any] = json.loads(to_json(dashboard))
    places = [panel["gridPos"] for panel in told["panels"]]
    assert len({panel["id"] for panel in told["panels"]}) == len(places) > 5
    assert [place for place in places if place["x"] + place["w"] > COLUMNS] == []
    assert [(a, b) for a, b in combinations(places, 2) if _overlap(a, b)] == []
    names = {variable["name"] for variable in told["templating"]["list"]}
    asked = {name for query in dashboard.queries for name in re.findall(r"\$(\w+)", query.expr)}
    assert asked - GRAFANAS == names - {"datasource"}


def _overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    return not (beside or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])


def test_every_panel_says_how_to_read_it() -> None:
    panels = [panel for dashboard in DASHBOARDS for row in dashboard.rows for panel in row.panels]
    assert [panel.title for panel in panels if not panel.about.endswith(".")] == []
    assert len(panels) > 30
