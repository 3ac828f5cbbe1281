"""kadr check: a sound title has no faults; with one thing broken, the rule about that thing is told and no other."""

from pathlib import Path

import pytest

from tests.hls_breaks import BREAKS
from tests.hls_titles import on_two_pathways
from tests.published import faults


async def rules_told(index: Path) -> set[str]:
    return {line.split()[0] for line in await faults(index.as_uri())}


async def test_a_sound_title(sound_title: Path) -> None:
    assert await faults((sound_title / "index.m3u8").as_uri()) == []


async def test_a_sound_title_on_two_pathways(title: Path) -> None:
    on_two_pathways(title)
    assert await faults((title / "index.m3u8").as_uri()) == []


@pytest.mark.parametrize("name", BREAKS)
async def test_one_thing_broken(title: Path, name: str) -> None:
    broken, told = BREAKS[name]
    broken(title)
    assert await rules_told(title / "index.m3u8") == told, await faults((title / "index.m3u8").as_uri())
