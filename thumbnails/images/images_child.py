"""Program inside the sandbox: one request on stdin -> image files in the work folder and one JSON line.

`python -m thumbnails.images.images_child`.

The request names what is to be made (posters, storyboard, preview, still, poster_at, uploaded). What cannot be made is
named in `skipped` with its reason and keeps nothing else from being made. An uploaded image is refused by {"rejected":
{code, message, hint}}. Any crash or hang here is the caller's to see.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from core.errors import Rejected
from thumbnails.images import encode, preview, storyboard
from thumbnails.images.storyboard_sheets import NothingToShow, Sheets
from thumbnails.posters import sampling, selection_settings
from thumbnails.reading import video_facts
from thumbnails.reading.colour import Bgr
from thumbnails.reading.held_frames import HeldFrames
from thumbnails.reading.reader import Reader
from thumbnails.uploaded import image_decode, image_header
from thumbnails.vision import faces

MOST_WIDTH = 1920  # of what sets are made of here: every size in them is smaller
_UNREADABLE = (av.FFmpegError, NothingToShow, preview.Motionless, encode.CannotWrite, IndexError)


def main() -> None:
    cv2.setNumThreads(1)
    cv2.setRNGSeed(0)
    request: dict[str, Any] = json.load(sys.stdin)
    faces.use_network(request.get("face_model"))
    try:
        answer = _answer(request, Path.cwd())
    except Rejected as exc:
        answer = {"rejected": {"code": exc.code, "message": str(exc), "hint": exc.hint}}
    json.dump(answer, sys.stdout, separators=(",", ":"))


def _answer(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    kinds = tuple(request.get("kinds", ()))
    answer: dict[str, Any] = {"posters": [], "skipped": {}}
    if file := request.get("uploaded"):
        body = Path(file).read_bytes()
        pixels = image_decode.decoded(body, image_header.header(body), MOST_WIDTH)
        answer["posters"].append(encode.poster_set(folder, "uploaded", pixels, kinds, cropped=True))
    for poster in request.get("posters", ()):
        pixels = _pixels(poster, folder)
        answer["posters"].append(encode.poster_set(folder, poster["prefix"], pixels, kinds, cropped=poster["cropped"]))
    if video_request := request.get("video"):
        _of_video(video_request, folder, kinds, answer)
    return answer


def _pixels(poster: dict[str, Any], folder: Path) -> Bgr:
    """Raw BGR, as the selection left it: at a path of its own, or in the folder."""
    shape = (poster["height"], poster["width"], 3)
    return np.fromfile(folder / poster["file"], np.uint8, count=shape[0] * shape[1] * 3).reshape(shape)


def _of_video(request: dict[str, Any], folder: Path, kinds: tuple[str, ...], answer: dict[str, Any]) -> None:
    video = video_facts.from_json(request["picture"])
    held = HeldFrames(request.get("held_bytes", 0), keyframes=sampling.enough_keyframes(video))
    if "posters" in request:
        _posters(request, video, held, folder, kinds, answer)
    makers = {"storyboard": _storyboard, "preview": _preview, "still": _still, "poster_at": _poster_at}
    for name, maker in makers.items():
        if name not in request:
            continue
        try:
            # Each on its own: a reader that met damage may not be where the next one expects it.
            with Reader(Path(request["file"]), video, held=held) as reader:
                answer[name] = maker(reader, video, request[name], folder)
        except _UNREADABLE as exc:
            answer["skipped"][name] = f"{type(exc).__name__}: {exc}"[:200]


def _posters(
    request: dict[str, Any],
    video: video_facts.VideoFacts,
    held: HeldFrames,
    folder: Path,
    kinds: tuple[str, ...],
    answer: dict[str, Any],
) -> None:
    """The candidates for the poster in all sizes. The preview is around the best of them."""
    from thumbnails.posters import select  # not needed for anything else

    try:
        with Reader(Path(request["file"]), video, held=held) as reader:
            selection = select.select(reader, video, selection_settings.from_json(request["posters"]), folder)
    except Exception:  # noqa: BLE001  a form of video that nothing here reads: the title may still have a storyboard
        selection = select.nothing("unreadable")
    candidates = selection["candidates"]
    for number, one in enumerate(candidates):
        made = encode.poster_set(folder, f"poster-{number}", _pixels(one, folder), kinds, cropped=True)
        answer["posters"].append(made)
    answer["selection"] = selection
    if "preview" in request:
        request["preview"]["moment_s"] = candidates[0]["time_s"] if candidates else str(video.start_s)


def _storyboard(reader: Reader, video: video_facts.VideoFacts, options: dict[str, Any], folder: Path) -> dict[str, Any]:
    planned = storyboard.plan(Fraction(options["duration_s"]), video.shown_width, video.shown_height)
    sheets = Sheets(reader, video, planned)
    files = [
        encode.write(folder, f"sheet-{number}", "sheet", pixels, "jpg", quality=storyboard.QUALITY)
        for number, pixels in enumerate(sheets.render())
    ]
    return {"files": files, "times_s": [str(time_s) for time_s in sheets.times_s], "decoded": reader.decoded}


def _preview(reader: Reader, video: video_facts.VideoFacts, options: dict[str, Any], folder: Path) -> dict[str, Any]:
    begin_s = preview.start_s(video, Fraction(options["moment_s"]), reader.keyframe_times())
    times = preview.times_s(video, begin_s)
    frames = preview.preview_frames(reader.nearest(times, preview.WIDTH), times)
    body, quality = preview.encode_webp(frames)
    (folder / "preview.webp").write_bytes(body)
    high, wide = frames[0].pixels.shape[:2]
    file = {"name": "preview.webp", "shape": "preview", "width": wide, "height": high}
    duration_ms = sum(frame.duration_ms for frame in frames)
    return {"file": file, "start_s": str(begin_s), "duration_ms": duration_ms, "quality": quality}


def _poster_at(reader: Reader, _known: video_facts.VideoFacts, options: dict[str, Any], folder: Path) -> dict[str, Any]:
    frame = reader.at(Fraction(options["time_s"]), MOST_WIDTH)
    if frame is None:
        raise NothingToShow
    poster_set = encode.poster_set(folder, "poster", frame.pixels, tuple(options["kinds"]), cropped=True)
    return {"set": poster_set, "time_s": str(frame.time_s)}


def _still(reader: Reader, video: video_facts.VideoFacts, options: dict[str, Any], folder: Path) -> dict[str, Any]:
    frame = reader.at(Fraction(options["time_s"]), options["width"])
    if frame is None:
        raise NothingToShow
    file = encode.write(folder, "still", "still", frame.pixels, options["kind"])
    return {"file": file, "time_s": str(frame.time_s)}


if __name__ == "__main__":
    main()
