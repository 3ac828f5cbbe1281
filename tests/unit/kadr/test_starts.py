"""What programs load at their start: a clip of a few seconds costs little more than that."""

import subprocess
import sys

import pytest

from tests.checks import ROOT

SERVICES = "aiobotocore aiohttp asyncpg botocore prometheus_client redis rich"


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("kadr.commands.encode", f"{SERVICES} av cv2 numpy"),
        ("transcode.probe.probe_child", f"{SERVICES} asyncio cv2 numpy pydantic yaml"),
        ("thumbnails.images.images_child", f"{SERVICES} asyncio pydantic yaml"),
    ],
)
def test_a_program_loads_nothing_that_it_does_not_need(module: str, unneeded: str) -> None:
    program = f"import sys, {module}\nprint(sorted(sys.modules.keys() & set({unneeded.split()!r})), len(sys.modules))"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded, _, count = ended.stdout.strip().rpartition(" ")
    assert int(count) > 50
    assert loaded == "[]"
