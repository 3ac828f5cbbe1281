"""One worker: claim due steps, keep their leases while the stage runs, and end them by fenced writes.

PostgreSQL is queried every `poll_s`, and at once when a hint comes or a step of ours has just queued the next. Losing
PostgreSQL, Redis or storage costs time, never work: what cannot be ended is claimed again when its lease ends.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.concurrency import cancel_and_wait, gather_all, run_to_end
from core.db import assets, postgres, steps
from core.db.postgres import Connection
from core.db.steps import Step
from core.errors import LeaseLost, OutOfMemory, Rejected, ToolKilled
from core.hints import Hints
from core.model import StepKind, StepState
from core.sandbox import niceness
from core.step_kinds import TRAITS, SlotClass
from core.telemetry import metrics, spans, trace
from core.telemetry.logs import Log
from workers.engine import failures
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.engine.fan_in import COUNTED, fan_in
from workers.engine.step_functions import STAGES
from workers.engine.workdirs import step_folder

_LOG = Log("worker")
PROGRESS_EVERY_S = 1.0
LEAST_COST_S = 0.05  # of a step that starts no program: a claim, transactions
ENDS_WELL = frozenset({"done", "rejected", "released", "postponed"})  # for us: a refused file is its owner's error
_CANNOT_END: tuple[type[Exception], ...] = (LeaseLost, *postgres.UNAVAILABLE)


class _Progress:
    """The newest progress of a step (0..1), and what was last written to its row."""

    def __init__(self) -> None:
        self.value = 0.0
        self.written = 0.0

    def __call__(self, value: float) -> None:
        self.value = max(self.value, value)


class Worker:
    """Runs steps until cancelled; then releases the steps it holds."""

    def __init__(self, context: WorkerContext, hints: Hints, name: str, folder: Path) -> None:
        self._context = context
        self._hints = hints
        self._name = name
        self._folder = folder
        self._wake = {slots: asyncio.Event() for slots in SlotClass}
        self._claiming = {slots: asyncio.Lock() for slots in SlotClass}

    def wake(self, slots: SlotClass) -> None:
        """Query PostgreSQL now for a step of this class, if a slot is free."""
        self._wake[slots].set()

    async def run(self) -> None:
        """Serve every class of steps. Cancel to stop; every step held is then released without using up an attempt."""
        # Not a TaskGroup: before Python 3.12 a slot can lose its cancellation, and a group cancels only once.
        await gather_all(*(self._serve(slots) for slots in SlotClass for _ in range(self.count(slots))))

    def count(self, slots: SlotClass) -> int:
        """How many steps of this class are run at once; 0: they are for other workers."""
        count: int = getattr(self._context.settings, f"{slots.value}_slots")
        return count

    async def _serve(self, slots: SlotClass) -> None:
        """One slot: claim a step of this class and run it, again and again."""
        while True:
            # One free slot of a class waits and claims, for all: the others wait for it. Claims at the same moment
            # would not see each other's, and each would ask PostgreSQL.
            async with self._claiming[slots]:
                step = await self._next(slots)
            with trace.following(step.trace):
                await self._attempt(step)
            # Whoever waits for all could claim nothing of this owner's as long as it held all the slots it may hold.
            self.wake(slots)

    async def _next(self, slots: SlotClass) -> Step:
        """The next step of this class, waited for."""
        settings = self._context.settings
        while True:
            self._wake[slots].clear()
            try:
                step = await self._claim(slots)
            except postgres.UNAVAILABLE as exc:
                _LOG.warning("claim.failed", error=repr(exc))
                await asyncio.sleep(min(1.0, settings.poll_s))
                continue
            if step is not None:
                return step
            # Jitter, so that many workers do not query at the same moment.
            with suppress(TimeoutError):
                async with asyncio.timeout(settings.poll_s * random.uniform(0.8, 1.2)):
                    await self._wake[slots].wait()

    async def _claim(self, slots: SlotClass) -> Step | None:
        """A step of this class that is due. One owner gets all slots but one, so that the next owner finds one free.

        All of the heavy ones: those are for nobody who waits to see something, and each is free again after a chunk.
        """
        count, lease_s = self.count(slots), self._context.settings.lease_s
        most = count if slots is SlotClass.HEAVY else max(1, count - 1)
        claim = asyncio.ensure_future(steps.claim(self._context.pool, slots.kinds, self._name, lease_s, most))
        try:
            # To its end: cancelled halfway, PostgreSQL may commit a claim that nobody knows of until its lease ends.
            return await run_to_end(claim)
        except asyncio.CancelledError:
            if not claim.cancelled() and claim.exception() is None and (step := claim.result()) is not None:
                await self._release(step)
            raise

    async def _attempt(self, step: Step) -> None:
        """Run one claimed step to one of its ends, as a span. Only cancellation comes out of here."""
        attempt = step.attempts + 1
        with spans.span(f"step {step.kind}", step=step.id, asset=step.asset_id, attempt=attempt):
            await self._measured(step)

    async def _measured(self, step: Step) -> None:
        """The same, with its time, CPU time and memory counted, and its owner charged."""
        log_fields = {"step": step.id, "kind": step.kind, "asset": step.asset_id, "attempt": step.attempts + 1}
        if step.reclaimed:
            metrics.RECLAIMS.labels(step.kind).inc()
        started, outcome = time.monotonic(), "released"
        runner = self._context.runner.apart(nicer=niceness.BESIDE_OTHERS if step.beside_others else 0)
        try:
            outcome = await self._work(step, replace(self._context, runner=runner), log_fields)
            _LOG.info(f"step.{outcome}", seconds=round(time.monotonic() - started, 3), **log_fields)
        except LeaseLost:
            outcome = "lease_lost"
            metrics.LEASES_LOST.labels(step.kind).inc()
            _LOG.warning("step.lease_lost", **log_fields)
        except asyncio.CancelledError:
            await run_to_end(self._hand_back(step))
            raise
        except postgres.UNAVAILABLE as exc:
            # Nothing was written; the lease runs out and the step is claimed again.
            outcome = "unended"
            _LOG.warning("step.unended", error=repr(exc), **log_fields)
        finally:
            seconds = time.monotonic() - started
            metrics.STEP_SECONDS.labels(step.kind, outcome).observe(seconds)
            cost_s = seconds if TRAITS[step.kind].slots.waits_for_network else runner.cpu_s
            spans.note(failed=None if outcome in ENDS_WELL else outcome, outcome=outcome)
            metrics.STEP_CPU.labels(step.kind).inc(runner.cpu_s)
            if runner.cpu_s:
                metrics.STEP_MEMORY.labels(step.kind).observe(runner.peak_bytes)
            await self._settle(step, cost_s, runner.cpu_s)

    async def _settle(self, step: Step, cost_s: float, cpu_s: float) -> None:
        """Charge the owner what the step has cost. Where that fails, what was expected of it stands."""
        try:
            await run_to_end(steps.settle_turn(self._context.pool, step, max(cost_s, LEAST_COST_S), cpu_s))
        except postgres.UNAVAILABLE as exc:
            _LOG.warning("step.not_settled", step=step.id, error=repr(exc))

    async def _work(self, step: Step, context: WorkerContext, log_fields: dict[str, Any]) -> str:
        """Run the stage and write the end of the step; in one word how it ended. Raises LeaseLost, db.UNAVAILABLE.

        `log_fields` gets the code of a rejection.
        """
        try:
            outcome = await self._run_leased(step, context)
        except Rejected as exc:
            await self._reject(step, exc)
            log_fields["code"] = exc.code
            return "rejected"
        except ToolKilled as exc:
            return await self._failed(step, exc, crash=True)
        except LeaseLost:
            raise
        except Exception as exc:  # noqa: BLE001 - one bad step must not end the worker; it is logged and counted
            return await self._failed(step, exc, crash=False)
        try:
            await self._end(step, outcome)
        except _CANNOT_END:
            raise
        except Exception as exc:  # noqa: BLE001 - an on_commit that PostgreSQL refuses is a failure of ours, too
            return await self._failed(step, exc, crash=False)
        return "done"

    async def _run_leased(self, step: Step, context: WorkerContext) -> Outcome:
        """Run the stage while its lease is renewed. Raises LeaseLost as soon as the lease is known to be lost."""
        progress = _Progress()
        lost = False
        asset = await assets.by_id(self._context.pool, step.asset_id)
        if asset is None:
            raise LeaseLost
        with step_folder(self._folder, step.id) as folder:
            claimed = ClaimedStep(step=step, asset=asset, work_dir=folder, progress=progress)
            stage = asyncio.ensure_future(STAGES[step.kind](context, claimed))

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
                await cancel_and_wait([stage])
                raise
            finally:
                await cancel_and_wait([keeper])

    async def _keep(self, step: Step, progress: _Progress, stop: Callable[[], None]) -> None:
        """Send heartbeats, sooner when there is progress to write. Calls `stop` when the lease is lost, or must be."""
        settings = self._context.settings
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(min(PROGRESS_EVERY_S, settings.heartbeat_s))
            now = time.monotonic()
            if now - renewed > settings.lease_s:
                return stop()  # asleep or cut off for too long: somebody else may have it
            if progress.value == progress.written and now - renewed < settings.heartbeat_s:
                continue
            try:
                value = progress.value
                await steps.heartbeat(self._context.pool, step, settings.lease_s, value)
                progress.written, renewed = value, now
            except LeaseLost:
                return stop()
            except Exception as exc:  # noqa: BLE001 - without heartbeats the lease ends, and the stage with it
                _LOG.warning("heartbeat.failed", step=step.id, error=repr(exc))

    async def _end(self, step: Step, outcome: Outcome) -> None:
        """Write the step's end, run its on_commit and queue the steps that follow, in one transaction."""
        queued: list[tuple[str, StepKind]] = []
        async with self._context.pool.acquire() as connection, connection.transaction():
            await steps.finish(connection, step, StepState.DONE, output=outcome.output)
            if outcome.on_commit:
                await outcome.on_commit(connection)
            for code, message in outcome.warnings:
                await assets.warn(connection, step.asset_id, code, message)
            # A run of its own for each upload, pull or reprocess: the same bytes again are new work.
            following = outcome.next_steps
            if step.kind in COUNTED:
                following = (*following, *await fan_in(connection, step.asset_id, step.run))
            for kind, step_input in following:
                run_input = {**step_input, "run": step.run}
                if new := await steps.insert(connection, step.asset_id, kind, run_input, trace=step.trace):
                    queued.append((new, kind))
        metrics.ENCODED.labels(step.kind).inc(outcome.encoded_s)
        for queued_step, kind in queued:
            self.wake(TRAITS[kind].slots)
            await self._hints.send(queued_step, kind)
        if outcome.after_commit:
            try:
                await outcome.after_commit()
            except Exception as exc:  # noqa: BLE001 - tidying up only; the step has ended
                _LOG.warning("step.after_commit_failed", step=step.id, error=repr(exc))

    async def _reject(self, step: Step, rejected: Rejected) -> None:
        """End a step whose media was rejected; the parts of a refused upload are removed."""
        async with self._context.pool.acquire() as connection, connection.transaction():
            error = {"code": rejected.code, "message": str(rejected)}
            await steps.finish(connection, step, StepState.FAILED, error=error)
            await self._record_failure(connection, step, rejected)
            if step.kind is StepKind.ACCEPT:
                refused = {"upload_id": step.input["upload_id"], "refused": True}
                await steps.insert(connection, step.asset_id, StepKind.DISCARD, refused, trace=step.trace)

    async def _record_failure(self, connection: Connection, step: Step, error: Rejected) -> None:
        await failures.record_failure(connection, step.asset_id, step.kind, step.id, step.input, error)

    async def _failed(self, step: Step, exc: Exception, *, crash: bool) -> str:
        """Count an attempt; queue again after a while, or give up and leave a dead letter."""
        settings = self._context.settings
        error = {"code": type(exc).__name__, "message": str(exc)[:2000]}
        if failures.is_of_the_machine(exc):
            return await self._postpone(step, exc, error)
        crashed = crash and step.crashes + 1 >= settings.max_hard_deaths
        if not crashed and step.attempts + 1 < settings.max_attempts:
            delay_s = min(60.0, 2.0**step.attempts) * random.uniform(0.5, 1.0)
            _LOG.warning("step.failed", step=step.id, kind=step.kind, retry_in_s=round(delay_s, 1), **error)
            await steps.release(self._context.pool, step, error=error, attempt=True, crash=crash, delay_s=delay_s)
            asyncio.get_running_loop().call_later(delay_s, self.wake, TRAITS[step.kind].slots)
            return "failed"
        await self._give_up(step, exc, error, failures.out_of_attempts(crashed=crashed), attempt=True, crash=crash)
        return "dead"

    async def _postpone(self, step: Step, exc: Exception, error: dict[str, str]) -> str:
        """Queue the step again without counting an attempt; where it is memory that lacks, not for ever."""
        if isinstance(exc, OutOfMemory) and step.postponements >= failures.MAX_POSTPONEMENTS:
            await self._give_up(step, exc, error, failures.out_of_memory())
            return "dead"
        delay_s = failures.postponed_s(step.postponements) * random.uniform(0.5, 1.0)
        _LOG.warning("step.postponed", step=step.id, kind=step.kind, retry_in_s=round(delay_s, 1), **error)
        metrics.POSTPONED.labels(step.kind).inc()
        await steps.release(self._context.pool, step, error=error, postponed=True, delay_s=delay_s)
        asyncio.get_running_loop().call_later(delay_s, self.wake, TRAITS[step.kind].slots)
        return "postponed"

    async def _give_up(
        self,
        step: Step,
        exc: Exception,
        error: dict[str, str],
        told: Rejected,
        *,
        attempt: bool = False,
        crash: bool = False,
    ) -> None:
        """Leave a dead letter; `told` is what the owner reads."""
        _LOG.error("step.dead", exc, step=step.id, kind=step.kind, asset=step.asset_id)
        async with self._context.pool.acquire() as connection, connection.transaction():
            await steps.finish(connection, step, StepState.DEAD, error=error, attempt=attempt, crash=crash)
            await self._record_failure(connection, step, told)

    async def _hand_back(self, step: Step) -> None:
        """Release a step of a worker that is stopped, after a claim that is under way: that would take it again."""
        async with self._claiming[TRAITS[step.kind].slots]:
            await self._release(step)

    async def _release(self, step: Step) -> None:
        """Make the step due at once for another worker, however often this worker is cancelled meanwhile."""

        async def release() -> None:
            try:
                await steps.release(self._context.pool, step)
            except _CANNOT_END as exc:
                _LOG.warning("step.not_released", step=step.id, error=repr(exc))

        await run_to_end(release())
