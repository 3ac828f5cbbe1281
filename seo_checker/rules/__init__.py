"""All rules, in the order of the report, and what they find. Pure: facts in, findings out."""

from collections.abc import Iterator

from seo_checker.facts import Site, Sitemap, Visit
from seo_checker.rules import agreement, cards, html, linked_files, oembed, site, sitemap, structured, video_entry
from seo_checker.rules.rule import Finding, Rule, Severity

OF_SITE: tuple[Rule[Site], ...] = tuple(site.RULES)
OF_FILE: tuple[Rule[Sitemap], ...] = tuple(sitemap.RULES)
OF_PAGE: tuple[Rule[Visit], ...] = tuple(
    rule for module in (html, video_entry, structured, cards, agreement, linked_files, oembed) for rule in module.RULES
)
ALL: tuple[Rule[Site] | Rule[Sitemap] | Rule[Visit], ...] = (*OF_SITE, *OF_FILE, *OF_PAGE)


def of_site(subject: Site) -> Iterator[Finding]:
    """What breaks the rules about robots.txt and all pages together."""
    for rule in OF_SITE:
        yield from rule.findings(subject)


def of_file(file: Sitemap) -> Iterator[Finding]:
    """What breaks the rules about a file of the sitemap."""
    for rule in OF_FILE:
        yield from rule.findings(file)


def of_page(visit: Visit) -> Iterator[Finding]:
    """What breaks the rules about a page, its entry and everything behind them."""
    for rule in OF_PAGE:
        yield from rule.findings(visit, page=visit.url)


__all__ = ["ALL", "OF_FILE", "OF_PAGE", "OF_SITE", "Finding", "Rule", "Severity", "of_file", "of_page", "of_site"]
