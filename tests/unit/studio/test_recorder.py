"""What the recorder decides without a browser: what is offered, as which file, loudness, how much room there is."""

from typing import Any

import pytest

from studio import FOLDER
from studio.texts import catalogue
from tests import node

pytestmark = node.needed


def run(module: str, code: str) -> Any:
    """What this JavaScript returns, where `kadr` has the exports of a module of studio/record."""
    return node.run((FOLDER / "record" / module,), code)


@pytest.mark.parametrize(
    ("recorder", "devices", "screen", "kinds"),
    [
        ("true", "true", "true", ["camera", "screen_voice", "screen"]),
        ("true", "true", "false", ["camera"]),
        ("false", "true", "true", []),
        ("true", "false", "false", []),
    ],
    ids=["computer", "phone", "no recorder", "no TLS"],
)
def test_what_is_offered(recorder: str, devices: str, screen: str, kinds: list[str]) -> None:
    abilities = f"{{recorder: {recorder}, devices: {devices}, screen: {screen}}}"
    assert run("support.ts", f"return kadr.kindsOf({abilities})") == kinds


def test_the_first_type_that_the_browser_writes() -> None:
    supported = ["['video/mp4', 'video/webm', 'video/webm;codecs=vp9,opus']", "['video/mp4']", "['audio/ogg']"]
    calls = [f"kadr.typeFor((type) => {known}.includes(type))" for known in supported]
    types = run("support.ts", f"return [{', '.join(calls)}]")
    assert types == ["video/webm;codecs=vp9,opus", "video/mp4", ""]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("video/webm;codecs=vp8,opus", "recording-2026-11-30-10-05-07.webm"),
        ("video/mp4;codecs=avc1", "recording-2026-11-30-10-05-07.mp4"),
        ("video/x-matroska;codecs=avc1", "recording-2026-11-30-10-05-07.mkv"),
        ("", "recording-2026-11-30-10-05-07.webm"),
    ],
)
def test_the_name_of_a_file(kind: str, name: str) -> None:
    assert run("support.ts", f"return kadr.fileNameOf(new Date(2026, 10, 30, 10, 5, 7), '{kind}')") == name


def test_the_same_recording_is_the_same_file() -> None:
    """So that its upload goes on after a reload."""
    code = """
      const kept = { type: "video/webm;codecs=vp8,opus", began_at: 1e12, changed_at: 1e12 + 5000 };
      const made = [0, 1].map(() => kadr.fileOf(kept, [new Blob(["ab"]), new Blob(["c"])]));
      return made.map(({ name, size, type, lastModified }) => [name, size, type, lastModified]);
    """
    first, second = run("store.ts", code)
    assert first == second
    assert first[1:] == [3, "video/webm", 10**12 + 5000]


def test_pauses_do_not_count() -> None:
    code = """
      const watch = new kadr.Stopwatch();
      const seen = [watch.elapsed(50)];
      watch.run(100);
      watch.run(150);
      seen.push(watch.elapsed(400));
      watch.rest(500);
      seen.push(watch.elapsed(9000));
      watch.rest(9500);
      watch.run(10000);
      return [...seen, watch.elapsed(10100)];
    """
    assert run("stopwatch.ts", code) == [0, 300, 400, 500]


def test_loudness() -> None:
    """A square wave of each level: nothing, -80, -60, -30 and 0 dB of full scale."""
    levels = ["0", "1e-4", "1e-3", "Math.sqrt(1e-3)", "1"]
    waves = ", ".join(f"kadr.loudnessOf([{level}, -{level}])" for level in levels)
    heard = run("loudness.ts", f"return [kadr.loudnessOf([]), {waves}].map((one) => Math.round(one * 100) / 100)")
    assert heard == [0, 0, 0, 0, 0.5, 1]


def test_a_microphone_is_silent_after_a_while_and_until_it_hears_something() -> None:
    code = """
      const silence = new kadr.Silence(0, 4000);
      return [[0, 1000], [0.05, 3999], [0.05, 4000], [0.3, 5000], [0, 8999], [0, 9000]].map(([loudness, now]) =>
        silence.note(loudness, now));
    """
    assert run("loudness.ts", code) == [False, False, True, False, False, True]


def test_how_long_there_is_room() -> None:
    estimates = ["{quota: 1000, usage: 400}", "{quota: 1000, usage: 2000}", "{quota: 1000}", "{}"]
    calls = ", ".join(f"kadr.secondsLeft({estimate}, 100)" for estimate in estimates)
    assert run("space.ts", f"return [{calls}]") == [6, 0, None, None]
    assert run("space.ts", "return [null, 600, 599, 30, 29, 0].map(kadr.spaceFor)") == [
        *("enough", "enough", "little", "little", "none", "none")
    ]


def test_the_rate_is_measured_once_there_is_something_to_measure() -> None:
    calls = "kadr.bytesPerSecond(10, 9999, 800), kadr.bytesPerSecond(400, 20000, 800), kadr.bytesPerSecond(0, 20000, 8)"
    assert run("space.ts", f"return [{calls}]") == [100, 20, 1]


@pytest.mark.parametrize(
    ("name", "message", "screen", "trouble"),
    [
        ("NotAllowedError", "Permission denied", "false", "denied"),
        ("NotAllowedError", "Permission denied by system", "true", "denied_system"),
        ("NotAllowedError", "Permission denied by user", "true", "not_shared"),
        ("NotFoundError", "Requested device not found", "false", "no_device"),
        ("OverconstrainedError", "", "false", "no_device"),
        ("NotReadableError", "Could not start video source", "false", "busy_device"),
        ("TypeError", "", "false", "failed"),
    ],
)
def test_what_is_wrong_with_a_device(name: str, message: str, screen: str, trouble: str) -> None:
    error = f"{{name: '{name}', message: '{message}'}}"
    assert run("trouble.ts", f"return kadr.troubleOf({error}, {screen})") == trouble


def test_why_a_recording_has_ended() -> None:
    calls = "kadr.endingOf('video', false), kadr.endingOf('audio', false), kadr.endingOf('video', true)"
    assert run("trouble.ts", f"return [{calls}]") == ["camera_gone", "microphone_gone", "unshared"]


def test_every_trouble_and_ending_has_its_sentence() -> None:
    troubles = ("denied", "denied_system", "not_shared", "no_device", "busy_device", "failed")
    endings = ("asked", "unshared", "camera_gone", "microphone_gone", "full", "failed")
    wanted = {f"record.{one}" for one in troubles} | {f"record.ended_{one}" for one in endings}
    assert wanted <= set(catalogue("en"))


def test_sizes_in_the_readers_language() -> None:
    calls = "kadr.sizeIn('en', 3_440_000), kadr.sizeIn('ru', 3_440_000), kadr.sizeIn('en', 2_250_000_000)"
    assert [size.replace("\u00a0", " ") for size in run("told.ts", f"return [{calls}]")] == [
        "3.4 MB",
        "3,4 МБ",
        "2.3 GB",
    ]
