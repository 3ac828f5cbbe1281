"""Reads what the pages of a title say of it."""

from datetime import UTC, datetime

import asyncpg

from core.db import postgres
from core.errors import KadrError
from core.listing import listed
from core.model import Policy
from origin.context import Context
from origin.delivery import captions
from origin.pages.facts import WIDE, size_of
from origin.playback import sessions
from origin.playback.sessions import Visitor
from seo.sites import sites_of
from seo.video_page import MOST_TRANSCRIPT_CHARS, Moment, Size, VideoPage, best_mp4


async def video_page(context: Context, visitor: Visitor) -> VideoPage:
    """The page of what the visitor may play. Raises Problem where there is nothing to play."""
    published = visitor.published
    revision_id = sessions.revision_of(visitor)
    content = await sessions.content_of(context, visitor, revision_id)
    pictures, said = None, captions.NOTHING
    try:
        pictures = await context.pictures.get(published.asset_id)
        said = await captions.of_title(context, published, revision_id)
    except (asyncpg.PostgresError, *postgres.UNAVAILABLE, KadrError):
        pass  # the page does without
    image = pictures.poster.image(type="image/jpeg") if pictures and pictures.poster else None
    width, height = size_of(content) or WIDE
    spoken = [track.language for track in content.subtitles if track.whole is not None]
    return VideoPage(
        sites=sites_of(context.settings),
        playback_id=visitor.playback_id,
        public_id=published.public_id if published.policy is Policy.PUBLIC else None,
        title=published.title,
        description=published.description,
        tags=published.tags,
        published_at=published.published_at,
        expires_at=published.expires_at,
        duration_s=content.duration_s,
        size=Size(width=width, height=height),
        poster=Size(width=image.width, height=image.height) if image else None,
        mp4=best_mp4((one.name, one.width, one.height) for one in content.downloads),
        language=published.language,
        languages=tuple(dict.fromkeys([*([published.language] if published.language else []), *spoken])),
        page_url=published.page_url,
        family_friendly=published.family_friendly,
        author=published.author,
        chapters=tuple(
            Moment(start_s=one.start_ms / 1000, end_s=one.end_ms / 1000, title=one.title) for one in said.chapters
        ),
        transcript=" ".join(said.transcript.index.texts)[:MOST_TRANSCRIPT_CHARS] if said.transcript else "",
        is_listed=listed(published.standing, datetime.now(UTC)),
    )
