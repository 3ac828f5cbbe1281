"""transcode.encode.join: chunks encoded apart become one title, or none."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from core.media.encoded import Blob, Encoded, Keyframe, Rendition, RenditionKind, Segment
from tests.sources import NTSC, SOUND, conforming, index_of, source
from transcode.encode.fragments import WrongOutput
from transcode.encode.join import join
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import EncodePlan, Options

PLAN = build_plan(source(width=640, height=360, duration_s=Fraction(100)), None)
SOUND_TICKS = 100 * 48_000


def picture(made: EncodePlan, name: str, first: int, end: int, step: int = 1) -> Rendition:
    """Frames `first`..`end` of a rung."""
    cuts = [*(cut for cut in made.cuts if first <= cut < end), end]
    segments = tuple(
        Segment(
            blob=Blob(sha256=f"{name} {a}", size_bytes=b - a),
            duration=(b - a) * made.frame_ticks,
            keyframes=(Keyframe(offset=0, size_bytes=1, duration=(b - a) * made.frame_ticks),),
        )
        for a, b in pairwise(cuts)
    )
    return Rendition(
        id=name,
        kind=RenditionKind.VIDEO,
        codec="avc1.64001e",
        timescale=made.timescale,
        init=Blob(sha256=f"{name} init", size_bytes=700),
        segments=segments,
        frame_rate=made.frame_rate / step,
    )


def sound(name: str) -> Rendition:
    return Rendition(
        id=name,
        kind=RenditionKind.AUDIO,
        codec="mp4a.40.2",
        timescale=48_000,
        init=Blob(sha256=f"{name} init", size_bytes=700),
        segments=(Segment(blob=Blob(sha256=name, size_bytes=9), duration=SOUND_TICKS),),
    )


def parts(made: EncodePlan = PLAN) -> list[Encoded]:
    """What the steps of a title hand over: the first rung's chunks, the others' chunks, the sounds."""
    return [
        *(Encoded(renditions=(sound(entry.id),)) for entry in made.audio),
        *(
            Encoded(renditions=(picture(made, rung.id, *made.chunk(number)),))
            for number in range(len(made.chunks))
            for rung in reversed(made.rungs)
        ),
    ]


def test_all_chunks_in_their_order() -> None:
    assert len(PLAN.chunks) == 3
    made = join(PLAN, parts())
    assert [rendition.id for rendition in made.renditions] == ["v360", "v234", "a1"], "largest first, sound last"
    for rendition in made.renditions[:2]:
        assert [segment.blob.sha256 for segment in rendition.segments] == [f"{rendition.id} {cut}" for cut in PLAN.cuts]
        assert rendition.duration_s == PLAN.duration_s
        assert rendition.keyframes_known, "each chunk's segments bring their own"


def test_one_part_may_hold_several_rungs() -> None:
    whole = picture(PLAN, "v360", 0, PLAN.frames), picture(PLAN, "v234", 0, PLAN.frames), sound("a1")
    assert join(PLAN, [Encoded(renditions=whole)]) == Encoded(renditions=whole)


def test_another_init_segment_is_refused() -> None:
    """Parameter sets, time base, codec and size are in there: equal bytes or no title."""
    made = parts()
    (last,) = made[-1].renditions
    made[-1] = Encoded(renditions=(replace(last, init=Blob(sha256="other", size_bytes=700)),))
    with pytest.raises(WrongOutput, match=f"{last.id}: two chunks have different init segments"):
        join(PLAN, made)


def test_another_timescale_is_refused() -> None:
    made = parts()
    (last,) = made[-1].renditions
    made[-1] = Encoded(renditions=(replace(last, timescale=25_000),))
    with pytest.raises(WrongOutput, match="different init segments"):
        join(PLAN, made)


@pytest.mark.parametrize("number", range(1, 7))
def test_a_missing_chunk_is_refused(number: int) -> None:
    made = parts()
    (gone,) = made.pop(number).renditions
    with pytest.raises(WrongOutput, match=rf"{gone.id}: \d+ segments of {len(PLAN.cuts)}"):
        join(PLAN, made)


def test_a_chunk_given_twice_is_refused() -> None:
    with pytest.raises(WrongOutput, match=r"v\d+: 2\d segments of 17"):
        join(PLAN, [*parts(), parts()[-1]])


@pytest.mark.parametrize("missing", ["v360", "v234", "a1"])
def test_a_rendition_that_was_not_encoded_is_refused(missing: str) -> None:
    made = [part for part in parts() if part.renditions[0].id != missing]
    with pytest.raises(WrongOutput, match=f"{missing}: not encoded"):
        join(PLAN, made)


def test_segments_of_other_lengths_are_refused() -> None:
    made = parts()
    (last,) = made[-1].renditions
    first, *rest = last.segments
    made[-1] = Encoded(renditions=(replace(last, segments=(replace(first, duration=first.duration - 1), *rest)),))
    with pytest.raises(WrongOutput, match=r"17 segments of 17, 100\.\d+ s of 100\.\d+"):
        join(PLAN, made)


def test_a_rung_of_half_the_rate_lasts_as_long() -> None:
    made = build_plan(source(width=640, height=360, duration_s=Fraction(20), frame_rate=Fraction(50)), None)
    assert {rung.frame_step for rung in made.rungs} == {2}
    assert {rendition.duration_s for rendition in join(made, parts(made)).renditions[:2]} == {Fraction(20)}


def test_the_uploads_own_track_is_the_top_rung_where_it_stays() -> None:
    made = build_plan(conforming(NTSC, 600), index_of([0, 150, 300, 450], 600))
    made = replace(made, rungs=made.rungs[4:])  # as settled
    assert made.passthrough is not None
    assert made.passthrough.lasting
    own = Encoded(renditions=(replace(picture(made, "v1080", 0, 600), passthrough=True),))
    joined = join(made, [*parts(made), own])
    assert [rendition.id for rendition in joined.renditions] == ["v1080", "v360", "v234", "a1"]
    with pytest.raises(WrongOutput, match="v1080: not encoded"):
        join(made, parts(made))
    until_ready = replace(made, passthrough=replace(made.passthrough, lasting=False))
    assert [one.id for one in join(until_ready, [*parts(made), own]).renditions] == ["v360", "v234", "a1"]


def test_sound_only() -> None:
    german = replace(SOUND, index=2, language="ger")
    made = build_plan(source(audio=(SOUND, german)), None, Options(profile="audio-only"))
    assert [one.id for one in join(made, [Encoded(renditions=(sound("a2"),)), *parts(made)[:1]]).renditions] == [
        *("a1", "a2"),
    ]
