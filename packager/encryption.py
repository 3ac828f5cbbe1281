"""Encrypts segments for METHOD=AES-128 (RFC 8216bis, 4.4.4.4 and 5.2): CBC over the whole file, PKCS7. Pure.

In: the bytes of a segment, its asset's key, its number. Out: the bytes that are stored and delivered.

No IV is written into playlists: without one it is the segment's media sequence number, and every playlist here begins
at 0, so it is the number in the segment's file name. Encryption is deterministic, so a step that runs twice
stores one object. Init segments and subtitles are not encrypted.

Only whole segments can be decrypted: encrypted renditions have no I-frame playlists, and there is no DASH manifest,
because DASH has no such method.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from core.media.encoded import Blob, Rendition, Segment

KEY_NAME = "key"  # key URI in stored playlists; each session's playlists replace it with a URL of their own
_BLOCK_BITS = 128


class Encryption(StrEnum):
    """How the media segments of an asset are encrypted."""

    NONE = "none"
    AES_128 = "aes-128"


def encryption_from_json(options: Mapping[str, Any]) -> Encryption:
    """`{encryption?}`: what its owner chose when the asset was created."""
    return Encryption(options.get("encryption", Encryption.NONE))


def encrypted(body: bytes, key: bytes, number: int) -> bytes:
    """Encrypt segment `number` (from 0) of a rendition. `key` is 16 bytes."""
    # Here, because most programs that import this module encrypt nothing.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    padder = PKCS7(_BLOCK_BITS).padder()
    encryptor = Cipher(algorithms.AES128(key), modes.CBC(number.to_bytes(16, "big"))).encryptor()
    return encryptor.update(padder.update(body) + padder.finalize()) + encryptor.finalize()


def with_encrypted(rendition: Rendition, blobs: Sequence[Blob]) -> Rendition:
    """The rendition with the encrypted segments `blobs` in place of its own, and without keyframe positions."""
    pairs = zip(rendition.segments, blobs, strict=True)
    return replace(rendition, segments=tuple(Segment(blob=blob, duration=old.duration) for old, blob in pairs))
