"""Origins of pages are kept as browsers send them; what is no origin, or no safe one, is refused."""

import pytest
from pydantic import ValidationError

from ingest.bodies.page_origin import MAX_ORIGINS
from ingest.bodies.requests import NewUploadToken


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://shop.example.org", "https://shop.example.org"),
        ("https://Shop.Example.org:443/", "https://shop.example.org"),
        ("https://shop.example.org:8443", "https://shop.example.org:8443"),
        ("https://магазин.example", "https://xn--80aairftm.example"),
        ("https://192.0.2.7", "https://192.0.2.7"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://localhost", "http://localhost"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_accepted(written: str, kept: str) -> None:
    assert NewUploadToken.model_validate({"origins": [written]}).origins == [kept]


@pytest.mark.parametrize(
    "written",
    [
        "*",
        "null",
        "",
        "shop.example.org",
        "http://shop.example.org",
        "https://*.example.org",
        "https://shop.example.org/upload",
        "https://shop.example.org?a",
        "https://shop.example.org#a",
        "https://me@shop.example.org",
        "https://shop.example.org:0x1",
        "https://shop.example.org:99999",
        "https://",
        "ftp://shop.example.org",
        "http://localhost.example.org",
        "https://[::1",
        "https://shop example.org",
        f"https://{'a' * 300}.example.org",
    ],
)
def test_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        NewUploadToken.model_validate({"origins": [written]})


def test_how_many() -> None:
    several = [f"https://a{number}.example.org" for number in range(MAX_ORIGINS)]
    assert NewUploadToken.model_validate({"origins": [several[0], *several[:-1]]}).origins == several[:-1]
    with pytest.raises(ValidationError):
        NewUploadToken.model_validate({"origins": [*several, "https://b.example.org"]})
