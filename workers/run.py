"""The `kadr worker` program: make the tools, start worker, listeners and reconciler, stop cleanly on SIGTERM."""

import asyncio
import os
import signal
import socket

from prometheus_client import start_http_server

from core import db, storage
from core.child import ChildRunner
from core.hints import Hints, WorkClass
from core.logs import Log
from core.settings import Settings
from transcode.capabilities import check, ffmpeg_binary
from workers import reconciler
from workers.budget import MemoryBudget, half_of_memory
from workers.listener import listen
from workers.sources import Sources
from workers.stage import Tools
from workers.workdirs import worker_folder
from workers.worker import Worker

_LOG = Log("worker")


def _serve_metrics(settings: Settings) -> int | None:
    """Serve Prometheus on a port of this worker's own, in a thread; the port, or None when there is to be none."""
    if settings.worker_metrics_port is None:
        return None
    server, _ = start_http_server(settings.worker_metrics_port, addr=settings.worker_metrics_host)
    return int(server.server_port)


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Raises ConfigError when this machine cannot do the work safely."""
    runner = await ChildRunner.detect(settings.sandbox)
    binary = ffmpeg_binary(settings)
    settings.work_dir.mkdir(parents=True, exist_ok=True)
    able = await check(binary, runner, settings.work_dir)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    pool = await db.connect(settings, require_repaired=True)
    hints = Hints(settings)
    name = f"{socket.gethostname()}-{os.getpid()}"
    try:
        async with storage.connect(settings) as stored:
            with worker_folder(settings.work_dir / "steps") as folder:
                tools = Tools(
                    settings=settings,
                    pool=pool,
                    storage=stored,
                    runner=runner,
                    sources=Sources(settings.work_dir / "sources", settings.work_cache_bytes),
                    ffmpeg=binary,
                    ffmpeg_version=able.version,
                    codecs=able.codecs,
                    memory=MemoryBudget(settings.memory_bytes or half_of_memory()),
                )
                worker = Worker(tools, hints, name, folder)
                port = _serve_metrics(settings)
                layers = sorted(runner.layers)
                _LOG.info("worker.started", worker=name, ffmpeg=able.version, sandbox=layers, metrics_port=port)
                jobs = [
                    loop.create_task(worker.run()),
                    loop.create_task(reconciler.run(settings, pool, hints)),
                    *(loop.create_task(listen(settings, worker, work)) for work in WorkClass),
                    loop.create_task(stopping.wait()),
                ]
                done, pending = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
                for job in pending:
                    job.cancel()
                await asyncio.wait(pending)
                for job in done:
                    job.result()
    finally:
        await hints.close()
        await pool.close()
    _LOG.info("worker.stopped", worker=name)
