"""ingest.bodies.domain: host names as people write them, and as browsers send them."""

import pytest
from pydantic import TypeAdapter, ValidationError

from core.http.problems import from_validation
from ingest.bodies.domain import MAX_DOMAINS, AllowedDomains
from ingest.bodies.playback_requests import NewToken

LIST = TypeAdapter(AllowedDomains)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("shop.example.com", "shop.example.com"),
        ("Shop.EXAMPLE.com.", "shop.example.com"),
        ("*.Example.com", "*.example.com"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("Bu\u0308cher.example", "xn--bcher-kva.example"),
        ("*.пример.рф", "*.xn--e1afmkfd.xn--p1ai"),
        (f"{'a' * 63}.example.org", f"{'a' * 63}.example.org"),
    ],
)
def test_a_domain_is_kept_as_browsers_send_it(written: str, kept: str) -> None:
    assert LIST.validate_python([written]) == [kept]
    assert NewToken(domain=written).limits().domain == kept


@pytest.mark.parametrize(
    "written",
    [
        *("https://shop.example.com", "shop.example.com:8080", "shop.example.com/page", "user@shop.example.com"),
        *("", ".", "*", "*.", "*.*.example.com", "shop.*.com", "*example.com", "a..b", ".example.com", "a_b.example"),
        *("-a.example.com", "a-.example.com", "exa mple.com", "1.2.3", "*.127.0.0.1", "*.2001:db8::1", "fe80::1%eth0"),
        *("[2001:db8::1]", "straße.example", "a\u200db.example", f"{'a' * 64}.example.org", f"{'a.' * 126}aaa"),
    ],
)
def test_what_is_no_domain_is_refused_in_words(written: str) -> None:
    with pytest.raises(ValidationError, match="must be a domain name without scheme, port or path"):
        LIST.validate_python([written])
    with pytest.raises(ValidationError) as raised:
        NewToken(domain=written)
    assert from_validation(raised.value).pointer == "/domain"


def test_a_list_holds_each_domain_once_in_the_order_given() -> None:
    assert LIST.validate_python(["b.example", "a.example", "B.example."]) == ["b.example", "a.example"]
    assert LIST.validate_python([]) == []


def test_a_list_has_an_end() -> None:
    names = [f"s{number}.example.org" for number in range(MAX_DOMAINS + 1)]
    assert LIST.validate_python(names[:-1]) == names[:-1]
    with pytest.raises(ValidationError, match=f"at most {MAX_DOMAINS} items"):
        LIST.validate_python(names)
