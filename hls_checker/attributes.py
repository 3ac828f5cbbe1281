"""Attribute lists of HLS tags: which attributes each tag has, and how each is written. Pure.

In: what stands after `#EXT-X-...:`. Out: values without their quotes, and a sentence for each thing that is wrong.
Sources: RFC 8216bis-18, 4.2 and 4.4.
"""

import re
from collections.abc import Mapping

_PAIR = re.compile(r'([^=,]*)=("[^"]*"|[^",]*)(,|$)')
_QUOTED = re.compile(r'"[^"]*"')
_FORMS = {
    "quoted": _QUOTED,
    "integer": re.compile(r"[0-9]{1,20}"),
    "hex": re.compile(r"0[xX][0-9A-Fa-f]+"),
    "float": re.compile(r"[0-9]+(\.[0-9]+)?"),
    "signed": re.compile(r"-?[0-9]+(\.[0-9]+)?"),
    "size": re.compile(r"[1-9][0-9]*x[1-9][0-9]*"),
    "yes-no": re.compile(r"YES|NO"),
    "word": re.compile(r"[A-Z0-9-]+"),
    "captions": re.compile(r'NONE|"[^"]*"'),
}

_VARIANT = {
    "BANDWIDTH": "integer",
    "AVERAGE-BANDWIDTH": "integer",
    "SCORE": "float",
    "CODECS": "quoted",
    "SUPPLEMENTAL-CODECS": "quoted",
    "RESOLUTION": "size",
    "HDCP-LEVEL": "word",
    "ALLOWED-CPC": "quoted",
    "VIDEO-RANGE": "word",
    "REQ-VIDEO-LAYOUT": "quoted",
    "STABLE-VARIANT-ID": "quoted",
    "VIDEO": "quoted",
    "PATHWAY-ID": "quoted",
}
_KEY = {"METHOD": "word", "URI": "quoted", "IV": "hex", "KEYFORMAT": "quoted", "KEYFORMATVERSIONS": "quoted"}

FORMS_BY_TAG: Mapping[str, Mapping[str, str]] = {
    "EXT-X-STREAM-INF": {
        **_VARIANT,
        "FRAME-RATE": "float",
        "AUDIO": "quoted",
        "SUBTITLES": "quoted",
        "CLOSED-CAPTIONS": "captions",
    },
    "EXT-X-I-FRAME-STREAM-INF": {**_VARIANT, "URI": "quoted"},
    "EXT-X-MEDIA": {
        "TYPE": "word",
        "URI": "quoted",
        "GROUP-ID": "quoted",
        "LANGUAGE": "quoted",
        "ASSOC-LANGUAGE": "quoted",
        "NAME": "quoted",
        "STABLE-RENDITION-ID": "quoted",
        "DEFAULT": "yes-no",
        "AUTOSELECT": "yes-no",
        "FORCED": "yes-no",
        "INSTREAM-ID": "quoted",
        "BIT-DEPTH": "integer",
        "SAMPLE-RATE": "integer",
        "CHARACTERISTICS": "quoted",
        "CHANNELS": "quoted",
        "PATHWAY-ID": "quoted",  # not in the RFC, but players that steer read it here, too
    },
    "EXT-X-CONTENT-STEERING": {"SERVER-URI": "quoted", "PATHWAY-ID": "quoted"},
    "EXT-X-SESSION-DATA": {
        "DATA-ID": "quoted",
        "VALUE": "quoted",
        "URI": "quoted",
        "FORMAT": "word",
        "LANGUAGE": "quoted",
    },
    "EXT-X-SESSION-KEY": _KEY,
    "EXT-X-KEY": _KEY,
    "EXT-X-MAP": {"URI": "quoted", "BYTERANGE": "quoted"},
    "EXT-X-START": {"TIME-OFFSET": "signed", "PRECISE": "yes-no"},
    "EXT-X-DEFINE": {"NAME": "quoted", "VALUE": "quoted", "IMPORT": "quoted", "QUERYPARAM": "quoted"},
}

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "EXT-X-STREAM-INF": ("BANDWIDTH",),
    "EXT-X-I-FRAME-STREAM-INF": ("BANDWIDTH", "URI"),
    "EXT-X-MEDIA": ("TYPE", "GROUP-ID", "NAME"),
    "EXT-X-CONTENT-STEERING": ("SERVER-URI",),
    "EXT-X-SESSION-DATA": ("DATA-ID",),
    "EXT-X-KEY": ("METHOD",),
    "EXT-X-SESSION-KEY": ("METHOD", "URI"),
    "EXT-X-MAP": ("URI",),
    "EXT-X-START": ("TIME-OFFSET",),
}


def attributes(tag: str, text: str) -> tuple[dict[str, str], list[str]]:
    """The list of one tag, and what is wrong with it. What cannot be read is left out; of a name said twice the
    first counts."""
    forms = FORMS_BY_TAG[tag]
    values: dict[str, str] = {}
    wrong: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == ",":
            wrong.append("a comma stands where an attribute is expected")
            at += 1
            continue
        pair = _PAIR.match(text, at)
        if pair is None:
            wrong.append(f"the attributes cannot be read from {text[at : at + 40]!r} on")
            break
        name, value, comma = pair.groups()
        at = pair.end()
        if comma and at == len(text):
            wrong.append("a comma stands after the last attribute")
        if name in values:
            wrong.append(f"{name} is said twice")
        elif name not in forms and not name.startswith("X-"):
            wrong.append(f"{name!r} is no attribute of {tag}")
        elif name in forms and not _FORMS[forms[name]].fullmatch(value):
            wrong.append(f"{name}={value} is not written as {_spelled(forms[name])}")
        else:
            values[name] = value[1:-1] if _QUOTED.fullmatch(value) else value
    wrong += [f"{name} is missing" for name in REQUIRED.get(tag, ()) if name not in values]
    return values, wrong


def _spelled(form: str) -> str:
    return {
        "quoted": "a quoted string",
        "size": "WIDTHxHEIGHT",
        "yes-no": "YES or NO",
        "captions": "NONE or a quoted string",
        "integer": "a whole number",
        "hex": "a hexadecimal number",
        "float": "a decimal number",
        "signed": "a decimal number with or without a sign",
        "word": "a word in capitals",
    }[form]
