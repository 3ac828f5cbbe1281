"""The Redis of doors: what is shared between processes and may be lost at any time. PostgreSQL stays the truth.

In: settings. Out: a client whose every call ends within TIMEOUT_S; the caller goes on without it.
"""

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.settings import Settings

TIMEOUT_S = 0.5
GONE = (RedisError, OSError, TimeoutError)  # what a call raises where Redis is not there


def connect(settings: Settings) -> Redis:
    """Connects when first used, so that a missing Redis stops nothing from starting."""
    client: Redis = Redis.from_url(
        settings.redis_url.get_secret_value(), socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )
    return client
