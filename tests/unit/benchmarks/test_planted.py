"""Planted truth: the same seed gives the same video, the verdicts say what the frames show, the seeds do not meet."""

import hashlib
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from benchmarks.harness.metered import Cost
from benchmarks.posters import planted, planted_film, planted_run
from benchmarks.posters import table as poster_table
from benchmarks.posters.pickers import Picked
from benchmarks.posters.planted import Flaw, Instant, Join, Kind, Shot, Verdict, Video, judge
from benchmarks.posters.planted_things import Pixels
from core.errors import KadrError
from core.settings import Settings
from transcode.encode.capabilities import ffmpeg_binary


def video(*shots: Shot, **changed: object) -> Video:
    plain = Video(
        seed=1,
        width=320,
        height=180,
        frame_rate=10,
        shots=shots,
        fade_in=0,
        fade_out=0,
        letterboxed=False,
        palette=7,
        gop_s=Fraction(1),
        scene_cuts=True,
        crf=24,
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def shot(kind: Kind, frames: int = 10, **changed: object) -> Shot:
    return replace(Shot(kind=kind, frames=frames, scene=5), **changed)  # type: ignore[arg-type]


@cache
def judged(seed: int) -> tuple[Video, tuple[Verdict, ...]]:
    planned = planted.plan(seed)
    return planned, planted.truth(planned)


def pictures(planned: Video) -> list[Pixels]:
    return [frame.copy() for frame in planted_film.frames(planned)]


def luma(picture: Pixels) -> float:
    return float(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).mean())


def sharpness(picture: Pixels) -> float:
    """The steepest edges, once the grain is smoothed away."""
    calm = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), 1.0)
    return float(np.quantile(np.hypot(cv2.Sobel(calm, cv2.CV_32F, 1, 0), cv2.Sobel(calm, cv2.CV_32F, 0, 1)), 0.998))


def test_tuning_and_held_out_seeds_do_not_meet() -> None:
    assert not set(planted.TUNE) & set(planted.HELD_OUT)


def test_every_planned_video_has_something_good_something_acceptable_and_something_bad() -> None:
    for seed in (*range(150), *range(10_000, 10_150)):
        planned, verdicts = judged(seed)
        assert len(verdicts) == planned.frames
        shares = Counter("good" if one.good else "bad" if one.defect else "fair" for one in verdicts)
        assert shares["good"] >= planned.frame_rate / 2, seed
        assert shares["fair"] >= planned.frame_rate, seed
        assert shares["bad"] >= 1, seed
        assert 9 <= planned.frames / planned.frame_rate <= 40, seed


def test_plans_vary_where_it_matters() -> None:
    many, truths = zip(*map(judged, range(200)), strict=True)
    assert {one.width > one.height for one in many} == {True, False}
    assert len({one.gop_s for one in many}) == 5
    assert {one.scene_cuts for one in many} == {True, False}
    assert {shot.kind for one in many for shot in one.shots} == set(Kind) - {Kind.WHITE, Kind.FADE, Kind.DISSOLVE}
    assert {verdict.kind for truth in truths for verdict in truth} == set(Kind)
    assert {flaw for one in many for shot in one.shots for flaw in shot.flaws} == set(Flaw)
    good_in_the_middle = sum(truth[len(truth) // 2].good for truth in truths)
    assert good_in_the_middle < 60  # no place is a safe bet


@pytest.mark.parametrize("seed", [3, 10_003])
def test_the_same_seed_is_the_same_video_to_the_byte(seed: int, tmp_path: Path) -> None:
    first, second = planted.plan(seed).shots[:2]
    ends = replace(second, join=Join.CUT, join_frames=0)
    short = replace(planted.plan(seed), width=160, height=90, shots=(first, ends))
    binary = ffmpeg_binary(Settings.load())
    hashes = set()
    for name in ("one.mp4", "two.mp4"):
        planted_film.make(short, tmp_path / name, binary)
        hashes.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(hashes) == 1
    with av.open(str(tmp_path / "one.mp4")) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0) if frame.pts is not None]
    assert times == [Fraction(number, short.frame_rate) for number in range(short.frames)]


def test_defects_show_what_they_are_called() -> None:
    def middle(kind: Kind) -> Pixels:
        return pictures(video(shot(kind)))[5]

    good = middle(Kind.GOOD)
    assert luma(middle(Kind.BLACK)) < 20
    assert sharpness(middle(Kind.BLUR)) < sharpness(good) / 2
    assert float(middle(Kind.HAZE).std()) < float(good.std()) / 2
    assert float(np.median(middle(Kind.BARS))) == 0  # most of it
    assert float(cv2.cvtColor(middle(Kind.FLAT), cv2.COLOR_BGR2GRAY).std()) < 8
    first, second = pictures(video(shot(Kind.SHAKE)))[4:6]
    still, also = pictures(video(shot(Kind.GOOD)))[4:6]
    assert np.abs(first.astype(int) - second).mean() > 3 * np.abs(still.astype(int) - also).mean()


def test_flaws_spoil_the_same_scene() -> None:
    plain = pictures(video(shot(Kind.ACCEPTABLE)))[5]
    dark, pale, dull, soft = (
        pictures(video(shot(Kind.ACCEPTABLE, flaws=(flaw,))))[5]
        for flaw in (Flaw.DARK, Flaw.PALE, Flaw.DULL, Flaw.SOFT)
    )
    assert luma(dark) < 0.7 * luma(plain)
    assert float(pale.std()) < 0.7 * float(plain.std())
    assert (
        cv2.cvtColor(dull, cv2.COLOR_BGR2HSV)[..., 1].mean()
        < 0.6 * cv2.cvtColor(plain, cv2.COLOR_BGR2HSV)[..., 1].mean()
    )
    assert sharpness(soft) < sharpness(plain)


def test_a_dissolve_shows_both_and_is_a_defect_in_its_middle() -> None:
    first, second = shot(Kind.GOOD, join=Join.DISSOLVE, join_frames=9), shot(Kind.ACCEPTABLE, scene=9)
    planned = video(first, second)
    kinds = [one.kind for one in planted.truth(planned)]
    assert kinds[:10] == [Kind.GOOD] * 10
    assert kinds[10:19] == [Kind.ACCEPTABLE] + [Kind.DISSOLVE] * 7 + [Kind.ACCEPTABLE]
    assert kinds[19:] == [Kind.ACCEPTABLE] * 10
    made = pictures(planned)
    half = (made[9].astype(int) + made[19]) / 2
    assert np.abs(made[14] - half).mean() < 8


def test_a_fade_goes_through_black_and_a_flash_through_white() -> None:
    for join, kind, light in ((Join.FADE, Kind.FADE, 0), (Join.FLASH, Kind.WHITE, 255)):
        planned = video(shot(Kind.GOOD, join=join, join_frames=9), shot(Kind.GOOD, scene=9))
        made, kinds = pictures(planned), [one.kind for one in planted.truth(planned)]
        assert abs(luma(made[14]) - light) < 12
        assert kinds[14] is kind
        assert kinds[9] is kinds[19] is Kind.GOOD


def test_coming_into_focus_is_a_defect_then_acceptable_then_good() -> None:
    planned = video(shot(Kind.GOOD, frames=20, settle=10))
    kinds = [one.kind for one in planted.truth(planned)]
    assert kinds[0] is Kind.BLUR
    assert Kind.ACCEPTABLE in kinds[5:10]
    assert kinds[10:] == [Kind.GOOD] * 10
    made = pictures(planned)
    assert sharpness(made[0]) < sharpness(made[15]) / 2


def test_nothing_is_good_in_a_fade_in_or_out() -> None:
    kinds = [one.kind for one in planted.truth(video(shot(Kind.GOOD, frames=30), fade_in=10, fade_out=10))]
    assert kinds[0] is kinds[-1] is Kind.FADE
    assert kinds[10:20] == [Kind.GOOD] * 10
    assert judge(video(shot(Kind.GOOD)), Instant(shot=0, at=3, light=0.85)).kind is Kind.ACCEPTABLE


def test_a_letterboxed_video_is_black_above_and_below() -> None:
    made = pictures(video(shot(Kind.GOOD), letterboxed=True))[3]
    assert made[:10].max() == 0
    assert made[-10:].max() == 0
    assert made[90].max() > 0


def picked(*numbers: int, rate: int = 10) -> Picked:
    times = tuple(Fraction(number, rate) for number in numbers)
    return Picked(times_s=times, cost=Cost(wall_s=1.0, cpu_s=0.5, peak_rss_bytes=50_000_000))


def test_choices_are_held_against_the_truth() -> None:
    planned = video(shot(Kind.BLACK), shot(Kind.GOOD, scene=2), shot(Kind.ACCEPTABLE, scene=3))
    told = planted_run.summary(
        [
            planted_run.judged(planned, {"kadr": picked(15, 25), "first": picked(0)}),
            planted_run.judged(planned, {"kadr": picked(25, 15), "first": picked(0)}),
            planted_run.judged(planned, {"kadr": picked(5), "first": picked(0)}),
            planted_run.judged(planned, {"kadr": picked(), "first": picked(0)}),
        ]
    )
    ours, first, chance = (told["ways"][name] for name in ("kadr", "first", "random"))
    assert [ours[what]["value"] for what in ("hit_1", "hit_5", "defect_1")] == [0.25, 0.5, 0.5]
    assert ours["defects"] == {"black": 1, "none": 1}
    assert ours["cpu_s_per_minute"] == 10.0
    assert (first["hit_1"]["value"], first["defect_1"]["value"]) == (0.0, 1.0)
    assert "hit_5" not in first
    assert chance["hit_1"]["value"] == pytest.approx(1 / 3)
    assert told["goals"] == dict.fromkeys(told["goals"], False)
    assert [one["kinds"] for one in told["missed"]] == [["acceptable", "good"], ["black"], []]
    table = poster_table.tables({**told, "seeds": "tune", "material": "painted", "profile": "product"})
    assert "black 1, none 1" in table
    assert "NOT met" in table


def test_a_time_that_no_frame_has_is_refused() -> None:
    planned = video(shot(Kind.GOOD))
    for wrong in (Fraction(1, 20), Fraction(10, 10)):
        times = replace(picked(0), times_s=(wrong,))
        with pytest.raises(KadrError):
            planted_run.judged(planned, {"kadr": times})
