"""Where signing in may lead: to pages of the studio, and nowhere else."""

import pytest
from aiohttp.test_utils import make_mocked_request

from ingest.studio.session import is_page, sign_in_for


@pytest.mark.parametrize("path", ["/studio/library?q=a%20b&sort=title", "/studio/assets/as_1", "/studio/"])
def test_pages(path: str) -> None:
    assert is_page(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "//evil.example/studio/", "https://evil.example/studio/", "studio/", "/studio", "/v1/assets"),
        *("/studio/\\evil.example", "/studio/a\r\nSet-Cookie: a=b", "/studio/ключ", "/studio/sign-in?next=x"),
        "/studio/" + "a" * 2000,
    ],
)
def test_anything_else(path: str) -> None:
    assert not is_page(path)


@pytest.mark.parametrize(
    ("method", "path", "referer", "expected"),
    [
        ("GET", "/studio/library?q=a&sort=title", None, "?next=/studio/library%3Fq%3Da%26sort%3Dtitle"),
        ("POST", "/studio/assets/as_1/details", "http://127.0.0.1/studio/assets/as_1", "?next=/studio/assets/as_1"),
        ("POST", "/studio/assets/as_1/details", None, ""),
        ("POST", "/studio/assets/as_1/details", "http://127.0.0.1/v1/assets", ""),
    ],
)
def test_a_form_leads_back_to_its_page(method: str, path: str, referer: str | None, expected: str) -> None:
    request = make_mocked_request(method, path, headers={"Referer": referer} if referer else {})
    assert sign_in_for(request) == f"/studio/sign-in{expected}"
