"""A talk about three things, as captions: for chapters, search and whatever else reads a title's words."""

from core.media.encoded import Cue

BREAD = "The dough rests while yeast works; knead the dough with flour, water and salt, then bake the bread in the oven"
STARS = "A telescope gathers light of distant stars; the galaxy holds planets, and gravity bends light near stars"
BOATS = "The sailor trims the sail against wind; a keel keeps the boat upright, a rudder turns the boat in harbour"


def spoken(texts: list[str], pause_ms: int = 400) -> tuple[list[Cue], list[int]]:
    """Each text said three times over in cues of six words, and when each begins."""
    cues, starts, at = [], [], 0
    for text in texts:
        starts.append(at)
        words = text.split() * 5
        for number in range(0, len(words), 6):
            cues.append(Cue(start_ms=at, end_ms=at + 2_600, text=" ".join(words[number : number + 6])))
            at += 2_600 + 400
        at += pause_ms
    return cues, starts
