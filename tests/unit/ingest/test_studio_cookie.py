"""Which cookie a studio session has, and which pages may write with it."""

from http.cookies import SimpleCookie

import pytest
from aiohttp import web

from ingest.studio.cookie import ON_LOOPBACK, UNDER_TLS, CookieKind, cookie_kind, is_from_own_page, own_origins
from ingest.studio.session import clear_cookie, set_cookie

TLS, LOCAL, LAN = "https://studio.example.org", "http://127.0.0.1:8080", "http://192.168.1.20:8080"


@pytest.mark.parametrize(
    ("public_url", "host", "kind"),
    [
        (TLS, "studio.example.org", UNDER_TLS),
        (TLS, "127.0.0.1:8080", UNDER_TLS),  # a proxy may put its own upstream there
        (LOCAL, "127.0.0.1:8080", ON_LOOPBACK),
        (LOCAL, "localhost:8080", ON_LOOPBACK),
        (LOCAL, "LOCALHOST", ON_LOOPBACK),
        (LOCAL, "studio.localhost:8080", ON_LOOPBACK),
        (LOCAL, "[::1]:8080", ON_LOOPBACK),
        (LOCAL, "127.8.9.10", ON_LOOPBACK),
        (LAN, "localhost:8080", ON_LOOPBACK),
        (LAN, "192.168.1.20:8080", None),
        (LOCAL, "192.168.1.20:8080", None),
        (LOCAL, "studio.example.org", None),
        (LOCAL, "localhost.example.org", None),
        (LOCAL, "127.0.0.1.example.org", None),
        (LOCAL, "notlocalhost", None),
        (LOCAL, "[::1", None),
        (LOCAL, "", None),
    ],
)
def test_the_cookie_of_an_address(public_url: str, host: str, kind: CookieKind | None) -> None:
    assert cookie_kind(public_url, host) == kind


def cookie_in(response: web.Response) -> tuple[str, dict[str, object]]:
    """(name and value, attributes) of the one cookie that a response sets."""
    ((name, morsel),) = SimpleCookie(response.cookies.output(header="").strip()).items()
    return f"{name}={morsel.value}", {key: value for key, value in morsel.items() if value}


@pytest.mark.parametrize("kind", [UNDER_TLS, ON_LOOPBACK])
def test_flags(kind: CookieKind) -> None:
    response = web.Response()
    set_cookie(response, kind, "ss_abc", 1200)
    value, flags = cookie_in(response)
    assert value == f"{kind.name}=ss_abc"
    assert flags == {
        "path": "/",
        "httponly": True,
        "samesite": "Lax",
        "max-age": "1200",
        **({"secure": True} if kind == UNDER_TLS else {}),
    }
    assert kind.name.startswith("__Host-") is kind.secure


@pytest.mark.parametrize("kind", [UNDER_TLS, ON_LOOPBACK])
def test_a_cookie_is_cleared_as_it_was_set(kind: CookieKind) -> None:
    response = web.Response()
    clear_cookie(response, kind)
    text = response.cookies.output()
    assert f"{kind.name}=" in text
    assert "Max-Age=0" in text
    assert ("Secure" in text) is kind.secure


@pytest.mark.parametrize(
    ("public_url", "host", "origins"),
    [
        (TLS, "studio.example.org", {TLS}),
        ("https://Studio.Example.org:443/", "studio.example.org", {TLS}),
        ("https://studio.example.org:8443", "x", {"https://studio.example.org:8443"}),
        (TLS, "127.0.0.1:8080", {TLS}),
        (LOCAL, "localhost:8080", {LOCAL, "http://localhost:8080"}),
        (LOCAL, "127.0.0.1:8080", {LOCAL}),
        (LAN, "192.168.1.20:8080", {LAN}),
    ],
)
def test_our_own_origins(public_url: str, host: str, origins: set[str]) -> None:
    assert own_origins(public_url, host) == origins


@pytest.mark.parametrize(
    ("fetch_site", "origin", "own"),
    [
        ("same-origin", LOCAL, True),
        ("same-origin", None, True),
        ("same-site", "http://127.0.0.1:9000", False),
        ("same-site", LOCAL, False),
        ("cross-site", "https://evil.example", False),
        ("cross-site", LOCAL, False),
        ("none", None, False),
        ("none", LOCAL, False),
        ("", LOCAL, False),
        ("Same-Origin", LOCAL, False),
        (None, LOCAL, True),
        (None, "http://127.0.0.1:9000", False),
        (None, "https://127.0.0.1:8080", False),
        (None, "http://127.0.0.1:8080.evil.example", False),
        (None, "null", False),
        (None, "", False),
        (None, None, False),
    ],
)
def test_which_pages_write_with_our_cookie(fetch_site: str | None, origin: str | None, own: bool) -> None:
    assert is_from_own_page(fetch_site, origin, {LOCAL}) is own
