"""One worker: claim due steps, keep their leases while the stage runs, and end them by fenced writes.

PostgreSQL is asked every `poll_s`, and at once when a hint comes or a step of ours has just queued the next. Losing
PostgreSQL, Redis or storage costs time, never work: what cannot be ended is claimed again when its lease ends.
"""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

from core import assets, db, metrics, steps
from core.db import Connection
from core.errors import LeaseLost, Rejected, ToolKilled
from core.hints import Hints, WorkClass, class_of
from core.logs import Log
from core.model import StepKind, StepState
from core.steps import Step
from workers import given_up
from workers.fan_in import fan_in
from workers.pipeline import STAGES
from workers.stage import Assignment, Outcome, Tools
from workers.workdirs import step_folder

_LOG = Log("worker")
PROGRESS_EVERY_S = 1.0
_CANNOT_END: tuple[type[Exception], ...] = (LeaseLost, *db.UNAVAILABLE)


class _Progress:
    """The newest progress of a step and whether it has been told."""

    def __init__(self) -> None:
        self.value = 0.0
        self.told = 0.0

    def __call__(self, value: float) -> None:
        self.value = max(self.value, value)


class Worker:
    """Runs steps until cancelled; then hands back what it holds."""

    def __init__(self, tools: Tools, hints: Hints, name: str, folder: Path) -> None:
        self._tools = tools
        self._hints = hints
        self._name = name
        self._folder = folder
        self._wake = {work: asyncio.Event() for work in WorkClass}

    def wake(self, work: WorkClass) -> None:
        """There may be work of this class."""
        self._wake[work].set()

    async def run(self) -> None:
        """Serve every class of work. Cancel to stop; every step held then goes back without using up an attempt."""
        settings = self._tools.settings
        async with asyncio.TaskGroup() as group:
            slots = {
                WorkClass.LIGHT: settings.light_slots,
                WorkClass.TRANSFER: settings.transfer_slots,
                WorkClass.FIRST: settings.first_slots,
                WorkClass.HEAVY: settings.heavy_slots,
            }
            for work, count in slots.items():
                for _ in range(count):
                    group.create_task(self._serve(work))

    async def _serve(self, work: WorkClass) -> None:
        """One slot: claim, run, again."""
        settings = self._tools.settings
        while True:
            self._wake[work].clear()
            try:
                step = await steps.claim(self._tools.pool, work.kinds, self._name, settings.lease_s)
            except db.UNAVAILABLE as exc:
                _LOG.warning("claim.failed", error=repr(exc))
                await asyncio.sleep(min(1.0, settings.poll_s))
                continue
            if step is not None:
                await self._attempt(step)
                continue
            try:
                # Jitter, so that many workers do not ask in step.
                async with asyncio.timeout(settings.poll_s * random.uniform(0.8, 1.2)):
                    await self._wake[work].wait()
            except TimeoutError:
                pass

    async def _attempt(self, step: Step) -> None:
        """Run one claimed step to one of its ends, measured. Only cancellation comes out of here."""
        where = {"step": step.id, "kind": step.kind, "asset": step.asset_id, "attempt": step.attempts + 1}
        if step.interruptions:
            metrics.RECLAIMS.labels(step.kind).inc()
        started, outcome = time.monotonic(), "handed_back"
        try:
            outcome = await self._work(step)
            _LOG.info(f"step.{outcome}", seconds=round(time.monotonic() - started, 3), **where)
        except LeaseLost:
            outcome = "lease_lost"
            metrics.LEASES_LOST.labels(step.kind).inc()
            _LOG.warning("step.lease_lost", **where)
        except asyncio.CancelledError:
            await self._hand_back(step)
            raise
        except db.UNAVAILABLE as exc:
            # Nothing was written; the lease runs out and the step is claimed again.
            outcome = "unended"
            _LOG.warning("step.unended", error=repr(exc), **where)
        finally:
            metrics.STEP_SECONDS.labels(step.kind, outcome).observe(time.monotonic() - started)

    async def _work(self, step: Step) -> str:
        """The stage and the write that ends the step; how it ended. Raises LeaseLost, or that PostgreSQL is away."""
        try:
            outcome = await self._run_leased(step)
        except Rejected as exc:
            await self._reject(step, exc)
            return "rejected"
        except ToolKilled as exc:
            return await self._failed(step, exc, hard_death=True)
        except LeaseLost:
            raise
        except Exception as exc:  # noqa: BLE001 - one bad step must not end the worker; it is logged and counted
            return await self._failed(step, exc, hard_death=False)
        try:
            await self._end(step, outcome)
        except _CANNOT_END:
            raise
        except Exception as exc:  # noqa: BLE001 - an effect that PostgreSQL refuses is a failure of ours, too
            return await self._failed(step, exc, hard_death=False)
        return "done"

    async def _run_leased(self, step: Step) -> Outcome:
        """The stage, with its lease kept. Raises LeaseLost as soon as the lease is known to be gone."""
        progress = _Progress()
        lost = False
        asset = await assets.by_id(self._tools.pool, step.asset_id)
        if asset is None:
            raise LeaseLost
        with step_folder(self._folder, step.id) as folder:
            assignment = Assignment(step=step, asset=asset, work_dir=folder, progress=progress)
            stage = asyncio.ensure_future(STAGES[step.kind](self._tools, assignment))

            def stop() -> None:
                nonlocal lost
                lost = True
                stage.cancel()

            keeper = asyncio.ensure_future(self._keep(step, progress, stop))
            try:
                return await stage
            except asyncio.CancelledError:
                if lost:
                    raise LeaseLost from None
                stage.cancel()
                await asyncio.wait({stage})
                raise
            finally:
                keeper.cancel()
                await asyncio.wait({keeper})

    async def _keep(self, step: Step, progress: _Progress, stop: Callable[[], None]) -> None:
        """Heartbeats, sooner when there is progress to tell. Stops the stage when the lease is or must be gone."""
        settings = self._tools.settings
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(min(PROGRESS_EVERY_S, settings.heartbeat_s))
            now = time.monotonic()
            if now - renewed > settings.lease_s:
                return stop()  # asleep or cut off for too long: somebody else may have it
            if progress.value == progress.told and now - renewed < settings.heartbeat_s:
                continue
            try:
                value = progress.value
                await steps.heartbeat(self._tools.pool, step, settings.lease_s, value)
                progress.told, renewed = value, now
            except LeaseLost:
                return stop()
            except db.UNAVAILABLE as exc:
                _LOG.warning("heartbeat.failed", step=step.id, error=repr(exc))

    async def _end(self, step: Step, outcome: Outcome) -> None:
        """The step's end, its effect and the steps that follow: one transaction."""
        queued: list[tuple[str, StepKind]] = []
        async with self._tools.pool.acquire() as connection, connection.transaction():
            await steps.finish(connection, step, StepState.DONE, output=outcome.output)
            if outcome.effect:
                await outcome.effect(connection)
            for code, message in outcome.warnings:
                await assets.warn(connection, step.asset_id, code, message)
            # A run of its own for each upload, pull or reprocess: the same bytes again are new work.
            run = step.input.get("run", step.id)
            then = outcome.then
            if outcome.part:
                then = (*then, *await fan_in(connection, step.asset_id, run))
            for kind, step_input in then:
                if new := await steps.insert(connection, step.asset_id, kind, {**step_input, "run": run}):
                    queued.append((new, kind))
        for owed, kind in queued:
            self.wake(class_of(kind))
            await self._hints.send(owed, kind)
        if outcome.afterwards:
            try:
                await outcome.afterwards()
            except Exception as exc:  # noqa: BLE001 - tidying up only; the step has ended
                _LOG.warning("step.afterwards_failed", step=step.id, error=repr(exc))

    async def _reject(self, step: Step, rejected: Rejected) -> None:
        async with self._tools.pool.acquire() as connection, connection.transaction():
            error = {"code": rejected.code, "message": str(rejected)}
            await steps.finish(connection, step, StepState.FAILED, error=error)
            await self._stop_run(connection, step)
            await given_up.tell(connection, step.asset_id, step.kind, step.input, rejected)
            if step.kind is StepKind.ACCEPT:
                refused = {"upload_id": step.input["upload_id"], "refused": True}
                await steps.insert(connection, step.asset_id, StepKind.DISCARD, refused)

    async def _stop_run(self, connection: Connection, step: Step) -> None:
        """What waits for a step that cannot be done. Nothing waits for an extra."""
        if not step.kind.is_extra:
            await steps.stop_run(connection, step.asset_id, step.input.get("run", step.id))

    async def _failed(self, step: Step, exc: Exception, *, hard_death: bool) -> str:
        """Count an attempt; queue again after a while, or give up and leave a dead letter."""
        settings = self._tools.settings
        error = {"code": type(exc).__name__, "message": str(exc)[:2000]}
        deadly = hard_death and step.hard_deaths + 1 >= settings.max_hard_deaths
        if not deadly and step.attempts + 1 < settings.max_attempts:
            delay_s = min(60.0, 2.0**step.attempts) * random.uniform(0.5, 1.0)
            _LOG.warning("step.failed", step=step.id, kind=step.kind, retry_in_s=round(delay_s, 1), **error)
            await steps.hand_back(
                self._tools.pool, step, error=error, attempt=True, hard_death=hard_death, delay_s=delay_s
            )
            asyncio.get_running_loop().call_later(delay_s, self.wake, class_of(step.kind))
            return "failed"
        _LOG.error("step.dead", exc, step=step.id, kind=step.kind, asset=step.asset_id)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            await steps.finish(connection, step, StepState.DEAD, error=error, attempt=True, hard_death=hard_death)
            await self._stop_run(connection, step)
            await given_up.tell(connection, step.asset_id, step.kind, step.input, given_up.dead_letter(deadly=deadly))
        return "dead"

    async def _hand_back(self, step: Step) -> None:
        """Leaving: the step is due at once for somebody else. Shielded, because this worker is being cancelled."""

        async def back() -> None:
            try:
                await steps.hand_back(self._tools.pool, step)
            except _CANNOT_END as exc:
                _LOG.warning("step.not_handed_back", step=step.id, error=repr(exc))

        await asyncio.shield(asyncio.ensure_future(back()))
