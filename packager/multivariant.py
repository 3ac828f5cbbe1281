"""The multivariant playlist as text. Pure. Rule numbers are those of Apple's HLS Authoring Specification; RFC is
8216bis.

In: renditions, subtitles and the pathways they can be fetched by. Out: each variant, group and I-frame list once for
each pathway, alike but for URIs and group ids: players match them by everything else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import KadrError
from core.media.encoded import Rendition, RenditionKind, Subtitles
from core.media.languages import language_name
from packager.names import IFRAMES_NAME, PLAYLIST_NAME, Pathway, stable_id, unique

VERSION = 7
STARTUP_BPS = 2_000_000  # the first variant is what a player starts with: near 2 Mb/s [9.2]
ALONE = (Pathway(),)
TRANSCRIBES = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
MACHINE = "public.machine-generated"


class PathwaysUnclear(KadrError):
    """Several pathways need a name each, and no two the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """A rendition with the rates that are told of it."""

    rendition: Rendition
    peak_bps: int
    average_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Title:
    """What is to be listed for each pathway."""

    audio: list[Rendition]
    subtitles: Sequence[Subtitles]
    variants: list[_Listed]  # with the sound beside them; the one to start with first
    iframes: list[_Listed]

    @property
    def sound_codecs(self) -> list[str]:
        """Every format in the audio group: each variant that names the group has them all (RFC 4.4.6.1.1)."""
        return list(dict.fromkeys(r.codec for r in self.audio))


def multivariant(
    renditions: Sequence[Rendition],
    pathways: Sequence[Pathway] = ALONE,
    *,
    subtitles: Sequence[Subtitles] = (),
    steering_uri: str | None = None,
) -> str:
    """The playlist with all variants. Audio is a group of its own, or absent where there is none. The first pathway is
    the one that players take before they are steered. Raises PathwaysUnclear."""
    ids = [pathway.id for pathway in pathways]
    if not ids or len(set(ids)) < len(ids) or (len(ids) > 1 and "" in ids):
        raise PathwaysUnclear
    title = _title(renditions, subtitles)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if steering_uri is not None:
        first = [f"SERVER-URI={_quoted(steering_uri)}", *_named(pathways[0])]  # [9.18]
        lines.append(f"#EXT-X-CONTENT-STEERING:{','.join(first)}")
    for pathway in pathways:
        lines += [*_sounds(title, pathway), *_texts(title, pathway), *_variants(title, pathway)]
        lines += _iframes(title, pathway)
    return "\n".join([*lines, ""])


def _title(renditions: Sequence[Rendition], subtitles: Sequence[Subtitles]) -> _Title:
    """Pictures are the variants; of a title without any its first sound is."""
    audio = [r for r in renditions if r.kind is RenditionKind.AUDIO]
    video = [r for r in renditions if r.kind is RenditionKind.VIDEO]
    # The largest of each group, beside any picture [9.13].
    peak_bps = sum(max((track.bandwidth_bps for track in group), default=0) for group in (audio, subtitles))
    average_bps = sum(max((track.average_bandwidth_bps for track in group), default=0) for group in (audio, subtitles))
    if video:
        variants = [
            _Listed(rendition=r, peak_bps=peak_bps + r.bandwidth_bps, average_bps=average_bps + r.average_bandwidth_bps)
            for r in video
        ]
    else:
        variants = [_Listed(rendition=r, peak_bps=peak_bps, average_bps=average_bps) for r in audio[:1]]
    first = min(variants, key=lambda listed: abs(listed.average_bps - STARTUP_BPS))
    variants = [first, *(listed for listed in variants if listed is not first)]
    iframes = [
        _Listed(rendition=r, peak_bps=r.keyframes_bandwidth_bps, average_bps=r.keyframes_average_bandwidth_bps)
        for r in (listed.rendition for listed in variants)
        if r.kind is RenditionKind.VIDEO and r.keyframes_known
    ]
    return _Title(audio=audio, subtitles=subtitles, variants=variants, iframes=iframes)


def _quoted(text: str) -> str:
    """A quoted-string, which can hold neither quotes nor line ends (RFC 4.2)."""
    return f'"{_spoken(text)}"'


def _spoken(text: str) -> str:
    return re.sub('["\r\n\ud800-\udfff]', "", text)  # lone surrogates have no UTF-8


def _group(kind: str, pathway: Pathway) -> str:
    return f"{kind}-{pathway.id}" if pathway.id else kind


def _sounds(title: _Title, pathway: Pathway) -> list[str]:
    names = unique(_spoken(_name(rendition)) for rendition in title.audio)
    lines = []
    for number, (rendition, name) in enumerate(zip(title.audio, names, strict=True)):
        attributes = [
            "TYPE=AUDIO",
            f'GROUP-ID="{_group("audio", pathway)}"',
            f'NAME="{name}"',
            f"LANGUAGE={_quoted(rendition.language or 'und')}",  # [8.10]
            f"DEFAULT={'YES' if number == 0 else 'NO'}",
            "AUTOSELECT=YES",
            f'CHANNELS="{rendition.channels}"',
            f'STABLE-RENDITION-ID="{stable_id(rendition)}"',
            *_named(pathway),
            f"URI={_quoted(pathway.uri(f'{rendition.id}/{PLAYLIST_NAME}'))}",
        ]
        lines.append(f"#EXT-X-MEDIA:{','.join(attributes)}")
    return lines


def _name(sound: Rendition) -> str:
    if sound.name is not None:
        return sound.name
    return language_name(sound.language) if sound.language else "Original"


def _texts(title: _Title, pathway: Pathway) -> list[str]:
    names = unique(_spoken(track.name) for track in title.subtitles)
    lines = []
    for track, name in zip(title.subtitles, names, strict=True):
        traits = [*([TRANSCRIBES] if track.captions else []), *([MACHINE] if track.machine_generated else [])]
        attributes = [
            "TYPE=SUBTITLES",
            f'GROUP-ID="{_group("subtitles", pathway)}"',
            f'NAME="{name}"',
            f"LANGUAGE={_quoted(track.language)}",
            "DEFAULT=NO",
            "AUTOSELECT=YES",
            "FORCED=NO",
            *([f'CHARACTERISTICS="{",".join(traits)}"'] if traits else []),
            f'STABLE-RENDITION-ID="{stable_id(track)}"',
            *_named(pathway),
            f"URI={_quoted(pathway.uri(f'{track.id}/{PLAYLIST_NAME}'))}",
        ]
        lines.append(f"#EXT-X-MEDIA:{','.join(attributes)}")
    return lines


def _variants(title: _Title, pathway: Pathway) -> list[str]:
    groups = [
        *([f'AUDIO="{_group("audio", pathway)}"'] if title.audio else []),
        *([f'SUBTITLES="{_group("subtitles", pathway)}"'] if title.subtitles else []),
        # Without it one player fetches segments from the middle to look for captions before it starts.
        "CLOSED-CAPTIONS=NONE",
    ]
    lines = []
    for listed in title.variants:
        rendition = listed.rendition
        picture = rendition.kind is RenditionKind.VIDEO
        codecs = [*([rendition.codec] if picture else []), *title.sound_codecs]
        attributes = [
            f"BANDWIDTH={listed.peak_bps}",  # [9.13] the largest sum that can be played
            f"AVERAGE-BANDWIDTH={listed.average_bps}",  # [9.14]
            f'CODECS="{",".join(codecs)}"',  # [9.1]
            *([f"RESOLUTION={rendition.width}x{rendition.height}"] if picture else []),  # [9.2]
            *([f"FRAME-RATE={float(rendition.frame_rate or 0):.3f}"] if picture else []),  # [9.15]
            *groups,
            *_identity(stable_id(rendition), pathway),
        ]
        uri = _spoken(pathway.uri(f"{rendition.id}/{PLAYLIST_NAME}"))
        lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", uri]
    return lines


def _iframes(title: _Title, pathway: Pathway) -> list[str]:
    """Pictures to show while seeking [6.1], of each rendition whose keyframes are known."""
    lines = []
    for listed in title.iframes:
        rendition = listed.rendition
        attributes = [
            f"BANDWIDTH={listed.peak_bps}",
            f"AVERAGE-BANDWIDTH={listed.average_bps}",
            f'CODECS="{rendition.codec}"',
            f"RESOLUTION={rendition.width}x{rendition.height}",
            # Another URI than the variant's, so another id.
            *_identity(f"{stable_id(rendition)}.iframes", pathway),
            f"URI={_quoted(pathway.uri(f'{rendition.id}/{IFRAMES_NAME}'))}",
        ]
        lines.append(f"#EXT-X-I-FRAME-STREAM-INF:{','.join(attributes)}")
    return lines


def _identity(stable: str, pathway: Pathway) -> list[str]:
    return [f'STABLE-VARIANT-ID="{stable}"', *_named(pathway)]


def _named(pathway: Pathway) -> list[str]:
    """Also on EXT-X-MEDIA, where the RFC knows it not and has it ignored: Shaka finds subtitles' pathway by nothing
    else, and loads none without."""
    return [f'PATHWAY-ID="{pathway.id}"'] if pathway.id else []
