"""transcode.plan.options: what the API stores becomes what the plan takes."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presets.effort import Effort
from presets.rung import Codec
from transcode.plan.encode_plan import Options
from transcode.plan.options import options_from_json, seconds
from transcode.plan.watermark import Watermark


def test_nothing_said_is_the_default() -> None:
    assert options_from_json({}) == Options()
    assert options_from_json({"clip": None, "watermark": None}) == Options()
    assert options_from_json({"clip": {}}) == Options()


def test_everything_said() -> None:
    said = {
        "profile": "lecture",
        "codec": "av1",
        "effort": "quality",
        "ladder": "apple",
        "clip": {"start_s": 1.1, "end_s": 62},
        "watermark": {"sha256": "ab", "position": "center", "width_share": 0.5, "opacity": 1.0},
    }
    assert options_from_json(said) == Options(
        profile="lecture",
        codec=Codec.AV1,
        effort=Effort.QUALITY,
        ladder="apple",
        start_s=Fraction(11, 10),
        end_s=Fraction(62),
        watermark=Watermark(sha256="ab", position="center", width_share=0.5, opacity=1.0),
    )


def test_half_a_clip_and_a_plain_watermark() -> None:
    assert options_from_json({"clip": {"end_s": 2.5}}) == Options(end_s=Fraction(5, 2))
    assert options_from_json({"clip": {"start_s": 0, "end_s": 0}}).end_s == 0, "zero is said, too: the plan refuses it"
    mark = options_from_json({"watermark": {"sha256": "ab"}}).watermark
    assert mark == Watermark(sha256="ab", position="bottom-right", width_share=0.12, opacity=0.8)


@pytest.mark.parametrize(
    "said", [{"codec": "vp8"}, {"effort": "most"}, {"clip": {"start_s": "soon"}}, {"clip": {"start_s": float("nan")}}]
)
def test_what_is_no_option_is_refused(said: dict) -> None:
    with pytest.raises(ValueError, match=r"vp8|most|soon|nan"):
        options_from_json(said)


@pytest.mark.parametrize(
    ("value", "exact"), [(1.1, Fraction(11, 10)), (0, Fraction(0)), (3, Fraction(3)), (0.001, Fraction(1, 1000))]
)
def test_seconds_as_a_person_means_them(value: float, exact: Fraction) -> None:
    assert seconds(value) == exact


@given(st.floats(min_value=0, max_value=1e6, allow_nan=False))
def test_seconds_lose_nothing(value: float) -> None:
    assert float(seconds(value)) == value
