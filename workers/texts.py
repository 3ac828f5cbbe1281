"""What the steps of subtitles leave in storage: texts as WebVTT, transcripts, and finished parts of a transcription.

A part is named by the question it answers, so that whoever takes the work over finds it; everything else by its hash.
"""

import asyncio
import hashlib
import json
from collections.abc import Sequence

from core import keys
from core.digest import digest
from core.errors import ObjectMissing
from core.media import Cue
from core.model import AssetId
from packager import captions, vtt
from subtitles import jobs, transcript
from subtitles.jobs import JobResult
from subtitles.transcript import Transcript
from workers.stage import Tools

TEXT_TYPE, JSON_TYPE = "text/vtt", "application/json"


async def keep_text(tools: Tools, asset_id: AssetId, cues: Sequence[Cue]) -> str:
    return await _keep(tools, asset_id, vtt.whole(cues).encode(), TEXT_TYPE)


async def text(tools: Tools, asset_id: AssetId, sha256: str) -> list[Cue]:
    return await asyncio.to_thread(captions.cues, await _get(tools, asset_id, sha256))


async def keep_transcript(tools: Tools, asset_id: AssetId, told: Transcript) -> str:
    body = json.dumps(transcript.to_json(told), ensure_ascii=False, separators=(",", ":")).encode()
    return await _keep(tools, asset_id, body, JSON_TYPE)


async def keep_part(tools: Tools, asset_id: AssetId, question: str, result: JobResult) -> None:
    body = json.dumps(jobs.result_to_json(result), ensure_ascii=False, separators=(",", ":")).encode()
    await _put(tools, asset_id, _part(question, result.job.number), body, JSON_TYPE)


async def parts(tools: Tools, asset_id: AssetId, question: str) -> dict[int, JobResult]:
    """Those that are finished, by number: they are made in order."""
    found: dict[int, JobResult] = {}
    while True:
        try:
            body = await _get(tools, asset_id, _part(question, len(found)))
            found[len(found)] = jobs.result_from_json(json.loads(body))
        except (ObjectMissing, ValueError):  # not made yet, or by a release that wrote it otherwise
            return found


def _part(question: str, number: int) -> str:
    return digest(["part", question, number])


async def _keep(tools: Tools, asset_id: AssetId, body: bytes, content_type: str) -> str:
    sha256 = hashlib.sha256(body).hexdigest()
    await _put(tools, asset_id, sha256, body, content_type)
    return sha256


async def _put(tools: Tools, asset_id: AssetId, name: str, body: bytes, content_type: str) -> None:
    await tools.storage.put(tools.settings.media_bucket, keys.media_object(asset_id, name), body, content_type)


async def _get(tools: Tools, asset_id: AssetId, name: str) -> bytes:
    return await tools.storage.get(tools.settings.media_bucket, keys.media_object(asset_id, name))
