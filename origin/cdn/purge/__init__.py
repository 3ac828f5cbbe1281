"""Purging CDN caches by prefix: the last step of a takedown. One small adapter per CDN.

None of them was tried against its vendor: each is written after the vendor's reference and checked against a local
server that records requests. Where a vendor cannot purge by prefix, it purges by tag: see `tags`.
"""

from origin.cdn.purge.purger import Purger, PurgeRefused, purge_everywhere
from origin.cdn.purge.registry import ADAPTERS, make_purger, purgers

__all__ = ["ADAPTERS", "PurgeRefused", "Purger", "make_purger", "purge_everywhere", "purgers"]
