"""A ladder of the tests' own: what they hold of rungs must not change with the numbers in presets/profiles.yaml."""

from dataclasses import replace

import pytest

from presets.profile import DEFAULT_NAME, Profile, profile
from presets.rung import Codec, Rung

LADDER = tuple(
    Rung(short_side=short_side, cap_bps=cap_bps)
    for short_side, cap_bps in (
        *((1080, 6_000_000), (720, 3_000_000), (540, 2_000_000)),
        *((432, 1_100_000), (360, 365_000), (234, 145_000)),
    )
)


@pytest.fixture
def own_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of the default profile have the H.264 rungs of LADDER."""

    def with_own_ladder(name: str) -> Profile:
        known = profile(name)
        return replace(known, ladders={**known.ladders, Codec.H264: LADDER}) if name == DEFAULT_NAME else known

    monkeypatch.setattr("transcode.plan.profile", with_own_ladder)
