"""transcode.plan.upright and core.media.crop: when a wide picture is made upright, and what a path may be."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.media.crop import MAX_KEYS, Reframe, centred, crop_from_json, crop_to_json, spliced
from tests.crops import SHARE, SHORT, moving, padded, path, still
from tests.sources import NTSC, conforming, index_of, source
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import EncodePlan, Options, plan_from_json, plan_to_json
from transcode.plan.options import options_from_json
from transcode.plan.upright import describe_path


def why(made: EncodePlan) -> dict[str, str]:
    return {one.what: one.why for one in made.decisions}


def sizes(made: EncodePlan) -> list[tuple[int, int]]:
    return [(rung.width, rung.height) for rung in made.rungs]


def test_a_wide_source_of_an_upright_profile() -> None:
    made = build_plan(source(), None, SHORT)
    assert sizes(made) == [(606, 1080), (540, 960), (360, 640)]
    assert made.video is not None
    assert made.video.crop == centred(SHARE, Fraction(0), Fraction(7))
    assert why(made)["vertical, 606x1080"] == "the profile short-vertical is for vertical clips; 1 shot: 1 still"
    assert plan_from_json(plan_to_json(made)) == made


def test_its_path_is_part_of_what_comes_out() -> None:
    one, other = (build_plan(source(), None, SHORT, path(still(0, 7, x))) for x in (0.4, 0.6))
    assert one.digest() != other.digest()
    assert build_plan(source(), None, SHORT, path(still(0, 7, 0.4))).digest() == one.digest()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((3840, 2160), [(1080, 1920), (540, 960), (360, 640)]),
        ((1280, 720), [(404, 720), (360, 640)]),
        ((640, 360), [(202, 360)]),
        ((1281, 721), [(404, 720), (360, 640)]),
    ],
)
def test_never_larger_than_the_window_itself(size: tuple[int, int], expected: list[tuple[int, int]]) -> None:
    made = build_plan(source(width=size[0], height=size[1], shown_width=size[0], shown_height=size[1]), None, SHORT)
    assert sizes(made) == expected


def test_a_rung_of_the_profile_may_be_a_little_smaller_than_the_window() -> None:
    made = build_plan(source(width=3840, height=2160), None, SHORT)
    assert made.rungs[0].id == "v1080"


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ((1080, 1920), "the video is not wider than high"),
        ((1080, 1080), "the video is not wider than high"),
        ((720, 1280), "the video is not wider than high"),
        ((90, 50), "a window 28 pixels wide would be too small"),
    ],
)
def test_what_stays_as_it_is(size: tuple[int, int], reason: str) -> None:
    facts = source(width=size[0], height=size[1])
    made, plain = build_plan(facts, None, SHORT), build_plan(facts, None, replace(SHORT, reframe=Reframe.NONE))
    assert made.video is not None and made.video.crop is None
    assert made.rungs == plain.rungs
    assert why(made)["not reframed"] == reason


@pytest.mark.parametrize(("size", "expected"), [((1080, 1080), (606, 1080)), ((1080, 1350), (758, 1350))])
def test_asked_for_any_wider_picture_is_made_upright(size: tuple[int, int], expected: tuple[int, int]) -> None:
    made = build_plan(source(width=size[0], height=size[1]), None, Options(reframe=Reframe.VERTICAL))
    assert sizes(made)[0] == expected
    assert any(what.startswith("vertical, ") and because.startswith("requested") for what, because in why(made).items())
    narrow = build_plan(source(width=1080, height=1920), None, Options(reframe=Reframe.VERTICAL))
    assert why(narrow)["not reframed"] == "the video is 9:16 or narrower already"


def test_other_profiles_say_nothing_of_it() -> None:
    made = build_plan(source(), None, Options())
    assert sizes(made)[0] == (1920, 1080)
    assert not any("upright" in what for what in why(made))
    assert build_plan(source(), None, Options(profile="audio-only", reframe=Reframe.VERTICAL)).video is None


def test_a_path_nobody_wanted_is_not_taken() -> None:
    made = build_plan(source(), None, Options(), path(still(0, 7)))
    assert made.video is not None and made.video.crop is None


def test_the_uploads_own_track_is_not_passed_through() -> None:
    facts, index = conforming(NTSC, 3000), index_of(range(0, 3000, 150), 3000)
    assert build_plan(facts, index, Options()).passthrough is not None
    made = build_plan(facts, index, Options(reframe=Reframe.VERTICAL))
    assert made.passthrough is None
    assert why(made)["no passthrough"] == "it is reframed to vertical"
    assert made.first_rung is not None


def test_the_option_as_json() -> None:
    assert options_from_json({}).reframe is Reframe.AUTO
    assert options_from_json({"reframe": "vertical"}).reframe is Reframe.VERTICAL
    with pytest.raises(ValueError, match="sideways"):
        options_from_json({"reframe": "sideways"})


def test_told_in_words() -> None:
    shots = path(still(0, 1), still(1, 2), moving(2, 3, 0.4, 0.5), moving(3, 5, 0.4, 0.5, 0.4), padded(5, 6))
    assert describe_path(shots) == "5 shots: 2 still, 1 pan, 1 track, 1 pad"


def test_where_the_window_is() -> None:
    given_path = path(still(0, 2, 0.3), moving(2, 4, 0.3, 0.7), padded(4, 5), still(5, 6, 0.99))
    share = float(SHARE)
    assert given_path.left(Fraction(1)) == pytest.approx(0.3 - share / 2)
    assert given_path.left(Fraction(3)) == pytest.approx(0.5 - share / 2)
    assert given_path.left(Fraction(9, 2)) == pytest.approx(0.5 - share / 2)
    assert given_path.left(Fraction(100)) == pytest.approx(1 - share), "never outside the picture"
    assert given_path.left(Fraction(-1)) == pytest.approx(0.3 - share / 2)


def test_json_and_back() -> None:
    given_path = path(still(0, 2, 0.3), moving(2, 4, 0.3, 0.7), padded(4, 5))
    assert crop_from_json(crop_to_json(given_path)) == given_path


GOOD = crop_to_json(path(still(0, 2), still(2, 4)))


@pytest.mark.parametrize(
    "wrong",
    [
        {**GOOD, "share": "3/2"},
        {**GOOD, "share": "0"},
        {**GOOD, "shots": []},
        {**GOOD, "shots": [GOOD["shots"][1], GOOD["shots"][0]]},
        {**GOOD, "shots": [{**GOOD["shots"][0], "keys": []}]},
        {**GOOD, "shots": [{**GOOD["shots"][0], "kind": "pad"}]},
        {**GOOD, "shots": [{**GOOD["shots"][0], "end_s": "0"}]},
        {**GOOD, "shots": [{**GOOD["shots"][0], "keys": [{"time_s": "0", "x": 1.5}]}]},
        {**GOOD, "shots": [{**GOOD["shots"][0], "keys": [{"time_s": "0", "x": "nan"}]}]},
        {"path": "x"},
        None,
    ],
)
def test_what_is_no_path_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        crop_from_json(wrong)


def test_more_keys_than_a_program_takes_are_refused() -> None:
    with pytest.raises(ValueError, match=str(MAX_KEYS)):
        path(*(still(number, number + 1) for number in range(MAX_KEYS)))


@given(
    starts=st.lists(st.fractions(min_value=0, max_value=9, max_denominator=100), min_size=1, max_size=6),
    length=st.fractions(min_value=Fraction(1, 10), max_value=4, max_denominator=50),
    at=st.fractions(min_value=0, max_value=Fraction(99, 100), max_denominator=100),
)
def test_a_film_of_pieces_shows_what_the_pieces_do(starts: list[Fraction], length: Fraction, at: Fraction) -> None:
    whole = path(still(0, 2, 0.3), moving(2, 5, 0.3, 0.6, 0.4), padded(5, 6), moving(6, 10, 0.2, 0.8))
    film = spliced(whole, starts, length)
    assert starts
    for number, start_s in enumerate(starts):
        asked = at * length
        there, here = whole.shot(start_s + asked), film.shot(number * length + asked)
        assert there.kind is here.kind
        assert film.left(number * length + asked) == pytest.approx(whole.left(start_s + asked))
