"""From the store to viewers: sessions, egress, the disk cache, and how soon an origin answers."""

from dashboards.grafana import Dashboard, Row, lines

_HERE = 'instance=~"$instance"'
_PATHWAY = f'{_HERE}, pathway=~"$pathway|cdn"'
_ORIGIN = f'{_HERE}, door="origin"'
_RATE = "[$__rate_interval]"
_READS = f"sum(rate(kadr_cache_reads_total{{{_HERE}}}{_RATE}))"


def _latency(quantile: float, labels: str) -> str:
    """A quantile of the time until the end of a response."""
    return f"histogram_quantile({quantile}, sum by (le) (rate(kadr_http_request_seconds_bucket{{{labels}}}{_RATE})))"


VIEWERS = Row(
    title="Viewers",
    panels=(
        lines(
            "Sessions begun",
            "By the pathway that comes first in their playlist.",
            (f'sum by (pathway) (rate(kadr_sessions_total{{{_HERE}, pathway=~"$pathway"}}{_RATE}))', "{{pathway}}"),
            unit="ops",
            stacked=True,
        ),
        lines(
            "Egress of the origin",
            "By pathway: its own id is what went to viewers directly, cdn what caches with the origin lock have read. "
            "What CDNs deliver themselves is in their own figures.",
            (f"sum by (pathway) (rate(kadr_egress_bytes_total{{{_PATHWAY}}}{_RATE}))", "{{pathway}}"),
            unit="Bps",
            stacked=True,
        ),
        lines(
            "Answers by status",
            "403 by route says whether it is one viewer or everybody; 503: overload, or a store that does not answer.",
            (f"sum by (status) (rate(kadr_http_requests_total{{{_ORIGIN}}}{_RATE}))", "{{status}}"),
            unit="reqps",
            stacked=True,
        ),
    ),
)

CACHE = Row(
    title="Disk cache",
    panels=(
        lines(
            "Hit ratio",
            "Files that were not read from storage: on the disk, or being read for somebody else.",
            (f'sum(rate(kadr_cache_reads_total{{result!="miss", {_HERE}}}{_RATE})) / {_READS}', "hits"),
            unit="percentunit",
        ),
        lines(
            "Reads by result",
            "shared: waited for the same read of storage as another viewer.",
            (f"sum by (result) (rate(kadr_cache_reads_total{{{_HERE}}}{_RATE}))", "{{result}}"),
            unit="ops",
            stacked=True,
        ),
        lines(
            "Read from storage",
            "What the store, and its requests, are paid for.",
            (f'sum(rate(kadr_bytes_total{{what="filled", {_HERE}}}{_RATE}))', "filled"),
            unit="Bps",
        ),
        lines(
            "Disks in use",
            "Of the folder of the cache, whatever else is on that disk.",
            (f'max by (instance) (kadr_disk_used_ratio{{folder="cache", {_HERE}}})', "{{instance}}"),
            unit="percentunit",
        ),
    ),
)

ANSWERS = Row(
    title="Answers",
    panels=(
        lines(
            "Beginning a session",
            "Until the playlist or manifest is there.",
            (_latency(0.5, f'{_ORIGIN}, route=~"/play/.*/(index.m3u8|manifest.mpd)"'), "half"),
            (_latency(0.99, f'{_ORIGIN}, route=~"/play/.*/(index.m3u8|manifest.mpd)"'), "99 %"),
            unit="s",
        ),
        lines(
            "Files",
            "Until the last byte was sent: as slow as the viewer's line.",
            (_latency(0.5, f'{_ORIGIN}, route=~"/[sv]/.*"'), "half"),
            (_latency(0.99, f'{_ORIGIN}, route=~"/[sv]/.*"'), "99 %"),
            unit="s",
        ),
        lines(
            "Refused for overload",
            "More requests at once than KADR_ORIGIN_MAX_REQUESTS: files first, sessions at twice as many.",
            (f'sum(rate(kadr_http_shed_total{{job="kadr-origin", {_HERE}}}{_RATE}))', "refused"),
            unit="reqps",
        ),
    ),
)

DELIVERY = Dashboard(uid="kadr-delivery", title="Kadr: delivery", rows=(VIEWERS, CACHE, ANSWERS))
