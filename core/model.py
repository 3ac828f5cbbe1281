"""Frozen values that cross floors: ids, states and small records. No I/O."""

import secrets
import time
from enum import StrEnum
from typing import NewType

OwnerId = NewType("OwnerId", str)
AssetId = NewType("AssetId", str)
UploadId = NewType("UploadId", str)
PlaybackId = NewType("PlaybackId", str)
StepId = NewType("StepId", str)
RevisionId = NewType("RevisionId", str)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base32: sortable, no look-alikes


def new_id(prefix: str) -> str:
    """`prefix_` + 48 bits of milliseconds + 80 random bits in 26 characters: opaque, sortable by creation, URL-safe."""
    value = ((time.time_ns() // 1_000_000) << 80) | secrets.randbits(80)
    chars = []
    for _ in range(26):
        chars.append(_ALPHABET[value & 31])
        value >>= 5
    return f"{prefix}_{''.join(reversed(chars))}"


class UsageBy(StrEnum):
    """What usage is summed by."""

    DAY = "day"
    ASSET = "asset"
    OWNER = "owner"
    PATHWAY = "pathway"


class Policy(StrEnum):
    PUBLIC = "public"
    SIGNED = "signed"


class AssetStatus(StrEnum):
    WAITING = "waiting"  # the upload is not complete yet
    PROCESSING = "processing"
    PLAYABLE = "playable"
    READY = "ready"
    ERRORED = "errored"


class UploadStatus(StrEnum):
    OPEN = "open"
    COMPLETED = "completed"
    ABORTED = "aborted"
    EXPIRED = "expired"


class StepKind(StrEnum):
    """What a step does. What holds for each kind is in core.step_kinds."""

    ACCEPT = "accept"  # the uploaded parts -> the source object
    FETCH = "fetch"  # a URL, or another asset's source -> the source object
    PROBE = "probe"  # the source -> its facts
    LONG_PROBE = "long_probe"  # the same, of a file that takes long to read
    PLAN = "plan"  # facts and options -> what is to be encoded
    REFRAME = "reframe"  # where the upright window of a wide video is to be
    REMUX = "remux"  # the upload's own video track, published at once
    FIRST_RUNG = "first_rung"  # one small rung, a chunk at a time, playable while it grows
    FIRST_SOUND = "first_sound"  # the first audio track beside it
    ANALYSE = "analyse"  # measure the title, settle the ladder, queue the encode
    ENCODE = "encode"  # the other rungs of one chunk
    SOUND = "sound"  # one audio rendition of the whole title
    PUBLISH = "publish"  # the parts of an encode -> a revision
    DUB = "dub"  # audio in another language, for a published title
    TRANSCRIBE = "transcribe"  # speech -> subtitles
    TRANSLATE = "translate"  # subtitles -> subtitles in another language
    EXTRACT = "extract"  # the subtitles inside the upload -> tracks
    REPUBLISH = "republish"  # a revision with the tracks and downloads as they are now
    DOWNLOADS = "downloads"  # progressive files of a published title
    PICTURES = "pictures"  # poster candidates, storyboard and preview
    POSTER = "poster"  # the poster that the owner chose
    DISCARD = "discard"  # remove what an upload left in the uploads bucket
    PURGE = "purge"  # CDNs drop what they cached of an asset
    DELETE = "delete"  # remove the objects of a deleted asset


class StepState(StrEnum):
    """Where a step is on its way; the last three are final, until a retry."""

    QUEUED = "queued"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"  # the media was rejected: final, shown to the owner
    DEAD = "dead"  # all attempts are used up: a dead letter, for operators
