"""Tests run on ladders of their own (tests/presets): no number of presets/profiles.yaml is held by them.

Set before anything imports presets. Programs that tests start get it with their environment (tests.stack.OWN_PRESETS).
"""

import os
from pathlib import Path

OWN_PRESETS = {"KADR_PRESETS": str(Path(__file__).with_name("presets"))}
os.environ |= OWN_PRESETS
