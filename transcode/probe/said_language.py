"""The language that a file names for a track; a default that its container fills in is none. Pure."""

# How the recorders of browsers name themselves: Chromium's, and Firefox's.
RECORDERS = ("Chrome", "QTmuxingAppLibWebM")
DEFAULT = "eng"  # of a Matroska track that names no language (RFC 9559, 5.1.4.1.19)


def said_language(language: str | None, encoder: str) -> str | None:
    """`language` as FFmpeg tells it, `encoder` what has written the file; None where the file does not say.

    Recorders of browsers know no language and write none. Everybody else who leaves it out may mean English.
    """
    return None if language == DEFAULT and encoder.startswith(RECORDERS) else language
