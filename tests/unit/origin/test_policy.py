"""Who may use a token: its limits against what a request shows. And where a request comes from."""

from ipaddress import ip_address

import pytest

from core.http.client_address import address_of
from core.tokens.playback_token import Limits
from origin.playback.policy import PolicyRefused, Visit, bound, check, host_of, may_embed

AT_HOME = Visit(page="https://shop.example.org/p/42?x=1", address=ip_address("203.0.113.7"), country="SE")
NOWHERE = Visit(page=None, address=None, country=None)


def test_no_limits_admit_anybody() -> None:
    assert check(Limits(), NOWHERE) is None
    assert check(Limits(viewer="u1", max_sessions=1), NOWHERE) is None


@pytest.mark.parametrize(
    ("limits", "visit"),
    [
        (Limits(domain="shop.example.org"), AT_HOME),
        (Limits(domain="SHOP.example.org"), AT_HOME),
        (Limits(domain="*.example.org"), AT_HOME),
        (Limits(domain="localhost"), Visit(page="http://localhost:3000", address=None, country=None)),
        (Limits(ip="203.0.113.7"), AT_HOME),
        (Limits(ip="203.0.113.0/24"), AT_HOME),
        (Limits(ip="2001:db8::1"), Visit(page=None, address=ip_address("2001:db8::ffff"), country=None)),
        (Limits(country="SE"), AT_HOME),
        (Limits(country="se"), AT_HOME),
        (Limits(domain="shop.example.org", ip="203.0.113.7", country="SE"), AT_HOME),
    ],
)
def test_the_right_visit(limits: Limits, visit: Visit) -> None:
    assert check(limits, visit) is None
    with pytest.raises(PolicyRefused):
        check(limits, NOWHERE)


@pytest.mark.parametrize(
    ("limits", "page"),
    [
        (Limits(domain="example.org"), "https://shop.example.org/"),
        (Limits(domain="*.example.org"), "https://example.org/"),
        (Limits(domain="*.example.org"), "https://.example.org/"),
        (Limits(domain="example.org"), "https://example.org.evil.test/"),
        (Limits(domain="example.org"), "https://evil.test/example.org"),
        (Limits(domain="example.org"), "https://example.org@evil.test/"),
        (Limits(domain="example.org"), "https://evil.test#example.org"),
        (Limits(domain="*.example.org"), "https://evilexample.org/"),
        (Limits(domain="example.org"), "https://[broken"),
        (Limits(domain="example.org"), "null"),
        (Limits(domain="example.org"), ""),
        (Limits(domain="example.org"), None),
    ],
)
def test_another_page(limits: Limits, page: str | None) -> None:
    with pytest.raises(PolicyRefused) as refused:
        check(limits, Visit(page=page, address=None, country=None))
    assert refused.value.code == "domain_refused"
    assert refused.value.hint


@pytest.mark.parametrize(
    ("page", "host"),
    [
        ("https://shop.example.org", "shop.example.org"),
        ("https://Shop.Example.ORG.:8443/p/42", "shop.example.org"),
        ("http://localhost:3000", "localhost"),
        ("http://192.0.2.1:8081/", "192.0.2.1"),
        ("http://[2001:db8::1]:8081/", "2001:db8::1"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("https://example.org@evil.test/", "evil.test"),
        ("null", ""),
        ("about:srcdoc", ""),
        ("shop.example.org", ""),
        ("https://[broken", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_host_of_a_page(page: str | None, host: str) -> None:
    assert host_of(page) == host


@pytest.mark.parametrize(
    ("page", "domains", "limit", "allowed"),
    [
        (None, (), None, True),
        ("https://anybody.test/", (), None, True),
        ("https://shop.example.org/p", ("a.test", "shop.example.org"), None, True),
        ("https://SHOP.example.org.:8443/p", ("shop.example.org",), None, True),
        ("https://a.b.example.org/", ("*.example.org",), None, True),
        ("http://[2001:db8::1]/", ("2001:db8::1",), None, True),
        ("http://localhost:3000/", ("localhost",), None, True),
        ("https://example.org/", ("*.example.org",), None, False),
        ("https://shop.example.org/", ("example.org",), None, False),
        ("https://evilexample.org/", ("example.org", "*.example.org"), None, False),
        ("https://example.org.evil.test/", ("example.org", "*.example.org"), None, False),
        ("https://evil.test/?example.org", ("example.org",), None, False),
        ("null", ("example.org", "*.example.org", "localhost"), None, False),
        (None, ("example.org",), None, False),
        # Both the title and the token have to allow it.
        ("https://shop.example.org/", ("shop.example.org",), "shop.example.org", True),
        ("https://shop.example.org/", (), "shop.example.org", True),
        ("https://shop.example.org/", ("*.example.org",), "news.example.org", False),
        ("https://shop.example.org/", ("news.example.org",), "*.example.org", False),
        (None, (), "shop.example.org", False),
    ],
)
def test_which_page_may_embed_a_title(
    page: str | None, domains: tuple[str, ...], limit: str | None, allowed: bool
) -> None:
    assert may_embed(page, domains, Limits(domain=limit)) is allowed


@pytest.mark.parametrize("own", [None, "*.example.org", "shop.example.org"])
def test_a_session_is_bound_to_the_host_on_which_it_begins(own: str | None) -> None:
    limits = Limits(viewer="u1", domain=own)
    assert bound(limits, AT_HOME, ()) is limits
    assert bound(limits, AT_HOME, ("*.example.org",)) == Limits(viewer="u1", domain="shop.example.org")
    for visit, domains in ((AT_HOME, ("example.org",)), (NOWHERE, ("*.example.org",))):
        with pytest.raises(PolicyRefused) as refused:
            bound(limits, visit, domains)
        assert (refused.value.code, bool(refused.value.hint)) == ("domain_refused", True)


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("203.0.113.8", "203.0.113.7"),
        ("203.0.112.0/24", "203.0.113.7"),
        ("2001:db8::1", "2001:db8:0:1::1"),
        ("2001:db8::/32", "203.0.113.7"),
        ("203.0.113.7", None),
    ],
)
def test_another_address(allowed: str, address: str | None) -> None:
    visit = Visit(page=None, address=ip_address(address) if address else None, country=None)
    with pytest.raises(PolicyRefused) as refused:
        check(Limits(ip=allowed), visit)
    assert refused.value.code == "ip_refused"


@pytest.mark.parametrize("country", ["NO", "", None, "SEE"])
def test_another_country(country: str | None) -> None:
    with pytest.raises(PolicyRefused) as refused:
        check(Limits(country="SE"), Visit(page=None, address=None, country=country))
    assert refused.value.code == "country_refused"


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "found"),
    [
        ("198.51.100.1", "", (), "198.51.100.1"),
        ("198.51.100.1", "203.0.113.7", (), "198.51.100.1"),  # whoever is not trusted speaks for himself only
        ("10.0.0.1", "203.0.113.7", ("10.0.0.0/8",), "203.0.113.7"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.7", ("10.0.0.0/8",), "203.0.113.7"),  # what it wrote itself is left out
        ("10.0.0.1", "203.0.113.7, 10.0.0.2", ("10.0.0.0/8",), "203.0.113.7"),
        ("::ffff:10.0.0.1", "203.0.113.7", ("10.0.0.0/8",), "203.0.113.7"),
        ("10.0.0.1", "2001:db8::1", ("10.0.0.0/8",), "2001:db8::1"),
        ("10.0.0.1", "unknown", ("10.0.0.0/8",), None),
        ("10.0.0.1", "", ("10.0.0.0/8",), None),
        (None, "", (), None),
    ],
)
def test_whose_request_it_is(peer: str | None, forwarded: str, trusted: tuple[str, ...], found: str | None) -> None:
    address = address_of(peer, forwarded, trusted)
    assert (None if address is None else str(address)) == found
