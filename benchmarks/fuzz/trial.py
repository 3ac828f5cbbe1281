"""One mutated file through the product's own sandboxed probe, its plans and, where asked for, its encode.

Out: an `Outcome`. What a worker would end as a dead letter is a fault: any exception but Rejected, a code that
docs/errors.md does not name, facts that the database refuses, more memory than the bounds here, an encode of which
something does not decode.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

from benchmarks.fuzz.mutations import mutated
from core.errors import MachineFault, OutOfMemory, Rejected, ToolFailed
from core.media.encoded import Rendition, RenditionKind
from core.sandbox.child import ChildRunner
from core.settings import MIB, Settings
from hls_checker.decode import decode
from presets import profile
from transcode.encode import renditions as transcoder
from transcode.encode.capabilities import ffmpeg_binary
from transcode.encode.ffmpeg_run import FfmpegContext
from transcode.encode.fragments import WrongOutput
from transcode.encode.join import join
from transcode.encode.renditions import EncodedFiles
from transcode.plan.build import build_plan, on_regular_grid
from transcode.plan.encode_plan import EncodePlan, Options, plan_from_json, plan_to_json
from transcode.probe.probe import Probed, probe_title
from transcode.probe.source import Source, from_json, to_json
from workers.engine.memory_budget import encode_bytes

# Resident memory of a child, of a file of up to mutations.MOST_BYTES: of a probe, which holds the file's packets and
# decodes a few frames; of an encode, how much more than a worker has set aside for it.
PROBE_BYTES, ENCODE_BYTES_MORE = 1024 * MIB, 256 * MIB
ENCODED_S = 2  # of a longer title so much is encoded
ENCODED_SHARE = 0.25
_DOCUMENTED = Path(__file__).parents[2] / "docs" / "errors.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file to be tried: the number `number` of the seed `seed`, made of the original `name`."""

    seed: int
    number: int
    name: str
    content: bytes
    done: tuple[str, ...]
    profile: str
    encoded: bool  # whether it is encoded, too, where it is accepted

    @property
    def file_name(self) -> str:
        return f"{self.seed}-{self.number}{Path(self.name).suffix}"


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of a case: in one word, what is wrong with that, and what it took."""

    code: str = "planned"
    fault: str = ""
    warnings: list[str] = field(default_factory=list)
    probe_bytes: int = 0
    encode_bytes: int = 0
    cpu_s: float = 0.0


def make_case(originals: dict[str, bytes], seed: int, number: int, *, encoded: bool | None = None) -> Case:
    """The case of this number: the same for the same seed and originals. `encoded`: None leaves that to chance."""
    random = Random(f"{seed}:{number}")
    names = list(originals)
    name = random.choice(names)
    others = [originals[other] for other in random.sample(names, min(3, len(names)))]
    made = mutated(originals[name], others, random)
    wanted = random.choice((profile.DEFAULT_NAME, random.choice(profile.NAMES)))
    by_chance = random.random() < ENCODED_SHARE
    return Case(
        seed=seed,
        number=number,
        name=name,
        content=made.content,
        done=made.done,
        profile=wanted,
        encoded=by_chance if encoded is None else encoded,
    )


async def tried(case: Case, folder: Path, runner: ChildRunner) -> Outcome:
    """Try a case in an empty folder. Raises MachineFault where the machine lacks something."""
    outcome = Outcome()
    file = folder / case.file_name
    file.write_bytes(case.content)
    probing, encoding = runner.apart(), runner.apart()
    try:
        await _try(case, file, outcome, probing, encoding)
    except Rejected as exc:
        outcome.code = exc.code
        if exc.code not in documented():
            outcome.fault = f"the code {exc.code} is not documented"
        elif not (str(exc) and exc.hint):
            outcome.fault = f"{exc.code} has no message or no hint"
    except Exception as exc:
        if isinstance(exc, MachineFault) and not isinstance(exc, OutOfMemory):
            raise
        outcome.code = "dead"
        outcome.fault = f"a dead letter: {type(exc).__name__}: {str(exc)[-1500:]}"
    outcome.probe_bytes, outcome.encode_bytes = probing.peak_bytes, encoding.peak_bytes
    outcome.cpu_s = probing.cpu_s + encoding.cpu_s
    if not outcome.fault and outcome.probe_bytes > PROBE_BYTES:
        outcome.fault = f"the probe took {outcome.probe_bytes // MIB} MiB, more than {PROBE_BYTES // MIB}"
    return outcome


@cache
def documented() -> frozenset[str]:
    """Codes of errors and warnings that the documentation explains."""
    return frozenset(re.findall(r"`([a-z][a-z0-9_]+)`", _DOCUMENTED.read_text("utf-8")))


class Wrong(Exception):
    """Something that was made is not as it must be."""


async def _try(case: Case, file: Path, outcome: Outcome, probing: ChildRunner, encoding: ChildRunner) -> None:
    settings = Settings.load()
    probed = await probe_title(
        file, file.parent, probing, max_pixels=settings.max_pixels, max_duration_s=settings.max_duration_s
    )
    outcome.warnings = [code for code, _ in probed.source.warnings]
    _can_be_stored(probed.source)
    plan = _plans(probed, case.profile)
    if case.encoded:
        context = FfmpegContext(work_dir=file.parent, runner=encoding, binary=ffmpeg_binary(settings), nice=0)
        await _encode(probed, _first_seconds(probed, plan, case.profile), context, outcome)


def _can_be_stored(source: Source) -> None:
    """PostgreSQL takes no NUL and no half of a surrogate pair in JSON; and what is stored is read again."""
    facts = to_json(source)
    text = json.dumps(facts, allow_nan=False)
    if "\\u0000" in text or re.search(r"\\ud[89a-f]", text):
        raise Wrong(f"facts that cannot be stored: {text[:400]}")
    if from_json(json.loads(text)) != source:
        raise Wrong("facts that are read as others than were written")
    if unknown := {code for code, _ in source.warnings} - documented():
        raise Wrong(f"the warnings {unknown} are not documented")


def _plans(probed: Probed, wanted: str) -> EncodePlan:
    """The plan for the profile `wanted`, after one for each other. Raises Rejected only if that one does."""
    for name in profile.NAMES:
        if name != wanted:
            try:
                _plan(probed, Options(profile=name))
            except Rejected as exc:
                if exc.code not in documented():
                    raise
    return _plan(probed, Options(profile=wanted))


def _plan(probed: Probed, options: Options) -> EncodePlan:
    plan = build_plan(probed.source, probed.index, options)
    if plan_from_json(json.loads(json.dumps(plan_to_json(plan), allow_nan=False))) != plan:
        raise Wrong("a plan that is read as another than was written")
    return plan


def _first_seconds(probed: Probed, plan: EncodePlan, wanted: str) -> EncodePlan:
    """The plan of the beginning, quick to encode; of a short title of all of it."""
    end_s = Fraction(ENCODED_S) if plan.duration_s > 2 * ENCODED_S else None
    return _plan(probed, Options(profile=wanted, ladder="apple", preset="ultrafast", end_s=end_s))


async def _encode(probed: Probed, plan: EncodePlan, context: FfmpegContext, outcome: Outcome) -> None:
    """Everything that is published of the plan, decoded in full. Raises Rejected, Wrong, ToolFailed, WrongOutput."""
    outcome.code = "encoded"
    parts: list[EncodedFiles] = []
    if plan.passthrough is not None:
        try:
            parts.append(await transcoder.remux(plan, context.below("own"), probed.file, cuts=plan.cuts))
            outcome.code = "copied"
        except (WrongOutput, Rejected, ToolFailed):
            pass  # every rung is encoded instead
        plan = on_regular_grid(plan)
    if parts:
        await _decodes(parts, context)
        parts = []
    source = probed.source.video
    pixels = source.width * source.height if source else 0
    for chunk in range(len(plan.chunks) if plan.rungs else 0):
        at = context.below(f"chunk{chunk}")
        parts.append(await transcoder.encode_video(plan, at, probed.file, chunk=chunk, rungs=plan.rungs))
    # Children are told apart by no other means: sound takes less than pictures do.
    most = encode_bytes(plan, plan.rungs, pixels) + ENCODE_BYTES_MORE
    left_out = []
    for track in plan.audio:
        try:
            parts.append(await transcoder.encode_audio(plan, context.below(track.id), probed.file, track))
        except (Rejected, ToolFailed, WrongOutput):
            if plan.video is None:
                raise
            left_out.append(track.id)
    if left_out:
        outcome.warnings.append("audio_left_out")
    join(plan, [part.encoded for part in parts], left_out=left_out)
    await _decodes(parts, context)
    if context.runner.peak_bytes > most:
        raise Wrong(f"an encode took {context.runner.peak_bytes // MIB} MiB, more than {most // MIB}")


async def _decodes(parts: Sequence[EncodedFiles], context: FfmpegContext) -> None:
    """Decode each rendition from its first byte to its last, by the checker of published titles. Raises Wrong."""
    for part in parts:
        for rendition in part.encoded.renditions:
            file = context.work_dir / f"{rendition.id}.whole"
            _write(rendition, part, file)
            found = await decode([file], file.with_suffix(".mp4"))
            if found.broken or not found.frames:
                raise Wrong(f"{rendition.id} does not decode: {found.frames} frames, {'; '.join(found.broken)}")
            if rendition.kind is RenditionKind.VIDEO and rendition.frame_rate:
                wanted = rendition.duration_s * rendition.frame_rate
                if found.frames != wanted:
                    raise Wrong(f"{rendition.id}: {found.frames} frames decode of {float(wanted):g}")


def _write(rendition: Rendition, part: EncodedFiles, to: Path) -> None:
    ranges = {piece.blob.sha256: piece for piece in part.pieces}
    with to.open("wb") as out:
        for blob in (rendition.init, *(segment.blob for segment in rendition.segments)):
            piece = ranges[blob.sha256]
            with piece.path.open("rb") as file:
                file.seek(piece.offset)
                out.write(file.read(blob.size_bytes))
