"""Renders the HLS multivariant playlist. Pure. Rule numbers are those of Apple's HLS Authoring Specification; RFC is
8216bis.

In: renditions, subtitles and the pathways they can be fetched by. Out: each variant, group and I-frame list once for
each pathway, identical except for URIs and group ids: players match them by the other attributes.
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
SINGLE_PATHWAY = (Pathway(),)
TRANSCRIBES = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
MACHINE = "public.machine-generated"


class AmbiguousPathways(KadrError):
    """Pathways need unique ids, and only a single pathway may have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListedRendition:
    """A rendition with the BANDWIDTH and AVERAGE-BANDWIDTH of its tag, in bits/s."""

    rendition: Rendition
    peak_bps: int
    average_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """The renditions to list, the same for each pathway."""

    audio: list[Rendition]
    subtitles: Sequence[Subtitles]
    variants: list[_ListedRendition]  # rates include audio and subtitles; the variant to start with comes first
    iframes: list[_ListedRendition]

    @property
    def audio_codecs(self) -> list[str]:
        """All codecs of the audio group, as every variant that refers to the group must list them (RFC 4.4.6.1.1)."""
        return list(dict.fromkeys(r.codec for r in self.audio))


def multivariant(
    renditions: Sequence[Rendition],
    pathways: Sequence[Pathway] = SINGLE_PATHWAY,
    *,
    subtitles: Sequence[Subtitles] = (),
    steering_uri: str | None = None,
) -> str:
    """The playlist with all variants. Audio is a group of its own, or absent where there is none. The first pathway is
    the one that players use until they are steered. Raises AmbiguousPathways."""
    ids = [pathway.id for pathway in pathways]
    if not ids or len(set(ids)) < len(ids) or (len(ids) > 1 and "" in ids):
        raise AmbiguousPathways
    listing = _listing(renditions, subtitles)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if steering_uri is not None:
        first = [f"SERVER-URI={_quoted(steering_uri)}", *_pathway_id(pathways[0])]  # [9.18]
        lines.append(f"#EXT-X-CONTENT-STEERING:{','.join(first)}")
    for pathway in pathways:
        lines += [*_audio_media(listing, pathway), *_subtitle_media(listing, pathway), *_stream_infs(listing, pathway)]
        lines += _iframe_stream_infs(listing, pathway)
    return "\n".join([*lines, ""])


def _listing(renditions: Sequence[Rendition], subtitles: Sequence[Subtitles]) -> _Listing:
    """The variants are the video renditions; without video, the first audio rendition."""
    audio = [r for r in renditions if r.kind is RenditionKind.AUDIO]
    video = [r for r in renditions if r.kind is RenditionKind.VIDEO]
    # The largest rate of each group, added to every video rendition [9.13].
    peak_bps = sum(max((track.bandwidth_bps for track in group), default=0) for group in (audio, subtitles))
    average_bps = sum(max((track.average_bandwidth_bps for track in group), default=0) for group in (audio, subtitles))
    if video:
        variants = [
            _ListedRendition(
                rendition=r, peak_bps=peak_bps + r.bandwidth_bps, average_bps=average_bps + r.average_bandwidth_bps
            )
            for r in video
        ]
    else:
        variants = [_ListedRendition(rendition=r, peak_bps=peak_bps, average_bps=average_bps) for r in audio[:1]]
    first = min(variants, key=lambda listed: abs(listed.average_bps - STARTUP_BPS))
    variants = [first, *(listed for listed in variants if listed is not first)]
    iframes = [
        _ListedRendition(rendition=r, peak_bps=r.keyframes_bandwidth_bps, average_bps=r.keyframes_average_bandwidth_bps)
        for r in (listed.rendition for listed in variants)
        if r.kind is RenditionKind.VIDEO and r.keyframes_known
    ]
    # What a player takes first is the full text, never one that is nearly empty.
    subtitles = sorted(subtitles, key=lambda track: track.forced)
    return _Listing(audio=audio, subtitles=subtitles, variants=variants, iframes=iframes)


def _quoted(text: str) -> str:
    """The text as a quoted-string, without quotes and line breaks, which it cannot contain (RFC 4.2)."""
    return f'"{_quotable(text)}"'


def _quotable(text: str) -> str:
    return re.sub('["\r\n\ud800-\udfff]', "", text)  # lone surrogates have no UTF-8


def _group(kind: str, pathway: Pathway) -> str:
    return f"{kind}-{pathway.id}" if pathway.id else kind


def _audio_media(listing: _Listing, pathway: Pathway) -> list[str]:
    names = unique(_quotable(_name(rendition)) for rendition in listing.audio)
    lines = []
    for number, (rendition, name) in enumerate(zip(listing.audio, names, strict=True)):
        attributes = [
            "TYPE=AUDIO",
            f'GROUP-ID="{_group("audio", pathway)}"',
            f'NAME="{name}"',
            f"LANGUAGE={_quoted(rendition.language or 'und')}",  # [8.10]
            f"DEFAULT={'YES' if number == 0 else 'NO'}",
            "AUTOSELECT=YES",
            f'CHANNELS="{rendition.channels}"',
            f'STABLE-RENDITION-ID="{stable_id(rendition)}"',
            *_pathway_id(pathway),
            f"URI={_quoted(pathway.uri(f'{rendition.id}/{PLAYLIST_NAME}'))}",
        ]
        lines.append(f"#EXT-X-MEDIA:{','.join(attributes)}")
    return lines


def _name(audio: Rendition) -> str:
    if audio.name is not None:
        return audio.name
    return language_name(audio.language) if audio.language else "Original"


def _subtitle_media(listing: _Listing, pathway: Pathway) -> list[str]:
    names = unique(_quotable(track.name) for track in listing.subtitles)
    lines = []
    for track, name in zip(listing.subtitles, names, strict=True):
        traits = [*([TRANSCRIBES] if track.captions else []), *([MACHINE] if track.machine_generated else [])]
        attributes = [
            "TYPE=SUBTITLES",
            f'GROUP-ID="{_group("subtitles", pathway)}"',
            f'NAME="{name}"',
            f"LANGUAGE={_quoted(track.language)}",
            "DEFAULT=NO",
            "AUTOSELECT=YES",
            f"FORCED={'YES' if track.forced else 'NO'}",
            *([f'CHARACTERISTICS="{",".join(traits)}"'] if traits else []),
            f'STABLE-RENDITION-ID="{stable_id(track)}"',
            *_pathway_id(pathway),
            f"URI={_quoted(pathway.uri(f'{track.id}/{PLAYLIST_NAME}'))}",
        ]
        lines.append(f"#EXT-X-MEDIA:{','.join(attributes)}")
    return lines


def _stream_infs(listing: _Listing, pathway: Pathway) -> list[str]:
    groups = [
        *([f'AUDIO="{_group("audio", pathway)}"'] if listing.audio else []),
        *([f'SUBTITLES="{_group("subtitles", pathway)}"'] if listing.subtitles else []),
        # Without it one player downloads segments from the middle to look for captions before it starts.
        "CLOSED-CAPTIONS=NONE",
    ]
    lines = []
    for listed in listing.variants:
        rendition = listed.rendition
        is_video = rendition.kind is RenditionKind.VIDEO
        codecs = [*([rendition.codec] if is_video else []), *listing.audio_codecs]
        attributes = [
            f"BANDWIDTH={listed.peak_bps}",  # [9.13] the largest sum of renditions played together
            f"AVERAGE-BANDWIDTH={listed.average_bps}",  # [9.14]
            f'CODECS="{",".join(codecs)}"',  # [9.1]
            *([f"RESOLUTION={rendition.width}x{rendition.height}"] if is_video else []),  # [9.2]
            *([f"FRAME-RATE={float(rendition.frame_rate or 0):.3f}"] if is_video else []),  # [9.15]
            *groups,
            *_identity(stable_id(rendition), pathway),
        ]
        uri = _quotable(pathway.uri(f"{rendition.id}/{PLAYLIST_NAME}"))
        lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", uri]
    return lines


def _iframe_stream_infs(listing: _Listing, pathway: Pathway) -> list[str]:
    """I-frame playlists for trick play [6.1], of each rendition whose keyframes are known."""
    lines = []
    for listed in listing.iframes:
        rendition = listed.rendition
        attributes = [
            f"BANDWIDTH={listed.peak_bps}",
            f"AVERAGE-BANDWIDTH={listed.average_bps}",
            f'CODECS="{rendition.codec}"',
            f"RESOLUTION={rendition.width}x{rendition.height}",
            # The URI differs from the variant's, so the id must, too.
            *_identity(f"{stable_id(rendition)}.iframes", pathway),
            f"URI={_quoted(pathway.uri(f'{rendition.id}/{IFRAMES_NAME}'))}",
        ]
        lines.append(f"#EXT-X-I-FRAME-STREAM-INF:{','.join(attributes)}")
    return lines


def _identity(stable: str, pathway: Pathway) -> list[str]:
    return [f'STABLE-VARIANT-ID="{stable}"', *_pathway_id(pathway)]


def _pathway_id(pathway: Pathway) -> list[str]:
    """The PATHWAY-ID attribute. Also on EXT-X-MEDIA, where the RFC has unknown attributes ignored: without it Shaka
    cannot assign subtitles to a pathway and loads none."""
    return [f'PATHWAY-ID="{pathway.id}"'] if pathway.id else []
