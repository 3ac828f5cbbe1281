"""A session's ways to its files: one for each CDN, in the order that steering gives.

A CDN whose token stands in the path is named directly: everything below inherits it. For one that wants a query on each
URI the playlists are rewritten by `origin.rewritten`, below a path token of our own; so are those of encrypted titles,
which lead each session to its key.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from core.errors import ConfigError
from origin.cdns import OWN_ID, OWN_SCHEME, Cdn, Cdns, signers
from origin.session import Session
from origin.signers import Signed, Signer, SigningContext
from origin.signers import own as own_token
from origin.signers.bucketed import BucketedSigner
from packager.names import Pathway

MOST_KNOWN = 4096
_TRIED = "/v/as_0/0/"


@dataclass(frozen=True, kw_only=True)
class Pathways:
    """All CDNs and what signs for each. Made once."""

    cdns: Cdns
    signers: Mapping[str, Signer]
    own_keys: Mapping[str, bytes]
    origin_base: str
    # Sessions of one title that begin in one minute, and are sent the same way, are alike.
    _known: dict[tuple[str, int, tuple[str, ...]], tuple[Pathway, ...]] = field(default_factory=dict, repr=False)

    @cached_property
    def steered(self) -> bool:
        """Whether there is a choice."""
        return len(self.cdns.all) > 1

    @cached_property
    def ask_who(self) -> bool:
        """Whether it matters who asks, and from where."""
        return any(signer.per_viewer for signer in self.signers.values()) or any(cdn.regions for cdn in self.cdns.all)

    @cached_property
    def alike(self) -> bool:
        """Whether sessions of one title differ in nothing but when they began."""
        return not (self.steered or self.ask_who)

    @cached_property
    def own_id(self) -> str | None:
        """The pathway that leads to this origin itself."""
        own = (cdn.id for cdn in self.cdns.all if cdn.scheme == OWN_SCHEME and cdn.base_url == self.origin_base)
        return next(own, None)

    def of(self, session: Session, order: tuple[str, ...]) -> tuple[Pathway, ...]:
        """For HLS. A single one has no name."""
        if self.ask_who or session.encrypted:
            return tuple(self._hls(self._cdn(pathway), session) for pathway in order)
        key = (session.prefix, session.expires_at, order)
        known = self._known.get(key)
        if known is None:
            known = tuple(self._hls(self._cdn(pathway), session) for pathway in order)
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = known
        return known

    def of_dash(self, session: Session, order: tuple[str, ...]) -> tuple[Pathway, ...]:
        """For DASH, whose manifest can carry one query for all: without CDNs that sign each file alone."""
        able = [self._cdn(pathway) for pathway in order if self.signers[pathway].covers_prefix]
        return tuple(self._dash(cdn, session) for cdn in able)

    def _cdn(self, pathway: str) -> Cdn:
        return next(cdn for cdn in self.cdns.all if cdn.id == pathway)

    def _hls(self, cdn: Cdn, session: Session) -> Pathway:
        signer, name = self.signers[cdn.id], cdn.id if self.steered else ""
        if session.encrypted:  # its playlists lead to a key of its own
            return self._rewritten(cdn, session, f"/k{session.who}")
        if cdn.id == OWN_ID and not self.steered:
            # Relative, so that it works behind whatever host name it was asked for by.
            return Pathway(prefix=f"../..{signer.sign(session.prefix, session.expires_at, _asks(session)).path}")
        if signer.in_path and signer.covers_prefix:
            signed = signer.sign(session.prefix, session.expires_at, _asks(session))
            return Pathway(id=name, prefix=f"{cdn.base_url}{signed.path}")
        return self._rewritten(cdn, session)

    def _rewritten(self, cdn: Cdn, session: Session, who: str = "") -> Pathway:
        below = f"{who}/m/{cdn.id}{session.prefix}"
        token = own_token.token(below, session.expires_at, self.own_keys)
        return Pathway(id=cdn.id if self.steered else "", prefix=f"{self.origin_base}/t/{token}{below}")

    def _dash(self, cdn: Cdn, session: Session) -> Pathway:
        signed = self.signers[cdn.id].sign(session.prefix, session.expires_at, _asks(session))
        return Pathway(id=cdn.id if self.steered else "", prefix=f"{cdn.base_url}{signed.path}", query=signed.query)

    def sign_below(
        self, pathway: str, prefix: str, name: str, expires_at: int, asks: SigningContext | None = None
    ) -> str:
        """The URL of the file `name` below `prefix`, signed for one CDN. Raises CannotSign."""
        cdn, signer = self._cdn(pathway), self.signers[pathway]
        asks = asks or SigningContext(now=time.time())
        signed = signer.sign(prefix if signer.covers_prefix else f"{prefix}{name}", expires_at, asks)
        path = f"{signed.path}{name}" if signer.covers_prefix else signed.path
        return f"{cdn.base_url}{path}{f'?{signed.query}' if signed.query else ''}"


def pathways(cdns: Cdns, own_keys: Mapping[str, bytes], origin_base: str) -> Pathways:
    """Raises ConfigError for keys and options that do not fit, and for what players cannot carry."""
    made = signers(cdns, own_keys)
    for cdn_id, signer in made.items():
        if _tried(signer).cookies:
            raise ConfigError(
                f"KADR_CDNS: {cdn_id}: players send no cookies to other sites: choose the form in the path or the query"
            )
    kept = {cdn_id: BucketedSigner(signer) for cdn_id, signer in made.items()}
    return Pathways(cdns=cdns, signers=kept, own_keys=own_keys, origin_base=origin_base)


def _tried(signer: Signer) -> Signed:
    asks = SigningContext(now=time.time(), session="0" * 16, ip="192.0.2.1", country="SE")
    return signer.sign(_TRIED if signer.covers_prefix else f"{_TRIED}a.m4s", int(asks.now) + 60, asks)


def _asks(session: Session) -> SigningContext:
    return SigningContext(now=time.time(), session=session.id, ip=session.address, country=session.country)
