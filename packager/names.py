"""File names in a revision, and their URIs on a pathway. Pure.

All names are `[0-9a-z]+[.][0-9a-z]+`, at most one folder below the revision: the origin serves no other names.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.media.encoded import Rendition, RenditionKind, Subtitles

INIT_NAME = "init.mp4"
PLAYLIST_NAME = "index.m3u8"
IFRAMES_NAME = "iframes.m3u8"
MPD_NAME = "manifest.mpd"
WHOLE_NAME = "whole.vtt"  # a subtitle track in one file


def segment_name(number: int) -> str:
    """File name of the segment with this number, from 0."""
    return f"{number:05d}.m4s"


def subtitle_segment_name(number: int) -> str:
    """File name of the subtitle segment with this number, from 0."""
    return f"{number:05d}.vtt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pathway:
    """Base URL and query for the files of a revision, such as a CDN's. `id` may be empty only for a single pathway."""

    id: str = ""
    prefix: str = ""
    query: str = ""

    def uri(self, path: str) -> str:
        return f"{self.prefix}{path}{f'?{self.query}' if self.query else ''}"


def stable_id(track: Rendition | Subtitles) -> str:
    """STABLE-VARIANT-ID or STABLE-RENDITION-ID, equal in every revision and on every pathway (RFC 8216bis, 4.4.6.2).

    It consists of rung, size and codec, or of track and language.
    """
    if isinstance(track, Subtitles):
        facts = [track.id, track.language, "vtt"]
    elif track.kind is RenditionKind.VIDEO:
        facts = [track.id, f"{track.width}x{track.height}", track.codec.partition(".")[0]]
    else:
        facts = [track.id, track.language or "und", track.codec.partition(".")[0]]
    return ".".join(re.sub(r"[^0-9A-Za-z-]", "", fact) for fact in facts)


def unique(names: Iterable[str]) -> list[str]:
    """The names, with a number appended to each repeated one, as NAME must be unique (RFC 8216bis, 4.4.6.1.1)."""
    spelled_names: list[str] = []
    for name in names:
        number, spelled = 1, name
        while spelled in spelled_names:
            number += 1
            spelled = f"{name} {number}"
        spelled_names.append(spelled)
    return spelled_names
