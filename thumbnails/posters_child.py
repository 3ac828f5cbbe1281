"""Program inside the sandbox: FILE -> candidates for a poster. `python -m thumbnails.posters_child FILE VIDEO WISHES`.

VIDEO is thumbnails.picture's JSON, WISHES those of thumbnails.posters_wishes. Prints one JSON line; the candidates'
pixels are left in the working directory. Any crash or hang here is the caller's to see.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    # Before numpy is loaded: its own threads cost a tenth of a second and do nothing here.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import av
    import cv2

    from thumbnails import picture, posters_select
    from thumbnails.posters_wishes import from_json
    from thumbnails.reader import Reader

    cv2.setNumThreads(1)
    cv2.setRNGSeed(0)
    file, video, wishes = Path(sys.argv[1]), picture.from_json(sys.argv[2]), from_json(sys.argv[3])
    try:
        with Reader(file, video) as reader:
            selection = posters_select.select(reader, video, wishes, Path())
    except (av.FFmpegError, ValueError):  # a form of video that nothing here reads
        selection = posters_select.nothing("unreadable")
    json.dump(selection, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
