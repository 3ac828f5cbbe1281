"""probe: the source object -> its exact facts, or a rejection its owner can act on."""

from core import assets, steps
from core.db import Connection
from core.model import StepKind
from subtitles.embedded import CONTAINERS
from transcode.probe import probe as probe_file
from transcode.source import Source, to_json
from workers import kept
from workers.stage import Assignment, Outcome, Tools
from workers.transcribe import wish_subtitles

DAMAGED = ("source_damaged", "Parts of the file could not be read or decoded; what could be is shown.")
NO_AUDIO = ("no_audio", "The video has no sound.")


async def probe(tools: Tools, work: Assignment) -> Outcome:
    sha256 = work.step.input["source"]
    file = await tools.sources.fetch(tools.storage, tools.settings.media_bucket, work.asset.source_key or "", sha256)
    source, index = await probe_file(
        file,
        work.work_dir,
        tools.runner,
        max_pixels=tools.settings.max_pixels,
        max_duration_s=tools.settings.max_duration_s,
    )
    facts = to_json(source)
    index_sha = await kept.keep_index(tools, work.asset.id, index)

    async def effect(connection: Connection) -> None:
        await assets.probed(connection, work.asset.id, facts)
        await wish_subtitles(tools, connection, work.asset)
        if source.container in CONTAINERS:
            # No part of the run: where it fails, the title's own steps go on. Once for each time the upload comes.
            again = {"source": sha256, "again": work.step.id}
            await steps.insert(connection, work.asset.id, StepKind.EXTRACT, again)

    return Outcome(
        output={"index": index_sha},
        effect=effect,
        warnings=_warnings(source),
        then=((StepKind.PLAN, {"source": sha256, "facts": facts, "index": index_sha}),),
    )


def _warnings(source: Source) -> tuple[tuple[str, str], ...]:
    found = [DAMAGED] if source.damaged else []
    if source.unplayable_audio:
        message = f"A sound track is left out: nothing here decodes {', '.join(source.unplayable_audio)}."
        found.append(("audio_unsupported", message))
    elif not source.audio:
        found.append(NO_AUDIO)
    return tuple(found)
