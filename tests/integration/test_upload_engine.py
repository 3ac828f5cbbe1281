"""The upload engine in a browser against the embedded S3, alone: what goes wrong on the way, and the file arrives."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browsers import Visit, visiting
from tests.stack import Stack
from tests.upload_page import PART_BYTES, RETRY_AFTER_S, Call, Door, Put, api_of, choose, serving, sha256_of
from tests.waiting import until

pytestmark = pytest.mark.browser
MIB = 1024 * 1024


@pytest.fixture(scope="module")
async def served(stack: Stack) -> AsyncIterator[Door]:
    async with api_of(stack) as api_url:
        door = Door(stack, api_url)
        async with serving(door):
            yield door


@pytest.fixture
def door(served: Door) -> Door:
    served.reset()
    return served


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    async with visiting(browser) as made:
        yield made


def file_of(folder: Path, parts: float, name: str = "clip.mov") -> Path:
    """A file like no other, of so many parts."""
    path = folder / name
    path.write_bytes(os.urandom(int(parts * PART_BYTES)))
    return path


async def opened(visit: Visit, door: Door, **settings: Any) -> Page:
    await visit.page.goto(door.url(**settings))
    await visit.until("window.loaded")
    return visit.page


async def reached(visit: Visit, state: str, row: int = 0) -> None:
    """The upload has this state, or waits for this."""
    await visit.until(f"uploads.length > {row} && uploads[{row}].states.at(-1) === '{state}'")


async def of_row(visit: Visit, what: str, row: int = 0) -> Any:
    return await visit.page.evaluate(f"uploads[{row}].{what}")


async def error_of(visit: Visit) -> Any:
    await reached(visit, "failed")
    return await visit.page.evaluate("""() => {
        const { code, detail, hint, status } = uploads[0].upload.error;
        return { code, detail, hint, status };
    }""")


async def arrived(visit: Visit, door: Door, file: Path, row: int = 0) -> str:
    """Wait until it is done, and compare every byte; the asset's id. The bar has never fallen, and was never early."""
    await reached(visit, "done", row)
    fractions = await of_row(visit, "shown.map(({ fraction }) => fraction)", row)
    assert len(fractions) > 2
    assert fractions == sorted(fractions)
    assert [share for share in fractions[:-1] if share > 0.99] == []
    assert fractions[-1] == 1
    asset_id: str = await of_row(visit, "upload.assetId", row)
    assert await door.sha256_of_source(asset_id) == sha256_of(file)
    return asset_id


async def until_good(door: Door, *numbers: int) -> None:
    await until_they_are("good", door, numbers)


async def until_held(door: Door, *numbers: int) -> None:
    await until_they_are("hold", door, numbers)


async def until_they_are(outcome: str, door: Door, numbers: tuple[int, ...]) -> None:
    """So ended an attempt of each of these parts, or so it stands."""

    async def so() -> bool:
        outcomes = door.outcomes()
        return all(outcome in outcomes.get(number, []) for number in numbers)

    await until(so)


async def test_two_files_at_once_and_the_third_waits(visit: Visit, door: Door, tmp_path: Path) -> None:
    # Where a screen is kept on, as far as this machine's browser may.
    await visit.page.add_init_script("""
        window.screen_on = [];
        const sentinel = () => ({ released: false, async release() { this.released = true; screen_on.push("off"); } });
        Object.defineProperty(navigator, "wakeLock", { value: {
          async request(kind) { screen_on.push(kind); return sentinel(); },
        } });
    """)
    page = await opened(visit, door)
    files = [file_of(tmp_path, parts, f"{parts}.mov") for parts in (5.5, 4, 1.2)]
    door.storage_fault = lambda put: "hold" if put.number == 2 else None
    await choose(page, *files)

    async def two_are_held() -> bool:
        return door.outcomes().get(2) == ["hold", "hold"]

    await until(two_are_held)
    await until_good(door, 1, 3)
    assert await of_row(visit, "upload.state", 2) == "queued"
    assert len({put.upload_id for put in door.puts}) == 2
    assert await page.evaluate("screen_on") == ["screen"]
    door.go.set()
    for row, file in enumerate(files):
        await arrived(visit, door, file, row)
        assert await of_row(visit, "states", row) == ["preparing", "sending", "completing", "done"]
    assert [outcomes for outcomes in door.outcomes().values() if set(outcomes) != {"good"}] == []
    assert len(door.called("POST", "/v1/uploads")) == 3
    await visit.until("screen_on.at(-1) === 'off'")
    assert visit.problems == []


async def test_whatever_storage_does_the_file_arrives(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door, stall_s=0.5)
    file = file_of(tmp_path, 6)
    faults = {1: "503", 2: "429", 3: "cut", 4: "403", 5: "stall"}
    door.storage_fault = lambda put: faults.get(put.number) if put.attempt == 1 else None
    await choose(page, file)
    await arrived(visit, door, file)
    outcomes = door.outcomes()
    assert {number: outcomes[number][0] for number in faults} == faults
    assert {number: outcomes[number][-1] for number in outcomes} == dict.fromkeys(range(1, 7), "good")
    assert len(door.called("GET", await of_row(visit, "upload.id"))) >= 1, "fresh URLs after the 403"
    # The page has waited as long as it was asked to.
    busy, again = (put for put in door.puts if put.number == 2)
    assert again.began - busy.ended >= RETRY_AFTER_S


@pytest.mark.acceptance("each fault alone, twice in a row: make test has all of them in one upload")
@pytest.mark.parametrize("fault", ["503", "429", "cut", "stall", "slow"])
async def test_each_fault_twice(visit: Visit, door: Door, tmp_path: Path, fault: str) -> None:
    page = await opened(visit, door, stall_s=1)
    file = file_of(tmp_path, 9)
    door.storage_fault = lambda put: fault if put.attempt <= 2 and put.number % 2 else None
    await choose(page, file)
    await arrived(visit, door, file)
    odd = {number: outcomes for number, outcomes in door.outcomes().items() if number % 2}
    assert odd == dict.fromkeys((1, 3, 5, 7, 9), ["good"] if fault == "slow" else [fault, fault, "good"])


async def test_urls_that_have_expired_are_replaced(visit: Visit, door: Door, tmp_path: Path) -> None:
    """All of the first answer are refused from the third part on; those that are asked for then are good."""
    page = await opened(visit, door)
    file = file_of(tmp_path, 8)

    def fault(put: Put) -> str | None:
        return "403" if put.number > 2 and not door.called("GET", put.upload_id) else None

    door.storage_fault = fault
    await choose(page, file)
    await arrived(visit, door, file)
    assert len(door.called("GET", await of_row(visit, "upload.id"))) == 1, "one answer has fresh URLs for all"


async def test_a_fresh_url_that_is_refused_is_the_end(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 3)
    door.storage_fault = lambda put: "403" if put.number == 2 else None
    await choose(page, file)
    error = await error_of(visit)
    assert (error["code"], error["detail"], error["status"]) == ("storage_refused", "AccessDenied", 403)
    assert door.outcomes()[2] == ["403", "403"]
    # Somebody has mended it: what has arrived is not sent again.
    door.storage_fault = lambda _: None
    await page.evaluate("uploads[0].upload.start()")
    await arrived(visit, door, file)
    assert (door.outcomes()[1], door.outcomes()[3]) == (["good"], ["good"])
    assert await of_row(visit, "questions") == []


async def test_offline_for_a_while(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 8)
    door.storage_fault = lambda put: "hold" if put.number > 3 and put.attempt == 1 else None
    await choose(page, file)
    await until_good(door, 1, 2, 3)
    await page.context.set_offline(True)
    # What the browser tells of bytes just before comes a little late.
    since = await page.evaluate("performance.now()")
    await visit.until(f"performance.now() > {since} + 2500")
    assert (await of_row(visit, "states"))[-1] == "offline"
    assert await of_row(visit, "upload.state") == "waiting"
    await page.context.set_offline(False)
    door.go.set()
    await arrived(visit, door, file)
    assert [door.outcomes()[number] for number in (1, 2, 3)] == [["good"]] * 3


@pytest.mark.parametrize(
    "ending",
    ["reload", pytest.param("crash", marks=pytest.mark.acceptance("another end of a page: make test reloads it"))],
)
async def test_after_a_reload_only_what_is_missing_is_sent(
    visit: Visit, door: Door, tmp_path: Path, ending: str
) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 7.5)
    door.storage_fault = lambda put: "hold" if put.number > 3 and put.attempt == 1 else None
    await page.mouse.click(5, 5)  # only who has touched a page is asked about leaving it
    await choose(page, file)
    await until_good(door, 1, 2, 3)
    asked: list[str] = []
    if ending == "reload":

        async def leave(dialog: Any) -> None:
            asked.append(dialog.type)
            await dialog.accept()

        page.on("dialog", leave)
        await page.reload()
        assert asked == ["beforeunload"]
    else:
        session = await page.context.new_cdp_session(page)
        crashed = asyncio.Event()
        page.on("crash", lambda: crashed.set())
        crashing = asyncio.ensure_future(session.send("Page.crash"))
        await asyncio.wait_for(crashed.wait(), 30)
        crashing.cancel()
        visit.page = await page.context.new_page()
        visit.listen()
        page = await opened(visit, door)
    await visit.until("window.loaded")
    (left,) = await page.evaluate("left()")
    assert (left["name"], left["size"]) == ("clip.mov", file.stat().st_size)

    door.storage_fault = lambda _: None
    await page.evaluate("answers.unfinished = true")
    await choose(page, file)
    asset_id = await arrived(visit, door, file)
    (question,) = await of_row(visit, "questions")
    assert question == {"kind": "unfinished", "asset_id": asset_id, "sent_bytes": 3 * PART_BYTES}
    assert left["asset_id"] == asset_id
    assert "asking" in await of_row(visit, "states")
    assert (await of_row(visit, "shown"))[-1]["fraction"] == 1
    assert [door.outcomes()[number] for number in (1, 2, 3)] == [["good"]] * 3
    assert len(door.called("POST", "/v1/uploads")) == 1
    assert await page.evaluate("left()") == []
    if ending == "reload":
        await page.mouse.click(5, 5)
        await page.reload()
        assert asked == ["beforeunload"], "nobody is asked where nothing can be lost"


@pytest.mark.acceptance("another end of a page: make test reloads it")
async def test_a_page_that_died_before_the_answer_asks_for_the_same_upload(
    visit: Visit, door: Door, tmp_path: Path
) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 2, f"{secrets.token_hex(8)}.mov")
    door.api_fault = lambda call: "silent" if call.method == "POST" else None
    await choose(page, file)

    async def created() -> bool:
        return bool(door.calls and door.calls[-1].status == 201)

    await until(created)
    await page.reload()
    await visit.until("window.loaded")
    door.api_fault = lambda _: None
    await choose(page, file)
    await arrived(visit, door, file)
    assert len(door.called("POST", "/v1/uploads")) >= 2
    _, listed = await door.stack.api("GET", f"/v1/assets?q={file.stem}")
    assert [one["id"] for one in listed["data"]] == [await of_row(visit, "upload.assetId")]
    assert len({put.upload_id for put in door.puts}) == 1


@pytest.mark.acceptance("another file that is not gone on with: make test knows one again")
async def test_another_file_of_the_same_name_size_and_time_begins_anew(
    visit: Visit, door: Door, tmp_path: Path
) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 4)
    kept = file.stat()
    door.storage_fault = lambda put: "hold" if put.number > 1 and put.attempt == 1 else None
    await choose(page, file)
    await until_good(door, 1)
    await page.reload()
    await visit.until("window.loaded")
    file_of(tmp_path, 4)
    os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    door.storage_fault = lambda _: None
    await choose(page, file)
    await arrived(visit, door, file)
    assert await of_row(visit, "questions") == []
    assert len({put.upload_id for put in door.puts}) == 2


async def test_of_two_tabs_one_sends(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    other = Visit(await page.context.new_page())
    other.listen()
    await opened(other, door)
    file = file_of(tmp_path, 4)
    door.storage_fault = lambda put: "hold" if put.number > 1 else None
    await choose(page, file)
    await until_good(door, 1)
    await choose(other.page, file)
    await reached(other, "elsewhere")
    door.go.set()
    asset_id = await arrived(visit, door, file)
    assert await arrived_elsewhere(other) == asset_id
    assert door.outcomes() == {number: ["good"] for number in (1, 2, 3, 4)}
    assert len(door.called("POST", "/v1/uploads")) == 1


async def arrived_elsewhere(visit: Visit) -> Any:
    """The asset that another tab has sent."""
    await reached(visit, "done")
    assert await of_row(visit, "states") == ["preparing", "elsewhere", "preparing", "done"]
    return await of_row(visit, "upload.assetId")


@pytest.mark.acceptance("another end of two tabs: in make test both stay")
async def test_the_second_tab_goes_on_when_the_first_is_closed(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    other = Visit(await page.context.new_page())
    other.listen()
    await opened(other, door)
    file = file_of(tmp_path, 5)
    door.storage_fault = lambda put: "hold" if put.number > 2 and put.attempt == 1 else None
    await choose(page, file)
    await until_good(door, 1, 2)
    await choose(other.page, file)
    await reached(other, "elsewhere")
    await page.close()
    door.storage_fault = lambda _: None
    await arrived(other, door, file)
    assert [door.outcomes()[number] for number in (1, 2)] == [["good"]] * 2


async def test_the_same_file_again_is_asked_about(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 2)
    await choose(page, file)
    first = await arrived(visit, door, file)
    await page.evaluate("answers.finished = false")
    await choose(page, file)
    await reached(visit, "done", 1)
    assert await of_row(visit, "questions", 1) == [
        {"kind": "finished", "asset_id": first, "sent_bytes": 2 * PART_BYTES}
    ]
    assert await of_row(visit, "upload.assetId", 1) == first
    assert len(door.puts) == 2
    # Nobody is refused: with a yes, or where nobody asks, it is sent again.
    await page.evaluate("delete answers.finished")
    await choose(page, file)
    assert await arrived(visit, door, file, 2) != first


async def test_a_file_that_changes_on_disk_is_said(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 12)
    door.storage_fault = lambda put: "hold" if put.number > 2 else None
    await choose(page, file)
    await until_good(door, 1, 2)
    file_of(tmp_path, 12)
    os.utime(file, (1, 1))
    door.go.set()
    assert (await error_of(visit))["code"] == "file_changed"
    assert door.called("POST", "/complete") == []


async def test_a_silent_completion_is_repeated(visit: Visit, door: Door, tmp_path: Path) -> None:
    """With a token of a page of somebody else's: it stands in every call, and in no request to storage."""
    page = await opened(visit, door, token="ut_test", stall_s=1)

    def fault(call: Call) -> str | None:
        return "silent" if call.path.endswith("/complete") and call.attempt == 1 else None

    door.api_fault = fault
    file = file_of(tmp_path, 2)
    await choose(page, file)
    await arrived(visit, door, file)
    assert [call.status for call in door.called("POST", "/complete")] == [202, 202]
    states = await of_row(visit, "states")
    assert states == ["preparing", "sending", "completing", "network", "completing", "done"]
    assert {call.authorization for call in door.calls} == {"Bearer ut_test"}


async def test_parts_that_are_missing_in_the_end_are_sent_again(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 5)
    door.storage_fault = lambda put: "swallow" if put.number in (2, 5) and put.attempt == 1 else None
    await choose(page, file)
    await arrived(visit, door, file)
    assert [call.status for call in door.called("POST", "/complete")] == [422, 202]
    good, again = ["good"], ["swallow", "good"]
    assert door.outcomes() == {1: good, 2: again, 3: good, 4: good, 5: again}


async def test_pause_and_cancel(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 6)
    door.storage_fault = lambda put: "hold" if put.number > 2 and put.attempt == 1 else None
    await choose(page, file)
    await until_good(door, 1, 2)
    await until_held(door, 3, 4, 5, 6)
    await page.evaluate("uploads[0].upload.pause()")
    assert await of_row(visit, "upload.state") == "paused"
    sent = len(door.puts)
    assert (await of_row(visit, "upload.progress"))["bytes_per_s"] == 0
    await page.evaluate("uploads[0].upload.resume()")
    await until_good(door, 3, 4)
    assert len(door.puts) > sent

    door.storage_fault = lambda put: "hold"
    other = file_of(tmp_path, 3, "other.mov")
    await choose(page, other)
    await reached(visit, "sending", 1)
    asset_id = await of_row(visit, "upload.assetId", 1)
    assert await page.evaluate("uploads[1].upload.cancel()") is True
    assert await of_row(visit, "upload.state", 1) == "cancelled"
    assert len(door.called("DELETE", await of_row(visit, "upload.id", 1))) == 1
    assert (await door.stack.api("GET", f"/v1/assets/{asset_id}"))[0] == 404
    door.go.set()
    await arrived(visit, door, file)
    assert await page.evaluate("uploads[0].upload.cancel()") is False


async def test_after_sleep_nobody_waits_for_what_hangs(visit: Visit, door: Door, tmp_path: Path) -> None:
    """An hour passes by the clock of the page, as it does while a lid is closed; an abort that nobody has asked for."""
    await visit.page.add_init_script("""
        window.sent = [];
        const { send } = XMLHttpRequest.prototype;
        XMLHttpRequest.prototype.send = function (body) { sent.push(this); return send.call(this, body); };
        const { now } = Date;
        let slept = 0;
        Date.now = () => now() + slept;
        window.sleep = (ms) => (slept += ms);
    """)
    page = await opened(visit, door)
    file = file_of(tmp_path, 3)
    door.storage_fault = lambda put: "hold" if put.number == 2 and put.attempt <= 2 else None
    await choose(page, file)
    await until_good(door, 1, 3)
    await visit.until(f"uploads[0].upload.progress.sent_bytes === {3 * PART_BYTES}")
    await page.evaluate("sleep(3_600_000)")

    async def second_attempt() -> bool:
        return len(door.outcomes()[2]) == 2

    await until(second_attempt)
    assert len(door.called("GET", await of_row(visit, "upload.id"))) == 1, "it asks what has arrived"
    # A browser may abort a request by itself: that is no cancel.
    await page.evaluate("sent.filter(({ readyState }) => readyState === 1).forEach((request) => request.abort())")
    await arrived(visit, door, file)
    assert len(door.outcomes()[2]) == 3
    assert door.called("DELETE", "") == []


async def test_what_the_server_refuses_is_said(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    endless = tmp_path / "endless.mov"
    with endless.open("wb") as sparse:
        sparse.truncate(30 * 1024**3)
    await choose(page, endless)
    error = await error_of(visit)
    assert (error["code"], error["status"]) == ("too_large", 422)
    assert error["hint"]
    assert door.puts == []


@pytest.mark.acceptance("how many parts are under way: make test decides it in Node")
@pytest.mark.parametrize(("agent", "at_once"), [("X11; Linux x86_64", 4), ("iPhone; Mobile/15E148", 2)])
async def test_parts_at_once(visit: Visit, door: Door, tmp_path: Path, agent: str, at_once: int) -> None:
    await visit.page.add_init_script(f"Object.defineProperty(navigator, 'userAgent', {{ value: '{agent}' }})")
    page = await opened(visit, door)
    files = [file_of(tmp_path, 5, name) for name in ("a.mov", "b.mov")]
    door.storage_fault = lambda _: "hold"
    await choose(page, *files)

    async def held() -> bool:
        return len(door.puts) >= at_once

    await until(held)
    since = await page.evaluate("performance.now()")
    await visit.until(f"performance.now() > {since} + 1000")
    assert len(door.puts) == at_once, "of both files together"
    door.go.set()
    for row, file in enumerate(files):
        await arrived(visit, door, file, row)


@pytest.mark.acceptance("three failures in a row with their pauses")
async def test_a_silent_storage_is_told_from_a_lost_network(visit: Visit, door: Door, tmp_path: Path) -> None:
    """As where the bucket lacks its CORS rule: a page gets to see nothing, and Kadr answers."""
    page = await opened(visit, door)
    file = file_of(tmp_path, 1)
    door.storage_fault = lambda _: "cut"
    await choose(page, file)
    await reached(visit, "network")
    await reached(visit, "storage")
    door.storage_fault = lambda _: None
    await arrived(visit, door, file)


@pytest.mark.acceptance("six seconds in real time")
async def test_speed_and_time_left(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 48)
    door.storage_fault = lambda _: "slow"
    await choose(page, file)
    await arrived(visit, door, file)
    shown = await of_row(visit, "shown")
    lefts = [one["left_s"] for one in shown]
    assert lefts[0] is None
    assert [left for left in lefts if left is not None and not 0 <= left < 120] == []
    assert any(left is not None for left in lefts)
    assert max(one["bytes_per_s"] for one in shown) > 0
    assert shown[-1]["left_s"] is None


@pytest.mark.acceptance("more parts than have URLs in one answer")
async def test_more_parts_than_urls_at_once(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    file = file_of(tmp_path, 420)
    await choose(page, file)
    await arrived(visit, door, file)
    assert {number: tries for number, tries in door.outcomes().items() if tries != ["good"]} == {}
    asked = [call.path.partition("=")[2] for call in door.called("GET", await of_row(visit, "upload.id"))]
    assert asked == ["201", "401"]


@pytest.mark.acceptance("two GiB")
async def test_two_gib_need_no_memory(visit: Visit, door: Door, tmp_path: Path) -> None:
    page = await opened(visit, door)
    file = tmp_path / "sparse.mov"
    with file.open("wb") as out:
        out.truncate(2048 * MIB)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")

    async def heap() -> float:
        metrics = await session.send("Performance.getMetrics")
        return next(float(one["value"]) for one in metrics["metrics"] if one["name"] == "JSHeapUsedSize")

    used = [await heap()]
    await choose(page, file)

    async def done() -> bool:
        used.append(await heap())
        return bool(await page.evaluate("['done', 'failed'].includes(uploads[0].upload.state)"))

    await until(done, within_s=600, every_s=0.2)
    assert await of_row(visit, "upload.state") == "done", visit.problems
    assert len(used) > 5
    assert max(used) - used[0] < 50 * MIB
    assert {number: tries for number, tries in door.outcomes().items() if tries != ["good"]} == {}
    assert len(door.outcomes()) == -(-2048 // 3), "parts of 3 MiB: at most a thousand"
