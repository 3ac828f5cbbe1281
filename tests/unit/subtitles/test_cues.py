"""subtitles.cues.build: limits that hold where they can, breaks where readers want them, every word in order."""

import html
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.captions.rules import LIMITS, fewest, judge
from benchmarks.captions.speech import SPEAKERS, TEXTS, Speaker, spoken, tokens
from core.media.encoded import Cue
from presets.caption import CAPTION_NAMES, FILE, CaptionProfile, CaptionsForm, caption_profile
from presets.document import load
from subtitles.cues.build import cues
from subtitles.cues.layout import cells, plain, units
from subtitles.cues.scripts import language_of
from subtitles.cues.words import Word
from subtitles.formats.caption_reader import read as read_captions
from subtitles.formats.vtt_writer import whole

LANGUAGES = tuple(load(FILE, CaptionsForm).languages)
STANDARD = caption_profile("standard", "en")


def said(text: str, *, cps: float = 14, pauses_ms: dict[int, int] | None = None, start_ms: int = 1000) -> list[Word]:
    """Words one after the other at an even pace, with pauses before those of these numbers."""
    found, at_ms = [], start_ms
    for number, word in enumerate(text.split()):
        at_ms += (pauses_ms or {}).get(number, 0)
        end_ms = at_ms + round((len(word) + 1) * 1000 / cps)
        found.append(Word(start_ms=at_ms, end_ms=end_ms, text=word))
        at_ms = end_ms
    return found


def texts(found: list[Cue]) -> list[str]:
    return [cue.text for cue in found]


def letters(text: str) -> str:
    return "".join(text.split())


def shown(found: list[Cue]) -> str:
    return letters(html.unescape("".join(cue.text for cue in found)))


def test_nothing_said_is_no_cue() -> None:
    assert cues([], STANDARD) == []
    assert cues([Word(start_ms=0, end_ms=100, text=" \n"), Word(start_ms=200, end_ms=300, text="\x07")], STANDARD) == []


def test_sentences_and_clauses_are_kept_together() -> None:
    words = said("Take the wire and cut under the foot. Then put the bowl on a board, and cover it with a cloth.")
    assert texts(cues(words, STANDARD)) == [
        "Take the wire and cut under the foot.",
        "Then put the bowl on a board,\nand cover it with a cloth.",
    ]


def test_a_line_never_ends_with_an_article() -> None:
    words = said("We are looking for the very best of the available options that somebody could have chosen")
    lines = [line for cue in cues(words, STANDARD) for line in cue.text.split("\n")]
    assert len(lines) > 1
    for line in lines:
        assert line.split()[-1] not in STANDARD.clinging


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "de",
            "Wir messen den Abstand zwischen den Wänden an drei",
            "Wir messen den Abstand\nzwischen den Wänden an drei",
        ),
        (
            "ru",
            "Поставьте лампу немного выше глаз и накройте бумагой",
            "Поставьте лампу немного выше глаз\nи накройте бумагой",
        ),
        (
            "fr",
            "Nous allons préparer la pâte pendant que le four chauffe",
            "Nous allons préparer la pâte\npendant que le four chauffe",
        ),
    ],
)
def test_each_language_has_its_own_breaks(language: str, text: str, expected: str) -> None:
    assert texts(cues(said(text), caption_profile("standard", language))) == [expected]


def test_a_pause_of_a_second_ends_a_cue_within_a_sentence() -> None:
    found = cues(said("I wanted to say something important", pauses_ms={4: 1000}), STANDARD)
    assert texts(found) == ["I wanted to say", "something important"]


def test_a_cue_starts_with_its_first_word_and_outlasts_its_speech_by_half_a_second() -> None:
    words = said("This is the first sentence here. This is the second one.", pauses_ms={6: 3000})
    first, second = cues(words, STANDARD)
    assert (first.start_ms, second.start_ms) == (words[0].start_ms, words[6].start_ms)
    assert (first.end_ms, second.end_ms) == (words[5].end_ms + 500, words[-1].end_ms + 500)


def test_a_gap_is_two_frames_or_half_a_second() -> None:
    """Between them a gap flickers."""
    for pause_ms in range(0, 1500, 50):
        words = said("That was the first of these sentences. This is the second one.", pauses_ms={7: pause_ms})
        first, second = cues(words, STANDARD)
        gap_ms = second.start_ms - first.end_ms
        assert gap_ms == 84 or gap_ms >= 500, pause_ms


def test_a_short_cry_between_two_pauses_stays_long_enough_to_be_read() -> None:
    words = [Word(start_ms=start, end_ms=start + 90, text="No!") for start in (0, 1100, 2200)]
    assert [cue.end_ms - cue.start_ms for cue in cues(words, STANDARD)] == [834, 834, 834]


def test_a_word_held_for_too_long_leaves_after_seven_seconds() -> None:
    (cue,) = cues([Word(start_ms=0, end_ms=28_000, text="Ooooh")], STANDARD)
    assert cue.end_ms == 7000


def test_slow_speech_is_cut_before_its_words_leave() -> None:
    words = said("I see it and you see it and we all see it too", cps=2)
    said_so_far = 0
    for cue in cues(words, STANDARD):
        said_so_far += len(cue.text.split())
        assert words[said_so_far - 1].end_ms - cue.end_ms <= 84  # the gap takes two frames of the last word
    assert said_so_far == len(words)


def test_a_word_longer_than_a_line_stays_whole() -> None:
    name = "https://example.org/" + "a" * 40
    assert name in "\n".join(texts(cues(said(f"Look at {name} for all of the details"), STANDARD))).split("\n")


def test_whisper_joins_what_has_no_space_before_it() -> None:
    words = [" state", "-of", "-the", "-art", " tools"]
    timed = [Word(start_ms=n * 400, end_ms=n * 400 + 300, text=text) for n, text in enumerate(words)]
    assert texts(cues(timed, STANDARD)) == ["state-of-the-art tools"]


def test_hostile_words_stay_words() -> None:
    """A cue's text is WebVTT: what looks like markup, an arrow or a new block is shown as it was heard."""
    hostile = [
        "<i>a</i>",
        "R&amp;B",
        "00:00:01.000-->00:00:02.000",
        "x\n\ny",
        "\x00z",
        "\ufffd",
        "\ud800",
        "NOTE",
        "\u2028b",
    ]
    words = [Word(start_ms=n * 500, end_ms=n * 500 + 400, text=text) for n, text in enumerate(hostile)]
    found = cues(words, STANDARD)
    assert shown(found) == "<i>a</i>R&amp;B00:00:01.000-->00:00:02.000xyz\ufffd\ufffdNOTEb"
    again = read_captions(whole(found))
    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in again] == [
        (cue.start_ms, cue.end_ms, cue.text.replace("&quot;", '"')) for cue in found
    ]


def test_chinese_breaks_after_marks_and_counts_in_full_width() -> None:
    zh = caption_profile("standard", "zh")
    words = spoken(tokens(TEXTS["zh"], "zh"), SPEAKERS[1], "zh", 1)
    found = cues(words, zh)
    for cue in found:
        assert " " not in cue.text
        for line in cue.text.split("\n"):
            assert cells(line) <= 32
            assert line[0] not in "，。、！？的了"
    assert sum(cue.text[-1] in "，。！？" for cue in found) >= 0.8 * len(found)


def test_a_long_text_without_spaces_is_cut_at_lines() -> None:
    sentence = "これは一つの長い文章であり認識器が区切りなしで返したものですからどこかで切らなければなりません"
    found = cues([Word(start_ms=0, end_ms=9000, text=sentence)], caption_profile("standard", "ja"))
    assert shown(found) == sentence
    assert all(cells(line) <= 32 for cue in found for line in cue.text.split("\n"))


def test_foreign_words_keep_their_space_in_japanese() -> None:
    words = ["私は", "New York", "の", "AI", "Lab", "で"]
    timed = [Word(start_ms=n * 900, end_ms=n * 900 + 800, text=text) for n, text in enumerate(words)]
    assert "".join(texts(cues(timed, caption_profile("standard", "ja")))).replace("\n", "") == "私はNew YorkのAI Labで"


def test_the_spaces_of_thai_end_phrases_and_stay() -> None:
    thai = caption_profile("standard", "th")
    words = [" วันนี้", "เรา", "จะ", "ทำ", "ชาม", " และ", "พรุ่งนี้", "เรา", "จะ", "เคลือบ", "มัน", "ด้วย", "กัน"]
    timed = [Word(start_ms=n * 500, end_ms=n * 500 + 450, text=text) for n, text in enumerate(words)]
    assert texts(cues(timed, thai)) == ["วันนี้เราจะทำชาม และพรุ่งนี้เราจะเคลือบมันด้วยกัน"]
    assert language_of(timed) == "th"


def test_a_text_without_spaces_under_a_wrong_language_still_fits_its_lines() -> None:
    words = [Word(start_ms=n * 300, end_ms=n * 300 + 250, text=" AI" if n == 0 else "的视频") for n in range(40)]
    found = cues(words, STANDARD)
    assert all(cells(line) <= 42 for cue in found for line in cue.text.split("\n"))
    assert shown(found) == "AI" + "的视频" * 39


def test_marks_without_width_do_not_make_the_work_quadratic() -> None:
    """All of 3,000 would fit one line; what is tried is bounded all the same."""
    words = [Word(start_ms=n, end_ms=n + 1, text="\u0301") for n in range(3_000)]
    found = cues(words, caption_profile("standard", "ja"))
    assert shown(found) == "\u0301" * 3_000


def test_large_letters_come_a_few_words_at_a_time() -> None:
    profile = caption_profile("short-vertical", "en")
    shown = cues(spoken(tokens(TEXTS["en"], "en"), SPEAKERS[2], "en", 1), profile)
    assert len(shown) > 10
    for cue in shown:
        assert 1 <= len(cue.text.split()) <= 3
        assert "\n" not in cue.text
        assert len(cue.text) <= 18 or " " not in cue.text


def test_a_lesson_has_fewer_and_longer_cues() -> None:
    words = spoken(tokens(TEXTS["en"], "en"), SPEAKERS[0], "en", 1)
    standard, lesson = (cues(words, caption_profile(name, "en")) for name in ("standard", "lecture"))
    assert len(lesson) < len(standard)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("abc", 3),
        ("e\u0301te\u0301", 3),
        ("日本", 4),
        ("и\u0306", 1),
        ("👩\u200d👩\u200d👧", 2),
        ("👍🏽", 2),
        ("\u1112\u1161\u11ab", 2),
    ],
)
def test_what_a_text_takes(text: str, taken: int) -> None:
    assert cells(text) == taken


@pytest.mark.parametrize("language", [*TEXTS])
def test_the_script_tells_the_language_where_nobody_does(language: str) -> None:
    words = spoken(tokens(TEXTS[language], language), SPEAKERS[0], language, 1)
    assert language_of(words) == (language if language in ("zh", "ja") else None)
    assert language_of([Word(start_ms=0, end_ms=1, text="안녕하세요 여러분 手機 OK")]) == "ko"
    assert language_of([]) is None


# Words of all lengths, some that cling, with marks.
WORD = st.sampled_from(
    [
        "a",
        "the",
        "of",
        "and",
        "I",
        "see",
        "bowl",
        "clay.",
        "water,",
        "because",
        "strength",
        "overnight",
        "x" * 45,
        "Yes.",
        "questions?",
    ]
)
TIMED = st.lists(st.tuples(WORD, st.integers(1, 900), st.sampled_from([0, 0, 0, 0, 40, 300, 700, 1200])), max_size=40)


def timed(rows: list[tuple[str, int, int]]) -> list[Word]:
    found, at_ms = [], 0
    for text, lasts_ms, pause_ms in rows:
        found.append(Word(start_ms=at_ms, end_ms=at_ms + lasts_ms, text=text))
        at_ms += lasts_ms + pause_ms
    return found


HAN = st.sampled_from(["我们", "的", "视频", "很", "长。", "今天", "因为", "不", "看到", "了", "桌子，"])


@given(TIMED, st.sampled_from([name for name in CAPTION_NAMES if name != "cjk"]))
def test_no_way_to_cut_the_words_breaks_fewer_limits(rows: list[tuple[str, int, int]], name: str) -> None:
    """The judge and the floor are the benchmark's own, and know nothing of how cues are made."""
    _holds_the_floor(timed(rows), caption_profile(name, "en"))


@given(st.lists(st.tuples(HAN, st.integers(1, 900), st.sampled_from([0, 0, 0, 90, 400, 1200])), max_size=40))
def test_nor_in_a_script_without_spaces(rows: list[tuple[str, int, int]]) -> None:
    _holds_the_floor(timed(rows), caption_profile("standard", "zh"))


def _holds_the_floor(words: list[Word], profile: CaptionProfile) -> None:
    found = judge(cues(words, profile), words, profile)
    assert found.kept
    assert (found.limits, found.faults) == fewest(words, profile)
    assert found.counts.get("lines", 0) == found.counts.get("overlap", 0) == 0


@given(TIMED, st.sampled_from(CAPTION_NAMES), st.sampled_from(LANGUAGES))
def test_every_profile_keeps_every_word_and_its_limits(
    rows: list[tuple[str, int, int]], name: str, language: str
) -> None:
    profile = caption_profile(name, language)
    words = timed(rows)
    found = cues(words, profile)
    assert shown(found) == "".join(word.text for word in words)
    assert found == cues(words, profile)
    for cue, following in itertools.zip_longest(found, found[1:]):
        assert 0 < cue.end_ms - cue.start_ms <= profile.longest_ms
        assert following is None or cue.end_ms <= following.start_ms
        assert len(cue.text.split("\n")) <= profile.lines
        assert all(cells(line) <= profile.line_cells or " " not in line for line in cue.text.split("\n"))
        assert not profile.spaced or cue.start_ms in {word.start_ms for word in words}


@given(st.lists(st.tuples(st.text(max_size=12), st.integers(1, 700), st.sampled_from([0, 200, 1500])), max_size=25))
def test_any_text_is_kept(rows: list[tuple[str, int, int]]) -> None:
    """Anything may be in a word; what can be shown is shown, in order, in each kind of script."""
    words = timed(rows)
    for language in ("en", "ja"):
        profile: CaptionProfile = caption_profile("standard", language)
        found = cues(words, profile)
        assert shown(found) == letters("".join(plain(word.text) for word in words))
        assert all(line.strip() for cue in found for line in cue.text.split("\n"))
        assert [unit.start_ms for unit in units(words, profile)] == sorted({u.start_ms for u in units(words, profile)})


def test_no_segmentation_of_a_few_words_is_better() -> None:
    """The floor itself against every way there is, tried one by one."""
    dice = random.Random(7)
    for _ in range(60):
        rows = [
            (dice.choice(["a", "the", "clay.", "water,", "shape"]), dice.randint(40, 700), dice.choice([0, 90]))
            for _ in range(6)  # fit one line
        ]
        words = timed(rows)
        ways = []
        for cuts in itertools.product((False, True), repeat=len(words) - 1):
            edges = [0, *(number for number, cut in enumerate(cuts, 1) if cut), len(words)]
            found = judge([_one(words, first, end) for first, end in itertools.pairwise(edges)], words, STANDARD)
            ways.append((found.limits, found.faults))
        assert fewest(words, STANDARD) == min(ways)


def _one(words: list[Word], first: int, end: int) -> Cue:
    """These words on one line, shown for as long as they may be."""
    start_ms, speech_ms = words[first].start_ms, words[end - 1].end_ms
    until_ms = min(max(speech_ms + 500, start_ms + 834), start_ms + 7000)
    if end < len(words):
        next_ms = words[end].start_ms
        until_ms = min(until_ms, next_ms - 84 if next_ms - 84 > start_ms else next_ms)
    return Cue(start_ms=start_ms, end_ms=until_ms, text=" ".join(word.text for word in words[first:end]))


@pytest.mark.parametrize("speaker", SPEAKERS[:3], ids=lambda speaker: speaker.name)
@pytest.mark.parametrize("language", TEXTS)
def test_ordinary_speech_breaks_no_limit_in_any_language(language: str, speaker: Speaker) -> None:
    profile = caption_profile("standard", language)
    words = spoken(tokens(TEXTS[language], language), speaker, language, 5)
    shown = cues(words, profile)
    assert shown
    found = judge(shown, words, profile)
    assert {kind: count for kind, count in found.counts.items() if count and kind in LIMITS} == {}
