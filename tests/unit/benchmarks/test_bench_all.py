"""`kadr bench all`: its parts, what is kept of them, what the report says, and two reports compared."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks.all import advice, comparison, page
from benchmarks.all.money import money
from benchmarks.all.numbers import numbers
from benchmarks.all.parts import NAMES, Kept, Part, Wanted, done, parts
from benchmarks.all.run import run
from benchmarks.harness.machine import Machine, parse_report
from benchmarks.harness.speed import Speed
from benchmarks.questions import compare
from core.errors import ConfigError
from kadr.arguments import BENCHMARKS
from tests.checks import ROOT
from tests.waiting import until

CLIP = Path("clips/a clip.mp4")
MACHINE = Machine(
    cpu="a CPU", cores=2, memory_bytes=8_000_000_000, load=(1.0, 1.0, 1.0), kernel="Linux", python="3.11", ffmpeg="9"
)


def system(cpu: tuple[float, ...], size: int, vmaf: float, top_bps: int) -> dict[str, Any]:
    """What the transcode benchmark tells of ten seconds by one way to encode."""
    return {
        "runs": [{"cpu_s": one, "wall_s": one / 2} for one in cpu],
        "bytes": size,
        "per_minute": {"cpu_s": sum(cpu) / len(cpu) * 6, "bytes": size * 6},
        "top": {"vmaf_mean": vmaf, "average_bps": top_bps},
        "bd_rate": {"vmaf_mean": {"percent": -10.0}},
    }


def encoded(name: str, slow: float = 1.0) -> dict[str, Any]:
    systems = {
        "economy": system((7 * slow, 7.1 * slow), 2_000_000, 94.0, 2_500_000),
        "balanced": system((10 * slow, 10.1 * slow), 2_000_000, 95.0, 2_500_000),
        "quality": system((20 * slow, 20.2 * slow), 1_500_000, 96.5, 2_000_000),
        "A": system((15 * slow, 15.1 * slow), 3_000_000, 95.5, 4_000_000),
    }
    about = {"name": name, "seconds": 10.0, "width": 1280, "height": 720}
    return {"benchmark": "transcode", "clips": [{"clip": about, "systems": systems}]}


def kept(part: str, result: dict[str, Any], at: float, machine: float = 1.0) -> dict[str, Any]:
    """A part as `kadr bench all` keeps it; `machine`: how slow it was."""
    speeds = [
        {"at": at + late, "python": [0.4 * machine, 0.401 * machine], "x264": [1.0 * machine, 1.002 * machine]}
        for late in (0, 60)
    ]
    return {
        "part": part,
        "benchmark": result["benchmark"],
        "args": ["--repeat", "2"],
        "commit": "c0ffee" * 6,
        "began": at,
        "wall_s": 61.0,
        "speeds": speeds,
        "table": "a table",
        "result": result,
        "exit_code": 0,
    }


def no_calibration() -> Speed:
    return Speed(at=time.time(), python=(1.0,), x264=(1.0,))


def whole(slow: float = 1.0, machine: float = 1.0) -> dict[str, Any]:
    values = [kept(f"transcode-{name}", encoded(name, slow * machine), 1.8e9, machine) for name in "abc"]
    return page.report(values, MACHINE, quick=False, missing=(), cost=money())


def test_every_benchmark_is_a_part() -> None:
    # Of the others three compare or compute, and one compares kadr cost with a library of clips.
    assert {*NAMES, "all", "compare", "gate", "capacity"} == set(BENCHMARKS)
    found = parts(Wanted(clips=(CLIP,)))
    assert [part.benchmark for part in found] == list(NAMES)
    assert found[0].args == (str(CLIP.resolve()), "--peers", "A", "--repeat", "3")


def test_each_clip_is_a_part_of_its_own_and_the_peers_are_chosen() -> None:
    found = parts(Wanted(only=("transcode",), clips=(CLIP, Path("b.ts")), peers="A,B,C,D", repeat=3))
    assert [part.id for part in found] == ["transcode-a_clip", "transcode-b"]
    assert {part.args[1:] for part in found} == {("--peers", "A,B,C,D", "--repeat", "3")}
    with pytest.raises(ConfigError, match="the same name"):
        parts(Wanted(clips=(CLIP, Path("other") / CLIP.name)))
    with pytest.raises(ConfigError, match=r"--only nothing: the benchmarks are transcode, "):
        parts(Wanted(only=("nothing",)))


def test_only_what_is_missing_failed_or_was_run_otherwise_is_run_again(tmp_path: Path) -> None:
    folder = Kept(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps(whole()))
    short = Part(id="short", benchmark="compare", args=(str(tmp_path / "a.json"),) * 2)
    broken = Part(id="broken", benchmark="compare", args=(str(tmp_path / "b.json"),) * 2)
    values = run([short, broken], folder, calibrate=no_calibration, commit="1")
    assert [("error" in value, value["commit"]) for value in values] == [(False, "1"), (True, "1")]
    assert values[0]["result"]["benchmark"] == "compare"
    assert "b.json cannot be read" in values[1]["error"]
    assert len(values[0]["speeds"]) == 2
    assert values[0]["speeds"][1] == values[1]["speeds"][0]
    again = run([short, broken], folder, calibrate=no_calibration, commit="2")
    assert [value["commit"] for value in again] == ["1", "2"]
    assert folder.read(Part(id="short", benchmark="compare", args=("--help",))) is None
    assert not list((tmp_path / "parts").glob("*.part"))


async def test_where_all_is_killed_its_part_ends(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from benchmarks.all.parts import Kept, Part\n"
        "from benchmarks.all.run import run\n"
        "from benchmarks.harness.speed import Speed\n"
        "part = Part(id='long', benchmark='click_through', args=('--runs', '100000'))\n"
        "speed = Speed(at=1.0, python=(1.0,), x264=(1.0,))\n"
        f"run([part], Kept(Path({str(tmp_path)!r})), calibrate=lambda: speed, commit='1')\n"
    )
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL
    )

    async def programs() -> list[int]:
        return [pid for pid, words in running() if b"click_through\0--runs\000100000" in words and b"-m" in words]

    try:
        (part,) = await until(programs)
        assert os.getpgid(part) != os.getpgid(started.pid), "Ctrl-C in a terminal would reach it twice"
    finally:
        started.send_signal(signal.SIGKILL)
        await started.wait()
    assert not await until(programs, lambda found: not found)


def running() -> list[tuple[int, bytes]]:
    """All processes with their command lines."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                found.append((int(folder.name), (folder / "cmdline").read_bytes()))
    return found


def test_a_file_that_is_no_result_is_named(tmp_path: Path) -> None:
    folder = Kept(tmp_path)
    (tmp_path / "parts" / "clicks.json").write_text("{")
    with pytest.raises(ConfigError, match=r"clicks\.json is not a result"):
        done(folder, [Part(id="clicks", benchmark="click_through")])


def test_what_was_printed_is_read_again() -> None:
    assert parse_report('a table\n{of it}\n{\n  "a": {\n    "b": 1\n  }\n}\n') == ("a table\n{of it}", {"a": {"b": 1}})
    assert parse_report("Traceback\n") is None
    assert parse_report('{"a": 1}') is None


def test_times_are_per_minute_and_sizes_have_no_speed() -> None:
    found = {number.name: number for number in numbers(encoded("a"))}
    cpu, size = found["encode balanced, CPU s per minute: a"], found["encode balanced, MB per minute: a"]
    assert cpu.values == pytest.approx((60.0, 60.6))
    assert (cpu.speed, size.speed, size.values) == ("x264", None, (12.0,))
    assert numbers({"benchmark": "unknown"}) == []


def test_the_report_says_what_each_effort_takes_and_saves() -> None:
    knobs = {knob.name: knob.effect for knob in advice.knobs(whole()["parts"])}
    assert "30 % less CPU for an encode, the same bytes for who watches the top rung" in knobs["effort: economy"]
    assert "-1.0 points of VMAF (over 3 clips)" in knobs["effort: economy"]
    quality = knobs["effort: quality"]
    assert "100 % more CPU for an encode, 20 % less bytes" in quality
    # 0.5 Mb/s less are 3.75 MB a minute, 3.75 GB for a thousand views; 60.3 CPU s more are 0.01675 hours.
    assert "saves 224 GB of traffic" in quality


def test_clips_that_an_effort_has_failed_on_are_not_counted() -> None:
    parts = whole()["parts"]
    parts[0]["result"]["clips"][0]["systems"]["economy"] = {"error": "too slow"}
    effects = {knob.name: knob.effect for knob in advice.knobs(parts)}
    assert "(over 2 clips)" in effects["effort: economy"]
    assert "(over 3 clips)" in effects["effort: quality"]


def test_a_load_of_which_nothing_was_answered_is_reported() -> None:
    latency = {"all": {"p50": None, "p90": None, "p99": None, "max": None}}
    result = {"benchmark": "load", "steps": [{"rate": 50.0, "errors": {"list: 503": 900}, "latency_ms": latency}]}
    (knob,) = advice.knobs([kept("load", result, 1.8e9)])
    assert "none was answered and 900 failed" in knob.effect


def test_the_report_says_what_longer_segments_and_buffers_do() -> None:
    def run(segment_s: int, buffer_s: int, first_ms: float, megabytes: float) -> dict[str, Any]:
        found = {"network": "4G", "segment_s": segment_s, "buffer_s": buffer_s, "first_ms": first_ms}
        return {**found, "megabytes": megabytes, "all": {"first_ms": [first_ms], "megabytes": [megabytes]}}

    runs = [run(2, 8, 400, 1.0), run(4, 8, 650, 1.2), run(2, 45, 410, 3.0), run(4, 45, 660, 3.1)]
    result = {"benchmark": "startup", "watched_s": 5.0, "runs": runs}
    effects = [knob.effect for knob in advice.knobs([kept("startup", result, 1.8e9)])]
    assert effects == [
        "4 s over 4G: the first picture after 650 ms instead of 400, and 1.20 MB loaded after 5 s instead of 1.00.",
        "45 s over 4G: the first picture after 410 ms instead of 400, and 3.00 MB loaded after 5 s instead of 1.00.",
    ]
    assert len(numbers(result)) == 8


def test_the_page_is_whole_and_names_what_failed() -> None:
    found = page.report(
        [
            kept("clicks", {"benchmark": "unknown"}, 1.8e9),
            {**kept("player", {"benchmark": "player"}, 1.8e9), "error": "exit code 2\nno <browser> here"},
        ],
        MACHINE,
        quick=True,
        missing=("sitemap",),
        cost=money(),
    )
    found["parts"][0]["commit"] += " with changes"
    for part in found["parts"]:
        part["speeds"] = part["speeds"][:1]  # one calibration is no plot
    del found["parts"][1]["result"], found["parts"][1]["table"]
    text = page.page(found)
    assert "<strong>player failed:</strong> no &lt;browser&gt; here" in text
    assert "Kadr c0ffeec0ff, c0ffeec0ff with changes," in text
    assert "Not measured yet: sitemap" in text
    assert f"In money: {found['cost']['headline']}" in text
    assert [turn["what"] for turn in found["cost"]["turns"] if f"<h3>{turn['what']}</h3>" not in text] == []
    assert len(found["cost"]["turns"]) == 3
    assert not re.search(r'(?:src|href)="', text)  # it needs nothing else


def test_a_slow_day_is_no_slow_program() -> None:
    found = comparison.compare(whole(), whole(machine=1.3))
    assert found.machine["x264"].value == pytest.approx(1.3)
    assert len(found.rows) == 4 * 4 * 3
    assert {row.verdict for row in found.rows} == {comparison.NOTHING}
    cpu = next(row for row in found.rows if row.name == "encode balanced, CPU s per minute: a")
    assert cpu.raw == pytest.approx(1.3)
    assert cpu.ratio is not None
    assert cpu.ratio.value == pytest.approx(1.0)


def test_a_slow_program_is_found_on_a_fast_day() -> None:
    found = comparison.compare(whole(), whole(slow=1.2, machine=0.8))
    verdicts = {row.name: row.verdict for row in (*found.rows, *found.groups)}
    assert verdicts["encode balanced, CPU s per minute: a"] == "worse"
    assert verdicts["encode balanced, CPU s per minute, over 3 cases"] == "worse"
    assert verdicts["encode balanced, MB per minute: a"] == comparison.NOTHING
    table = comparison.table(found)
    assert re.search(r"x264 +0\.800 \(", table)
    assert re.search(r"encode quality, CPU s per minute: b .* 0\.960 +1\.200 \(1\.\d+ to 1\.\d+\)  worse", table)


def rates(machine: tuple[float, float]) -> dict[str, Any]:
    """A report of the origin at four numbers of connections, which has always answered as fast; the machine has not."""
    runs = [
        {"what": "segment", "server": "origin", "connections": count, "per_cpu_s": 1000.0 + count / 100}
        for count in (32, 64, 250, 1000)
    ]
    part = kept("origin", {"benchmark": "origin", "runs": runs}, 1.8e9)
    part["speeds"] = [{"at": at, "python": [s], "x264": [s]} for at, s in enumerate(machine)]
    return page.report([part], MACHINE, quick=False, missing=(), cost=money())


def test_cases_of_one_part_do_not_hide_that_its_calibrations_are_uncertain() -> None:
    (group,) = comparison.compare(rates((0.40, 0.42)), rates((0.42, 0.44))).groups
    assert group.ratio is not None
    assert group.ratio.value == pytest.approx(1.0488, abs=1e-3)
    assert group.verdict == comparison.NOTHING


def test_a_time_that_was_measured_once_decides_nothing() -> None:
    def waits(loaded_s: float) -> dict[str, Any]:
        result = {"benchmark": "fairness", "cases": {"uploads": {"pairs": [{"loaded_s": loaded_s, "idle_s": 1.0}]}}}
        return page.report([kept("fairness", result, 1.8e9)], MACHINE, quick=True, missing=(), cost=money())

    (row,) = comparison.compare(waits(1.5), waits(1.6)).rows
    assert row.verdict == comparison.UNSURE


def test_compare_reads_reports_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text(json.dumps(whole()))
    second.write_text(json.dumps(whole(slow=1.5)))
    assert compare.main([str(first), str(second)]) == 0
    printed = parse_report(capsys.readouterr().out)
    assert printed is not None
    assert printed[1]["machine"]["cores"] >= 1
    assert len(printed[1]["groups"]) == 4 * 3
    for text, problem in (
        ("{}", r"b\.json is no report\.json"),
        (json.dumps({**whole(), "quick": True}), "one of both was measured with --quick"),
        (json.dumps({**whole(), "parts": []}), r"b\.json: nothing was measured yet"),
    ):
        second.write_text(text)
        with pytest.raises(ConfigError, match=problem):
            compare.main([str(first), str(second)])
