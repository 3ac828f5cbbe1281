"""Requests that are not HTTP, at every door: answered, and no word of theirs in a log."""

import asyncio
import contextlib
import json
import os

import pytest

from tests.stack import Stack

DOORS = ("api", "origin")
KEY = "kadr_spy{}.Zk9-q_w3RtY7uIoP1aSdFgHjKl5ZxCvBnM0"
LONG = "a" * 9000


def malformed(secret: str) -> list[bytes]:
    """Requests that a parser refuses at one place or another, each with the secret in it."""
    bearer = f"Authorization: Bearer {secret}"
    requests = [
        f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization : Bearer {secret}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization\0: Bearer {secret}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: a\r\n{bearer}\0\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: a\r\n{bearer}\r\nno colon {secret}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: a\r\n{bearer}{LONG}\r\n\r\n",
        f"GET /?token={secret} HTTP/9.9\r\nHost: a\r\n\r\n",
        f"GET /?token={secret}{LONG} HTTP/1.1\r\nHost: a\r\n\r\n",
        f"GET /?token={secret} \0 HTTP/1.1\r\nHost: a\r\n\r\n",
        f"{secret}\r\n\r\n",
        f"GÉT /{secret} HTTP/1.1\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: a\r\n{bearer}\r\nContent-Length: x{secret}\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: a\r\n{bearer}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: a\r\n{bearer}\r\nTransfer-Encoding: chunked\r\n\r\nx{secret}\r\n",
        f"POST / HTTP/1.1\r\nHost: a\r\n{bearer}\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n{secret}",
        f"POST /image/events HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 80\r\n\r\n{secret:80}",
        f"GET / HTTP/1.1\r\nHost: a\r\n{bearer}\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n\0{secret}\r\n\r\n",
    ]
    return [request.encode() for request in requests]


async def answer(url: str, request: bytes) -> bytes:
    """What comes back until the server closes, or waits for the rest of a request that has none."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        got = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while more := await asyncio.wait_for(reader.read(65536), 3):
                got += more
        return got
    finally:
        writer.close()


@pytest.mark.parametrize("door", DOORS)
async def test_a_malformed_request_is_answered_and_leaves_nothing_in_a_log(stack: Stack, door: str) -> None:
    secret, url = KEY.format(os.urandom(4).hex()), stack.endpoints[door]
    answers = await asyncio.gather(*(answer(url, request) for request in malformed(secret)))
    assert sum(one.startswith(b"HTTP/1.") and b" 400 " in one[:16] for one in answers) >= 8, answers
    for one in answers:
        head, _, body = one.partition(b"\r\n\r\n")
        assert b"server:" not in head.lower()
        if b" 400 " in head[:16] and body:
            assert json.loads(body)["code"] in {"malformed_request", "not_json", "bad_request"}
            assert secret.encode() not in body
    for good in ("/health/live", "/nowhere"):
        head, _, _ = (await answer(url, f"GET {good} HTTP/1.1\r\nHost: a\r\n\r\n".encode())).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), head
        assert b"server:" not in head.lower()
    for log in (stack.home / "logs").glob("*.log"):
        text = log.read_text(errors="replace")
        assert secret not in text, log
        assert "Error handling request" not in text, log
