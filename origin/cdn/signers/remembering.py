"""A signer that remembers its signatures, for schemes whose signatures are slow to make. In: a signer. Out: a signer.

Sessions of one title whose tokens expire together share a signature; `origin.playback.sessions` lets them expire
at full minutes. Signatures bound to a viewer are not remembered.
"""

from core.caching.lru import LruDict
from origin.cdn.signers.signer import Signed, Signer, SigningContext


class RememberingSigner:
    """`signer` with a memory of its last `max_entries` signatures."""

    def __init__(self, signer: Signer, *, max_entries: int = 4096) -> None:
        self._signer = signer
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
        """Sign `prefix` until `expires_at` (Unix seconds). Raises PrefixRefused or CannotSign."""
        if self.per_viewer:
            return self._signer.sign(prefix, expires_at, context)
        signed = self._signatures.get((prefix, expires_at))
        if signed is None:
            signed = self._signatures[prefix, expires_at] = self._signer.sign(prefix, expires_at, context)
        return signed
