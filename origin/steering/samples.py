"""What is known of a pathway's work: good and bad samples in a window of time. Pure.

Two kinds: our own probes, and what players report. Anyone can send a report, so where there are probes reports are
scaled down until they cannot open a breaker whose probes are all good; they can when a probe has failed, too. Where a
pathway has no probe they decide alone.
"""

from dataclasses import dataclass

from origin.steering.cmcd import Cmcd

BUCKET_S = 5
WINDOW_S = 60
# One probe speaks for this many reports.
PROBE_WEIGHT = 5.0
# All reports together weigh at most this part of the probes: 0.4 / 1.4 = 0.286 stays below the 0.3 that opens.
REPORTS_AT_MOST = 0.4
# Below this a player could not play the lowest rung; above 0, as players begin at a guess of 500 kb/s.
SLOW_BPS = 150_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Counts of one pathway."""

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
        """How much has been seen, in reports."""
        return PROBE_WEIGHT * (self.probes_good + self.probes_bad) + self._scale * (
            self.reports_good + self.reports_bad
        )

    @property
    def bad_share(self) -> float:
        """0 where nothing has been seen."""
        bad = PROBE_WEIGHT * self.probes_bad + self._scale * self.reports_bad
        return bad / self.weight if self.weight else 0.0


def buckets(since: float, now: float) -> range:
    """The numbers of the buckets that began at `since` or later, and not before the window."""
    first = max(now - WINDOW_S, since)
    return range(int(-(-first // BUCKET_S)), int(now // BUCKET_S) + 1)


def of_throughput(throughput_bps: int) -> bool:
    """Whether a player's own estimate speaks for its pathway."""
    return throughput_bps >= SLOW_BPS


def of_cmcd(said: Cmcd) -> bool | None:
    """Whether one request's CMCD speaks for its pathway; None if it says nothing of it.

    Bad is a buffer that ran dry (`bs`, or `bl` of 0 when not starting up) and a throughput below what is being played.
    """
    if said.starved or (said.buffer_ms == 0 and not said.startup):
        return False
    if said.throughput_kbps is not None and said.bitrate_kbps is not None:
        return said.throughput_kbps >= said.bitrate_kbps
    return None if said.throughput_kbps is None and said.buffer_ms is None else True
