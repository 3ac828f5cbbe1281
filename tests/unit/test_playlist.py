"""packager.playlist: the exact text players get. Clauses: RFC is 8216bis; [n.n] Apple's HLS Authoring Specification."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.media import Blob, Kind, Rendition, Segment, target_duration
from packager.playlist import media_playlist, multivariant


def rendition(name: str, timescale: int, durations: list[int], bits: int = 8_000_000, **more) -> Rendition:
    """A rendition whose segments all have `bits` bits."""
    defaults = {"kind": Kind.VIDEO, "codec": "avc1.64001f", "width": 1280, "height": 720, "frame_rate": Fraction(25)}
    return Rendition(
        id=name,
        timescale=timescale,
        init=Blob(sha256="0" * 64, size_bytes=800),
        segments=tuple(Segment(blob=Blob(sha256="1" * 64, size_bytes=bits // 8), duration=d) for d in durations),
        **{**defaults, **more},
    )


def sound(name: str = "a1", bits: int = 480_000, **more) -> Rendition:
    only = {"kind": Kind.AUDIO, "codec": "mp4a.40.2", "width": None, "height": None, "frame_rate": None, "channels": 2}
    return rendition(name, 48_000, [288_000, 192_000], bits, **{**only, **more})


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
        "#EXT-X-START:TIME-OFFSET=0\n"
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
        "#EXT-X-START:TIME-OFFSET=0\n"
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
    assert multivariant([high, middle, sound(language="de")], prefix="/s/t/") == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="de",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'URI="/s/t/a1/index.m3u8"\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=1920000,AVERAGE-BANDWIDTH=1536000,"
        'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=960x540,FRAME-RATE=29.970,AUDIO="audio",CLOSED-CAPTIONS=NONE\n'
        "/s/t/v540/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=6120000,AVERAGE-BANDWIDTH=4896000,"
        'CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=25.000,AUDIO="audio",CLOSED-CAPTIONS=NONE\n'
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
        'CODECS="avc1.64001f",RESOLUTION=1280x720,FRAME-RATE=25.000,CLOSED-CAPTIONS=NONE\n'
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
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="en",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'URI="a1/index.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="de",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",'
        'URI="a2/index.m3u8"\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=3240000,AVERAGE-BANDWIDTH=3192000,"
        'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="audio",CLOSED-CAPTIONS=NONE\n'
        "v720/index.m3u8\n"
    )


def test_sound_only() -> None:
    """RFC 4.4.6.2: a variant without pictures has no RESOLUTION and no FRAME-RATE; it names its own group."""
    assert multivariant([sound(language="en"), sound("a2", language="de")], prefix="/s/t/") == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="en",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'URI="/s/t/a1/index.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="de",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",'
        'URI="/s/t/a2/index.m3u8"\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=120000,AVERAGE-BANDWIDTH=96000,"
        'CODECS="mp4a.40.2",AUDIO="audio",CLOSED-CAPTIONS=NONE\n'
        "/s/t/a1/index.m3u8\n"
    )


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
