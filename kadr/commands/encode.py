"""`kadr plan` and `kadr encode`: the stages of the pipeline on one file, without any service.

In: a file and encode options. Out: the plan, or a folder of playlists and segments that any web server can serve.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import KadrError, Rejected, ToolFailed
from core.media.crop import Reframe
from core.media.encoded import Encoded, RenditionKind
from core.model import AssetId
from core.sandbox.child import ChildRunner
from core.settings import Settings
from packager import revision
from packager.names import PLAYLIST_NAME
from presets.effort import Effort
from presets.rung import Codec
from thumbnails.reframe.find_crop import find_crop
from thumbnails.vision.face_model import face_model
from transcode import warnings
from transcode.encode import renditions as transcoder
from transcode.encode import verify
from transcode.encode.capabilities import ffmpeg_binary
from transcode.encode.ffmpeg_run import FfmpegContext
from transcode.encode.fragments import WrongOutput
from transcode.encode.join import join
from transcode.encode.renditions import EncodedFiles
from transcode.pertitle import analyse as analyser
from transcode.pertitle.settle import apply_analysis
from transcode.plan.build import build_plan, on_regular_grid
from transcode.plan.encode_plan import AudioPlan, Decision, EncodePlan, Options, plan_to_json
from transcode.plan.options import seconds
from transcode.plan.watermark import Watermark
from transcode.probe.probe import probe_title
from transcode.probe.source import Index, Source, to_json
from workers.reframe_request import reframe_request

if TYPE_CHECKING:
    from rich.progress import Progress

NO_ASSET = AssetId("as_none")  # stands in the object keys of the manifest, which a folder does not use


class CannotEncode(KadrError):
    """A file or the output folder cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeRequest:
    """A file and the options to encode it with, from the command line."""

    file: Path
    options: Options
    watermark: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Title:
    """A file, its probed facts and the plan of its encode."""

    file: Path
    source: Source
    plan: EncodePlan
    watermark: Path | None
    remuxed: EncodedFiles | None  # the file's own video track, where that may be kept


class _Bar:
    """A progress bar; shows nothing when `progress` is None, as when stderr is not a terminal."""

    def __init__(self, progress: "Progress | None") -> None:
        self._progress = progress
        self._task = progress.add_task("probe", total=1.0) if progress else None

    def show(self, stage: str, done: float) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=stage, completed=done)


def request_of(arguments: Namespace) -> EncodeRequest:
    """The request made by the arguments of `kadr plan` and `kadr encode`. Raises CannotEncode."""
    mark = None
    if arguments.watermark:
        if not arguments.watermark.is_file():
            raise CannotEncode(f"{arguments.watermark}: no such file")
        mark = Watermark(
            sha256=sha256(arguments.watermark.read_bytes()).hexdigest(),
            position=arguments.watermark_position,
            width_share=arguments.watermark_width,
            opacity=arguments.watermark_opacity,
        )
    options = Options(
        profile=arguments.profile,
        codec=Codec(arguments.codec),
        effort=Effort(arguments.effort),
        ladder=arguments.ladder,
        preset=arguments.preset,
        start_s=seconds(arguments.start),
        end_s=None if arguments.end is None else seconds(arguments.end),
        watermark=mark,
        reframe=Reframe(arguments.reframe),
        chunk_s=arguments.chunk,
    )
    return EncodeRequest(file=arguments.file, options=options, watermark=arguments.watermark)


def run_plan(request: EncodeRequest, *, as_json: bool) -> int:
    """Print the encode plan with its reasons, or source and plan as JSON; returns the exit code. Raises KadrError."""
    return asyncio.run(_plan(request, as_json=as_json))


def run_encode(request: EncodeRequest, out: Path, *, as_json: bool) -> int:
    """Encode into the new folder `out` and print a summary; returns the exit code. Raises KadrError."""
    if out.exists() and any(out.iterdir()):
        raise CannotEncode(f"{out} is not empty; choose a new folder")
    return asyncio.run(_encode(request, out, as_json=as_json))


async def _plan(request: EncodeRequest, *, as_json: bool) -> int:
    async with _context() as context:
        with _bar() as bar:
            title = await _decide(request, context, bar)
    if as_json:
        value = {"source": to_json(title.source), "plan": plan_to_json(title.plan)}
        print(json.dumps(value, indent=2))
    else:
        for decision in title.plan.decisions:
            print(f"{decision.what}: {decision.why}")
    return 0


async def _encode(request: EncodeRequest, out: Path, *, as_json: bool) -> int:
    began, used = time.monotonic(), _cpu_s()
    async with _context() as context:
        with _bar() as bar:
            title = await _decide(request, context, bar)
            analysed = _cpu_s() - used
            parts = await _parts(title, context, bar)
            made = {one.id for part in parts for one in part.encoded.renditions}
            left_out = [track for track in title.plan.audio if track.id not in made]
            encoded = join(title.plan, [part.encoded for part in parts], left_out={track.id for track in left_out})
            new_revision = revision.build_revision(NO_ASSET, encoded)
            await asyncio.to_thread(_write, new_revision, parts, out)
    damaged = title.source.damaged or any(part.damaged for part in parts)
    told = (
        *warnings.of_source(replace(title.source, damaged=damaged)),
        *(warnings.audio_left_out(title.plan, track) for track in left_out),
    )
    summary = {
        "playlist": str(out / PLAYLIST_NAME),
        "wall_s": round(time.monotonic() - began, 3),
        "cpu_s": round(_cpu_s() - used, 3),
        "analysis_cpu_s": round(analysed, 3),
        "damaged": damaged,
        "warnings": [{"code": code, "message": message} for code, message in told],
        **revision.summary(new_revision.manifest),
        "decisions": [f"{decision.what}: {decision.why}" for decision in title.plan.decisions],
    }
    if as_json:
        print(json.dumps(summary, indent=2))
        return 0
    for rendition in encoded.renditions:
        size = (
            f"{rendition.width}x{rendition.height}"
            if rendition.kind is RenditionKind.VIDEO
            else rendition.language or ""
        )
        print(f"{rendition.id:<6} {size:<10} {rendition.average_bandwidth_bps / 1000:8.0f} kb/s")
    for code, message in told:
        print(f"{code}: {message}")
    print(f"{summary['playlist']}: {summary['duration_s']} s of media, {summary['wall_s']} s, {summary['cpu_s']} CPU s")
    return 0


@asynccontextmanager
async def _context() -> AsyncIterator[FfmpegContext]:
    """A context with a temporary folder, the sandbox and the ffmpeg binary."""
    settings = Settings.load()
    runner = await ChildRunner.detect(settings.sandbox)
    with tempfile.TemporaryDirectory(prefix="kadr-encode-") as folder:
        yield FfmpegContext(work_dir=Path(folder), runner=runner, binary=ffmpeg_binary(settings), nice=0)


@contextmanager
def _bar() -> Iterator[_Bar]:
    """A progress bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield _Bar(None)
        return
    # Imported here: where nobody watches it would take a fifth of a second.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bar(progress)


def _cpu_s() -> float:
    """CPU seconds of this process and of all child processes that have ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF))
    )


async def _decide(request: EncodeRequest, context: FfmpegContext, bar: _Bar) -> _Title:
    """Probe and plan the file, and measure it for the smart ladder. Raises KadrError."""
    settings = Settings.load()
    if not request.file.is_file():
        raise CannotEncode(f"{request.file}: no such file")
    file = request.file.resolve()
    probed = await probe_title(
        file, context.work_dir, context.runner, max_pixels=settings.max_pixels, max_duration_s=settings.max_duration_s
    )
    file, source, index = probed.file, probed.source, probed.index
    # Nobody watches during the encode, so there is no first rung.
    plan = replace(await _build_plan(request, file, source, index, face_model(settings), context, bar), first_rung=None)
    if plan.passthrough is not None and not plan.passthrough.lasting:
        plan = on_regular_grid(plan)
    remuxed = None
    if plan.passthrough is not None:
        try:
            remuxed = await transcoder.remux(plan, context.below("own"), file, cuts=plan.cuts)
            if plan.duration_s > verify.WHOLE_S:
                await verify.whole_track(context, plan, file)
        except (WrongOutput, Rejected, ToolFailed):
            plan = on_regular_grid(plan)
    if plan.smart:
        bar.show("analyse", 0.0)
        analysis = await analyser.analyse(
            plan, file, source, index, context.work_dir, context.runner, context.binary, lambda _: None
        )
        plan = apply_analysis(plan, analysis)
    mark = request.watermark.resolve() if request.watermark else None
    return _Title(file=file, source=source, plan=plan, watermark=mark, remuxed=remuxed)


async def _build_plan(
    request: EncodeRequest,
    file: Path,
    source: Source,
    index: Index | None,
    faces: Path | None,
    context: FfmpegContext,
    bar: _Bar,
) -> EncodePlan:
    """The plan of a file; a wide video that is to be upright is searched for its crop first, and for faces by the model
    `faces`."""
    plan = build_plan(source, index, request.options)
    wide = reframe_request(source, plan)
    if wide is None:
        return plan
    bar.show("reframe", 0.0)
    crop = await find_crop(file, wide, context.work_dir, context.runner, face_model=faces)
    plan = build_plan(source, index, request.options, crop.path)
    if crop.centred:
        plan = replace(plan, decisions=(*plan.decisions, Decision(what="window in the middle", why=crop.centred)))
    return plan


async def _parts(title: _Title, context: FfmpegContext, bar: _Bar) -> list[EncodedFiles]:
    """Encode the video (its own track where that is kept, then chunk after chunk) and all audio tracks in parallel."""
    # Not a TaskGroup: an error of the file is to be raised as it is, not in an ExceptionGroup.
    video, audio = await asyncio.gather(
        _video(title, context, bar),
        asyncio.gather(*(_audio(title, context, track) for track in title.plan.audio)),
    )
    return [*video, *(part for part in audio if part is not None)]


async def _audio(title: _Title, context: FfmpegContext, track: AudioPlan) -> EncodedFiles | None:
    """An encoded sound track; None for one of a video that cannot be encoded, and is left out."""
    try:
        return await transcoder.encode_audio(title.plan, context.below(track.id), title.file, track)
    except (Rejected, ToolFailed, WrongOutput):
        if title.plan.video is None:
            raise
        return None


async def _video(title: _Title, context: FfmpegContext, bar: _Bar) -> list[EncodedFiles]:
    plan, parts = title.plan, []
    if plan.passthrough is not None and (remuxed := title.remuxed) is not None:
        video = tuple(r for r in remuxed.encoded.renditions if r.kind is RenditionKind.VIDEO)
        parts.append(replace(remuxed, encoded=Encoded(renditions=video)))
    count = len(plan.chunks) if plan.rungs else 0
    return parts + [await _chunk(title, context, bar, number, count) for number in range(count)]


async def _chunk(title: _Title, context: FfmpegContext, bar: _Bar, number: int, count: int) -> EncodedFiles:
    def on_progress(done: float) -> None:
        bar.show("encode", (number + done) / count)

    return await transcoder.encode_video(
        title.plan,
        context.below(f"chunk{number}"),
        title.file,
        chunk=number,
        rungs=title.plan.rungs,
        watermark=title.watermark,
        on_progress=on_progress,
    )


def _write(new_revision: revision.Revision, parts: list[EncodedFiles], out: Path) -> None:
    """Write playlists, init segments and segments under the paths they have below the URL of a revision."""
    ranges = {byte_range.blob.sha256: byte_range for part in parts for byte_range in part.pieces}
    for path, file in new_revision.manifest.files.items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.key in new_revision.texts:
            target.write_bytes(new_revision.texts[file.key])
            continue
        byte_range = ranges[file.sha256]
        with byte_range.path.open("rb") as source, target.open("wb") as copy:
            source.seek(byte_range.offset)
            left = file.size_bytes
            while left:
                left -= copy.write(source.read(min(left, 1 << 20)))
