"""What is a bad sample, when a breaker opens and closes, and what players say in CMCD."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.cdn.steering.breaker import Breaker, Rules, State, step
from origin.cdn.steering.cmcd import Cmcd, CmcdRefused, parse
from origin.cdn.steering.samples import BUCKET_S, WINDOW_S, Window, buckets, of_cmcd, of_throughput

RULES = Rules(min_samples=20, open_at=0.3, close_at=0.05, wait_s=30, patience_s=180)
CLOSED = Breaker()
OPEN = Breaker(state=State.OPEN, since=100)
HALF_OPEN = Breaker(state=State.HALF_OPEN, since=100)


def reports(bad: int, good: int) -> Window:
    return Window(reports_bad=bad, reports_good=good)


@pytest.mark.parametrize(
    ("breaker", "seen", "now", "after"),
    [
        (CLOSED, Window(), 100, State.CLOSED),
        (CLOSED, reports(19, 0), 100, State.CLOSED),  # too few
        (CLOSED, reports(20, 0), 100, State.OPEN),
        (CLOSED, reports(29, 71), 100, State.CLOSED),
        (CLOSED, reports(30, 70), 100, State.OPEN),
        (OPEN, reports(0, 100), 129.9, State.OPEN),  # only time helps
        (OPEN, reports(0, 0), 130, State.HALF_OPEN),
        (HALF_OPEN, reports(0, 19), 105, State.HALF_OPEN),
        (HALF_OPEN, reports(0, 20), 105, State.CLOSED),
        (HALF_OPEN, reports(5, 95), 105, State.CLOSED),
        (HALF_OPEN, reports(6, 94), 105, State.HALF_OPEN),  # hysteresis: neither good enough nor bad enough
        (HALF_OPEN, reports(29, 71), 105, State.HALF_OPEN),
        (HALF_OPEN, reports(30, 70), 105, State.OPEN),
        (HALF_OPEN, reports(29, 71), 280, State.CLOSED),  # patience
        (HALF_OPEN, reports(30, 70), 280, State.OPEN),
        (HALF_OPEN, Window(), 1e9, State.HALF_OPEN),  # nobody has seen it work
    ],
)
def test_steps(breaker: Breaker, seen: Window, now: float, after: State) -> None:
    found = step(breaker, seen, now, RULES)
    assert found.state is after
    assert found == breaker if after is breaker.state else found.since == now


def test_a_pathway_that_wavers_around_the_limit_does_not_flap() -> None:
    """20 % bad is too little to open and too much to close: each state stays."""
    breaker, seen = CLOSED, reports(20, 80)
    assert all(step(breaker, seen, now, RULES) == breaker for now in range(0, 600, 5))
    assert all(step(HALF_OPEN, seen, now, RULES) == HALF_OPEN for now in range(100, 280, 5))


def test_probes_alone_tell_of_a_dead_cdn() -> None:
    """One every 5 s: four in a row, within half a minute, among twelve in the window."""
    for failed in range(13):
        after = step(CLOSED, Window(probes_good=12 - failed, probes_bad=failed), 1000, Rules())
        assert after.state is (State.OPEN if failed >= 4 else State.CLOSED)
    assert step(CLOSED, Window(probes_bad=4), 1000, Rules()).state is State.OPEN, "a CDN that never worked"


@given(bad=st.integers(0, 10**6), good=st.integers(0, 10**6), probes=st.integers(1, 12))
def test_reports_cannot_open_what_probes_find_good(bad: int, good: int, probes: int) -> None:
    """Anybody can send reports, in any number."""
    seen = Window(probes_good=probes, reports_bad=bad, reports_good=good)
    assert step(CLOSED, seen, 1000, Rules()).state is State.CLOSED


def test_reports_count_once_a_probe_has_failed() -> None:
    assert step(CLOSED, Window(probes_good=11, probes_bad=1), 1000).state is State.CLOSED
    assert step(CLOSED, Window(probes_good=11, probes_bad=1, reports_bad=1000), 1000).state is State.OPEN


def test_nothing_seen_is_nothing_bad() -> None:
    assert (Window().weight, Window().bad_share) == (0, 0)


def test_buckets_of_the_window() -> None:
    now = 1_000_003.0
    assert [number * BUCKET_S for number in buckets(0, now)] == list(range(999_945, 1_000_003, BUCKET_S))
    assert len(buckets(0, now)) == WINDOW_S / BUCKET_S
    assert [number * BUCKET_S for number in buckets(999_991, now)] == [999_995, 1_000_000]
    assert list(buckets(now, now)) == [], "a bucket that began before may hold what was before"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("bs", Cmcd(starved=True)),
        (
            "br=3200,bs,d=4004,mtp=25400,ot=v,rtp=15000,tb=6000",
            Cmcd(bitrate_kbps=3200, throughput_kbps=25400, starved=True),
        ),
        (
            'bl=21300,nor="..%2F300kbps%2Fseg35.m4v",sf=h,sid="6e2fb550-c457-11e9-bb97-0800200c9a66",su',
            Cmcd(buffer_ms=21300, startup=True),
        ),
        ("b,rtp=100,com.example-mine=7.25", Cmcd()),
        ("pr=1.08,v=1", Cmcd()),
        ("bs=false,su=true", Cmcd(startup=True)),
        (r'cid="a\"b\\",br=1', Cmcd(bitrate_kbps=1)),
        ('{"br": 3200, "bs": true, "sid": "x", "com.example-y": 1.5}', Cmcd(bitrate_kbps=3200, starved=True)),
        (' {"bl":0}', Cmcd(buffer_ms=0)),
    ],
)
def test_cmcd(value: str, said: Cmcd) -> None:
    assert parse(value) == said


@pytest.mark.parametrize(
    "value",
    [
        *("", ",", "br=", "br=,bs", "br=1,", ",br=1", "br=1 ,bs", "br=1;bs", "=1", "1=1", "br=1,br=2", "bs,bs=true"),
        *('sid="x', 'sid="x"y', 'sid="\\n"', "br=1.5", "br=-1", 'br="1"', "br", "br=true", "bs=1", 'su="true"', "bl=x"),
        *("br=9999999999999999", "k" * 5000, ",".join(f"k{i}=1" for i in range(65))),
        *("{}", "{", "[1]", '{"br": 1, "br": 2}', '{"br": "1"}', '{"bs": 1}', '{"br": 1.0}', '{"br": null}'),
        *('{"br": [1]}', '{"br": {"x": 1}}', '{"b r": 1}', '{"br": true}', "{" * 4000, '{"a":' * 700),
    ],
)
def test_no_cmcd(value: str) -> None:
    with pytest.raises(CmcdRefused):
        parse(value)


@given(st.text(max_size=200) | st.from_regex(r'[{"a-z=,:0-9}]{0,40}', fullmatch=True))
def test_junk_raises_nothing_but_the_refusal(value: str) -> None:
    with suppress(CmcdRefused):
        assert isinstance(parse(value), Cmcd)


@pytest.mark.parametrize(
    ("said", "good"),
    [
        (Cmcd(), None),
        (Cmcd(bitrate_kbps=3000), None),
        (Cmcd(starved=True, throughput_kbps=9000, bitrate_kbps=3000), False),
        (Cmcd(buffer_ms=0), False),
        (Cmcd(buffer_ms=0, startup=True), True),
        (Cmcd(buffer_ms=12000), True),
        (Cmcd(throughput_kbps=2999, bitrate_kbps=3000), False),
        (Cmcd(throughput_kbps=3000, bitrate_kbps=3000), True),
        (Cmcd(throughput_kbps=100), True),
    ],
)
def test_what_a_request_says_of_its_pathway(said: Cmcd, good: bool | None) -> None:
    assert of_cmcd(said) is good


def test_throughput() -> None:
    assert of_throughput(500_000), "what hls.js begins with"
    assert not of_throughput(60_000)
