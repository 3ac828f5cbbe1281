"""Limits that hold wherever libav or ffmpeg opens an uploaded file. Pure.

One place, because a limit that only one of the readers has is none.
"""

MOST_STREAMS = 512  # of any kind: opening one costs memory before anything is known of it
MOST_PIXELS = 8192 * 8192  # of one decoded frame; settings.max_pixels, which an upload must keep, is less
MOST_ALLOCATED_BYTES = 1 << 30  # by one allocation of libav

# Only this file: nothing in it can refer to another file or to a host.
DEMUXER_LIMITS: dict[str, str | int] = {"protocol_whitelist": "file,pipe", "max_streams": MOST_STREAMS}
INPUT_LIMITS: dict[str, str | int] = {**DEMUXER_LIMITS, "max_pixels": MOST_PIXELS}  # options of an input of ffmpeg
PROGRAM_LIMITS = ("-max_alloc", str(MOST_ALLOCATED_BYTES))  # global options of ffmpeg


def input_words() -> list[str]:
    """INPUT_LIMITS as words of an argv, to stand before `-i`."""
    return [word for name, value in INPUT_LIMITS.items() for word in (f"-{name}", str(value))]
