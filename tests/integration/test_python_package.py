"""The Python client as others have it: alone in an environment of its own, and in the quickstart, which is followed."""

import asyncio
import base64
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp

from core.tokens import webhook_signature
from tests.checks import ROOT
from tests.code_blocks import code_blocks
from tests.lone_origin import free_port
from tests.stack import Stack, as_owner
from tests.waiting import until

FOLDER = ROOT / "clients" / "python"
UV = Path(sys.executable).with_name("uv")
WITHIN_S = 300
USE = """
import asyncio, json, sys, time
import kadr_client

async def main():
    async with kadr_client.Kadr(sys.argv[1], "key", tries=1) as kadr:
        try:
            await kadr.assets.get("as_1")
        except kadr_client.NoAnswer as error:
            print(error.code)

asyncio.run(main())
event = {"id": "ev_1", "type": "video.asset.ready"}
body = json.dumps(event).encode()
headers = kadr_client.sign_webhook(body, "ev_1", int(time.time()), sys.argv[2])
print(kadr_client.verify_webhook(body, headers, sys.argv[2])["id"])
"""


def installed_bytes(environment: Path) -> int:
    return sum(path.lstat().st_size for path in environment.rglob("*") if path.is_file())


def run(*argv: str | Path, **env: str) -> str:
    """What a program prints; without this checkout's folders on its path."""
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        argv, env={**bare, **env}, check=True, capture_output=True, text=True, timeout=WITHIN_S
    ).stdout


def test_it_installs_alone(tmp_path: Path) -> None:
    """In an empty environment it brings aiohttp and what that needs, takes what its README says, and works."""
    environment, python = tmp_path / "environment", tmp_path / "environment" / "bin" / "python"
    run(UV, "venv", "--quiet", "--python", sys.executable, environment)
    before = installed_bytes(environment)
    run(UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, FOLDER)
    (told_mb,) = re.findall(r"adds (\d+) MB to an empty", (FOLDER / "README.md").read_text())
    assert abs((installed_bytes(environment) - before) / 1e6 - int(told_mb)) < 2
    listed = json.loads(run(UV, "pip", "list", "--quiet", "--format", "json", "--python", python))
    names = {one["name"] for one in listed}
    assert {"aiohttp", "kadr-client"} < names
    assert names.isdisjoint({"kadr", "pydantic", "requests", "httpx"})
    said = run(python, "-c", USE, f"http://127.0.0.1:{free_port()}", webhook_signature.new_secret(), HOME=str(tmp_path))
    assert said.split() == ["no_answer", "ev_1"]


async def test_the_quickstart_is_followed_from_its_text(stack: Stack, tiny: Path, tmp_path: Path) -> None:
    """Every command and file of its first half, in an empty folder, with another port; then a pupil has a lesson."""
    owner, port = await as_owner(stack, "quickstart"), free_port()
    kadr, school = tmp_path / "kadr", tmp_path / "school"
    for folder in (kadr / ".kadr", kadr / ".venv" / "bin"):
        folder.mkdir(parents=True)
    for name in ("clients", "docs", "studio"):
        (kadr / name).symlink_to(ROOT / name)
    command = kadr / ".venv" / "bin" / "kadr"  # of this checkout, whatever is installed
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}:{FOLDER} exec {sys.executable} -m kadr "$@"\n')
    command.chmod(0o755)
    (kadr / ".kadr" / "endpoints.json").write_text(json.dumps(owner.endpoints))
    (tmp_path / "lesson.mp4").write_bytes(tiny.read_bytes())
    script = ["set -e", f"cd {tmp_path}"]
    for block in code_blocks(ROOT / "docs" / "integrate.md", until="## Next.js"):
        if block.title:
            script.append(f"cat > {block.title} <<'END_OF_FILE'\n{block.text}END_OF_FILE")
        elif block.language == "sh":
            script.append(block.text.replace(" lesson.mp4", " ../lesson.mp4").replace("8000", str(port)))
    script.append("echo followed; wait")
    with (tmp_path / "complaints").open("wb") as complaints:
        following = await asyncio.create_subprocess_exec(
            *("bash", "-c", "\n".join(script)),
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "SCHOOL_URL": f"http://127.0.0.1:{port}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        )
    pupil = {"Authorization": f"Basic {base64.b64encode(b'ann:apple').decode()}"}

    async def lesson() -> tuple[int, str]:
        assert following.returncode is None, (tmp_path / "complaints").read_text()
        try:
            async with (
                aiohttp.ClientSession(headers=pupil) as session,
                session.get(f"http://127.0.0.1:{port}/lessons/2") as answer,
            ):
                return answer.status, await answer.text()
        except aiohttp.ClientConnectionError:
            return 0, ""

    try:
        _, page = await until(lesson, lambda got: got[0] == 200, within_s=WITHIN_S, every_s=0.3)
        assert following.stdout is not None
        said = await asyncio.wait_for(following.stdout.readuntil(b"followed\n"), WITHIN_S)
    finally:
        os.killpg(following.pid, signal.SIGKILL)
        await following.wait()
    assert "<kadr-player playback-id=" in page
    assert b"whsec_" in said
    assert (school / "school.sqlite3").exists()
