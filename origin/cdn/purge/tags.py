"""Cache tags, for CDNs that cannot purge by prefix. Pure.

Every file that a CDN pulls carries two tags, its asset and its revision, under each vendor's header name.
"""

from origin.cdn.purge.purger import parts


def tag_of(prefix: str) -> str:
    """The tag that all files below a prefix carry. Raises PurgeRefused."""
    asset, revision = parts(prefix)
    return asset if revision is None else f"{asset}-{revision}"


def tag_headers(asset_id: str, revision_id: str) -> dict[str, str]:
    """The tag headers of an answer to a CDN. Fastly and Akamai remove theirs before a player sees it."""
    tags = (asset_id, f"{asset_id}-{revision_id}")
    return {
        "Surrogate-Key": " ".join(tags),  # Fastly
        "Edge-Cache-Tag": ",".join(tags),  # Akamai
        "Cache-Tag": " ".join(tags),  # KeyCDN
    }
