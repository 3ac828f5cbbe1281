"""The packages as their users have them."""

from tests.js_package import folder_with_package

__all__ = ["folder_with_package"]
