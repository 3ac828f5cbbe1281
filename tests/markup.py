"""Other people's validators for what engines read: of structured data, and of XML by schemas. They run in Node."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from studio import MODULES
from tests.node import node

SCHEMAS = Path(__file__).parent / "schemas"
SCRIPT = Path(__file__).with_name("markup.mjs")
needed = pytest.mark.skipif(
    node() is None or not (MODULES / "xmllint-wasm").is_dir(),
    reason="Node or the validators of studio/package.json are not installed (make test-setup does)",
)


def problems(*, pages: Mapping[str, str] | None = None, documents: Mapping[str, str] | None = None) -> Any:
    """By name, what is wrong with the structured data of pages and with sitemaps: nothing, where the list is empty."""
    program = node()
    assert program is not None
    asked = {
        "pages": dict(pages or {}),
        "documents": dict(documents or {}),
        "schema": (SCHEMAS / "sitemap.xsd").read_text(),
        "others": {"sitemap_video.xsd": (SCHEMAS / "sitemap_video.xsd").read_text()},
    }
    argv = [program, str(SCRIPT), str(MODULES.parent)]
    done = subprocess.run(argv, input=json.dumps(asked), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
