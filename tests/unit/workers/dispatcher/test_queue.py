"""workers.dispatcher.queue: the order in which one endpoint is sent its events."""

from collections import defaultdict
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from core.db.outbox import Event
from core.db.webhook_deliveries import Due
from core.model import OwnerId
from workers.dispatcher.queue import Queue

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def due(number: int, subject: str) -> Due:
    event = Event(
        position=number,
        id=f"ev_{number}",
        owner_id=OwnerId("ow_1"),
        asset_id=None,
        type="video.asset.ready",
        object_type="asset",
        object_id=subject,
        payload={},
        created_at=NOW,
    )
    return Due(delivery=number, subject_id=subject, attempts=0, event=event)


def test_one_event_of_a_subject_at_a_time_and_others_beside_it() -> None:
    queue = Queue()
    queue.add([due(1, "a"), due(2, "a"), due(3, "b")])
    first, second = queue.take(), queue.take()
    assert (first, second) == (due(1, "a"), due(3, "b"))
    assert queue.take() is None
    assert first is not None
    queue.ended(first, blocks=False)
    assert queue.take() == due(2, "a")


def test_what_fails_takes_what_is_behind_it_along() -> None:
    queue = Queue()
    queue.add([due(1, "a"), due(2, "a"), due(3, "b")])
    first = queue.take()
    assert first is not None
    queue.ended(first, blocks=True)
    assert queue.take() == due(3, "b")
    assert queue.take() is None
    assert sorted(queue.known) == [1, 3]  # 2 is read again, once 1 has been recorded
    queue.recorded()
    assert queue.known == [3]


@given(st.lists(st.sampled_from("abc"), max_size=30), st.randoms())
def test_order_within_each_subject(subjects: list[str], chance) -> None:
    queue, under_way, ended = Queue(), [], defaultdict(list)
    queue.add([due(number, subject) for number, subject in enumerate(subjects)])
    while queue.known:
        while (one := queue.take()) is not None:
            under_way.append(one)
        assert len({one.subject_id for one in under_way}) == len(under_way)
        one = under_way.pop(chance.randrange(len(under_way)))
        queue.ended(one, blocks=False)
        queue.recorded()
        ended[one.subject_id].append(one.delivery)
    assert all(numbers == sorted(numbers) for numbers in ended.values())
    assert sum(map(len, ended.values())) == len(subjects)
