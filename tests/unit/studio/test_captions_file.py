"""In which encoding a file with captions is read."""

import json

import pytest

from studio import FOLDER
from tests import node

pytestmark = node.needed


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Привет, мир", "utf-8"), ("Привет, мир", "windows-1251"), ("Café au lait", "windows-1252"), ("Plain", "ascii")],
)
def test_its_text_is_read(text: str, encoding: str) -> None:
    numbers = json.dumps(list(text.encode(encoding)))
    code = f"return kadr.textOf(new Uint8Array({numbers}).buffer)"
    assert node.run((FOLDER / "pages" / "captions_file.ts",), code) == text
