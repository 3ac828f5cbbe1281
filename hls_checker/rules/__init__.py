"""All rules, in the order of the report, and the faults they find. Pure: facts in, faults out."""

from hls_checker.facts import Title
from hls_checker.rules import (
    delivery,
    iframes,
    manifest,
    media,
    pathways,
    rates,
    subtitles,
    text,
    times,
    variants,
)
from hls_checker.rules.rule import Fault, Rule, Severity

ALL: tuple[Rule, ...] = tuple(
    rule
    for module in (text, times, media, variants, rates, iframes, subtitles, pathways, manifest, delivery)
    for rule in module.RULES
)


def faults(title: Title) -> tuple[Fault, ...]:
    """All faults of a title, those of MUST rules first."""
    broken = [fault for rule in ALL for fault in rule.faults(title)]
    return tuple(sorted(broken, key=lambda fault: fault.severity is not Severity.MUST))


__all__ = ["ALL", "Fault", "Rule", "Severity", "faults"]
