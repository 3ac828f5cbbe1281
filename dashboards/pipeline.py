"""From an upload to a title: what it costs, what waits, how soon it plays, and what the machines have left."""

from dashboards.grafana import Dashboard, Look, Panel, Query, Row, lines, number

_HERE = 'instance=~"$instance"'
_KIND = f'{_HERE}, kind=~"$kind"'
_CAPTIONS = f'{_HERE}, kind=~"transcribe|translate|extract|dub"'
_RATE = "[$__rate_interval]"


def _quantile(quantile: float, metric: str, labels: str, by: str = "") -> str:
    """The quantile of a histogram, for each value of the label `by`."""
    kept = f"le, {by}" if by else "le"
    return f"histogram_quantile({quantile}, sum by ({kept}) (rate({metric}_bucket{{{labels}}}{_RATE})))"


_CPU = f"sum by (kind) (rate(kadr_step_cpu_seconds_total{{{_KIND}}}{_RATE}))"

COST = Row(
    title="Cost",
    panels=(
        number(
            "Cost so far",
            "CPU time of media programs in the chosen time, at the price of a CPU hour that is set above.",
            f"sum(increase(kadr_step_cpu_seconds_total{{{_KIND}}}[$__range])) / 3600 * $cpu_hour_price",
            unit="currencyUSD",
        ),
        number(
            "CPU time so far",
            "The same as time.",
            f"sum(increase(kadr_step_cpu_seconds_total{{{_KIND}}}[$__range]))",
            unit="s",
        ),
        number(
            "Encoded so far",
            "How long the renditions are that were made in the chosen time, all together.",
            f"sum(increase(kadr_encoded_seconds_total{{{_KIND}}}[$__range]))",
            unit="s",
        ),
        lines("Processors in use, by kind of step", "1 is one processor.", (_CPU, "{{kind}}"), stacked=True),
        lines(
            "Encode speed",
            "Seconds of renditions for a second of CPU time. Of one kind it changes with the sources, the ladder and "
            "the effort; where none of these changed and it falls, the machines are slower.",
            (f"sum by (kind) (rate(kadr_encoded_seconds_total{{{_KIND}}}{_RATE})) / ({_CPU} > 0)", "{{kind}}"),
        ),
        lines(
            "Media moved",
            "accepted: sources; encoded: renditions; pictures; filled: read by origins from storage.",
            (f"sum by (what) (rate(kadr_bytes_total{{{_HERE}}}{_RATE}))", "{{what}}"),
            unit="Bps",
        ),
    ),
)

QUEUE = Row(
    title="Queue",
    panels=(
        lines(
            "Age of the oldest step that is due",
            "What people wait for. It grows: too few workers, or none that starts.",
            ('max by (kind) (kadr_oldest_due_step_seconds{kind=~"$kind"})', "{{kind}}"),
            unit="s",
        ),
        lines(
            "Steps queued and under way",
            "Queued steps also wait for their time, after a failure.",
            ('sum by (state) (max by (kind, state) (kadr_steps{kind=~"$kind", state!="dead"}))', "{{state}}"),
            stacked=True,
        ),
        lines(
            "Dead steps",
            "Given up for good; the upload is kept.",
            ('max by (kind) (kadr_steps{kind=~"$kind", state="dead"})', "{{kind}}"),
        ),
        lines(
            "Attempts by how they ended",
            "done, rejected (the file), failed (tried again), dead, postponed (no disk or memory), released.",
            (f"sum by (outcome) (rate(kadr_step_seconds_count{{{_KIND}}}{_RATE}))", "{{outcome}}"),
            unit="ops",
        ),
        lines(
            "Time of an attempt, 95 %",
            "Nineteen of twenty attempts are shorter.",
            (_quantile(0.95, "kadr_step_seconds", _KIND, "kind"), "{{kind}}"),
            unit="s",
        ),
        lines(
            "Leases lost, steps claimed again",
            "Above 0 for long: workers die, or are cut off from PostgreSQL.",
            (f"sum(rate(kadr_leases_lost_total{{{_KIND}}}{_RATE}))", "lost"),
            (f"sum(rate(kadr_lease_reclaims_total{{{_KIND}}}{_RATE}))", "claimed again"),
            unit="ops",
        ),
    ),
)

TITLES = Row(
    title="Titles",
    panels=(
        Panel(
            title="Until a title plays",
            about="From the end of the upload to the first segment of everything that a player needs.",
            queries=(
                Query(
                    expr=f"sum by (le) (increase(kadr_first_playable_seconds_bucket{{{_HERE}}}{_RATE}))",
                    legend="{{le}}",
                ),
            ),
            look=Look.HEATMAP,
        ),
        lines(
            "Until a title plays, quantiles",
            "The same as lines.",
            (_quantile(0.5, "kadr_first_playable_seconds", _HERE), "half"),
            (_quantile(0.95, "kadr_first_playable_seconds", _HERE), "95 %"),
            unit="s",
        ),
        lines(
            "Stuck titles",
            "Under way, and no step will finish them: a bug in Kadr.",
            (f"max(kadr_stuck_assets{{{_HERE}}})", "stuck"),
        ),
        lines(
            "Captions",
            "Steps that make captions or dubs, by how their attempts ended.",
            (f"sum by (kind, outcome) (rate(kadr_step_seconds_count{{{_CAPTIONS}}}{_RATE}))", "{{kind}}: {{outcome}}"),
            unit="ops",
        ),
        lines(
            "Processors in use for captions",
            "1 is one processor.",
            (f"sum by (kind) (rate(kadr_step_cpu_seconds_total{{{_CAPTIONS}}}{_RATE}))", "{{kind}}"),
        ),
    ),
)

MACHINES = Row(
    title="Workers",
    panels=(
        lines(
            "Memory of media programs, 95 %",
            "The most that one program held at once, by kind of step.",
            (_quantile(0.95, "kadr_step_memory_bytes", _KIND, "kind"), "{{kind}}"),
            unit="bytes",
        ),
        lines(
            "Memory of workers",
            "Without their media programs.",
            (f'process_resident_memory_bytes{{job="kadr-worker", {_HERE}}}', "{{instance}}"),
            unit="bytes",
        ),
        lines(
            "Disks in use",
            "work: of sources and encodes under way; a full one puts encodes off.",
            (f'max by (instance) (kadr_disk_used_ratio{{folder="work", {_HERE}}})', "{{instance}}"),
            unit="percentunit",
        ),
    ),
)

PIPELINE = Dashboard(uid="kadr-pipeline", title="Kadr: pipeline", rows=(COST, QUEUE, TITLES, MACHINES))
