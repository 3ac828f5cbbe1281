"""thumbnails.vision.faces: the answer of the network becomes boxes; and which file of it is used."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError
from core.settings import Settings
from thumbnails.vision.boxes import PixelBox
from thumbnails.vision.face_model import CENTERFACE, FILE, NAME, face_model
from thumbnails.vision.faces import NET_HIGHER, NET_WIDER, Floats, network_boxes

CELLS_DOWN, CELLS_ACROSS = 48, 80


def answer(*peaks: tuple[int, int, float, float, float]) -> tuple[Floats, Floats, Floats]:
    """Maps with faces at (row, column), so sure, so many cells wide and high."""
    certainty = np.zeros((CELLS_DOWN, CELLS_ACROSS), np.float32)
    sizes, offsets = (np.zeros((2, CELLS_DOWN, CELLS_ACROSS), np.float32) for _ in range(2))
    for row, column, sure, wide, high in peaks:
        certainty[row, column] = sure
        sizes[:, row, column] = np.log([high, wide])
        offsets[:, row, column] = 0.25, -0.25
    return certainty, sizes, offsets


def test_a_face_is_where_the_network_is_sure_of_one() -> None:
    (box,) = network_boxes(*answer((20, 40, 0.9, 10, 12), (5, 5, 0.4, 10, 12)), 640, 384)
    wide, high = 10 * 8 * NET_WIDER, 12 * 8 * NET_HIGHER
    assert (box.width, box.height) == pytest.approx((wide, high), abs=1)
    assert box.x + box.width / 2 == pytest.approx(40.25 * 8, abs=1)
    assert box.y + box.height / 2 == pytest.approx(20.75 * 8, abs=1)


def test_one_face_is_found_once() -> None:
    """The surest of its boxes stays."""
    boxes = network_boxes(*answer((20, 40, 0.7, 10, 12), (20, 41, 0.9, 10, 12), (20, 60, 0.6, 10, 12)), 640, 384)
    assert sorted(round((box.x + box.width / 2) / 8, 1) for box in boxes) == [41.2, 60.2]


def test_a_box_ends_with_the_picture() -> None:
    (box,) = network_boxes(*answer((0, 0, 0.9, 30, 30)), 640, 384)
    assert (box.x, box.y) == (0, 0)
    assert network_boxes(*answer(), 640, 384) == list[PixelBox]()


def test_which_file(tmp_path: Path) -> None:
    fetched = tmp_path / NAME / FILE
    assert face_model(Settings(models_dir=tmp_path)) is None
    assert face_model(Settings(face_model=NAME, models_dir=tmp_path)) is None, "it is not there yet"
    fetched.parent.mkdir()
    fetched.write_bytes(b"")
    assert face_model(Settings(face_model=NAME, models_dir=tmp_path)) == fetched
    assert face_model(Settings(face_model=str(fetched))) == fetched
    assert face_model(Settings(face_model="none", models_dir=tmp_path)) is None
    assert face_model(Settings(face_model="", models_dir=tmp_path)) is None, "as compose passes it"


@pytest.mark.parametrize("name", ["haar", "centreface.onnx", "/nowhere/centerface.onnx"])
def test_a_name_nobody_knows(name: str) -> None:
    with pytest.raises(ConfigError, match="KADR_FACE_MODEL"):
        face_model(Settings(face_model=name))


def test_its_only_file_is_in_its_only_wheel() -> None:
    (wheel,) = CENTERFACE.wheels
    assert CENTERFACE.files[FILE].pieces == (f"{wheel.name}/{FILE}",)
