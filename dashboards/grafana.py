"""What a dashboard consists of, and its JSON: sorted, with fixed ids, the same bytes for the same dashboard. Pure.

Grafana's own schema has hundreds of fields; these are the ones that we set. Variables of every dashboard: the data
source, and those in VARIABLES that its queries use.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SCHEMA = 39  # of Grafana 10.4; newer ones convert it when they open it
COLUMNS = 24
ROW_HEIGHT = 1
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Look(StrEnum):
    """Kinds of panel, by Grafana's names."""

    LINES = "timeseries"
    NUMBER = "stat"
    HEATMAP = "heatmap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query in PromQL, and what its series are called: text with `{{label}}` in it."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture. `unit` is an id of Grafana's; `width` is in columns of COLUMNS; `about` says how to read it."""

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: str = "short"
    look: Look = Look.LINES
    width: int = 8
    height: int = 8
    stacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A page of panels. `uid` is part of its URL: it never changes."""

    uid: str
    title: str
    rows: tuple[Row, ...]

    @property
    def queries(self) -> Iterator[Query]:
        """The queries of all panels."""
        for row in self.rows:
            for panel in row.panels:
                yield from panel.queries


def lines(title: str, about: str, *queries: tuple[str, str], unit: str = "short", stacked: bool = False) -> Panel:
    """A panel of lines over time; `queries` are (PromQL, legend)."""
    asked = tuple(Query(expr=expr, legend=legend) for expr, legend in queries)
    return Panel(title=title, about=about, queries=asked, unit=unit, stacked=stacked)


def number(title: str, about: str, expr: str, legend: str = "", unit: str = "short") -> Panel:
    """A panel with one number for each series."""
    return Panel(
        title=title, about=about, queries=(Query(expr=expr, legend=legend),), unit=unit, look=Look.NUMBER, height=4
    )


def _chosen(label: str, metric: str) -> dict[str, Any]:
    """A variable with the values of a label, several of which may be chosen; all of them at first."""
    return {
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "datasource": SOURCE,
        "definition": f"label_values({metric}, {label})",
        "includeAll": True,
        "multi": True,
        "name": label,
        "query": {"qryType": 1, "query": f"label_values({metric}, {label})", "refId": label},
        "refresh": 2,
        "sort": 1,
        "type": "query",
    }


VARIABLES: dict[str, dict[str, Any]] = {
    "instance": _chosen("instance", 'up{job=~"kadr-.*"}'),
    "kind": _chosen("kind", "kadr_oldest_due_step_seconds"),
    "pathway": _chosen("pathway", "kadr_sessions_total"),
    "cpu_hour_price": {
        "current": {"text": "0.04", "value": "0.04"},
        "description": "What an hour of one processor costs you, in the currency of your choice",
        "label": "price of a CPU hour",
        "name": "cpu_hour_price",
        "query": "0.04",
        "type": "textbox",
    },
}
_DATASOURCE = {"label": "Prometheus", "name": "datasource", "query": "prometheus", "refresh": 1, "type": "datasource"}


def to_json(dashboard: Dashboard) -> str:
    """The dashboard as Grafana imports it."""
    used = [variable for name, variable in VARIABLES.items() if any(f"${name}" in q.expr for q in dashboard.queries)]
    value = {
        "editable": True,
        "graphTooltip": 1,  # the same moment in all panels
        "panels": list(_placed(dashboard)),
        "refresh": "30s",
        "schemaVersion": SCHEMA,
        "tags": ["kadr"],
        "templating": {"list": [_DATASOURCE, *used]},
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "title": dashboard.title,
        "uid": dashboard.uid,
        "version": 1,
    }
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _placed(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    """The panels from left to right, each row of them below its heading."""
    ident, top = 0, 0
    for row in dashboard.rows:
        ident += 1
        yield {
            "collapsed": False,
            "gridPos": {"h": ROW_HEIGHT, "w": COLUMNS, "x": 0, "y": top},
            "id": ident,
            "panels": [],
            "title": row.title,
            "type": "row",
        }
        top, left, height = top + ROW_HEIGHT, 0, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, height = top + height, 0, 0
            ident += 1
            yield _panel(panel, ident, {"h": panel.height, "w": panel.width, "x": left, "y": top})
            left, height = left + panel.width, max(height, panel.height)
        top += height


def _panel(panel: Panel, ident: int, place: dict[str, int]) -> dict[str, Any]:
    shape = "heatmap" if panel.look is Look.HEATMAP else "time_series"
    custom = {"fillOpacity": 10, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    return {
        "datasource": SOURCE,
        "description": panel.about,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, **({"custom": custom} if panel.look is Look.LINES else {})},
            "overrides": [],
        },
        "gridPos": place,
        "id": ident,
        "options": _OPTIONS[panel.look],
        "targets": [
            {
                "datasource": SOURCE,
                "expr": query.expr,
                "format": shape,
                "instant": panel.look is Look.NUMBER,
                "legendFormat": query.legend or "__auto",
                "range": panel.look is not Look.NUMBER,
                "refId": chr(ord("A") + number),
            }
            for number, query in enumerate(panel.queries)
        ],
        "title": panel.title,
        "type": panel.look.value,
    }


_OPTIONS: dict[Look, dict[str, Any]] = {
    Look.LINES: {
        "legend": {"calcs": ["lastNotNull"], "displayMode": "table", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    Look.NUMBER: {"colorMode": "none", "graphMode": "none", "reduceOptions": {"calcs": ["lastNotNull"]}},
    Look.HEATMAP: {"calculate": False, "yAxis": {"unit": "s"}},
}
