"""Source + options -> EncodePlan: every decision about an encode as one value, each with its reason. Pure, no I/O.

The plan counts in output frames: how many there are and where they are cut is decided here, so that every output can be
checked against it. Times on the upload's own timeline start at its earliest picture or sound.
"""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from pydantic import TypeAdapter

from core.digest import digest
from core.errors import Rejected
from presets.codec import codec_preset
from presets.effort import Effort
from presets.ladder import SHORTEST_SIDE
from presets.profile import Profile, profile
from presets.rung import Codec
from transcode import grid, passthrough
from transcode.cut import AAC_FRAME_SAMPLES
from transcode.rungs import VideoRung, rungs
from transcode.source import AudioTrack, Index, Source, VideoTrack
from transcode.watermark import Watermark

VERSION = 2  # part of the plan's digest: a change of what the encoder does must not reuse old outputs
HALF_RATE_ABOVE = 30  # frames a second: small rungs show every second frame of anything faster
AUDIO_RATE_HZ = 48_000
SEEKABLE = ("mp4", "matroska", "mpegts")  # where a seek finds the picture it was asked for
INDEXED = ("mp4", "matroska")  # ... and lands on a keyframe
MAX_SOUNDS = 8
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the owner or the operator wishes."""

    profile: str = "standard"
    codec: Codec = Codec.H264
    effort: Effort = Effort.BALANCED
    ladder: Literal["smart", "apple"] = "smart"
    preset: str | None = None  # the encoder's own preset, instead of the effort's
    start_s: Fraction = Fraction(0)
    end_s: Fraction | None = None
    watermark: Watermark | None = None
    chunk_s: int | None = grid.SHORTEST_CHUNK_S  # None: in one piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is done to every frame of track `index` before the rungs part."""

    index: int
    deinterlace: bool
    tone_map: bool
    from_matrix: str  # what the picture's YCbCr means: "bt709", "bt601" or "bt2020"
    from_full_range: bool
    retimed: bool  # the pictures' own times cannot be true: they are shown one after the other instead
    watermark: Watermark | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundPlan:
    """One stereo AAC rendition from track `index`; `copy` where its frames may be taken as they are."""

    id: str
    index: int
    language: str | None
    channels: int  # of the track; 2 unless its frames are copied
    copyable: bool
    copyable_for_now: bool  # good enough until the ladder is there: any AAC, a little short, as loud as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Passthrough:
    """The upload's own picture track as a rendition: shown at once, and kept for good where `lasting`."""

    rung: VideoRung
    bps: int
    lasting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided and why, for people."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodePlan:
    """What to encode. Rungs go from largest to smallest and share the cuts. Without a picture a frame is one of AAC."""

    version: int
    container: str
    origin_s: Fraction  # where the upload's timeline begins in the file's own times
    picture: Picture | None
    frame_rate: Fraction
    frames: int
    first_frame: int  # of the upload's timeline, where the title starts: above 0 where it was trimmed
    seek_back_s: Fraction  # how much earlier than a chunk its reading starts
    gop_frames: int
    segment_frames: int  # between regular cuts
    cuts: tuple[int, ...]
    shortest_chunk_s: Fraction | None  # None: in one piece
    shown_frames: int  # from here on the last picture stands: no chunk begins there
    chunks: tuple[int, ...]
    half_rate_at: int  # rungs up to this short side show every second frame; 0 where the title is slow enough
    rungs: tuple[VideoRung, ...]
    first_rung: str | None  # goes first and is shown while the others are made
    sounds: tuple[SoundPlan, ...]
    audio_bps: int
    codec: Codec
    preset: str
    encoder_options: tuple[tuple[str, str], ...]
    passthrough: Passthrough | None
    smart: bool  # rungs are still to be chosen by measuring
    effort: Effort
    decisions: tuple[Decision, ...]

    @property
    def duration_s(self) -> Fraction:
        return self.frames / self.frame_rate

    @property
    def start_s(self) -> Fraction:
        return self.first_frame / self.frame_rate

    @property
    def timescale(self) -> int:
        """Ticks per second in which one frame is a whole number of ticks and times stay exact."""
        return self.frame_rate.numerator * (1 if self.frame_rate.numerator >= 1000 else 1000)

    @property
    def frame_ticks(self) -> int:
        return self.timescale * self.frame_rate.denominator // self.frame_rate.numerator

    @property
    def cuts_s(self) -> tuple[Fraction, ...]:
        return tuple(cut / self.frame_rate for cut in self.cuts)

    def chunk(self, number: int) -> tuple[int, int]:
        """First frame of a chunk and the one after its last."""
        ends = (*self.chunks[1:], self.frames)
        return self.chunks[number], ends[number]

    def digest(self) -> str:
        """Identity of what will come out; the reasons given do not count."""
        return digest(plan_to_json(replace(self, decisions=())))


def plan(source: Source, index: Index | None, options: Options | None = None) -> EncodePlan:
    """Decide. Raises Rejected: dimensions, no_video, trim."""
    options = options or Options()
    wanted = profile(options.profile)
    start_s, end_s = _trim(source, options)
    if not wanted.video:
        return _sound_only(source, wanted, options, start_s, end_s)
    if source.video is None:
        raise Rejected(
            "no_video",
            "The file has no video track.",
            "Upload a file with a picture track, or choose the profile audio-only.",
        )
    return _with_picture(source, source.video, index, wanted, options, start_s, end_s)


def _trim(source: Source, options: Options) -> tuple[Fraction, Fraction]:
    end_s = source.duration_s if options.end_s is None else min(options.end_s, source.duration_s)
    if not 0 <= options.start_s < end_s:
        raise Rejected(
            "trim",
            f"From {float(options.start_s):g} s to {float(end_s):g} s nothing of the title is left.",
            f"Give a start below {float(source.duration_s):g} s and an end after it.",
        )
    return options.start_s, end_s


def _with_picture(
    source: Source,
    video: VideoTrack,
    index: Index | None,
    wanted: Profile,
    options: Options,
    start_s: Fraction,
    end_s: Fraction,
) -> EncodePlan:
    if min(video.shown_width, video.shown_height) < SHORTEST_SIDE:
        raise Rejected(
            "dimensions",
            f"The picture is {video.shown_width}x{video.shown_height}.",
            f"The short side must be at least {SHORTEST_SIDE} pixels.",
        )
    codec = codec_preset(options.codec)
    rate = video.frame_rate
    while rate > wanted.fastest_rate:
        rate /= 2
    halve = rate > HALF_RATE_ABOVE
    step = 2 if halve else 1
    ladder = rungs(
        video.shown_width,
        video.shown_height,
        wanted.ladders.get(options.codec, wanted.ladders[Codec.H264]),
        crf=codec.efforts[options.effort].crf,
        half_rate_at=wanted.fast_above_side if halve else 0,
    )
    # Every rung shows the same time: a halved one needs an even count.
    frames = max(step, round((end_s - start_s) * rate / step) * step)
    gop = max(step, round(wanted.gop_s * rate / step) * step)
    cuts = grid.regular_cuts(frames, gop * wanted.gops_per_segment)
    through, refused = passthrough.decide(
        source, video, index, ladder[0], rate=rate, altered=_altered(options), codec=options.codec.value
    )
    decisions = [
        Decision(what=f"{rate} frames a second", why=_rate_reason(video, rate)),
        Decision(what=f"{len(ladder)} rungs: {', '.join(r.id for r in ladder)}", why=_ladder_reason(video, ladder)),
    ]
    lasting = False
    if through is not None:
        frames = through.frames
        lasting = options.ladder == "smart" and through.lasting
        # What is shown first is cut at its own keyframes; the ladder follows only if it stays.
        cuts = through.cuts if lasting else grid.regular_cuts(frames, gop * wanted.gops_per_segment)
        if any(cut % 2 for cut in (*cuts, frames)):
            ladder = tuple(replace(rung, frame_step=1) for rung in ladder)
    decisions.append(Decision(what="passthrough" if through else "no passthrough", why=refused))
    shortest_chunk_s, why_chunks = _shortest_chunk(source, video, options)
    shown_frames = max(1, min(frames, int((video.start_s + video.duration_s - start_s) * rate)))
    chunks = _chunks(cuts, shown_frames, rate, shortest_chunk_s)
    decisions.append(Decision(what=f"{len(chunks)} chunk{'s' * (len(chunks) > 1)}", why=why_chunks))
    sounds = _sounds(source, end_s - start_s, trimmed=start_s > 0 or options.end_s is not None)
    decisions.append(Decision(what=f"{len(sounds)} sound renditions", why=_sound_reason(source, sounds)))
    first = next((rung for rung in ladder if rung.short_side <= 360), ladder[-1])
    return EncodePlan(
        version=VERSION,
        container=source.container,
        origin_s=source.origin_s,
        picture=Picture(
            index=video.index,
            deinterlace=video.interlaced,
            tone_map=video.is_hdr,
            from_matrix=_matrix(video.matrix, min(video.width, video.height)),
            from_full_range=video.full_range,
            retimed=rate == video.frame_rate and _retimed(video),
            watermark=options.watermark,
        ),
        frame_rate=rate,
        frames=frames,
        first_frame=round(start_s * rate),
        seek_back_s=_seek_back(source, video),
        gop_frames=gop,
        segment_frames=gop * wanted.gops_per_segment,
        cuts=cuts,
        shortest_chunk_s=shortest_chunk_s,
        shown_frames=shown_frames,
        chunks=chunks,
        half_rate_at=wanted.fast_above_side if halve else 0,
        rungs=ladder,
        first_rung=None if through else first.id,
        sounds=sounds,
        audio_bps=wanted.audio_bps,
        codec=options.codec,
        preset=options.preset or codec.efforts[options.effort].preset,
        encoder_options=tuple(sorted(wanted.encoder_options.get(options.codec, {}).items())),
        passthrough=Passthrough(rung=replace(ladder[0], frame_step=1), bps=video.bit_rate_bps, lasting=lasting)
        if through
        else None,
        smart=options.ladder == "smart" and options.codec is Codec.H264,
        effort=options.effort,
        decisions=tuple(decisions),
    )


def _sound_only(source: Source, wanted: Profile, options: Options, start_s: Fraction, end_s: Fraction) -> EncodePlan:
    if not source.audio:
        raise Rejected("no_audio", "The file has no sound that can be decoded.", "Upload a file with a sound track.")
    rate = Fraction(AUDIO_RATE_HZ, AAC_FRAME_SAMPLES)
    frames = max(1, round((end_s - start_s) * rate))
    segment = round(wanted.gop_s * wanted.gops_per_segment * rate)
    return EncodePlan(
        version=VERSION,
        container=source.container,
        origin_s=source.origin_s,
        picture=None,
        frame_rate=rate,
        frames=frames,
        first_frame=round(start_s * rate),
        seek_back_s=Fraction(0),
        gop_frames=segment,
        segment_frames=segment,
        cuts=grid.regular_cuts(frames, segment),
        shortest_chunk_s=None,
        shown_frames=frames,
        chunks=(0,),
        half_rate_at=0,
        rungs=(),
        first_rung=None,
        sounds=_sounds(source, end_s - start_s, trimmed=start_s > 0 or options.end_s is not None),
        audio_bps=wanted.audio_bps,
        codec=options.codec,
        preset="",
        encoder_options=(),
        passthrough=None,
        smart=False,
        effort=options.effort,
        decisions=(Decision(what="sound only", why=f"the profile {wanted.name} has no picture"),),
    )


def _altered(options: Options) -> str:
    """What is to be changed in the picture, which nobody can do without encoding it."""
    if options.watermark:
        return "a watermark is drawn on it"
    return "it is trimmed" if options.start_s > 0 or options.end_s is not None else ""


def _rate_reason(video: VideoTrack, rate: Fraction) -> str:
    if rate != video.frame_rate:
        return f"the upload has {video.frame_rate}, more than the profile's fastest: every second frame is kept"
    return "the upload's rate varies; this keeps its smooth parts smooth" if video.variable else "as the upload"


def _ladder_reason(video: VideoTrack, ladder: tuple[VideoRung, ...]) -> str:
    why = f"the picture is shown at {video.shown_width}x{video.shown_height} and never enlarged"
    if any(rung.frame_step > 1 for rung in ladder):
        why += f"; {', '.join(r.id for r in ladder if r.frame_step > 1)} show every second frame"
    return why


def _shortest_chunk(source: Source, video: VideoTrack, options: Options) -> tuple[Fraction | None, str]:
    if options.chunk_s is None:
        return None, "asked for one piece"
    if source.damaged or source.container not in SEEKABLE or _retimed(video):
        return None, "a seek in this file cannot be trusted"
    shortest_s = max(Fraction(options.chunk_s), grid.GOPS_PER_CHUNK * video.longest_gop_s)
    return shortest_s, f"each at least {float(shortest_s):.1f} s"


def _chunks(cuts: tuple[int, ...], frames: int, rate: Fraction, shortest_s: Fraction | None) -> tuple[int, ...]:
    return (0,) if shortest_s is None else grid.chunks(cuts, frames, rate, shortest_s)


def _retimed(video: VideoTrack) -> bool:
    """Half of the pictures or more would never be seen at the times they claim."""
    return video.frames / video.frame_rate > 2 * video.duration_s


def on_regular_grid(planned: EncodePlan) -> EncodePlan:
    """The same encode without the upload's own picture track, and so without its cuts."""
    frames, rungs = planned.frames, planned.rungs
    if planned.half_rate_at and frames > 1:
        # As it would have been without the track: small rungs show every second frame of an even count.
        frames += frames % 2
        rungs = tuple(replace(r, frame_step=2 if r.short_side <= planned.half_rate_at else 1) for r in rungs)
    cuts = grid.regular_cuts(frames, planned.segment_frames)
    chunks = _chunks(cuts, planned.shown_frames, planned.frame_rate, planned.shortest_chunk_s)
    return replace(planned, passthrough=None, frames=frames, rungs=rungs, cuts=cuts, chunks=chunks)


def _seek_back(source: Source, video: VideoTrack) -> Fraction:
    """A second for filters that look back, the longest time a picture stands, and a GOP where seeks miss keyframes."""
    missed = Fraction(0) if source.container in INDEXED else video.longest_gop_s
    return (1 + video.longest_gap_s + missed).limit_denominator(1000)


def _sounds(source: Source, duration_s: Fraction, *, trimmed: bool) -> tuple[SoundPlan, ...]:
    """The first track of each language; tracks that name none count only as the first of all."""
    chosen: list[SoundPlan] = []
    for track in source.audio:
        language = language_tag(track.language)
        known = {sound.language for sound in chosen}
        if chosen and (language is None or language in known or len(chosen) == MAX_SOUNDS):
            continue
        copyable = not trimmed and _copyable(source, track, duration_s)
        chosen.append(
            SoundPlan(
                id=f"a{len(chosen) + 1}",
                index=track.index,
                language=language,
                channels=track.channels,
                copyable=copyable,
                copyable_for_now=not trimmed and _is_aac(source, track),
            )
        )
    return tuple(chosen)


def dubbed(title: EncodePlan, source: Source, rendition: str, language: str) -> EncodePlan:
    """The plan of one more sound for `title`: the first track of another file, cut and ended as the title is."""
    sound = replace(_sounds(source, title.duration_s, trimmed=True)[0], id=rendition, language=language)
    return replace(
        title,
        container=source.container,
        origin_s=source.origin_s,
        picture=None,
        first_frame=0,
        rungs=(),
        sounds=(sound,),
        passthrough=None,
    )


def _copyable(source: Source, track: AudioTrack, duration_s: Fraction) -> bool:
    """Plain stereo AAC that begins and ends with the title."""
    return (
        _is_aac(source, track)
        and track.channels <= 2
        and track.sample_rate_hz in (44_100, 48_000)
        and track.bit_rate_bps <= 200_000
        and abs(track.start_s) <= Fraction(3 * AAC_FRAME_SAMPLES, track.sample_rate_hz)
        and track.start_s + track.duration_s >= duration_s - Fraction(1, 20)
    )


def _is_aac(source: Source, track: AudioTrack) -> bool:
    return source.container in INDEXED and not source.damaged and (track.codec, track.profile) == ("aac", "LC")


def _sound_reason(source: Source, sounds: tuple[SoundPlan, ...]) -> str:
    if not sounds:
        return f"codec {', '.join(source.unplayable_audio)} is unknown" if source.unplayable_audio else "it is silent"
    left = len(source.audio) - len(sounds)
    return f"one for each language{f'; {left} more tracks are left out' if left else ''}"


def language_tag(named: str | None) -> str | None:
    """BCP 47 for what a container names: "eng" is "en". None for the undetermined, and for what is no language tag."""
    if named is None or not _TAG.fullmatch(named):
        return None
    # Here, because it takes longer to load than a probe and most uploads name no language.
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    try:
        tag: str = langcodes.standardize_tag(named)
    except LanguageTagError:
        return None
    return None if tag in ("und", "mul", "mis", "zxx") else tag


def _matrix(named: str, coded_short_side: int) -> str:
    if named in ("itu709", "bt709"):
        return "bt709"
    if named.startswith("bt2020"):
        return "bt2020"
    if named in ("itu601", "smpte170m", "fcc", "bt470bg"):
        return "bt601"
    # Unsaid: what players assume, too. SD is BT.601, HD is BT.709.
    return "bt709" if coded_short_side >= 720 else "bt601"


_ADAPTER = TypeAdapter(EncodePlan)


def plan_to_json(value: EncodePlan) -> dict[str, Any]:
    """Plain JSON values, for storage and the digest."""
    return _ADAPTER.dump_python(value, mode="json")  # type: ignore[no-any-return]


def plan_from_json(value: dict[str, Any]) -> EncodePlan:
    return _ADAPTER.validate_python(value)
