"""What the built scripts weigh, gzipped, in KB of 1,000 bytes. Skipped by name where `make setup` has built none."""

import pytest

from studio import BUILT, scripts
from studio.scripts import manifest

pytestmark = pytest.mark.skipif(
    not (BUILT / "manifest.json").exists(), reason="the player is not built (make setup does)"
)
BEFORE_PLAY_BYTES, ON_INTENT_BYTES, UPLOAD_BYTES = 12_000, 250_000, 6_000
STUDIO_BYTES = 60_000


def weight(names: set[str]) -> int:
    return sum(manifest()[name].gzip_bytes for name in names)


def before_play(entries: tuple[str, ...]) -> set[str]:
    """What is loaded before anybody presses play: the entries, what they import, and the decoder of ThumbHashes."""
    thumbhash = {name for name in manifest() if name.startswith("thumbhash-")}
    assert len(thumbhash) == 1
    return {*entries, *thumbhash, *(name for entry in entries for name in scripts.at_once(entry))}


@pytest.mark.parametrize("entries", [("kadr-player.js",), ("kadr-player.js", "embed.js")], ids=["watch", "embed"])
def test_before_play(entries: tuple[str, ...]) -> None:
    assert weight(before_play(entries)) <= BEFORE_PLAY_BYTES


@pytest.mark.parametrize("entry", ["uploads.js", "library.js", "asset.js", "captions.js", "record.js", "webhook.js"])
def test_pages_of_the_studio(entry: str) -> None:
    """Beside the player."""
    assert weight({entry, *scripts.at_once(entry)}) <= STUDIO_BYTES


@pytest.mark.parametrize("language", ["en", "ru"])
def test_on_intent(language: str) -> None:
    wanted = ("playing-", "hls_engine-", f"{language}-")
    loaded = {name for name in manifest() if name.startswith(wanted)}
    assert len(loaded) == 3
    with_imports = loaded | {name for one in loaded for name in scripts.at_once(one)}
    assert weight(with_imports - before_play(("kadr-player.js",))) <= ON_INTENT_BYTES


def test_the_upload_engine_is_one_small_file() -> None:
    assert scripts.at_once("upload.js") == manifest()["upload.js"].later == ()
    assert weight({"upload.js"}) <= UPLOAD_BYTES


def test_the_manifest_knows_every_file() -> None:
    built = {path.name for path in BUILT.glob("*.js")}
    assert built == set(manifest())
    assert all((BUILT / f"{name}.gz").is_file() for name in built)
