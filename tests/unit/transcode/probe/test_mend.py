"""A copy with mended times keeps the languages of its tracks; subtitles, which have no place in it, are told of."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from transcode.probe.mend_child import mend
from transcode.probe.probe_child import probe
from transcode.probe.timeline import MOST_PARTS, mended
from transcode.probe.times_of import TimesOf

RATE, SECONDS = 8000, 4
CUES = "1\n00:00:00,500 --> 00:00:01,500\nHello\n"


def recording(folder: Path, *, hole_s: int) -> Path:
    """Two seconds of sound in English and French with a subtitle, then two more after a hole."""
    file, text = folder / "hole.mkv", folder / "text.srt"
    text.write_text(CUES)
    with av.open(str(file), "w", format="matroska") as out, av.open(str(text)) as cues:
        sounds = []
        for language in ("eng", "fra"):
            sounds.append(out.add_stream("pcm_s16le", rate=RATE, layout="mono"))
            sounds[-1].metadata["language"] = language
        subtitle = out.add_stream_from_template(cues.streams.subtitles[0])
        for cue in cues.demux():
            if cue.size:
                cue.stream = subtitle
                out.mux(cue)
        for second in range(SECONDS):
            at_s = second + (hole_s if second >= SECONDS // 2 else 0)
            for sound in sounds:
                frame = av.AudioFrame(format="s16", layout="mono", samples=RATE)
                frame.planes[0].update(bytes(2 * RATE))
                frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), at_s * RATE
                out.mux(sound.encode(frame))
    return file


def test_a_mended_copy_keeps_the_languages_of_its_tracks(tmp_path: Path) -> None:
    file, copy = recording(tmp_path, hole_s=7200), tmp_path / "copy"
    assert mend(file, "matroska", copy, [0, 1]) == 0
    with av.open(str(copy)) as opened:
        assert [stream.language for stream in opened.streams.audio] == ["eng", "fra"]
        assert opened.duration is not None and abs(opened.duration / av.time_base - SECONDS) < 0.1


@pytest.mark.parametrize(("hole_s", "codes"), [(7200, ["subtitles_left_out"]), (0, [])], ids=["mended", "in order"])
def test_subtitles_that_a_mended_copy_lacks_are_told_of(tmp_path: Path, hole_s: int, codes: list[str]) -> None:
    probed = probe(recording(tmp_path, hole_s=hole_s), max_pixels=10**6, max_duration_s=3600)
    assert bool(probed.broken_times) is bool(codes)
    assert [code for code, _ in probed.source.warnings] == codes
    assert [track.language for track in probed.source.audio] == ["eng", "fra"]


def test_times_of_any_64_bits_can_be_mended() -> None:
    times = TimesOf()
    for number in range(2 * MOST_PARTS):
        claimed = 2**63 - 1 if number % 8 < 4 else -(2**63) + 1
        known = {"stream_index": 0, "stream": SimpleNamespace(type="video"), "time_base": Fraction(1)}
        times.add(SimpleNamespace(**known, dts=claimed, pts=claimed, duration=2**62))
    done = mended(times.times, clock=True)
    assert done is not None
    assert len(done.offsets) == 2 * MOST_PARTS
