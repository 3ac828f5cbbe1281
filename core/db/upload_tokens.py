"""Upload tokens: the right to one upload for one owner, given to a page that must not have an API key."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from core.db import sql
from core.db.postgres import Connection, Pool
from core.errors import KadrError
from core.model import AssetId, OwnerId, Policy, UploadId, UploadStatus
from core.tokens.opaque_token import TokenKind, digest_of, new_token

_SQL = sql.load("upload_tokens")
_GOES_ON = (UploadStatus.OPEN, UploadStatus.COMPLETED)


class TokenUsed(KadrError):
    """The token has made its one upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the owner has settled about the upload. `origins`: of the pages that may send it, as browsers name them."""

    title: str | None
    ref: tuple[str, str] | None  # type and id
    policy: Policy
    language: str | None
    origins: tuple[str, ...]
    max_size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadToken:
    """A row of `upload_tokens`. `upload_id` and `asset_id` are None until the upload has been created."""

    digest: bytes
    owner_id: OwnerId
    terms: Terms
    expired: bool
    upload_id: UploadId | None
    asset_id: AssetId | None


async def insert(pool: Pool, owner_id: OwnerId, key_prefix: str | None, terms: Terms, expires_at: datetime) -> str:
    """A new token, which is stored nowhere. `key_prefix`: of the API key with which it ends."""
    token = new_token(TokenKind.UPLOAD)
    ref_type, ref_id = terms.ref or (None, None)
    await pool.execute(
        _SQL["insert"],
        digest_of(token),
        owner_id,
        key_prefix,
        terms.title,
        ref_type,
        ref_id,
        terms.policy.value,
        terms.language,
        list(terms.origins),
        terms.max_size_bytes,
        expires_at,
    )
    return token


async def of_token(pool: Pool, token: str) -> UploadToken | None:
    """The row of a token, also of one that has expired in the last day; None where there is none."""
    row = await pool.fetchrow(_SQL["by_digest"], digest_of(token))
    if row is None:
        return None
    terms = Terms(
        title=row["title"],
        ref=(row["ref_type"], row["ref_id"]) if row["ref_type"] is not None else None,
        policy=Policy(row["policy"]),
        language=row["language"],
        origins=tuple(row["origins"]),
        max_size_bytes=row["max_size_bytes"],
    )
    return UploadToken(
        digest=row["sha256"],
        owner_id=OwnerId(row["owner_id"]),
        terms=terms,
        expired=row["expired"],
        upload_id=row["upload_id"],
        asset_id=row["asset_id"],
    )


async def once(
    pool: Pool, digest: bytes, request_hash: str, make: Callable[[Connection], Awaitable[str]]
) -> tuple[str, bool]:
    """(id of the token's upload, whether this call created it). `make` creates it and returns its id.

    The same request again gets the same upload. Raises TokenUsed for another one, and where the upload was given up.
    """
    async with pool.acquire() as connection, connection.transaction():
        known = await connection.fetchrow(_SQL["lock"], digest)
        if known is None:
            raise TokenUsed  # forgotten since it was looked up: it had expired
        if known["upload_id"] is not None:
            status = await connection.fetchval(_SQL["upload_status"], known["upload_id"])
            if known["request_hash"] != request_hash or status not in _GOES_ON:
                raise TokenUsed
            return known["upload_id"], False
        upload_id = await make(connection)
        await connection.execute(_SQL["record"], digest, upload_id, request_hash)
        return upload_id, True


async def forget_expired(connection: Connection) -> None:
    """Delete the tokens that expired more than a day ago."""
    await connection.execute(_SQL["forget_expired"])
