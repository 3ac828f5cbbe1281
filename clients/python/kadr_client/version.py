"""The version of this package, as calls name it in their User-Agent."""

__version__ = "0.1.0"
