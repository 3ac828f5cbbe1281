"""What the steps of subtitles leave in storage: texts as WebVTT, transcripts, and finished parts of a transcription.

A part is named by a digest of what was transcribed and how, so that whoever takes the step over finds it; everything
else by its own hash.
"""

import asyncio
import json
from collections.abc import Sequence

from core.errors import ObjectMissing
from core.media.encoded import Cue
from core.model import AssetId
from core.storage import keys
from core.storage.digest import digest
from subtitles.formats import caption_reader, vtt_writer
from subtitles.speech import jobs, transcript
from subtitles.speech.jobs import JobResult
from subtitles.speech.transcript import Transcript
from workers.engine.contract import WorkerContext

TEXT_TYPE, JSON_TYPE = "text/vtt", "application/json"


async def store_text(worker: WorkerContext, asset_id: AssetId, cues: Sequence[Cue]) -> str:
    """Store cues as one WebVTT file; its SHA-256 in hex."""
    return (await worker.artifacts.put(asset_id, vtt_writer.whole(cues).encode(), TEXT_TYPE)).sha256


async def load_text(worker: WorkerContext, asset_id: AssetId, sha256: str) -> list[Cue]:
    """The cues of the WebVTT file stored under this hash."""
    return await asyncio.to_thread(caption_reader.cues, await worker.artifacts.get(asset_id, sha256))


async def store_transcript(worker: WorkerContext, asset_id: AssetId, words: Transcript) -> str:
    """Store a transcript as JSON; its SHA-256 in hex."""
    return (await worker.artifacts.put(asset_id, _json(transcript.to_json(words)), JSON_TYPE)).sha256


async def store_part(worker: WorkerContext, asset_id: AssetId, parts_key: str, result: JobResult) -> None:
    """Store one finished job of the transcription that `parts_key` names."""
    key = keys.media_object(asset_id, _part(parts_key, result.job.number))
    body = _json(jobs.result_to_json(result))
    await worker.storage.put(worker.settings.media_bucket, key, body, JSON_TYPE)


async def load_parts(worker: WorkerContext, asset_id: AssetId, parts_key: str) -> dict[int, JobResult]:
    """The finished jobs of a transcription by number: 0 to the last that is there, for they are made in order."""
    parts: dict[int, JobResult] = {}
    while True:
        try:
            body = await worker.artifacts.get(asset_id, _part(parts_key, len(parts)))
            parts[len(parts)] = jobs.result_from_json(json.loads(body))
        except (ObjectMissing, ValueError):  # not made yet, or by a release that wrote it in another form
            return parts


def _part(parts_key: str, number: int) -> str:
    return digest(["part", parts_key, number])


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
