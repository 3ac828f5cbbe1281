"""Times within a title as text, as WebVTT and SubRip files write them. Pure."""


def cue_timestamp(at_ms: int, *, decimal_mark: str = ".") -> str:
    """`00:00:01.500` of whole milliseconds from 0 up; SubRip has a comma as its decimal mark. Hours grow as needed."""
    minutes, ms = divmod(at_ms, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{ms // 1000:02d}{decimal_mark}{ms % 1000:03d}"
