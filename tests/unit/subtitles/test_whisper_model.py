"""subtitles.speech.models.model: which model is used; what cannot work is said early, by name."""

import asyncio
from pathlib import Path

import pytest

from core import folder_lock
from core.errors import ConfigError
from core.folder_lock import alone_in
from core.settings import Settings
from subtitles.speech.models import model
from subtitles.speech.models.model_fetch import fetch, ready

FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json")


def folder_with(folder: Path, *files: str) -> Path:
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_bytes(b"{}")
    return folder


@pytest.fixture(autouse=True)
def empty_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


async def test_no_model_is_no_error(tmp_path: Path) -> None:
    assert model.chosen(Settings()) is None
    assert model.chosen(Settings(whisper_model="small", models_dir=tmp_path)) is None
    assert await ready(Settings(whisper_model="small", models_dir=tmp_path)) is None


async def test_a_model_on_its_way_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first upload after a first start, while `kadr up` still fetches."""
    monkeypatch.setattr(folder_lock, "ASKS_EVERY_S", 0.01)
    folder = tmp_path / "Systran--faster-whisper-small"
    async with asyncio.timeout(30), alone_in(tmp_path / f".{folder.name}.part"):
        found = asyncio.create_task(ready(Settings(whisper_model="small", models_dir=tmp_path)))
        await asyncio.sleep(0.05)
        assert not found.done()
        folder_with(folder, *FILES)
    model_found = await found
    assert model_found is not None
    assert model_found.folder == folder


def test_a_folder(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "mine", *FILES)
    found = model.chosen(Settings(whisper_model=str(folder), whisper_threads=3))
    assert found is not None
    assert (found.id, found.folder, found.compute_type, found.threads, found.batch) == ("mine", folder, "int8", 3, 1)
    assert found.readable == (folder,)
    assert found.size_bytes == 2


def test_threads_are_bounded(tmp_path: Path) -> None:
    found = model.chosen(Settings(whisper_model=str(folder_with(tmp_path / "mine", *FILES))))
    assert found is not None
    assert 1 <= found.threads <= 4


@pytest.mark.parametrize("missing", FILES)
def test_a_folder_that_is_not_whole(missing: str, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "mine", *(name for name in FILES if name != missing))
    with pytest.raises(ConfigError, match=f"KADR_WHISPER_MODEL: .*/mine has no {missing};"):
        model.chosen(Settings(whisper_model=str(folder)))


def test_a_fetched_model_is_found_by_its_name(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "Systran--faster-whisper-small", *FILES)
    for name in ("small", "Systran/faster-whisper-small"):
        found = model.chosen(Settings(whisper_model=name, models_dir=tmp_path))
        assert found is not None
        assert (found.id, found.folder) == (name, folder)


def test_the_hubs_cache_is_used_with_what_its_links_point_to(tmp_path: Path, empty_hub: Path) -> None:
    kept = empty_hub / "models--Systran--faster-whisper-tiny"
    blobs = folder_with(kept / "blobs", *FILES)
    snapshot = folder_with(kept / "snapshots" / "abc")
    for name in FILES:
        (snapshot / name).symlink_to(blobs / name)
    folder_with(kept / "refs")
    (kept / "refs" / "main").write_text("abc")
    found = model.chosen(Settings(whisper_model="tiny", models_dir=tmp_path / "models"))
    assert found is not None
    assert found.folder == snapshot
    assert set(found.readable) == {snapshot, *(blobs / name for name in FILES)}


@pytest.mark.parametrize("name", ["smal", "a/b/c", "a/", "../x", "/no/such/folder", "https://x/y"])
def test_names_nobody_knows(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KADR_WHISPER_MODEL="):
        model.chosen(Settings(whisper_model=name, models_dir=tmp_path))


async def test_nothing_is_fetched_for_a_wrong_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give one of tiny, base"):
        await fetch("smal", tmp_path / "models")
    assert not (tmp_path / "models").exists()


async def test_what_was_fetched_is_not_fetched_again(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "Systran--faster-whisper-small", *FILES)
    assert await fetch("small", tmp_path) == folder


def test_a_device_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"KADR_WHISPER_DEVICE='cuda'.*'auto' or 'cpu'"):
        model.chosen(Settings(whisper_model=str(tmp_path), whisper_device="cuda"))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("KADR_WHISPER_COMPUTE_TYPE", "float16", "int8, int8_float32 and float32"),
        ("KADR_WHISPER_COMPUTE_TYPE", "int4", "'int8', 'int8_float32'"),
        ("KADR_WHISPER_DEVICE", "gpu", "'auto', 'cpu' or 'cuda'"),
        ("KADR_WHISPER_THREADS", "0", "greater than 0"),
    ],
)
def test_settings_are_refused_by_name(name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        Settings.load()
    assert f"{name}={value!r}" in str(caught.value)
    assert told in str(caught.value)
