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
) -> str:
    """For one session; pathways differ between sessions in their prefixes and their order only."""
    ids = tuple(pathway.id for pathway in pathways)
    pieces = list(_pieces(_Same(renditions), subtitles, ids, steering_uri is not None))
    for at in range(1, len(pieces), 2):
        place = pieces[at]
        pieces[at] = (steering_uri or "") if place == _STEER else pathways[int(place)].prefix
    return "".join(pieces)


class _Same:
    """Renditions by identity: hashing a title's thousands of segments would cost more than writing the playlist.

    Manifests are kept, so the same title is the same object; the reference here keeps its address from being reused.
    """

    __slots__ = ("renditions",)

    def __init__(self, renditions: tuple[Rendition, ...]) -> None:
        self.renditions = renditions

    def __hash__(self) -> int:
        return id(self.renditions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.renditions is self.renditions


@lru_cache(maxsize=KEPT)
def _pieces(same: _Same, subtitles: tuple[Subtitles, ...], ids: tuple[str, ...], steered: bool) -> list[str]:
    """Text and places in turn."""
    places = tuple(Pathway(id=name, prefix=f"\0{number}\0") for number, name in enumerate(ids))
    steering = f"\0{_STEER}\0" if steered else None
    return _PLACE.split(multivariant(same.renditions, places, subtitles=subtitles, steering_uri=steering))
