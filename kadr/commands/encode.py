"""`kadr plan` and `kadr encode`: the stages of the pipeline alone on one file, with no services.

In: a file and wishes. Out: the plan as JSON, or a folder with playlists and segments that any web server can serve.
"""

import asyncio
import json
import resource
import tempfile
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from core.errors import KadrError
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
from transcode.encode import renditions as transcoder
from transcode.encode.capabilities import ffmpeg_binary
from transcode.encode.ffmpeg_run import FfmpegContext
from transcode.encode.join import join
from transcode.encode.renditions import EncodedFiles
from transcode.pertitle import analyse as analyser
from transcode.pertitle.settle import settle
from transcode.plan.build import build_plan, on_regular_grid
from transcode.plan.encode_plan import AudioPlan, Decision, EncodePlan, Options, plan_to_json
from transcode.plan.options import seconds
from transcode.plan.watermark import Watermark
from transcode.probe.probe import probe
from transcode.probe.source import Index, Source, to_json
from workers.steps.reframe import reframe_request

NOBODY = AssetId("as_none")  # whose objects the files of a folder would be


class CannotEncode(KadrError):
    """The file or the folder cannot be used; says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeRequest:
    """A file and the options to encode it with, from the command line."""

    file: Path
    options: Options
    watermark: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Title:
    """A file, the facts probed of it, and the plan of its encode."""

    file: Path
    source: Source
    plan: EncodePlan
    watermark: Path | None


class _Bar:
    """One line of progress on a terminal; nothing elsewhere."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._task = progress.add_task("probe", total=1.0) if progress else None

    def show(self, what: str, done: float) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=what, completed=done)


def request_of(arguments: Namespace) -> EncodeRequest:
    """The request that the arguments of `kadr plan` and `kadr encode` make. Raises CannotEncode."""
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
    """Print what would be encoded of a file and why, or the source and the plan as JSON; returns the exit code."""
    return asyncio.run(_plan(request, as_json=as_json))


def run_encode(request: EncodeRequest, out: Path, *, as_json: bool) -> int:
    """Encode into `out`; a summary on stdout."""
    if out.exists() and any(out.iterdir()):
        raise CannotEncode(f"{out} is not empty; name a new folder")
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
            made = join(title.plan, [part.encoded for part in parts])
            new = revision.build_revision(NOBODY, made)
            await asyncio.to_thread(_write, new, parts, out)
    summary = {
        "playlist": str(out / PLAYLIST_NAME),
        "wall_s": round(time.monotonic() - began, 3),
        "cpu_s": round(_cpu_s() - used, 3),
        "analysis_cpu_s": round(analysed, 3),
        "damaged": title.source.damaged or any(part.damaged for part in parts),
        **revision.summary(new.manifest),
        "decisions": [f"{decision.what}: {decision.why}" for decision in title.plan.decisions],
    }
    if as_json:
        print(json.dumps(summary, indent=2))
        return 0
    for rendition in made.renditions:
        size = (
            f"{rendition.width}x{rendition.height}"
            if rendition.kind is RenditionKind.VIDEO
            else rendition.language or ""
        )
        print(f"{rendition.id:<6} {size:<10} {rendition.average_bandwidth_bps / 1000:8.0f} kb/s")
    print(f"{summary['playlist']}: {summary['duration_s']} s of media, {summary['wall_s']} s, {summary['cpu_s']} CPU s")
    return 0


@asynccontextmanager
async def _context() -> AsyncIterator[FfmpegContext]:
    """A private folder, the sandbox and the binary."""
    settings = Settings.load()
    runner = await ChildRunner.detect(settings.sandbox)
    with tempfile.TemporaryDirectory(prefix="kadr-encode-") as folder:
        yield FfmpegContext(work_dir=Path(folder), runner=runner, binary=ffmpeg_binary(settings), nice=0)


@contextmanager
def _bar() -> Iterator[_Bar]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Bar(None)
        return
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bar(progress)


def _cpu_s() -> float:
    """Of every program run so far, and of this one."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF))
    )


async def _decide(request: EncodeRequest, context: FfmpegContext, bar: _Bar) -> _Title:
    """Probe, plan, and measure where the plan asks for it."""
    settings = Settings.load()
    if not request.file.is_file():
        raise CannotEncode(f"{request.file}: no such file")
    file = request.file.resolve()
    source, index = await probe(
        file, context.work_dir, context.runner, max_pixels=settings.max_pixels, max_duration_s=settings.max_duration_s
    )
    # Nobody watches meanwhile, so nothing needs to go first.
    plan = replace(await _planned(request, file, source, index, context, bar), first_rung=None)
    if plan.passthrough is not None and not plan.passthrough.lasting:
        plan = on_regular_grid(plan)
    if plan.smart:
        bar.show("analyse", 0.0)
        analysis = await analyser.analyse(
            plan, file, source, index, context.work_dir, context.runner, context.binary, lambda _: None
        )
        plan = settle(plan, analysis)
    mark = request.watermark.resolve() if request.watermark else None
    return _Title(file=file, source=source, plan=plan, watermark=mark)


async def _planned(
    request: EncodeRequest, file: Path, source: Source, index: Index | None, context: FfmpegContext, bar: _Bar
) -> EncodePlan:
    plan = build_plan(source, index, request.options)
    wide = reframe_request(source, plan)
    if wide is None:
        return plan
    bar.show("reframe", 0.0)
    crop = await find_crop(file, wide, context.work_dir, context.runner)
    plan = build_plan(source, index, request.options, crop.path)
    if crop.centred:
        plan = replace(plan, decisions=(*plan.decisions, Decision(what="window in the middle", why=crop.centred)))
    return plan


async def _parts(title: _Title, context: FfmpegContext, bar: _Bar) -> list[EncodedFiles]:
    """Every part of the title: its own track where it stays, chunk after chunk, and the sounds beside them."""
    # Not a TaskGroup: what is wrong with the file is to come out as it is, not in a group.
    pictures, *sounds = await asyncio.gather(
        _video(title, context, bar),
        *(_audio(title, context, sound) for sound in title.plan.audio),
    )
    return [*pictures, *(part for parts in sounds for part in parts)]


async def _audio(title: _Title, context: FfmpegContext, sound: AudioPlan) -> list[EncodedFiles]:
    return [await transcoder.encode_audio(title.plan, _below(context, sound.id), title.file, sound)]


async def _video(title: _Title, context: FfmpegContext, bar: _Bar) -> list[EncodedFiles]:
    plan, parts = title.plan, []
    if plan.passthrough is not None:
        made = await transcoder.remux(plan, _below(context, "own"), title.file, cuts=plan.cuts)
        own = tuple(r for r in made.encoded.renditions if r.kind is RenditionKind.VIDEO)
        parts.append(replace(made, encoded=Encoded(renditions=own)))
    count = len(plan.chunks) if plan.rungs else 0
    return parts + [await _chunk(title, context, bar, number, count) for number in range(count)]


async def _chunk(title: _Title, context: FfmpegContext, bar: _Bar, number: int, count: int) -> EncodedFiles:
    def on_progress(done: float) -> None:
        bar.show("encode", (number + done) / count)

    return await transcoder.encode_video(
        title.plan,
        _below(context, f"chunk{number}"),
        title.file,
        chunk=number,
        rungs=title.plan.rungs,
        watermark=title.watermark,
        on_progress=on_progress,
    )


def _below(context: FfmpegContext, name: str) -> FfmpegContext:
    folder = context.work_dir / name
    folder.mkdir()
    return replace(context, work_dir=folder)


def _write(new: revision.Revision, parts: list[EncodedFiles], out: Path) -> None:
    """Playlists, init segments and segments, under the names they have below a revision's URL."""
    pieces = {piece.blob.sha256: piece for part in parts for piece in part.pieces}
    for path, file in new.manifest.files.items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.key in new.texts:
            target.write_bytes(new.texts[file.key])
            continue
        piece = pieces[file.sha256]
        with piece.path.open("rb") as source, target.open("wb") as copy:
            source.seek(piece.offset)
            left = file.size_bytes
            while left:
                left -= copy.write(source.read(min(left, 1 << 20)))
