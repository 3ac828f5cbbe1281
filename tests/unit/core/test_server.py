"""core.http.server.serve: what open requests have, when a server is to end."""

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from core.tether import tethered
from tests.lone_origin import free_port
from tests.waiting import until

# Answers with half of a file, and with the other half once it may.
SERVER = """
import asyncio, sys
from pathlib import Path
from aiohttp import web
from core.http import server

async def file(request):
    answer = web.StreamResponse(headers={"Content-Length": "2"})
    await answer.prepare(request)
    await answer.write(b"1")
    while not Path(sys.argv[3]).exists():
        await asyncio.sleep(0.01)
    await answer.write(b"2")
    return answer

app = web.Application()
app.router.add_get("/", file)
server.serve(app, "127.0.0.1", int(sys.argv[1]), drain_s=float(sys.argv[2]))
"""


@pytest.mark.parametrize(("drain_s", "whole"), [(60, True), (0.05, False)])
async def test_what_is_being_sent_has_the_time_that_was_set(tmp_path: Path, drain_s: float, whole: bool) -> None:
    port, go_on = free_port(), tmp_path / "go_on"
    argv = (sys.executable, "-c", SERVER, str(port), str(drain_s), str(go_on))
    program = await asyncio.create_subprocess_exec(*tethered(argv, signal.SIGKILL))

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    await until(listens)
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
        assert await answer.content.readexactly(1) == b"1"
        program.terminate()
        await until(listens, lambda still: not still)
        if whole:
            go_on.touch()
            assert await answer.content.read() == b"2"
        else:
            with pytest.raises(aiohttp.ClientError):
                await answer.content.read()
    assert await program.wait() == 0
