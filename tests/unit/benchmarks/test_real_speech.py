"""benchmarks.speech: errors between words are the fewest, and onsets of joined clips are known."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.speech.heard import RATE_HZ, Clip, clips, differences, errors, joined, words, write
from benchmarks.speech.real import joint_differences, onset_errors
from core.media.encoded import Cue


def clip(name: str, seconds: float, silent_s: float) -> Clip:
    voice = (9000 * np.sin(np.arange(round(seconds * RATE_HZ)) / 10)).astype(np.int16)
    voice[: round(silent_s * RATE_HZ)] = 0
    return Clip(name=name, language="en", samples=voice, words=("one", "two"))


@pytest.mark.parametrize(
    ("said", "heard", "count"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a c", 1),
        ("a b c", "a x b c", 1),
        ("a b c", "x y z", 3),
        ("", "a b", 2),
        ("a b", "", 2),
        ("Side-by-side, you’ll see", "side by side you'll see", 0),
    ],
)
def test_errors_are_the_fewest_changes(said: str, heard: str, count: int) -> None:
    assert errors(words(said), words(heard)) == count


def test_a_difference_names_both_words() -> None:
    assert differences(["a", "b", "c"], ["a", "x", "c", "d"]) == [("b", "x"), ("", "d")]


def test_a_word_lost_at_a_joint_is_told_from_one_lost_elsewhere() -> None:
    whole, parts = words("one two three four five"), words("one three three four")
    told = joint_differences(whole, [0, 1, 2, 60, 61], parts, [10.0])
    assert told == {"joints": 1, "near": [("two", "three")], "elsewhere": [("five", "")]}
    assert joint_differences(whole, [0, 1, 2, 60, 61], [*whole, "five"], [70.0])["near"] == [("", "five")]


def test_onsets_of_joined_clips() -> None:
    whole = joined([clip("first", 2, 0.5), clip("second", 3, 0.0)], 6)
    assert whole.onsets_s == pytest.approx((1.5, 5.0))
    assert whole.ends_s == pytest.approx((3.0, 8.0))
    assert len(whole.samples) == 8 * RATE_HZ
    cues = [Cue(start_ms=1600, end_ms=2900, text="one"), Cue(start_ms=2500, end_ms=2900, text="two")]
    assert onset_errors(whole, cues) == pytest.approx([0.1, 3.0]), "a clip without a cue is as late as it is long"


def test_clips_have_their_whole_text(tmp_path: Path) -> None:
    write(tmp_path / "en_talk.wav", clip("x", 1, 0.0).samples)
    write(tmp_path / "en_two.wav", clip("x", 1, 0.0).samples)
    (tmp_path / "en_talk.txt").write_text("Hello, and welcome.\n")
    (tmp_path / "en_two.txt").write_text("[left] Hello\n[right] World\n")
    (tmp_path / "de_text_only.txt").write_text("Hallo\n")
    (found,) = clips(tmp_path)
    assert (found.name, found.language, found.words) == ("en_talk", "en", ("hello", "and", "welcome"))
    assert len(found.samples) == RATE_HZ
