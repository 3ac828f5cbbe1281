"""Whether Kadr does what it promises: doors, webhooks, the event bus, processes. The first page to open."""

from dashboards.grafana import Dashboard, Row, lines, number

_HERE = 'instance=~"$instance"'
_RATE = "[$__rate_interval]"


def _latency(quantile: float) -> str:
    """A quantile of the time until the end of a response, for each door."""
    kept = "sum by (door, le)"
    return f"histogram_quantile({quantile}, {kept} (rate(kadr_http_request_seconds_bucket{{{_HERE}}}{_RATE})))"


DOORS = Row(
    title="Doors",
    panels=(
        number(
            "Error budget spent, 1 h",
            "How many times as fast as allowed requests fail (5xx): at 1 a month's budget lasts a month. "
            "The alert that wakes somebody begins at 14.4.",
            "door:kadr_http_errors:ratio_rate1h / 0.001",
            "{{door}}",
        ),
        number(
            "Error budget spent, 6 h",
            "The same over six hours; a ticket is opened at 3.",
            "door:kadr_http_errors:ratio_rate6h / 0.001",
            "{{door}}",
        ),
        number(
            "Processes that answer", "Programs that Prometheus reaches.", 'sum by (job) (up{job=~"kadr-.*"})', "{{job}}"
        ),
        lines(
            "Requests",
            "By door: api, origin.",
            (f"sum by (door) (rate(kadr_http_requests_total{{{_HERE}}}{_RATE}))", "{{door}}"),
            unit="reqps",
        ),
        lines(
            "Errors",
            "Share of requests that were answered 5xx.",
            ("door:kadr_http_errors:ratio_rate5m", "{{door}}"),
            unit="percentunit",
        ),
        lines(
            "Latency",
            "Time until the end of a response. Of files at the origin it depends on the viewer's line.",
            (_latency(0.5), "{{door}}, half"),
            (_latency(0.99), "{{door}}, 99 %"),
            unit="s",
        ),
        lines(
            "Slowest routes of the API, 95 %",
            "The five that are slowest now.",
            (
                "topk(5, histogram_quantile(0.95, sum by (method, route, le) "
                f'(rate(kadr_http_request_seconds_bucket{{door="api", {_HERE}}}{_RATE}))))',
                "{{method}} {{route}}",
            ),
            unit="s",
        ),
    ),
)

EVENTS = Row(
    title="Events",
    panels=(
        lines(
            "Webhook endpoints that wait",
            "Something is due to them and no dispatcher sends. Receivers that fail do not wait: theirs is due later.",
            ('max(kadr_webhooks_due{job="kadr-dispatcher"})', "waiting"),
        ),
        lines(
            "How long they wait",
            "The first of them. It grows: no dispatcher runs, or one cannot keep up.",
            ('max(kadr_oldest_due_webhook_seconds{job="kadr-dispatcher"})', "longest"),
            unit="s",
        ),
        lines(
            "Attempts by how they ended",
            "delivered, or why not: receivers decide over this, not you.",
            (f"sum by (outcome) (rate(kadr_webhook_attempts_total{{{_HERE}}}{_RATE}))", "{{outcome}}"),
            unit="ops",
            stacked=True,
        ),
        lines(
            "Time of an attempt",
            "Until the receiver had answered, or was given up.",
            (
                f"histogram_quantile(0.5, sum by (le) (rate(kadr_webhook_attempt_seconds_bucket{{{_HERE}}}{_RATE})))",
                "half",
            ),
            (
                f"histogram_quantile(0.95, sum by (le) (rate(kadr_webhook_attempt_seconds_bucket{{{_HERE}}}{_RATE})))",
                "95 %",
            ),
            unit="s",
        ),
        lines(
            "Endpoints given up",
            "After KADR_WEBHOOK_DISABLE_AFTER_S of failures only, or a 410.",
            (f"sum by (reason) (increase(kadr_webhook_endpoints_disabled_total{{{_HERE}}}[1h]))", "{{reason}}"),
        ),
        lines(
            "Event bus behind",
            "Age of the oldest event that NATS has not stored; 0 where no bus is set up.",
            ('max(kadr_event_bus_behind_seconds{job="kadr-dispatcher"})', "behind"),
            unit="s",
        ),
    ),
)

PROCESSES = Row(
    title="Processes",
    panels=(
        lines(
            "Processors in use",
            "Of Kadr's own programs, without the media programs of workers. Near 1: the process cannot do more.",
            (f'rate(process_cpu_seconds_total{{job=~"kadr-.*", {_HERE}}}{_RATE})', "{{job}} {{instance}}"),
        ),
        lines(
            "Memory",
            "Of Kadr's own programs.",
            (f'process_resident_memory_bytes{{job=~"kadr-.*", {_HERE}}}', "{{job}} {{instance}}"),
            unit="bytes",
        ),
        lines(
            "Open files and connections",
            "Share of what the process may open.",
            (
                f'process_open_fds{{job=~"kadr-.*", {_HERE}}} / process_max_fds{{job=~"kadr-.*", {_HERE}}}',
                "{{job}} {{instance}}",
            ),
            unit="percentunit",
        ),
    ),
)

SERVICE = Dashboard(uid="kadr-service", title="Kadr: service", rows=(DOORS, EVENTS, PROCESSES))
