"""What steps on media have in common: the upload on this machine, ffmpeg's context, and storing an encode."""

import os
from dataclasses import dataclass
from pathlib import Path

from core.sandbox import machine, niceness
from core.storage import keys
from core.telemetry.failpoint import failpoint
from transcode import warnings
from transcode.encode.ffmpeg_run import FfmpegContext
from transcode.encode.renditions import EncodedFiles
from transcode.plan.encode_plan import EncodePlan
from workers import artifacts
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """One claimed step together with the worker that runs it."""

    worker: WorkerContext
    claimed: ClaimedStep

    async def local_source(self) -> Path:
        """The upload that the step's input names by hash (`source`), as a local file. Raises Rejected(no_source)."""
        return await self.worker.local_upload(self.claimed.asset, self.claimed.step.input["source"])

    async def local_watermark(self, plan: EncodePlan) -> Path | None:
        """The owner's watermark image as a file on this machine; None where the plan has no watermark."""
        if plan.video is None or plan.video.watermark is None:
            return None
        sha256 = plan.video.watermark.sha256
        return await self.worker.local_copy(keys.media_object(self.claimed.asset.id, sha256), sha256)

    @property
    def source_pixels(self) -> int:
        """Pixel count (width x height) of the source's video track; 0 without one."""
        video = (self.claimed.asset.source or {}).get("video")
        return video["width"] * video["height"] if video else 0

    def ffmpeg(self, nice: int = niceness.BACKGROUND) -> FfmpegContext:
        """How ffmpeg runs for this step. With several heavy slots each encoder gets its share of the processors; ffmpeg
        itself sees those of the machine, whatever a control group allows."""
        slots, mine = self.worker.settings.heavy_slots, machine.threads()
        threads = max(1, mine // slots) if slots > 1 or mine < len(os.sched_getaffinity(0)) else None
        return FfmpegContext(
            work_dir=self.claimed.work_dir,
            runner=self.worker.runner,
            binary=self.worker.ffmpeg,
            nice=nice,
            threads=threads,
        )

    async def store_encode(self, files: EncodedFiles) -> Outcome:
        """Store every segment and the listing of them. The outcome's output is {"encoded": hash of the listing}."""
        worker, claimed = self.worker, self.claimed
        failpoint(worker.settings, "encode.before_upload")
        await artifacts.store_pieces(
            worker, claimed.asset.id, files.encoded, files.pieces, lambda share: claimed.progress(0.95 + 0.05 * share)
        )
        failpoint(worker.settings, "encode.after_upload")
        listing = await artifacts.store_encoded(worker, claimed.asset.id, files.encoded)
        return Outcome(
            output={"encoded": listing},
            warnings=(warnings.SOURCE_DAMAGED,) if files.damaged else (),
            encoded_s=files.encoded.total_s,
        )
