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

from core.child import ChildRunner
from core.crop import Reframe
from core.errors import KadrError
from core.media import Encoded, Kind
from core.model import AssetId
from core.settings import Settings
from packager import revision
from packager.names import PLAYLIST_NAME
from presets.effort import Effort
from presets.rung import Codec
from thumbnails.reframe import find_crop
from transcode import analyse as analyser
from transcode import encode as transcoder
from transcode.capabilities import ffmpeg_binary
from transcode.encode import EncodedFiles
from transcode.encode_plan import Decision, EncodePlan, Options, SoundPlan, plan_to_json
from transcode.join import join
from transcode.options import seconds
from transcode.plan import on_regular_grid, plan
from transcode.probe import probe
from transcode.run import Bench
from transcode.settle import settle
from transcode.source import Index, Source, to_json
from transcode.watermark import Watermark
from workers.reframe import wide_of

NOBODY = AssetId("as_none")  # whose objects the files of a folder would be


class CannotEncode(KadrError):
    """The file or the folder cannot be used; says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for on the command line."""

    file: Path
    options: Options
    watermark: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Title:
    """A file with everything that is known and decided of it."""

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


def wanted(given: Namespace) -> Wanted:
    """From the command line. Raises CannotEncode."""
    mark = None
    if given.watermark:
        if not given.watermark.is_file():
            raise CannotEncode(f"{given.watermark}: no such file")
        mark = Watermark(
            sha256=sha256(given.watermark.read_bytes()).hexdigest(),
            position=given.watermark_position,
            width_share=given.watermark_width,
            opacity=given.watermark_opacity,
        )
    options = Options(
        profile=given.profile,
        codec=Codec(given.codec),
        effort=Effort(given.effort),
        ladder=given.ladder,
        preset=given.preset,
        start_s=seconds(given.start),
        end_s=None if given.end is None else seconds(given.end),
        watermark=mark,
        reframe=Reframe(given.reframe),
        chunk_s=given.chunk,
    )
    return Wanted(file=given.file, options=options, watermark=given.watermark)


def run_plan(wanted: Wanted, *, as_json: bool) -> int:
    """Print the plan with its reasons."""
    return asyncio.run(_plan(wanted, as_json=as_json))


def run_encode(wanted: Wanted, out: Path, *, as_json: bool) -> int:
    """Encode into `out`; a summary on stdout."""
    if out.exists() and any(out.iterdir()):
        raise CannotEncode(f"{out} is not empty; name a new folder")
    return asyncio.run(_encode(wanted, out, as_json=as_json))


async def _plan(wanted: Wanted, *, as_json: bool) -> int:
    async with _bench() as bench:
        with _bar() as bar:
            title = await _decide(wanted, bench, bar)
    if as_json:
        value = {"source": to_json(title.source), "plan": plan_to_json(title.plan)}
        print(json.dumps(value, indent=2))
    else:
        for decision in title.plan.decisions:
            print(f"{decision.what}: {decision.why}")
    return 0


async def _encode(wanted: Wanted, out: Path, *, as_json: bool) -> int:
    began, used = time.monotonic(), _cpu_s()
    async with _bench() as bench:
        with _bar() as bar:
            title = await _decide(wanted, bench, bar)
            analysed = _cpu_s() - used
            parts = await _parts(title, bench, bar)
            made = join(title.plan, [part.encoded for part in parts])
            new = revision.revision(NOBODY, made)
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
        size = f"{rendition.width}x{rendition.height}" if rendition.kind is Kind.VIDEO else rendition.language or ""
        print(f"{rendition.id:<6} {size:<10} {rendition.average_bandwidth_bps / 1000:8.0f} kb/s")
    print(f"{summary['playlist']}: {summary['duration_s']} s of media, {summary['wall_s']} s, {summary['cpu_s']} CPU s")
    return 0


@asynccontextmanager
async def _bench() -> AsyncIterator[Bench]:
    """A private folder, the sandbox and the binary."""
    settings = Settings.load()
    runner = await ChildRunner.detect(settings.sandbox)
    with tempfile.TemporaryDirectory(prefix="kadr-encode-") as folder:
        yield Bench(work_dir=Path(folder), runner=runner, binary=ffmpeg_binary(settings), nice=0)


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


async def _decide(wanted: Wanted, bench: Bench, bar: _Bar) -> _Title:
    """Probe, plan, and measure where the plan asks for it."""
    settings = Settings.load()
    if not wanted.file.is_file():
        raise CannotEncode(f"{wanted.file}: no such file")
    file = wanted.file.resolve()
    source, index = await probe(
        file, bench.work_dir, bench.runner, max_pixels=settings.max_pixels, max_duration_s=settings.max_duration_s
    )
    # Nobody watches meanwhile, so nothing needs to go first.
    decided = replace(await _planned(wanted, file, source, index, bench, bar), first_rung=None)
    if decided.passthrough is not None and not decided.passthrough.lasting:
        decided = on_regular_grid(decided)
    if decided.smart:
        bar.show("analyse", 0.0)
        found = await analyser.analyse(
            decided, file, source, index, bench.work_dir, bench.runner, bench.binary, lambda _: None
        )
        decided = settle(decided, found)
    mark = wanted.watermark.resolve() if wanted.watermark else None
    return _Title(file=file, source=source, plan=decided, watermark=mark)


async def _planned(
    wanted: Wanted, file: Path, source: Source, index: Index | None, bench: Bench, bar: _Bar
) -> EncodePlan:
    decided = plan(source, index, wanted.options)
    wide = wide_of(source, decided)
    if wide is None:
        return decided
    bar.show("reframe", 0.0)
    found = await find_crop(file, wide, bench.work_dir, bench.runner)
    decided = plan(source, index, wanted.options, found.path)
    if found.centred:
        decided = replace(
            decided, decisions=(*decided.decisions, Decision(what="window in the middle", why=found.centred))
        )
    return decided


async def _parts(title: _Title, bench: Bench, bar: _Bar) -> list[EncodedFiles]:
    """Every part of the title: its own track where it stays, chunk after chunk, and the sounds beside them."""
    # Not a TaskGroup: what is wrong with the file is to come out as it is, not in a group.
    pictures, *sounds = await asyncio.gather(
        _pictures(title, bench, bar),
        *(_sound(title, bench, sound) for sound in title.plan.sounds),
    )
    return [*pictures, *(part for parts in sounds for part in parts)]


async def _sound(title: _Title, bench: Bench, sound: SoundPlan) -> list[EncodedFiles]:
    return [await transcoder.sound(title.plan, _below(bench, sound.id), title.file, sound)]


async def _pictures(title: _Title, bench: Bench, bar: _Bar) -> list[EncodedFiles]:
    decided, parts = title.plan, []
    if decided.passthrough is not None:
        made = await transcoder.remux(decided, _below(bench, "own"), title.file, cuts=decided.cuts)
        own = tuple(r for r in made.encoded.renditions if r.kind is Kind.VIDEO)
        parts.append(replace(made, encoded=Encoded(renditions=own)))
    count = len(decided.chunks) if decided.rungs else 0
    return parts + [await _chunk(title, bench, bar, number, count) for number in range(count)]


async def _chunk(title: _Title, bench: Bench, bar: _Bar, number: int, count: int) -> EncodedFiles:
    def on_progress(done: float) -> None:
        bar.show("encode", (number + done) / count)

    return await transcoder.pictures(
        title.plan,
        _below(bench, f"chunk{number}"),
        title.file,
        chunk=number,
        rungs=title.plan.rungs,
        watermark=title.watermark,
        on_progress=on_progress,
    )


def _below(bench: Bench, name: str) -> Bench:
    folder = bench.work_dir / name
    folder.mkdir()
    return replace(bench, work_dir=folder)


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
