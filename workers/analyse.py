"""analyse: measure the title once, settle its ladder, and share out the work: chunks, longest first, and the sounds."""

from dataclasses import replace

from core import assets
from core.db import Connection
from core.digest import digest
from core.model import StepKind
from transcode import analyse as analyser
from transcode.encode import length_s
from transcode.encode_plan import EncodePlan
from transcode.settle import settle
from transcode.source import from_json
from workers import kept, pictures
from workers.encode import local_source
from workers.stage import Assignment, Outcome, Then, Tools


async def analyse(tools: Tools, work: Assignment) -> Outcome:
    given = work.step.input
    plan = await kept.plan(tools, work.asset.id, given["plan"])
    if not given.get("first", True):
        plan = replace(plan, first_rung=None)
    effect = None
    if plan.smart:
        source_sha, key = given["source"], digest([analyser.VERSION, plan.digest(), tools.ffmpeg_version])
        found = await assets.analysis(tools.pool, source_sha, key)
        if found is None:
            measured = await analyser.analyse(
                plan,
                await local_source(tools, work),
                from_json(work.asset.source or {}),
                await kept.index(tools, work.asset.id, given["index"]),
                work.work_dir,
                tools.runner,
                tools.ffmpeg,
                work.progress,
            )
            found = analyser.to_json(measured)

            async def effect(connection: Connection) -> None:
                await assets.keep_analysis(connection, source_sha, key, found)

        plan = settle(plan, analyser.from_json(found))
    planned = await kept.keep_plan(tools, work.asset.id, plan)
    then = (*_work(given["source"], planned, plan), *pictures.of_upload(plan, planned, given["source"], work.asset))
    parts = {
        StepKind.REMUX.value: int(plan.passthrough is not None and plan.passthrough.lasting),
        StepKind.FIRST_RUNG.value: len(plan.chunks) if plan.first_rung else 0,
        StepKind.ENCODE.value: sum(kind is StepKind.ENCODE for kind, _ in then),
        StepKind.SOUND.value: len(plan.audio),
    }
    return Outcome(output={"plan": planned, "parts": parts}, effect=effect, then=then, part=True)


def _work(source: str, planned: str, plan: EncodePlan) -> tuple[Then, ...]:
    """What is to be encoded, in the order in which it should be begun."""
    common = {"source": source, "plan": planned}
    rest = [rung for rung in plan.rungs if rung.id != plan.first_rung]
    chunks = sorted(range(len(plan.chunks)), key=lambda number: -length_s(plan, number)) if rest else []
    return (
        *((StepKind.SOUND, {**common, "sound": sound.id}) for sound in plan.audio),
        *((StepKind.ENCODE, {**common, "chunk": number}) for number in chunks),
    )
