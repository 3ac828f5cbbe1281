"""robots.txt of the site. Pure."""

from collections.abc import Sequence

ALLOWED = ("/watch/", "/videos", "/embed/", "/play/", "/image/", "/s/", "/v/", "/static/", "/player/", "/oembed")
DISALLOWED = ("/v1/", "/studio")


def robots_txt(base: str, unwanted: Sequence[str] = ()) -> str:
    """For all crawlers what may be read; nothing for those that are not wanted, by the names they give themselves."""
    groups = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in DISALLOWED),
        *(f"Allow: {path}" for path in ALLOWED),
    ]
    for name in unwanted:
        groups += ["", f"User-agent: {name}", "Disallow: /"]
    return "\n".join([*groups, "", f"Sitemap: {base}/sitemap.xml", ""])
