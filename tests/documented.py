"""What docs/errors.md names in code spans: every code, and a few fields and states of the API beside them."""

import re

from tests.checks import ROOT


def documented() -> frozenset[str]:
    return frozenset(re.findall(r"`([a-z][a-z0-9_]+)`", (ROOT / "docs" / "errors.md").read_text("utf-8")))
