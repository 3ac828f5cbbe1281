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
