"""The identity of a JSON value. Pure."""

import hashlib
import json


def digest(value: object) -> str:
    """SHA-256 (hex) of a JSON value in canonical form: equal values have one."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
