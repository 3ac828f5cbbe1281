"""subtitles.speech.voice_activity_child: sound of any layout becomes samples that a model can hear."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from subtitles.speech.voice_activity_child import write_audio
from tests.media import FFMPEG

RATE_HZ = 16_000


@pytest.mark.parametrize("channels", [1, 9, 20])
def test_any_number_of_channels(tmp_path: Path, channels: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The same tone on every channel is heard as it is."""
    at = np.arange(48_000) / 48_000
    tone = np.repeat((9000 * np.sin(2 * np.pi * 500 * at)).astype("<i2")[:, None], channels, axis=1)
    upload = tmp_path / "in.mkv"
    argv = [FFMPEG, "-v", "error", "-f", "s16le", "-ar", "48000", "-ac", str(channels), "-i", "-", str(upload)]
    subprocess.run([*argv[:-1], "-c:a", "pcm_s16le", argv[-1]], input=tone.tobytes(), check=True, timeout=60)
    request = {"file": str(upload), "demuxer": "matroska", "index": 0, "origin_s": "0", "duration_s": "1"}
    assert write_audio({**request, "audio_file": str(tmp_path / "out")}) == RATE_HZ
    assert '"done"' in capsys.readouterr().out
    heard = np.fromfile(tmp_path / "out", "<i2").astype(float)
    assert np.argmax(np.abs(np.fft.rfft(heard))) == pytest.approx(500, abs=2)
    assert heard.std() == pytest.approx(6364, rel=0.1)


def test_sound_that_changes_its_rate_has_no_holes(tmp_path: Path) -> None:
    """The demuxer of MPEG-TS counts on by the first rate, which tore the frames of the second apart."""
    upload = tmp_path / "in.ts"
    for number, rate in enumerate(("22050", "48000")):
        file = tmp_path / f"{number}.ts"
        tone = f"sine=500:sample_rate={rate}:duration=2"
        options = ("-c:a", "aac", "-f", "mpegts", "-muxdelay", "0", "-output_ts_offset", str(1 + 2 * number))
        subprocess.run([FFMPEG, "-v", "error", "-f", "lavfi", "-i", tone, *options, file], check=True, timeout=60)
        with upload.open("ab") as joined:
            joined.write(file.read_bytes())
    request = {"file": str(upload), "demuxer": "mpegts", "index": 0, "origin_s": "1", "duration_s": "4"}
    write_audio({**request, "audio_file": str(tmp_path / "out")})
    heard = np.fromfile(tmp_path / "out", "<i2").astype(float)
    for second in (0.5, 2.5):
        part = heard[round(second * RATE_HZ) : round((second + 1) * RATE_HZ)]
        assert np.argmax(np.abs(np.fft.rfft(part))) == pytest.approx(500, abs=2)
        assert np.count_nonzero(part == 0) < RATE_HZ // 50
