"""Program inside the sandbox: FILE -> candidates for a poster. `python -m thumbnails.posters.selection_child FILE
VIDEO SETTINGS [FACE_MODEL]`.

VIDEO is the JSON of thumbnails.reading.video_facts, SETTINGS that of thumbnails.posters.selection_settings. Prints one
JSON line; the candidates' pixels are left in the working directory. Crashes and hangs are left to the caller.
"""

import json
import sys
from pathlib import Path

import av
import cv2

from thumbnails.posters import select
from thumbnails.posters.selection_settings import from_json
from thumbnails.reading import video_facts
from thumbnails.reading.reader import Reader
from thumbnails.vision import faces


def main() -> None:
    cv2.setNumThreads(1)
    cv2.setRNGSeed(0)
    file, video, settings = Path(sys.argv[1]), video_facts.from_json(sys.argv[2]), from_json(sys.argv[3])
    faces.use_network(sys.argv[4] if len(sys.argv) > 4 else None)
    try:
        with Reader(file, video) as reader:
            selection = select.select(reader, video, settings, Path())
    except (av.FFmpegError, ValueError):  # a form of video that nothing here reads
        selection = select.nothing("unreadable")
    json.dump(selection, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
