"""packager.dash: the exact text, what the schema asks for, and a real player over real segments. Clauses are those of
ISO/IEC 23009-1."""

import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from urllib.parse import urljoin
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpegdash.parser import MPEGDASHParser

from core.media.encoded import Blob, Encoded, Rendition, RenditionKind, Segment, SubtitleFiles, Subtitles
from core.model import AssetId
from packager.dash import mpd
from packager.names import Pathway
from packager.revision import build_revision
from tests.encodes import FRAMES, Encodes, content
from tests.media import FFMPEG
from tests.renditions import rendition, sound, subtitles
from transcode.encode.cutters import Cut

DASH = {"": "urn:mpeg:dash:schema:mpd:2011"}
# Children of an element in the order the schema wants them (5.3.1 to 5.3.9, and ETSI TS 103 998 for steering).
ORDER = {
    "MPD": ["BaseURL", "ContentSteering", "Period"],
    "Period": ["AdaptationSet"],
    "AdaptationSet": ["AudioChannelConfiguration", "Label", "Role", "SegmentTemplate", "Representation"],
    "Representation": ["BaseURL", "SegmentTemplate"],
    "SegmentTemplate": ["SegmentTimeline"],
    "SegmentTimeline": ["S"],
}
# Every attribute that is written, by the type of the schema (Annex B), as regular expressions of XML Schema's types.
UNSIGNED = r"[0-9]{1,10}"
STRING, RATIO, FRAME_RATE, DURATION = r"(?s:.*)", r"[0-9]*:[0-9]*", r"[0-9]+(/[1-9][0-9]*)?", r"PT[0-9]+(\.[0-9]+)?S"
URI, LANGUAGE, BOOLEAN, NO_WHITESPACE = r"\S+", r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", r"true|false|0|1", r"\S+"
TYPES = {
    "MPD": {
        "profiles": r"\S+(,\S+)*",
        "type": r"static|dynamic",
        "mediaPresentationDuration": DURATION,
        "minBufferTime": DURATION,
    },
    "BaseURL": {"serviceLocation": STRING},
    "ContentSteering": {"defaultServiceLocation": NO_WHITESPACE, "queryBeforeStart": BOOLEAN},
    "Period": {"id": STRING, "start": DURATION},
    "AdaptationSet": {
        "id": UNSIGNED,
        "contentType": r"text|image|audio|video|application|font",
        "mimeType": r"[a-z]+/[a-z0-9.+-]+",
        "lang": LANGUAGE,
        "segmentAlignment": BOOLEAN,
        "startWithSAP": r"[0-6]",
        "maxWidth": UNSIGNED,
        "maxHeight": UNSIGNED,
    },
    "Role": {"schemeIdUri": URI, "value": STRING},
    "AudioChannelConfiguration": {"schemeIdUri": URI, "value": STRING},
    "Label": {},
    "Representation": {
        "id": NO_WHITESPACE,
        "codecs": r"[A-Za-z0-9.]+(,[A-Za-z0-9.]+)*",
        "bandwidth": UNSIGNED,
        "width": UNSIGNED,
        "height": UNSIGNED,
        "frameRate": FRAME_RATE,
        "sar": RATIO,
        "audioSamplingRate": r"[0-9]+( [0-9]+)?",
    },
    "SegmentTemplate": {"timescale": UNSIGNED, "media": STRING, "initialization": STRING, "startNumber": UNSIGNED},
    "SegmentTimeline": {},
    "S": {"t": r"[0-9]{1,20}", "d": r"[0-9]{1,20}", "r": r"-?[0-9]+"},
}
REQUIRED = {
    "MPD": {"profiles", "type", "minBufferTime", "mediaPresentationDuration"},
    "AdaptationSet": {"id", "contentType", "mimeType"},
    "Representation": {"id", "bandwidth"},
    "SegmentTemplate": {"timescale", "media", "initialization", "startNumber"},
    "S": {"d"},
}


def whole(**more: object) -> Subtitles:
    return replace(subtitles("s1"), whole=Blob(sha256="3" * 64, size_bytes=9_000), **more)


def test_an_mpd_with_everything() -> None:
    """Static, exact timelines (5.3.9.6), a set for pictures, one for each sound and one for each text."""
    ntsc = Fraction(30_000, 1001)
    high = rendition("v720", 30_000, [180_180, 180_180, 30_030], 18_018_000, frame_rate=ntsc)
    low = rendition("v360", 30_000, [180_180, 180_180, 30_030], 3_003_000, width=640, height=360, frame_rate=ntsc / 2)
    written = mpd(
        [high, low, sound(language="en"), sound("a2", language="de")],
        [Pathway(id="one", prefix="https://a.test/s/t/"), Pathway(id="two", prefix="https://b.test/")],
        subtitles=[whole(captions=True, name="A & B"), subtitles("s2")],
        steering_uri="https://o.test/steer/1?a=1&b=2",
    )
    assert (
        written
        == """<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" \
mediaPresentationDuration="PT13.013S" minBufferTime="PT6.006S">
  <BaseURL serviceLocation="one">https://a.test/s/t/</BaseURL>
  <BaseURL serviceLocation="two">https://b.test/</BaseURL>
  <ContentSteering defaultServiceLocation="one" queryBeforeStart="false">https://o.test/steer/1?a=1&amp;b=2\
</ContentSteering>
  <Period id="0" start="PT0S">
    <AdaptationSet id="1993748963" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1" \
maxWidth="1280" maxHeight="720">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main" />
      <SegmentTemplate timescale="30000" initialization="$RepresentationID$/init.mp4" \
media="$RepresentationID$/$Number%05d$.m4s" startNumber="0">
        <SegmentTimeline>
          <S t="0" d="180180" r="1" />
          <S d="30030" />
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="v720" codecs="avc1.64001f" bandwidth="5142857" width="1280" height="720" \
frameRate="30000/1001" sar="1:1" />
      <Representation id="v360" codecs="avc1.64001f" bandwidth="857143" width="640" height="360" \
frameRate="15000/1001" sar="1:1" />
    </AdaptationSet>
    <AdaptationSet id="913351697" contentType="audio" mimeType="audio/mp4" lang="en" segmentAlignment="true" \
startWithSAP="1">
      <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2" />
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main" />
      <SegmentTemplate timescale="48000" initialization="$RepresentationID$/init.mp4" \
media="$RepresentationID$/$Number%05d$.m4s" startNumber="0">
        <SegmentTimeline>
          <S t="0" d="288000" />
          <S d="192000" />
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="a1" codecs="mp4a.40.2" bandwidth="120000" audioSamplingRate="48000" />
    </AdaptationSet>
    <AdaptationSet id="2062814412" contentType="audio" mimeType="audio/mp4" lang="de" segmentAlignment="true" \
startWithSAP="1">
      <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2" />
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="alternate" />
      <SegmentTemplate timescale="48000" initialization="$RepresentationID$/init.mp4" \
media="$RepresentationID$/$Number%05d$.m4s" startNumber="0">
        <SegmentTimeline>
          <S t="0" d="288000" />
          <S d="192000" />
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="a2" codecs="mp4a.40.2" bandwidth="120000" audioSamplingRate="48000" />
    </AdaptationSet>
    <AdaptationSet id="168467576" contentType="text" mimeType="text/vtt" lang="de">
      <Label>A &amp; B</Label>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="caption" />
      <Representation id="s1" bandwidth="1200">
        <BaseURL>s1/whole.vtt</BaseURL>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""
    )
    valid(written)


def valid(text: str) -> ElementTree.Element:
    """What the schema says of the elements used here: their order and the attributes they must have."""
    root = ElementTree.fromstring(text)
    assert root.tag == "{urn:mpeg:dash:schema:mpd:2011}MPD"
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        assert REQUIRED.get(name, set()) <= set(element.attrib), name
        for attribute, value in element.attrib.items():
            assert re.fullmatch(TYPES[name][attribute], value), (name, attribute, value)
            assert TYPES[name][attribute] is not UNSIGNED or int(value) < 2**32
        children = [child.tag.rpartition("}")[2] for child in element]
        assert set(children) <= set(ORDER.get(name, [])), name
        assert children == sorted(children, key=ORDER.get(name, []).index)
    ids = [found.get("id") for found in root.iterfind(".//AdaptationSet", DASH)]
    assert len(set(ids)) == len(ids)
    ids = [found.get("id") for found in root.iterfind(".//Representation", DASH)]
    assert len(set(ids)) == len(ids), "unique within a Period (5.3.5.2)"
    return root


def test_a_third_party_reader_takes_every_attribute() -> None:
    """mpegdash types attributes by the schema, as media3 on Android does."""
    written = mpd(
        [rendition("v720", 30_000, [180_180], 6_006_000), sound(language="en"), sound("d0x9k", language="de")],
        subtitles=[whole(captions=True), whole(id="tth4x0p3q9a", forced=True)],
    )
    sets = MPEGDASHParser.parse(written).periods[0].adaptation_sets
    assert [type(found.id) for found in sets] == [int] * 5
    assert [found.representations[0].id for found in sets] == ["v720", "a1", "d0x9k", "s1", "tth4x0p3q9a"]


def test_a_set_keeps_its_number_in_every_revision() -> None:
    """Whatever is added, removed or in another order; media3 and players that switch manifests go by it."""

    def ids(text: str) -> dict[str, str]:
        sets = valid(text).iterfind(".//AdaptationSet", DASH)
        return {found.find("Representation", DASH).get("id"): found.get("id") for found in sets}

    avc = rendition("v720", 30_000, [180_180], 6_006_000)
    av1 = rendition("v720x", 30_000, [180_180], 3_003_000, codec="av01.0.05M.08")
    dub, captions, forced = sound("d0x9k"), whole(id="t1"), whole(id="t0", forced=True)
    first = ids(mpd([avc, sound()], subtitles=[captions]))
    later = ids(mpd([av1, avc, dub, sound()], subtitles=[forced, captions]))
    assert first.items() < later.items()
    assert len(set(later.values())) == len(later) == 6


def test_many_tracks_have_numbers_of_their_own() -> None:
    many = [whole(id=f"t{number}") for number in range(500)]
    assert len(valid(mpd([sound()], subtitles=many)).findall(".//AdaptationSet", DASH)) == 501


def test_forced_subtitles_come_last_under_a_role_of_their_own() -> None:
    root = valid(mpd([sound()], subtitles=[whole(id="t0", forced=True), whole(id="t1"), whole(id="t2", captions=True)]))
    texts = root.findall(".//AdaptationSet[@contentType='text']", DASH)
    assert [
        (found.find("Representation", DASH).get("id"), found.find("Role", DASH).get("value")) for found in texts
    ] == [
        ("t1", "subtitle"),
        ("t2", "caption"),
        ("t0", "forced-subtitle"),
    ]


def files(text: str, base: str = "") -> set[str]:
    """Every file a player can ask for, as it works it out (5.3.9.4.4)."""
    found = set()
    for sets in valid(text).iterfind(".//AdaptationSet", DASH):
        for shown in sets.iterfind("Representation", DASH):
            template = shown.find("SegmentTemplate", DASH)
            template = sets.find("SegmentTemplate", DASH) if template is None else template
            if template is None:
                found.add(urljoin(base, shown.findtext("BaseURL", namespaces=DASH) or ""))
                continue
            count = sum(int(entry.get("r", "0")) + 1 for entry in template.iterfind("SegmentTimeline/S", DASH))
            names = [template.get("media", "").replace("$Number%05d$", f"{number:05d}") for number in range(count)]
            for name in [template.get("initialization", ""), *names]:
                named = name.replace("$RepresentationID$", shown.get("id", "")).replace("$$", "$")
                found.add(urljoin(base, named))
    return found


def test_its_files_are_those_of_the_revision() -> None:
    made = build_revision(
        AssetId("as_1"),
        Encoded(renditions=(rendition("v720", 25_000, [150_000, 100_000]), sound())),
        subtitles=[SubtitleFiles(subtitles=whole(), files={})],
    )
    text = made.texts[made.manifest.files["manifest.mpd"].key].decode()
    assert "BaseURL" in text, "of the text alone: all is relative to the MPD"
    assert valid(text).find("BaseURL", DASH) is None
    lists = {path for path in made.manifest.files if path.endswith((".m3u8", ".mpd")) or path.startswith("s1/0")}
    assert files(text) == set(made.manifest.files) - lists


@given(
    st.lists(st.integers(1, 400_000), min_size=1, max_size=40) | st.lists(st.just(150_000), min_size=1, max_size=40),
    st.sampled_from([25_000, 30_000, 48_000]),
)
def test_timelines_are_exact(durations: list[int], timescale: int) -> None:
    root = valid(mpd([rendition("v", timescale, durations, 800)]))
    spelled: list[int] = []
    for entry in root.iterfind(".//S", DASH):
        spelled += [int(entry.get("d", ""))] * (int(entry.get("r", "0")) + 1)
    assert spelled == durations
    assert [entry.get("t") for entry in root.iterfind(".//S", DASH)][:1] == ["0"]
    found = re.fullmatch(r"PT(\d+(?:\.\d+)?)S", root.get("mediaPresentationDuration", ""))
    assert found is not None
    assert abs(Fraction(found[1]) - Fraction(sum(durations), timescale)) <= Fraction(1, 1_000_000)


def test_pictures_cut_elsewhere_have_a_timeline_of_their_own() -> None:
    """One SegmentTemplate for all only where all agree."""
    made = [rendition("v720", 25_000, [150_000, 100_000]), rendition("v360", 25_000, [100_000, 150_000])]
    root = valid(mpd(made))
    assert len(root.findall(".//AdaptationSet/SegmentTemplate", DASH)) == 0
    lengths = [[s.get("d") for s in shown.iterfind(".//S", DASH)] for shown in root.iterfind(".//Representation", DASH)]
    assert lengths == [["150000", "100000"], ["100000", "150000"]]


def test_codecs_are_not_mixed_in_a_set() -> None:
    """Players switch within an AdaptationSet (5.3.3.1)."""
    names = (("v1", "avc1.640028"), ("v2", "hvc1.1.6.L93.B0"), ("v3", "avc1.64001f"))
    root = valid(mpd([rendition(name, 25_000, [150_000], codec=codec) for name, codec in names]))
    sets = [
        [shown.get("id") for shown in found.iterfind("Representation", DASH)]
        for found in root.iterfind(".//AdaptationSet", DASH)
    ]
    assert sets == [["v1", "v3"], ["v2"]]


def test_a_query_goes_with_every_file() -> None:
    """A query of a BaseURL is not inherited (RFC 3986, 5.2.2), so it stands in the templates; `$` is theirs."""
    text = mpd([rendition("v720", 25_000, [150_000])], [Pathway(prefix="https://a.test/v/", query="a=1&b=$x")])
    assert files(text, "https://a.test/v/") == {
        "https://a.test/v/v720/init.mp4?a=1&b=$x",
        "https://a.test/v/v720/00000.m4s?a=1&b=$x",
    }


def test_pathways_of_another_query_are_left_out() -> None:
    pathways = [Pathway(id="a", prefix="https://a.test/", query="t=1"), Pathway(id="b", prefix="https://b.test/")]
    root = valid(mpd([rendition("v720", 25_000, [150_000])], pathways))
    assert [base.get("serviceLocation") for base in root.iterfind("BaseURL", DASH)] == ["a"]


def test_sound_alone() -> None:
    root = valid(mpd([sound()]))
    assert root.get("mediaPresentationDuration") == "PT10S"
    assert [found.get("lang") for found in root.iterfind(".//AdaptationSet", DASH)] == ["und"]


@pytest.mark.parametrize("name", ['<a> & "b"', "\x00\x1b]]>", "\ud800", "emoji \U0001f600"])
def test_a_hostile_name_stays_text(name: str) -> None:
    root = valid(mpd([sound(language='"/><x')], subtitles=[whole(name=name)]))
    assert root.findtext(".//Label", namespaces=DASH) == name.translate({0: None, 0x1B: None, 0xD800: None})
    assert [found.get("lang") for found in root.iterfind(".//AdaptationSet", DASH)] == ["und", "de"]


def test_a_player_reads_all_frames(encodes: Encodes, tmp_path: Path) -> None:
    """ffmpeg's own DASH reader, over real segments: every picture and all of the sound."""
    cuts = {"v64": encodes.cut("video"), "a1": encodes.cut("sound")}
    (tmp_path / "out").mkdir()
    made = build_revision(AssetId("as_1"), Encoded(renditions=tuple(listed(name, cut) for name, cut in cuts.items())))
    for name, cut in cuts.items():
        (tmp_path / "out" / name).mkdir()
        init, *segments = content(cut)
        (tmp_path / "out" / name / "init.mp4").write_bytes(init)
        for number, body in enumerate(segments):
            (tmp_path / "out" / name / f"{number:05d}.m4s").write_bytes(body)
    file = tmp_path / "out" / "manifest.mpd"
    file.write_bytes(made.texts[made.manifest.files["manifest.mpd"].key])
    reading = [FFMPEG, "-v", "error", "-i", str(file), "-map", "0:v", "-map", "0:a", "-f", "framecrc", "-"]
    ran = subprocess.run(reading, check=True, capture_output=True, text=True, timeout=60)
    assert ran.stderr == ""
    streams = [line.split(",")[0] for line in ran.stdout.splitlines() if not line.startswith("#")]
    assert streams.count("0") == FRAMES
    samples = sum(duration for _, duration in cuts["a1"].segments)
    assert streams.count("1") == samples // 1024


def listed(name: str, cut: Cut) -> Rendition:
    video = name.startswith("v")
    return Rendition(
        id=name,
        kind=RenditionKind.VIDEO if video else RenditionKind.AUDIO,
        codec=cut.codec,
        timescale=cut.timescale,
        init=cut.init.blob,
        segments=tuple(Segment(blob=p.blob, duration=ticks, keyframes=p.keyframes) for p, ticks in cut.segments),
        width=112 if video else None,
        height=64 if video else None,
        frame_rate=Fraction(30_000, 1001) if video else None,
        channels=None if video else 2,
    )
