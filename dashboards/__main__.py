"""Write every dashboard to deploy/grafana/, one file each, named by its uid."""

from pathlib import Path

from dashboards.all import DASHBOARDS
from dashboards.grafana import to_json

FOLDER = Path(__file__).parents[1] / "deploy" / "grafana"

if __name__ == "__main__":
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.uid}.json").write_text(to_json(dashboard), encoding="utf-8")
