"""What an owner pastes into a page of their own that shows a title: structured data, meta tags, and the player."""

from datetime import UTC, datetime

from aiohttp import web

from core.db import tracks
from core.db.assets import Asset
from core.db.tracks import TrackKind
from core.http.problems import Problem
from core.listing import Standing, listed, why_unlisted
from core.model import PlaybackId, Policy
from ingest.assets import requested_asset
from ingest.bodies import responses
from ingest.bodies.picture_urls import known
from ingest.context import CONTEXT, Context, answer
from ingest.openapi import operation
from ingest.tracks import text_of
from seo import head, json_ld
from seo.player_frame import fluid_frame
from seo.sites import sites_of
from seo.video_page import MOST_TRANSCRIPT_CHARS, Moment, Size, VideoPage, mp4_of_summary, size_of_summary
from subtitles.cues import own_chapters
from subtitles.cues.chapters import chapters
from subtitles.cues.search import Index
from subtitles.formats import caption_reader

routes = web.RouteTableDef()


@routes.get("/v1/assets/{asset_id}/seo")
@operation(responses.PageMarkup, errors=(404, 409))
async def show(request: web.Request) -> web.Response:
    """Show what a page of your own says to search engines and messengers about a public asset.

    Where the asset has a page_url, that page is named as the one to show; otherwise its watch page.
    """
    context, asset = request.app[CONTEXT], await requested_asset(request)
    page = await _video_page(context, asset)
    why = why_unlisted(standing_of(asset), datetime.now(UTC))
    return answer(
        responses.PageMarkup(
            listed=page.is_listed,
            why_unlisted=why,
            canonical_url=page.canonical(),
            json_ld=json_ld.video_object(page),
            head=head.owners_page(page),
            iframe=fluid_frame(page.embed_url, page.title, f"{page.size.width} / {page.size.height}"),
        )
    )


async def _video_page(context: Context, asset: Asset) -> VideoPage:
    """The page of an asset. Raises Problem(409) where the public cannot play it, or not yet."""
    ids = [one["id"] for one in asset.playback_ids if one["policy"] == Policy.PUBLIC]
    if not ids:
        raise Problem(409, "not_public", "The asset is not public.", hint="Give it the policy public first.")
    if not asset.has_ladder or asset.summary is None:
        raise Problem(409, "not_ready", "The asset is not ready.", hint="Wait until its status is ready.")
    pictures = known(asset)
    image = pictures.poster.image(type="image/jpeg") if pictures and pictures.poster else None
    spoken, moments, transcript = await _said(context, asset)
    return VideoPage(
        sites=sites_of(context.settings),
        playback_id=PlaybackId(ids[0]),
        public_id=PlaybackId(min(ids)),
        title=asset.title,
        description=asset.description,
        tags=tuple(asset.tags),
        published_at=asset.published_at,
        expires_at=asset.expires_at,
        duration_s=float(asset.summary["duration_s"]),
        size=size_of_summary(asset.summary),
        poster=Size(width=image.width, height=image.height) if image else None,
        mp4=mp4_of_summary(asset.summary),
        language=asset.language,
        languages=tuple(dict.fromkeys([*([asset.language] if asset.language else []), *spoken])),
        page_url=asset.page_url,
        family_friendly=asset.family_friendly,
        author=asset.author,
        chapters=moments,
        transcript=transcript,
        is_listed=listed(standing_of(asset), datetime.now(UTC)),
    )


def standing_of(asset: Asset) -> Standing:
    """What decides whether the public may find an asset."""
    pictures = known(asset)
    is_public = any(one["policy"] == Policy.PUBLIC for one in asset.playback_ids)
    return Standing(
        policy=Policy.PUBLIC if is_public else Policy.SIGNED,
        wanted=asset.listed,
        complete=asset.has_ladder,
        deleted=asset.deleted_at is not None,
        taken_down=asset.taken_down_at is not None,
        expires_at=asset.expires_at,
        has_poster=pictures is not None and pictures.poster is not None,
    )


async def _said(context: Context, asset: Asset) -> tuple[list[str], tuple[Moment, ...], str]:
    """Languages of the captions; the chapters, the owner's own before those of captions; the transcript."""
    duration_ms = round(1000 * (asset.summary or {})["duration_s"])
    own = own_chapters.whole(own_chapters.from_stored(asset.chapters), duration_ms)
    found = [track for track in await tracks.of_asset(context.pool, asset.id) if track.kind is not TrackKind.AUDIO]
    ready = [track for track in found if track.made is not None and not track.made.get("forced")]
    languages = [track.language for track in ready if track.language]
    text = await text_of(context, ready[0]) if ready else None
    cues = [] if text is None else caption_reader.cues(text.encode())
    moments = tuple(
        Moment(start_s=one.start_ms / 1000, end_s=one.end_ms / 1000, title=one.title)
        for one in own or chapters(cues, duration_ms)
    )
    return languages, moments, " ".join(Index(cues).texts)[:MOST_TRANSCRIPT_CHARS]
