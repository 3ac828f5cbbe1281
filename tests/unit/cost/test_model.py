"""The model: more of anything costs more, lines add up, and every value says where it comes from."""

import json
import math
import re
from dataclasses import fields, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db.costs import Measured, WorkRow
from core.errors import ConfigError
from cost.answer import answer, as_json
from cost.bill import Quantities, bill, quantities, quantities_of
from cost.inputs import CLIP_BUFFER_S, OF_ALL, OF_KIND, SHORT_S, Group, KindInputs, Origin, definition, inputs_of
from cost.knobs import Case, knobs, tornado
from cost.measured import class_costs, delivered_value, measured_values, source_class
from cost.notes import note_of, unit_of
from cost.popularity import Demand, bins, hit_ratio
from cost.tiers import delivery
from cost.words import Words
from presets.price_book import price_book
from presets.scenario import scenario
from studio.texts import LANGUAGES
from tests.checks import ROOT

BOOK, SCENARIO = price_book(), scenario("1m-mau")
BASE = inputs_of(SCENARIO)
CHEAPER = {"segment_s", "cache_gb", "cache_days"}  # of these more means less
EITHER_WAY = {"clips.zipf", "lessons.zipf"}  # a longer head is cached better, the tail behind it worse
BREAK_EVEN = {"life_months", "av1_saving", "av1_devices", "hevc_saving", "hevc_devices"}  # on no line of the bill
SCALE = st.floats(0.1, 3)
ROW = WorkRow(
    profile="lecture",
    effort="balanced",
    codec="h264",
    short_side=720,
    frame_rate="30000/1001",
    titles=4,
    minutes=40.0,
    measured_min=30.0,
    encode_cpu_s=1_500.0,
    pictures_cpu_s=150.0,
    captions_cpu_s=300.0,
    ladder_bytes=400e6,
    pictures_bytes=8e6,
    source_bytes=1e9,
    rendition_min=160.0,
)


def total(changes: dict[str, float], stack: str = "b2") -> float:
    on = SCENARIO.stack if stack == "b2" else SCENARIO.others[-1]
    return bill(BASE.having(changes), on, BOOK).total


@given(name=st.sampled_from([name for name in BASE.values if name not in EITHER_WAY]), first=SCALE, second=SCALE)
def test_the_bill_grows_with_each_input(name: str, first: float, second: float) -> None:
    known, now = definition(name), BASE[name]
    start = 30.0 if math.isinf(now) else now or 0.1
    low, high = (min(known.most, max(known.least, start * scale)) for scale in sorted((first, second)))
    before, after = total({name: low}), total({name: high})
    if name.rpartition(".")[2] in CHEAPER:
        assert after <= before + 1e-6
    else:
        assert after >= before - 1e-6


def test_every_input_moves_something() -> None:
    inputs = BASE.having({"retry": 0.02, "cache_gb": 1_000, "clips.buffer_s": 8, "clips.source_days": 90})
    moved = {swing.name for swing in tornado(Case(inputs=inputs, stack=SCENARIO.others[-1], book=BOOK))}
    assert set(BASE.values) - moved == BREAK_EVEN | {"cache_days", "lessons.source_days"}, "full before; kept for ever"
    assert {"fixed", "price.core_hour", "price.storage", "price.cdn"} <= moved


@given(share=st.floats(0, 1), minutes=st.floats(1, 100_000))
def test_kinds_add_up(share: float, minutes: float) -> None:
    inputs = BASE.having({"clips.share": share, "lessons.watched_s": min(minutes, 43_200)})
    parts = [quantities_of(inputs.kind(kind), inputs) for kind in inputs.kinds]
    both, names = quantities(inputs), [one.name for one in fields(Quantities)]
    assert [getattr(both, name) for name in names] == pytest.approx(
        [sum(getattr(part, name) for part in parts) for name in names]
    )


def test_the_lines_add_up_to_the_total() -> None:
    found = answer(SCENARIO, BOOK)
    assert found.total == pytest.approx(sum(found.bill.lines.values()))
    assert min(found.bill.lines.values()) >= 0
    assert found.total == pytest.approx(found.stacks[SCENARIO.stack.name])


def test_what_is_loaded_ahead_is_delivered_up_to_the_end_of_the_title() -> None:
    clips = quantities_of(BASE.kind("clips"), BASE)
    assert clips.delivered_min / clips.watched_min == pytest.approx(2.5), "a clip left after 12 of 30 s was sent whole"
    shorter = BASE.having({"clips.buffer_s": 8})
    assert quantities_of(shorter.kind("clips"), shorter).delivered_min / clips.watched_min == pytest.approx(20 / 12)


def test_nothing_costs_nothing_but_what_is_fixed() -> None:
    empty = BASE.having({f"{kind}.{name}": 0 for kind in BASE.kinds for name in ("items", "viewers")})
    assert bill(empty, SCENARIO.stack, BOOK).total == SCENARIO.stack.fixed
    assert knobs(Case(inputs=empty, stack=SCENARIO.stack, book=BOOK)) == []


def test_what_the_tail_asks_for_is_not_in_the_cache() -> None:
    one_a_month = Demand(bins=bins(10_000, 0.0), title_gb=1.0, views_per_day=500.0)
    assert hit_ratio([one_a_month], 1e9, 1.0) == pytest.approx(0.05, abs=0.002), "0.05 views a day and a day's stay"
    assert hit_ratio([one_a_month], 0, 30) == 0
    assert hit_ratio([], 100, 30) == 0
    ratios = [hit_ratio([one_a_month], size, 30) for size in (10, 100, 1_000, 5_000)]
    assert ratios == sorted(ratios)
    assert ratios[-1] > 0.4


@given(titles=st.integers(1, 3_000_000), exponent=st.floats(0, 2))
def test_all_views_fall_on_some_title(titles: int, exponent: float) -> None:
    ranked = bins(titles, exponent)
    assert sum(one.titles for one in ranked) == titles
    assert sum(one.titles * one.share for one in ranked) == pytest.approx(1)
    assert all(first.share >= second.share * (1 - 1e-9) for first, second in pairwise(ranked))


def test_a_full_cdn_plan_is_said_to_be_none() -> None:
    flat = SCENARIO.model_copy(update={"stack": SCENARIO.others[1]})
    found = answer(flat, BOOK, given={"clips.viewers": 1e9})
    assert math.isinf(found.total)
    assert found.is_below is False
    assert as_json(found)["total"] is None
    assert json.dumps(as_json(found), allow_nan=False)


def test_what_servers_cost_is_given_like_an_input() -> None:
    """It is the first bar of the tornado."""
    found = answer(SCENARIO, BOOK, given={"fixed": 100, "clips.buffer_s": 8})
    assert (found.bill.fixed, found.inputs["clips.buffer_s"]) == (100, 8)
    assert (
        found.stacks[SCENARIO.others[0].name]
        == answer(SCENARIO, BOOK, given={"clips.buffer_s": 8}).stacks[SCENARIO.others[0].name]
    ), "other stacks have their own"
    for wrong in (-1, math.nan, math.inf):
        with pytest.raises(ConfigError, match="fixed is"):
            answer(SCENARIO, BOOK, given={"fixed": wrong})


def test_a_small_share_is_told() -> None:
    found = answer(SCENARIO, BOOK, given={"clips.share": 0.00004, "retry": 0.00002})
    assert as_json(found)["inputs"]["clips.share"]["value"] == 0.00004
    assert {one.key: one.value for one in Words(found, "ru").assumptions()}["retry"] == "0,00002"


def test_where_values_come_from() -> None:
    measured = measured_values(SCENARIO, Measured(titles=4, new_titles=1, work=(ROW,)))
    inputs = inputs_of(SCENARIO, measured=measured, given={"clips.buffer_s": 8})
    origins = {name: value.origin for name, value in inputs.values.items()}
    assert origins["clips.buffer_s"] is Origin.GIVEN
    assert origins["lessons.encode_cpu_s"] is Origin.MEASURED
    assert origins["clips.encode_cpu_s"] is Origin.SCENARIO, "no title of its profile was measured"
    assert origins["lessons.items"] is Origin.SCENARIO, "the scenario is about another platform"
    assert origins["retry"] is Origin.DEFAULT


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_is_told_in_words(language: str) -> None:
    known = Measured(titles=4, new_titles=1, work=(ROW,), delivered_bytes=10**12, delivered_days=10)
    about = scenario("installation")
    measured, delivered = measured_values(about, known), delivered_value(known)
    for inputs in (inputs_of(about), inputs_of(about, measured=measured, delivered=delivered)):
        told = {
            name: (note_of(name, value, language), unit_of(name, language)) for name, value in inputs.values.items()
        }
        assert {name for name, (note, _) in told.items() if not note} == {
            name for name, value in inputs.values.items() if value.origin is Origin.SCENARIO
        }
        assert {name for name, (_, unit) in told.items() if not unit} == {
            name for name in told if not definition(name).unit
        }
        if language == "ru":
            latin = re.compile(r"[a-z]{3,} [a-z]{3,}")
            assert not [one for one in told.items() if latin.search(" ".join(one[1]))], "English on a Russian page"


def test_what_is_measured_is_a_mean_by_minutes() -> None:
    other = replace(ROW, effort="economy", minutes=10.0, measured_min=0.0, encode_cpu_s=0.0, ladder_bytes=50e6)
    found = Measured(titles=9, new_titles=3, work=(ROW, other))
    values = {name: value.value for name, value in measured_values(scenario("installation"), found).items()}
    assert values["titles.encode_cpu_s"] == pytest.approx(50), "minutes without a measurement do not thin it"
    assert values["titles.ladder_mb"] == pytest.approx(9)
    assert values["titles.pictures_mb"] == pytest.approx(2)
    assert (values["titles.items"], values["titles.new_share"]) == (9, pytest.approx(1 / 3))
    assert values["titles.title_s"] == pytest.approx(50 * 60 / 8)
    by_class = class_costs(found)
    assert [(one.effort, one.source, one.encode_cpu_s) for one in by_class] == [
        ("balanced", "720p30", pytest.approx(50)),
        ("economy", "720p30", None),
    ]
    assert source_class(None, None) == "audio"
    assert measured_values(scenario("installation"), Measured(titles=0, new_titles=0, work=())) == {}


def test_every_input_of_a_kind_is_a_field() -> None:
    assert [one.name for one in fields(KindInputs)] == [one.name for one in fields(KindInputs) if one.name in OF_KIND]
    assert {one.name for one in fields(KindInputs)} == set(OF_KIND)
    assert {one.group for one in (*OF_KIND.values(), *OF_ALL.values())} == set(Group)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clips.nothing": 1}, "clips.nothing is no input here"),
        ({"clips.share": 1.5}, "clips.share is 1.5; it must be from 0 to 1"),
        ({"clips.items": math.nan}, "clips.items is nan"),
        ({"clips.items": math.inf}, "clips.items is inf"),
        ({"clips.segment_s": 0}, "it must be from 0.5 to 60"),
    ],
)
def test_a_value_that_cannot_be_is_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        BASE.having(changes)
    assert said in str(raised.value)


def test_an_unknown_variant_and_input_of_a_scenario_are_refused() -> None:
    with pytest.raises(ConfigError, match="huge is no variant"):
        answer(SCENARIO, BOOK, variant="huge")
    wrong = SCENARIO.model_copy(update={"inputs": {"clips.colour": 1}})
    with pytest.raises(ConfigError, match=r"inputs\.clips\.colour is no input"):
        inputs_of(wrong)


def test_titles_that_are_none_of_the_default_case() -> None:
    few = {"clips.source_days": 90.0, "lessons.source_days": 90.0}
    kept = [quantities(BASE.having({**few, **{f"{kind}.new_share": share for kind in BASE.kinds}})) for share in (0, 1)]
    assert kept[0].source_gb == 0, "nothing is new, and all of before is past its days"
    assert kept[1].source_gb == quantities(BASE).source_gb
    flat = answer(SCENARIO, BOOK, given={"clips.zipf": 0.0005, "clips.viewers": 3e7})
    clips = [one.titles for one in flat.break_evens if (one.codec, one.kind) == ("AV1 economy", "clips")]
    assert clips == [pytest.approx(100_000)], "all of them are seen about as often"


def test_viewers_in_a_region_that_a_platform_has_no_price_for() -> None:
    stack = SCENARIO.stack.model_copy(update={"cdn": "bunny_standard", "regions": {"eu_na": 0.8, "mea": 0.2, "x": 0.0}})
    found = answer(SCENARIO.model_copy(update={"stack": stack}), BOOK)
    assert found.bill.deliver == pytest.approx(found.quantities.egress_gb * (0.8 * 0.01 + 0.2 * 0.06))
    assert {one.name for one in found.peers} == {vendor.name for vendor in BOOK.vendors.values()} - {
        BOOK.vendors["aws"].name
    }
    (cdn,) = (knob for knob in found.knobs if knob.name == "cdn")
    assert cdn.what["to"] == "Bunny Volume"


def test_what_is_bought_in_steps_costs_a_title_what_one_gigabyte_costs() -> None:
    storage = BOOK.storage["b2"].model_copy(update={"store": BOOK.storage["b2"].store.model_copy(update={"step": 1e3})})
    book = BOOK.model_copy(update={"storage": {**BOOK.storage, "b2": storage}})
    assert Case(inputs=BASE, stack=SCENARIO.stack, book=book).prices.gb_month == pytest.approx(0.006)
    much = Case(inputs=BASE.having({"clips.items": 2e7}), stack=SCENARIO.others[-1], book=BOOK)
    assert much.prices.gb_month == 0.022, "beyond 50 TB"


def test_what_was_measured_is_never_refused() -> None:
    flash = replace(ROW, titles=1, minutes=1e-3, measured_min=1e-3, source_bytes=2e9, encode_cpu_s=9e9)
    about = scenario("installation")
    measured = measured_values(about, Measured(titles=1, new_titles=1, work=(flash,)))
    inputs = inputs_of(about, measured=measured)
    assert (inputs["titles.source_mb"], inputs["titles.encode_cpu_s"], inputs["titles.title_s"]) == (1e5, 1e6, 0.1)


def test_what_cdns_have_delivered_is_what_is_billed() -> None:
    about = scenario("installation")
    known = Measured(titles=0, new_titles=0, work=(), delivered_bytes=4 * 10**12, delivered_days=10)
    found = answer(about, BOOK, delivered=delivered_value(known), given={"titles.viewers": 777})
    assert found.quantities.egress_gb == pytest.approx(12_000), "10 days are a third of a month"
    assert found.inputs.values["titles.starts"].origin is Origin.MEASURED
    told = answer(about, BOOK, delivered=delivered_value(known), given={"titles.starts": 3})
    assert told.inputs["titles.starts"] == 3
    none = answer(about, BOOK, delivered=delivered_value(known), given={"titles.viewers": 0})
    assert none.quantities.egress_gb == 0
    assert answer(SCENARIO, BOOK, delivered=delivered_value(known)).inputs == BASE, "it is about another platform"
    assert delivered_value(Measured(titles=0, new_titles=0, work=())) is None


def test_what_players_load_ahead_is_what_the_own_player_does() -> None:
    engine = (ROOT / "studio" / "player" / "hls_engine.ts").read_text()
    assert f"const CLIP_S = {SHORT_S};" in engine
    assert f"const CLIP_AHEAD_S = {CLIP_BUFFER_S};" in engine
    about = scenario("installation")
    for minutes, buffer_s in ((0.5, CLIP_BUFFER_S), (10.0, 30)):
        known = Measured(titles=1, new_titles=1, work=(replace(ROW, titles=1, minutes=minutes),))
        found = answer(about, BOOK, measured=measured_values(about, known), given={"titles.viewers": 1e6})
        assert found.inputs["titles.buffer_s"] == buffer_s
        assert "buffer" not in {knob.name for knob in found.knobs}, "there is nothing to turn"


def test_what_is_made_with_economy_is_made_no_cheaper_by_it() -> None:
    about, saved = scenario("installation"), {}
    for name, efforts in (("all", ["economy"]), ("half", ["economy", "balanced"]), ("none", ["balanced"])):
        work = tuple(replace(ROW, effort=effort) for effort in efforts)
        measured = measured_values(about, Measured(titles=1_000_000, new_titles=1_000, work=work))
        knob = [one for one in answer(about, BOOK, measured=measured).knobs if one.name == "effort"]
        saved[name] = -knob[0].change if knob else 0.0
    assert 0 == saved["all"] < saved["half"] < saved["none"]


def test_a_form_leaves_what_follows_from_other_inputs_to_them() -> None:
    about = scenario("installation")
    known = Measured(titles=0, new_titles=0, work=(), delivered_bytes=10**12, delivered_days=10)
    shown = Words(answer(about, BOOK, delivered=delivered_value(known)), "en").assumptions()
    assert [one.key for one in shown if not one.plain] == ["titles.starts", "titles.source_days"]


def test_storage_gives_some_of_its_egress_free() -> None:
    stack = SCENARIO.stack.model_copy(update={"cdn": "cloudfront"})
    misses = BASE.having({"cache_gb": 0})
    work = quantities(misses)
    paid = bill(misses, stack, BOOK).deliver - delivery(BOOK.cdn["cloudfront"], stack.regions, work.egress_gb, 0)[0]
    assert paid == 0, "59 TB miss, and three times 21 TB are free"
    much = misses.having({"clips.viewers": 3e6})
    work = quantities(much)
    paid = bill(much, stack, BOOK).deliver - delivery(BOOK.cdn["cloudfront"], stack.regions, work.egress_gb, 0)[0]
    assert paid == pytest.approx(0.01 * (work.egress_gb - 3 * work.stored_gb))


def test_the_catalogue_is_counted_once() -> None:
    about = scenario("installation")
    two = about.model_copy(update={"kinds": dict.fromkeys(("films", "clips"), about.kinds["titles"])})
    assert not {"films.items", "clips.items"} & set(measured_values(two, Measured(titles=4, new_titles=1, work=(ROW,))))


def test_the_effects_are_those_of_the_benchmark() -> None:
    """Economy against balanced: medians of the table "transcode" in docs/benchmarks.md."""
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    table = text[text.index("| clip | same CPU, wall | economy CPU") : text.index("The speaker row is from")]
    rows = [
        [cell.strip(" *") for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:] if line.count("|") > 5
    ]
    clips = [row for row in rows if row[0] != "median"]
    differences = sorted(float(row[2].split(",")[2]) - float(row[3].split(",")[2]) for row in clips)
    assert len(clips) == 7
    (found,) = (knob for knob in answer(SCENARIO, BOOK).knobs if knob.name == "effort")
    assert found.vmaf == pytest.approx(differences[3])
    (median,) = (row for row in rows if row[0] == "median")
    economy, balanced = (float(row.split(",")[0]) for row in median[2:4])
    saved = answer(SCENARIO, BOOK).bill.encode * (1 - economy / balanced)
    assert -found.change == pytest.approx(saved)
