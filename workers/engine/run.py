"""The `kadr worker` program: make its context, start worker, listeners and reconciler, stop cleanly on SIGTERM."""

import asyncio
import os
import signal
import socket

from core.concurrency import cancel_and_wait, repeat_every
from core.db import postgres
from core.hints import Hints
from core.model import StepKind
from core.own_folder import own_folder
from core.sandbox.child import ChildRunner
from core.settings import Settings
from core.step_kinds import SlotClass
from core.storage import s3
from core.telemetry import metrics, spans
from core.telemetry.logs import Log
from thumbnails.vision.face_model import face_model
from transcode.encode.capabilities import check, ffmpeg_binary
from workers.engine import collector, reconciler
from workers.engine.contract import WorkerContext
from workers.engine.listener import listen
from workers.engine.memory_budget import MemoryBudget, half_of_memory
from workers.engine.sources import Sources
from workers.engine.workdirs import worker_folder
from workers.engine.worker import Worker

_LOG = Log("worker")
FORGET_EVERY_S = 15.0


async def _forget_deleted_sources(context: WorkerContext) -> None:
    """Remove local copies of what was deleted, until cancelled."""
    await repeat_every(
        FORGET_EVERY_S,
        lambda: context.sources.forget_deleted(context.pool),
        lambda exc: _LOG.warning("sources.not_forgotten", error=repr(exc)),
    )


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Raises ConfigError when this machine cannot do the work safely."""
    runner = await ChildRunner.detect(settings.sandbox)
    binary = ffmpeg_binary(settings)
    own_folder(settings.work_dir, "KADR_WORK_DIR")
    face_model(settings)  # a name nobody knows stops the start, and not every title
    capabilities = await check(binary, runner, settings.work_dir)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    pool = await postgres.connect(settings, require_repaired=True)
    hints = Hints(settings)
    name = f"{socket.gethostname()}-{os.getpid()}"
    try:
        async with (
            spans.exported(settings, "worker"),
            s3.connect(settings) as stored,
            metrics.served(settings) as port,
        ):
            with worker_folder(settings.work_dir / "steps") as folder:
                context = WorkerContext(
                    settings=settings,
                    pool=pool,
                    storage=stored,
                    runner=runner,
                    sources=Sources(settings.work_dir / "sources", settings.work_cache_bytes),
                    ffmpeg=binary,
                    ffmpeg_version=capabilities.version,
                    codecs=capabilities.codecs,
                    memory=MemoryBudget(settings.memory_bytes or half_of_memory()),
                )
                counters = (metrics.RECLAIMS, metrics.LEASES_LOST, metrics.POSTPONED, metrics.STEP_CPU)
                metrics.begin_at_zero(*counters, labels=list(StepKind))
                metrics.watch_disk("work", settings.work_dir)
                worker = Worker(context, hints, name, folder)
                layers = sorted(runner.layers)
                if runner.missing:
                    _LOG.warning("sandbox.incomplete", missing=dict(runner.missing))
                _LOG.info("worker.started", worker=name, ffmpeg=capabilities.version, sandbox=layers, metrics_port=port)
                jobs = [
                    loop.create_task(worker.run()),
                    loop.create_task(reconciler.run(settings, pool, hints)),
                    loop.create_task(_forget_deleted_sources(context)),
                    loop.create_task(collector.run(settings, pool, stored)),
                    *(loop.create_task(listen(settings, worker, slots)) for slots in SlotClass if worker.count(slots)),
                    loop.create_task(stopping.wait()),
                ]
                done, pending = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
                await cancel_and_wait(pending)
                for job in done:
                    job.result()
    finally:
        await hints.close()
        await pool.close()
    _LOG.info("worker.stopped", worker=name)
