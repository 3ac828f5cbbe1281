"""The probed facts of a source -> what thumbnails needs to know of its video track. Pure: transcode and thumbnails do
not import each other."""

from thumbnails.reading.video_facts import VideoFacts
from transcode.probe.sniff import DEMUXERS
from transcode.probe.source import Source


def video_facts(source: Source) -> VideoFacts | None:
    """The facts of the video track, as thumbnails reads it; None for audio alone."""
    video = source.video
    if video is None:
        return None
    return VideoFacts(
        demuxer=DEMUXERS[source.container],
        index=video.index,
        width=video.width,
        height=video.height,
        shown_width=video.shown_width,
        shown_height=video.shown_height,
        rotation=video.rotation,
        interlaced=video.interlaced,
        transfer=video.transfer,
        primaries=video.primaries,
        matrix=video.matrix,
        full_range=video.full_range,
        frame_rate=video.frame_rate,
        frames=video.frames,
        # As the encode has it: half of the pictures or more would never be seen at the times they claim.
        retimed=video.frames / video.frame_rate > 2 * video.duration_s,
        origin_s=source.origin_s,
        start_s=video.start_s,
        duration_s=video.duration_s,
        crop=video.crop.sides,
    )
