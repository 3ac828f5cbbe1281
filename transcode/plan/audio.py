"""Which audio renditions a title gets, and which of its tracks can be copied. Pure."""

import re
from dataclasses import replace
from fractions import Fraction

from core.media.languages import standard_tag
from transcode.encode.cutters import AAC_FRAME_SAMPLES
from transcode.plan.encode_plan import AudioPlan, EncodePlan
from transcode.probe.source import INDEXED, AudioTrack, Source

MAX_AUDIO_RENDITIONS = 8
SIDES_APART_S = Fraction(1, 10)  # how much two mono tracks of one recording may differ in start and length
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def audio_plans(source: Source, duration_s: Fraction, *, trimmed: bool) -> tuple[AudioPlan, ...]:
    """The first track of each language. A track without a language counts only when it is the first of all."""
    right = _right_side(source.audio)
    chosen: list[AudioPlan] = []
    for track in source.audio:
        language = language_tag(track.language)
        languages = {plan.language for plan in chosen}
        if chosen and (language is None or language in languages or len(chosen) == MAX_AUDIO_RENDITIONS):
            continue
        sides = (track, right) if right and not chosen else (track,)
        copyable = not trimmed and len(sides) == 1 and _copyable(source, track, duration_s)
        chosen.append(
            AudioPlan(
                id=f"a{len(chosen) + 1}",
                index=track.index,
                language=language,
                channels=track.channels,
                copyable=copyable,
                copyable_for_now=not trimmed and len(sides) == 1 and _is_aac(source, track),
                layout=track.layout,
                right=sides[1].index if len(sides) == 2 else None,
                long_gaps_s=tuple(sorted({end for side in sides for end in side.long_gaps_s})),
            )
        )
    return tuple(chosen)


def _right_side(tracks: tuple[AudioTrack, ...]) -> AudioTrack | None:
    """The second track where the first two are the left and right side of one recording, as cameras write it."""
    if len(tracks) < 2:
        return None
    left, right = tracks[:2]
    alike = (left.codec, left.sample_rate_hz, left.language) == (right.codec, right.sample_rate_hz, right.language)
    together = max(abs(left.start_s - right.start_s), abs(left.duration_s - right.duration_s)) <= SIDES_APART_S
    return right if alike and together and left.channels == right.channels == 1 else None


def dubbed(title: EncodePlan, source: Source, rendition: str, language: str) -> EncodePlan:
    """Plan of one more audio rendition of `title`: the first track of `source`, cut and ended as the title is."""
    track = replace(audio_plans(source, title.duration_s, trimmed=True)[0], id=rendition, language=language)
    return replace(
        title,
        container=source.container,
        origin_s=source.origin_s,
        video=None,
        first_frame=0,
        rungs=(),
        audio=(track,),
        passthrough=None,
    )


def _copyable(source: Source, track: AudioTrack, duration_s: Fraction) -> bool:
    """Whether the track is plain stereo AAC that starts and ends with the title."""
    return (
        _is_aac(source, track)
        and track.channels <= 2
        and track.sample_rate_hz in (44_100, 48_000)
        and track.bit_rate_bps <= 200_000
        and abs(track.start_s) <= Fraction(3 * AAC_FRAME_SAMPLES, track.sample_rate_hz)
        and track.start_s + track.duration_s >= duration_s - Fraction(1, 20)
    )


def _is_aac(source: Source, track: AudioTrack) -> bool:
    """Whether the track is AAC as every player takes it, with the same parameters throughout."""
    plain = (track.codec, track.profile, track.parameter_changes) == ("aac", "LC", 0)
    return plain and source.container in INDEXED and not source.damaged


def reason(source: Source, chosen: tuple[AudioPlan, ...]) -> str:
    """Why the title has these audio renditions, or none, for people."""
    if not chosen:
        return f"codec {', '.join(source.unplayable_audio)} is unknown" if source.unplayable_audio else "it is silent"
    left_out = len(source.audio) - len(chosen)
    return f"one for each language{f'; {left_out} more tracks are left out' if left_out else ''}"


def language_tag(named: str | None) -> str | None:
    """BCP 47 tag of a container's language ("eng" becomes "en"); None where undetermined or not a language tag."""
    if named is None or not _TAG.fullmatch(named):
        return None
    tag = standard_tag(named)
    return None if tag in ("und", "mul", "mis", "zxx") else tag
