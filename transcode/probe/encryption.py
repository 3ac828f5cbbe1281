"""Finds out whether a file is encrypted, which libav reports as damage or not at all.

MP4 by its sample entries (ISO/IEC 23001-7), Matroska by the key id that libav makes a tag of, MPEG-TS by the scrambling
bits of its packets (ISO/IEC 13818-1, 2.4.3.3).
"""

from pathlib import Path
from typing import Any

from core.errors import Rejected
from transcode.probe import sniff
from transcode.probe.sample_descriptions import sample_descriptions

_ENCRYPTED_ENTRIES = (b"encv", b"enca")
_KEY_ID_TAG = "enc_key_id"
_TS_BYTES, _SCRAMBLED, _PAYLOAD = 1 << 20, 0xC0, 0x10


def refuse_encrypted(path: Path, container: str) -> None:
    """Raises Rejected for an encrypted MP4 or MPEG-TS file."""
    if (container == "mp4" and _has_encrypted_entry(path)) or (container == "mpegts" and _is_scrambled(path)):
        raise _encrypted()


def refuse_encrypted_streams(opened: Any) -> None:
    """Raises Rejected where an opened Matroska file names the key of a track."""
    if any(_KEY_ID_TAG in stream.metadata for stream in opened.streams):
        raise _encrypted()


def _encrypted() -> Rejected:
    return Rejected("encrypted", "The file is encrypted (DRM or scrambling).", "Upload the video without encryption.")


def _has_encrypted_entry(path: Path) -> bool:
    return any(entry.kind in _ENCRYPTED_ENTRIES for _, _, entries in sample_descriptions(path) for entry in entries)


def _is_scrambled(path: Path) -> bool:
    """Whether most packets of the beginning that carry payload are scrambled."""
    with path.open("rb") as file:
        head = file.read(_TS_BYTES)
    found = sniff.mpegts_packets(head[: sniff.SNIFF_BYTES])
    if found is None:
        return False
    size, first = found
    flags = [flag for flag in head[first + 3 :: size] if flag & _PAYLOAD]
    return sum(flag & _SCRAMBLED != 0 for flag in flags) * 2 > len(flags)
