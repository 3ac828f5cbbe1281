"""Where models lie on this machine. Paths only."""

from pathlib import Path

from core.settings import Settings


def models_dir(settings: Settings) -> Path:
    """Where fetched models lie, each in a folder of its name."""
    return settings.models_dir or default_models_dir()


def default_models_dir() -> Path:
    """`models_dir` where the settings name none."""
    return Path.home() / ".local" / "share" / "kadr" / "models"


def part_of(folder: Path) -> Path:
    """Where a model lies while it is fetched into `folder`; the process that fetches it holds the lock of this one."""
    return folder.with_name(f".{folder.name}.part")
