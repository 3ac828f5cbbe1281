"""Code in documents: what stands between fences, in order."""

import re
from dataclasses import dataclass
from pathlib import Path

_FENCED = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBlock:
    """A block, and the name of the file that it is, where it has one."""

    language: str
    title: str | None
    text: str


def code_blocks(document: Path, until: str | None = None) -> list[CodeBlock]:
    """All blocks of a document, or those before a heading."""
    text = document.read_text("utf-8")
    if until is not None:
        text, found, _ = text.partition(f"\n{until}\n")
        assert found, f"{document} has no {until!r}"
    return [CodeBlock(**one.groupdict()) for one in _FENCED.finditer(text)]
