"""deploy/prometheus: promtool reads it, and every alert fires for its cause and stays silent without it.

Each case is series as promtool writes them, from the first scrape on, one a minute: `0+6x60` is 0, 6, 12, ... 360.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from core.step_kinds import TRAITS, SlotClass
from core.telemetry import metrics
from tests.checks import ROOT
from tests.manifests import PROGRAMS, overlay, workloads

FOLDER = ROOT / "deploy" / "prometheus"
RULES = [FOLDER / "recording.yml", FOLDER / "alerts.yml"]
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
ALL_UP = {f'up{{job="kadr-{name}"}}': "1x400" for name in ("api", "origin", "worker", "dispatcher")}
STEPS = {'kadr_steps{job="kadr-api", kind="encode", state="dead"}': "0x400"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """An alert, series that fire it `after` a time, with which labels, and series that do not."""

    alert: str
    fires: dict[str, str]
    silent: dict[str, str]
    after: str = "40m"
    labels: dict[str, str] = field(default_factory=dict)


def requests(errors: str, good: str = "0+6000x400") -> dict[str, str]:
    """A door's answers: 100 good ones a second, and these errors."""
    return {
        'kadr_http_requests_total{door="api", status="200"}': good,
        'kadr_http_requests_total{door="api", status="503"}': errors,
    }


def probes(good: str, bad: str = "0x400") -> dict[str, str]:
    """What kubelet is answered."""
    labels = 'door="api", route="/health/ready"'
    return {
        f'kadr_http_requests_total{{{labels}, status="200"}}': good,
        f'kadr_http_requests_total{{{labels}, status="503"}}': bad,
    }


def api_seconds(within_1_s: str, within_2_s: str) -> dict[str, str]:
    return {
        'kadr_http_request_seconds_bucket{door="api", le="1"}': within_1_s,
        'kadr_http_request_seconds_bucket{door="api", le="2"}': within_2_s,
        'kadr_http_request_seconds_bucket{door="api", le="+Inf"}': within_2_s,
        'kadr_http_requests_total{door="api", status="200"}': "0+600x400",
    }


def playable(within_300_s: str, within_600_s: str) -> dict[str, str]:
    return {
        'kadr_first_playable_seconds_bucket{le="300"}': within_300_s,
        'kadr_first_playable_seconds_bucket{le="600"}': within_600_s,
        'kadr_first_playable_seconds_bucket{le="+Inf"}': within_600_s,
        "kadr_first_playable_seconds_count": within_600_s,
    }


CASES = [
    # 2 % of the requests fail: 20 times the budget. 1 % is 10 times.
    Case(alert="KadrErrorBudgetFast", fires=requests("0+122x400"), silent=requests("0+60x400"), labels={"door": "api"}),
    # A single error of few requests is no outage.
    Case(
        alert="KadrErrorBudgetFast",
        fires=requests("0+1x400", "0+1x400"),
        silent=requests("0x20 1x380", "0+1x400"),
        labels={"door": "api"},
    ),
    # Probes are not people: their good answers hide no errors, and their bad ones are none.
    Case(
        alert="KadrErrorBudgetFast",
        fires=requests("0+1x400", "0+1x400") | probes(good="0+600x400"),
        silent=requests("0x400") | probes(good="0x400", bad="0+600x400"),
        labels={"door": "api"},
    ),
    Case(
        alert="KadrErrorBudgetSlow",
        fires=requests("0+30x400"),
        silent=requests("0+12x400"),
        after="6h",
        labels={"door": "api"},
    ),
    # An outage that is over for an hour opens no ticket.
    Case(
        alert="KadrErrorBudgetSlow",
        fires=requests("0x200 0+6000x200"),
        silent=requests("0+6000x60 360000x340"),
        after="6h",
        labels={"door": "api"},
    ),
    Case(
        alert="KadrSlow",
        fires=api_seconds("0+500x400", "0+600x400"),
        silent=api_seconds("0+599x400", "0+600x400"),
        labels={"door": "api"},
    ),
    Case(
        alert="KadrShedding",
        fires={'kadr_http_shed_total{job="kadr-origin"}': "0+5x400"},
        silent={'kadr_http_shed_total{job="kadr-origin"}': "7x400"},
    ),
    Case(
        alert="KadrDown",
        fires={'up{job="kadr-worker", instance="a:9464"}': "1x30 0x400"},
        silent={'up{job="kadr-worker", instance="a:9464"}': "1x400", 'up{job="node"}': "0x400"},
        labels={"job": "kadr-worker", "instance": "a:9464"},
    ),
    Case(
        alert="KadrAbsent",
        fires={name: values for name, values in ALL_UP.items() if "worker" not in name},
        silent=ALL_UP,
        labels={"job": "kadr-worker"},
    ),
    Case(alert="KadrDatabaseAway", fires=ALL_UP, silent=ALL_UP | STEPS, labels={"job": "kadr-api"}),
    Case(
        alert="KadrDiskFilling",
        fires={'kadr_disk_used_ratio{folder="work"}': "0.7x20 0.85x400"},
        silent={'kadr_disk_used_ratio{folder="work"}': "0.79x400"},
        labels={"folder": "work"},
    ),
    Case(
        alert="KadrStepsDead",
        fires={'kadr_steps{kind="encode", state="dead"}': "2x30 3x400"},
        silent={
            'kadr_steps{kind="encode", state="dead"}': "3x400",
            'kadr_steps{kind="encode", state="queued"}': "0+9x400",
        },
        labels={"kind": "encode"},
    ),
    # It was tried again on request, and died again: as many as before.
    Case(
        alert="KadrStepsDead",
        fires={'kadr_steps{kind="encode", state="dead"}': "3x30 2x5 3x400"},
        silent={'kadr_steps{kind="encode", state="dead"}': "3x30 2x400"},
        after="45m",
        labels={"kind": "encode"},
    ),
    Case(
        alert="KadrQueueOld",
        fires={'kadr_oldest_due_step_seconds{kind="first_rung"}': "0+60x400"},
        silent={
            'kadr_oldest_due_step_seconds{kind="first_rung"}': "30x400",
            'kadr_oldest_due_step_seconds{kind="transcribe"}': "0+60x400",
        },
        labels={"kind": "first_rung"},
    ),
    Case(
        alert="KadrBacklogOld",
        fires={'kadr_oldest_due_step_seconds{kind="transcribe"}': "0+60x400"},
        silent={'kadr_oldest_due_step_seconds{kind="transcribe"}': "3000x400"},
        after="85m",
        labels={"kind": "transcribe"},
    ),
    Case(
        alert="KadrFirstPlayableLate",
        fires=playable("0+9x400", "0+10x400"),
        silent=playable("0+99x400", "0+100x400"),
    ),
    # Two lectures in an hour are no twentieth of the uploads.
    Case(
        alert="KadrFirstPlayableLate",
        fires=playable("0+9x400", "0+10x400"),
        silent=playable("0x400", "0x10 1x10 2x400"),
    ),
    Case(
        alert="KadrStepsPostponed",
        # Each worker once, one after the other, every five minutes: such a step goes from one to the next.
        fires={
            f'kadr_step_postponements_total{{kind="encode", instance="{worker}"}}': f"0x{5 * worker} 1x400"
            for worker in range(1, 11)
        },
        silent={'kadr_step_postponements_total{kind="encode"}': "5x400"},
        after="50m",
        labels={"kind": "encode"},
    ),
    Case(
        alert="KadrAssetStuck",
        fires={"kadr_stuck_assets": "0x20 1x400"},
        silent={"kadr_stuck_assets": "0x20 1x6 0x400"},
    ),
    Case(
        alert="KadrLeasesLost",
        fires={"kadr_leases_lost_total": "0+1x400", "kadr_lease_reclaims_total": "0x400"},
        silent={"kadr_leases_lost_total": "4x400", "kadr_lease_reclaims_total": "0x10 1x400"},
    ),
    Case(
        alert="KadrManifestMissing",
        fires={"kadr_manifests_missing_total": "0x30 1x400"},
        silent={"kadr_manifests_missing_total": "1x400"},
    ),
    Case(
        alert="KadrWebhooksLate",
        fires={'kadr_oldest_due_webhook_seconds{job="kadr-dispatcher"}': "0+60x400"},
        silent={
            'kadr_oldest_due_webhook_seconds{job="kadr-dispatcher"}': "2x400",
            'kadr_oldest_due_webhook_seconds{job="kadr-api"}': "0x400",
        },
    ),
    Case(
        alert="KadrWebhookEndpointDisabled",
        fires={'kadr_webhook_endpoints_disabled_total{reason="failing"}': "0x30 1x400"},
        silent={'kadr_webhook_endpoints_disabled_total{reason="failing"}': "3x400"},
        labels={"reason": "failing"},
    ),
    Case(
        alert="KadrEventBusBehind",
        fires={'kadr_event_bus_behind_seconds{job="kadr-dispatcher"}': "0+60x400"},
        silent={'kadr_event_bus_behind_seconds{job="kadr-dispatcher"}': "0x400"},
    ),
    Case(
        alert="KadrCacheHitsFew",
        fires={
            'kadr_cache_reads_total{result="hit"}': "0+60x400",
            'kadr_cache_reads_total{result="miss"}': "0+90x400",
            'kadr_egress_bytes_total{pathway="origin"}': "0+600000000x400",
        },
        # The first viewer of the only title: nobody pays for that.
        silent={
            'kadr_cache_reads_total{result="hit"}': "0+60x400",
            'kadr_cache_reads_total{result="miss"}': "0+90x400",
            'kadr_egress_bytes_total{pathway="origin"}': "0+600000x400",
        },
        after="60m",
    ),
]


def unit_test(case: Case, series: dict[str, str], *, fires: bool) -> dict[str, Any]:
    """What promtool is to check: that exactly this alert of this name fires, or none."""
    rule = ALERTS[case.alert]
    alert = {"exp_labels": {**case.labels, **rule["labels"]}, "exp_annotations": rule["annotations"]}
    return {
        "name": f"{case.alert} {'fires' if fires else 'is silent'}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": case.after, "alertname": case.alert, "exp_alerts": [alert] if fires else []},
        ],
    }


@needs_promtool
def test_every_alert_fires_for_its_cause_and_is_silent_without_it(tmp_path: Path) -> None:
    tests = [
        unit_test(case, series, fires=fires)
        for case in CASES
        for series, fires in ((case.fires, True), (case.silent, False))
    ]
    file = tmp_path / "alerts.test.yml"
    told = {"rule_files": [str(path) for path in RULES], "evaluation_interval": "5m", "tests": tests}
    file.write_text(yaml.safe_dump(told, sort_keys=False))
    ended = subprocess.run([PROMTOOL, "test", "rules", file], capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@needs_promtool
def test_names_of_metrics_are_by_convention() -> None:
    shown = generate_latest(metrics.REGISTRY).decode()
    told = subprocess.run([PROMTOOL, "check", "metrics"], input=shown, capture_output=True, text=True, timeout=60)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")
    assert shown.count("# TYPE kadr_") > 20


def test_what_a_person_waits_for_is_every_quick_step_on_the_way_to_ready() -> None:
    (kinds,) = re.findall(r'kind=~"([a-z_|]+)"', ALERTS["KadrQueueOld"]["expr"])
    quick = (SlotClass.TRANSFER, SlotClass.LIGHT, SlotClass.FIRST)
    assert set(kinds.split("|")) == {
        kind.value for kind, traits in TRAITS.items() if traits.progress_weight and traits.slots in quick
    }


def test_every_alert_has_a_case() -> None:
    assert set(ALERTS) == {case.alert for case in CASES}


@needs_promtool
def test_promtool_reads_rules_and_scrape_configuration() -> None:
    told = subprocess.run(
        [PROMTOOL, "check", "config", FOLDER / "prometheus.yml"], capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.count("rules found") == 2


def relabelled(rules: list[dict[str, Any]], target: dict[str, str]) -> dict[str, str] | None:
    """What Prometheus makes of a target that was found; None where it is dropped. For the actions that we use."""
    labels = dict(target)
    for rule in rules:
        value = ";".join(labels.get(name, "") for name in rule["source_labels"])
        found = re.fullmatch(rule["regex"], value)
        if rule.get("action", "replace") == "keep":
            if found is None:
                return None
        elif found is not None:
            labels[rule["target_label"]] = found.expand(rule["replacement"].replace("$1", r"\1"))
    return labels


def test_pods_are_scraped_by_the_names_that_rules_go_by() -> None:
    told = yaml.safe_load((FOLDER / "kubernetes.yml").read_text())
    assert told["rule_files"] == yaml.safe_load((FOLDER / "prometheus.yml").read_text())["rule_files"]
    (scraped,) = told["scrape_configs"]
    meta = "__meta_kubernetes_pod"
    found = {
        (one.name, port["name"], phase): relabelled(
            scraped["relabel_configs"],
            {
                f"{meta}_container_port_name": port["name"],
                f"{meta}_phase": phase,
                f"{meta}_label_app_kubernetes_io_name": one.labels["app.kubernetes.io/name"],
                f"{meta}_name": f"{one.name}-x",
            },
        )
        for one in workloads(overlay("single")).values()
        for port in one.pod["containers"][0].get("ports", ())
        for phase in ("Pending", "Running")
    }
    kept = {key: (labels["job"], labels["instance"]) for key, labels in found.items() if labels is not None}
    jobs = {name: f"kadr-{PROGRAMS[name]}" for name in ("api", "origin", "worker", "fetcher", "dispatcher")}
    assert kept == {(name, "metrics", "Running"): (job, f"{name}-x") for name, job in jobs.items()}
    assert set(jobs.values()) == {
        one["job_name"] for one in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    }


def test_every_alert_says_how_urgent_it_is_and_where_to_read_on() -> None:
    assert {rule["labels"]["severity"] for rule in ALERTS.values()} == {"page", "ticket"}
    told = {name: rule["annotations"]["runbook_url"] for name, rule in ALERTS.items()}
    assert told == {name: f"docs/operations.md#{name.lower()}" for name in ALERTS}
    assert re.findall(r"^#### (Kadr\w+)$", OPERATIONS, re.MULTILINE) == list(ALERTS)


def test_the_scraped_services_are_those_of_the_compose_file() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    told = {
        name: service["environment"]["KADR_METRICS_PORT"]
        for name, service in services.items()
        if "KADR_METRICS_PORT" in service.get("environment", {})
    }
    scraped = {
        one["job_name"]: one["dns_sd_configs"][0]
        for one in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    }
    assert {job: (one["names"], str(one["port"])) for job, one in scraped.items()} == {
        f"kadr-{name}": ([name], port) for name, port in told.items()
    }
