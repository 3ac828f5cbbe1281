"""Tests run on ladders of their own (tests/presets): no number of presets/profiles.yaml is held by them.

Set before anything imports presets. Programs that tests start get it with their environment (tests.stack.OWN_PRESETS).
And without a speech model where speech is not the subject: none is downloaded, and no upload gets captions unasked.
"""

import os
from pathlib import Path

OWN_PRESETS = {"KADR_PRESETS": str(Path(__file__).with_name("presets"))}
NO_SPEECH = {"KADR_WHISPER_MODEL": "none", "KADR_SUBTITLES": "none"}
os.environ |= OWN_PRESETS | NO_SPEECH
