"""What an operator trades: CPU against bytes, as x264 presets. Pure."""

from enum import StrEnum


class Effort(StrEnum):
    ECONOMY = "economy"
    BALANCED = "balanced"
    QUALITY = "quality"

    @property
    def x264_preset(self) -> str:
        return {"economy": "veryfast", "balanced": "fast", "quality": "slow"}[self.value]
