"""A signer that keeps what it signed, for schemes whose signatures are dear. In: a signer. Out: the same seam.

An expiry is rounded up to the next multiple of `bucket_s`, so that the sessions of one title share a signature: a token
lives at most so much longer than asked. Keeps the `kept` latest; keeps nothing that binds a viewer.
"""

from collections import OrderedDict

from origin.signers.signer import Signed, Signer, SigningContext


class BucketedSigner:
    """`signer`, with a memory."""

    def __init__(self, signer: Signer, *, bucket_s: int = 60, kept: int = 4096) -> None:
        self._signer = signer
        self._bucket_s = bucket_s
        self._kept = kept
        self._signed: OrderedDict[tuple[str, int], Signed] = OrderedDict()

    @property
    def covers_prefix(self) -> bool:
        return self._signer.covers_prefix

    @property
    def in_path(self) -> bool:
        return self._signer.in_path

    @property
    def per_viewer(self) -> bool:
        return self._signer.per_viewer

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        bucket = -(-expires_at // self._bucket_s) * self._bucket_s
        if self.per_viewer:
            return self._signer.sign(prefix, bucket, context)
        signed = self._signed.get((prefix, bucket))
        if signed is None:
            signed = self._signer.sign(prefix, bucket, context)
            self._signed[prefix, bucket] = signed
            if len(self._signed) > self._kept:
                self._signed.popitem(last=False)
        return signed
