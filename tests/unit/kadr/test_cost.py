"""`kadr cost`: what it prints, in which order, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.db.costs import Measured
from core.errors import ConfigError
from cost.answer import Answer, answer
from cost.words import SwingRow, Words
from kadr.commands.cost import bar, given_values, lines
from presets.price_book import price_book
from presets.scenario import scenario
from tests.checks import ROOT

NOTHING = Measured(titles=0, new_titles=0, work=())


def found(**changes: float) -> Answer:
    return answer(
        scenario("1m-mau"), price_book(), given={name.replace("__", "."): one for name, one in changes.items()}
    )


def kadr_cost(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kadr", "cost", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_the_answer_comes_first_and_every_assumption_is_told() -> None:
    printed = list(lines(found(clips__buffer_s=20)))
    assert printed[0].startswith("Does a stack of one's own stay below $5,000")
    assert printed[1].endswith("a month: below $5,000")
    heads = [
        "What it is made of",
        "The same work elsewhere",
        "Turn these first",
        "What moves the bill",
        "Every assumption",
    ]
    places = [next(at for at, line in enumerate(printed) if line.startswith(head)) for head in heads]
    assert places == sorted(places)
    told = {line.split()[0]: line for line in printed[places[-1] :] if line.startswith("  ")}
    assert set(found().inputs.values) <= set(told)
    assert told["clips.buffer_s"].endswith("given")
    assert told["clips.watched_s"].endswith("scenario")
    assert "default: playlists" in told["startup_requests"]
    assert any("C, verify" in line for line in printed), "a price from an older copy is marked"
    assert max(map(len, printed)) <= 150


def test_what_is_above_the_budget_says_so() -> None:
    _, answered, *_ = lines(found(clips__viewers=3e7))
    assert answered.endswith("a month: above $5,000")


def test_how_far_the_budget_is_away() -> None:
    below = found()
    factor = below.viewers_within_budget
    assert factor is not None
    viewers = {f"{kind}.viewers": below.inputs[f"{kind}.viewers"] for kind in below.inputs.kinds}
    totals = [
        answer(below.scenario, below.book, given={name: value * times for name, value in viewers.items()}).total
        for times in (factor, 1.02 * factor)
    ]
    assert totals[0] < 5_000 < totals[1]
    told = Words(below, "en").limits()
    assert "14.4 times as many viewers" in told
    assert "CloudFront pay-as-you-go" in told
    above = found(clips__viewers=3e7)
    assert above.viewers_within_budget is None
    assert Words(above, "en").limits() == ""
    nobody = found(clips__viewers=0, lessons__viewers=0)
    assert nobody.viewers_within_budget is None, "no number of nobody costs anything"


def test_without_measurements_it_says_that_defaults_stand_in() -> None:
    said = Words(found(), "en").text
    printed = "\n".join(lines(found(), NOTHING))
    assert said("cost.measured_none") in printed
    assert said("cost.viewers_unknown") in printed


@pytest.mark.parametrize(
    ("low", "high", "at", "drawn"), [(0, 1, 0.5, "████│█████"), (0.4, 0.6, 0.5, "    │█    "), (0, 0, 0, "│         ")]
)
def test_a_bar_of_the_tornado(low: float, high: float, at: float, drawn: str) -> None:
    row = SwingRow(name="", key="", half="", double="", low=low, high=high, at=at)
    assert bar(row, 10) == drawn


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_part_has_words(language: str) -> None:
    words = Words(found(), language)
    assert (
        words.headline()
        == {"en": "$1,344 a month: below $5,000", "ru": "1\xa0344 $ в месяц: меньше 5\xa0000 $"}[language]
    )
    parts = (
        words.lines(),
        words.stacks(),
        words.turns(),
        words.keeps(),
        words.tornado(),
        words.codecs(),
        words.prices(),
    )
    assert all(parts)
    assert len(words.assumptions()) == len(found().inputs.values)
    assert len(words.turns()) == 3


def test_values_by_hand() -> None:
    assert given_values(["clips.buffer_s=8", "retry=0.02"]) == {"clips.buffer_s": 8.0, "retry": 0.02}
    for wrong in ("clips.buffer_s", "=8", "clips.buffer_s=eight"):
        with pytest.raises(ConfigError, match="must be NAME=NUMBER"):
            given_values([wrong])


def test_the_command_by_itself(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "name: mine\nbudget: 10\nstack: {name: Mine, cdn: bunny_volume, storage: r2, fixed: 0}\nkinds: {films: {}}\n"
    )
    told = json.loads(kadr_cost("--scenario", str(own), "--set", "films.viewers=0", "--json").stdout)
    assert (told["scenario"], told["is_below"], told["lines"]["deliver"]) == ("mine", True, 0)
    assert told["inputs"]["films.viewers"]["origin"] == "given"
    refused = kadr_cost("--scenario", "nobody")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "kadr cost: nobody is none of presets/scenarios; known are 1m-mau, installation, or give a file's path\n"
    )


def test_a_plot_needs_what_the_image_leaves_out(tmp_path: Path) -> None:
    """Where matplotlib is installed the picture is drawn."""
    target = tmp_path / "cost.png"
    ended = kadr_cost("--plot", str(target))
    drawn = target.exists() and target.read_bytes().startswith(b"\x89PNG")
    assert drawn or (ended.returncode == 2 and "--plot needs matplotlib" in ended.stderr and ended.stdout == "")
