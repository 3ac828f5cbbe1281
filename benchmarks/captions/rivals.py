"""How others make cues of words, each with a clear rule of its own. Pure.

In: words, the limits of a profile. Out: cues in the same form as ours, their text escaped the same way.

segments   What Whisper itself returns: it ends a segment where its model puts a time, after 5 to 10 s of speech, most
           often at a mark of punctuation; the text is one line. Here: at the first sentence end after 5 s, the first
           comma after 7 s, whatever comes at 10 s.
greedy     Fill a line, then the next, then begin a cue, as openai-whisper does with --max_line_width 42 and
           --max_line_count 2; a pause of 3 s begins a cue, too. Starts and ends are those of the words.
fixed      Seven words, as --max_words_per_line 7 does.
"""

import html
from collections.abc import Callable, Sequence

from core.media.encoded import Cue
from presets.caption import CaptionProfile
from subtitles.cues.layout import cells
from subtitles.cues.words import Word

SENTENCE_AFTER_MS, COMMA_AFTER_MS, LONGEST_MS = 5_000, 7_000, 10_000
GREEDY_PAUSE_MS = 3_000
FIXED_WORDS = 7


def segments(words: Sequence[Word], profile: CaptionProfile) -> list[Cue]:
    found: list[Cue] = []
    kept: list[Word] = []
    for word in words:
        kept.append(word)
        lasts_ms = word.end_ms - kept[0].start_ms
        if (
            (lasts_ms >= SENTENCE_AFTER_MS and word.text[-1] in ".!?。！？")
            or (lasts_ms >= COMMA_AFTER_MS and word.text[-1] in ",;:，、")
            or lasts_ms >= LONGEST_MS
        ):
            found.append(_cue([kept], profile))
            kept = []
    return [*found, _cue([kept], profile)] if kept else found


def greedy(words: Sequence[Word], profile: CaptionProfile) -> list[Cue]:
    found: list[Cue] = []
    lines: list[list[Word]] = []
    for word in words:
        if lines and word.start_ms - lines[-1][-1].end_ms >= GREEDY_PAUSE_MS:
            found.append(_cue(lines, profile))
            lines = []
        if lines and cells(_line([*lines[-1], word], profile)) <= profile.line_cells:
            lines[-1].append(word)
        elif len(lines) < profile.lines:
            lines.append([word])
        else:
            found.append(_cue(lines, profile))
            lines = [[word]]
    return [*found, _cue(lines, profile)] if lines else found


def fixed(words: Sequence[Word], profile: CaptionProfile) -> list[Cue]:
    groups = (words[first : first + FIXED_WORDS] for first in range(0, len(words), FIXED_WORDS))
    return [_cue([group], profile) for group in groups]


RIVALS: dict[str, Callable[[Sequence[Word], CaptionProfile], list[Cue]]] = {
    "segments": segments,
    "greedy": greedy,
    "fixed": fixed,
}


def _line(words: Sequence[Word], profile: CaptionProfile) -> str:
    return (" " if profile.spaced else "").join(word.text for word in words)


def _cue(lines: Sequence[Sequence[Word]], profile: CaptionProfile) -> Cue:
    text = "\n".join(html.escape(_line(line, profile), quote=False) for line in lines)
    return Cue(start_ms=lines[0][0].start_ms, end_ms=lines[-1][-1].end_ms, text=text)
