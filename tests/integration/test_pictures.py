"""Pictures of real encodes: upright, in shape, in their colours, without combs, with the owner's mark and nothing else.

What is right is computed here from the upload's own decoded samples, not by the filters that made the output.
"""

import math
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from core.errors import Rejected
from core.media.crop import Reframe
from core.media.encoded import Rendition
from tests.frames import Made, Pixels, ffmpeg, fragments, frames, lumas, make, psnr, remuxed, rgb, rgb709
from tests.media import generate, shared
from tests.selection import MORE_VALUES, some
from transcode.plan.encode_plan import Options
from transcode.plan.watermark import Position, Watermark


def shape(made: Made, name: str) -> tuple[int, int]:
    """(width, height) as the plan says, as every decoded frame has it."""
    rendition: Rendition = made.rendition(name)
    pixels = next(pixels for _, pixels in frames(made.file(name)))
    assert (rendition.width, rendition.height) == (pixels.shape[1], pixels.shape[0] * 2 // 3)
    return pixels.shape[1], pixels.shape[0] * 2 // 3


def first(path: Path, size: tuple[int, int] | None = None) -> Pixels:
    return next(luma.copy() for _, luma in lumas(path, size))


# Shape


@pytest.mark.parametrize(
    ("name", "clockwise", "size"),
    some(
        [
            ("core/phone_rot270_720p30_5s.mp4", 270, (360, 640)),
            ("odd/phone_rot180_720p30_5s.mp4", 180, (640, 360)),
            ("odd/phone_portrait_rot90_568x320_2s.MOV", 90, (320, 568)),
            ("odd/phone_iphone_1080p60_hevc_rot90_0.6s.mov", 90, (360, 640)),
        ],
        ["odd/phone_rot180_720p30_5s.mp4", "odd/phone_iphone_1080p60_hevc_rot90_0.6s.mov"],
    ),
)
async def test_phones_are_shown_upright(tmp_path: Path, name: str, clockwise: int, size: tuple[int, int]) -> None:
    file = shared(name)
    made = await make(file, tmp_path / "made", rungs=(f"v{min(size)}",))
    assert shape(made, made.top) == size
    shown = first(made.file(made.top))
    own = first(file)
    closeness = {}
    for turned in (0, 90, 180, 270):
        picture = cv2.resize(np.rot90(own, -turned // 90), size, interpolation=cv2.INTER_AREA)
        closeness[turned] = psnr(shown, picture.astype(np.uint8))
    assert max(closeness, key=lambda turned: closeness[turned]) == clockwise, closeness
    assert closeness[clockwise] > 28


@pytest.mark.parametrize(
    ("name", "rung", "size"),
    some(
        [
            ("odd/mpeg2_1080i50_hdv_anamorphic_1s.mov", "v360", (640, 360)),
            ("odd/one_frame_sar_16_9.mp4", "v480", (1138, 480)),
            ("odd/h263_amr_176x144_15s.3gp", "v144", (192, 144)),
            ("odd/h264_444_odd_321x241_1s.mp4", "v240", (320, 240)),
            ("odd/hevc_444_12bit_321x241_1s.mp4", "v240", (320, 240)),
        ],
        ["odd/mpeg2_1080i50_hdv_anamorphic_1s.mov", "odd/hevc_444_12bit_321x241_1s.mp4"],
    ),
)
async def test_any_shape_becomes_even_and_square_pixels(
    tmp_path: Path, name: str, rung: str, size: tuple[int, int]
) -> None:
    file = shared(name)
    made = await make(file, tmp_path / "made", Options(end_s=Fraction(1)), rungs=(rung,))
    assert shape(made, rung) == size
    # The whole picture, neither cropped nor padded.
    out = next(pixels for _, pixels in frames(made.file(rung)))
    if "anamorphic" in name:
        # Its clean aperture (QuickTime's clap), 1416x1062 in the middle, is a camera's margin, which is shown. It says
        # BT.709.
        own = next(pixels for _, pixels in frames(file))
        meant = cv2.resize(rgb709(own), size, interpolation=cv2.INTER_AREA)
    else:
        own = next(pixels for _, pixels in frames(file, size))
        meant = rgb(own, kr=0.299, kb=0.114, full=False)  # none of the others says: SD
    assert psnr(meant.astype(np.uint8), rgb709(out).astype(np.uint8)) > 25


@pytest.mark.parametrize(
    "name", some(["odd/one_frame_sar_16_9.mp4", "odd/one_frame_h264_aac.mp4"], ["odd/one_frame_h264_aac.mp4"])
)
async def test_a_single_frame_is_a_title(tmp_path: Path, name: str) -> None:
    made = await make(shared(name), tmp_path / "made")
    assert made.plan.frames == 1
    for rung in made.plan.rungs:
        assert len(list(frames(made.file(rung.id)))) == 1


# Colour


def coarse(picture: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Means of areas."""
    return cv2.resize(picture, (20, 15), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


async def test_full_range_bt601_keeps_its_colours(tmp_path: Path) -> None:
    file = shared("odd/bt601_full_range_2s.mp4")
    made = await make(file, tmp_path / "made", Options(preset="veryfast"))
    own = np.mean([pixels for _, pixels in frames(file, form="yuvj420p")], axis=0)
    out = np.mean([pixels for _, pixels in frames(made.file(made.top))], axis=0)
    meant = rgb(own, kr=0.299, kb=0.114, full=True).mean(axis=(0, 1))
    shown = rgb709(out).mean(axis=(0, 1))
    assert np.abs(meant - shown).max() <= 3, (meant, shown)
    # In places, too, and there a wrong matrix or range would show.
    right, misread = coarse(rgb(own, kr=0.299, kb=0.114, full=True)), coarse(rgb709(own))
    assert np.abs(right - coarse(rgb709(out))).mean() <= 3
    assert np.abs(right - misread).mean() > 6


@pytest.mark.parametrize(("matrix", "kr", "kb"), [("bt601", 0.299, 0.114), ("bt709", 0.2126, 0.0722)])
async def test_a_matrix_nobody_names_is_that_of_its_size(tmp_path: Path, matrix: str, kr: float, kb: float) -> None:
    """Saturated bars; SD is BT.601, HD is BT.709, as players take them."""
    size, rung = ("320x240", "v240") if matrix == "bt601" else ("1280x720", "v720")
    unsaid = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown"
    file = tmp_path / "bars.mp4"
    generate(file, f"smptebars=size={size}:rate=25:duration=0.4", None, "-vf", f"format=yuv420p,{unsaid}")
    made = await make(file, tmp_path / "made", Options(preset="veryfast"), rungs=(rung,))
    assert made.source.video is not None
    assert made.source.video.matrix in ("", "unspecified", "unknown")
    own = next(pixels for _, pixels in frames(file))
    out = next(pixels for _, pixels in frames(made.file(made.top)))
    meant, shown = rgb(own, kr=kr, kb=kb, full=False), rgb709(out)
    width = meant.shape[1]
    for bar in range(7):  # the middle of each bar
        x = round((bar + 0.5) * width / 7)
        area = (slice(20, 80), slice(x - 8, x + 8))
        assert np.abs(meant[area].mean(axis=(0, 1)) - shown[area].mean(axis=(0, 1))).max() <= 4, bar


HDR = {
    "hdr/hdr10_av1_720x1280_4s.mp4": "v360",
    "hdr/hdr10_av1_1080p60_mdcv_clli_1s.mp4": "v360",
    "hdr/hlg_hevc10_1080p_rot90_editlist_2.5s.mp4": "v360",
    "hdr/hlg_hevc10_1080p60_iphone_8frames.mov": "v360",
}


@pytest.mark.parametrize(
    "name", some(HDR, ("hdr/hdr10_av1_1080p60_mdcv_clli_1s.mp4", "hdr/hlg_hevc10_1080p60_iphone_8frames.mov"))
)
async def test_hdr_looks_right_as_sdr(tmp_path: Path, name: str) -> None:
    """Neither washed out (blacks grey, colours pale) nor crushed (all dark, or blown out to white)."""
    made = await make(shared(name), tmp_path / "made", Options(end_s=Fraction(1)), rungs=(HDR[name],))
    assert made.plan.video is not None
    assert made.plan.video.tone_map
    picture = rgb709([pixels for _, pixels in frames(made.file(made.top))][-1])
    luma = picture @ [0.2126, 0.7152, 0.0722]
    dark, bright = np.percentile(luma, [1, 99])
    saturation = (picture.max(axis=-1) - picture.min(axis=-1)).mean()
    told = f"mean {luma.mean():.0f}, 1 % {dark:.0f}, 99 % {bright:.0f}, saturation {saturation:.0f}"
    assert 35 < luma.mean() < 170, told
    assert dark < 60, told
    assert 120 < bright <= 255, told
    assert (luma > 250).mean() < 0.1, told
    assert saturation > 8, told


async def test_black_in_hdr_is_black(tmp_path: Path) -> None:
    file = shared("hdr/hdr10plus_hevc10_256x144_10.8s.mkv")  # nothing but black
    made = await make(file, tmp_path / "made", Options(end_s=Fraction(1)))
    assert made.plan.video is not None
    assert made.plan.video.tone_map
    assert max(rgb709(pixels).max() for _, pixels in frames(made.file(made.top))) <= 3


async def test_what_is_transparent_shows_its_own_colours(tmp_path: Path) -> None:
    file = shared("odd/qtrle_argb_1s.mov")
    made = await make(file, tmp_path / "made", Options(preset="veryfast"))
    assert made.plan.frames == 25
    pairs = zip(frames(file, form="rgb24"), frames(made.file(made.top)), strict=True)
    for (at, own), (shown_at, out) in pairs:
        assert at == shown_at
        shown = rgb709(out)
        # Blurred as 4:2:0 is, on both sides.
        near = [cv2.resize(p.astype(np.float32), (160, 120), interpolation=cv2.INTER_AREA) for p in (own, shown)]
        assert np.abs(near[0] - near[1]).mean() < 5


# Fields


def combed(luma: Pixels) -> float:
    """Share of pixels that differ from both the line above and the one below, to the same side, by more than noise."""
    rows = luma.astype(np.int32)
    up, down = rows[:-2] - rows[1:-1], rows[2:] - rows[1:-1]
    return float(((up * down > 0) & (np.minimum(abs(up), abs(down)) > 12)).mean())


async def test_fields_leave_no_combs(tmp_path: Path) -> None:
    """Bars that run sideways, photographed in fields: each edge is a comb until it is deinterlaced."""
    file = tmp_path / "fields.mp4"
    moving = (
        "nullsrc=size=640x360:rate=50:duration=2,format=gray,geq=lum='if(lt(mod(X+12*N\\,80)\\,40)\\,40\\,200)',"
        "tinterlace=interleave_top,setfield=tff"
    )
    woven = ("-flags", "+ilme+ildct", "-crf", "8", "-x264-params", "tff=1")
    generate(file, moving, None, *woven)
    made = await make(file, tmp_path / "made", Options(preset="veryfast"))
    assert made.plan.video is not None
    assert made.plan.video.deinterlace
    own = [combed(luma) for _, luma in lumas(file)]
    out = [combed(luma) for _, luma in lumas(made.file(made.top))]
    assert len(own) == len(out) == 50
    assert min(own[5:-5]) > 0.1
    assert max(out[1:-1]) < 0.005


@pytest.mark.parametrize(
    "name",
    some(
        ["odd/mpeg2_1080i50_hdv_anamorphic_1s.mov", "odd/sony_a7m3_1080i25_ac3_pgs_0.5s.mts"],
        ["odd/sony_a7m3_1080i25_ac3_pgs_0.5s.mts"],
    ),
)
async def test_real_interlaced_clips_have_fewer_combs(tmp_path: Path, name: str) -> None:
    file = shared(name)
    made = await make(file, tmp_path / "made", rungs=("v1080",))
    assert made.plan.video is not None
    assert made.plan.video.deinterlace
    # Of one size: pixels that are scaled apart are more of them.
    own = np.mean([combed(luma) for _, luma in lumas(file, (1920, 1080))])
    out = np.mean([combed(luma) for _, luma in lumas(made.file("v1080"))])
    assert out < own
    assert out < 0.01


# The owner's mark


def mark_image(folder: Path, colour: str = "white") -> Path:
    path = folder / "mark.png"
    ffmpeg("-v", "error", "-f", "lavfi", "-i", f"color={colour}:size=60x30", "-frames:v", "1", str(path))
    return path


@pytest.mark.parametrize(
    "position",
    some(["top-left", "top-right", "bottom-left", "bottom-right", "center"], ["bottom-right", "center"], MORE_VALUES),
)
async def test_a_watermark_is_where_it_was_asked_for_and_nowhere_else(tmp_path: Path, position: Position) -> None:
    """White at 60 % over black, a quarter of the width: its pixels, its place, and the rest as it was."""
    file = tmp_path / "black.mp4"
    generate(file, "color=black:size=640x360:rate=25:duration=7")
    image = mark_image(tmp_path)
    wish = Watermark(sha256=sha256(image.read_bytes()).hexdigest(), position=position, width_share=0.25, opacity=0.6)
    options = Options(watermark=wish, preset="veryfast", profile="short-vertical", reframe=Reframe.NONE)
    made = await make(file, tmp_path / "made", options, chunks=(0, 100), watermark=image)
    width, height, margin = 160, 80, 360 // 50
    left = {"left": margin, "right": 640 - 160 - margin}.get(position.partition("-")[2], 240)
    top = {"top": margin, "bottom": 360 - 80 - margin}.get(position.partition("-")[0], 140)
    count = 0
    for _, luma in lumas(made.file("v360")):
        count += 1
        brightness = (luma.astype(float) - 16) / 219
        inside = brightness[top + 3 : top + height - 3, left + 3 : left + width - 3]
        assert inside.mean() == pytest.approx(0.6, abs=0.02)
        assert inside.std() < 0.02
        brightness[top - 3 : top + height + 3, left - 3 : left + width + 3] = 0
        assert brightness.max() < 0.03, "nothing elsewhere"
    assert count == 175, "both chunks"


async def test_a_transparent_watermark_lets_the_picture_through(tmp_path: Path) -> None:
    """A picture file's own alpha counts: a ring shows what is inside it. Without a wish no mark is drawn."""
    file = tmp_path / "grey.mp4"
    generate(file, "color=0x808080:size=640x360:rate=25:duration=1")
    ring = np.zeros((100, 100, 4), np.uint8)
    cv2.circle(ring, (50, 50), 40, (0, 0, 255, 255), 12)
    image = tmp_path / "ring.png"
    cv2.imwrite(str(image), ring)
    wish = Watermark(sha256="0" * 64, position="center", width_share=0.2, opacity=1.0)
    options = Options(watermark=wish, preset="veryfast")
    marked = await make(file, tmp_path / "made", options, rungs=("v360",), watermark=image)
    plain = await make(file, tmp_path / "plain", replace(options, watermark=None), rungs=("v360",))
    shown, without = (rgb709(next(p for _, p in frames(made.file("v360")))) for made in (marked, plain))
    middle = (slice(170, 190), slice(310, 330))
    assert np.abs(shown[middle] - without[middle]).max() <= 3, "inside the ring"
    on_ring = shown[175:185, 320 - 54 : 320 - 48].mean(axis=(0, 1))
    assert on_ring[0] > 200
    assert max(on_ring[1:]) < 60
    assert np.abs(shown[:100] - without[:100]).max() <= 3


@pytest.mark.parametrize(
    "junk",
    [b"\x89PNG\r\n\x1a\n" + bytes(200), b"\xff\xd8\xff\xe0" + bytes(200), b"RIFF\xd0\x00\x00\x00WEBPVP8 " + bytes(200)],
    ids=["png", "jpeg", "webp"],
)
async def test_a_watermark_that_is_none_is_blamed_not_the_video(tmp_path: Path, junk: bytes) -> None:
    file = tmp_path / "black.mp4"
    generate(file, "color=black:size=320x180:rate=25:duration=1")
    image = tmp_path / "mark.png"
    image.write_bytes(junk)
    options = Options(watermark=Watermark(sha256=sha256(junk).hexdigest()), preset="ultrafast")
    with pytest.raises(Rejected) as caught:
        await make(file, tmp_path / "made", options, watermark=image)
    assert caught.value.code == "watermark_refused"


# The upload's own track


@pytest.mark.parametrize(
    ("name", "rate", "count", "sound_s"),
    some(
        [
            ("core/bbb_1080p24_20s_aac51.mp4", Fraction(24), 482, 20.0107),  # its own sound ends before its picture
            ("core/product_cups_720p30_10s.mp4", Fraction(30_000, 1001), 300, 10.01),
        ],
        ["core/product_cups_720p30_10s.mp4"],
    ),
)
async def test_a_remux_is_the_upload_frame_for_frame(
    tmp_path: Path, name: str, rate: Fraction, count: int, sound_s: float
) -> None:
    file = shared(name)
    made = await remuxed(file, tmp_path / "made")
    own = made.encoded.renditions[0]
    assert own.passthrough
    assert own.duration_s == count / rate
    timescale, found = fragments(made.file(own.id))
    decoded = 0
    for fragment in found:
        assert fragment.decode_time * rate == decoded * timescale
        assert fragment.first_offset == 0, "each is shown when it is decoded: PTS 0 is the first frame"
        assert fragment.starts_with_sync
        decoded += len(fragment.sizes)
    assert decoded == count
    pairs = zip(frames(file), frames(made.file(own.id)), strict=True)
    number = 0
    for number, ((_, uploaded), (at, shown)) in enumerate(pairs):
        assert at == number / rate
        assert np.array_equal(uploaded, shown), f"frame {number}"
    assert number == count - 1
    assert math.isclose(made.rendition("a1").duration_s, sound_s, abs_tol=0.03)


async def test_segments_of_a_remux_decode_alone(tmp_path: Path) -> None:
    made = await remuxed(shared("core/product_cups_720p30_10s.mp4"), tmp_path / "made")
    own = made.encoded.renditions[0]
    total = 0
    for number, segment in enumerate(own.segments):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(made.bytes_of(own.init.sha256) + made.bytes_of(segment.blob.sha256))
        alone = len(list(frames(path, (64, 36))))
        assert Fraction(alone * 1001, 30_000) == Fraction(segment.duration, own.timescale)
        total += alone
    assert total == 300
