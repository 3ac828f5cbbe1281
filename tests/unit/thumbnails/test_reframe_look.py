"""thumbnails.reframe: importance, cuts and the path of the window. Drawn pictures only."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest

from core.media.crop import CropKind, CropShot
from thumbnails.reading.colour import Bgr
from thumbnails.reframe import importance as signals
from thumbnails.reframe.box_tracks import BoxSample, does_not_fit, face_tracks, with_boxes
from thumbnails.reframe.cuts import Cuts
from thumbnails.reframe.importance import BINS, Columns
from thumbnails.reframe.request import ReframeRequest, from_json, to_json
from thumbnails.reframe.shot_path import FASTEST, Sample, shot_path
from thumbnails.vision.boxes import ShareBox

SHARE = 0.316


def scene(seed: int) -> Bgr:
    """A picture like no other seed's: blocks of colour."""
    rng = np.random.default_rng(seed)
    return cv2.resize(rng.integers(30, 220, (5, 8, 3), dtype=np.uint8), (320, 180), interpolation=cv2.INTER_CUBIC)


def cuts_of(pictures: list[Bgr], rate: int = 25) -> list[Fraction]:
    cuts = Cuts()
    for number, picture in enumerate(pictures):
        gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        cuts.add(Fraction(number, rate), signals.palette(picture), signals.grid(gray))
    return [time * rate for time in cuts.times()]


def faded(picture: Bgr, light: float) -> Bgr:
    return (picture * light).astype(np.uint8)


BLACK: Bgr = np.zeros((180, 320, 3), np.uint8)
WHITE: Bgr = np.full((180, 320, 3), 255, np.uint8)


def test_a_cut_is_the_first_frame_of_the_new_shot() -> None:
    assert cuts_of([scene(1)] * 20 + [scene(2)] * 20 + [scene(3)] * 20) == [20, 40]


def test_a_flash_is_no_cut() -> None:
    assert cuts_of([scene(1)] * 20 + [WHITE] * 2 + [scene(1)] * 20 + [scene(2)] * 3 + [scene(1)] * 20) == []


def test_a_fade_is_no_cut_but_black_between_two_is() -> None:
    down = [faded(scene(1), 1 - step / 12) for step in range(12)]
    up = [faded(scene(2), step / 12) for step in range(1, 12)]
    found = cuts_of([scene(1)] * 15 + down + [BLACK] * 6 + up + [scene(2)] * 20)
    assert len(found) == 1
    assert 33 <= found[0] <= 35
    assert cuts_of([scene(1)] * 15 + down + down[::-1] + [scene(1)] * 15) == []


def test_a_camera_that_swings_is_no_cut() -> None:
    wide = cv2.resize(scene(5), (1280, 180))
    assert cuts_of([np.ascontiguousarray(wide[:, 8 * n : 8 * n + 320]) for n in range(100)]) == []


def test_nothing_stands_out_of_one_colour() -> None:
    assert signals.columns(np.full((180, 320), 90, np.uint8), None).sum() == 0


def test_what_stands_out_and_what_moves() -> None:
    calm = np.full((180, 320), 90, np.uint8)
    one, two = calm.copy(), calm.copy()
    cv2.circle(one, (80, 90), 15, 230, -1)
    columns = signals.columns(one, None)
    assert columns.sum() == pytest.approx(1)
    assert columns[30:50].sum() > 0.8
    cv2.circle(two, (80, 90), 15, 230, -1)
    cv2.circle(one, (240, 90), 15, 120, -1)
    cv2.circle(two, (246, 90), 15, 120, -1)
    still, moving = signals.columns(two, None), signals.columns(two, one)
    assert moving[110:130].sum() > still[110:130].sum() + 0.2


def test_lines_of_text_are_found_and_grass_is_not() -> None:
    page = np.full((360, 640), 240, np.uint8)
    cv2.putText(page, "Returns are free for 30 days", (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 20, 2)
    found = signals.texts(page)
    assert len(found) == 1
    assert found[0].x == pytest.approx(60 / 640, abs=0.02)
    assert found[0].width == pytest.approx(0.7, abs=0.1)
    noise = np.random.default_rng(1).integers(0, 255, (360, 640)).astype(np.uint8)
    assert signals.texts(noise) == []
    assert signals.texts(np.full((360, 640), 90, np.uint8)) == []


def peak(x: float, width: float = 0.06) -> Columns:
    at = (np.arange(BINS) + 0.5) / BINS
    bump = np.exp(-0.5 * ((at - x) / width * 2) ** 2)
    return np.asarray(bump / bump.sum())


def through(where: Callable[[float], float], seconds: float = 5.0) -> CropShot:
    samples = [Sample(time_s=Fraction(n, 5), columns=peak(where(n / 5))) for n in range(int(seconds * 5))]
    return shot_path(samples, Fraction(0), Fraction(seconds), SHARE)


def test_what_hardly_moves_is_shown_by_a_still_window() -> None:
    shot = through(lambda t: 0.4 + 0.03 * np.sin(3 * t))
    assert shot.kind is CropKind.STILL
    assert shot.keys[0].x == pytest.approx(0.4, abs=0.02)


def test_what_goes_straight_gets_one_pan() -> None:
    shot = through(lambda t: 0.2 + 0.12 * t)
    assert shot.kind is CropKind.PAN
    assert [key.x for key in shot.keys] == [pytest.approx(0.2, abs=0.04), pytest.approx(0.8, abs=0.04)]


def test_what_wanders_is_followed() -> None:
    shot = through(lambda t: 0.5 + 0.3 * np.sin(t), 8)
    assert shot.kind is CropKind.TRACK
    missed = [abs(shot.middle(Fraction(n, 25)) - (0.5 + 0.3 * np.sin(n / 25))) for n in range(190)]
    assert max(missed) < SHARE / 2
    assert len(shot.keys) < 40, "a key only where it is needed"


@pytest.mark.parametrize("period_s", [0.5, 1.5, 4.0])
def test_no_window_is_faster_than_it_may(period_s: float) -> None:
    shot = through(lambda t: 0.2 if (t // period_s) % 2 else 0.8, 12)
    assert (len(shot.keys) > 1) == (period_s > 2), "what changes sooner is not followed at all"
    for a, b in pairwise(shot.keys):
        assert abs(b.x - a.x) <= (FASTEST + 1e-3) * float(b.time_s - a.time_s)


def test_where_nothing_matters_it_is_the_middle() -> None:
    samples = [Sample(time_s=Fraction(n, 5), columns=np.zeros(BINS)) for n in range(10)]
    shot = shot_path(samples, Fraction(0), Fraction(2), SHARE)
    assert shot.kind is CropKind.STILL
    assert shot.keys[0].x == pytest.approx(0.5, abs=0.01)


def face(x: float, w: float = 0.1, y: float = 0.3) -> ShareBox:
    return ShareBox(x=x, y=y, width=w, height=w * 16 / 9)


def looks(*faces: ShareBox, count: int = 4, texts: tuple[ShareBox, ...] = ()) -> list[BoxSample]:
    return [BoxSample(time_s=Fraction(n), faces=faces, texts=texts) for n in range(count)]


CALM = [Sample(time_s=Fraction(n, 5), columns=np.full(BINS, 1 / BINS)) for n in range(20)]


@pytest.mark.parametrize(
    ("seen", "apart"),
    [
        (looks(face(0.1), face(0.8)), True),
        (looks(face(0.4), face(0.55)), False),
        (looks(face(0.4)), False),
        (looks(face(0.2, w=0.5)), False),  # a close-up
        (looks(face(0.1, w=0.15), face(0.8, w=0.04)), False),  # somebody in the background
        (looks(texts=(ShareBox(x=0.1, y=0.8, width=0.6, height=0.05),)), True),
        (looks(texts=(ShareBox(x=0.1, y=0.8, width=0.2, height=0.05),)), False),
        (looks(), False),
        ([], False),
    ],
)
def test_what_does_not_fit_into_one_window(seen: list[BoxSample], apart: bool) -> None:
    assert does_not_fit(CALM, face_tracks(seen), seen, SHARE) is apart


def test_text_that_comes_and_goes_does_not_count() -> None:
    line = ShareBox(x=0.1, y=0.8, width=0.6, height=0.05)
    seen = [BoxSample(time_s=Fraction(n), faces=(), texts=(line,) if n == 2 else ()) for n in range(5)]
    assert not does_not_fit(CALM, [], seen, SHARE)


def test_two_things_apart_and_one_thing_do_and_do_not() -> None:
    both = [Sample(time_s=Fraction(n, 5), columns=(peak(0.1) + peak(0.9)) / 2) for n in range(20)]
    near = [Sample(time_s=Fraction(n, 5), columns=(peak(0.45) + peak(0.6)) / 2) for n in range(20)]
    assert does_not_fit(both, [], [], SHARE)
    assert not does_not_fit(near, [], [], SHARE)
    assert not does_not_fit(CALM, [], [], SHARE)


def test_a_face_found_once_is_no_face_and_one_that_walks_is_one() -> None:
    once = [*looks(count=3), BoxSample(time_s=Fraction(3), faces=(face(0.5),), texts=())]
    assert face_tracks(once) == []
    walking = [BoxSample(time_s=Fraction(n), faces=(face(0.2 + 0.05 * n),), texts=()) for n in range(6)]
    (track,) = face_tracks(walking)
    between = track.at(Fraction(5, 2))
    assert between is not None
    assert between.x == pytest.approx(0.325)
    assert track.at(Fraction(9)) is None


def test_a_face_outweighs_what_only_stands_out() -> None:
    seen = looks(face(0.75))
    sample = Sample(time_s=Fraction(1), columns=peak(0.2))
    weighed = with_boxes(sample, face_tracks(seen), seen[1]).columns
    assert weighed[int(0.75 * BINS) : int(0.85 * BINS)].sum() > weighed[: BINS // 2].sum()


def test_a_wide_track_as_json() -> None:
    wide = ReframeRequest(
        demuxer="mov",
        index=1,
        rotation=90,
        origin_s=Fraction(1, 3),
        retimed=Fraction(30000, 1001),
        aspect=Fraction(16, 9),
        start_s=Fraction(0),
        end_s=Fraction(7, 3),
        share=Fraction(101, 320),
    )
    assert from_json(to_json(wide)) == wide
