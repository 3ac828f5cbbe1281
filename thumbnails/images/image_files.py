"""Image files of a title, listed as frozen values, and the sizes and crops they come in. Pure.

In: a picture's size. Out: which widths and crops it gets, under which names. Refuses nothing; nothing is ever enlarged.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from thumbnails.images.storyboard import StoryboardPlan

WIDTHS = (1280, 640, 320)
CROP_SHORT_SIDE = 640
JPEG_QUALITY, WEBP_QUALITY, AVIF_QUALITY = 82, 80, 60
FULL = "full"
CROPS = {"16x9": Fraction(16, 9), "1x1": Fraction(1), "9x16": Fraction(9, 16)}
SAME_SHAPE = Fraction(1, 50)  # this near to a crop's shape the picture is that crop
MEDIA_TYPES = {"jpg": "image/jpeg", "webp": "image/webp", "avif": "image/avif", "png": "image/png"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """One finished image file in the work folder."""

    path: Path
    name: str
    shape: str  # "full", "16x9", "1x1", "9x16", "sheet", "preview", "still"
    media_type: str
    width: int
    height: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterSet:
    """One picture in all its sizes, shapes and types, the widest of the whole picture first."""

    files: tuple[ImageFile, ...]
    thumbhash: bytes
    colour: str  # "#rrggbb"
    width: int  # of the picture it was made of
    height: int
    padded: tuple[str, ...]  # crops that show the whole picture, because its faces fit in no smaller one
    absent: tuple[str, ...]  # requested types that the installed OpenCV cannot write


@dataclass(frozen=True, slots=True, kw_only=True)
class Storyboard:
    """Sheets of tiles and where each tile is. thumbnails.images.storyboard writes the WebVTT and JSON of `plan`."""

    plan: StoryboardPlan
    files: tuple[ImageFile, ...]  # the sheets, in order
    times_s: tuple[Fraction, ...]  # what each tile shows
    decoded: int  # frames that it took


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The preview: a few seconds of the title as one animated WebP."""

    file: ImageFile
    start_s: Fraction
    duration_s: Fraction
    quality: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """One frame as an image file, and its time on the title's timeline."""

    file: ImageFile
    time_s: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleImages:
    """The images that one run made of a title. What could not be made is in `skipped`, with the reason."""

    posters: tuple[PosterSet | None, ...]  # one per requested poster
    storyboard: Storyboard | None
    preview: Preview | None
    skipped: dict[str, str]  # "poster-0", "storyboard", "preview" -> why
    wall_s: float


def widths(width: int) -> tuple[int, ...]:
    """The widths a picture is offered in, descending. Its own width replaces those that would enlarge it."""
    return tuple(sorted({min(width, standard) for standard in WIDTHS}, reverse=True))


def crops(width: int, height: int) -> dict[str, Fraction]:
    """The aspect ratios (width / height) by name that a picture is cropped to: those it does not have already."""
    picture_aspect = Fraction(width, height)
    return {name: aspect for name, aspect in CROPS.items() if abs(picture_aspect / aspect - 1) > SAME_SHAPE}
