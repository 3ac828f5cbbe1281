"""The first bytes of a file that arrives in blocks, looked at as soon as they are there. Pure."""

from collections.abc import Callable

HEAD_BYTES = 4096


class Head:
    """Calls `look` once, with the first HEAD_BYTES of what comes, or with all of it where that is less."""

    def __init__(self, look: Callable[[bytes], object]) -> None:
        self._look: Callable[[bytes], object] | None = look
        self._kept = bytearray()

    def took(self, block: bytes) -> None:
        """The next block. What `look` raises comes out of here."""
        if self._look is None:
            return
        self._kept += block[: HEAD_BYTES - len(self._kept)]
        if len(self._kept) == HEAD_BYTES:
            self.end()

    def end(self) -> None:
        """The file has ended: look at what there is, unless that is done. What `look` raises comes out of here."""
        look, self._look = self._look, None
        if look is not None:
            look(bytes(self._kept))
