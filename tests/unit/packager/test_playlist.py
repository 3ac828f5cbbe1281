"""packager.playlist: the exact text players get. Clauses: RFC is 8216bis; [n.n] Apple's HLS Authoring Specification."""

import re
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.media.encoded import Blob, Keyframe, Rendition, target_duration
from packager.multivariant import AmbiguousPathways, multivariant
from packager.names import Pathway, stable_id, unique
from packager.playlist import iframe_playlist, media_playlist, subtitle_playlist
from tests.renditions import rendition, sound, subtitles


def keyed(name: str = "v720", **more) -> Rendition:
    """6 s and 4 s at 25 fps; a keyframe every 2 s, of 25 kB in the first segment and 50 kB in the second."""
    made = rendition(name, 25_000, [150_000, 100_000], 18_000_000, **more)
    frames = [
        tuple(Keyframe(offset=number * 100_000, size_bytes=size, duration=50_000) for number in range(count))
        for size, count in ((25_000, 3), (50_000, 2))
    ]
    segments = tuple(replace(s, keyframes=k) for s, k in zip(made.segments, frames, strict=True))
    return replace(made, segments=segments)


def test_media_playlist_at_2997() -> None:
    """RFC 4.4.3.1 "EXTINF durations, rounded to the nearest integer, MUST be <= the Target Duration"; VOD [8.6];
    EXT-X-MAP for fMP4 [8.20]; 180 frames are 6.006 s, never 6 [8.1]."""
    made = rendition("v720", 30_000, [180 * 1001, 180 * 1001, 1001])
    assert media_playlist(made, target_duration(made)) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:6.006000,\n00000.m4s\n"
        "#EXTINF:6.006000,\n00001.m4s\n"
        "#EXTINF:0.033367,\n00002.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


def test_media_playlist_at_25() -> None:
    """RFC 4.4.4.1: EXTINF is "a decimal-floating-point number", in seconds."""
    made = rendition("v720", 25_000, [150_000, 26_000])
    assert media_playlist(made, target_duration(made)) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:6.000000,\n00000.m4s\n"
        "#EXTINF:1.040000,\n00001.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


def event(growing: bool, *durations: int) -> str:
    made = rendition("v360", 25_000, list(durations))
    return media_playlist(made, target_duration(made), growing=growing)


def test_a_growing_playlist() -> None:
    """RFC 4.4.3.5: EVENT, segments are only added to its end; no ENDLIST while it may grow. EXT-X-START (RFC 4.4.2.2),
    because players begin a playlist without ENDLIST near its end (RFC 6.3.3)."""
    assert event(True, 150_000, 150_000) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:EVENT\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-START:TIME-OFFSET=0.001\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:6.000000,\n00000.m4s\n"
        "#EXTINF:6.000000,\n00001.m4s\n"
    )


def test_a_playlist_that_has_grown() -> None:
    """RFC 4.4.3.4: with ENDLIST nothing is added any more; it stays EVENT, for the players that loaded it as one."""
    assert event(False, 150_000, 26_000) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:EVENT\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-START:TIME-OFFSET=0.001\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:6.000000,\n00000.m4s\n"
        "#EXTINF:1.040000,\n00001.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


@given(
    st.lists(st.integers(1, 200_000), min_size=2, max_size=30),
    st.sampled_from([25_000, 30_000, 48_000, 24_000]),
    st.data(),
)
def test_a_growing_playlist_only_grows(durations: list[int], timescale: int, data: st.DataObject) -> None:
    """RFC 6.2.1: of an EVENT playlist nothing is changed or deleted; lines may be appended.."""
    early = data.draw(st.integers(1, len(durations) - 1))
    before, after, ended = (
        media_playlist(rendition("v", timescale, durations[:until]), 8, growing=growing)
        for until, growing in ((early, True), (len(durations), True), (len(durations), False))
    )
    assert after.startswith(before)
    assert len(after) > len(before)
    assert ended == after + "#EXT-X-ENDLIST\n"


def test_multivariant_with_sound() -> None:
    """BANDWIDTH is the largest playable sum [9.13]; LANGUAGE on non-video EXT-X-MEDIA [8.10]; the first variant is the
    one near 2 Mb/s; CODECS names the sound too [9.1]; RESOLUTION [9.2]; FRAME-RATE with three decimals (RFC 4.4.6.2).
    """
    high = rendition("v1080", 25_000, [150_000, 100_000], 24_000_000, width=1920, height=1080, codec="avc1.640028")
    middle = rendition(
        "v540", 30_000, [180_180, 120_120], 7_207_200, width=960, height=540, frame_rate=Fraction(30000, 1001)
    )
    assert multivariant([high, middle, sound(language="de")], [Pathway(prefix="/s/t/")]) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Deutsch",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'STABLE-RENDITION-ID="a1.de.mp4a",URI="/s/t/a1/index.m3u8"\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=1920000,AVERAGE-BANDWIDTH=1536000,"
        'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=960x540,FRAME-RATE=29.970,AUDIO="audio",CLOSED-CAPTIONS=NONE,'
        'STABLE-VARIANT-ID="v540.960x540.avc1"\n'
        "/s/t/v540/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=6120000,AVERAGE-BANDWIDTH=4896000,"
        'CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=25.000,AUDIO="audio",CLOSED-CAPTIONS=NONE,'
        'STABLE-VARIANT-ID="v1080.1920x1080.avc1"\n'
        "/s/t/v1080/index.m3u8\n"
    )


def test_multivariant_without_sound() -> None:
    """RFC 4.4.6.2: AUDIO "MUST match the value of the GROUP-ID attribute of an EXT-X-MEDIA tag": none, so no AUDIO."""
    made = rendition("v720", 25_000, [150_000, 150_000], 18_000_000)
    assert multivariant([made]) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=3000000,"
        'CODECS="avc1.64001f",RESOLUTION=1280x720,FRAME-RATE=25.000,CLOSED-CAPTIONS=NONE,'
        'STABLE-VARIANT-ID="v720.1280x720.avc1"\n'
        "v720/index.m3u8\n"
    )


def test_sound_of_unknown_language() -> None:
    """RFC 4.4.6.1: NAME is required; "und" is BCP 47 for undetermined."""
    text = multivariant([rendition("v720", 25_000, [150_000]), sound()])
    assert 'NAME="Original",LANGUAGE="und",' in text


def test_several_languages() -> None:
    """RFC 4.4.6.1.1: names differ within a group, and one is DEFAULT. The largest sound counts for bandwidth."""
    german = sound("a2", 960_000, language="de")
    made = [rendition("v720", 25_000, [150_000, 150_000], 18_000_000), sound(language="en"), german]
    assert multivariant(made) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'STABLE-RENDITION-ID="a1.en.mp4a",URI="a1/index.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Deutsch",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",'
        'STABLE-RENDITION-ID="a2.de.mp4a",URI="a2/index.m3u8"\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=3240000,AVERAGE-BANDWIDTH=3192000,"
        'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="audio",CLOSED-CAPTIONS=NONE,'
        'STABLE-VARIANT-ID="v720.1280x720.avc1"\n'
        "v720/index.m3u8\n"
    )


def test_sound_only() -> None:
    """RFC 4.4.6.2: a variant without pictures has no RESOLUTION and no FRAME-RATE; it names its own group."""
    assert multivariant([sound(language="en"), sound("a2", language="de")], [Pathway(prefix="/s/t/")]) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'STABLE-RENDITION-ID="a1.en.mp4a",URI="/s/t/a1/index.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Deutsch",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",'
        'STABLE-RENDITION-ID="a2.de.mp4a",URI="/s/t/a2/index.m3u8"\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=120000,AVERAGE-BANDWIDTH=96000,"
        'CODECS="mp4a.40.2",AUDIO="audio",CLOSED-CAPTIONS=NONE,STABLE-VARIANT-ID="a1.en.mp4a"\n'
        "/s/t/a1/index.m3u8\n"
    )


def test_iframe_playlist() -> None:
    """RFC 4.4.3.6: EXTINF is "the time between the presentation time of the I-frame [...] and the presentation time of
    the next I-frame"; EXT-X-BYTERANGE n@o (RFC 4.4.4.2); EXT-X-MAP needs no version above 7 here (RFC 8)."""
    assert iframe_playlist(keyed(), 6) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-I-FRAMES-ONLY\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:2.000000,\n#EXT-X-BYTERANGE:25000@0\n00000.m4s\n"
        "#EXTINF:2.000000,\n#EXT-X-BYTERANGE:25000@100000\n00000.m4s\n"
        "#EXTINF:2.000000,\n#EXT-X-BYTERANGE:25000@200000\n00000.m4s\n"
        "#EXTINF:2.000000,\n#EXT-X-BYTERANGE:50000@0\n00001.m4s\n"
        "#EXTINF:2.000000,\n#EXT-X-BYTERANGE:50000@100000\n00001.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


def test_subtitle_playlist() -> None:
    """RFC 3.1.4: segments of WebVTT; no EXT-X-MAP."""
    assert subtitle_playlist(subtitles()) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:30\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXTINF:30.000000,\n00000.vtt\n"
        "#EXTINF:30.000000,\n00001.vtt\n"
        "#EXTINF:10.000000,\n00002.vtt\n"
        "#EXT-X-ENDLIST\n"
    )


def test_multivariant_with_everything() -> None:
    """Each pathway has every variant, group and I-frame list, alike but for URIs and group ids (RFC 7.2, 4.4.6.2: "A
    Content Producer SHOULD provide all Rendition Groups on all Pathways"). EXT-X-MEDIA names its pathway for one
    player; the others ignore an attribute they do not know (RFC 6.3.1). The peak is 4.5 Mb/s of picture in the second
    segment, 120 kb/s of sound and 1.2 kb/s in the last 40 s of text; of keyframes it is that of the last two."""
    pathways = [Pathway(id="one", prefix="https://a.test/t/"), Pathway(id="two", prefix="https://b.test/", query="k=v")]
    written = multivariant(
        [keyed(), sound(language="en")],
        pathways,
        subtitles=[subtitles("s0", forced=True), subtitles(machine_generated=True), subtitles("s2", captions=True)],
        steering_uri="/steer/1",
    )

    def block(name: str, prefix: str, query: str) -> str:
        return (
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-{name}",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,'
            f'CHANNELS="2",STABLE-RENDITION-ID="a1.en.mp4a",PATHWAY-ID="{name}",URI="{prefix}a1/index.m3u8{query}"\n'
            f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles-{name}",NAME="Deutsch",LANGUAGE="de",DEFAULT=NO,'
            'AUTOSELECT=YES,FORCED=NO,CHARACTERISTICS="public.machine-generated",STABLE-RENDITION-ID="s1.de.vtt",'
            f'PATHWAY-ID="{name}",URI="{prefix}s1/index.m3u8{query}"\n'
            f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles-{name}",NAME="Deutsch 2",LANGUAGE="de",DEFAULT=NO,'
            'AUTOSELECT=YES,FORCED=NO,CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog,'
            'public.accessibility.describes-music-and-sound",STABLE-RENDITION-ID="s2.de.vtt",'
            f'PATHWAY-ID="{name}",URI="{prefix}s2/index.m3u8{query}"\n'
            f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles-{name}",NAME="Deutsch 3",LANGUAGE="de",DEFAULT=NO,'
            f'AUTOSELECT=YES,FORCED=YES,STABLE-RENDITION-ID="s0.de.vtt",PATHWAY-ID="{name}",'
            f'URI="{prefix}s0/index.m3u8{query}"\n'
            "#EXT-X-STREAM-INF:BANDWIDTH=4621200,AVERAGE-BANDWIDTH=3697029,"
            'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,'
            f'AUDIO="audio-{name}",SUBTITLES="subtitles-{name}",CLOSED-CAPTIONS=NONE,'
            f'STABLE-VARIANT-ID="v720.1280x720.avc1",PATHWAY-ID="{name}"\n'
            f"{prefix}v720/index.m3u8{query}\n"
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=200000,AVERAGE-BANDWIDTH=140000,"
            'CODECS="avc1.64001f",RESOLUTION=1280x720,'
            f'STABLE-VARIANT-ID="v720.1280x720.avc1.iframes",PATHWAY-ID="{name}",'
            f'URI="{prefix}v720/iframes.m3u8{query}"\n'
        )

    assert written == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-CONTENT-STEERING:SERVER-URI="/steer/1",PATHWAY-ID="one"\n'
        + block("one", "https://a.test/t/", "")
        + block("two", "https://b.test/", "?k=v")
    )


@pytest.mark.parametrize("ids", [[], ["a", "a"], ["a", ""], ["", ""]])
def test_pathways_are_told_apart(ids: list[str]) -> None:
    with pytest.raises(AmbiguousPathways):
        multivariant([keyed()], [Pathway(id=name) for name in ids])


def test_no_iframe_list_where_a_keyframe_is_unknown() -> None:
    """A rendition of an old listing, or one segment without: pictures would be missing while seeking."""
    first, last = keyed().segments
    assert not replace(keyed(), segments=(first, replace(last, keyframes=()))).keyframes_known
    assert not replace(keyed(), segments=(first, replace(last, keyframes=last.keyframes[:1]))).keyframes_known
    partly = replace(keyed(), segments=(replace(first, keyframes=()), last))
    assert "I-FRAME" not in multivariant([partly])
    assert "I-FRAME" in multivariant([partly, keyed("v360")])


def test_sound_only_with_subtitles() -> None:
    (variant,) = (
        line for line in multivariant([sound()], subtitles=[subtitles()]).splitlines() if "STREAM-INF" in line
    )
    assert 'AUDIO="audio",SUBTITLES="subtitles",CLOSED-CAPTIONS=NONE' in variant


def test_sound_only_counts_the_largest_sound() -> None:
    """RFC 4.4.6.2: BANDWIDTH is the largest sum of any playable combination, also of a group's other members."""
    text = multivariant([sound(), sound("a2", 960_000, language="de")])
    assert f"BANDWIDTH={sound('a2', 960_000).bandwidth_bps}," in text


def test_stable_ids_do_not_change_with_the_encode() -> None:
    """RFC 4.4.6.2: it "allows the URI of the Variant Stream to change between two distinct downloads"; its characters
    are of the set [a-z], [A-Z], [0-9], +, /, =, ., -, _."""
    again = replace(keyed(codec="avc1.640028"), init=Blob(sha256="f" * 64, size_bytes=1))
    assert stable_id(again) == stable_id(keyed()) == "v720.1280x720.avc1"
    assert stable_id(keyed(codec="hvc1.1.6.L93.B0")) != stable_id(keyed())
    assert stable_id(sound(language='d"e\n,')) == "a1.de.mp4a"
    assert stable_id(subtitles(language="pt-BR")) == "s1.pt-BR.vtt"


def test_equal_names_are_numbered() -> None:
    assert unique(["en", "de", "en", "en 2", "en"]) == ["en", "de", "en 2", "en 2 2", "en 3"]


@pytest.mark.parametrize("language", ['en"', "en\n#EXT-X-ENDLIST", 'x",URI="https://elsewhere.test/', "en\r"])
def test_a_hostile_language_tag_stays_inside_its_quotes(language: str) -> None:
    """RFC 4.2: a quoted-string must not hold line feed (0xA), carriage return (0xD), or double quote (0x22)."""
    made = [rendition("v720", 25_000, [150_000]), sound(language=language)]
    lines = multivariant(made).splitlines()
    assert len(lines) == len(multivariant([made[0], sound()]).splitlines())
    (media,) = (line for line in lines if line.startswith("#EXT-X-MEDIA:"))
    assert re.fullmatch(r'#EXT-X-MEDIA:(?:[A-Z-]+=(?:"[^"]*"|[A-Z]+)(?:,|$))+', media)
    assert len(re.findall(r'(?:^|,)URI="', re.sub(r'(NAME|LANGUAGE)="[^"]*"', "", media))) == 1


@pytest.mark.parametrize(
    ("seconds", "target"),
    [([6006], 6), ([5500], 6), ([5499], 5), ([6006, 6500], 7), ([200], 1), ([1001, 499], 1)],
)
def test_target_duration(seconds: list[int], target: int) -> None:
    """One for all renditions [8.2], not above the longest by rounding (RFC 4.4.3.1)."""
    assert target_duration(rendition("v", 1000, [1]), rendition("w", 1000, seconds)) == target


@given(
    st.sampled_from([30_000, 24_000, 60_000, 25_000, 48_000, 44_100, 240_240]),
    st.lists(st.integers(1, 2_000_000), min_size=1, max_size=60),
)
def test_sums_of_extinf_do_not_drift(timescale: int, durations: list[int]) -> None:
    """[8.1] "any contiguous sum of EXTINF is within one frame of the media": here within a microsecond."""
    text = media_playlist(rendition("v", timescale, durations), 60)
    written = [Fraction(value) for value in re.findall(r"^#EXTINF:(\d+\.\d{6}),$", text, re.MULTILINE)]
    assert len(written) == len(durations)
    for first in (0, len(durations) // 2):
        for end in range(first + 1, len(durations) + 1):
            exact = Fraction(sum(durations[first:end]), timescale)
            assert abs(sum(written[first:end]) - exact) <= Fraction(1, 1_000_000)
