"""Films a planned video: what a camera makes of the painted scenes, frame by frame, and the file of it.

In: a `Video`, the ffmpeg binary. Out: an MP4 (H.264, CFR, no sound) with exactly the planned frames. The same video
gives the same bytes with the same libraries: one encoder thread, no dates.
"""

import math
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.posters import planted_scene as scene
from benchmarks.posters.planted import Flaw, Instant, Kind, Shot, Video, instants, settle_blur
from benchmarks.posters.planted_scene import Palette
from benchmarks.posters.planted_things import Field, Pixels, thing
from core.errors import KadrError

ROOM = 1.45  # how much larger than the frame a scene is painted
GRAINS = 4  # different fields of grain per shot
LETTERBOX = 2.39

# Real pictures instead of painted ones: (generator, width, height) -> a picture of that size.
Material = Callable[[np.random.Generator, int, int], Pixels]


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Pixels a frame in a picture of 360 lines: a steady pan, a hand's tremor and its pace; zoom a frame."""

    pan: tuple[float, float] = (0.0, 0.0)
    tremor: float = 0.0
    pace: float = 1.0
    zoom: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A shot ready to be filmed. `view` is where the frame's upper left corner lies on the canvas."""

    shot: Shot
    canvas: Pixels
    view: tuple[float, float]
    camera: Camera
    grain: tuple[tuple[Pixels, Pixels], ...]
    boxed: float  # share of the width (or height) the picture has between black bars, 1 without them


def take(video: Video, shot: Shot, material: Material | None = None) -> Take:
    """Paint a shot's scene and do to it what is wrong with it."""
    rng = scene.random_for(video.seed, shot.scene)
    colours = scene.palette(scene.random_for(video.palette))
    width, height, unit = video.width, video.height, _unit(video)
    plain: dict[Kind, Callable[[], Pixels]] = {
        Kind.BLACK: lambda: np.full((height, width, 3), rng.integers(0, 14), np.uint8),
        Kind.TEXT: lambda: scene.text_card(rng, width, height, colours),
        Kind.TEST_CARD: lambda: scene.test_card(rng, width, height),
        Kind.FLAT: lambda: scene.covered(rng, width, height, colours),
    }
    if shot.kind in plain:
        canvas, view, camera = plain[shot.kind](), (0.0, 0.0), Camera()
    else:
        canvas, view = _scene(rng, video, shot, colours, material)
        canvas, camera = _spoilt(rng, canvas, shot, unit), _camera(rng, shot)
    level = rng.uniform(12, 18) if Flaw.GRAINY in shot.flaws else rng.uniform(0.6, 3.0)
    grain = tuple(_grain(rng, width, height, level) for _ in range(GRAINS))
    boxed = rng.uniform(0.3, 0.45) if shot.kind is Kind.BARS else 1.0
    return Take(shot=shot, canvas=canvas, view=view, camera=camera, grain=grain, boxed=boxed)


def _unit(video: Video) -> float:
    return min(video.width, video.height) / 360


def _scene(
    rng: np.random.Generator, video: Video, shot: Shot, colours: Palette, material: Material | None
) -> tuple[Pixels, tuple[float, float]]:
    """(canvas, view): the subject is near a third of the view, or where its flaw puts it."""
    wide, tall = int(video.width * ROOM), int(video.height * ROOM)
    view = ((wide - video.width) / 2, (tall - video.height) / 2)
    if material is not None:
        return _real(rng, video, shot, material, wide, tall)
    canvas = scene.place(rng, wide, tall, colours)
    if Flaw.CLUTTER in shot.flaws:
        scene.clutter(rng, canvas, colours, _unit(video))
    elif Flaw.EMPTY not in shot.flaws:
        x = rng.uniform(0.42, 0.58) if rng.random() < 0.25 else rng.choice([1 / 3, 2 / 3]) + rng.uniform(-0.06, 0.06)
        y = rng.uniform(0.42, 0.66)
        size = rng.uniform(0.38, 0.62) * min(video.width * 0.9, video.height)
        if Flaw.CUT_OFF in shot.flaws:
            x, y, size = float(rng.choice([0.0, 1.0])) + rng.uniform(-0.04, 0.04), rng.uniform(0.1, 0.95), size * 1.2
        if Flaw.TINY in shot.flaws:
            x, y, size = rng.uniform(0.1, 0.9), rng.uniform(0.15, 0.9), size * 0.16
        for _ in range(int(rng.integers(0, 3))):  # lesser things around it
            aside = (view[0] + video.width * rng.uniform(0, 1), view[1] + video.height * rng.uniform(0.5, 0.95))
            thing(rng, canvas, aside, size * rng.uniform(0.2, 0.4), colours.places[rng.integers(5)])
        centre = (view[0] + x * video.width, view[1] + y * video.height)
        thing(rng, canvas, centre, size, colours.things[rng.integers(len(colours.things))])
    return canvas, view


def _real(
    rng: np.random.Generator, video: Video, shot: Shot, material: Material, wide: int, tall: int
) -> tuple[Pixels, tuple[float, float]]:
    """A real frame fills the view (and some more around it); what frames badly shows a corner of it, enlarged."""
    if {Flaw.CUT_OFF, Flaw.EMPTY, Flaw.TINY, Flaw.CLUTTER} & set(shot.flaws):
        large = material(rng, wide * 2, tall * 2)
        x, y = (int(rng.choice([0, 1]) * span) for span in (wide, tall))
        return large[y : y + tall, x : x + wide].copy(), ((wide - video.width) / 2, (tall - video.height) / 2)
    canvas = material(rng, video.width, video.height)
    up, side = (tall - video.height) // 2, (wide - video.width) // 2
    canvas = cv2.copyMakeBorder(canvas, up, up, side, side, cv2.BORDER_REFLECT_101).astype(np.uint8)
    return canvas, (float(side), float(up))


def _spoilt(rng: np.random.Generator, canvas: Pixels, shot: Shot, unit: float) -> Pixels:
    """Light, colour and focus as the shot has them."""
    tones = np.arange(256, dtype=np.float32) / 255
    curves: dict[Flaw, Callable[[], Field]] = {
        Flaw.DARK: lambda: tones ** rng.uniform(2.0, 2.6) * 0.8,
        Flaw.BRIGHT: lambda: tones * rng.uniform(1.7, 2.1) + 0.08,
        Flaw.PALE: lambda: tones * rng.uniform(0.38, 0.5) + rng.uniform(0.3, 0.42),
    }
    for flaw, curve in curves.items():
        if flaw in shot.flaws:
            canvas = cv2.LUT(canvas, np.clip(curve() * 255, 0, 255).astype(np.uint8)).astype(np.uint8)
    if shot.kind is Kind.HAZE:
        veil = rng.uniform(0.45, 0.7) + tones * rng.uniform(0.08, 0.16)
        canvas = cv2.LUT(canvas, (veil * 255).astype(np.uint8)).astype(np.uint8)
    if Flaw.DULL in shot.flaws or shot.kind is Kind.HAZE:
        grey = cv2.cvtColor(cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        keep = rng.uniform(0.15, 0.35)
        canvas = cv2.addWeighted(canvas, keep, grey, 1 - keep, 0).astype(np.uint8)
    sigma = rng.uniform(4.5, 9.0) if shot.kind is Kind.BLUR else rng.uniform(1.3, 1.9)
    if shot.kind is Kind.BLUR or Flaw.SOFT in shot.flaws:
        canvas = cv2.GaussianBlur(canvas, (0, 0), sigma * unit).astype(np.uint8)
    return canvas


def _camera(rng: np.random.Generator, shot: Shot) -> Camera:
    held = Camera(tremor=rng.choice([0.0, 0.0, 0.8]), pace=rng.uniform(0.03, 0.08))
    if rng.random() < 0.3:
        held = replace(held, zoom=rng.uniform(0.0002, 0.0008))
    if shot.kind is Kind.SHAKE:
        return Camera(tremor=rng.uniform(28, 45), pace=rng.uniform(0.45, 0.9))
    if Flaw.MOVING in shot.flaws:
        turn = rng.uniform(0, 2 * math.pi)
        speed = rng.uniform(3.5, 7.0)
        return replace(held, pan=(speed * math.cos(turn), 0.5 * speed * math.sin(turn)))
    return held


def _grain(rng: np.random.Generator, width: int, height: int, level: float) -> tuple[Pixels, Pixels]:
    """What to add and what to take away."""
    field = rng.standard_normal((height, width), np.float32) * np.float32(level)
    three = np.repeat(field[..., None], 3, axis=2)
    return np.clip(three, 0, 255).astype(np.uint8), np.clip(-three, 0, 255).astype(np.uint8)


def _offset(camera: Camera, at: int, reach: tuple[float, float]) -> tuple[float, float]:
    """Where the camera has gone by a frame, turning back at the scene's edges."""
    sway = (math.sin(at * camera.pace * 2.1) + 0.6 * math.sin(at * camera.pace * 3.7 + 1)) * camera.tremor / 1.6
    heave = (math.sin(at * camera.pace * 1.7 + 2) + 0.6 * math.sin(at * camera.pace * 4.3)) * camera.tremor / 2.2
    x, y = (_there_and_back(speed * at, far) for speed, far in zip(camera.pan, reach, strict=True))
    return x + sway, y + heave


def _there_and_back(way: float, far: float) -> float:
    turned = (way + far) % (4 * far)
    return turned - far if turned <= 2 * far else 3 * far - turned


def shown(video: Video, taken: Take, at: int) -> Pixels:
    """One frame of a shot, before light and joins."""
    unit, camera = _unit(video), taken.camera
    reach = (0.9 * taken.view[0] / unit or 1.0, 0.9 * taken.view[1] / unit or 1.0)
    (x, y), (past_x, past_y) = (_offset(camera, when, reach) for when in (at, at - 1))
    zoom = 1 + camera.zoom * max(at, 0)
    left, top = taken.view[0] + x * unit, taken.view[1] + y * unit
    matrix = np.array(
        [[1 / zoom, 0, left + video.width / 2 * (1 - 1 / zoom)], [0, 1 / zoom, top + video.height / 2 * (1 - 1 / zoom)]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    frame = cv2.warpAffine(
        taken.canvas, matrix, (video.width, video.height), flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )
    frame = _smeared(frame, (x - past_x) * unit * 0.6, (y - past_y) * unit * 0.6)  # the shutter is open 60 % of a frame
    if sigma := settle_blur(taken.shot, at) * unit:
        frame = cv2.GaussianBlur(frame, (0, 0), sigma)
    more, less = taken.grain[at % GRAINS]
    frame = cv2.subtract(cv2.add(frame, more), less)
    return _boxed(frame, taken.boxed).astype(np.uint8)


def _smeared(frame: cv2.typing.MatLike, x: float, y: float) -> cv2.typing.MatLike:
    """Motion blur along a way in pixels."""
    length = math.hypot(x, y)
    if length < 1:
        return frame
    half = math.ceil(length / 2)
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    start, end = (half - x / 2, half - y / 2), (half + x / 2, half + y / 2)
    cv2.line(kernel, (round(start[0]), round(start[1])), (round(end[0]), round(end[1])), 1.0, 1)
    return cv2.filter2D(frame, -1, kernel / kernel.sum())


def _boxed(frame: cv2.typing.MatLike, share: float) -> cv2.typing.MatLike:
    """The middle of the picture only, upright between black bars (or across, in a portrait video)."""
    if share >= 1:
        return frame
    height, width = frame.shape[:2]
    across, down = (share, 1.0) if width >= height else (1.0, share)
    x, y = int(width * (1 - across) / 2), int(height * (1 - down) / 2)
    framed = np.zeros_like(frame)
    framed[y : height - y, x : width - x] = frame[y : height - y, x : width - x]
    return framed


def frames(video: Video, material: Material | None = None) -> Iterator[Pixels]:
    """Frames of the video in presentation order, as BGR arrays of its size."""
    takes: dict[int, Take] = {}

    def of(number: int) -> Take:
        if number not in takes:
            takes[number] = take(video, video.shots[number], material)
            takes.pop(number - 2, None)
        return takes[number]

    for instant in instants(video):
        yield _lit(video, instant, of)


def _lit(video: Video, instant: Instant, of: Callable[[int], Take]) -> Pixels:
    frame = shown(video, of(instant.shot), instant.at)
    if instant.next_share:
        shot = video.shots[instant.shot]
        coming = shown(video, of(instant.shot + 1), instant.at - shot.frames - shot.join_frames)
        frame = cv2.addWeighted(frame, 1 - instant.next_share, coming, instant.next_share, 0).astype(np.uint8)
    if instant.light < 1:
        frame = cv2.convertScaleAbs(frame, alpha=instant.light).astype(np.uint8)
    elif instant.light > 1:
        frame = cv2.convertScaleAbs(frame, alpha=2 - instant.light, beta=255 * (instant.light - 1)).astype(np.uint8)
    if video.letterboxed:
        bar = int((video.height - video.width / LETTERBOX) / 2)
        frame[:bar], frame[video.height - bar :] = 0, 0
    return frame


def make(video: Video, path: Path, binary: str, material: Material | None = None) -> None:
    """Write the file, whole or not at all. Raises KadrError."""
    part = path.with_suffix(".part")
    command = [
        *(binary, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p"),
        *("-s", f"{video.width}x{video.height}", "-r", str(video.frame_rate), "-i", "-"),
        *("-c:v", "libx264", "-preset", "superfast", "-crf", str(video.crf), "-threads", "1"),
        *("-g", str(int(video.gop_s * video.frame_rate)), "-sc_threshold", "40" if video.scene_cuts else "0"),
        *("-colorspace", "smpte170m", "-color_range", "tv", "-fflags", "+bitexact", "-flags:v", "+bitexact"),
        *("-f", "mp4", str(part)),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None  # noqa: S101  asked for above
        try:
            for frame in frames(video, material):
                # OpenCV makes BT.601, limited range: what the file is marked as.
                encoder.stdin.write(cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420).tobytes())
            complaints = encoder.communicate(timeout=120)[1]
        except BrokenPipeError:
            complaints = encoder.communicate(timeout=120)[1]
        finally:
            if encoder.poll() is None:
                encoder.kill()
    if encoder.returncode:
        raise KadrError(f"ffmpeg ended with {encoder.returncode}: {complaints.decode(errors='replace')[-500:]}")
    part.replace(path)
