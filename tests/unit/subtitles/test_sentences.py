"""subtitles.translation.sentences: cues to whole sentences, and their translations back to words with times."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.media.encoded import Cue
from presets.caption import caption_profile
from subtitles.cues.build import cues
from subtitles.cues.words import repaired
from subtitles.translation.sentences import MOST_CHARACTERS, sentences, spread


def cue(start_ms: int, end_ms: int, text: str) -> Cue:
    return Cue(start_ms=start_ms, end_ms=end_ms, text=text)


def test_a_sentence_goes_over_cues() -> None:
    found = sentences([cue(0, 2000, "We sharpen"), cue(2000, 4000, "a knife. Then"), cue(4000, 5000, "we cook.")])
    assert [sentence.text for sentence in found] == ["We sharpen a knife.", "Then we cook."]
    assert (found[0].start_ms, found[1].end_ms) == (0, 5000)
    assert found[0].end_ms == found[1].start_ms == 2000 + 2000 * 7 // 11


def test_a_pause_ends_a_sentence() -> None:
    found = sentences([cue(0, 1000, "no full stop"), cue(2500, 3000, "here either")])
    assert [(s.start_ms, s.end_ms) for s in found] == [(0, 1000), (2500, 3000)]


def test_markup_is_no_text() -> None:
    (found,) = sentences([cue(0, 1000, "<i>Salt</i> &amp; <b>pepper</b> &lt;3")])
    assert found.text == "Salt & pepper <3"


def test_quotes_belong_to_the_sentence() -> None:
    found = sentences([cue(0, 1000, "“Stop!” he said. 为什么？")])
    assert [sentence.text for sentence in found] == ["“Stop!”", "he said.", "为什么？"]


def test_translations_become_cues() -> None:
    spoken = sentences([cue(0, 2000, "Добрый день."), cue(4000, 7000, "Сегодня точим нож.")])
    words = spread(spoken, ["Good day.", "Today we sharpen a knife."], spaced=True)
    made = cues(repaired(words), caption_profile("standard", "en"))
    assert [(c.start_ms, c.text) for c in made] == [(0, "Good day."), (4000, "Today we sharpen a knife.")]
    words = spread(spoken, ["你好。", "今天我们磨刀。"], spaced=False)
    made = cues(repaired(words), caption_profile("standard", "zh"))
    assert [(c.start_ms, c.text) for c in made] == [(0, "你好。"), (4000, "今天我们磨刀。")]


@given(st.lists(st.lists(st.text("ab.!é<&", min_size=1, max_size=12), min_size=1, max_size=9), max_size=9))
def test_every_word_once_in_order(texts: list[list[str]]) -> None:
    given_words = [word for text in texts for word in text]
    made = [
        cue(n * 1000, n * 1000 + 900, " ".join(text).replace("&", "&amp;").replace("<", "&lt;"))
        for n, text in enumerate(texts)
    ]
    found = sentences(made)
    assert " ".join(sentence.text for sentence in found) == " ".join(given_words)
    assert all(len(sentence.text) <= MOST_CHARACTERS + 12 for sentence in found)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(found))
    words = spread(found, [sentence.text for sentence in found], spaced=True)
    assert [word.text.strip() for word in words] == given_words
