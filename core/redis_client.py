"""The Redis client of API and origin, for state that processes share and that may be lost at any time.

Every call ends within TIMEOUT_S; callers go on without Redis. PostgreSQL holds everything that must not be lost.
"""

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.settings import Settings

TIMEOUT_S = 0.5
REDIS_UNAVAILABLE = (RedisError, OSError, TimeoutError)  # what a call raises while Redis is unavailable


def connect(settings: Settings) -> Redis:
    """A client that connects when first used, so that a missing Redis does not prevent a start."""
    client: Redis = Redis.from_url(
        settings.redis_url.get_secret_value(), socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )
    return client
