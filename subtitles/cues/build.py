"""Words -> cues with readable line lengths, durations and reading speeds. Pure.

In: words in order and a caption profile. Out: `core.media.encoded.Cue`s, whose text is WebVTT's: `&`, `<` and `>` of
the words are escaped. Every word is in them once, in order. Refuses nothing.
"""

import html
from collections.abc import Sequence
from itertools import zip_longest

from core.media.encoded import Cue
from presets.caption import CaptionProfile
from subtitles.cues.layout import Unit, units
from subtitles.cues.spans import Span, shown_until, spans
from subtitles.cues.words import Word

# A gap between two cues is either two frames or long enough to be seen as one; between them it flickers.
SEEN_GAP_MS = 500


def cues(words: Sequence[Word], profile: CaptionProfile) -> list[Cue]:
    """The cues of all words; each starts with its first word."""
    all_units = units(words, profile)
    cut = spans(all_units, profile)
    following = [all_units[span.first].start_ms for span in cut[1:]]
    return [_cue(all_units, span, after, profile) for span, after in zip_longest(cut, following)]


def _cue(all_units: Sequence[Unit], span: Span, next_start_ms: int | None, profile: CaptionProfile) -> Cue:
    shown = all_units[span.first : span.end]
    above = shown if span.second is None else all_units[span.first : span.second]
    lines = [above] if span.second is None else [above, all_units[span.second : span.end]]
    return Cue(
        start_ms=shown[0].start_ms,
        end_ms=_end(shown, next_start_ms, profile),
        text="\n".join(html.escape(_joined(line), quote=False) for line in lines),
    )


def _joined(line: Sequence[Unit]) -> str:
    return line[0].text + "".join(unit.text if unit.glued else f" {unit.text}" for unit in line[1:])


def _end(shown: Sequence[Unit], next_start_ms: int | None, profile: CaptionProfile) -> int:
    start_ms, speech_end_ms = shown[0].start_ms, shown[-1].end_ms
    end_ms = shown_until(start_ms, speech_end_ms, next_start_ms, profile)
    if next_start_ms is None or next_start_ms - end_ms in (0, profile.gap_ms):
        return end_ms
    cells = sum(unit.cells + (not unit.glued) for unit in shown) - (not shown[0].glued)
    needed_ms = max(speech_end_ms, start_ms + profile.shortest_ms, start_ms - -1000 * cells // profile.target_cells)
    return max(min(end_ms, next_start_ms - SEEN_GAP_MS), min(needed_ms, end_ms))
