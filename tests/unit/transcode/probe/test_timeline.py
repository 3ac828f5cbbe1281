"""transcode.probe.timeline: times that start again, jump or stray become one timeline; good ones stay as they are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.probe.timeline import SECOND, Mended, Times, mended

FRAME, SOUND = SECOND // 25, SECOND // 50
HOUR = 3600 * SECOND
VIDEO, AUDIO = 0, 1
Packet = tuple[int, int, int]  # track, time, duration


def part(start: int, length: int, *, late: int = 0) -> list[Packet]:
    """Pictures and sound of one recording, in the order a muxer writes them; sound `late` in the file."""
    video = [(VIDEO, start + at, FRAME) for at in range(0, length, FRAME)]
    audio = [(AUDIO, start + at, SOUND) for at in range(0, length, SOUND)]
    return sorted([*video, *audio], key=lambda packet: packet[1] + late * packet[0])


def times_of(packets: list[Packet]) -> Times:
    times = Times()
    for track, at, duration in packets:
        times.add(track, at, at, duration)
    return times


def shown(packets: list[Packet], done: Mended | None) -> dict[int, list[int]]:
    """The mended times of each track."""
    assert done is not None
    moved = [(track, at + by) for (track, at, _), by in zip(packets, done.offsets, strict=True)]
    return {track: [at for own, at in moved if own == track] for track in {own for own, _ in moved}}


def contiguous(packets: list[Packet], done: Mended | None, *, start: int = 0, most_gap: int = 0) -> None:
    """Every track goes on, without a packet before its turn, and pictures and sound end together."""
    for track, ats in shown(packets, done).items():
        step = FRAME if track == VIDEO else SOUND
        assert ats[0] == start
        assert all(step <= b - a <= step + most_gap for a, b in pairwise(ats)), track


@pytest.mark.parametrize("clock", [True, False])
@pytest.mark.parametrize(
    "packets",
    [
        part(0, 8 * SECOND),
        part(20 * HOUR, 8 * SECOND, late=SECOND),
        [*part(0, SECOND), *part(9 * SECOND, SECOND)],  # nine seconds without anything
        [
            (VIDEO, 0, FRAME),
            *[(AUDIO, at, SOUND) for at in range(0, HOUR, SOUND)],
            (VIDEO, HOUR, FRAME),
        ],  # a still picture
        [],
    ],
    ids=["plain", "late in the day", "a short hole", "a picture that stands", "nothing"],
)
def test_good_times_are_left_alone(packets: list[Packet], clock: bool) -> None:
    assert mended(times_of(packets), clock=clock) is None


def test_a_picture_may_stand_in_a_file_with_an_index() -> None:
    packets = [*part(0, SECOND), *part(1200 * SECOND, SECOND)]
    assert mended(times_of(packets), clock=False) is None
    done = mended(times_of(packets), clock=True)
    assert done is not None
    assert done.holes == 1


@pytest.mark.parametrize("late", [0, SECOND // 5, SECOND])
@pytest.mark.parametrize("second", [0, -10 * HOUR, HOUR, 20 * HOUR])
def test_two_parts(second: int, late: int) -> None:
    packets = [*part(0, 4 * SECOND), *part(second, 4 * SECOND, late=late)]
    done = mended(times_of(packets), clock=True)
    contiguous(packets, done)
    assert done is not None
    assert (done.restarts, done.holes, done.strays) == ((1, 0, 0) if second <= 0 else (0, 1, 0))


def test_tracks_that_jump_one_after_the_other_stay_together() -> None:
    """The pictures of the second part come before the last sound of the first."""
    half = SECOND // 2
    both = [(track, at, at, length) for track, at, length in part(0, 4 * SECOND)]
    both += [(track, at, at - HOUR + 4 * SECOND, length) for track, at, length in part(HOUR, 4 * SECOND)]
    both.sort(key=lambda packet: packet[2] + half * packet[0])
    packets = [(track, at, length) for track, at, _, length in both]
    done = mended(times_of(packets), clock=True)
    contiguous(packets, done)
    assert done is not None
    assert str(done) == "a hole without any picture or sound was closed"


def test_many_parts() -> None:
    packets = [packet for _ in range(5) for packet in part(0, SECOND)]
    done = mended(times_of(packets), clock=False)
    contiguous(packets, done)
    assert str(done) == "times start again (4 times)"


@pytest.mark.parametrize("away", [HOUR * 5, -HOUR * 5])
@pytest.mark.parametrize("track", [VIDEO, AUDIO])
@pytest.mark.parametrize("clock", [True, False])
def test_one_packet_hours_away(away: int, track: int, clock: bool) -> None:
    packets = part(10 * HOUR, 4 * SECOND)
    at = next(n for n, packet in enumerate(packets) if packet[0] == track and packet[1] > 10 * HOUR + 2 * SECOND)
    packets[at] = (track, packets[at][1] + away, packets[at][2])
    done = mended(times_of(packets), clock=clock)
    contiguous(packets, done, start=10 * HOUR)
    assert str(done) == "the time of a packet was wrong"


@pytest.mark.parametrize("clock", [True, False])
@pytest.mark.parametrize("track", [VIDEO, AUDIO])
@pytest.mark.parametrize("first", [0, 60, 183], ids=["at the beginning", "in the middle", "at the end"])
def test_packets_that_share_a_time_hours_away(first: int, track: int, clock: bool) -> None:
    """17 frames of one PES packet, of which only the first has a time in the file."""
    packets = part(10 * HOUR, 4 * SECOND)
    own = [at for at, packet in enumerate(packets) if packet[0] == track]
    for at in own[first * len(own) // 200 :][:17]:
        packets[at] = (track, packets[at][1] + 5 * HOUR, packets[at][2])
    done = mended(times_of(packets), clock=clock)
    contiguous(packets, done, start=10 * HOUR)
    assert str(done) == "the time of a packet was wrong"


@pytest.mark.parametrize("hour", [0, HOUR])
def test_short_parts_are_no_strays(hour: int) -> None:
    """Parts of less than a second, with all their tracks."""
    length = SECOND * 4 // 5
    packets = [packet for number in range(4) for packet in part(number * hour * 2, length)]
    done = mended(times_of(packets), clock=True)
    contiguous(packets, done)
    assert done is not None
    assert (done.restarts + done.holes, done.strays) == (3, 0)


def test_a_time_of_showing_hours_away_is_told() -> None:
    times = Times()
    for number in range(100):
        times.add(VIDEO, number * FRAME, number * FRAME + (HOUR if number == 50 else 0), FRAME)
    done = mended(times, clock=True)
    assert done is not None
    assert (done.strays, set(done.offsets)) == (1, {0})


def test_more_parts_than_are_kept_apart() -> None:
    packets = [(VIDEO, (n % 2) * HOUR + n * FRAME, FRAME) for n in range(6000)]
    ats = shown(packets, mended(times_of(packets), clock=True))[VIDEO]
    assert all(b > a for a, b in pairwise(ats))
    assert ats[-1] < 6000 * FRAME + HOUR


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-(2**40), 2**40), st.integers(0, 10**6)), max_size=60))
def test_any_times_are_put_in_order(packets: list[Packet]) -> None:
    done = mended(times_of(packets), clock=True)
    if done is None:
        return
    for ats in shown(packets, done).values():
        assert all(b - a >= -SECOND for a, b in pairwise(ats))
    assert len(done.offsets) == len(packets)


def test_only_some_tracks() -> None:
    packets = [*part(0, SECOND), (2, 99 * HOUR, 0), *part(SECOND, SECOND)]
    assert mended(times_of(packets).only({VIDEO, AUDIO}), clock=True) is None
