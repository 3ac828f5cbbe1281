"""Whether an upload's own video track can be delivered without an encode. Pure."""

from dataclasses import dataclass
from fractions import Fraction

from transcode.plan import grid
from transcode.plan.rungs import VideoRung
from transcode.probe.source import NO_CROP, Index, Source, VideoTrack

CODEC = "h264"  # of a track that is delivered, and of the ladder it belongs to
HIGHEST_LEVEL = 42
PROFILES = ("Baseline", "Constrained Baseline", "Main", "High")
SEGMENT_S = 6
SLACK_S = Fraction(1, 2)  # Apple 7.7: no segment exceeds the target by more


@dataclass(frozen=True, slots=True, kw_only=True)
class PassthroughTrack:
    """The track as a rendition: frames and segment cuts. `lasting`: no segment is too long for a ready title."""

    frames: int
    cuts: tuple[int, ...]
    lasting: bool


def decide(
    source: Source,
    video: VideoTrack,
    index: Index | None,
    top: VideoRung,
    *,
    rate: Fraction,
    altered: str,
    codec: str,
) -> tuple[PassthroughTrack | None, str]:
    """(the track as a rendition, the reason for people); None where the video must be encoded.

    `altered` is the owner's change of the video, as a clause, or empty.
    """
    if reason := altered or _unfit(source, video, index, top, rate, codec):
        return None, reason
    assert index is not None  # noqa: S101 - _unfit has refused it
    keyframes = [gop.frame for gop in index.gops]
    cuts = grid.keyframe_cuts(keyframes, video.frames, rate, SEGMENT_S)
    longest_s = grid.longest_segment(cuts, video.frames) / rate
    if longest_s > grid.LONGEST_PROVISIONAL_S:
        return None, f"{float(longest_s):.1f} s pass between keyframes"
    lasting = longest_s <= SEGMENT_S + SLACK_S
    reason = "H.264 that players support, below the rung's cap"
    if not lasting:
        reason += f"; only until the ladder is ready, because a segment would last {float(longest_s):.1f} s"
    return PassthroughTrack(frames=video.frames, cuts=cuts, lasting=lasting), reason


def _unfit(source: Source, video: VideoTrack, index: Index | None, top: VideoRung, rate: Fraction, codec: str) -> str:
    """Why the video track cannot be delivered as it is; empty where it can."""
    ends_s = max((track.start_s + track.duration_s for track in source.audio), default=Fraction(0))
    requirements = (
        (codec == CODEC, f"{codec} was requested"),
        (video.codec == CODEC, f"the codec is {video.codec}"),
        (source.container in ("mp4", "matroska"), f"times in {source.container} are not exact enough"),
        (not source.damaged, "the file is damaged"),
        (video.pixel_format == "yuv420p" and video.bit_depth == 8, f"the pixel format is {video.pixel_format}"),
        (video.profile in PROFILES and 0 < video.level <= HIGHEST_LEVEL, f"{video.profile} level {video.level}"),
        (video.parameter_changes == 0, "its size or other parameters change on the way"),
        (video.crop == NO_CROP and not video.overscan, "the container crops it"),
        (video.sample_aspect == 1, "its pixels are not square"),
        (video.rotation == 0, f"it is rotated by {video.rotation} degrees"),
        (not video.interlaced, "it is interlaced"),
        (not video.full_range and not video.is_hdr, "its colours are not those of TV range SDR"),
        (video.matrix in ("bt709", "itu709", "unspecified"), f"its colour matrix is {video.matrix}"),
        ((video.width, video.height) == (top.width, top.height), f"no rung is {video.width}x{video.height}"),
        (
            video.bit_rate_bps <= top.cap_bps,
            f"its {video.bit_rate_bps // 1000} kb/s are above the rung's cap",
        ),
        (rate == video.frame_rate and index is not None and index.constant, "its frame rate varies or is too high"),
        (index is not None and index.all_idr, "not every keyframe is an IDR picture"),
        (video.start_s == 0, "audio starts before the video"),
        (ends_s <= video.duration_s + Fraction(1, 10), "audio continues after the video"),
    )
    return next((reason for fits, reason in requirements if not fits), "")
