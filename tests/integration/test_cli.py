"""The command line as a person or a script meets it: what it prints where, and with which exit code it ends."""

import asyncio
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import OWN_PRESETS, runs
from tests.selection import MORE_VALUES, some
from tests.stack import Stack

KADR = (sys.executable, "-m", "kadr")
ROOT = Path(__file__).parents[2]
WITHIN_S = 90
DOMAINS = ["shop.example.org", "*.example.com"]


def environment(**settings: str) -> dict[str, str]:
    """This one's, with these KADR_ settings only; the checkout is importable from any folder."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("KADR_")}
    return {**bare, **OWN_PRESETS, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'clients' / 'python'}", **settings}


def kadr(*arguments: str | bytes, cwd: Path = ROOT, **settings: str) -> subprocess.CompletedProcess[str]:
    """One run without a terminal."""
    return subprocess.run(
        [*KADR, *arguments],
        env=environment(**settings),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=WITHIN_S,
        check=False,
    )


def one_sentence(text: str) -> str:
    """What a person is told: one line, no traceback."""
    assert "Traceback" not in text
    assert re.fullmatch(r"\S[^\n]*\n", text), text
    return text


@pytest.fixture(scope="module")
def home(stack: Stack) -> str:
    return str(stack.home)


@pytest.fixture
def junk(tmp_path: Path) -> Path:
    path = tmp_path / "junk.mp4"
    path.write_bytes(b"no video" * 100)
    return path


# ingest


def test_json_prints_the_final_asset_and_nothing_else(home: str, tiny: Path, tmp_path: Path) -> None:
    """With a name that looks like an option, and is not ASCII. Without a terminal there are no bars."""
    name = "-rf a b, ünï – кадр.mp4"
    shutil.copy(tiny, tmp_path / name)
    said = ("--title", "  My <title> ", "--ref", "product:42", "--policy", "signed", "--language", "en")
    done = kadr("ingest", "--json", *said, "--", name, cwd=tmp_path, KADR_HOME=home)
    assert done.returncode == 0
    # Where it is ready by the next look, there is nothing to say before that.
    assert re.fullmatch(r"(You can watch it now: http\S+\n)?", done.stderr)
    asset = json.loads(done.stdout)
    assert asset["status"] == "ready"
    assert asset["title"] == "My <title>"
    assert asset["ref"] == {"type": "product", "id": "42"}
    assert (asset["policy"], asset["language"]) == ("signed", "en")
    # Pictures and subtitles of the upload are made beside these, and nothing waits for them.
    needed = [step for step in asset["steps"] if step["kind"] not in ("extract", "pictures")]
    assert {step["state"] for step in needed} == {"done"}
    assert "?token=" in asset["playback_url"]


@pytest.mark.parametrize("name", ["--help", "кадр '1\" %41 $(x).mp4"])
def test_a_name_is_only_a_name(home: str, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no video" * 100)
    done = kadr("ingest", "--json", f"./{name}", cwd=tmp_path, KADR_HOME=home)
    asset = json.loads(done.stdout)
    assert (done.returncode, asset["error"]["code"]) == (1, "not_media")
    assert asset["title"] == (name.removesuffix(".mp4"))


def test_a_name_that_is_no_text_is_no_obstacle(home: str, tmp_path: Path) -> None:
    name = b"a\xff.mp4"
    with open(os.fsencode(tmp_path) + b"/" + name, "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(b"no video" * 100)
    done = kadr("ingest", "--json", name, cwd=tmp_path, KADR_HOME=home)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "not_media", done.stderr


def test_a_broken_file_says_why_and_what_to_do(home: str, junk: Path) -> None:
    done = kadr("ingest", str(junk), KADR_HOME=home)
    assert (done.returncode, done.stdout) == (1, "")
    words = one_sentence(done.stderr)
    assert words.startswith("not_media: ")
    assert "MP4" in words
    as_json = kadr("ingest", "--json", str(junk), KADR_HOME=home)
    asset = json.loads(as_json.stdout)
    assert (as_json.returncode, as_json.stderr, asset["status"]) == (1, words, "errored")
    assert asset["error"]["code"] == "not_media"
    assert asset["error"]["hint"] in words


def test_a_refused_file_says_why(home: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    done = kadr("ingest", "--json", str(empty), KADR_HOME=home)
    assert done.returncode == 1
    assert one_sentence(done.stderr).startswith("not_media: The file is empty.")
    refused = json.loads(done.stdout)
    assert (refused["status"], refused["error"]["code"]) == ("errored", "not_media")
    assert refused["error"]["hint"]


def test_what_cannot_begin_is_one_sentence(home: str, junk: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.mp4"
    done = kadr("ingest", str(missing), KADR_HOME=home)
    assert (done.returncode, done.stdout) == (1, "")
    assert one_sentence(done.stderr) == f"{missing}: no such file\n"
    done = kadr("ingest", "--json", str(junk), KADR_API_URL="http://127.0.0.1:1", KADR_API_KEY="k")
    assert (done.returncode, done.stdout) == (1, "")
    assert "http://127.0.0.1:1 does not answer" in one_sentence(done.stderr)
    done = kadr("ingest", str(junk), KADR_API_URL="http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "KADR_API_KEY" in one_sentence(done.stderr)
    done = kadr("ingest", str(junk), KADR_HOME=str(tmp_path / "nowhere"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere" in one_sentence(done.stderr)
    assert "kadr up" in done.stderr

    done = kadr("ingest", str(junk), KADR_HOME=home, KADR_API_KEY="wrong.key")
    assert (done.returncode, done.stdout) == (1, "")
    assert one_sentence(done.stderr).startswith("unauthenticated: ")


class _NoStorage(BaseHTTPRequestHandler):
    """An API whose presigned URL leads nowhere."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        part = {"number": 1, "size_bytes": 800, "arrived": False, "url": "http://127.0.0.1:1/part"}
        upload = {
            "id": "up_1",
            "asset_id": "as_1",
            "status": "open",
            "part_size_bytes": 2**24,
            "parts": [part],
            "next_part": None,
        }
        body = json.dumps({"data": upload}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def no_storage() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _NoStorage) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_storage_that_does_not_answer_is_one_sentence(junk: Path) -> None:
    # As `kadr ingest` runs it, with less patience between tries.
    script = "import kadr.commands.ingest, kadr.cli; kadr.commands.ingest.PART_TRIES = 2; kadr.cli.main()"
    with no_storage() as api:
        done = subprocess.run(
            [sys.executable, "-c", script, "ingest", str(junk)],
            env=environment(KADR_API_URL=api, KADR_API_KEY="k"),
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            timeout=WITHIN_S,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert "part 1 could not be uploaded" in one_sentence(done.stderr)


def on_a_terminal(*arguments: str, **settings: str) -> tuple[int, str, str]:
    """(exit code, stdout, what the terminal on stderr got)."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [*KADR, *arguments],
        env=environment(TERM="xterm", COLUMNS="100", **settings),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    try:
        while select.select([ours], [], [], max(0, deadline - time.monotonic()))[0]:
            seen += os.read(ours, 65536)
    except OSError:
        pass  # the other end is closed: it has ended
    finally:
        os.close(ours)
        if time.monotonic() > deadline:
            program.kill()
    out, _ = program.communicate(timeout=WITHIN_S)
    return program.returncode, out.decode(), seen.decode()


async def test_the_library_on_the_command_line(stack: Stack, home: str) -> None:
    """What is listed, shown and deleted; a title that still waits for its file is as good as any."""
    wanted = {"filename": "a.mp4", "size_bytes": 1, "title": "Cellar", "ref": "shelf:cli", "policy": "signed"}
    _, made = await stack.api(
        "POST", "/v1/uploads", json={**wanted, "metadata": {"room": "4"}, "allowed_domains": DOMAINS}
    )
    asset_id = made["data"]["asset_id"]

    async def told(*words: str) -> str:
        ended = await asyncio.to_thread(kadr, *words, KADR_HOME=home)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    head, row = (await told("assets", "list", "--ref", "shelf:cli")).splitlines()
    assert head.split() == ["ID", "STATUS", "DURATION", "POLICY", "TITLE"]
    assert row.split() == [asset_id, "waiting", "-", "signed", "Cellar"]
    shown = await told("assets", "show", asset_id)
    assert "room=4" in shown
    assert "shelf:cli" in shown
    assert "shop.example.org, *.example.com" in shown
    token = json.loads(await told("token", asset_id, "--viewer", "u1", "--ttl", "60", "--json"))
    assert token["url"].endswith(token["token"])
    assert await told("assets", "delete", asset_id) == f"{asset_id} deleted\n"
    gone = await asyncio.to_thread(kadr, "assets", "show", asset_id, KADR_HOME=home)
    assert (gone.returncode, gone.stderr) == (1, "not_found: There is no such asset.\n")


def test_on_a_terminal_every_step_has_a_bar(home: str, clip: Path) -> None:
    code, out, seen = on_a_terminal("ingest", "--title", "bars", "--ladder", "apple", str(clip), KADR_HOME=home)
    assert code == 0
    first, watch, url = out.splitlines()
    assert re.fullmatch(r"as_\w{26} ready in [\d.]+ s", first)
    assert watch.startswith("watch: http://")
    assert url.endswith("/index.m3u8")
    assert "━" in seen
    assert "\x1b[" not in out, "what goes to a pipe is plain"
    for name in ("upload", "accept", "probe", "plan", "encode", "publish"):
        assert re.search(rf"^\W*{name} ", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen), re.MULTILINE), name
    size_mb = clip.stat().st_size / 1e6
    assert f"{size_mb:.1f}/{size_mb:.1f} MB" in seen
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen).rstrip().splitlines()[-8:]
    assert all("100 %" in line for line in last), last
    assert seen.rstrip().endswith("\x1b[?25h") or "\x1b[?25l" not in seen, "the cursor is back"


# the engine alone on a file


def test_encode_makes_a_folder_that_plays(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = kadr("encode", str(clip), "--out", str(out), "--ladder", "apple", "--preset", "ultrafast", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert [r["id"] for r in summary["renditions"]] == ["v360", "v234", "a1"]
    assert summary["playlist"] == str(out / "index.m3u8")
    assert "v360/index.m3u8" in (out / "index.m3u8").read_text()
    for name in ("v360", "v234", "a1"):
        listed = [line for line in (out / name / "index.m3u8").read_text().splitlines() if not line.startswith("#")]
        assert sorted(path.name for path in (out / name).glob("*.m4s")) == listed
    again = kadr("encode", str(clip), "--out", str(out))
    assert (again.returncode, again.stdout) == (2, "")
    assert "is not empty" in again.stderr


def test_plan_says_why(clip: Path, tmp_path: Path) -> None:
    told = kadr("plan", str(clip), "--ladder", "apple").stdout
    assert "30000/1001 frames a second: as in the upload" in told
    plan = json.loads(kadr("plan", str(clip), "--ladder", "apple", "--start", "1", "--end", "3", "--json").stdout)[
        "plan"
    ]
    assert (plan["frames"], plan["first_frame"]) == (60, 30)
    text = tmp_path / "notes.txt"
    text.write_text("no video at all")
    refused = kadr("plan", str(text))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("kadr plan: not_media: ")
    assert kadr("plan", str(tmp_path / "gone.mp4")).stderr.endswith("gone.mp4: no such file\n")


# the others


def test_help_lists_what_there_is() -> None:
    done = kadr("--help")
    assert (done.returncode, done.stderr) == (0, "")
    listed = re.findall(r"^    (\w+)(?: |$)", done.stdout, re.MULTILINE)
    alone = ["cost", "plan", "encode", "posters", "transcribe", "cues", "models", "sign", "usage", "check"]
    assert listed == [
        "up",
        "ingest",
        "assets",
        "token",
        "listen",
        *alone,
        "bench",
        "origin",
        "steer",
        "api",
        "worker",
        "dispatcher",
        "reconcile",
        "migrate",
    ]


def test_the_installed_script_is_the_module() -> None:
    script = Path(sys.executable).with_name("kadr")
    assert subprocess.check_output([str(script), "--help"], cwd=ROOT, encoding="utf-8") == kadr("--help").stdout


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("ingest",)])
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    done = kadr(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: kadr")


@pytest.mark.parametrize("command", some(["api", "origin", "worker", "migrate"], ["worker"], MORE_VALUES))
def test_a_setting_of_a_wrong_form_is_one_sentence(command: str) -> None:
    done = kadr(command, KADR_API_PORT="eighty", KADR_LEASE_S="-1", KADR_LOG_LEVEL="LOUD")
    assert (done.returncode, done.stdout) == (2, "")
    words = one_sentence(done.stderr)
    assert words.startswith(f"kadr {command}: ")
    for named in ("KADR_API_PORT='eighty': ", "KADR_LEASE_S='-1': ", "KADR_LOG_LEVEL='LOUD': "):
        assert named in words


@pytest.mark.parametrize("command", ["worker"])
def test_a_setting_that_does_not_exist_is_named(command: str) -> None:
    """A typing error must not be a default that nobody notices."""
    done = kadr(command, KADR_API_PROT="8080", KADR_DATABASE_URL="postgresql://kadr@127.0.0.1:1/kadr")
    assert (done.returncode, done.stdout) == (2, "")
    assert "KADR_API_PROT" in one_sentence(done.stderr)


@pytest.mark.parametrize("command", some(["api", "origin"], ["origin"], MORE_VALUES))
def test_bad_keys_are_one_sentence_without_the_secret(stack: Stack, command: str) -> None:
    for name in ("KADR_PLAYBACK_KEYS", "KADR_DELIVERY_KEYS"):
        if (command, name) == ("api", "KADR_DELIVERY_KEYS"):
            continue  # the write door signs no paths
        good = {"KADR_PLAYBACK_KEYS": f"k1:{'ab' * 32}", "KADR_DELIVERY_KEYS": f"k1:{'ab' * 32}"}
        settings = {**good, name: "k1:notthehexofasecret", "KADR_DATABASE_URL": stack.endpoints["database_url"]}
        port = f"KADR_{command.upper()}_PORT"
        done = kadr(command, **settings, **{port: "0"}, KADR_S3_URL=stack.endpoints["s3"])
        assert (done.returncode, done.stdout) == (2, "")
        assert name in one_sentence(done.stderr)
        assert "notthehex" not in done.stderr


@pytest.mark.parametrize("command", some(["api", "migrate"], ["migrate"], MORE_VALUES))
def test_no_database_is_one_sentence(command: str) -> None:
    keys = dict.fromkeys(("KADR_PLAYBACK_KEYS", "KADR_DELIVERY_KEYS"), f"k1:{'ab' * 32}")
    done = kadr(command, KADR_DATABASE_URL="postgresql://kadr:hunter2@127.0.0.1:1/kadr", **keys)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "hunter2" not in done.stderr
    words = one_sentence(done.stderr)
    assert "127.0.0.1" in words


def test_up_names_a_setting_of_a_wrong_form(tmp_path: Path) -> None:
    done = kadr("up", "--home", str(tmp_path / "home"), KADR_UP_WORKERS="many")
    assert (done.returncode, done.stdout) == (2, "")
    assert "KADR_UP_WORKERS='many'" in one_sentence(done.stderr)
