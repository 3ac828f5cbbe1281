"""Language tags (BCP 47) -> the codes Whisper knows languages by. Pure."""

import re

from core.media.languages import standard_tag

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
# Where Whisper's code is not the one of the language registry.
_WHISPER_CODES = {"nb": "no", "jv": "jw", "fil": "tl", "cmn": "zh", "iw": "he", "in": "id", "arb": "ar", "pes": "fa"}
_UNKNOWN = ("und", "mul", "zxx", "mis")


def whisper_language(tag: str | None) -> str | None:
    """ "en-GB" is "en", "ger" is "de"; None, to be found out, for what names no language.

    A language Whisper does not know keeps its code: the model refuses it.
    """
    if tag is None or not _TAG.fullmatch(tag):
        return None
    code = tag.partition("-")[0].lower()
    if code in _UNKNOWN:
        return None
    if code not in _WHISPER_CODES:
        code = (standard_tag(code) or code).partition("-")[0]
    return _WHISPER_CODES.get(code, code)
