"""kadr.commands.cues: a file of words in, captions on stdout."""

import json
from pathlib import Path

import pytest

from core.errors import ConfigError, Rejected
from kadr.commands.cues import run
from subtitles.formats.caption_reader import read

WORDS = [
    {"start": 0.5, "end": 0.9, "word": " Take"},
    {"start": 0.9, "end": 1.2, "word": " R&D"},
    {"start": 1.2, "end": 2.0, "word": " seriously."},
]


def written(folder: Path, value: object) -> Path:
    file = folder / "words.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


def test_both_formats_are_printed(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    file = written(tmp_path, WORDS)
    assert run(file, "vtt", "standard", "en") == 0
    assert capsysbinary.readouterr().out == (b"WEBVTT\n\n00:00:00.500 --> 00:00:02.500\nTake R&amp;D seriously.\n")
    assert run(file, "srt", "standard", None) == 0
    assert capsysbinary.readouterr().out == b"1\n00:00:00,500 --> 00:00:02,500\nTake R&D seriously.\n\n"


def test_chinese_is_known_by_its_script(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    characters = "大家好欢迎回到我们的课程今天我们学习怎么用手机拍摄一段稳定的视频"
    words = [{"start": n * 0.3, "end": n * 0.3 + 0.28, "word": character} for n, character in enumerate(characters)]
    assert run(written(tmp_path, words), "vtt", "standard", None) == 0
    found = read(capsysbinary.readouterr().out.decode())
    assert "".join(cue.text for cue in found).replace("\n", "") == characters
    assert all(len(line) <= 16 for cue in found for line in cue.text.split("\n"))


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.json: No such file"):
        run(tmp_path / "nothing.json", "vtt", "standard", None)
    with pytest.raises(ConfigError, match="no caption profile 'tv'"):
        run(tmp_path / "nothing.json", "vtt", "tv", None)
    with pytest.raises(Rejected, match=r"Word 0 has no 'start'\."):
        run(written(tmp_path, [{"word": "a"}]), "vtt", "standard", None)
