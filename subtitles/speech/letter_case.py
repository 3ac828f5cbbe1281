"""Small letters where a sentence goes on in the next segment. Pure.

Each window of a model begins with a capital letter, whether a sentence begins there or not. Giving the model the words
before would cost words at times: it takes what is said next for what it was given. So the title's own words decide:
where one that begins a segment amid a sentence is written small elsewhere amid one, it is here.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from subtitles.cues.sentence_ends import ends_sentence
from subtitles.speech.transcript import Segment

SENTENCE_PAUSE_MS = 1000  # in a longer one a sentence ends, whatever its text ends with
_AROUND = "\"'“”‘’«»„()[]¿¡…,.!?:;-–— "


def continued(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments in order, with small letters where a sentence goes on."""
    small = _written_small(segments)
    found = list(segments[:1])
    for before, segment in pairwise(segments):
        found.append(_with_small_letter(segment) if _goes_on(before, segment, small) else segment)
    return tuple(found)


def _written_small(segments: Sequence[Segment]) -> frozenset[str]:
    """The words that are written small somewhere behind another word of their segment."""
    return frozenset(
        letters for segment in segments for word in segment.words[1:] if (letters := word.text.strip(_AROUND)).islower()
    )


def _goes_on(before: Segment, segment: Segment, small: frozenset[str]) -> bool:
    if not before.words or not segment.words or ends_sentence(before.text):
        return False
    first = segment.words[0].text.strip(_AROUND)
    pause_ms = segment.words[0].start_ms - before.words[-1].end_ms
    return pause_ms <= SENTENCE_PAUSE_MS and first.istitle() and first.lower() in small


def _with_small_letter(segment: Segment) -> Segment:
    first = segment.words[0]
    written = first.text.strip(_AROUND)
    small = first.text.replace(written, written[0].lower() + written[1:], 1)
    words = (replace(first, text=small), *segment.words[1:])
    return replace(segment, words=words, text=segment.text.replace(written, written[0].lower() + written[1:], 1))
