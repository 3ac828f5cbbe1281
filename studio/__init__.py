"""The pages people see, as files. `STATIC` is the folder; `vendor/` in it is filled by `make setup` from npm."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
