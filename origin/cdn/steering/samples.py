"""The health of a pathway as good and bad samples in a window of time. Pure.

Samples are the leader's probes and players' reports. Anyone can send a report, so beside probes, reports are scaled
down until they cannot open a breaker whose probes are all good; together with a failed probe they can. Where a pathway
has no probe, reports decide alone.
"""

from dataclasses import dataclass

from origin.cdn.steering.cmcd import Cmcd

BUCKET_S = 5
WINDOW_S = 60
# One probe weighs as much as this many reports.
PROBE_WEIGHT = 5.0
# All reports together weigh at most this part of the probes: 0.4 / 1.4 = 0.286 stays below the 0.3 that opens.
REPORTS_AT_MOST = 0.4
# Below this a player could not play the lowest rung; above 0, as players begin at a guess of 500 kb/s.
SLOW_BPS = 150_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The numbers of good and bad samples of one pathway."""

    probes_good: int = 0
    probes_bad: int = 0
    reports_good: int = 0
    reports_bad: int = 0

    @property
    def _scale(self) -> float:
        probes = PROBE_WEIGHT * (self.probes_good + self.probes_bad)
        reports = self.reports_good + self.reports_bad
        return min(1.0, REPORTS_AT_MOST * probes / reports) if probes and reports else 1.0

    @property
    def weight(self) -> float:
        """The weight of all samples, in reports."""
        return PROBE_WEIGHT * (self.probes_good + self.probes_bad) + self._scale * (
            self.reports_good + self.reports_bad
        )

    @property
    def bad_share(self) -> float:
        """The share of bad samples by weight, 0 to 1; 0 without samples."""
        bad = PROBE_WEIGHT * self.probes_bad + self._scale * self.reports_bad
        return bad / self.weight if self.weight else 0.0


def buckets(since: float, now: float) -> range:
    """The numbers of the buckets that began at `since` or later, within WINDOW_S before `now` (Unix seconds)."""
    first = max(now - WINDOW_S, since)
    return range(int(-(-first // BUCKET_S)), int(now // BUCKET_S) + 1)


def of_throughput(throughput_bps: int) -> bool:
    """Whether a player's own estimate of its throughput is a good sample."""
    return throughput_bps >= SLOW_BPS


def of_cmcd(report: Cmcd) -> bool | None:
    """Whether one request's CMCD is a good sample; None where it says nothing about the pathway.

    Bad is a buffer that ran dry (`bs`, or `bl` of 0 when not starting up) and a throughput below what is being played.
    """
    if report.starved or (report.buffer_ms == 0 and not report.startup):
        return False
    if report.throughput_kbps is not None and report.bitrate_kbps is not None:
        return report.throughput_kbps >= report.bitrate_kbps
    return None if report.throughput_kbps is None and report.buffer_ms is None else True
