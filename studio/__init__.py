"""The static files of the watch page, in the folder `STATIC`; `make setup` fills its `vendor/` from npm."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
