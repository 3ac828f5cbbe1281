"""Program: decodes every sample of a fragmented MP4 with one track. `python -m hls_checker.decode_child FILE`.

Prints {"frames": count, "sizes": ["640x360", ...], "broken": ["at 3.200 s: ...", ...]}; of pictures each size that
occurs, of sound none. Limits itself: the file comes from anywhere.
"""

import json
import resource
import sys
from typing import Any

import av

MEMORY_BYTES, CPU_S = 6 << 30, 4 * 3600
TOLD = 20  # of what is broken


def decoded(path: str) -> dict[str, Any]:
    """Frames, sizes and faults of the one track of an MP4 file, as the program prints them."""
    frames, sizes, broken = 0, dict[str, None](), list[str]()

    def take(packet: Any) -> None:
        nonlocal frames
        try:
            shown = stream.codec_context.decode(packet)
        except av.FFmpegError as exc:
            note(packet.pts if packet is not None else None, exc.strerror or "it does not decode")
            return
        for frame in shown:
            frames += 1
            if isinstance(frame, av.VideoFrame):
                sizes[f"{frame.width}x{frame.height}"] = None
            if frame.is_corrupt:
                note(frame.pts, "a frame is damaged")

    def note(pts: int | None, what: str) -> None:
        at = "" if pts is None or stream.time_base is None else f"at {float(pts * stream.time_base):.3f} s: "
        if len(broken) < TOLD:
            broken.append(at + what)

    with av.open(path, format="mov", options={"protocol_whitelist": "file", "max_streams": "4"}) as opened:
        stream: Any = opened.streams[0]
        try:
            for packet in opened.demux(stream):
                if packet.size:
                    take(packet)
        except av.FFmpegError as exc:
            note(None, f"it cannot be read on: {exc.strerror}")
        take(None)
    return {"frames": frames, "sizes": list(sizes), "broken": broken}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    try:
        answer = decoded(sys.argv[1])
    except av.FFmpegError as exc:
        answer = {"frames": 0, "sizes": [], "broken": [f"it does not open: {exc.strerror}"]}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
