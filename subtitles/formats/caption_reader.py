"""An uploaded WebVTT or SubRip (SRT) file -> cues. Pure, and strict: what a player would drop silently is refused with
its line, so that no caption is lost.

In: the file, its size bounded by the caller. Out: cues in the order of their times. Notes, styles and regions are left
out: players of HLS do not agree on them. Raises Rejected(not_captions).
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from core.errors import Rejected
from core.media.encoded import Cue

CODE = "not_captions"
# A cue is repeated in every segment it spans: without a limit a small file could become a very large one.
LONGEST_CUE_MS = 600_000
_VTT_TIME = r"(?:(\d{2,4}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_SRT_TIME = r"(\d{1,4}):([0-5]?\d):([0-5]?\d)[,.](\d{3})"  # other tools disagree on what ",5" is
_VTT_TIMING = re.compile(rf"\s*{_VTT_TIME}\s*-->\s*{_VTT_TIME}(?:\s+(\S.*))?")
_SRT_TIMING = re.compile(rf"\s*{_SRT_TIME}\s*-->\s*{_SRT_TIME}(?:\s+[XY][12]:.*)?\s*")
_PERCENT = r"(?:100|\d{1,2})(?:\.\d{1,6})?%"
_SETTING = re.compile(
    r"vertical:(?:rl|lr)"
    rf"|line:(?:-?\d{{1,4}}|{_PERCENT})(?:,(?:start|center|end))?"
    rf"|position:{_PERCENT}(?:,(?:line-left|center|line-right))?"
    rf"|size:{_PERCENT}"
    r"|align:(?:start|center|end|left|right)"
)
_SRT_MARKUP = re.compile(r"(</?[biu]>)|</?font(?:\s[^<>]*)?>|\{\\[^{}]*\}", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_REPLACEMENT = "\ufffd"
_SRT_TOP = re.compile(r"\{\\an[789]\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Lines without an empty one between them; `line` is the number of the first."""

    line: int
    lines: list[str]


def cues(body: bytes) -> list[Cue]:
    """The cues of a file, which must be UTF-8, in the order of their times. Raises Rejected(not_captions)."""
    try:
        return read(body.decode())
    except UnicodeDecodeError as exc:
        line = body.count(b"\n", 0, exc.start) + 1
        raise Rejected(
            CODE,
            "The file is not UTF-8 text.",
            f"Save it with the encoding UTF-8; the first wrong byte is in line {line}.",
        ) from exc


def uploaded(body: bytes) -> list[Cue]:
    """The cues of a file that somebody uploads now. Raises Rejected(not_captions), also where no letter is left."""
    found = cues(body)
    if found and is_lost(found):
        raise Rejected(
            CODE,
            "The captions have no readable text: their letters were lost when the file was converted.",
            "Export the captions again and save them with the encoding UTF-8.",
        )
    return found


def read(text: str) -> list[Cue]:
    """The cues of a text in either format, which its first line decides. Raises Rejected(not_captions)."""
    lines = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff").replace("\0", _REPLACEMENT))
    is_vtt = re.match(r"WEBVTT(?:[ \t]|$)", lines[0]) is not None
    cues = list(_vtt(lines) if is_vtt else _srt(lines))
    if not cues and not is_vtt:
        raise Rejected(CODE, "There is no caption in the file.", "Export the captions again, as WebVTT or SRT.")
    return sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms))


def is_lost(cues: Sequence[Cue]) -> bool:
    """Whether the text is nearly all U+FFFD, which stands for a character that could not be read, or cannot be seen."""
    kinds = Counter(
        _REPLACEMENT if character == _REPLACEMENT else unicodedata.category(character)[0]
        for cue in cues
        for character in html.unescape(_TAG.sub("", cue.text))
    )
    readable, marks = kinds["L"] + kinds["N"] + kinds["S"], kinds["P"] + kinds["S"]
    return kinds[_REPLACEMENT] >= readable and kinds[_REPLACEMENT] >= marks


def _refuse(line: int, what: str) -> NoReturn:
    raise Rejected(CODE, f"Line {line}: {what}", f"Correct line {line}, or export the captions again as WebVTT or SRT.")


def _blocks(lines: list[str], first: int) -> Iterator[_Block]:
    gathered: list[str] = []
    for number, line in enumerate([*lines[first:], ""], first + 1):
        if line.strip():
            gathered.append(line)
        elif gathered:
            yield _Block(line=number - len(gathered), lines=gathered)
            gathered = []


def _vtt(lines: list[str]) -> Iterator[Cue]:
    header = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    for number, line in enumerate(lines[:header], 1):
        if "-->" in line:
            _refuse(number, "an empty line is missing between the header and the first caption.")
    for block in _blocks(lines, header):
        keyword = block.lines[0].split()[0]
        if keyword == "NOTE" or block.lines[0].rstrip() in ("STYLE", "REGION"):
            if inside := [number for number, line in enumerate(block.lines, block.line) if "-->" in line]:
                _refuse(inside[0], f"an empty line is missing between the {keyword} and this caption.")
            continue
        at = 0 if "-->" in block.lines[0] else 1
        timing = _VTT_TIMING.fullmatch(block.lines[at]) if at < len(block.lines) else None
        if timing is None:
            _refuse(block.line + min(at, len(block.lines) - 1), "times like 00:01.500 --> 00:04.000 are expected here.")
        settings = [setting for setting in (timing[9] or "").split() if _SETTING.fullmatch(setting)]
        name = block.lines[0].strip() if at else ""
        yield from _cue(block, at, timing, lambda text: text, settings=" ".join(settings), name=name)


def _srt(lines: list[str]) -> Iterator[Cue]:
    for block in _blocks(lines, 0):
        at = 1 if re.fullmatch(r"\s*\d{1,9}\s*", block.lines[0]) else 0
        timing = _SRT_TIMING.fullmatch(block.lines[at]) if at < len(block.lines) else None
        if timing is None:
            expected = "a number, and below it times like 00:00:01,500 --> 00:00:04,000, are expected here."
            _refuse(block.line + min(at, len(block.lines) - 1), expected)
        top = any(_SRT_TOP.search(line) for line in block.lines[at + 1 :])
        yield from _cue(block, at, timing, _from_srt, settings="line:0" if top else "")


def _cue(
    block: _Block, at: int, timing: re.Match[str], to_vtt: Callable[[str], str], *, settings: str, name: str = ""
) -> Iterator[Cue]:
    """The cue of a block whose line `at` has the times; none where it has no text."""
    line = block.line + at
    for number, text in enumerate(block.lines[at + 1 :], line + 1):
        if "-->" in text:
            _refuse(number, "an empty line is missing before this caption.")
    start_ms, end_ms = _ms(*timing.groups()[:4]), _ms(*timing.groups()[4:8])
    if end_ms <= start_ms:
        _refuse(line, "the caption ends before it begins.")
    if end_ms - start_ms > LONGEST_CUE_MS:
        _refuse(line, f"the caption stays for more than {LONGEST_CUE_MS // 60_000} minutes.")
    text = "\n".join(shown for shown in (to_vtt(text).strip() for text in block.lines[at + 1 :]) if shown)
    if text:
        yield Cue(start_ms=start_ms, end_ms=end_ms, text=text, settings=settings, id=name)


def _ms(hours: str | None, minutes: str, seconds: str, fraction: str) -> int:
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(fraction)


def _from_srt(text: str) -> str:
    """SubRip's bold, italic and underlined stay; fonts and positions go; anything else is plain text."""
    shown, at = "", 0
    for tag in _SRT_MARKUP.finditer(text):
        shown += html.escape(text[at : tag.start()], quote=False) + (tag[1] or "").lower()
        at = tag.end()
    return shown + html.escape(text[at:], quote=False)
