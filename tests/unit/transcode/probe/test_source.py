"""transcode.probe.source: facts know the version of the probe that told them."""

from dataclasses import fields, replace

from tests.sources import source
from transcode.probe.source import VERSION, AudioTrack, Crop, Index, Source, SourceGop, VideoTrack, from_json, to_json

# How many facts each version tells. A further one needs a new version, or older titles are planned without it.
# 2: the same facts, with other times where the sample rate changes or a time strays. 3: no language for what browsers
# record.
FACTS = {1: 62, 2: 62, 3: 62}
KINDS = (Source, VideoTrack, AudioTrack, Crop, Index, SourceGop)


def test_a_further_fact_is_a_new_version() -> None:
    assert max(FACTS) == VERSION
    assert sum(len(fields(kind)) for kind in KINDS) == FACTS[VERSION]


def test_facts_of_before_versions_are_of_version_0() -> None:
    told = to_json(replace(source(), version=VERSION))
    assert from_json(told).version == VERSION
    del told["version"]
    assert from_json(told).version == 0
