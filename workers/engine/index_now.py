"""Tells search engines of IndexNow which listed pages were added, changed or removed. Off without KADR_INDEXNOW_KEY.

In: the events of the sitemap keeper, from the outbox. Out: one request for at most 500 of them. At least once: where no
engine answers, the events are read again later.
"""

from urllib.parse import urlsplit

import aiohttp

from core.db import outbox
from core.db.postgres import Pool
from core.errors import Transient
from core.event_types import ListingChanged
from core.settings import Settings
from core.telemetry.logs import Log

_LOG = Log("indexnow")
CONSUMER = "indexnow"
ANSWER_S = 20.0
TRY_AGAIN = frozenset({408, 425, 429})


async def tell(settings: Settings, pool: Pool) -> int:
    """Send what has changed; how many URLs. Raises Transient where the engine does not take them now."""
    if settings.indexnow_key is None:
        return 0
    sent = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            events = await outbox.ahead(connection, CONSUMER)
            changed = [one.payload["url"] for one in events if one.type == ListingChanged.type]
            urls = own_urls(settings.site_base, changed)
            if urls:
                await _post(settings, settings.indexnow_key, urls)
            if events:
                await outbox.advance(connection, CONSUMER, events[-1])
        sent += len(urls)
        if not events:
            return sent


def own_urls(site: str, urls: list[str]) -> list[str]:
    """Those on the site's own host, each once: the key is valid for no other. Pure."""
    host = urlsplit(site).netloc
    return [url for url in dict.fromkeys(urls) if urlsplit(url).netloc == host]


async def _post(settings: Settings, key: str, urls: list[str]) -> None:
    body = {
        "host": urlsplit(settings.site_base).netloc,
        "key": key,
        "keyLocation": f"{settings.site_base}/{key}.txt",
        "urlList": urls,
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as session,
            session.post(settings.indexnow_url, json=body) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as exc:
        raise Transient(f"IndexNow does not answer: {exc!r}") from exc
    if status >= 500 or status in TRY_AGAIN:
        raise Transient(f"IndexNow answers {status}")
    if status >= 400:  # 403: the key; 422: a URL of another host. The same again would be refused again.
        _LOG.error("indexnow.refused", status=status, urls=len(urls))
    else:
        _LOG.info("indexnow.told", status=status, urls=len(urls))
