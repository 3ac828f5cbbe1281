"""Prices: marginal tiers, steps, flat plans, regions; and price books that are refused."""

import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from cost.tiers import delivery, marginal, plan_for, price_of
from presets.price_book import Grade, Price, price_book

BOOK = price_book()
EU = {"eu_na": 1.0}
GB = st.floats(0, 2e6)


def price(**of: Any) -> Price:
    return Price(unit="GB", grade=Grade.OFFICIAL, date=date(2026, 11, 29), source="test", **of)


TIERS = price(tiers=({"up_to": 10, "price": 3}, {"up_to": 30, "price": 2}, {"price": 1}))


@pytest.mark.parametrize(
    ("quantity", "cost"), [(0, 0), (4, 12), (10, 30), (11, 32), (30, 70), (31, 71), (100, 140), (-1, 0)]
)
def test_each_unit_costs_what_its_own_tier_says(quantity: float, cost: float) -> None:
    assert price_of(TIERS, quantity) == pytest.approx(cost)


@given(one=GB, more=GB)
def test_more_costs_more_and_never_less_together_than_the_dearest_tier(one: float, more: float) -> None:
    assert price_of(TIERS, one) <= price_of(TIERS, one + more) <= price_of(TIERS, one) + more * 3 + 1e-6


def test_what_is_bought_in_steps() -> None:
    thousands = price(price=0.005, step=1_000)
    assert [price_of(thousands, minutes) for minutes in (0, 1, 1_000, 1_001)] == pytest.approx([0, 5, 5, 10])


def test_cloudfront_begins_with_a_free_terabyte() -> None:
    costs = [delivery(BOOK.cdn["cloudfront"], EU, gb, 0)[0] for gb in (1_000, 11_000, 51_000, 61_000)]
    assert costs == pytest.approx([0, 850, 4_050, 4_650])
    assert delivery(BOOK.cdn["cloudfront"], EU, 0, 20e6)[1] == pytest.approx(10)


@pytest.mark.parametrize(
    ("gb", "requests", "name"),
    [
        (27_000, 100e6, "Business"),
        (27_000, 182e6, "Premium 50"),
        (60_000, 383e6, "Premium 75"),
        (183_000, 1_184e6, "Premium 200"),
        (700_000, 1e6, None),
    ],
)
def test_the_cheapest_plan_with_room_for_bytes_and_requests(gb: float, requests: float, name: str | None) -> None:
    plan = plan_for(BOOK.cdn["cloudfront_flat"], gb, requests)
    assert (plan and plan.name) == name
    cost = delivery(BOOK.cdn["cloudfront_flat"], EU, gb, requests)[0]
    assert math.isinf(cost) if plan is None else cost == plan.price


def test_regions_are_priced_each_by_itself() -> None:
    shares = {"eu_na": 0.5, "mea": 0.5}
    assert delivery(BOOK.cdn["bunny_standard"], shares, 1_000, 0)[0] == pytest.approx(35)
    assert delivery(BOOK.cdn["bunny_volume"], shares, 1_000, 0)[0] == pytest.approx(5)
    with pytest.raises(ConfigError, match="CloudFront pay-as-you-go has no price for mea"):
        delivery(BOOK.cdn["cloudfront"], shares, 1_000, 0)


def test_the_last_gigabyte() -> None:
    assert marginal(BOOK.cdn["bunny_volume"], EU, 59_000) == pytest.approx(0.005)
    assert marginal(BOOK.cdn["bunny_volume"], EU, 700_000) == pytest.approx(0.004)
    assert marginal(BOOK.cdn["cloudfront_flat"], EU, 59_000) == 0, "inside a flat plan it is free"


def test_what_is_old_or_from_memory_is_to_be_verified() -> None:
    assert [grade.value for grade in Grade if grade.verify] == ["C", "M"]
    assert BOOK.storage["b2"].store.grade.verify
    assert not BOOK.storage["r2"].store.grade.verify


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("core_hour: {price: -1}", "core_hour.price is -1"),
        ("core_hour: {tiers: [{price: 1}]}", "must have a price or tiers, one of them"),
        ("core_hour: {grade: Z}", "core_hour.grade is 'Z'"),
        ("core_hour: {price: .inf}", "core_hour.price is inf; it should be a finite number"),
        ("core_hour: {price: yes}", "core_hour.price is True; it should be a valid number"),
        ("core_hour:\n  date: 2026-02-30", "line 2: '2026-02-30' cannot be read (day is out of range for month)"),
        ("core_hour: {? [a] : 1}", "line 1: a key must be a word or a number"),
        ("name: a\x01b", "control characters are not allowed"),
        ("storage: {r2: null, b2: {free_to: [nobody]}}", "must have the CDNs that b2 is free to, and lacks nobody"),
        ("vendors: {aws: {cdn: nobody}}", "must have the CDN nobody that aws names"),
        ("cdn: {mine: {name: Mine}}", "must have deliver or plans, one of them"),
    ],
)
def test_a_wrong_price_is_named_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text(text)
    with pytest.raises(ConfigError) as raised:
        price_book(own=own)
    assert str(raised.value).startswith(str(own))
    assert said in str(raised.value)


def test_prices_of_ones_own_are_laid_over_the_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text("name: ours\ncore_hour: {price: 0.02}")
    ours = price_book(own=own)
    assert (ours.name, ours.core_hour.price, ours.cdn) == ("ours", 0.02, BOOK.cdn)
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "2026-11.yaml").write_text("core_hour: {price: 0.03}")
    monkeypatch.setenv("KADR_PRESETS", str(tmp_path))
    assert price_book().core_hour.price == 0.03
    with pytest.raises(ConfigError, match="none of presets/prices; known are 2026-11"):
        price_book("../secrets")
