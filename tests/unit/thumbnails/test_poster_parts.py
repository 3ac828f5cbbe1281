"""The pure parts of choosing a poster, on pictures made here: what each gate stops, what each part prefers."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from core.errors import ConfigError
from presets.document import parse
from presets.poster import NAMES, PostersForm, poster_profile
from studio.texts import catalogue
from tests.checks import ROOT
from thumbnails.images.crop import CROP_SALIENCY
from thumbnails.posters import flaws, sampling, scoring, selection_settings
from thumbnails.posters.gates import gates
from thumbnails.posters.reason import CODES, in_words, reasons
from thumbnails.posters.selection_settings import SelectionSettings
from thumbnails.reading import video_facts
from thumbnails.reading.colour import matrix, narrowed, tone_mapped
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.reframe.importance import REFRAME_SALIENCY
from thumbnails.vision import similarity, transition
from thumbnails.vision.black_bars import own_share, title_box
from thumbnails.vision.boxes import WHOLE, PixelBox, ShareBox
from thumbnails.vision.calibration_charts import is_test_card
from thumbnails.vision.edges import crispness, edges
from thumbnails.vision.faces import FaceSearch, find_faces
from thumbnails.vision.frame_signals import POSTER_SALIENCY, Signals, frame_sample, signals
from thumbnails.vision.saliency import ResidualSettings, scaled_to_one, spectral_residual

SIZE = (360, 640)


def pictured(**given: object) -> VideoFacts:
    facts: dict[str, object] = {
        **{"demuxer": "mov", "index": 0, "width": 1920, "height": 1080, "shown_width": 1920, "shown_height": 1080},
        **{"rotation": 0, "interlaced": False, "transfer": "bt709", "primaries": "bt709", "matrix": "itu709"},
        **{"full_range": False, "frame_rate": Fraction(24), "frames": 2400, "retimed": False},
        **{"origin_s": Fraction(0), "start_s": Fraction(0), "duration_s": Fraction(100)},
        **given,
    }
    return VideoFacts(**facts)  # type: ignore[arg-type]


def scene(seed: int = 1, blur: float = 0) -> np.ndarray:
    """Patches of many colours with texture: sharp unless blurred."""
    random = np.random.default_rng(seed)
    coarse = random.integers(30, 225, (9, 16, 3), np.uint8)
    pixels = cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_NEAREST).astype(np.int16)
    pixels += random.integers(-20, 21, (*SIZE, 1), np.int16)
    made = np.clip(pixels, 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(made, (0, 0), blur) if blur else made


def card(ground: int, ink: int) -> np.ndarray:
    pixels = np.full((*SIZE, 3), ground, np.uint8)
    for row in range(3):
        at = (60, 100 + 70 * row)
        cv2.putText(pixels, "Readable words on a slide", at, cv2.FONT_HERSHEY_SIMPLEX, 1.1, (ink,) * 3, 2)
    return pixels


def shaded() -> np.ndarray:
    ramp = np.linspace(0, 90, SIZE[0]).astype(int)[:, None, None]
    return np.clip(card(60, 230).astype(int) + ramp, 0, 255).astype(np.uint8)


def shapes() -> np.ndarray:
    """Things with edges, and calm between them."""
    made = np.full((*SIZE, 3), 60, np.uint8)
    for at in range(8):
        cv2.rectangle(made, (60 + 66 * at, 60), (90 + 66 * at, 300), (60, 150 + 10 * at, 250), -1)
    return made


def pillared(pixels: np.ndarray) -> np.ndarray:
    made = np.zeros_like(pixels)
    made[:, 200:440] = pixels[:, 200:440]
    return made


def colour_bars() -> np.ndarray:
    colours = [(b, g, r) for g in (0, 190) for r in (0, 190) for b in (0, 190)][1:]
    made = np.repeat(np.array(colours, np.uint8), 92, axis=0)[None, : SIZE[1]].repeat(SIZE[0], axis=0)
    made[260:] = 40
    return made


def measured(*pictures: np.ndarray) -> list[Signals]:
    return [signals(frame_sample(Fraction(at), pixels), WHOLE) for at, pixels in enumerate(pictures)]


PATHOLOGIES = {
    "black": np.full((*SIZE, 3), 4, np.uint8),
    "white": np.full((*SIZE, 3), 250, np.uint8),
    "flat": np.full((*SIZE, 3), 120, np.uint8),
    "one_tone": np.where(np.arange(SIZE[1])[None, :, None] < 40, 255, np.full((*SIZE, 3), 100)).astype(np.uint8),
    "blurred": scene(blur=12),
    "card": card(60, 230),
    "test_card": colour_bars(),
    "bars": pillared(scene()),
}


@pytest.mark.parametrize("name", PATHOLOGIES)
def test_each_gate_stops_its_own_and_no_good_frame(name: str) -> None:
    found = gates(measured(scene(1), scene(2), scene(3), PATHOLOGIES[name]), cards="refused")
    assert found == [None, None, None, name]


def test_a_small_thing_on_a_plain_ground_is_a_picture() -> None:
    studio = np.linspace(105, 135, SIZE[0]).astype(np.uint8)[:, None, None].repeat(SIZE[1], 1).repeat(3, 2)
    cv2.circle(studio, (220, 180), 22, (180, 200, 210), -1)
    (found,) = measured(studio)
    assert found.contrast < 12
    assert gates([found], cards="refused") == [None]


def test_a_shaded_ground_with_letters_alone_is_a_card() -> None:
    captioned = scene()
    cv2.putText(captioned, "Readable words on a slide", (60, 330), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (255,) * 3, 2)
    found = gates(measured(scene(1), shaded(), captioned), cards="refused")
    assert found == [None, "card", None]


def test_a_title_of_nothing_but_cards_gets_one() -> None:
    assert gates(measured(shaded(), shaded()), cards="refused") == [None, None]
    assert gates(measured(colour_bars(), colour_bars()), cards="refused") == [None, None]


def test_a_soft_title_is_judged_by_itself() -> None:
    assert gates(measured(scene(1, blur=2.5), scene(2, blur=2.5)), cards="refused") == [None, None]


def test_a_white_slide_stands_only_where_slides_are_wanted() -> None:
    slide = measured(scene(1), card(255, 0))
    assert gates(slide, cards="wanted") == [None, None]
    assert gates(slide, cards="refused")[1] is not None
    assert gates(slide, cards="allowed")[1] is not None


def test_letters_are_found_and_a_scene_has_none() -> None:
    with_text, without = measured(card(60, 230), scene())
    assert with_text.text > 0.02
    assert without.text < 0.004


def boxed(pixels: np.ndarray) -> np.ndarray:
    made = np.zeros_like(pixels)
    made[60:300] = cv2.resize(pixels, (SIZE[1], 240))
    return made


def test_bars_are_cut_off_and_measured_without() -> None:
    looks = [frame_sample(Fraction(at), boxed(scene(at))) for at in range(4)]
    box = title_box([one.small for one in looks])
    assert (box.x, box.right) == (0, 1)
    assert box.y == pytest.approx(60 / 360, abs=0.01)
    assert box.bottom == pytest.approx(300 / 360, abs=0.01)
    assert signals(looks[0], box).luma > signals(looks[0], WHOLE).luma * 1.4


def test_a_black_title_has_no_bars() -> None:
    assert title_box([PATHOLOGIES["black"]]) == WHOLE


def test_bars_of_one_frame_alone_are_told_from_a_dark_side() -> None:
    gray = cv2.cvtColor(pillared(scene()), cv2.COLOR_BGR2GRAY)
    assert own_share(gray) == pytest.approx(400 / 640, abs=0.01)
    assert own_share(np.full(SIZE, 4, np.uint8)) == 0
    night = (cv2.cvtColor(scene(), cv2.COLOR_BGR2GRAY) * np.linspace(0, 1, SIZE[1])).astype(np.uint8)
    assert own_share(night) == 0


def test_colour_bars_are_a_test_card_and_a_wall_of_panels_is_none() -> None:
    assert is_test_card(colour_bars())
    assert not is_test_card(scene())
    pale = np.repeat(np.arange(90, 230, 20, dtype=np.uint8), 92)[None, : SIZE[1], None]
    assert not is_test_card(np.broadcast_to(pale, (*SIZE, 3)).copy())


def test_grain_is_no_sharpness() -> None:
    """A soft picture stays soft under grain, and the grain is told by its own name."""
    grain = np.random.default_rng(5).normal(0, 10, (*SIZE, 1))
    soft = cv2.GaussianBlur(shapes(), (0, 0), 4)
    grainy = np.clip(soft + grain, 0, 255).astype(np.uint8)
    sharp, blurred, noisy = (edges(cv2.cvtColor(one, cv2.COLOR_BGR2GRAY)) for one in (shapes(), soft, grainy))
    assert crispness(sharp) > -1.2
    assert crispness(blurred) < -2
    assert crispness(noisy) < crispness(sharp) - 0.7
    assert sharp.noise < 1
    assert noisy.noise == pytest.approx(10, rel=0.2)


def test_crispness_does_not_go_by_contrast() -> None:
    gray = cv2.cvtColor(shapes(), cv2.COLOR_BGR2GRAY)
    pale = (gray * 0.5 + 60).astype(np.uint8)
    assert crispness(edges(pale)) == pytest.approx(crispness(edges(gray)), abs=0.3)


def test_what_is_plainly_wrong_costs() -> None:
    (good,) = measured(shapes())
    assert flaws.flaws(good) == {}
    dark, grey, moving = (
        flaws.flaws(replace(good, exposure=0.3)),
        flaws.flaws(replace(good, colour=13.5)),
        flaws.flaws(good, motion=20),
    )
    assert dark == {"exposure": 1.0}
    assert grey == {"colour": 0.5}
    assert moving == {"motion": 1.0}
    assert flaws.cost(dark) > flaws.cost(grey) > flaws.cost({}) == 0


def test_softer_than_the_best_and_blended_cost() -> None:
    (good,) = measured(shapes())
    assert flaws.flaws(good, softness=0.7) == {"softness": 1.0}
    assert flaws.flaws(good, ghosting=flaws.ghosting(0.3, 1.0)) == {"ghosting": 1.0}
    assert flaws.ghosting(0.3, 0.0) == 0, "a smooth pan is as sharp as the title's best"
    assert flaws.ghosting(1.1, 1.0) == flaws.ghosting(None, 1.0) == 0


def test_a_dark_and_a_burnt_picture_are_badly_exposed() -> None:
    well, dark, burnt = measured(
        scene(), (scene() * 0.25).astype(np.uint8), np.clip(scene().astype(int) * 2 + 60, 0, 255).astype(np.uint8)
    )
    assert well.exposure > 0.9
    assert dark.exposure < 0.5
    assert burnt.exposure < 0.5


def grays(pictures: list[np.ndarray]) -> list[np.ndarray]:
    return [transition.small(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)) for pixels in pictures]


def mixed(a: np.ndarray, b: np.ndarray, count: int) -> list[np.ndarray]:
    return [cv2.addWeighted(a, 1 - at / count, b, at / count, 0) for at in range(count)]


def moments(count: int) -> list[float]:
    return [at / 24 for at in range(count)]


def test_a_fade_is_told() -> None:
    run = grays(mixed(np.zeros((*SIZE, 3), np.uint8), scene(), 12))
    assert transition.choose(run, moments(12), [1.0] * 12, 6) == "fade"


def test_a_dissolve_is_told() -> None:
    run = grays(mixed(scene(1), scene(2), 12))
    assert transition.choose(run, moments(12), [1.0] * 12, 0) == "dissolve"


def test_a_pan_is_no_dissolve_and_the_sharpest_frame_of_it_wins() -> None:
    wide = np.hstack((scene(1), scene(2)))
    run = grays([wide[:, 8 * at : 8 * at + SIZE[1]] for at in range(12)])
    sharpness = [1.0] * 12
    sharpness[7] = 2.0
    choice = transition.choose(run, moments(12), sharpness, 0)
    assert isinstance(choice, transition.FrameChoice)
    assert choice.at == 7
    assert choice.motion > 5


def test_frames_blended_with_their_neighbours_change_evenly() -> None:
    """A hand that moves fast, and the mean of ten frames of it each time."""
    still = scene(1)
    run = []
    for at in range(22):
        frame = still.copy()
        cv2.circle(frame, (20 + 11 * at, SIZE[0] // 2), SIZE[0] // 4, (20, 20, 230), -1)
        run.append(frame)
    means = [np.mean(run[at : at + 10], axis=0).astype(np.uint8) for at in range(12)]
    sharp, blended = (transition.choose(grays(some[-12:]), moments(12), [1.0] * 12, 0) for some in (run, means))
    assert isinstance(sharp, transition.FrameChoice)
    assert isinstance(blended, transition.FrameChoice)
    assert sharp.evenness is not None
    assert blended.evenness is not None
    assert sharp.evenness > flaws.EVEN > flaws.TOO_EVEN > blended.evenness
    at_rest = transition.choose(grays([still] * 12), moments(12), [1.0] * 12, 0)
    assert isinstance(at_rest, transition.FrameChoice)
    assert at_rest.evenness is None


def test_the_choice_never_leaves_the_shot() -> None:
    run = grays([scene(1)] * 6 + [scene(2)] * 6)
    sharper_beyond = [1.0] * 6 + [5.0] * 6
    choice = transition.choose(run, moments(12), sharper_beyond, 2)
    assert isinstance(choice, transition.FrameChoice)
    assert choice.at == 2
    beyond = transition.choose(run, moments(12), sharper_beyond, 8)
    assert isinstance(beyond, transition.FrameChoice)
    assert beyond.at == 8


def test_the_end_of_a_fade_may_be_taken() -> None:
    run = grays([*mixed(np.zeros((*SIZE, 3), np.uint8), scene(), 8), *[scene()] * 10])
    choice = transition.choose(run, moments(18), [1.0] * 18, 0)
    assert isinstance(choice, transition.FrameChoice)
    assert choice.at >= 8


def test_samples_are_keyframes_spread_over_the_title_without_its_edges() -> None:
    keys = [Fraction(at, 2) for at in range(200)]
    times = sampling.keyframes(keys, pictured(), 40)
    assert len(times) == 40
    assert set(times) <= set(keys)
    assert times[0] >= 2
    assert times[-1] <= 98
    assert max(b - a for a, b in pairwise(times)) <= 4


def test_few_keyframes_are_filled_in_within_the_budget() -> None:
    keys = [Fraction(0), Fraction(50)]
    times = sampling.between(keys, pictured(), 40, 240)
    assert len(times) > 10
    assert list(times) == sorted(set(times))
    # 240 frames at 24 a second, shared by two GOPs: five seconds into each.
    assert all(time - max(key for key in keys if key <= time) <= 5 for time in times)


@pytest.mark.parametrize(("seconds", "times", "enough_keyframes"), [(4, 12, 12), (15, 23, 15), (60, 36, 24)])
def test_short_titles_are_sampled_in_proportion(seconds: int, times: int, enough_keyframes: int) -> None:
    short = pictured(frames=24 * seconds, duration_s=Fraction(seconds))
    assert len(sampling.between([Fraction(0)], short, 48, 9999)) == times
    assert sampling.enough_keyframes(short) == enough_keyframes


def test_one_frame_is_sampled_at_its_own_time() -> None:
    one = pictured(frames=1, duration_s=Fraction(1, 25), frame_rate=Fraction(25))
    times = sampling.between([Fraction(0)], one, 40, 240)
    assert len(times) == 1
    assert 0 <= times[0] < Fraction(1, 25)


def test_percentiles_share_ties() -> None:
    assert scoring.percentiles([1, 3, 2], [1, 3, 2]) == [0, 1, 0.5]
    assert scoring.percentiles([5, 5, 5], [5, 5, 5]) == [0.5] * 3
    assert scoring.percentiles([7], [7]) == [0.5]


def seen(*frames: tuple[np.ndarray, float]) -> list[similarity.ComparedFrame]:
    return [similarity.ComparedFrame(feature=similarity.feature(pixels), time_s=time_s) for pixels, time_s in frames]


def test_candidates_differ() -> None:
    four = seen((scene(1), 0), (scene(1), 9), (scene(2), 18), (scene(3), 27))
    assert similarity.ordered([1.0, 0.99, 0.9, 0.8], four, 3, 2) == [0, 2, 3]
    assert similarity.shares([one.feature for one in four]) == [0.5, 0.5, 0.25, 0.25]
    assert similarity.ordered([1.0, 1.0], seen((scene(1), 0), (scene(2), 9)), 1, 2) == [0], "ties go to the earlier one"


def test_one_look_stands_twice_only_when_time_has_passed() -> None:
    nearly = cv2.convertScaleAbs(scene(1), alpha=0.85)
    assert similarity.ordered([1.0, 0.9], seen((scene(1), 0), (nearly, 0.5)), 5, 2) == [0]
    assert similarity.ordered([1.0, 0.9], seen((scene(1), 0), (nearly, 3)), 5, 2) == [0, 1]
    assert similarity.ordered([1.0, 0.9], seen((scene(1), 0), (scene(1), 30)), 5, 2) == [0], "the very same picture"


def why(*, share: float = 0, fault: str | None = None, luma: float = 110, **flawed: float) -> tuple[str, ...]:
    ranks = {"sharpness": 0.9, "stillness": 0.8, "colour": 0.2, "face": 1.0}
    return reasons(
        ranks,
        poster_profile("general").weights,
        flaws=flawed,
        luma=luma,
        share=share,
        text=0,
        likes_text=False,
        fault=fault,
    )


def said(**facts: Any) -> str:
    return in_words(why(**facts))


def test_a_reason_is_one_sentence_of_what_counted() -> None:
    assert said(share=0.45) == "Sharp, showing a face and hardly moving; about half of the title looks like it."
    assert said(share=1.0) == "Sharp, showing a face and hardly moving.", "all of one look tells nothing"
    assert said(motion=0.6) == "Sharp and showing a face, though in motion."
    assert said(exposure=0.9, luma=40).endswith(", though dark.")
    assert said(exposure=0.9, luma=200).endswith(", though very bright.")
    assert said(fault="black") == "Nothing better was found: this frame is almost black."


def test_reasons_are_codes_that_pages_have_texts_for() -> None:
    assert why(share=0.45, exposure=0.9, luma=40) == ("sharp", "face", "still", "dark", "like_half")
    assert why(fault="black") == ("only_black",)
    texts = {key.removeprefix("poster.") for key in catalogue("en") if key.startswith("poster.")}
    assert texts >= CODES


def test_values_survive_json() -> None:
    told = pictured(origin_s=Fraction(1, 3), frame_rate=Fraction(30000, 1001))
    assert video_facts.from_json(video_facts.to_json(told)) == told
    profile = poster_profile("lecture")
    settings = SelectionSettings(
        samples=3,
        refine=2,
        decode_frames=9,
        weights=profile.weights,
        cluster=0.2,
        text=0.1,
        cards="wanted",
        candidates=5,
    )
    assert selection_settings.from_json(selection_settings.to_json(settings)) == settings


def test_profiles_are_checked() -> None:
    assert set(NAMES) == {"product", "lecture", "general"}
    with pytest.raises(ConfigError, match="product, lecture, general"):
        poster_profile("wedding")
    text = (ROOT / "presets" / "posters.yaml").read_text()
    with pytest.raises(ConfigError, match="together 1"):
        parse("posters.yaml", text.replace("position: 0.05", "position: 0.5"), PostersForm)


def test_unsaid_colours_are_what_players_assume() -> None:
    assert (matrix("unspecified", 576), matrix("unspecified", 1080)) == ("bt601", "bt709")
    assert matrix("bt2020_ncl", 576) == "bt2020"


def test_white_of_hdr_stays_near_white_and_brighter_light_does_not_clip_to_it() -> None:
    """PQ codes of 0, 203 and 1000 cd/m2 (BT.2408, table 1: 58 % and 75 % of the signal)."""
    codes = [4096, 4096 + 0.58 * 56064, 4096 + 0.75 * 56064]
    planes = np.array([[[code, 32768, 32768] for code in codes]], np.uint16)
    (black, white, bright) = tone_mapped(
        planes, transfer="smpte2084", primaries="bt2020", matrix="bt2020", full_range=False, peak=10
    )[0]
    assert black.max() == 0
    assert 190 < white.min() <= white.max() < 235
    assert white.max() < bright.min() < 255


def test_a_face_is_a_box_of_the_searched_image_and_a_share_of_any() -> None:
    box = PixelBox(x=32, y=18, width=64, height=36)
    assert box.share_of(320, 180) == ShareBox(x=0.1, y=0.1, width=0.2, height=0.2)
    assert box.share_of(320, 180).area == pytest.approx(0.04)
    assert (WHOLE.right, WHOLE.bottom, WHOLE.middle_x, WHOLE.area) == (1, 1, 0.5, 1)


@pytest.mark.parametrize("residual", [POSTER_SALIENCY, CROP_SALIENCY, REFRAME_SALIENCY])
def test_a_lone_thing_is_salient_where_it_stands(residual: ResidualSettings) -> None:
    gray = np.random.default_rng(7).normal(60, 12, (180, 320)).clip(0, 255).astype(np.uint8)
    gray[80:110, 220:250] = 220
    found = scaled_to_one(spectral_residual(gray, residual))
    assert found.shape == (36 if residual.keeps_aspect else 64, 64)
    assert (found.min(), found.max()) == (0, 1)
    inside = found[round(0.4 * len(found)) : round(0.66 * len(found)), 42:52]
    assert inside.mean() > 1.2 * found.mean()


def test_a_picture_without_faces_has_none() -> None:
    search = FaceSearch(scale_step=1.15, min_neighbours=6, min_pixels=24)
    assert find_faces(np.full((180, 320), 90, np.uint8), search) == []


def test_wide_gamut_is_narrowed() -> None:
    """Pure red of BT.709 as BT.2020 and Display P3 hold it (ITU-R BT.2087, 2.4 gamma), and grey."""
    wide = np.array([[[46, 84, 210], [128, 128, 128]]], np.uint8)
    assert np.abs(narrowed(wide, "bt2020").astype(int) - [[[0, 0, 255], [128, 128, 128]]]).max() <= 12
    p3 = np.array([[[47, 62, 235], [7, 7, 7]]], np.uint8)
    assert np.abs(narrowed(p3, "smpte432").astype(int) - [[[0, 0, 255], [7, 7, 7]]]).max() <= 12
    assert narrowed(wide, "bt709") is wide
