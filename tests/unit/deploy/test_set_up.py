"""Set-up by need: what each lock pins, what the wheel holds, and what `kadr bench` says where its needs are missing."""

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from benchmarks.questions import transcode
from core.errors import ConfigError
from kadr import cli
from tests.checks import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
NEEDS = ("runtime", "up", "test", "bench")


def pins(need: str) -> dict[str, set[str]]:
    """Versions of each package in one lock: several where they differ between Pythons."""
    pinned: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)(?:\[.*?\])?==(\S+)", lock(need), re.MULTILINE):
        pinned.setdefault(name, set()).add(version)
    return pinned


def lock(need: str) -> str:
    return (ROOT / "requirements" / f"{need}.lock").read_text()


def required(*extras: str) -> set[str]:
    """Names of the project's own dependencies, and those of these extras."""
    project = PROJECT["project"]
    listed = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {re.split(r"[\[<>=~ ]", line, maxsplit=1)[0] for line in listed}


@pytest.mark.parametrize(
    ("need", "extras"),
    [
        ("runtime", ("nats", "otel")),
        ("up", ("embedded", "build", "nats", "otel")),
        ("test", ("embedded", "build", "nats", "otel", "test")),
        ("bench", ("bench",)),
    ],
)
def test_a_lock_pins_what_its_need_requires(need: str, extras: tuple[str, ...]) -> None:
    pinned = pins(need)
    assert {"aiohttp", "av"} <= required() <= required(*extras) <= set(pinned)
    others = set(PROJECT["project"]["optional-dependencies"]) - set(extras)
    brought = {"pytest"} if "bench" in extras else set()  # Locust asks for it
    assert set(pinned).isdisjoint(required(*others) - required(*extras) - brought)


def test_locks_agree_on_every_version() -> None:
    """So that installing one need after another changes nothing of the first."""
    of_tests = pins("test")
    assert set(pins("runtime")) < set(pins("up")) < set(of_tests)
    for need in NEEDS:
        shared = {name: versions for name, versions in pins(need).items() if name in of_tests}
        assert len(shared) > 50
        assert shared == {name: of_tests[name] for name in shared}, need


@pytest.mark.parametrize("need", [*NEEDS, "uv", "node"])
def test_every_pin_carries_hashes(need: str) -> None:
    requirements = re.split(r"\n(?=\S)", "\n".join(line for line in lock(need).splitlines() if "# " not in line))
    assert requirements
    for requirement in requirements:
        assert re.match(r"[\w.-]+(\[.*?\])?==", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_make_writes_every_lock_and_installs_it_with_hashes() -> None:
    locks = {path.stem for path in (ROOT / "requirements").glob("*.lock")}
    assert set(re.findall(r"-o requirements/(\w+)\.lock", MAKEFILE)) == locks
    installed = set(re.findall(r"--require-hashes -r requirements/(\w+)\.lock", MAKEFILE))
    assert installed == locks - {"runtime"}  # which is the image's


def test_running_needs_neither_tests_nor_plots() -> None:
    assert re.search(r"^up: video-check setup$", MAKEFILE, re.MULTILINE)
    assert re.search(r"^setup: \$\(UP\) \$\(PLAYER\) bytecode$", MAKEFILE, re.MULTILINE)
    assert re.search(r"^\$\(UP\): requirements/up.lock pyproject.toml \$\(VENV\)$", MAKEFILE, re.MULTILINE)
    assert re.search(r"^\$\(MODULES\): studio/package-lock.json \$\(UP\)$", MAKEFILE, re.MULTILINE)
    assert "--omit=dev" in MAKEFILE.partition("$(MODULES): ")[2].partition("\n\n")[0]


def test_the_wheel_is_the_product_only(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (wheel,) = tmp_path.glob("*.whl")
    folders = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    packages = {Path(name).name for name in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    assert folders == {*packages, "kadr-0.1.0.dist-info"}
    assert folders.isdisjoint({"benchmarks", "tests"})


def test_bench_without_the_benchmarks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["kadr", "bench", "workers"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith("kadr bench: the benchmarks are not installed; ")
    assert sentence.endswith("make setup && .venv/bin/kadr bench workers\n")


def test_a_plot_without_its_extra_is_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    # Nothing before it may look at the clip, which is not there.
    with pytest.raises(ConfigError, match=r"--plot needs matplotlib.* the extra `bench`: make bench-setup$"):
        transcode.main([str(tmp_path / "clip.mp4"), "--plot", str(tmp_path / "plot.png")])
    assert re.search(r"^bench-setup: .*\$\(BENCH\)$", MAKEFILE, re.MULTILINE)
