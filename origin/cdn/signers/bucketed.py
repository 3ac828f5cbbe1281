"""A signer that remembers its signatures, for schemes whose signatures are slow to make. In: a signer. Out: a signer.

An expiry is rounded up to the next multiple of `bucket_s`, so that the sessions of one title share a signature: a token
lives up to `bucket_s` longer than requested. Signatures bound to a viewer are not remembered.
"""

from core.caching.lru import LruDict
from origin.cdn.signers.signer import Signed, Signer, SigningContext


class BucketedSigner:
    """`signer` with a memory of its last `max_entries` signatures."""

    def __init__(self, signer: Signer, *, bucket_s: int = 60, max_entries: int = 4096) -> None:
        self._signer = signer
        self._bucket_s = bucket_s
        self._signatures: LruDict[tuple[str, int], Signed] = LruDict(max_entries)

    @property
    def covers_prefix(self) -> bool:
        """Whether one signature of the wrapped signer is valid for everything below a prefix."""
        return self._signer.covers_prefix

    @property
    def in_path(self) -> bool:
        """Whether the wrapped signer puts its token into the path."""
        return self._signer.in_path

    @property
    def per_viewer(self) -> bool:
        """Whether the wrapped signer binds its signatures to a viewer."""
        return self._signer.per_viewer

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign `prefix` until the end of the bucket of `expires_at`. Raises PrefixRefused or CannotSign."""
        bucket = -(-expires_at // self._bucket_s) * self._bucket_s
        if self.per_viewer:
            return self._signer.sign(prefix, bucket, context)
        signed = self._signatures.get((prefix, bucket))
        if signed is None:
            signed = self._signatures[prefix, bucket] = self._signer.sign(prefix, bucket, context)
        return signed
