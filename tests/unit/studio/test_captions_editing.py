"""What the captions editor does to captions, without a browser: reads, writes, edits, marks, finds, compares."""

import json
import unicodedata
from typing import Any

import pytest

from ingest.studio import cue_rules
from studio import FOLDER
from subtitles.cues.layout import cells
from tests import node

pytestmark = node.needed
NAMES = ("cue", "webvtt", "markup", "times", "width", "marks", "edits", "history", "search", "compare", "windowing")
MODULES = tuple(FOLDER / "captions" / f"{name}.ts" for name in (*NAMES, "keys", "texts", "text_mode", "model"))
RICH = """WEBVTT - made by hand
X-OWN: kept

STYLE
::cue(.loud) { color: red }

REGION
id:top
lines:2

NOTE
Read by nobody
but kept

intro
00:00:01.000 --> 00:00:03.000 line:0 align:start
<v Anna>Q&amp;A &lt;3

NOTE between

00:00:03.500 --> 00:00:05.000
<i>slanted</i> and <c.loud>loud</c>
second line

NOTE at the end
"""
PLAIN = """WEBVTT

00:00:00.000 --> 00:00:02.000
One two three four

00:00:03.000 --> 00:00:05.000
five

00:00:06.000 --> 00:00:08.000
six
"""
RULES = cue_rules.of(None, "en")


def run(code: str, text: str = PLAIN, rules: dict[str, Any] = RULES) -> Any:
    """What this JavaScript returns; `captions`: of the text; `brief`: what is in captions, for a comparison."""
    before = f"""
      const rules = {json.dumps(rules)};
      const captions = kadr.parse({json.dumps(text)});
      const brief = ({{ cues }}) => cues.map(({{ startMs, endMs, text }}) => [startMs, endMs, text]);
    """
    return node.run(MODULES, before + code)


def test_a_file_comes_out_as_it_went_in() -> None:
    """Notes, styles, regions, settings, identifiers and tags that the editor does not know are kept."""
    assert run("return kadr.serialise(captions)", RICH) == RICH
    dos = "\ufeff" + RICH.replace("\n", "\r\n")
    assert run("return kadr.serialise(captions)", dos) == RICH
    assert run("return kadr.serialise(captions)", "WEBVTT\n") == "WEBVTT\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("1\n00:00:01,000 --> 00:00:02,000\nSubRip\n", 1),
        ("WEBVTT\n\n00:01.000 -> 00:02.000\nx\n", 3),
        ("WEBVTT\n\n00:01.000 --> 00:61.000\nx\n", 3),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nx\n00:03.000 --> 00:04.000\ny\n", 5),
    ],
)
def test_the_line_that_cannot_be_read(text: str, line: int) -> None:
    code = f"try {{ kadr.parse({json.dumps(text)}) }} catch (error) {{ return error.line }}"
    assert run(code) == line


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Q&amp;A", "Q&A"),
        ("1 &lt; 2 &gt; 0", "1 < 2 > 0"),
        ("I &lt;3 you", "I <3 you"),
        ("<v Anna>a &amp; b", "<v Anna>a & b"),
        ("&lt;i&gt; is a tag", "&lt;i&gt; is a tag"),
        ("&amp;amp; is an escape", "&amp;amp; is an escape"),
        ("a&nbsp;b &#8364;", "a&nbsp;b &#8364;"),
        ("<00:00:01.500>later", "<00:00:01.500>later"),
    ],
)
def test_what_a_field_shows_is_stored_again(stored: str, shown: str) -> None:
    assert run(f"return kadr.shown({json.dumps(stored)})") == shown
    assert run(f"return kadr.stored({json.dumps(shown)})") == stored


def test_times() -> None:
    written = ["65.25", "1:05,25", "0:01:05.250", "01:05.25", " 7 ", "1:99", "1:70:00", "x", "", "-1", "1.2345"]
    times = run(f"return {json.dumps(written)}.map(kadr.timeOf)")
    assert times == [65250, 65250, 65250, 65250, 7000, None, None, None, None, None, None]
    assert run("return [0, 65250, 3600000].map(kadr.shortTime)") == ["00:00.000", "01:05.250", "01:00:00.000"]


def test_split_shares_the_time_by_characters() -> None:
    code = "return brief(kadr.split(captions, 0, 7, rules))"  # "One two| three four": 7 of 17
    middle = round(2000 * 7 / 17)
    first, second, *_ = run(code)
    assert first == [0, middle - RULES["gap_ms"], "One two"]
    assert second == [middle, 2000, "three four"]
    assert run("return [0, 18].map((at) => kadr.split(captions, 0, at, rules))") == [None, None]


def test_what_is_slanted_or_spoken_stays_so_after_a_split() -> None:
    text = "WEBVTT\n\nname\n00:01.000 --> 00:09.000 line:0\n<v Anna>One <i>two three</i> four\n"
    code = "return kadr.split(captions, 0, 18, rules).cues.map(({ id, settings, text }) => [id, settings, text])"
    assert run(code, text) == [
        ["name", "line:0", "<v Anna>One <i>two</i>"],
        ["", "line:0", "<v Anna><i>three</i> four"],
    ]


def test_merge() -> None:
    assert run("return brief(kadr.merge(captions, 0, rules))")[0] == [0, 5000, "One two three four\nfive"]
    code = "return brief(kadr.merge(kadr.merge(captions, 0, rules), 0, rules))"
    assert run(code) == [[0, 8000, "One two three four\nfive six"]]
    chinese = cue_rules.of(None, "zh")
    assert run(code, PLAIN.replace("six", "六"), chinese)[0][2] == "One two three four\nfive六"
    assert run("return kadr.merge(captions, 2, rules)") is None


def test_notes_stay_where_captions_are_deleted_or_merged() -> None:
    code = "return kadr.serialise(kadr.{}(captions, {}, rules))"
    notes = ("STYLE\n", "REGION\n", "NOTE\nRead", "NOTE between", "NOTE at the end")
    texts = [run(code.format(*edit), RICH) for edit in (("remove", 0), ("remove", 1), ("merge", 0))]
    assert [[note for note in notes if note not in text] for text in texts] == [[], [], []]


def test_insert_takes_the_room_there_is() -> None:
    gap = RULES["gap_ms"]
    assert run("return brief(kadr.insert(captions, 0, rules))")[1] == [2000 + gap, 3000 - gap, ""]
    assert run("return brief(kadr.insert(captions, 2, rules))")[3] == [8000 + gap, 10_000 + gap, ""]
    assert run("return brief(kadr.insert(captions, -1, rules, 1500))", "WEBVTT\n") == [[1500, 3500, ""]]


def test_shift() -> None:
    starts = "const starts = (edited) => edited && edited.cues.map(({ startMs }) => startMs);"
    code = "return [[0, 500], [1, -250], [0, -1], [0, 0]].map(([from, by]) => starts(kadr.shift(captions, from, by)))"
    assert run(starts + code) == [[500, 3500, 6500], [0, 2750, 5750], None, None]


def test_undo_and_redo() -> None:
    code = """
      const model = new kadr.Model(captions, rules);
      const type = (at, text) => model.edit(kadr.change(model.captions, at, { text }), at, `text:${at}`);
      ["F", "Fi", "Five"].forEach((text) => type(1, text));
      type(2, "Six");
      model.settle();
      type(2, "Sixth");
      const texts = () => model.captions.cues.map(({ text }) => text).join();
      const seen = [texts()];
      while (model.canUndo) seen.push([model.undo(), texts()]);
      seen.push(model.isChanged, model.undo());
      while (model.canRedo) seen.push([model.redo(), texts()]);
      return [...seen, model.isChanged, type(2, "Sixth")];
    """
    first = "One two three four"
    assert run(code) == [
        f"{first},Five,Sixth",
        [2, f"{first},Five,Six"],
        [2, f"{first},Five,six"],
        [1, f"{first},five,six"],
        False,
        None,
        [1, f"{first},Five,six"],
        [2, f"{first},Five,Six"],
        [2, f"{first},Five,Sixth"],
        True,
        False,
    ]


MARKS = "return kadr.marksOf(captions.cues, rules).map((marks) => marks.map(({ kind, found }) => [kind, found]))"


def vtt(*cues: tuple[str, str, str]) -> str:
    return "WEBVTT\n" + "".join(f"\n{start} --> {end}\n{text}\n" for start, end, text in cues)


def test_marks_by_the_rules_that_captions_are_made_by() -> None:
    text = vtt(
        ("00:00.000", "00:01.000", "a" * 24),
        ("00:02.000", "00:02.500", "hi"),
        ("00:03.000", "00:11.000", "long"),
        ("00:12.000", "00:17.000", "a" * 43),
        ("00:18.000", "00:20.000", "a\nb\nc"),
        ("00:20.010", "00:22.000", "&nbsp;<i></i>"),
    )
    assert run(MARKS, text) == [
        [["fast", 24]],
        [["short", 0.5]],
        [["long", 8]],
        [["wide", 43]],
        [["gap", 0.01], ["lines", 3]],
        [["empty", 0]],
    ]


def test_a_character_of_chinese_is_a_character() -> None:
    text = vtt(("00:00.000", "00:02.000", "字" * 16), ("00:03.000", "00:04.000", "字" * 17))
    rules = cue_rules.of(None, "zh")
    assert (rules["cells_per_character"], rules["line_characters"]) == (2, 16)
    assert run(MARKS, text, rules) == [[], [["fast", 17], ["wide", 17]]]


def test_times_that_cannot_be_saved() -> None:
    """Nobody reads two captions in one place; a sign above what is spoken is another place."""
    text = vtt(
        ("00:01.000", "00:04.000", "one"), ("00:03.000", "00:06.000", "two"), ("00:07.000", "00:06.500", "three")
    ).replace("00:04.000\n", "00:04.000 line:0\n")
    all_kinds = "kadr.marksOf(captions.cues, rules).map((marks) => marks.filter(kadr.blocks).map(({ kind }) => kind))"
    kinds = f"return {all_kinds}"
    assert run(kinds, text) == [[], [], ["reversed"]]
    assert run(kinds, text.replace(" line:0", "")) == [[], ["overlap"], ["reversed"]]


def test_to_the_next_mark_and_round() -> None:
    code = """
      const marks = [[], [1], [], [1]];
      return [[0, 1], [1, 1], [3, 1], [1, -1], [-1, 1]].map(([at, step]) => kadr.nextMarked(marks, at, step))
        .concat(kadr.nextMarked([[], []], 0, 1));
    """
    assert run(code) == [1, 3, 1, 3, 1, -1]


def test_figures_of_marks_show_that_a_limit_is_broken() -> None:
    code = """
      const words = kadr.wordsOf({ "captions.mark.fast": "{found}; {limit}", "captions.mark.short": "{found}; {limit}",
        "captions.mark.overlap": "{found}; {limit}" }, "en");
      const marks = [["fast", 24.4, 20], ["fast", 20.04, 20], ["fast", 20.4, 20], ["short", 0.83, 0.834],
        ["overlap", 4.1, 5.25]];
      return marks.map(([kind, found, limit]) => kadr.sentence({ kind, found, limit }, words));
    """
    assert run(code) == ["24; 20", "20.04; 20", "20.4; 20", "0.83; 0.83", "00:04.100; 00:05.250"]


def test_widths_are_those_of_the_cue_builder() -> None:
    """Every character but those that became wide or visible with a newer Unicode than one of the two has."""
    newer = {*range(0x4DC0, 0x4E00), *range(0x2630, 0x2638), *range(0x268A, 0x2690), *range(0x1D300, 0x1D377), 0x1171E}
    points = (point for point in range(0x20, 0x30000) if point not in newer)
    known = [chr(point) for point in points if unicodedata.category(chr(point)) not in ("Cn", "Cs", "Co", "Cc")]
    code = f"return {json.dumps(known)}.map(kadr.cells)"
    assert len(known) > 100_000
    wrong = [f"{ord(one):x}" for one, found in zip(known, run(code), strict=True) if found != cells(one)]
    assert wrong == []
    together = ["👩‍👩‍👧 ok", "e\u0301", "字幕 ab", "👍🏽"]
    assert run(f"return {json.dumps(together)}.map(kadr.cells)") == [cells(text) for text in together]


def test_find_and_replace() -> None:
    text = vtt(
        ("00:00.000", "00:02.000", "A mug.\nA  Mug &amp; a smug"),
        ("00:03.000", "00:05.000", "<v Mug>no"),
        ("00:06.000", "00:08.000", "MUG"),
    )
    find = "return kadr.matches(captions.cues, {}, {}).map(({{ index, at }}) => [index, at])"
    assert run(find.format('"mug"', "false"), text) == [[0, 2], [0, 10], [0, 19], [1, 3], [2, 0]]
    assert run(find.format('"Mug"', "true"), text) == [[0, 10], [1, 3]]
    assert run(find.format('"a mug"', "false"), text) == [[0, 0], [0, 7]], "a space is any white space"
    assert run(find.format('"mug & a"', "false"), text) == [[0, 10]]
    assert run(find.format('"."', "false"), text) == [[0, 5]], "nothing is a pattern"
    assert run(find.format('" "', "false"), text) == []
    every = 'return kadr.replaceAll(captions, "MUG", "C&P $1", true).cues.map(({ text }) => text)'
    assert run(every, text)[2] == "C&amp;P $1"
    one = 'return kadr.replaceOne(captions, { index: 0, at: 10, length: 3 }, "cup").cues[0].text'
    assert run(one, text) == "A mug.\nA  cup &amp; a smug"


def test_to_the_next_match_and_round() -> None:
    code = """
      const all = [{ index: 0, at: 2 }, { index: 0, at: 9 }, { index: 4, at: 0 }];
      return [[0, 0, 1], [0, 3, 1], [1, 0, 1], [5, 0, 1], [0, 2, -1], [0, 9, -1], [5, 0, -1]]
        .map(([index, at, step]) => kadr.nextMatch(all, index, at, step));
    """
    assert run(code) == [0, 1, 2, 0, 2, 0, 2]


COMPARED = """
  const theirs = kadr.parse(THEIRS);
  const pieces = kadr.compare(captions.cues, theirs.cues, BASE && kadr.parse(BASE).cues);
"""


def compared(mine: str, theirs: str, base: str | None, code: str) -> Any:
    filled = COMPARED.replace("THEIRS", json.dumps(theirs)).replace("BASE", json.dumps(base))
    return run(filled + code, mine)


def test_two_versions_beside_each_other() -> None:
    mine = PLAIN.replace("five", "FIVE")
    theirs = PLAIN.replace("six", "SIX") + "\n00:00:09.000 --> 00:00:10.000\nseven\n"
    code = """return pieces.filter(kadr.isDifference)
      .map(({ mine, theirs, proposed }) => [mine.map(({ text }) => text), theirs.map(({ text }) => text), proposed])"""
    assert compared(mine, mine, PLAIN, code) == []
    found = compared(mine, theirs, PLAIN, code)
    assert found == [[["FIVE", "six"], ["five", "SIX", "seven"], "mine"]]
    theirs = PLAIN.replace("One two", "1 2")
    assert compared(mine, theirs, PLAIN, code) == [
        [["One two three four"], ["1 2 three four"], "theirs"],
        [["FIVE"], ["five"], "mine"],
    ], "who has not touched a caption takes the other's"
    assert [one[2] for one in compared(mine, theirs, None, code)] == ["mine", "mine"]


def test_what_is_chosen_of_two_versions() -> None:
    mine, theirs = PLAIN.replace("five", "FIVE"), PLAIN.replace("One two", "1 2")
    code = "return kadr.chosen(captions, pieces, (one) => {}).cues.map(({{ text }}) => text)"
    taken = [compared(mine, theirs, PLAIN, code.format(how)) for how in ("one.proposed", '"mine"', '"theirs"')]
    assert taken == [
        ["1 2 three four", "FIVE", "six"],
        ["One two three four", "FIVE", "six"],
        ["1 2 three four", "five", "six"],
    ]
    marked = 'return [kadr.parts("a red mug", "a blue mug"), kadr.parts("same", "same"), kadr.parts("", "x")]'
    assert run(marked) == [["a ", "red", " mug"], ["same", "", ""], ["", "", ""]]


def test_the_window_holds_what_is_seen_and_little_more() -> None:
    code = """
      const heights = new kadr.Heights(100);
      const keys = Array.from({ length: 3000 }, (_, at) => at);
      heights.note(0, 300);
      heights.note(1, 100);
      const tops = kadr.offsets(keys, heights);
      return [tops.slice(0, 4), tops.at(-1), kadr.windowOf(tops, 0, 800), kadr.windowOf(tops, 200000, 200800),
        kadr.windowOf(tops, 1e9, 1e9 + 800), kadr.windowOf([0], 0, 800), heights.note(0, 300)];
    """
    assert run(code) == [[0, 300, 400, 600], 400 + 2998 * 200, [0, 9], [996, 1009], [2995, 3000], [0, 0], False]


def test_which_caption_shows() -> None:
    code = "return [-1, 0, 1999, 2500, 3000, 99999].map((ms) => kadr.shownAt(captions.cues, ms))"
    assert run(code) == [-1, 0, 0, 0, 1, 2]
    assert run("return kadr.shownAt(captions.cues, 5)", "WEBVTT\n") == -1


KEYS = """
  const press = (keys, place) => {
    const parts = keys.split("+");
    const key = parts.pop();
    const has = (name) => parts.includes(name);
    const code = /^[a-z]$/.test(key) ? `Key${key.toUpperCase()}` : key;
    const [ctrlKey, metaKey, altKey, shiftKey] = ["ctrl", "meta", "alt", "shift"].map(has);
    return kadr.commandOf({ key, code, ctrlKey, metaKey, altKey, shiftKey }, place);
  };
"""


@pytest.mark.parametrize(
    ("keys", "place", "command"),
    [
        ("ctrl+z", "text", "undo"),
        ("meta+shift+z", "text", "redo"),
        ("ctrl+y", "outside", "redo"),
        ("ctrl+alt+z", "text", None),
        ("alt+Enter", "text", "split"),
        ("alt+Enter", "outside", None),
        ("Enter", "text", None),
        ("Enter", "row", "write"),
        ("ArrowUp", "time", "later"),
        ("ArrowUp", "text", None),
        ("ArrowDown", "row", "next"),
        ("shift+ArrowDown", "row", None),
        ("Escape", "text", "leave"),
        ("Escape", "outside", None),
        ("alt+PageDown", "outside", "next_mark"),
        ("a", "row", None),
    ],
)
def test_keys(keys: str, place: str, command: str | None) -> None:
    assert run(f"{KEYS} return press({keys!r}, {place!r})") == command


def test_arrows_leave_a_text_at_its_edges() -> None:
    code = """return [["ArrowUp", 2], ["ArrowUp", 5], ["ArrowDown", 2], ["ArrowDown", 5], ["ArrowLeft", 0]]
      .map(([key, at]) => kadr.leavesText(key, "one\\ntwo", at))"""
    assert run(code) == [-1, 0, 0, 1, 0]
