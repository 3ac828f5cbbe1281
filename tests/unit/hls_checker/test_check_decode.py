"""kadr check --decode: damage that no box shows, and pictures of another size than the track says."""

from pathlib import Path

from hls_checker import rules
from hls_checker.gather import gather
from tests.published import faults


async def told(folder: Path, *, decoding: bool = True) -> list[str]:
    title = await gather((folder / "index.m3u8").as_uri(), decoding=decoding)
    return [str(fault) for fault in rules.faults(title)]


async def test_a_sound_title(sound_title: Path) -> None:
    title = await gather((sound_title / "index.m3u8").as_uri(), decoding=True)
    assert list(rules.faults(title)) == []
    video = [track for track in title.tracks.values() if track.kind == "video" and track.role != "iframes"]
    assert all(track.decoded is not None and track.decoded.frames > 0 for track in video)
    holding = [rule for rule in rules.ALL if rule.number == "decode"]
    assert [rule.binds(title) for rule in holding] == [True]


async def test_damaged_samples(title: Path) -> None:
    """Noise in the last coded pictures of a segment: no box is touched."""
    segment = min((title / "v480").glob("*.m4s"))
    body = bytearray(segment.read_bytes())
    body[-400:-8] = bytes(value ^ 0x5A for value in body[-400:-8])
    segment.write_bytes(body)
    assert await faults((title / "index.m3u8").as_uri()) == [], "not to be seen without decoding"
    found = await told(title)
    assert found
    assert all(line.startswith("decode must") for line in found), found


async def test_another_size_than_the_track_says(title: Path) -> None:
    """The segments of one variant under the init segment of another are told by their frames."""
    (title / "v480" / "init.mp4").write_bytes((title / "v234" / "init.mp4").read_bytes())
    found = [line for line in await told(title) if line.startswith("decode")]
    assert any("v480" in line for line in found), found
