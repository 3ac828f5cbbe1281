"""`kadr check --seo URL`: what keeps engines and other sites from a site's videos, a line per finding.

In: the URL of a site. Out: lines on stdout, or JSON; numbers for Prometheus in a file. 0 where there is no error, else
1. Refuses (CheckError, exit code 2) what is no site that answers.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from seo_checker import rules
from seo_checker.crawl import Progress as OnProgress
from seo_checker.crawl import Report, crawl
from seo_checker.errors import CannotCheck
from seo_checker.fetch import CrawlLimits
from seo_checker.rules import Severity

SHOWN_OF_EACH = 3  # of one rule, unless all are wanted: one mistake often shows on every page


def run(
    url: str,
    *,
    limits: CrawlLimits,
    as_json: bool = False,
    everything: bool = False,
    metrics: Path | None = None,
) -> int:
    """Look at a site and print what is found; 1 where there is an error, else 0. Raises CheckError.

    `everything`: each repetition of a finding too, and the rules that hold. `metrics`: a file for Prometheus.
    """
    if metrics is not None and not metrics.parent.is_dir():
        raise CannotCheck(f"--metrics {metrics}: there is no such folder")
    with _progress_bar() as on_progress:
        report = asyncio.run(crawl(url, limits=limits, on_progress=on_progress))
    if metrics is not None:
        _write_whole(metrics, as_metrics(report))
    print(as_json_text(report) if as_json else "\n".join(lines(report, everything=everything)))
    return 0 if report.ok else 1


def lines(report: Report, *, everything: bool) -> Iterator[str]:
    """A line per finding and a summary. With `everything` each finding, and the rules that hold."""
    counts: Counter[str] = Counter()
    for finding in report.findings:
        counts[finding.rule] += 1
        if everything or counts[finding.rule] <= SHOWN_OF_EACH:
            yield str(finding)
    for rule in rules.ALL:
        if everything and not counts[rule.id]:
            yield f"{rule.id} holds: {rule.sentence}"
        elif not everything and counts[rule.id] > SHOWN_OF_EACH:
            yield f"{rule.id}: and {counts[rule.id] - SHOWN_OF_EACH} more, shown with --all"
    sums = Counter(one.severity for one in report.findings)
    found = ", ".join(f"{sums[one]} {one}{'' if sums[one] == 1 else 's'}" for one in Severity)
    yield (
        f"{found}: {report.pages} of {report.listed} pages, {report.files} sitemap files,"
        f" {report.requests} requests in {report.seconds:.0f} s"
    )


def as_json_text(report: Report) -> str:
    """The report and all rules, as JSON for programs."""
    return json.dumps(
        {
            "url": report.base,
            "ok": report.ok,
            "pages": report.pages,
            "listed": report.listed,
            "files": report.files,
            "requests": report.requests,
            "seconds": round(report.seconds, 3),
            "findings": [asdict(one) for one in report.findings],
            "rules": [
                {"rule": one.id, "severity": one.severity, "sentence": one.sentence, "source": one.source}
                for one in rules.ALL
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def as_metrics(report: Report) -> str:
    """The numbers of the report in Prometheus' text format; every rule has one, so that an alert sees it go up."""
    counts = Counter(one.rule for one in report.findings)
    values = [
        ("kadr_seo_pages", "Pages of the sitemap by whether they were looked at", '{looked_at="yes"}', report.pages),
        ("kadr_seo_pages", "", '{looked_at="no"}', report.listed - report.pages),
        *(
            (
                "kadr_seo_findings",
                "What the last check found, by rule",
                f'{{rule="{rule.id}",severity="{rule.severity}"}}',
                counts[rule.id],
            )
            for rule in rules.ALL
        ),
        ("kadr_seo_requests", "Requests of the last check", "", report.requests),
        ("kadr_seo_seconds", "How long the last check took", "", round(report.seconds, 3)),
    ]
    text, known = [], set()
    for name, words, labels, value in values:
        if name not in known:
            text += [f"# HELP {name} {words}", f"# TYPE {name} gauge"]
            known.add(name)
        text.append(f"{name}{labels} {value}")
    return "\n".join([*text, ""])


def _write_whole(path: Path, text: str) -> None:
    """Under another name first: whoever collects the file never sees a part of it. Raises CannotCheck."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text)
        part.replace(path)
    except OSError as exc:
        raise CannotCheck(f"--metrics {path}: {exc}") from exc


@contextmanager
def _progress_bar() -> Iterator[OnProgress]:
    """A progress bar on stderr where that is a terminal; what it yields takes (pages looked at, pages known of)."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("pages", total=None)

        def show(done: int, known: int) -> None:
            progress.update(task, completed=done, total=known)

        yield show
