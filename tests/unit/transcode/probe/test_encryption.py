"""transcode.probe.encryption: encrypted files are refused by that name, clear ones are not."""

import subprocess
from pathlib import Path

import pytest

from core.errors import Rejected
from tests.media import FFMPEG, generate
from transcode.probe.encryption import refuse_encrypted, refuse_encrypted_streams


def test_common_encryption(tmp_path: Path) -> None:
    clear, path = tmp_path / "clear.mp4", tmp_path / "cenc.mp4"
    generate(clear, "testsrc2=size=64x64:rate=25:duration=0.2")
    keys = (
        "-encryption_key",
        "76a6c65c5ea762046bd749a2e632ccbb",
        "-encryption_kid",
        "a7e61c373e219033c21091fa607bf3b8",
    )
    scheme = ("-c", "copy", "-encryption_scheme", "cenc-aes-ctr", *keys)
    subprocess.run([FFMPEG, "-v", "error", "-i", str(clear), *scheme, str(path)], check=True, timeout=60)
    refuse_encrypted(clear, "mp4")
    with pytest.raises(Rejected, match="encrypted") as refused:
        refuse_encrypted(path, "mp4")
    assert refused.value.code == "encrypted"


@pytest.mark.parametrize(("size", "cut"), [(188, 0), (188, 100), (204, 7)])
@pytest.mark.parametrize("scrambled", [True, False])
def test_scrambled_packets(size: int, cut: int, scrambled: bool, tmp_path: Path) -> None:
    tables = b"\x47\x40\x00\x10" + bytes(size - 4)
    payload = bytes((0x47, 1, 0, 0x90 if scrambled else 0x10)) + bytes(size - 4)
    path = tmp_path / "cut.ts"
    path.write_bytes((tables + payload * 9)[cut:] * 1 + (tables + payload * 9) * 3)
    if scrambled:
        with pytest.raises(Rejected, match="encrypted"):
            refuse_encrypted(path, "mpegts")
    else:
        refuse_encrypted(path, "mpegts")


def test_a_key_named_by_a_track() -> None:
    class Stream:
        def __init__(self, **metadata: str) -> None:
            self.metadata = metadata

    class Opened:
        streams = (Stream(language="eng"), Stream(enc_key_id="AAAA"))

    with pytest.raises(Rejected, match="encrypted"):
        refuse_encrypted_streams(Opened())
