"""Known answers of the vendors, and the exact text of every scheme."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote

import cbor2
import pytest
from botocore.signers import CloudFrontSigner as Peer
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from origin.cdn.signers import (
    CannotSign,
    Signed,
    SigningContext,
    akamai,
    bunny,
    cat,
    kadr,
    make_signer,
    secure_link,
)
from origin.cdn.signers.google_media import Algorithm, short_token
from origin.cdn.signers.registry import SCHEMES
from origin.cdn.signers.remembering import RememberingSigner

PREFIX = "/v/as_1/ab/"
EXPIRES = 1_700_003_600
NOW = SigningContext(now=1_700_000_000, session="0123456789abcdef", ip="203.0.113.7", country="DE")
BASE = "https://cdn.example.com"
AKAMAI_KEY = "52a152a152a152a152a152a152a1"
FASTLY_KEY = "iqFPeN2u+Z0Lm5IrsKaOFKRqEU5Gw8ePtaEkHZWuD24="  # of the vendor's README
GOOGLE_CDN_KEY = "nZtRohdNF9m3cKM24IcK4w=="  # of the vendor's samples, like the two below
MEDIA_COOKIE_KEY = "BxwXXNjeGaoWqjr7GHEymRJkP4SaOC12dTGixk7Yr8I="
MEDIA_KEY = "DJUcnLguVFKmVCFnWGubG1MZg7fWAnxacMjKDhVZMGI="
SHA1 = hashes.SHA1()  # noqa: S303 (CloudFront's default)
MEDIA_SECRET = "g_SlMILiIWKqsC6Z2L7gy0sReDOqtSrJrE7CXNr5Nl8="


def sign(scheme: str, key: str, prefix: str = PREFIX, expires_at: int = EXPIRES, **options: object) -> Signed:
    return make_signer(scheme, {"k1": key}, options).sign(prefix, expires_at, NOW)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


# Our own, and nginx


def test_own_token() -> None:
    signature = hmac.new(b"1" * 32, f"kadr-delivery.k1.{EXPIRES}.{PREFIX}".encode(), hashlib.sha256).hexdigest()
    signer = make_signer("own", {"k1": b"1" * 32}, {})
    assert signer.sign(PREFIX, EXPIRES, NOW) == Signed(path=f"/s/k1.{EXPIRES}.{signature}{PREFIX}")


def test_own_takes_the_spelling_of_the_settings() -> None:
    """KADR_DELIVERY_KEYS is hex; bytes are taken as they are, also where they look like hex."""
    text, raw = make_signer("own", {"k1": "ab" * 16}, {}), make_signer("own", {"k1": b"\xab" * 16}, {})
    assert text.sign(PREFIX, EXPIRES, NOW) == raw.sign(PREFIX, EXPIRES, NOW)
    assert make_signer("own", {"k1": b"ab" * 16}, {}).sign(PREFIX, EXPIRES, NOW) != raw.sign(PREFIX, EXPIRES, NOW)


def test_nginx_known_answer() -> None:
    assert secure_link.digest("2147483647/s/link127.0.0.1 secret") == "_e4Nc3iduzkWRm01TBBNYw"


def test_secure_link() -> None:
    md5 = secure_link.digest(f"{EXPIRES}{PREFIX} secret")
    assert sign("secure_link", "secret") == Signed(path=f"/s/k1.{EXPIRES}.{md5}{PREFIX}")


# Akamai


def test_akamai_known_answer() -> None:
    token = akamai.edge_token(bytes.fromhex(AKAMAI_KEY), EXPIRES, acl=["/v/abc123/*"], starts_at=1_700_000_000)
    assert token == (
        "st=1700000000~exp=1700003600~acl=/v/abc123/*"
        "~hmac=d9da1d3340536d7f3b0e4038e6dd0c6f3abf1cb1f58560c1f3d98108bde6dd5e"
    )
    signed = sign("akamai", AKAMAI_KEY, "/v/abc123/", starts=1_700_000_000)
    assert signed == Signed(path=f"/v/abc123/hdnts={token}/")


def test_akamai_signs_the_salt_and_does_not_send_it() -> None:
    key = bytes.fromhex(AKAMAI_KEY)
    token = akamai.edge_token(
        key, 20, starts_at=10, ip="2001:db8::1", session="s:1", payload="p q/%r", salt="nacl",
        escape_early=True,
    )  # fmt: skip
    sent = "ip=2001%3adb8%3a%3a1~st=10~exp=20~id=s%3a1~data=p+q%2f%25r"
    mac = hmac.new(key, f"{sent}~salt=nacl".encode(), hashlib.sha256).hexdigest()
    assert token == f"{sent}~hmac={mac}"


def test_akamai_lists() -> None:
    assert "~acl=/v/a/*!/v/b/*~" in akamai.edge_token(b"k", 20, acl=["/v/a/*", "/v/b/*"])
    assert "~acl=%2fv%2fa%2f%2a%21%2fv%2fb%2f%2a~" in akamai.edge_token(
        b"k", 20, acl=["/v/a/*", "/v/b/*"], escape_early=True
    )


def test_akamai_places() -> None:
    token = akamai.edge_token(bytes.fromhex(AKAMAI_KEY), EXPIRES, acl=[f"{PREFIX}*"])
    assert sign("akamai", AKAMAI_KEY, place="query") == Signed(path=PREFIX, query=f"hdnts={token}")
    cookie = sign("akamai", AKAMAI_KEY, place="cookie", name="hdnea")
    assert cookie == Signed(path=PREFIX, cookies=(("hdnea", token),))


def test_akamai_binds_the_viewer() -> None:
    signer = make_signer(
        "akamai", {"k1": AKAMAI_KEY}, {"place": "query", "lock_ip": True, "name_session": "true", "starts": "now"}
    )
    assert signer.per_viewer
    query = signer.sign(PREFIX, EXPIRES, NOW).query
    assert query.startswith(f"hdnts=ip=203.0.113.7~st=1699999940~exp={EXPIRES}~acl={PREFIX}*~id=0123456789abcdef~hmac=")
    with pytest.raises(CannotSign):
        signer.sign(PREFIX, EXPIRES, SigningContext(now=0, session="a~exp=9", ip="203.0.113.7"))
    with pytest.raises(CannotSign):
        signer.sign(PREFIX, EXPIRES, SigningContext(now=0, session="a"))


# bunny.net


def test_bunny_known_answer() -> None:
    token = "HS256-rqEmu42iJTU3sxtpOFP9Ldj490YxNqNe-lu6d7DNLQo"
    fields = f"token={token}&token_path=%2Fv%2Fabc123%2F&expires=1700003600"
    assert sign("bunny", "SecurityKey", "/v/abc123/") == Signed(path=f"/bcdn_{fields}/v/abc123/")
    assert sign("bunny", "SecurityKey", "/v/abc123/", place="query") == Signed(path="/v/abc123/", query=fields)


@pytest.mark.parametrize(
    ("path", "parameters", "ip", "token"),
    [
        ("/300kb.jpg", {}, None, "HS256-o10JRWlsAItyAsdKS6jJKjabHN4FrFsplDHPV1idcX4"),
        ("/300kb.jpg", {"token_countries": "CA,US"}, None, "HS256-i5s3Uv7mnrFfN5nznwU2BxhILpnipYeE18TapV0WNFM"),
        ("/abc", {"token_path": "/abc"}, None, "HS256-uVZvT3SbEoVKYJyDJgbcsDmSFf73cv-uNUVaJiKWpbQ"),
        ("/300kb.jpg", {"token_ignore_params": "true"}, None, "HS256-1lwWBD_c1IAGSj1UKPoxreu8ePDQ-Z9FoWLcRn_RRH0"),
        ("/300kb.jpg", {}, "1.2.3.4", "HS256-1-L2rISTLcujMY9UFf2tbZ41d5i-Bme1g1oTK_Z2QMLJk"),
        ("/300kb.jpg", {}, "2001:db8:85a3::8a2e:370:7334", "HS256-1-Z1BaGdhTZdU4iANcyKpurFR2VgCNdqC6hlBv5x_TyaI"),
        ("/abc", {"token_path": "/abc"}, "1.2.3.4", "HS256-1-wag9tC0r1QWfg-2eMj5QcdzgPLCIdQb-D0WVU1Mhg2w"),
    ],
)
def test_bunny_vectors_of_the_vendor(path: str, parameters: dict[str, str], ip: str | None, token: str) -> None:
    address = ipaddress.ip_address(ip) if ip else None
    assert bunny.directory_token(b"SecurityKey", path, 1_598_024_587, parameters, address) == token


def test_bunny_binds_the_viewer() -> None:
    path = sign("bunny", "SecurityKey", lock_ip=True, lock_country=True, ignore_params=True).path
    assert path.startswith("/bcdn_token=HS256-1-")
    assert path.endswith(
        f"&token_countries=DE&token_ignore_params=true&token_path=%2Fv%2Fas_1%2Fab%2F&expires={EXPIRES}{PREFIX}"
    )
    mapped = replace(NOW, ip="::ffff:203.0.113.7")  # how a socket of both families tells it
    signer = make_signer("bunny", {"k1": "SecurityKey"}, {"lock_ip": True})
    assert signer.sign(PREFIX, EXPIRES, mapped) == signer.sign(PREFIX, EXPIRES, NOW)
    with pytest.raises(CannotSign):
        make_signer("bunny", {"k1": "s"}, {"lock_country": True}).sign(PREFIX, EXPIRES, replace(NOW, country="de"))


# One path at a time: Fastly, Cloudflare, KeyCDN


def test_fastly_known_answer() -> None:
    signed = sign("fastly", FASTLY_KEY, "/foo/bar.html", 1_536_399_430)
    assert signed == Signed(path="/foo/bar.html", query="token=1536399430_2ff701d4b75cbafce1919e87647b07177fa7bee2")


def test_cloudflare_dates_a_token_back() -> None:
    mac = base64.b64encode(hmac.new(b"secret", b"/v/a/b.m4s1699999000", hashlib.sha256).digest()).decode()
    signed = sign("cloudflare", "secret", "/v/a/b.m4s", lifetime_s=4600)
    name, _, token = signed.query.partition("=")
    assert (signed.path, name, unquote(token)) == ("/v/a/b.m4s", "verify", f"1699999000-{mac}")
    assert not set(token) & set("+/=")
    late = sign("cloudflare", "secret", "/v/a/b.m4s", 1_800_000_000)
    assert late.query.startswith("verify=1700000000-"), "never dated into the future"


def test_keycdn() -> None:
    """As the vendor's page has it: printf '/v/a/b.m4ssecret1700003600' | openssl md5 -binary, then base64url."""
    signed = sign("keycdn", "secret", "/v/a/b.m4s")
    assert signed == Signed(path="/v/a/b.m4s", query="token=4E-MYQ4PzmYCnWoWsBs9uA&expire=1700003600")


# CloudFront

CUSTOM = (
    '{"Statement":[{"Resource":"https://cdn.example.com/v/as_1/ab/*",'
    '"Condition":{"DateLessThan":{"AWS:EpochTime":1700003600}}}]}'
)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def unspelled(text: str) -> bytes:
    """From CloudFront's base64: `-_~` stand for `+=/`."""
    return base64.b64decode(text.translate(str.maketrans("-_~", "+=/")), validate=True)


@pytest.mark.parametrize(("name", "algorithm"), [("sha1", SHA1), ("sha256", hashes.SHA256())])
def test_cloudfront_custom_policy(rsa_key: rsa.RSAPrivateKey, name: str, algorithm: hashes.HashAlgorithm) -> None:
    signed = make_signer("cloudfront", {"K2JC": pem(rsa_key)}, {"base_url": BASE, "hash": name}).sign(
        PREFIX, EXPIRES, NOW
    )
    fields = {name: values[0] for name, values in parse_qs(signed.query).items()}
    named = ["Hash-Algorithm"] if name == "sha256" else []
    assert list(fields) == ["Policy", "Signature", "Key-Pair-Id", *named]
    assert (signed.path, fields["Key-Pair-Id"], fields.get("Hash-Algorithm")) == (
        PREFIX,
        "K2JC",
        "SHA256" if named else None,
    )
    assert not set(signed.query) & set("+/%"), "goes into a URL as it is"
    assert unspelled(fields["Policy"]).decode() == CUSTOM
    public = rsa_key.public_key()
    public.verify(unspelled(fields["Signature"]), CUSTOM.encode(), padding.PKCS1v15(), algorithm)
    with pytest.raises(InvalidSignature):
        public.verify(
            unspelled(fields["Signature"]), CUSTOM.replace("ab", "ac").encode(), padding.PKCS1v15(), algorithm
        )


def test_cloudfront_as_aws_signs(rsa_key: rsa.RSAPrivateKey) -> None:
    """AWS's own library, with the same key: PKCS #1 v1.5 has one signature of a text."""
    peer = Peer("K2JC", lambda text: rsa_key.sign(text, padding.PKCS1v15(), SHA1))
    until = datetime.fromtimestamp(EXPIRES, UTC)
    url = f"{BASE}/v/as_1/ab/seg.m4s"
    canned = make_signer("cloudfront", {"K2JC": pem(rsa_key)}, {"base_url": BASE, "policy": "canned"})
    assert not canned.covers_prefix
    signed = canned.sign("/v/as_1/ab/seg.m4s", EXPIRES, NOW)
    assert f"{BASE}{signed.path}?{signed.query}" == peer.generate_presigned_url(url, date_less_than=until)
    locked = make_signer("cloudfront", {"K2JC": pem(rsa_key)}, {"base_url": BASE, "lock_ip": "true"})
    policy = peer.build_policy(f"{BASE}{PREFIX}*", until, ip_address="203.0.113.7")
    signed = locked.sign(PREFIX, EXPIRES, NOW)
    assert f"{BASE}{PREFIX}?{signed.query}" == peer.generate_presigned_url(f"{BASE}{PREFIX}", policy=policy)
    with pytest.raises(CannotSign):
        locked.sign(PREFIX, EXPIRES, replace(NOW, ip="2001:db8::1"))


def test_cloudfront_cookies(rsa_key: rsa.RSAPrivateKey) -> None:
    options = {"base_url": BASE, "place": "cookie", "hash": "sha256"}
    signed = make_signer("cloudfront", {"K2JC": pem(rsa_key)}, options).sign(PREFIX, EXPIRES, NOW)
    assert signed.query == ""
    cookies = dict(signed.cookies)
    assert list(cookies) == [
        "CloudFront-Policy",
        "CloudFront-Signature",
        "CloudFront-Key-Pair-Id",
        "CloudFront-Hash-Algorithm",
    ]
    assert unspelled(cookies["CloudFront-Policy"]).decode() == CUSTOM
    rsa_key.public_key().verify(
        unspelled(cookies["CloudFront-Signature"]), CUSTOM.encode(), padding.PKCS1v15(), hashes.SHA256()
    )


@pytest.mark.parametrize(("name", "algorithm"), [("sha1", SHA1), ("sha256", hashes.SHA256())])
def test_cloudfront_ecdsa(ec_key: ec.EllipticCurvePrivateKey, name: str, algorithm: hashes.HashAlgorithm) -> None:
    signer = make_signer("cloudfront", {"K2JC": pem(ec_key)}, {"base_url": BASE, "hash": name})
    signature = parse_qs(signer.sign(PREFIX, EXPIRES, NOW).query)["Signature"][0]
    assert ec_key.public_key().verify(unspelled(signature), CUSTOM.encode(), ec.ECDSA(algorithm)) is None
    with pytest.raises(InvalidSignature):
        ec_key.public_key().verify(unspelled(signature), CUSTOM.encode() + b" ", ec.ECDSA(algorithm))


def test_cloudfront_policy_is_json(rsa_key: rsa.RSAPrivateKey) -> None:
    assert json.loads(CUSTOM)["Statement"][0]["Resource"] == f"{BASE}{PREFIX}*"


# Google


@pytest.mark.parametrize(
    ("base", "prefix", "signature"),
    [("http://www.example.com", "/some/", "3th4ThmpS95I1TAKYyYSCSq3dnQ=")],
)
def test_google_cdn_query(base: str, prefix: str, signature: str) -> None:
    signer = make_signer("google_cdn", {"my-key": GOOGLE_CDN_KEY}, {"base_url": base})
    query = (
        f"URLPrefix=aHR0cDovL3d3dy5leGFtcGxlLmNvbS9zb21lLw==&Expires=1549751401&KeyName=my-key&Signature={signature}"
    )
    assert signer.sign(prefix, 1_549_751_401, NOW) == Signed(path=prefix, query=query)


def test_google_cdn_cookie() -> None:
    options = {"base_url": "http://www.example.com", "place": "cookie"}
    value = (
        "URLPrefix=aHR0cDovL3d3dy5leGFtcGxlLmNvbS9mb28v:Expires=1549751401:KeyName=my-key"
        ":Signature=Z9uYAu73YHioRScZDxnP-TnS274="
    )
    signed = make_signer("google_cdn", {"my-key": GOOGLE_CDN_KEY}, options).sign("/foo/", 1_549_751_401, NOW)
    assert signed == Signed(path="/foo/", cookies=(("Cloud-CDN-Cookie", value),))


def test_google_media_cookie() -> None:
    options = {"base_url": "http://www.example.com", "form": "cookie"}
    signed = make_signer("google_media", {"my-key": MEDIA_COOKIE_KEY}, options).sign("/foo/", 1_650_848_400, NOW)
    value = (
        "URLPrefix=aHR0cDovL3d3dy5leGFtcGxlLmNvbS9mb28v:Expires=1650848400:KeyName=my-key"
        ":Signature=I0BnupL1tKbXklf1rK50nlC9JMh4HBLogTKByatOFRvALofT159BegB26Z2WmrI-ZAgAp8Q-1__bWtFdMAqCAA"
    )
    assert signed == Signed(path="/foo/", cookies=(("Edge-Cache-Cookie", value),))


def test_google_media_path() -> None:
    """The vendor's sample signs the root, which we do not: its text with its key gives its signature."""
    key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(MEDIA_SECRET))
    text = b"https://example.com/edge-cache-token=Expires=1663070400&KeyName=test-key"
    vendors = "2hvmMKXW_e0bY3ViJNDSgoXDGvNj2L-UYTseTgtj96Va0S4FYxehka1k4hzWo2_87B9zqr_Ne4MMEdRfHUMUBw=="
    assert base64.urlsafe_b64encode(key.sign(text)).decode() == vendors
    signed = make_signer("google_media", {"test-key": MEDIA_SECRET}, {"base_url": BASE}).sign(PREFIX, EXPIRES, NOW)
    component, _, signature = signed.path.removesuffix("/").partition("&Signature=")
    assert component == f"{PREFIX}edge-cache-token=Expires={EXPIRES}&KeyName=test-key"
    assert "=" not in signature
    key.public_key().verify(base64.urlsafe_b64decode(signature + "=="), f"{BASE}{component}".encode())


@pytest.mark.parametrize(
    ("algorithm", "key", "end"),
    [
        (
            Algorithm.ED25519,
            Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(MEDIA_KEY)),
            "Signature=9pBdD_6O6LB-4V67HZ_SOc2G_jIkSZ_tMsKnVqElmPlwKB_xDiW7DKAnv8L8CmweeZquaLFlnLogbMcIV8bNCQ",
        ),
        (
            Algorithm.SHA256,
            base64.urlsafe_b64decode(MEDIA_SECRET),
            "hmac=9439ecdd5c4919f76f915dea72afa85a045579794e63d8cda664f5a1140c8d93",
        ),
        (
            Algorithm.SHA1,
            base64.urlsafe_b64decode(MEDIA_SECRET),
            "hmac=c1c446eea24faa31392519f975fea7eefb945625",
        ),
    ],
)
def test_google_media_short_token(algorithm: Algorithm, key: Ed25519PrivateKey | bytes, end: str) -> None:
    assert short_token(key, ["PathGlobs=/*", "Expires=1663070400"], algorithm) == (
        f"PathGlobs=/*~Expires=1663070400~{end}"
    )


def test_google_media_token_binds_the_viewer() -> None:
    options = {"form": "token", "lock_ip": True, "name_session": True}
    signed = make_signer("google_media", {"k": MEDIA_KEY}, options).sign(PREFIX, EXPIRES, NOW)
    ranges = base64.urlsafe_b64encode(b"203.0.113.7/32").decode().rstrip("=")
    assert signed.path == PREFIX
    assert signed.query.startswith(
        f"edge-cache-token=PathGlobs={PREFIX}*~Expires={EXPIRES}~SessionID=0123456789abcdef~IPRanges={ranges}~Signature="
    )


# CTA-5007


def test_cat_known_answer() -> None:
    """A token of another implementation's tests: signed at Akamai, read by Eyevinn's node-cat."""
    key = bytes.fromhex("403697de87af64611c1d32a05dab0fe1fcb715a86ab435f1ec99192d79569388")
    claims = {1: "coap://jonas.example.com", 6: 1_741_985_961, 5: 1_741_985_961}
    assert cat.mac0(claims, "akamai_key_hs256", key) == (
        "2D3RhEOhAQWhBFBha2FtYWlfa2V5X2hzMjU2WCijAXgYY29hcDovL2pvbmFzLmV4YW1wbGUuY29tBhpn1JipBRpn1JipWCCX4nQb8SYQ"
        "oa0SFLxE2Rh35DdTjoA9TzOSy1IP9O1BGQ"
    )


def test_cat_claims() -> None:
    key = "40" * 32
    options = {"base_url": f"{BASE}:8443", "issuer": "kadr", "renew_s": "300"}
    query = sign("cat", key, **options).query
    assert query.startswith("CAT=")
    token = query.removeprefix("CAT=")
    cwt = cbor2.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    assert (cwt.tag, cwt.value.tag) == (61, 17)
    protected, unprotected, payload, tag = cwt.value.value
    assert (protected, unprotected) == (binascii.unhexlify("a10105"), {4: b"k1"})
    assert cbor2.loads(payload) == {
        1: "kadr",
        4: EXPIRES,
        310: 1,
        312: {1: {0: "cdn.example.com"}, 3: {1: PREFIX}},
        313: ["GET", "HEAD"],
        323: {0: 0, 1: 300},
    }
    mac = hmac.new(bytes.fromhex(key), cbor2.dumps(["MAC0", protected, b"", payload]), hashlib.sha256).digest()
    assert mac == tag
    bare = dict(sign("cat", key, place="cookie").cookies)["CTA-Common-Access-Token"]
    assert len(bare) < len(token)


# What the origin may rely on


CAPABILITIES: list[tuple[str, dict[str, object], bool, bool]] = [
    ("own", {}, True, True),
    ("secure_link", {}, True, True),
    ("akamai", {}, True, True),
    ("akamai", {"place": "query"}, True, False),
    ("bunny", {}, True, True),
    ("fastly", {}, False, False),
    ("fastly", {"covers": "prefix"}, True, False),
    ("cloudflare", {}, False, False),
    ("google_cdn", {}, True, False),
    ("google_media", {}, True, True),
    ("google_media", {"form": "token"}, True, False),
    ("keycdn", {}, False, False),
    ("cat", {}, True, False),
]


def test_every_scheme_has_its_capabilities_listed() -> None:
    """CloudFront's are tested with its own keys."""
    assert {scheme for scheme, *_ in CAPABILITIES} | {"cloudfront"} == set(SCHEMES)


@pytest.mark.parametrize(("scheme", "options", "covers_prefix", "in_path"), CAPABILITIES)
def test_capabilities(scheme: str, options: dict[str, object], covers_prefix: bool, in_path: bool) -> None:
    key = {"fastly": FASTLY_KEY, "google_cdn": GOOGLE_CDN_KEY, "google_media": MEDIA_KEY}.get(scheme, AKAMAI_KEY)
    signer = make_signer(scheme, {"k1": key}, {"base_url": BASE, **options})
    assert (signer.covers_prefix, signer.in_path, signer.per_viewer) == (covers_prefix, in_path, False)
    signed = signer.sign(PREFIX, EXPIRES, NOW)
    assert signed.path.startswith("/")
    assert signed.path.endswith("/"), "relative URIs go on from it"
    assert bool(signed.query) is not in_path
    assert signed == signer.sign(PREFIX, EXPIRES, replace(NOW, session="ff", ip="198.51.100.1", country="FR"))


def test_a_remembering_signer_signs_once_for_a_prefix_and_an_expiry(ec_key: ec.EllipticCurvePrivateKey) -> None:
    """ECDSA signatures differ each time: an equal one is the kept one."""
    plain = make_signer("cloudfront", {"K": pem(ec_key)}, {"base_url": BASE})
    assert plain.sign(PREFIX, 120, NOW) != plain.sign(PREFIX, 120, NOW)
    signer = RememberingSigner(plain, max_entries=2)
    first = signer.sign(PREFIX, 61, NOW)
    assert first == signer.sign(PREFIX, 61, NOW)
    assert '"AWS:EpochTime":61' in unspelled(parse_qs(first.query)["Policy"][0]).decode(), "as asked"
    assert first != signer.sign(PREFIX, 121, NOW)
    assert first != signer.sign("/v/as_1/abc/", 61, NOW)
    assert first != signer.sign(PREFIX, 61, NOW), "the oldest of three was dropped"
    locked = make_signer("bunny", {"k1": "s"}, {"lock_ip": True})
    signer = RememberingSigner(locked)
    assert signer.sign(PREFIX, 61, NOW) != signer.sign(PREFIX, 61, replace(NOW, ip="198.51.100.1"))


def test_own_and_the_signer_agree() -> None:
    keys = {"k1": b"1" * 32}
    path = make_signer("own", keys, {}).sign(PREFIX, EXPIRES, NOW).path
    assert kadr.verify(path.removeprefix("/s/").removesuffix(PREFIX), PREFIX, keys, EXPIRES) is None
