"""Dashboards as code: plain values -> the JSON that Grafana imports. `python -m dashboards` writes deploy/grafana/."""
