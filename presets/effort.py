"""What an operator trades: CPU against bytes. What it means to an encoder stands in presets/codecs.yaml. Pure."""

from enum import StrEnum


class Effort(StrEnum):
    ECONOMY = "economy"
    BALANCED = "balanced"
    QUALITY = "quality"
