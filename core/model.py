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
    ACCEPT = "accept"
    FETCH = "fetch"
    PROBE = "probe"
    PLAN = "plan"
    REMUX = "remux"  # the upload's own picture track, shown at once
    FIRST_RUNG = "first_rung"  # one small rung, a chunk at a time, shown while it grows
    FIRST_SOUND = "first_sound"
    ANALYSE = "analyse"  # measure the title, settle the ladder, share out the work
    ENCODE = "encode"  # the other rungs of one chunk
    SOUND = "sound"
    PUBLISH = "publish"
    DUB = "dub"  # the sound in another language, made for a title that is there
    TRANSCRIBE = "transcribe"  # what is said -> subtitles
    TRANSLATE = "translate"  # subtitles -> subtitles in another language
    EXTRACT = "extract"  # the subtitles that lie in the upload
    REPUBLISH = "republish"  # with other tracks than before
    DOWNLOADS = "downloads"  # progressive files of what is published
    PICTURES = "pictures"  # posters, storyboard and preview
    POSTER = "poster"  # the picture that its owner chose
    DISCARD = "discard"
    PURGE = "purge"  # the CDNs drop what they keep of it
    DELETE = "delete"

    @property
    def makes_a_track(self) -> bool:
        """Where it fails the track is at fault, and the title plays on without it."""
        return self in (StepKind.DUB, StepKind.TRANSCRIBE, StepKind.TRANSLATE)

    @property
    def tidies(self) -> bool:
        """Not work on the media: where it fails, nothing is wrong with the asset."""
        return self in (StepKind.DISCARD, StepKind.PURGE, StepKind.DELETE)

    @property
    def is_extra(self) -> bool:
        """Nothing the title needs: where it fails, the title is as good as before."""
        return self in (StepKind.DOWNLOADS, StepKind.PICTURES, StepKind.POSTER, StepKind.EXTRACT)


class StepState(StrEnum):
    QUEUED = "queued"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"  # the media was rejected: final, told to the owner
    DEAD = "dead"  # our attempts are used up: dead letter, for ops
