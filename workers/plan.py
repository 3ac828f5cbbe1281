"""plan: facts and wishes -> the encode to do, where the window of an upright picture is, and what is shown first."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core import assets
from core.crop import CropPath, crop_from_json, crop_to_json
from core.db import Connection
from core.digest import digest
from core.errors import Rejected
from core.model import StepKind
from packager.encryption import Encryption
from thumbnails import reframe
from thumbnails.reframe_wide import ReframeRequest, to_json
from transcode.options import options_from_json
from transcode.plan import plan as decide
from transcode.source import from_json
from workers import encrypt, kept
from workers.encode import local_source
from workers.first import first_steps
from workers.reframe import warning, wide_of
from workers.stage import Assignment, Outcome, Then, Tools


async def plan(tools: Tools, work: Assignment) -> Outcome:
    """Where nothing of the asset is published yet something to watch goes first, the analysis after or beside it; but
    nothing of an encrypted asset, which nobody is to have in the clear."""
    given = work.step.input
    facts, index_sha = from_json(given["facts"]), given.get("index")
    options = options_from_json({**work.asset.options, **given.get("options", {})})
    if options.codec not in tools.codecs:
        raise Rejected(
            "codec_unavailable",
            f"The ffmpeg of this installation does not encode {options.codec}.",
            f"Choose one of {', '.join(sorted(tools.codecs))}.",
        )
    encrypt.check_possible(encrypt.wanted(work.asset), tools.settings)
    index = await kept.index(tools, work.asset.id, index_sha)
    decided = decide(facts, index, options)
    sought = await _window(tools, work, wide_of(facts, decided))
    if sought.path:
        decided = decide(facts, index, options, sought.path)
    planned = await kept.keep_plan(tools, work.asset.id, decided)
    common = {"source": given["source"], "plan": planned}
    analyse: Then = (StepKind.ANALYSE, {**common, "index": index_sha})
    if decided.passthrough:
        # Whether the track can be had decides the grid of everything else, and is known in a moment.
        then: tuple[Then, ...] = ((StepKind.REMUX, {**common, "index": index_sha}),)
    elif work.asset.revision_id is None and decided.first_rung and encrypt.wanted(work.asset) is Encryption.NONE:
        then = (*first_steps(given["source"], planned, decided), analyse)
    else:
        then = ((StepKind.ANALYSE, {**common, "index": index_sha, "first": False}),)
    return Outcome(output={"plan": planned}, effect=sought.effect, warnings=sought.warnings, then=then)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sought:
    """Where the upright window of a wide picture is to be, if anywhere."""

    path: CropPath | None = None
    effect: Callable[[Connection], Awaitable[None]] | None = None
    warnings: tuple[tuple[str, str], ...] = ()


async def _window(tools: Tools, work: Assignment, wide: ReframeRequest | None) -> _Sought:
    """Looked for before anything is encoded: what is shown first must be the picture that stays."""
    if wide is None:
        return _Sought()
    source_sha, key = work.step.input["source"], digest(["reframe", reframe.VERSION, to_json(wide)])
    if known := await assets.analysis(tools.pool, source_sha, key):
        return _Sought(path=crop_from_json(known))
    found = await reframe.find_crop(await local_source(tools, work), wide, work.work_dir, tools.runner)
    if found.centred:
        return _Sought(path=found.path, warnings=(warning(found.centred),))

    async def effect(connection: Connection) -> None:
        await assets.keep_analysis(connection, source_sha, key, crop_to_json(found.path))

    return _Sought(path=found.path, effect=effect)
