"""The pages that people see: templates, texts, style sheets, and the player's scripts, which `make setup` builds."""

from pathlib import Path

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
BUILT = FOLDER / "built"
MODULES = FOLDER / "node_modules"
