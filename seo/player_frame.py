"""The player for other people's pages: an <iframe> to paste. Pure."""

from html import escape

ALLOW = "autoplay; fullscreen; picture-in-picture; encrypted-media"


def fixed_frame(url: str, title: str, width: int, height: int) -> str:
    """The player at `url`, so many pixels wide and high, and no wider than there is room."""
    return _frame(url, title, f'width="{width}" height="{height}" style="border: 0; max-width: 100%"')


def fluid_frame(url: str, title: str, ratio: str) -> str:
    """The player at `url`, as wide as there is room. `ratio`: width and height as CSS writes them, such as 16 / 9."""
    return _frame(url, title, f'style="width: 100%; aspect-ratio: {escape(ratio)}; border: 0"')


def _frame(url: str, title: str, size: str) -> str:
    return (
        f'<iframe src="{escape(url)}" title="{escape(title)}" {size} loading="lazy" allow="{ALLOW}" '
        'referrerpolicy="strict-origin-when-cross-origin" allowfullscreen></iframe>'
    )
