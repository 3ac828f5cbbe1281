"""`TypedDict` as pydantic takes it, so that handlers of FastAPI can name the types of this package.

Before Python 3.12 that is the one of typing_extensions, which aiohttp installs there.
"""

import sys

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    from typing_extensions import TypedDict

__all__ = ["TypedDict"]
