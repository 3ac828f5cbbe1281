"""Multivariant playlists, written once for a set of renditions and filled with each session's paths.

In: renditions, subtitles, pathways, where to steer. Out: the text that `multivariant` writes. Rates are sums over every
segment of a title, so writing one takes milliseconds; filling one takes microseconds.
"""

import re
from functools import lru_cache

from core.media import Rendition, Subtitles
from packager.multivariant import multivariant
from packager.names import Pathway

KEPT = 1024
_STEER = "s"
_PLACE = re.compile("\0([0-9]+|s)\0")  # no playlist holds these


def rendered(
    renditions: tuple[Rendition, ...],
    subtitles: tuple[Subtitles, ...],
    pathways: tuple[Pathway, ...],
    steering_uri: str | None,
) -> bytes:
    """For one session; pathways differ between sessions in their prefixes and their order only."""
    same = _Same(renditions, subtitles)
    pieces = list(_pieces(same, tuple(pathway.id for pathway in pathways), steering_uri is not None))
    for at in range(1, len(pieces), 2):
        place = pieces[at]
        pieces[at] = (steering_uri or "") if place == _STEER else pathways[int(place)].prefix
    return "".join(pieces).encode()


class _Same:
    """A title by identity: hashing its thousands of segments would cost more than writing the playlist.

    Manifests are kept, so the same title is the same object; the reference here keeps its address from being reused.
    """

    __slots__ = ("renditions", "subtitles")

    def __init__(self, renditions: tuple[Rendition, ...], subtitles: tuple[Subtitles, ...]) -> None:
        self.renditions = renditions
        self.subtitles = subtitles

    def __hash__(self) -> int:
        return id(self.renditions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.renditions is self.renditions and other.subtitles is self.subtitles


@lru_cache(maxsize=KEPT)
def _pieces(same: _Same, ids: tuple[str, ...], steered: bool) -> list[str]:
    """Text and places in turn."""
    places = tuple(Pathway(id=name, prefix=f"\0{number}\0") for number, name in enumerate(ids))
    steering = f"\0{_STEER}\0" if steered else None
    return _PLACE.split(multivariant(same.renditions, places, subtitles=same.subtitles, steering_uri=steering))
