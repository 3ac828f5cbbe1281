"""CEA-608 captions inside a video track -> byte pairs for a decoder, and a decoder's screens -> events. Pure.

In: packets of H.264, HEVC or MPEG-2; the captions lie in them as user data "GA94" (ATSC A/53, part 4, 6.2.3), so
nothing has to be decoded to find them. Only the first channel of the first field is read: the one everybody writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from subtitles.embedded.ass_events import Event

CODECS = frozenset(("h264", "hevc", "mpeg2video"))
_MARK = b"GA94\x03"
_FIELD_1 = 0xFC  # marker bits, valid, type 0 [CTA-708, 4.3]
_NOTHING = (0x80, 0x80)  # two zeros with odd parity
ERASE = bytes((_FIELD_1, 0x94, 0x2C))  # what ends the last screen
LAST_MS = 4_000  # how long that one shows where nothing ends it


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Text that a caption decoder showed, from or until `at_ms`."""

    at_ms: int
    dialogue: str


def has_captions(packet: bytes) -> bool:
    """Whether a video packet carries caption data, even if it is only padding."""
    return _MARK in packet


def pairs(packet: bytes, codec: str) -> bytes:
    """The byte pairs of field 1 in a video packet, without padding, as the triples that cc_dec takes."""
    triples, at = bytearray(), packet.find(_MARK)
    while at >= 0:
        at += len(_MARK)
        # 31 pairs at most; in H.264 and HEVC a byte may be put in after two zeros.
        block = packet[at : at + 2 + 31 * 3 * 2]
        if codec != "mpeg2video":
            block = block.replace(b"\0\0\x03", b"\0\0")
        count = block[0] & 0x1F if block else 0
        for first in range(2, min(2 + 3 * count, len(block) - 2), 3):
            triple = block[first : first + 3]
            if triple[0] == _FIELD_1 and (triple[1], triple[2]) != _NOTHING:
                triples += triple
        at = packet.find(_MARK, at + 2 + 3 * count)
    return bytes(triples)


def events(begun: Sequence[Screen], ended: Sequence[Screen], first_ms: int) -> list[Event]:
    """The events of all screens, in order.

    `ended`: every screen with the time it vanished. `begun`: screens with the time they appeared, where the decoder
    reports it, and empty ones. Of the others (roll-up captions) a screen appears when the one before it vanishes, the
    first at `first_ms`.
    """
    screen_events, before_ms = list[Event](), first_ms
    for screen in ended:
        appeared = [s.at_ms for s in begun if s.dialogue and before_ms <= s.at_ms < screen.at_ms and _same(s, screen)]
        blank = [s.at_ms for s in begun if before_ms <= s.at_ms < screen.at_ms and not _same(s, screen)]
        start_ms = appeared[0] if appeared else max([before_ms, *blank])
        if start_ms < screen.at_ms:
            screen_events.append(Event(start_ms=start_ms, end_ms=screen.at_ms, dialogue=screen.dialogue))
        before_ms = screen.at_ms
    return screen_events


def _same(one: Screen, other: Screen) -> bool:
    return one.dialogue.partition(",")[2] == other.dialogue.partition(",")[2]
