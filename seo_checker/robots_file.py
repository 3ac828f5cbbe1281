"""Reads robots.txt as RFC 9309 says: groups by crawler, the longest pattern that fits decides. Pure."""

import re
from urllib.parse import quote, urlsplit

from seo_checker.facts import Answer, Group, Robots

MOST_BYTES = 500 * 1024


def read(answer: Answer) -> Robots:
    """Its groups and the sitemaps it names; without any where there is none."""
    groups: list[tuple[list[str], list[tuple[bool, str]]]] = []
    sitemaps: list[str] = []
    naming = False
    for line in answer.text.removeprefix("\ufeff").splitlines() if answer.status == 200 else ():
        name, _, value = (part.strip() for part in line.partition("#")[0].partition(":"))
        match name.lower():
            case "user-agent":
                if not naming:
                    groups.append(([], []))
                groups[-1][0].append(value.lower())
                naming = True
            case "allow" | "disallow" if groups:
                if value:  # an empty one says nothing
                    groups[-1][1].append((name.lower() == "allow", value))
                naming = False
            case "sitemap":
                sitemaps.append(line.partition(":")[2].strip())
    return Robots(
        answer=answer,
        groups=tuple(Group(agents=tuple(agents), rules=tuple(rules)) for agents, rules in groups),
        sitemaps=tuple(sitemaps),
    )


def allows(robots: Robots, agent: str, url: str) -> bool:
    """Whether a crawler may read the URL."""
    parts = urlsplit(url)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (f"?{parts.query}" if parts.query else "")
    fitting = [(len(pattern), allowed) for allowed, pattern in _rules(robots, agent) if _fits(pattern, path)]
    return max(fitting)[1] if fitting else True


def _rules(robots: Robots, agent: str) -> list[tuple[bool, str]]:
    """Those of the groups that name the crawler, or of the groups for all."""
    for name in (agent.lower(), "*"):
        if found := [group for group in robots.groups if name in group.agents]:
            return [rule for group in found for rule in group.rules]
    return []


def _fits(pattern: str, path: str) -> bool:
    parts = re.escape(pattern.removesuffix("$")).replace(r"\*", ".*")
    return re.match(parts + ("$" if pattern.endswith("$") else ""), path) is not None
