"""nginx for measurements and tests: our edge by its template, and the plain servers that it is compared with.

In: an nginx binary, a folder of its own, values. Out: a running nginx, stopped at the end whatever happened.
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from core.errors import KadrError

TEMPLATE = Path(__file__).parents[2] / "deploy" / "edge" / "nginx.conf"
START_S = 10.0
STOP_S = 10.0
# The same document by nginx alone: once as it is, once behind secure_link.
PEERS = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
    default_type application/octet-stream;
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location /static/ {{ alias {files}/; }}
        location ~ ^/signed/(?<md5>[^/]+)/(?<expires>[0-9]+)/(?<name>[a-z0-9.]+)$ {{
            secure_link "$md5,$expires";
            secure_link_md5 "$secure_link_expires/signed/ {secret}";
            if ($secure_link = "") {{ return 403; }}
            if ($secure_link = "0") {{ return 410; }}
            alias {files}/$name;
        }}
    }}
}}
"""


def binary() -> str | None:
    """nginx of this machine, if it has one."""
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/local/nginx/sbin:/usr/bin:/usr/local/bin")


def rendered(values: Mapping[str, str]) -> str:
    """The template of the edge with each ${KADR_EDGE_NAME} replaced by `values["NAME"]`. Raises KeyError."""
    text = "\n".join(line for line in TEMPLATE.read_text("utf-8").splitlines() if not line.lstrip().startswith("#"))
    return re.sub(r"\$\{KADR_EDGE_([A-Z0-9_]+)\}", lambda found: values[found[1]], text)


@asynccontextmanager
async def running(nginx: str, folder: Path, config: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run nginx with this configuration; yields once it accepts connections on `port`. Raises KadrError."""
    path = folder / "nginx.conf"
    # A master that is root would give its workers to a user who may not see our folder.
    as_whom = "user root;\n" if os.geteuid() == 0 else ""
    path.write_text(f"daemon off;\n{as_whom}{config}")
    with (folder / "stderr.log").open("wb") as log_file:
        server = await asyncio.create_subprocess_exec(
            nginx, "-p", str(folder), "-e", "stderr", "-c", str(path), stdout=log_file, stderr=log_file
        )
    try:
        await _until_open(server, port, folder / "stderr.log")
        yield server
    finally:
        if server.returncode is None:
            server.terminate()
        try:
            await asyncio.wait_for(server.wait(), STOP_S)
        except TimeoutError:
            server.kill()
            await server.wait()


async def _until_open(server: asyncio.subprocess.Process, port: int, log_file: Path) -> None:
    for _ in range(int(START_S / 0.05)):
        if server.returncode is not None:
            break
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return
    log = await asyncio.to_thread(log_file.read_text, errors="replace")
    raise KadrError(f"nginx did not start: {log[-2000:]}")
