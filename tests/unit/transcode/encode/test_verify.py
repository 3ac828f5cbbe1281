"""transcode.encode.verify: damage anywhere in a copied track is found before it is published."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.frames import bench, planned, remuxed
from tests.media import generate
from transcode.encode import verify
from transcode.encode.cutters import GopBytes
from transcode.encode.fragments import WrongOutput
from transcode.plan.encode_plan import EncodePlan

GOPS, FRAMES = 5, 25


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that is passed through: a second per GOP."""
    path = tmp_path_factory.mktemp("good") / "good.mp4"
    picture = f"testsrc2=size=416x234:rate={FRAMES}:duration={GOPS}"
    generate(path, picture, None, "-preset", "veryfast", "-profile:v", "main", "-g", f"{FRAMES}", "-crf", "47")
    return path


@pytest.fixture(scope="module")
async def plan(good: Path, tmp_path_factory: pytest.TempPathFactory) -> EncodePlan:
    return (await planned(good, tmp_path_factory.mktemp("plan")))[0]


def spoilt(good: Path, to: Path) -> Path:
    """The clip with noise in a coded picture of its middle; its tables, times and lengths stay as they are."""
    with av.open(str(good)) as opened:
        keys = [packet for packet in opened.demux(video=0) if packet.size and packet.is_keyframe]
    at, size = keys[len(keys) // 2].pos, keys[len(keys) // 2].size
    assert at is not None
    body = bytearray(good.read_bytes())
    body[at + 40 : at + size] = bytes(value ^ 0x5A for value in body[at + 40 : at + size])
    to.write_bytes(body)
    return to


async def test_a_good_track_passes(good: Path, tmp_path: Path) -> None:
    made = await remuxed(good, tmp_path / "made")
    assert made.plan.passthrough is not None
    await verify.whole_track(await bench(tmp_path / "work"), made.plan, good)


async def test_damage_in_the_middle_is_found(good: Path, plan: EncodePlan, tmp_path: Path) -> None:
    broken = spoilt(good, tmp_path / "broken.mp4")
    with pytest.raises(WrongOutput, match="decode"):
        await verify.whole_track(await bench(tmp_path / "work"), plan, broken)


async def test_a_track_with_damage_in_the_middle_is_not_remuxed(good: Path, tmp_path: Path) -> None:
    broken = spoilt(good, tmp_path / "broken.mp4")
    with pytest.raises(WrongOutput, match="decode"):
        await remuxed(broken, tmp_path / "made")


async def test_a_frame_too_few_is_found(good: Path, plan: EncodePlan, tmp_path: Path) -> None:
    with pytest.raises(WrongOutput, match=r"125 frames of 126"):
        await verify.whole_track(await bench(tmp_path / "work"), replace(plan, frames=126), good)


def gop(number: int) -> GopBytes:
    return GopBytes(path=Path("a"), init_size=1, offset=number, size=1, frames=50)


@pytest.mark.parametrize(
    ("count", "most_frames", "chosen"),
    [
        (4, 200, [0, 1, 2, 3]),
        (5, 200, [0, 1, 2, 4]),
        (100, 250, [0, 24, 49, 74, 99]),
        (100, 10, [0, 99]),
        (1, 10, [0]),
    ],
)
def test_what_is_decoded_of_a_long_track(count: int, most_frames: int, chosen: list[int]) -> None:
    found = [one.offset for one in verify.spread([gop(number) for number in range(count)], most_frames)]
    assert sorted(set(found)) == chosen


def test_a_minute_is_decoded_in_full() -> None:
    gops = [gop(number) for number in range(30)]
    assert verify.spread(gops, round(verify.WHOLE_S * Fraction(25))) == gops
