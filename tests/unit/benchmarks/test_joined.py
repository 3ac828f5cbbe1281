"""benchmarks.posters.joined: one good stretch of four, and a choice is judged by what is seen."""

from fractions import Fraction
from pathlib import Path

from benchmarks.posters.joined import GOOD, SPOILS, STRETCH_S, STRETCHES, Film, Stretch, make, plan, verdict
from tests.media import FFMPEG, generate

CLIP = Path("clip.mp4")
HALF_S = Fraction(1, 2)


def test_a_film_has_one_good_stretch_and_is_always_the_same() -> None:
    films = [plan(CLIP, Fraction(10), seed) for seed in range(20)]
    assert films == [plan(CLIP, Fraction(10), seed) for seed in range(20)]
    assert {[one.spoil for one in film.stretches].count(GOOD) for film in films} == {1}
    assert {one.spoil for film in films for one in film.stretches} == {GOOD, *SPOILS}
    assert max(one.start_s for film in films for one in film.stretches) <= 10 - STRETCH_S


def test_the_good_stretch_is_a_good_one() -> None:
    """Others may be of a fade, or of letters on black."""
    film = plan(CLIP, Fraction(60), 3, usable=lambda time_s: time_s > 50)
    (good,) = (one for one in film.stretches if one.spoil == GOOD)
    assert good.start_s + film.stretch_s / 2 > 50
    assert plan(CLIP, Fraction(60), 3, usable=lambda _: False) == plan(CLIP, Fraction(60), 3)


def test_a_short_clip_is_shown_whole() -> None:
    film = plan(CLIP, Fraction(2), 0)
    assert film.stretch_s == 2
    assert {one.start_s for one in film.stretches} == {0}
    assert film.at(Fraction(7)) == film.stretches[STRETCHES - 1]


def test_what_nobody_can_tell_from_the_clip_is_good(tmp_path: Path) -> None:
    """Frames that were averaged where nothing moves look like those of the clip."""
    clip = tmp_path / "still.mp4"
    generate(clip, "smptebars=size=320x180:rate=24:duration=0.5")
    stretches = tuple(
        Stretch(spoil=spoil, strength=0.5, start_s=Fraction(0)) for spoil in ("dark", GOOD, "averaged", "blurred")
    )
    film = Film(clip=clip, seed=0, stretch_s=HALF_S, stretches=stretches)
    spoiled, plain = (
        make(film, tmp_path / f"{name}.mp4", FFMPEG, spoiled=name == "spoiled") for name in ("spoiled", "plain")
    )
    told = [verdict(film, spoiled, plain, [HALF_S * number + Fraction(1, 4)], FFMPEG) for number in range(STRETCHES)]
    assert told == ["dark", GOOD, GOOD, "blurred"]
    assert verdict(film, spoiled, plain, [], FFMPEG) == "none"
