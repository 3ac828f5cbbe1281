"""The request of a search for a crop path, as JSON for the sandboxed program. Pure."""

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ReframeRequest:
    """A wide video track, the part of it to be searched, and the width of the window as a share."""

    demuxer: str
    index: int
    rotation: int  # degrees clockwise
    origin_s: Fraction  # the file's own time of the timeline's zero
    retimed: Fraction | None  # its own times cannot be true: frames follow each other at this rate
    aspect: Fraction  # of the picture as shown
    start_s: Fraction
    end_s: Fraction
    share: Fraction  # of the picture's width that the window shows
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)  # what the container cuts off: left, right, top, bottom


def to_json(request: ReframeRequest) -> dict[str, Any]:
    """Plain JSON values; Fractions become strings like "1/2"."""
    values = {entry.name: getattr(request, entry.name) for entry in fields(ReframeRequest)}
    return {name: str(value) if isinstance(value, Fraction) else value for name, value in values.items()}


def from_json(value: dict[str, Any]) -> ReframeRequest:
    """The request of `to_json`. Raises KeyError and ValueError for another value."""
    return ReframeRequest(
        demuxer=value["demuxer"],
        index=value["index"],
        rotation=value["rotation"],
        origin_s=Fraction(value["origin_s"]),
        retimed=None if value["retimed"] is None else Fraction(value["retimed"]),
        aspect=Fraction(value["aspect"]),
        start_s=Fraction(value["start_s"]),
        end_s=Fraction(value["end_s"]),
        share=Fraction(value["share"]),
        crop=tuple(value["crop"]),
    )
