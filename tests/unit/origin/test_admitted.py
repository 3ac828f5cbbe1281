"""Who is admitted to a title's media: its page against the title's allowed domains, before and after it has begun."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from core.caching.refreshing_cache import RefreshingCache
from core.db.playback_ids import Published
from core.http.problems import Problem
from core.model import AssetId, AssetStatus, OwnerId, PlaybackId, Policy, RevisionId
from core.settings import Settings
from core.tokens import playback_token
from core.tokens.playback_token import Claims, Limits
from origin.context import CONTEXT, Context
from origin.playback import sessions
from origin.playback.session import Session
from origin.playback.sessions import Visitor
from tests.sessions import EXPIRES, ORIGIN, SESSION, ways

PLAYBACK = PlaybackId("pb_1")
KEYS = {"k1": b"1" * 32}
SHOP, NEWS = "https://shop.example.org", "https://news.example.org"
SHOPS = ("shop.example.org",)


def context(domains: Sequence[str] = SHOPS, policy: Policy = Policy.PUBLIC) -> Context:
    """An origin with one title, of these domains and this policy."""

    async def read_published(_: PlaybackId) -> Published:
        return Published(
            policy=policy,
            asset_id=AssetId("as_1"),
            owner_id=OwnerId("ow_1"),
            revision_id=RevisionId("ab"),
            title="A title",
            status=AssetStatus.READY,
            deleted=False,
            taken_down=False,
            allowed_domains=tuple(domains),
        )

    return cast(
        Context,
        SimpleNamespace(
            settings=Settings(origin_public_url=ORIGIN),
            published=RefreshingCache(read_published, name="published"),
            pathways=ways(),
            revoked=set(),
            playback_keys=KEYS,
        ),
    )


def request(where: Context, token: str | None = None, **headers: str) -> web.Request:
    app = web.Application()
    app[CONTEXT] = where
    path = f"/play/{PLAYBACK}/index.m3u8" + (f"?token={quote(token)}" if token else "")
    return make_mocked_request("GET", path, headers, match_info={"playback_id": PLAYBACK}, app=app)


async def refused(asked: web.Request, *, page: str | None = None, code: str = "domain_refused") -> None:
    with pytest.raises(Problem) as problem:
        await sessions.admitted(asked, page=page)
    assert (problem.value.status, problem.value.code) == (403, code)
    assert problem.value.hint


def begun(visitor: Visitor) -> Session:
    """The session of an admitted visitor."""
    return replace(SESSION, limits=visitor.limits, public_only=visitor.claims is None or visitor.claims.public_only)


def token(**fields: Any) -> str:
    claims: dict[str, Any] = {"playback_id": PLAYBACK, "session": "0123456789abcdef", "expires_at": EXPIRES}
    return playback_token.sign(Claims(**{**claims, **fields}), KEYS)


async def test_a_title_is_played_on_pages_of_its_domains_only() -> None:
    here = context()
    for headers in ({"Origin": SHOP}, {"Referer": f"{SHOP}/p/42"}, {"Origin": "https://SHOP.example.org.:8443"}):
        assert (await sessions.admitted(request(here, **headers))).limits == Limits(domain="shop.example.org")
    for headers in ({"Origin": NEWS}, {"Origin": "null", "Referer": SHOP}, {"Referer": f"{NEWS}/?{SHOP}"}, {}):
        await refused(request(here, **headers))
    assert (await sessions.admitted(request(context(()), Origin=NEWS))).limits == Limits()


async def test_a_token_does_not_open_another_page() -> None:
    here = context(policy=Policy.SIGNED)
    assert (await sessions.admitted(request(here, token(), Origin=SHOP))).limits == Limits(domain="shop.example.org")
    await refused(request(here, token(), Origin=NEWS))
    wide = token(limits=Limits(viewer="u1", domain="*.example.org"))
    bound = (await sessions.admitted(request(here, wide, Origin=SHOP))).limits
    assert bound == Limits(viewer="u1", domain="shop.example.org")
    await refused(request(here, wide, Origin=NEWS))
    await refused(request(here, token(limits=Limits(domain="news.example.org")), Origin=SHOP))


async def test_pictures_and_words_are_shown_on_any_page() -> None:
    assert (await sessions.visitor_of(request(context(), Origin=NEWS))).playback_id == PLAYBACK


async def test_a_document_of_this_server_is_its_own_page() -> None:
    """Whatever page has linked to it."""
    await refused(request(context(), Referer=SHOP), page=ORIGIN)
    own = context([*SHOPS, "origin.example.org"])
    assert (await sessions.admitted(request(own), page=ORIGIN)).limits == Limits(domain="origin.example.org")
    await refused(request(own, token(limits=Limits(domain="shop.example.org")), Referer=SHOP), page=ORIGIN)


async def test_a_session_goes_on_where_it_has_begun_and_nowhere_else() -> None:
    here = context()
    renewal = sessions.renewal(here, begun(await sessions.admitted(request(here, Origin=SHOP))))
    again = await sessions.admitted(request(here, renewal, Origin=SHOP))
    await refused(request(here, renewal, Origin=NEWS))
    await refused(request(here, renewal))
    # Through a chain of renewals, and where the owner has chosen other pages meanwhile.
    chained = sessions.renewal(here, begun(again))
    moved = context(["news.example.org"])
    assert (await sessions.admitted(request(moved, chained, Origin=SHOP))).limits == Limits(domain="shop.example.org")
    await refused(request(moved, chained, Origin=NEWS))


async def test_a_session_of_any_page_is_looked_at_again_once_the_title_has_domains() -> None:
    anywhere = context(())
    renewal = sessions.renewal(anywhere, begun(await sessions.admitted(request(anywhere))))
    assert (await sessions.admitted(request(anywhere, renewal, Origin=NEWS))).limits == Limits()
    await refused(request(context(), renewal, Origin=NEWS))
    assert (await sessions.admitted(request(context(), renewal, Origin=SHOP))).limits.domain == "shop.example.org"


async def test_an_embedded_document_hands_its_player_a_token_for_our_own_pages() -> None:
    limits = Limits(viewer="u1", domain="*.example.org")
    here = context(policy=Policy.SIGNED)
    session = begun(await sessions.admitted(request(here, token(limits=limits), Referer=f"{SHOP}/p/42")))
    own = sessions.token_for_own_pages(here, session)
    playing = await sessions.admitted(request(here, own, Referer=f"{ORIGIN}/embed/{PLAYBACK}"))
    assert playing.limits == Limits(viewer="u1", domain="origin.example.org")
    assert playing.claims is not None
    assert (playing.claims.session, playing.claims.ends_at) == (session.id, session.renew_until)
    await refused(request(here, own, Origin=SHOP))
    await refused(request(here, own))
    # Another of our pages is none of the title's domains.
    await refused(request(here, own, Referer=f"{ORIGIN}/embed/{PLAYBACK}"), page=ORIGIN)
    # Its renewals are for our own pages as well.
    renewal = sessions.renewal(here, begun(playing))
    assert (await sessions.admitted(request(here, renewal, Referer=ORIGIN))).limits == playing.limits
    await refused(request(here, renewal, Origin=SHOP))


async def test_the_token_of_an_embedded_player_opens_no_page_of_a_title_without_domains() -> None:
    """Copied from a frame, the token for one shop would otherwise be a link for everybody."""
    here = context(())
    session = begun(
        await sessions.admitted(request(here, token(limits=Limits(domain="shop.example.org")), Origin=SHOP))
    )
    own = sessions.token_for_own_pages(here, session)
    assert (await sessions.admitted(request(here, own, Referer=f"{ORIGIN}/embed/{PLAYBACK}"))).claims is not None
    await refused(request(here, own), page=ORIGIN)
    await refused(request(here, own, Referer=ORIGIN), page=ORIGIN)


async def test_a_session_without_a_token_is_not_renewed_once_the_title_is_signed() -> None:
    public, signed = context(()), context((), Policy.SIGNED)
    session = begun(await sessions.admitted(request(public)))
    for renewal in (sessions.renewal(public, session), sessions.token_for_own_pages(public, session)):
        again = await sessions.admitted(request(public, renewal, Referer=ORIGIN))
        await refused(request(signed, renewal, Referer=ORIGIN), code="token_missing")
        await refused(request(signed, sessions.renewal(public, begun(again)), Referer=ORIGIN), code="token_missing")
    by_token = begun(await sessions.admitted(request(public, token())))
    assert (await sessions.admitted(request(signed, sessions.renewal(public, by_token)))).claims is not None
