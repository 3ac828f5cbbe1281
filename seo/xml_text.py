"""Text for XML documents. Pure."""

import re
from xml.sax.saxutils import escape

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def xml_text(text: str) -> str:
    """The text, escaped for an element or an attribute in double quotes, without characters that XML cannot hold."""
    return escape(allowed(text), {'"': "&quot;"})


def allowed(text: str) -> str:
    """The text without characters that XML cannot hold."""
    return _NOT_XML.sub("", text)
