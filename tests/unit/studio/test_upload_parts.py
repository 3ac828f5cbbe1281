"""What the upload engine decides without a browser: retries, progress, parts and how many are sent at once; in Node."""

from typing import Any

import pytest

from tests import typescript

pytestmark = pytest.mark.skipif(typescript.is_missing(), reason=typescript.MISSING)


def run(module: str, code: str) -> Any:
    """What this JavaScript returns, where `kadr` has the exports of a module of studio/upload."""
    return typescript.run(f"upload/{module}", code)


def test_what_a_status_means() -> None:
    statuses = [200, 204, 0, 408, 425, 429, 500, 502, 503, 504, 403, 400, 404, 412, 413]
    verdicts = run("retry.ts", f"return {statuses}.map(kadr.verdictOn)")
    assert verdicts == ["good"] * 2 + ["again"] * 8 + ["refused"] + ["stop"] * 4
    assert run("retry.ts", f"return {statuses}.filter(kadr.isBusy)") == [429, 503]


def test_full_jitter_up_to_thirty_seconds() -> None:
    """Anything between nothing and what doubles with each failure."""
    most = run("retry.ts", "return [1, 2, 3, 4, 5, 6, 7, 400].map((failures) => kadr.delayMs(failures, 1))")
    assert most == [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]
    assert run("retry.ts", "return [1, 5].map((failures) => kadr.delayMs(failures, 0))") == [0, 0]
    assert run("retry.ts", "return [0.25, 0.5].map((random) => kadr.delayMs(3, random))") == [1000, 2000]


def test_retry_after() -> None:
    headers = [
        "7",
        "0",
        "",
        "soon",
        "-5",
        "999999999",
        "Mon, 30 Nov 2026 12:00:09 GMT",
        "Mon, 30 Nov 2026 11:00:00 GMT",
    ]
    now = "Date.parse('2026-11-30T12:00:00Z')"
    waits = run("retry.ts", f"return {headers}.map((header) => kadr.retryAfterMs(header, {now}))")
    assert waits == [7000, 0, 0, 0, 0, 3_600_000, 9000, 0]
    assert run("retry.ts", f"return kadr.retryAfterMs(undefined, {now})") == 0
    # Whoever asks for more patience than the jitter gets it.
    assert run("retry.ts", f"return kadr.pauseMs(1, '60', {now})") == 60_000


def test_progress_never_falls_and_ends_with_the_confirmation() -> None:
    code = """
      const progress = new kadr.Progress(1000);
      const sent = [0, 100, 300, 200, 250, 900, 400, 1000, 1000];
      const fractions = sent.map((bytes, at) => {
        progress.note(bytes, at * 1000);
        return progress.shown(at * 1000).fraction;
      });
      progress.done();
      return [...fractions, progress.shown(9000).fraction];
    """
    assert run("progress.ts", code) == [0, 0.1, 0.3, 0.3, 0.3, 0.9, 0.9, 0.99, 0.99, 1]


def test_what_had_arrived_before_is_shown_and_no_speed() -> None:
    code = """
      const progress = new kadr.Progress(1000);
      progress.begin(600);
      progress.note(600, 0);
      progress.note(650, 1000);
      return progress.shown(1000);
    """
    shown = run("progress.ts", code)
    assert shown == {"fraction": 0.65, "sent_bytes": 650, "size_bytes": 1000, "bytes_per_s": 50, "left_s": None}


def test_speed_of_ten_seconds_and_time_left_after_five() -> None:
    """20 bytes a second, then 50: ten seconds later nothing is left of the twenty."""
    code = """
      const progress = new kadr.Progress(2000);
      const seen = [];
      let sent = 0;
      for (let second = 0; second <= 30; second += 1) {
        progress.note(sent, second * 1000);
        const { bytes_per_s, left_s } = progress.shown(second * 1000);
        seen.push([bytes_per_s, left_s]);
        sent += second < 10 ? 20 : 50;
      }
      progress.rest();
      seen.push(progress.shown(31000));
      return seen;
    """
    *seen, rested = run("progress.ts", code)
    assert [left for _, left in seen[:5]] == [None] * 5
    assert seen[5] == [20, (2000 - 100) / 20]
    assert seen[10] == [20, (2000 - 200) / 20]
    assert seen[15] == [35, (2000 - 450) / 35]
    assert seen[20][0] == seen[30][0] == 50
    assert (rested["bytes_per_s"], rested["left_s"]) == (0, None), "nothing moves, nothing is promised"


def test_bytes_of_a_part_that_failed_have_moved_and_have_not_arrived() -> None:
    code = """
      const progress = new kadr.Progress(1000);
      [0, 100, 0, 100, 200].forEach((sent, at) => progress.note(sent, at * 2000));
      return progress.shown(8000);
    """
    shown = run("progress.ts", code)
    assert (shown["bytes_per_s"], shown["left_s"], shown["sent_bytes"]) == (300 / 8, 800 / (300 / 8), 200)


def test_nothing_moves_any_more() -> None:
    """The speed is that of now, not that of before the stall."""
    code = """
      const progress = new kadr.Progress(1000);
      for (let second = 0; second <= 20; second += 1) progress.note(Math.min(second, 6) * 50, second * 1000);
      return progress.shown(20000);
    """
    shown = run("progress.ts", code)
    assert (shown["bytes_per_s"], shown["left_s"]) == (0, None)


PARTS = """
  const parts = new kadr.Parts();
  const answer = (arrived, urls) => [1, 2, 3, 4].map((number) => ({
    number, size_bytes: 10, arrived: arrived.includes(number), url: urls.includes(number) ? `u${number}` : null,
  }));
"""


def test_parts_are_sent_in_order_and_without_those_that_have_arrived() -> None:
    code = """
      parts.take(answer([1], [2, 3]), 0);
      const order = [];
      for (let part = parts.next(0); part; part = parts.next(0)) {
        order.push([part.number, part.url]);
        part.moving = { abort() {} };
        part.loaded = 4;
      }
      return { order, sent: parts.sent, moving: parts.moving.length, done: parts.done };
    """
    result = run("parts.ts", PARTS + code)
    assert result == {"order": [[2, "u2"], [3, "u3"], [4, None]], "sent": 22, "moving": 3, "done": False}


def test_an_answer_does_not_know_what_has_arrived_since_it_was_asked() -> None:
    code = """
      parts.take(answer([], [1, 2, 3, 4]), 0);
      const one = parts.next(0);
      one.arrived = true;
      one.arrived_at = 100;
      parts.take(answer([2], []), 90);
      const early = parts.next(0).number;
      parts.take(answer([2], []), 110);
      return [early, parts.next(0).number];
    """
    assert run("parts.ts", PARTS + code) == [3, 1]


def test_a_part_that_waits_lets_the_next_one_go_first() -> None:
    code = """
      parts.take(answer([], [1, 2, 3, 4]), 0);
      parts.next(0).not_before = 500;
      const seen = [parts.next(499).number, parts.next(500).number];
      parts.hurry();
      return [...seen, parts.next(0).number];
    """
    assert run("parts.ts", PARTS + code) == [2, 1, 1]


def test_what_is_dropped_is_missing_again() -> None:
    code = """
      parts.take(answer([], [1, 2, 3, 4]), 0);
      const part = parts.next(0);
      let aborted = 0;
      part.moving = { abort: () => (aborted += part.moving ? 10 : 1) };  // not its own any more as it hears of it
      part.loaded = 7;
      parts.drop(parts.moving);
      return [aborted, parts.sent, parts.next(0).number, part.failures];
    """
    assert run("parts.ts", PARTS + code) == [1, 0, 1, 0]


def test_what_a_browser_has_sent_may_take_longer_to_be_answered() -> None:
    code = """
      parts.take(answer([], [1, 2, 3, 4]), 0);
      [[10, 5000], [4, 5000], [4, 8000]].forEach(([loaded, heard_at]) =>
        Object.assign(parts.next(0), { moving: { abort() {} }, loaded, heard_at }));
      const silent = (now) => parts.silent(10_000, now).map(({ number }) => number);
      return [silent(15_000), silent(15_001), silent(18_001), silent(45_001), silent(-60_000)];
    """
    assert run("parts.ts", PARTS + code) == [[], [2], [2, 3], [1, 2, 3], [1, 2, 3]]


def test_an_upload_that_is_complete_lacks_nothing() -> None:
    assert run("parts.ts", PARTS + "parts.take(answer([1], [2]), 0); parts.arrived(); return parts.done") is True


def test_uploads_take_turns() -> None:
    code = """
      const concurrency = new kadr.Concurrency(4);
      const started = [];
      const starter = (name, has) => () => has-- > 0 && (started.push(name), (concurrency.busy += 1), true);
      concurrency.join(starter("a", 9));
      concurrency.join(starter("b", 1));
      concurrency.join(starter("c", 9));
      concurrency.turn(0);
      concurrency.busy -= 3;
      concurrency.turn(0);
      return started.join("");
    """
    assert run("concurrency.ts", code) == "abcacac"


def test_concurrency_halves_once_for_all_that_were_under_way_and_grows_after_twenty() -> None:
    code = """
      const concurrency = new kadr.Concurrency(4);
      const limits = [concurrency.limit];
      for (let part = 0; part < 4; part += 1) concurrency.slow(0, 1000, 0);
      limits.push(concurrency.limit);
      concurrency.slow(1001, 1100, 0);
      limits.push(concurrency.limit);
      concurrency.slow(1101, 1200, 0);
      limits.push(concurrency.limit);
      for (let part = 0; part < 19; part += 1) concurrency.good();
      limits.push(concurrency.limit);
      for (let part = 0; part < 100; part += 1) concurrency.good();
      limits.push(concurrency.limit);
      return limits;
    """
    assert run("concurrency.ts", code) == [4, 2, 1, 1, 1, 4]


def test_nothing_starts_as_long_as_the_server_asks() -> None:
    code = """
      const concurrency = new kadr.Concurrency(1);
      const started = [];
      concurrency.join((now) => (started.push(now), (concurrency.busy += 1), true));
      concurrency.slow(0, 1000, 5000);
      [1000, 5999, 6000].forEach((now) => concurrency.turn(now));
      concurrency.busy = 0;
      concurrency.slow(7000, 8000, 5000);
      concurrency.open();
      concurrency.turn(8001);
      return started;
    """
    assert run("concurrency.ts", code) == [6000, 8001]
