"""What files of a revision are called, and how a pathway spells their URIs. Pure.

All names are `[0-9a-z]+[.][0-9a-z]+`, at most one folder below the revision: the origin serves no other spelling.
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
    return f"{number:05d}.vtt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pathway:
    """One way to the same files: what stands before and after every path. Only a single one may be nameless."""

    id: str = ""
    prefix: str = ""
    query: str = ""

    def uri(self, path: str) -> str:
        return f"{self.prefix}{path}{f'?{self.query}' if self.query else ''}"


def stable_id(track: Rendition | Subtitles) -> str:
    """Names what a URI leads to, the same in every revision and on every pathway (RFC 8216bis, 4.4.6.2).

    Made of what a viewer would call the same quality: rung, size and codec, or track and language.
    """
    if isinstance(track, Subtitles):
        facts = [track.id, track.language, "vtt"]
    elif track.kind is RenditionKind.VIDEO:
        facts = [track.id, f"{track.width}x{track.height}", track.codec.partition(".")[0]]
    else:
        facts = [track.id, track.language or "und", track.codec.partition(".")[0]]
    return ".".join(re.sub(r"[^0-9A-Za-z-]", "", fact) for fact in facts)


def unique(names: Iterable[str]) -> list[str]:
    """The names as they are, with a number after each one that was there before (RFC 8216bis, 4.4.6.1.1)."""
    given: list[str] = []
    for name in names:
        number, spelled = 1, name
        while spelled in given:
            number += 1
            spelled = f"{name} {number}"
        given.append(spelled)
    return given
