"""What our own verifiers refuse: every changed character of a path, an expiry or a signature; every other spelling."""

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.cdn.signers import (
    SKEW_S,
    DeliveryExpired,
    DeliveryRefused,
    PrefixRefused,
    SigningContext,
    canonical_path,
    canonical_prefix,
    kadr,
    make_signer,
    secure_link,
)

EXPIRES = 1_800_000_000
PREFIX = "/v/as_1/ab/"
NOW = SigningContext(now=EXPIRES - 60)
CHARACTERS = string.ascii_letters + string.digits + "-_.=+/ %~"


@dataclass(frozen=True)
class Verified:
    """A scheme that we verify ourselves, with an old and a new key."""

    scheme: str
    verify: Callable[[str, str, Mapping[str, Any], float], None]
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    skew_s: int

    def token(self, keys: Mapping[str, Any], prefix: str = PREFIX) -> str:
        path = make_signer(self.scheme, keys, {}).sign(prefix, EXPIRES, NOW).path
        return path.removeprefix("/s/").removesuffix(prefix)

    def refuses(self, token: str, prefix: str = PREFIX, now: float = 0) -> None:
        with pytest.raises(DeliveryRefused):
            self.verify(token, prefix, self.old, now)
            pytest.fail(f"accepted: {token!r} for {prefix!r}")


SCHEMES = {
    "own": Verified("own", kadr.verify, {"k1": b"1" * 32}, {"k2": b"2" * 32}, 0),
    "secure_link": Verified("secure_link", secure_link.verify, {"k1": "one"}, {"k2": "two"}, SKEW_S),
}


@pytest.fixture(params=SCHEMES)
def verified(request: pytest.FixtureRequest) -> Verified:
    return SCHEMES[request.param]


def test_good_until_it_expires(verified: Verified) -> None:
    token = verified.token(verified.old)
    verified.verify(token, PREFIX, verified.old, EXPIRES + verified.skew_s)
    with pytest.raises(DeliveryExpired):
        verified.verify(token, PREFIX, verified.old, EXPIRES + verified.skew_s + 0.001)


def test_every_change_of_one_character_of_a_token_is_refused(verified: Verified) -> None:
    """Exhaustive over positions and over the characters a path can hold; the last of base64 among them."""
    token, tried = verified.token(verified.old), 0
    for at in range(len(token) + 1):
        changed = {token[:at] + token[at + 1 :]}
        for character in CHARACTERS:
            changed |= {token[:at] + character + token[at + 1 :], token[:at] + character + token[at:]}
        for other in changed - {token}:
            verified.refuses(other)
            tried += 1
    assert tried > len(token) * len(CHARACTERS)


def test_every_change_of_one_character_of_the_prefix_is_refused(verified: Verified) -> None:
    token, tried = verified.token(verified.old), 0
    for at in range(len(PREFIX) + 1):
        changed = {PREFIX[:at] + PREFIX[at + 1 :]}
        for character in CHARACTERS:
            changed |= {PREFIX[:at] + character + PREFIX[at + 1 :], PREFIX[:at] + character + PREFIX[at:]}
        for other in changed - {PREFIX}:
            verified.refuses(token, other)
            tried += 1
    assert tried > len(PREFIX) * len(CHARACTERS)


@pytest.mark.parametrize("name", SCHEMES)
@given(data=st.data())
def test_any_character_anywhere_is_refused(name: str, data: st.DataObject) -> None:
    verified = SCHEMES[name]
    whole = verified.token(verified.old) + PREFIX
    at = data.draw(st.integers(0, len(whole)))
    character = data.draw(st.characters(exclude_categories=["Cs"]))
    for other in (whole[:at] + character + whole[at:], whole[:at] + character + whole[at + 1 :]):
        token, slash, rest = other.partition("/")
        if other != whole:
            verified.refuses(token, slash + rest)


@pytest.mark.parametrize("name", SCHEMES)
@given(token=st.text() | st.from_regex(r"k1\.[0-9A-Za-z_.=-]*", fullmatch=True), prefix=st.text())
def test_junk_raises_nothing_but_the_refusal(name: str, token: str, prefix: str) -> None:
    SCHEMES[name].refuses(token, prefix)


@pytest.mark.parametrize("token", ["", ".", "..", "k1", "k1..", "k1.1.", "k1.١.x", "k1.01.aa", "k1.\udcff.\udcff"])
def test_near_misses(verified: Verified, token: str) -> None:
    verified.refuses(token)


@pytest.mark.parametrize(
    "other",
    ["", "/", "/v/as_1/abc/", "/v/as_1/", "/v/as_1/ab", "/v/as_1/ab/../abc/", "/v/as_1/ab/v720/", "/V/AS_1/AB/"],
)
def test_another_prefix_is_refused(verified: Verified, other: str) -> None:
    verified.refuses(verified.token(verified.old), other)


def test_a_prefix_cannot_lend_its_start_to_the_expiry(verified: Verified) -> None:
    """nginx's text has nothing between the expiry and the prefix; ours has a dot."""
    kid, expires, signature = verified.token(verified.old).split(".")
    verified.refuses(f"{kid}.{expires[:-1]}.{signature}", f"{expires[-1]}{PREFIX}")
    verified.refuses(f"{kid}.{expires}/v.{signature}", PREFIX.removeprefix("/v"))


def test_keys_rotate(verified: Verified) -> None:
    both = {**verified.new, **verified.old}
    old, new = verified.token(verified.old), verified.token(both)
    assert new.startswith("k2."), "the first key signs"
    for token in (old, new):
        verified.verify(token, PREFIX, both, 0)
    verified.verify(new, PREFIX, verified.new, 0)
    for token, keys in ((old, verified.new), (new, verified.old), (old, {})):
        with pytest.raises(DeliveryRefused):
            verified.verify(token, PREFIX, keys, 0)


def test_one_kind_of_token_is_not_the_other() -> None:
    keys = {"k1": "0123456789"}
    first, second = make_signer("own", keys, {}), make_signer("secure_link", keys, {})
    token = second.sign(PREFIX, EXPIRES, NOW).path.removeprefix("/s/").removesuffix(PREFIX)
    with pytest.raises(DeliveryRefused):
        kadr.verify(token, PREFIX, {"k1": b"0123456789"}, 0)
    token = first.sign(PREFIX, EXPIRES, NOW).path.removeprefix("/s/").removesuffix(PREFIX)
    with pytest.raises(DeliveryRefused):
        secure_link.verify(token, PREFIX, keys, 0)


# The one spelling that is signed


@pytest.mark.parametrize(
    ("given_", "canonical"),
    [
        ("/v/as_1/ab/", "/v/as_1/ab/"),
        ("/v/%61s_1/a%62/", "/v/as_1/ab/"),
        ("/v/as%5F1/ab%2Dc/", "/v/as_1/ab-c/"),
        ("/v/a.b/..c/", "/v/a.b/..c/"),
    ],
)
def test_decoded_once(given_: str, canonical: str) -> None:
    assert canonical_prefix(given_) == canonical


REFUSED = [
    "",
    "/",
    "v/a/",
    "//v/a/",
    "/v//a/",
    "/v/../a/",
    "/v/a/..",
    "/v/./a/",
    "/v/a/%2e%2e/",
    "/v/a/.%2E/",
    "/v%2fa/",
    "/v%2Fa/",
    "/v%5ca/",
    "/v\\a/",
    "/v/a%00/",
    "/v/a\0/",
    "/v/a\n/",
    "/v/a/\n",
    "/v/%252fa/",
    "/v/%25%32%66a/",
    "/v/%2/",
    "/v/%/",
    "/v/%zz/",
    "/v/a b/",
    "/v/*/",
    "/v/a?/",
    "/v/a!b/",
    "/v/a~exp=9/",
    "/v/a&b/",
    "/v/a,b/",
    "/v/é/",
    "/v/%c3%a9/",
    "/v/١/",
    f"/v/{'a' * 1024}/",
]


@pytest.mark.parametrize("path", REFUSED)
def test_refused_spellings(path: str) -> None:
    for canonical in (canonical_prefix, canonical_path):
        with pytest.raises(PrefixRefused):
            canonical(path)


def test_a_prefix_ends_in_a_slash() -> None:
    assert canonical_path("/v/a/b.m4s") == "/v/a/b.m4s"
    with pytest.raises(PrefixRefused, match="ends in /"):
        canonical_prefix("/v/as_1/ab")


@given(st.text(alphabet=st.sampled_from("/%.25cfF0ab\\"), max_size=24).map("/v/".__add__))
def test_what_is_signed_is_decoded_and_stays(path: str) -> None:
    """Whatever comes out has one reading: it is unchanged by decoding, by resolving dots, and by signing again."""
    try:
        canonical = canonical_path(path)
    except PrefixRefused:
        return
    assert set(canonical) <= set(string.ascii_letters + string.digits + "._-/")
    assert not {"..", ".", ""} & set(canonical.strip("/").split("/"))
    assert canonical_path(canonical) == canonical


@pytest.mark.parametrize(
    "scheme",
    ["own", "secure_link", "akamai", "bunny", "fastly", "cloudflare", "google_cdn", "google_media", "keycdn", "cat"],
)
def test_every_scheme_signs_the_canonical_path_only(scheme: str) -> None:
    keys = {"k1": "ab" * 22 if scheme != "google_media" else "A" * 43}
    signer = make_signer(scheme, keys, {"base_url": "https://cdn.example.com"})
    assert signer.sign("/v/%61s_1/ab/", EXPIRES, NOW) == signer.sign("/v/as_1/ab/", EXPIRES, NOW)
    for path in REFUSED:
        with pytest.raises(PrefixRefused):
            signer.sign(path, EXPIRES, NOW)
    if signer.covers_prefix:
        with pytest.raises(PrefixRefused):
            signer.sign("/v/as_1/ab", EXPIRES, NOW)
