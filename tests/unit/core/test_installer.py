"""core.installer: wheels of data through the real installers, out of a folder on this machine."""

import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core import installer
from core.errors import ConfigError, Transient
from core.installer import Installer, WrongDigest, unpack
from tests.wheels import only_from, wheel

UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
PIP = Installer(kind="pip", argv=(sys.executable, "-P", "-m", "pip"))
INSTALLERS = [
    pytest.param(PIP, id="pip", marks=pytest.mark.skipif(not importlib.util.find_spec("pip"), reason="no pip here")),
    pytest.param(
        Installer(kind="uv", argv=(UV or "uv",)), id="uv", marks=pytest.mark.skipif(UV is None, reason="no uv here")
    ),
]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in only_from(tmp_path / "index").items():
        monkeypatch.setenv(name, value)
    return tmp_path / "index"


@pytest.mark.parametrize("found", INSTALLERS)
async def test_several_wheels_become_one_folder(found: Installer, index: Path, tmp_path: Path) -> None:
    wheels = [wheel(index, f"some-data-{n}", {f"some_data_{n}/data/part{n}": b"%d" % n * 1000}) for n in (1, 2)]
    folder = tmp_path / "got"
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "left-behind").touch()  # of a run that was killed
    files = await unpack(wheels, folder, found=found)
    for n in (1, 2):
        assert (files / f"some_data_{n}" / "data" / f"part{n}").read_bytes() == b"%d" % n * 1000
    assert not (files / "left-behind").exists()
    assert not list(files.glob("*.whl"))
    assert not (folder / "temporary").exists()


@pytest.mark.parametrize("found", INSTALLERS)
async def test_another_digest_is_refused(found: Installer, index: Path, tmp_path: Path) -> None:
    other = replace(wheel(index, "some-data", {"some_data/data": b"x"}), sha256="0" * 64)
    with pytest.raises(WrongDigest, match=f"what {found.kind} got has another SHA-256"):
        await unpack([other], tmp_path / "got", found=found)


@pytest.mark.parametrize("found", INSTALLERS)
async def test_a_wheel_nobody_has(found: Installer, index: Path, tmp_path: Path) -> None:
    gone = wheel(index, "some-data", {"some_data/data": b"x"})
    (index / "some_data-1.0.0-py3-none-any.whl").unlink()
    with pytest.raises(Transient, match=rf"{found.kind} cannot get it: .*some-data") as refused:
        await unpack([gone], tmp_path / "got", found=found)
    assert "\n" not in str(refused.value)


def test_which_installer(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"pip", "uv"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(installer.shutil, "which", lambda name, path=None: f"/bin/{name}" if name in there else None)
    assert installer.installer() == Installer(kind="uv", argv=("/bin/uv",))
    there.remove("uv")
    assert installer.installer() == Installer(kind="pip", argv=("/bin/pip",))
    there.remove("pip")
    with pytest.raises(ConfigError, match="neither pip nor uv"):
        installer.installer()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert installer.installer() == PIP


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("WARNING: x is ignored\nERROR: No matching distribution\nERROR: for y\n", "No matching distribution for y"),
        ("error: Failed to fetch\n  Caused by: dns error\n", "Failed to fetch Caused by: dns error"),
        ("  × No solution found\n  ╰─▶ no such package\n", "No solution found no such package"),
        ("", ""),
    ],
)
def test_the_reason_in_what_an_installer_says(said: str, reason: str) -> None:
    assert installer.reason(said) == reason
