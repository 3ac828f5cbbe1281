"""The pathways of a session: the signed URL prefix of its files at each CDN, in the order that steering gives.

A CDN whose token is part of the path is addressed directly: relative URIs inherit the token. For a CDN that needs a
query on each URI, playlists are signed one by one by `origin.playback.signed_playlists`, below a Kadr delivery token;
so are those of encrypted titles, which carry each session's key URL.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from core.caching.lru import LruDict
from core.errors import ConfigError
from origin.cdn.cdns import OWN_ID, OWN_SCHEME, Cdn, Cdns, signers
from origin.cdn.signers import Signed, Signer, SigningContext
from origin.cdn.signers import kadr as kadr_token
from origin.cdn.signers.remembering import RememberingSigner
from origin.playback.session import Session
from packager.names import Pathway

MAX_ENTRIES = 4096
_SAMPLE_PREFIX = "/v/as_0/0/"


@dataclass(frozen=True, kw_only=True)
class Pathways:
    """All CDNs and the signer of each. Made once, when the origin starts."""

    cdns: Cdns
    signers: Mapping[str, Signer]
    own_keys: Mapping[str, bytes]
    origin_base: str
    # Sessions of one title that expire in the same minute and have the same order share their pathways.
    _shared: LruDict[tuple[str, int, tuple[str, ...]], tuple[Pathway, ...]] = field(
        default_factory=lambda: LruDict(MAX_ENTRIES), repr=False
    )

    @cached_property
    def steered(self) -> bool:
        """Whether there is more than one CDN to choose from."""
        return len(self.cdns.all) > 1

    @cached_property
    def per_viewer(self) -> bool:
        """Whether the viewer's address, country or session matters to a signature or to the order."""
        return any(signer.per_viewer for signer in self.signers.values()) or any(cdn.regions for cdn in self.cdns.all)

    @cached_property
    def sessions_alike(self) -> bool:
        """Whether sessions of one title differ in nothing but when they began."""
        return not (self.steered or self.per_viewer)

    @cached_property
    def own_id(self) -> str | None:
        """The pathway that is this origin itself, without a CDN; None where there is none."""
        own = (cdn.id for cdn in self.cdns.all if cdn.scheme == OWN_SCHEME and cdn.base_url == self.origin_base)
        return next(own, None)

    def of(self, session: Session, order: tuple[str, ...]) -> tuple[Pathway, ...]:
        """Pathways for HLS in this `order` of ids. A single one has no id."""
        if self.per_viewer or session.encrypted:
            return tuple(self._hls(self._cdn(pathway), session) for pathway in order)
        key = (session.prefix, session.expires_at, order)
        shared = self._shared.get(key)
        if shared is None:
            shared = self._shared[key] = tuple(self._hls(self._cdn(pathway), session) for pathway in order)
        return shared

    def of_dash(self, session: Session, order: tuple[str, ...]) -> tuple[Pathway, ...]:
        """Pathways for DASH, whose manifest carries one query for all: without CDNs that sign each file separately."""
        usable = [self._cdn(pathway) for pathway in order if self.signers[pathway].covers_prefix]
        return tuple(self._dash(cdn, session) for cdn in usable)

    def _cdn(self, pathway: str) -> Cdn:
        return next(cdn for cdn in self.cdns.all if cdn.id == pathway)

    def _hls(self, cdn: Cdn, session: Session) -> Pathway:
        signer, name = self.signers[cdn.id], cdn.id if self.steered else ""
        if session.encrypted:  # its playlists carry a key URL of this session
            return self._signed_playlists(cdn, session, f"/k{session.path_suffix}")
        if cdn.id == OWN_ID and not self.steered:
            # Relative, so that it works behind any host name.
            return Pathway(
                prefix=f"../..{signer.sign(session.prefix, session.expires_at, _signing_context(session)).path}"
            )
        if signer.in_path and signer.covers_prefix:
            signed = signer.sign(session.prefix, session.expires_at, _signing_context(session))
            return Pathway(id=name, prefix=f"{cdn.base_url}{signed.path}")
        return self._signed_playlists(cdn, session)

    def _signed_playlists(self, cdn: Cdn, session: Session, who: str = "") -> Pathway:
        """A pathway below /t/, where `origin.playback.signed_playlists` signs each URI of a playlist."""
        below = f"{who}/m/{cdn.id}{session.prefix}"
        token = kadr_token.token(below, session.expires_at, self.own_keys)
        return Pathway(id=cdn.id if self.steered else "", prefix=f"{self.origin_base}/t/{token}{below}")

    def _dash(self, cdn: Cdn, session: Session) -> Pathway:
        signed = self.signers[cdn.id].sign(session.prefix, session.expires_at, _signing_context(session))
        return Pathway(id=cdn.id if self.steered else "", prefix=f"{cdn.base_url}{signed.path}", query=signed.query)

    def sign_below(
        self, pathway: str, prefix: str, name: str, expires_at: int, context: SigningContext | None = None
    ) -> str:
        """The URL of the file `name` below `prefix`, signed for one CDN. Raises CannotSign."""
        cdn, signer = self._cdn(pathway), self.signers[pathway]
        context = context or SigningContext(now=time.time())
        signed = signer.sign(prefix if signer.covers_prefix else f"{prefix}{name}", expires_at, context)
        path = f"{signed.path}{name}" if signer.covers_prefix else signed.path
        return f"{cdn.base_url}{path}{f'?{signed.query}' if signed.query else ''}"


def pathways(cdns: Cdns, own_keys: Mapping[str, bytes], origin_base: str) -> Pathways:
    """Raises ConfigError for keys and options that do not fit the scheme, and for tokens that players cannot carry."""
    by_cdn = signers(cdns, own_keys)
    for cdn_id, signer in by_cdn.items():
        if _sample(signer).cookies:
            raise ConfigError(
                f"KADR_CDNS: {cdn_id}: players send no cookies to other sites: choose the form in the path or the query"
            )
    remembering = {cdn_id: RememberingSigner(signer) for cdn_id, signer in by_cdn.items()}
    return Pathways(cdns=cdns, signers=remembering, own_keys=own_keys, origin_base=origin_base)


def _sample(signer: Signer) -> Signed:
    """A signature for a made-up viewer, to see what form it takes."""
    context = SigningContext(now=time.time(), session="0" * 16, ip="192.0.2.1", country="SE")
    path = _SAMPLE_PREFIX if signer.covers_prefix else f"{_SAMPLE_PREFIX}a.m4s"
    return signer.sign(path, int(context.now) + 60, context)


def _signing_context(session: Session) -> SigningContext:
    return SigningContext(now=time.time(), session=session.id, ip=session.address, country=session.country)
