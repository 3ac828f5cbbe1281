"""`kadr models fetch` with the hub's real client, against a hub of our own on this machine."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

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


def fetch(name: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """In a program of its own: the client reads its hub's address once."""
    code = f"import sys; from kadr.commands.models import run_fetch; sys.exit(run_fetch({name!r}))"
    own = {"HF_ENDPOINT": url, "HF_HOME": str(folder / "home"), "KADR_MODELS_DIR": str(folder / "models")}
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
