"""Webhook endpoints: where an owner's events are sent, the secrets that sign them, and who sends to which now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from core.db import outbox, sql
from core.db.postgres import Connection, Pool
from core.errors import KadrError
from core.event_types import WebhookEndpointDisabled, like_patterns
from core.model import OwnerId, new_id
from core.settings import Settings, parse_keys
from core.tokens import webhook_signature
from core.tokens.sealed import Sealed, open_sealed, seal

_SQL, _DELIVERIES = sql.load("webhook_endpoints"), sql.load("webhook_deliveries")
MAX_ENDPOINTS = 50  # of one owner
MAX_COUNTED = 10_000  # deliveries that `pending` and `dead` count
ROTATION_S = 24 * 3600  # how long the old secret signs, too
BLOCKS_FOR = 3  # attempts: how long an event that fails holds up later ones of its asset
DISABLE_AFTER_FAILURES = 5
DEAD_AT_ONCE = 1000
_PURPOSE = b"kadr-webhook-secret"


class TooMany(KadrError):
    """The owner has reached the limit of endpoints."""


class RotationInProgress(KadrError):
    """The secret was rotated less than 24 hours ago, and the one before it still signs."""


class Disabled(StrEnum):
    """Why nothing is sent to an endpoint."""

    OWNER = "owner"  # switched off
    GONE = "gone"  # its server answered 410
    FAILING = "failing"  # only failures for days


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretAge:
    """When a secret was made, and when it ends; None: not yet settled."""

    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint as its owner sees it. `pending`, `dead`: numbers of deliveries, at most MAX_COUNTED."""

    id: str
    url: str
    types: tuple[str, ...]
    description: str
    disabled: Disabled | None
    failing_since: datetime | None
    throttled_until: datetime | None
    created_at: datetime
    secrets: tuple[SecretAge, ...]
    pending: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """An endpoint to which this dispatcher alone sends, for the time of its lease."""

    id: str
    owner_id: OwnerId
    url: str
    token: str
    failing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A leased endpoint, locked in a transaction. `failing_for`: since the first failure after the last success."""

    owner_id: OwnerId
    failures: int
    failing_for: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """When an endpoint's due deliveries were read. `woken`: how often something had become pending by then."""

    woken: int
    at: datetime


def sealing_keys(settings: Settings) -> dict[str, bytes]:
    """Keys that seal the secrets of endpoints, by id; the first one seals. Empty without the setting."""
    setting = settings.webhook_keys
    return parse_keys("KADR_WEBHOOK_KEYS", setting) if setting.get_secret_value() else {}


async def of_owner(pool: Pool, owner: OwnerId) -> list[Endpoint]:
    """All endpoints of an owner, the oldest first."""
    return [_endpoint(row) for row in await pool.fetch(_SQL["of_owner"], owner, None, MAX_COUNTED)]


async def by_id(pool: Pool, owner: OwnerId, endpoint_id: str) -> Endpoint | None:
    """An endpoint of this owner; None where there is none."""
    row = await pool.fetchrow(_SQL["of_owner"], owner, endpoint_id, MAX_COUNTED)
    return None if row is None else _endpoint(row)


async def insert(
    connection: Connection,
    owner: OwnerId,
    url: str,
    types: Sequence[str],
    description: str,
    keys: Mapping[str, bytes],
) -> tuple[str, str]:
    """(id, secret) of a new endpoint. Raises TooMany."""
    endpoint_id = new_id("we")
    patterns = like_patterns(types)
    if not await connection.fetchval(
        _SQL["insert"], endpoint_id, owner, url, list(types), patterns, description, MAX_ENDPOINTS
    ):
        raise TooMany
    return endpoint_id, await _add_secret(connection, endpoint_id, keys)


async def change(
    connection: Connection,
    owner: OwnerId,
    endpoint_id: str,
    *,
    url: str | None,
    types: Sequence[str] | None,
    description: str | None,
    enabled: bool | None,
) -> bool:
    """Change what is not None; whether the owner has this endpoint. What is pending where it is disabled is dead."""
    patterns = None if types is None else like_patterns(types)
    names = None if types is None else list(types)
    if not await connection.fetchval(_SQL["change"], endpoint_id, owner, url, names, patterns, description):
        return False
    if enabled:
        await connection.execute(_SQL["enable"], endpoint_id, owner)
    elif enabled is False:
        await disable(connection, endpoint_id, Disabled.OWNER)
    return True


async def disable(connection: Connection, endpoint_id: str, reason: Disabled) -> None:
    """Send nothing more to an endpoint, and tell its owner by an event where it was not the owner who did it."""
    row = await connection.fetchrow(_SQL["disable"], endpoint_id, reason.value)
    if row is None:
        return
    await connection.execute(_DELIVERIES["mark_dead_of"], endpoint_id, DEAD_AT_ONCE)  # of more, `clean` marks the rest
    if reason is not Disabled.OWNER:
        why: Literal["gone", "failing"] = "gone" if reason is Disabled.GONE else "failing"
        await outbox.add(connection, OwnerId(row["owner_id"]), endpoint_id, WebhookEndpointDisabled(reason=why))


async def delete(pool: Pool, owner: OwnerId, endpoint_id: str) -> bool:
    """Delete an endpoint; whether the owner had it. Its log is removed by and by: see `clean`."""
    return await pool.fetchval(_SQL["delete"], endpoint_id, owner) is not None


async def rotate(
    connection: Connection, owner: OwnerId, endpoint_id: str, keys: Mapping[str, bytes], *, force: bool
) -> str | None:
    """A new secret; the present one signs beside it for ROTATION_S more. None where the owner has no such endpoint.

    Raises RotationInProgress where one of before still signs; with `force` that one ends at once.
    """
    if await connection.fetchrow(_SQL["lock"], endpoint_id, owner) is None:
        return None
    if not force and await connection.fetchval(_SQL["rotating"], endpoint_id):
        raise RotationInProgress
    await connection.execute(_SQL["expire_secrets"], endpoint_id, float(ROTATION_S))
    return await _add_secret(connection, endpoint_id, keys)


async def secrets_of(pool: Pool, endpoint_id: str, keys: Mapping[str, bytes]) -> list[str]:
    """The secrets that sign, the newest first. Raises sealed.CannotOpen."""
    return [
        open_sealed(Sealed(kid=row["kid"], body=row["wrapped"]), endpoint_id, keys, purpose=_PURPOSE).decode()
        for row in await pool.fetch(_SQL["secrets"], endpoint_id)
    ]


async def claim(pool: Pool, lease_s: float, most: int, *, failing: bool) -> list[Leased]:
    """Lease endpoints to which something is due and nobody sends: of those that fail, or of the others."""
    return [
        Leased(
            id=row["id"],
            owner_id=OwnerId(row["owner_id"]),
            url=row["url"],
            token=str(row["lease_token"]),
            failing=row["failing"],
        )
        for row in await pool.fetch(_SQL["claim"], lease_s, most, failing)
    ]


async def renew(pool: Pool, tokens: Sequence[str], lease_s: float) -> set[str]:
    """Those leases that go on, by their tokens; the others have ended."""
    return {str(row["lease_token"]) for row in await pool.fetch(_SQL["renew"], tokens, lease_s)}


async def hold(connection: Connection, leased: Leased) -> Held | None:
    """Lock a leased endpoint for the caller's transaction; None where the lease has ended."""
    row = await connection.fetchrow(_SQL["hold"], leased.id, leased.token)
    if row is None:
        return None
    return Held(owner_id=OwnerId(row["owner_id"]), failures=row["failures"], failing_for=row["failing_for"])


async def record_success(connection: Connection, endpoint_id: str) -> None:
    """It takes events: whatever failed before is over."""
    await connection.execute(_SQL["succeeded"], endpoint_id)


async def record_failures(connection: Connection, endpoint_id: str, count: int) -> None:
    """It took none of the last ones."""
    await connection.execute(_SQL["failed"], endpoint_id, count)


async def throttle(connection: Connection, endpoint_id: str, seconds: float) -> None:
    """Send nothing to it for so long; a longer pause stays."""
    await connection.execute(_SQL["throttle"], endpoint_id, seconds)


async def look(pool: Pool, leased: Leased) -> Look | None:
    """The moment by which what is due is read, and what `release` compares; None where the endpoint is gone."""
    row = await pool.fetchrow(_SQL["look"], leased.id)
    return None if row is None else Look(woken=row["woken"], at=row["at"])


async def release(pool: Pool, leased: Leased, look: Look) -> bool:
    """End a lease where nothing was due at `look`; False where something has become pending since."""
    if await pool.fetchval(_SQL["release"], leased.id, leased.token, look.woken, look.at) is not None:
        return True
    return not await pool.fetchval(_SQL["is_held"], leased.id, leased.token)


async def give_up(pool: Pool, leased: Leased) -> None:
    """End a lease although something may be due: whoever may goes on with it."""
    await pool.execute(_SQL["give_up"], leased.id, leased.token)


async def backlog(pool: Pool) -> tuple[int, float]:
    """(number of endpoints that wait for a dispatcher, seconds that the first of them has waited)."""
    row = await pool.fetchrow(_SQL["backlog"])
    return row["waiting"], float(row["oldest_s"])


async def clean(pool: Pool, at_once: int) -> None:
    """Mark as dead what is pending for disabled endpoints and remove what deleted ones have left, a few at a time.

    One statement for millions of rows would hold up every reader of the outbox until it ends.
    """
    for name in ("mark_dead", "remove"):
        while len(await pool.fetch(_DELIVERIES[name], at_once)) == at_once:
            pass
    await pool.execute(_SQL["remove_deleted"])


async def _add_secret(connection: Connection, endpoint_id: str, keys: Mapping[str, bytes]) -> str:
    secret = webhook_signature.new_secret()
    sealed = seal(secret.encode(), endpoint_id, keys, purpose=_PURPOSE)
    await connection.execute(_SQL["add_secret"], endpoint_id, sealed.kid, sealed.body)
    return secret


def _endpoint(row: Any) -> Endpoint:
    return Endpoint(
        id=row["id"],
        url=row["url"],
        types=tuple(row["types"]),
        description=row["description"],
        disabled=Disabled(row["disabled_reason"]) if row["disabled_reason"] else None,
        failing_since=row["failing_since"],
        throttled_until=row["throttled_until"],
        created_at=row["created_at"],
        secrets=tuple(
            SecretAge(
                created_at=datetime.fromisoformat(one["created_at"]),
                expires_at=datetime.fromisoformat(one["expires_at"]) if one["expires_at"] else None,
            )
            for one in row["secrets"]
        ),
        pending=row["pending"],
        dead=row["dead"],
    )
