"""Webhooks: a receiver that verifies with a public package, over a database, a dispatcher, or the whole stack."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.concurrency import in_background
from core.db import webhook_deliveries, webhook_endpoints
from core.db.postgres import Pool
from core.db.webhook_deliveries import Delivery, DeliveryState, Redelivered
from core.db.webhook_endpoints import Disabled, Endpoint
from core.model import new_id
from core.settings import Settings
from tests import runs
from tests.database import OWNER, new_owner
from tests.stack import Stack, as_owner
from tests.waiting import until
from tests.webhooks import KEYS, Receiver, dispatching, happen, new_endpoint, settings_of
from workers.dispatcher.webhooks import Webhooks

READ_TO = "SELECT position FROM outbox_cursors WHERE consumer = 'webhooks'"
DELIVERED = "SELECT count(*) FROM webhook_deliveries WHERE state = 'delivered'"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().running() as running:
        yield running


def in_order(events: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What each asset's events say, each event once, in the order in which they came first."""
    seen, told = set(), defaultdict(list)
    for event in events:
        if event["id"] not in seen:
            seen.add(event["id"])
            told[event["object"]["id"]].append(event["data"]["revision"])
    return told


def expected(assets: list[str], times: int) -> dict[str, list[str]]:
    return {asset: [f"{asset}-{number:06}" for number in range(times)] for asset in assets}


async def deliveries(pool: Pool, endpoint_id: str) -> list[Delivery]:
    return await webhook_deliveries.page(pool, endpoint_id, None, None, 1000)


async def endpoint(pool: Pool, endpoint_id: str) -> Endpoint:
    found = await webhook_endpoints.by_id(pool, OWNER, endpoint_id)
    assert found is not None
    return found


def sending(settings: Settings, pool: Pool) -> Any:
    """A dispatcher's webhooks in this process, for the body."""
    return in_background(Webhooks(settings, pool).run())


async def test_every_delivery_verifies_while_the_secret_is_rotated(stack: Stack, receiver: Receiver) -> None:
    owner = await as_owner(stack, "hooks")

    async def call(method: str, path: str, wanted: int, **body: Any) -> Any:
        status, answer = await owner.api(method, f"/v1/webhook_endpoints{path}", json=body or None)
        assert status == wanted, answer
        return answer and answer.get("data", answer)

    status, made = await owner.api("POST", "/v1/webhook_endpoints", json={"url": f"{receiver.url}/hook"})
    assert status == 201
    ident, old = made["data"]["id"], made["data"]["secret"]
    receiver.secrets["/hook"] = old
    await call("POST", f"/{ident}/test", 202)
    await until(lambda: asyncio.sleep(0, receiver.events("/hook")))
    new = (await call("POST", f"/{ident}/rotate_secret", 200))["secret"]
    assert (await call("POST", f"/{ident}/rotate_secret", 409))["code"] == "rotation_in_progress"
    await call("POST", f"/{ident}/test", 202)
    await until(lambda: asyncio.sleep(0, len(receiver.events("/hook")) == 2))
    receiver.secrets["/hook"] = new
    await owner.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 10})
    await until(lambda: asyncio.sleep(0, len(receiver.events("/hook")) == 4))
    assert [event["type"] for event in receiver.events("/hook")] == [
        *("webhook_endpoint.test", "webhook_endpoint.test"),
        *("video.asset.created", "video.upload.created"),
    ]
    assert receiver.requests == 4  # none was refused
    event = receiver.events("/hook")[-1]
    assert event["created_at"] == event["timestamp"]
    log = await until(
        lambda: call("GET", f"/{ident}/deliveries", 200), lambda rows: len(rows) == 4 and rows[0]["last_attempt"]
    )
    assert {row["state"] for row in log} == {"delivered"}
    assert log[0]["last_attempt"]["response_body"] == "as told"
    details = await call("GET", f"/{ident}/deliveries/{event['id']}", 200)
    assert details["request"]["body"] == event
    assert details["request"]["headers"]["webhook-id"] == event["id"]
    assert "signature" not in str(details["request"]["headers"])
    stranger = await as_owner(stack, "stranger")
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries")):
        status, problem = await stranger.api(method, f"/v1/webhook_endpoints/{ident}{path}", json={})
        assert (status, problem["code"]) == (404, "not_found")
    assert await call("DELETE", f"/{ident}", 204) is None


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/hook", "https://10.0.0.1/hook", "https://u:p@a.example/", "ftp://a.example/"]
)
async def test_urls_that_are_refused_at_once(stack: Stack, url: str) -> None:
    status, problem = await stack.api("POST", "/v1/webhook_endpoints", json={"url": url})
    assert (status, problem["pointer"]) == (422, "/url")
    assert problem["code"] in ("webhook_url_refused", "invalid")


async def test_a_receiver_that_fails_for_long_gets_each_event(stack: Stack, pool: Pool, receiver: Receiver) -> None:
    ident, receiver.secrets["/"] = await new_endpoint(pool, f"{receiver.url}/")
    assets = [new_id("as") for _ in range(4)]
    receiver.status = 503
    settings = await settings_of(stack, pool, webhook_pauses_s=",".join(["0.1"] * 50))
    async with sending(settings.model_copy(update={"webhook_disable_after_s": 3600}), pool):
        await happen(pool, assets, 5)

        # 503 throttles the endpoint as a whole: its pause is ended here, as an hour would end it.
        async def tried() -> int:
            await pool.execute("UPDATE webhook_endpoints SET throttled_until = NULL")
            return receiver.requests

        await until(tried, lambda count: count >= 6)
        assert (await endpoint(pool, ident)).failing_since is not None
        receiver.status = 200

        async def arrived() -> int:
            await pool.execute("UPDATE webhook_endpoints SET throttled_until = NULL")
            return len(receiver.events())

        await until(arrived, lambda count: count >= 20)
        await until(lambda: endpoint(pool, ident), lambda one: one.pending == 0 and one.failing_since is None)
    # Whatever has failed three times was passed by later ones.
    assert {asset: sorted(told) for asset, told in in_order(receiver.events()).items()} == expected(assets, 5)


async def test_dead_letters_sent_again_by_hand_arrive(stack: Stack, pool: Pool, receiver: Receiver) -> None:
    ident, receiver.secrets["/"] = await new_endpoint(pool, f"{receiver.url}/")
    assets = [new_id("as") for _ in range(3)]
    receiver.status = 400
    async with sending(await settings_of(stack, pool, webhook_pauses_s="0,0.05"), pool):
        await happen(pool, assets, 2)
        await until(lambda: endpoint(pool, ident), lambda one: (one.dead, one.pending) == (6, 0))
        (newest, *_) = await deliveries(pool, ident)
        found = await webhook_deliveries.of_event(pool, ident, newest.event_id)
        assert found is not None
        assert [(one.status, one.error) for one in found[2]] == [(400, "status")] * 2
        receiver.status = 200
        async with pool.acquire() as connection, connection.transaction():
            again = await webhook_deliveries.redeliver(connection, OWNER, ident)
        assert again is not None
        assert again.count == 6
        await until(lambda: endpoint(pool, ident), lambda one: (one.dead, one.pending) == (0, 0))
    assert in_order(receiver.events()) == expected(assets, 2)


async def test_a_span_of_time_is_sent_to_an_endpoint_that_was_made_later(
    stack: Stack, pool: Pool, receiver: Receiver
) -> None:
    asset, since = new_id("as"), datetime.now(UTC) - timedelta(minutes=1)
    async with sending(await settings_of(stack, pool), pool):
        await happen(pool, [asset], 3)
        await until(lambda: pool.fetchval(READ_TO), lambda position: position == 3)
        ident, receiver.secrets["/"] = await new_endpoint(pool, f"{receiver.url}/", types=["video.asset.*"])
        other, _ = await new_endpoint(pool, f"{receiver.url}/other", types=["video.track.*"])
        span = (since, datetime.now(UTC) + timedelta(minutes=1))
        async with pool.acquire() as connection, connection.transaction():
            again = await webhook_deliveries.redeliver(connection, OWNER, ident, span=span)
            none = await webhook_deliveries.redeliver(connection, OWNER, other, span=span)
        assert (again, none) == (Redelivered(count=3), Redelivered(count=0))
        await until(lambda: asyncio.sleep(0, len(receiver.events()) == 3))
    assert in_order(receiver.events()) == expected([asset], 3)
    assert receiver.events("/other") == []


async def test_an_event_that_fails_holds_up_its_asset_for_three_attempts(
    stack: Stack, pool: Pool, receiver: Receiver
) -> None:
    ident, receiver.secrets["/"] = await new_endpoint(pool, f"{receiver.url}/")
    failing, other = new_id("as"), new_id("as")
    tries: list[float] = []

    def refuses(event: dict[str, Any]) -> bool:
        if event["data"]["revision"] == f"{failing}-000000":
            tries.append(time.monotonic())
            return True
        return False

    receiver.refuses = refuses
    async with sending(await settings_of(stack, pool, webhook_pauses_s="0,0.1,0.1,0.1,3600"), pool):
        await happen(pool, [failing, other], 2)
        await until(lambda: asyncio.sleep(0, len(receiver.events()) == 3))
        await until(lambda: asyncio.sleep(0, len(tries) == 4))
    came = [event["data"]["revision"] for event in receiver.events()]
    assert came.index(f"{other}-000001") < came.index(f"{failing}-000001")
    behind = next(one for one in receiver.taken["/"] if one.event["data"]["revision"] == f"{failing}-000001")
    assert behind.monotonic > tries[2]
    assert (await endpoint(pool, ident)).pending == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "https://localhost:{port}/", "http://[::1]:{port}/"]
)
async def test_private_addresses_are_never_contacted(stack: Stack, pool: Pool, url: str) -> None:
    connections = 0

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    async with await asyncio.start_server(accept, "localhost", 0) as listener:
        ident, _ = await new_endpoint(pool, url.format(port=listener.sockets[0].getsockname()[1]))
        settings = await settings_of(stack, pool, webhook_networks="192.0.2.0/24", webhook_pauses_s="0,0.05")
        async with sending(settings, pool):
            await happen(pool, [new_id("as")], 1)
            (one,) = await until(
                lambda: deliveries(pool, ident), lambda rows: rows and rows[0].state is DeliveryState.DEAD
            )
    assert one.last is not None
    assert (one.last.error, one.last.status) == ("refused_address", None)
    assert connections == 0


async def test_a_redirect_is_not_followed(stack: Stack, pool: Pool, receiver: Receiver) -> None:
    async with Receiver().running() as elsewhere:
        receiver.status, receiver.headers = 307, {"Location": elsewhere.url}
        ident, _ = await new_endpoint(pool, receiver.url)
        async with sending(await settings_of(stack, pool, webhook_pauses_s="0"), pool):
            await happen(pool, [new_id("as")], 1)
            await until(lambda: endpoint(pool, ident), lambda one: one.dead == 1)
        assert (receiver.requests, elsewhere.requests) == (1, 0)


async def test_gone_and_failing_for_long_disable_and_tell_other_endpoints(
    stack: Stack, pool: Pool, receiver: Receiver
) -> None:
    async with Receiver(status=410).running() as gone, Receiver(status=500).running() as failing:
        told, receiver.secrets["/"] = await new_endpoint(pool, f"{receiver.url}/", types=["webhook_endpoint.*"])
        left, _ = await new_endpoint(pool, gone.url)
        failed, _ = await new_endpoint(pool, failing.url)
        settings = await settings_of(stack, pool, webhook_pauses_s=",".join(["0.05"] * 40))
        async with sending(settings.model_copy(update={"webhook_disable_after_s": 1}), pool):
            await happen(pool, [new_id("as") for _ in range(3)], 1)
            assert (await until(lambda: endpoint(pool, left), lambda one: one.disabled)).disabled is Disabled.GONE
            one = await until(lambda: endpoint(pool, failed), lambda one: one.disabled)
            await until(lambda: asyncio.sleep(0, len(receiver.events()) == 2))
            # That the other one is gone is an event, too.
            await until(lambda: endpoint(pool, failed), lambda one: (one.pending, one.dead) == (0, 4))
        assert one.disabled is Disabled.FAILING
        assert gone.requests <= 3
    assert {(event["object"]["id"], event["data"]["reason"]) for event in receiver.events()} == {
        (left, "gone"),
        (failed, "failing"),
    }
    assert (await endpoint(pool, told)).dead == 0


async def test_a_server_that_asks_for_a_pause_gets_it(stack: Stack, pool: Pool, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "3600"}
    ident, receiver.secrets["/"] = await new_endpoint(pool, f"{receiver.url}/")
    async with sending(await settings_of(stack, pool), pool):
        await happen(pool, [new_id("as") for _ in range(5)], 1)
        one = await until(lambda: endpoint(pool, ident), lambda one: one.throttled_until)
        at_most = receiver.requests
        assert 3500 < (one.throttled_until - datetime.now(UTC)).total_seconds() < 3700
        assert at_most <= 4
        _, receiver.secrets["/quick"] = await new_endpoint(pool, f"{receiver.url}/quick")
        receiver.status = 200
        await happen(pool, [new_id("as")], 3)
        await until(lambda: asyncio.sleep(0, len(receiver.events("/quick")) == 3))
        assert receiver.events() == []
        await pool.execute("UPDATE webhook_endpoints SET throttled_until = now() WHERE id = $1", ident)
        await until(lambda: endpoint(pool, ident), lambda one: one.pending == 0)
    assert len(receiver.events()) == 8


async def test_a_pause_is_kept_although_others_were_taken(stack: Stack, pool: Pool, receiver: Receiver) -> None:
    """As rate limiters answer: some are taken, and one is not."""
    receiver.headers = {"Retry-After": "3600"}
    ident, receiver.secrets["/"] = await new_endpoint(pool, f"{receiver.url}/")
    receiver.refuses, receiver.refusal = (lambda _: receiver.requests % 4 == 0), 429
    async with sending(await settings_of(stack, pool), pool):
        await happen(pool, [new_id("as") for _ in range(12)], 1)
        one = await until(lambda: endpoint(pool, ident), lambda one: one.throttled_until)
    assert receiver.requests <= 8
    assert one.failing_since is None
    assert one.pending >= 4


@pytest.mark.parametrize(("status", "state"), [(200, DeliveryState.DELIVERED), (410, DeliveryState.DEAD)])
async def test_the_status_counts_whatever_becomes_of_the_body(
    stack: Stack, pool: Pool, status: int, state: DeliveryState
) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} Said\r\nContent-Length: 100\r\n\r\nshort".encode())
        writer.close()

    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
        ident, _ = await new_endpoint(pool, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        async with sending(await settings_of(stack, pool), pool):
            await happen(pool, [new_id("as")], 1)
            (one, *_) = await until(lambda: deliveries(pool, ident), lambda rows: rows and rows[-1].state is state)
    assert one.last is not None
    assert (one.last.status, one.last.answer) == (status, "short")


async def test_a_busy_endpoint_changes_its_url_and_its_secret_at_once(
    stack: Stack, pool: Pool, receiver: Receiver
) -> None:
    receiver.pause_s = 0.05
    ident, receiver.secrets["/old"] = await new_endpoint(pool, f"{receiver.url}/old")
    async with sending(await settings_of(stack, pool), pool):
        await happen(pool, [new_id("as") for _ in range(100)], 1)
        await until(lambda: asyncio.sleep(0, len(receiver.events("/old")) >= 8))
        async with pool.acquire() as connection, connection.transaction():
            await webhook_endpoints.change(
                connection, OWNER, ident, url=f"{receiver.url}/new", types=None, description=None, enabled=None
            )
            secret = await webhook_endpoints.rotate(connection, OWNER, ident, KEYS, force=True)
            assert secret is not None
            receiver.secrets["/new"] = secret
        soon = len(receiver.events("/old"))
        await until(lambda: endpoint(pool, ident), lambda one: one.pending == 0)
    # Those that were under way, and what began before that was recorded.
    assert len(receiver.events("/old")) - soon <= 16
    assert len({event["id"] for path in ("/old", "/new") for event in receiver.events(path)}) == 100


async def test_two_dispatchers_share_endpoints_and_one_that_stops_hands_its_own_back(
    stack: Stack, pool: Pool, receiver: Receiver
) -> None:
    receiver.pause_s = 0.02
    for number in range(6):
        _, receiver.secrets[f"/{number}"] = await new_endpoint(pool, f"{receiver.url}/{number}")
    names = [new_id("as") for _ in range(5)]
    settings = await settings_of(stack, pool, lease_s=600.0, heartbeat_s=100.0)  # nobody waits for a lease to end
    async with sending(settings, pool):
        async with sending(settings, pool):
            await happen(pool, names, 4)
            await until(lambda: asyncio.sleep(0, receiver.requests >= 30))
        await happen(pool, names, 1)
        await until(lambda: pool.fetchval(DELIVERED), lambda count: count == 150)
    assert await pool.fetchval("SELECT count(*) FROM webhook_endpoints WHERE lease_token IS NOT NULL") == 0
    assert [number for number in range(6) if set(in_order(receiver.events(f"/{number}"))) != set(names)] == []


async def test_an_endpoint_that_is_deleted_while_it_is_sent_to_is_gone(
    stack: Stack, pool: Pool, receiver: Receiver
) -> None:
    receiver.pause_s = 0.05
    ident, receiver.secrets["/"] = await new_endpoint(pool, f"{receiver.url}/")
    async with sending(await settings_of(stack, pool), pool):
        await happen(pool, [new_id("as") for _ in range(40)], 1)
        await until(lambda: asyncio.sleep(0, receiver.events()))
        assert await webhook_endpoints.delete(pool, OWNER, ident)
        assert await webhook_endpoints.of_owner(pool, OWNER) == []
        assert not await webhook_endpoints.delete(pool, OWNER, ident)
        await until(lambda: pool.fetchval("SELECT count(*) FROM webhook_endpoints"), lambda count: count == 0)
    assert len(receiver.events()) < 40
    assert await pool.fetchval("SELECT count(*) FROM webhook_deliveries") == 0


async def test_a_span_with_more_events_than_one_request_takes(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_deliveries, "MAX_REDELIVERED", 4)
    await happen(pool, [new_id("as")], 10)
    ident, _ = await new_endpoint(pool, "http://127.0.0.1:1/")
    at: datetime | None = datetime.now(UTC) - timedelta(minutes=5)
    end, counts = datetime.now(UTC) + timedelta(minutes=5), []
    while at is not None:
        async with pool.acquire() as connection, connection.transaction():
            again = await webhook_deliveries.redeliver(connection, OWNER, ident, span=(at, end))
        assert again is not None
        counts.append(again.count)
        at = again.next_from
    assert counts == [4, 4, 4, 1]  # each begins with the last of the one before
    assert (await endpoint(pool, ident)).pending == 10


async def test_a_slow_endpoint_and_a_dead_one_delay_no_other(stack: Stack, pool: Pool, receiver: Receiver) -> None:
    """Six take 15 s to answer, six do not answer at all, one refuses connections; of one owner, and of two."""
    neighbour = await new_owner(pool, "neighbour")
    async with Receiver(pause_s=15).running() as slow, await asyncio.start_server(_say_nothing, "127.0.0.1", 0) as mute:
        for owner in (OWNER, neighbour):
            for _ in range(6):
                await new_endpoint(pool, slow.url, owner=owner)
                await new_endpoint(pool, f"http://127.0.0.1:{mute.sockets[0].getsockname()[1]}", owner=owner)
            await new_endpoint(pool, "http://127.0.0.1:1", owner=owner)
            path = f"/{owner}"
            _, receiver.secrets[path] = await new_endpoint(pool, f"{receiver.url}{path}", owner=owner)
        async with dispatching(await settings_of(stack, pool)):
            await happen(pool, [new_id("as")], 1)  # it is up when this one arrives
            await until(lambda: asyncio.sleep(0, receiver.events(f"/{OWNER}")))
            for number in range(10):
                for owner in (OWNER, neighbour):
                    await happen(pool, [new_id("as") for _ in range(4)], 1, owner)
                await until(lambda: asyncio.sleep(0, len(receiver.events(f"/{OWNER}")) == 4 * number + 5))  # noqa: B023
            await until(lambda: asyncio.sleep(0, len(receiver.events(f"/{neighbour}")) == 40))
    late = [
        arrival.at - datetime.fromisoformat(arrival.event["created_at"]).timestamp()
        for owner in (OWNER, neighbour)
        for arrival in receiver.taken[f"/{owner}"][1 if owner == OWNER else 0 :]
    ]
    assert len(late) == 80
    assert max(late) < 1 * runs.patience()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def all_arrive(stack: Stack, pool: Pool, receiver: Receiver, events: int, assets: int) -> list[int]:
    """To 20 endpoints, over a kill of the dispatcher in the middle; its memory in bytes while it sends the rest."""
    paths = [f"/{number}" for number in range(20)]
    for path in paths:
        _, receiver.secrets[path] = await new_endpoint(pool, f"{receiver.url}{path}")
    names = [new_id("as") for _ in range(assets)]
    memory: list[int] = []

    async def arrived() -> int:
        return sum(len(receiver.taken[path]) for path in paths)

    async with dispatching(await settings_of(stack, pool)) as dispatcher:
        await happen(pool, names, events // assets)
        await until(arrived, lambda count: count > events * 20 // 3, within_s=900)
        await dispatcher.kill_and_start()
        before = await arrived()
        assert before < events * 20
        await until(arrived, lambda count: count > before)

        async def complete() -> bool:
            memory.append(dispatcher.memory_bytes())
            return await arrived() >= events * 20 and all(
                len({event["id"] for event in receiver.events(path)}) == events for path in paths
            )

        await until(complete, within_s=900, every_s=0.5)
    wanted = expected(names, events // assets)
    assert [path for path in paths if in_order(receiver.events(path)) != wanted] == []
    # What was under way or not yet recorded when it was killed came twice.
    assert await arrived() - events * 20 <= 20 * 64
    return memory


async def test_a_killed_dispatcher_loses_nothing_and_keeps_the_order(
    stack: Stack, pool: Pool, receiver: Receiver
) -> None:
    memory = await all_arrive(stack, pool, receiver, events=200, assets=10)
    assert max(memory) < 200 * 1024 * 1024


async def test_ten_thousand_events_to_twenty_endpoints(stack: Stack, pool: Pool, receiver: Receiver) -> None:
    memory = await all_arrive(stack, pool, receiver, events=10_000, assets=200)
    early = max(memory[: max(1, len(memory) // 10)])
    assert max(memory) < early + 32 * 1024 * 1024, "flat"
