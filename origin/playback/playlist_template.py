"""Multivariant playlists: a template per title, filled with each session's paths.

In: renditions, subtitles, pathways, steering URI. Out: the text that `packager.multivariant` writes. Its bandwidths are
sums over every segment of a title, so that writing one takes milliseconds; filling a template takes microseconds.
"""

import re
from functools import lru_cache

from core.media.encoded import Rendition, Subtitles
from packager.multivariant import multivariant
from packager.names import Pathway

MAX_TEMPLATES = 1024
_STEERING = "s"
_PLACEHOLDER = re.compile("\0([0-9]+|s)\0")  # no playlist contains NUL


def fill_playlist(
    renditions: tuple[Rendition, ...],
    subtitles: tuple[Subtitles, ...],
    pathways: tuple[Pathway, ...],
    steering_uri: str | None,
) -> bytes:
    """The playlist of one session; pathways of sessions differ in nothing but prefixes and order."""
    title = _Title(renditions, subtitles)
    pieces = list(_template(title, tuple(pathway.id for pathway in pathways), steering_uri is not None))
    for at in range(1, len(pieces), 2):
        place = pieces[at]
        pieces[at] = (steering_uri or "") if place == _STEERING else pathways[int(place)].prefix
    return "".join(pieces).encode()


class _Title:
    """A title compared by identity: hashing its thousands of segments would cost more than writing the playlist.

    Manifests are held in memory, so the same title is the same object; the reference here keeps its id from being
    reused.
    """

    __slots__ = ("renditions", "subtitles")

    def __init__(self, renditions: tuple[Rendition, ...], subtitles: tuple[Subtitles, ...]) -> None:
        self.renditions = renditions
        self.subtitles = subtitles

    def __hash__(self) -> int:
        return id(self.renditions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Title) and other.renditions is self.renditions and other.subtitles is self.subtitles


@lru_cache(maxsize=MAX_TEMPLATES)
def _template(title: _Title, ids: tuple[str, ...], steered: bool) -> list[str]:
    """Text and placeholders in turn: a placeholder is the number of a pathway, or `s` for the steering URI."""
    places = tuple(Pathway(id=name, prefix=f"\0{number}\0") for number, name in enumerate(ids))
    steering = f"\0{_STEERING}\0" if steered else None
    return _PLACEHOLDER.split(multivariant(title.renditions, places, subtitles=title.subtitles, steering_uri=steering))
