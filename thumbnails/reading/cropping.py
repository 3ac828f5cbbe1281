"""Decoded frames -> frames without what the container cuts off. Inside the sandbox only.

ffmpeg does this by itself when it encodes a title; PyAV does not, and posters have to show what the video shows.
"""

from typing import Any

from thumbnails.reading.filter_graph import filter_graph
from thumbnails.reading.video_facts import NO_CROP, Crop


class Cropper:
    """Crops the frames of one track, one out for each in."""

    def __init__(self, crop: Crop) -> None:
        self._crop = crop
        self._form: tuple[int, int, str] | None = None
        self._graph: Any = None

    def __call__(self, frame: Any) -> Any:
        """The frame without its edges; as it is where nothing is cut off, or it is too small for that."""
        left, right, top, bottom = self._crop
        width, height = frame.width - left - right, frame.height - top - bottom
        if self._crop == NO_CROP or width <= 0 or height <= 0:
            return frame
        form = (frame.width, frame.height, frame.format.name)
        if form != self._form:
            options = f"{width}:{height}:{left}:{top}:exact=1"
            self._graph, self._form = filter_graph(frame, frame.time_base, "crop", options), form
        self._graph.push(frame)
        return self._graph.pull()
