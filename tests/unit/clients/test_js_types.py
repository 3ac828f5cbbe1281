"""The committed types of clients/js are those of the API and its events."""

from tests.client_types import TYPES, digest_of_schemas, heading


def test_the_types_are_those_of_the_api() -> None:
    """Of its schemas as they are now, and not edited since."""
    text = TYPES.read_text()
    body = text.split("\n", 2)[2]
    assert text == heading(digest_of_schemas(), body) + body, "run `make client-types`, and commit what it writes"
