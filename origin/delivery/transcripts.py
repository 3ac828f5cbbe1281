"""The captions of a title, read into memory for chapters and search.

In: which caption file, of which title. Out: a `Transcript`. A file is named by the hash of its bytes, so corrected
captions are another key and a transcript never changes.
"""

import asyncio
import os
from dataclasses import dataclass
from fractions import Fraction

from core.caching.refreshing_cache import RefreshingCache
from core.media.encoded import Blob
from core.model import AssetId
from core.storage import keys
from origin.delivery.disk_cache import DiskCache
from packager.revision import VTT_TYPE, File
from subtitles.cues.chapters import Chapter, chapters
from subtitles.cues.search import Index
from subtitles.formats import caption_reader

MAX_BYTES = 16 * 1024 * 1024  # of caption files; the index of one takes several times as much memory
CONCURRENT_READS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptKey:
    """One caption file of one title. `duration_s` is the title's, in seconds."""

    asset_id: AssetId
    blob: Blob
    duration_s: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What is said in a title: an index to search and the chapters. `size_bytes` is that of the caption file."""

    index: Index
    chapters: list[Chapter]
    size_bytes: int


Transcripts = RefreshingCache[TranscriptKey, Transcript]


def transcripts(disk_cache: DiskCache) -> Transcripts:
    """A cache of transcripts. Its `get` raises ObjectMissing where the caption file is missing, and Transient."""

    async def read(key: TranscriptKey) -> Transcript:
        blob = key.blob
        name = keys.media_object(key.asset_id, blob.sha256)
        async with disk_cache.opened(
            File(key=name, size_bytes=blob.size_bytes, sha256=blob.sha256, type=VTT_TYPE)
        ) as descriptor:
            return await asyncio.to_thread(_parse, descriptor, blob.size_bytes, round(key.duration_s * 1000))

    return RefreshingCache(
        read,
        name="transcripts",
        weigh=lambda transcript: transcript.size_bytes,
        max_weight=MAX_BYTES,
        concurrency=CONCURRENT_READS,
    )


def _parse(descriptor: int, size_bytes: int, duration_ms: int) -> Transcript:
    cues = caption_reader.cues(os.pread(descriptor, size_bytes, 0))
    return Transcript(index=Index(cues), chapters=chapters(cues, duration_ms), size_bytes=size_bytes)
