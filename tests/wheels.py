"""Small wheels of data, made on the spot, and the settings that let an installer find them and nothing else."""

import base64
import hashlib
import zipfile
from pathlib import Path

from core.installer import Wheel


def wheel(folder: Path, name: str, files: dict[str, bytes], version: str = "1.0.0") -> Wheel:
    """A wheel with these files ({path: content}) in `folder`."""
    stem = f"{name.replace('-', '_')}-{version}"
    described = {
        **files,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{stem}.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{stem}.dist-info/RECORD"
    rows = [f"{path},sha256={_urlsafe(content)},{len(content)}" for path, content in described.items()]
    file = folder / f"{stem}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for path, content in described.items():
            opened.writestr(path, content)
        opened.writestr(record, "\n".join([*rows, f"{record},,"]) + "\n")
    content = file.read_bytes()
    return Wheel(name=name, version=version, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def _urlsafe(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def only_from(folder: Path) -> dict[str, str]:
    """Environment in which pip and uv know the wheels of this folder, no index, and no other configuration."""
    return {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "UV_NO_CONFIG": "1",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(folder),
    }
