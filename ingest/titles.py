"""A file's name or URL -> the title of an asset whose owner gave none. Pure."""

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

# Only a known suffix is cut off: "002. 1.1 Exploring Linux" and "Release 2.0" have none.
_SUFFIXES = frozenset(
    {
        *(".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".m1v", ".m2t", ".m2ts", ".m2v", ".m4v"),
        *(".mkv", ".mod", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".qt", ".rm"),
        *(".rmvb", ".ts", ".vob", ".webm", ".wmv", ".264", ".265", ".h264", ".h265", ".hevc"),
        *(".aac", ".aif", ".aiff", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".oga", ".ogg", ".opus"),
        *(".wav", ".wma"),
    }
)
MAX_CHARS = 500


def of_filename(filename: str) -> str:
    """The name without folders and without the suffix of a media file."""
    path = PurePosixPath(filename)
    return (path.stem if path.suffix.lower() in _SUFFIXES else path.name).strip() or filename


def of_url(url: str) -> str:
    """The last part of the path, decoded, without the suffix of a media file; "" where there is none."""
    name = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    shown = "".join(character if character.isprintable() else " " for character in name).replace("/", " ")
    return of_filename(shown)[:MAX_CHARS] if shown.strip() else ""
