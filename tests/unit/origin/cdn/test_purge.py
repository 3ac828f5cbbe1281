"""What each adapter sends, as a local server received it. No vendor was asked."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from core.errors import ConfigError, KadrError, Transient
from origin.cdn.purge import ADAPTERS, PurgeRefused, make_purger, purge_everywhere
from origin.cdn.purge.akamai import EdgeGrid
from origin.cdn.purge.tags import tag_headers, tag_of

BASE = "https://cdn.example.org"
ASSET = "as_01h455vb4pex5vsknk084sn02q"
OF_ASSET = f"/v/{ASSET}/"
OF_REVISION = f"/v/{ASSET}/0123456789abcdef0123/"
INVALIDATED = """<?xml version="1.0"?><Invalidation xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/">
<Id>I1</Id><Status>InProgress</Status><CreateTime>2026-01-01T00:00:00Z</CreateTime><InvalidationBatch><Paths>
<Quantity>1</Quantity><Items><Path>/</Path></Items></Paths><CallerReference>x</CallerReference></InvalidationBatch>
</Invalidation>"""


@dataclass
class Vendor:
    """A server that remembers what it is asked, and answers what it is told to."""

    url: str = ""
    answers: list[web.Response] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.method, request.raw_path, headers, await request.read()))
        return self.answers.pop(0)


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    made = Vendor()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.answer)
    async with TestServer(app) as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


async def ask(
    vendor: Vendor,
    adapter: str,
    settings: dict[str, str],
    answer: object = None,
    prefix: str = OF_ASSET,
    status: int = 200,
) -> tuple[str, str, dict[str, str], bytes]:
    """Purge once; what the vendor was asked last."""
    vendor.answers.append(answer if isinstance(answer, web.Response) else web.json_response(answer, status=status))
    purger = make_purger(adapter, BASE, {"api_url": vendor.url, **settings})
    await purger.purge(prefix)
    return vendor.asked[-1]


async def test_bunny(vendor: Vendor) -> None:
    method, path, headers, body = await ask(vendor, "bunny", {"api_key": "K"})
    assert (method, path.partition("?")[0], headers["accesskey"], body) == ("POST", "/purge", "K", b"")
    assert parse_qs(path.partition("?")[2]) == {"url": [f"{BASE}/v/{ASSET}/*"], "async": ["false"]}


async def test_cloudflare(vendor: Vendor) -> None:
    settings = {"zone_id": "z1", "api_token": "T"}
    method, path, headers, body = await ask(vendor, "cloudflare", settings, {"success": True}, OF_REVISION)
    assert (method, path, headers["authorization"]) == ("POST", "/zones/z1/purge_cache", "Bearer T")
    assert headers["content-type"] == "application/json"
    assert body.decode() == f'{{"prefixes":["cdn.example.org/v/{ASSET}/0123456789abcdef0123"]}}'


async def test_fastly(vendor: Vendor) -> None:
    settings = {"service_id": "s1", "api_token": "T"}
    method, path, headers, body = await ask(vendor, "fastly", settings, {"status": "ok", "id": "1"})
    assert (method, path, headers["fastly-key"], body) == ("POST", f"/service/s1/purge/{ASSET}", "T", b"")
    assert "fastly-soft-purge" not in headers, "what is taken down must not be served stale"


async def test_keycdn(vendor: Vendor) -> None:
    settings = {"zone_id": "7", "api_key": "K"}
    method, path, headers, body = await ask(vendor, "keycdn", settings, {"status": "success"}, OF_REVISION)
    assert (method, path) == ("DELETE", "/zones/purgetag/7.json")
    assert headers["authorization"] == "Basic " + base64.b64encode(b"K:").decode()
    assert json.loads(body) == {"tags": [f"{ASSET}-0123456789abcdef0123"]}


async def test_akamai(vendor: Vendor) -> None:
    settings = {"host": "akab.example.net", "client_token": "ct", "access_token": "at", "client_secret": "cs"}
    method, path, headers, body = await ask(vendor, "akamai", settings, {"purgeId": "x"}, status=201)
    assert (method, path) == ("POST", "/ccu/v3/delete/tag/production")
    assert json.loads(body) == {"objects": [ASSET]}
    said = re.fullmatch(
        r"EG1-HMAC-SHA256 client_token=ct;access_token=at;timestamp=(\d{8}T\d\d:\d\d:\d\d\+0000);nonce=([\w-]{36});"
        r"signature=[\w+/]{43}=",
        headers["authorization"],
    )
    assert said, headers["authorization"]
    grid = EdgeGrid(client_token="ct", access_token="at", client_secret="cs")
    assert headers["authorization"] == grid.authorization("POST", vendor.url + path, body, said[1], said[2])


@pytest.mark.parametrize(
    ("method", "path", "body", "signature"),
    [
        ("GET", "/", b"", "tL+y4hxyHxgWVD30X3pWnGKHcPzmrIF+LThiAOhMxYU="),
        ("GET", "/testapi/v1/t1?p1=1&p2=2", b"", "hKDH1UlnQySSHjvIcZpDMbQHihTQ0XyVAKZaApabdeA="),
        ("POST", "/testapi/v1/t3", b"data" * 8, "hXm4iCxtpN22m4cbZb4lVLW5rhX8Ca82vCFqXzSTPe4="),
        ("POST", "/testapi/v1/t6", b"", "1gEDxeQGD5GovIkJJGcBaKnZ+VaPtrc4qBUHixjsPCQ="),
    ],
)
def test_edgegrid_as_the_vendor_publishes_it(method: str, path: str, body: bytes, signature: str) -> None:
    grid = EdgeGrid(
        client_token="akab-client-token-xxx-xxxxxxxxxxxxxxxx",
        access_token="akab-access-token-xxx-xxxxxxxxxxxxxxxx",
        client_secret="x" * 43 + "=",
    )
    host = "https://akaa-baseurl-xxxxxxxxxxx-xxxxxxxxxxxxx.luna.akamaiapis.net"
    header = grid.authorization(
        method, host + path, body, "20140321T19:34:21+0000", "nonce-xx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
    )
    assert header.rpartition("signature=")[2] == signature


async def test_cloudfront(vendor: Vendor) -> None:
    settings = {"distribution_id": "E1", "access_key": "AKID", "secret_key": "SECRET"}
    created = web.Response(status=201, text=INVALIDATED, content_type="text/xml")
    method, path, headers, body = await ask(vendor, "cloudfront", settings, created)
    assert (method, path) == ("POST", "/2020-05-31/distribution/E1/invalidation")
    text = body.decode()
    assert f"<Quantity>1</Quantity><Items><Path>/v/{ASSET}/*</Path></Items>" in text
    assert re.search(r"<CallerReference>[\w-]{36}</CallerReference>", text)
    _check_sigv4(method, path, headers, body)


def _check_sigv4(method: str, path: str, headers: dict[str, str], body: bytes) -> None:
    """The signature, computed here anew."""
    said = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKID/(\d{8})/us-east-1/cloudfront/aws4_request, SignedHeaders=([\w;-]+), "
        r"Signature=([0-9a-f]{64})",
        headers["authorization"],
    )
    assert said, headers["authorization"]
    named = "".join(f"{name}:{headers[name]}\n" for name in said[2].split(";"))
    digest = hashlib.sha256(body).hexdigest()
    request = "\n".join([method, path, "", named, said[2], digest])
    scope = f"{said[1]}/us-east-1/cloudfront/aws4_request"
    signed = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(request.encode()).hexdigest()])
    key = b"AWS4SECRET"
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    assert hmac.new(key, signed.encode(), hashlib.sha256).hexdigest() == said[3]


@pytest.fixture(scope="module")
def account() -> tuple[str, rsa.RSAPublicKey]:
    """A service account's key file, and its public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    text = json.dumps({"client_email": "kadr@p.iam.example", "private_key_id": "kid1", "private_key": pem})
    return text, key.public_key()


@pytest.mark.parametrize(
    ("adapter", "settings", "path", "body"),
    [
        (
            "google_cdn",
            {"project": "p", "url_map": "m"},
            "/projects/p/global/urlMaps/m/invalidateCache",
            {"path": f"{OF_ASSET}*"},
        ),
        (
            "google_media",
            {"project": "p", "service": "s"},
            "/projects/p/locations/global/edgeCacheServices/s:invalidateCache",
            {"host": "cdn.example.org", "path": f"{OF_ASSET}*"},
        ),
    ],
)
async def test_google(
    vendor: Vendor,
    account: tuple[str, rsa.RSAPublicKey],
    adapter: str,
    settings: dict[str, str],
    path: str,
    body: dict[str, str],
) -> None:
    text, public = account
    token_url = f"{vendor.url}/token"
    vendor.answers.append(web.json_response({"access_token": "AT", "expires_in": 3600}))
    asked = await ask(vendor, adapter, {**settings, "service_account": text, "token_url": token_url}, {"name": "op"})
    assert (asked[0], asked[1], asked[2]["authorization"]) == ("POST", path, "Bearer AT")
    assert json.loads(asked[3]) == body
    method, token_path, _, form = vendor.asked[0]
    assert (method, token_path) == ("POST", "/token")
    sent = parse_qs(form.decode())
    assert sent["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claims, signature = (
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in sent["assertion"][0].split(".")
    )
    assert json.loads(head) == {"alg": "RS256", "typ": "JWT", "kid": "kid1"}
    said = json.loads(claims)
    assert (said["iss"], said["aud"]) == ("kadr@p.iam.example", token_url)
    assert said["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert 0 < said["exp"] - said["iat"] <= 3600
    public.verify(signature, sent["assertion"][0].rpartition(".")[0].encode(), padding.PKCS1v15(), hashes.SHA256())


async def test_a_service_account_that_is_none(vendor: Vendor) -> None:
    settings = {"project": "p", "url_map": "m", "service_account": "S3CRET", "token_url": f"{vendor.url}/token"}
    with pytest.raises(PurgeRefused, match=r"must be the JSON of a service account") as refused:
        await ask(vendor, "google_cdn", settings)
    assert "S3CRET" not in f"{refused.value!r} {refused.value.__cause__!r}"


FASTLY = {"service_id": "s1", "api_token": "T"}


@pytest.mark.parametrize(
    ("status", "raised"), [(500, Transient), (503, Transient), (429, Transient), (403, PurgeRefused)]
)
async def test_what_is_worth_another_try(vendor: Vendor, status: int, raised: type[KadrError]) -> None:
    with pytest.raises(raised, match=rf"Fastly answered {status}: no") as told:
        await ask(vendor, "fastly", FASTLY, web.Response(status=status, text="no"))
    assert type(told.value) is raised
    assert len(vendor.asked) == 1, "the caller tries again, not we"


@pytest.mark.parametrize(
    ("status", "code", "raised"),
    [
        (403, "AccessDenied", PurgeRefused),
        (400, "TooManyInvalidationsInProgress", Transient),
        (503, "ServiceUnavailable", Transient),
    ],
)
async def test_cloudfront_refuses(vendor: Vendor, status: int, code: str, raised: type[KadrError]) -> None:
    settings = {"distribution_id": "E1", "access_key": "AKID", "secret_key": "SECRET"}
    text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    with pytest.raises(raised, match=code):
        await ask(vendor, "cloudfront", settings, web.Response(status=status, text=text, content_type="text/xml"))
    assert len(vendor.asked) == 1


async def test_a_redirect_is_not_followed(vendor: Vendor) -> None:
    with pytest.raises(PurgeRefused, match="302"):
        await ask(vendor, "fastly", FASTLY, web.Response(status=302, headers={"Location": "/elsewhere"}))
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("answer", [{"success": False}, {}, [], "no", None])
async def test_a_200_that_is_a_no(vendor: Vendor, answer: object) -> None:
    with pytest.raises(PurgeRefused, match=r"Cloudflare did not purge"):
        await ask(vendor, "cloudflare", {"zone_id": "z", "api_token": "T"}, answer)


EVERY_SETTINGS = {
    "akamai": {"host": "h", "client_token": "c", "access_token": "a", "client_secret": "s"},
    "bunny": {"api_key": "k"},
    "cloudflare": {"zone_id": "z", "api_token": "t"},
    "cloudfront": {"distribution_id": "d", "access_key": "a", "secret_key": "s"},
    "fastly": FASTLY,
    "google_cdn": {"project": "p", "url_map": "m", "token_url": "http://127.0.0.1:1"},
    "google_media": {"project": "p", "service": "s", "token_url": "http://127.0.0.1:1"},
    "keycdn": {"zone_id": "z", "api_key": "k"},
}


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_nobody_there_is_worth_another_try(adapter: str, account: tuple[str, rsa.RSAPublicKey]) -> None:
    settings = {"api_url": "http://127.0.0.1:1", **EVERY_SETTINGS[adapter]}
    if adapter.startswith("google"):
        settings["service_account"] = account[0]
    with pytest.raises(Transient, match="could not be reached"):
        await make_purger(adapter, BASE, settings).purge(OF_ASSET)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "prefix", ["", "/", "/v/", "/v/as_1", "/v/*/", "/v/as_1/../", "/v/as_1//", "//v/as_1/", "/v/as_1/ab/x", "/w/as_1/"]
)
async def test_a_prefix_that_is_not_ours_is_never_sent(
    vendor: Vendor, adapter: str, prefix: str, account: tuple[str, rsa.RSAPublicKey]
) -> None:
    settings = {**EVERY_SETTINGS[adapter], **({"service_account": account[0]} if adapter.startswith("google") else {})}
    with pytest.raises(PurgeRefused, match="must be a prefix"):
        await make_purger(adapter, BASE, {**settings, "api_url": vendor.url}).purge(prefix)
    assert vendor.asked == []


async def test_one_that_fails_keeps_none_of_the_others_back(vendor: Vendor) -> None:
    vendor.answers += [web.json_response({"status": "ok"})]
    made = {
        "gone": make_purger("bunny", BASE, {"api_key": "k", "api_url": "http://127.0.0.1:1"}),
        "good": make_purger("fastly", BASE, {**FASTLY, "api_url": vendor.url}),
    }
    failed = await purge_everywhere(made, OF_ASSET)
    assert list(failed) == ["gone"]
    assert isinstance(failed["gone"], Transient)
    assert len(vendor.asked) == 1


def test_tags_are_those_of_the_answers() -> None:
    headers = tag_headers(ASSET, "0123456789abcdef0123")
    for prefix in (OF_ASSET, OF_REVISION):
        assert tag_of(prefix) in headers["Surrogate-Key"].split(" ")
        assert tag_of(prefix) in headers["Cache-Tag"].split(" ")
        assert tag_of(prefix) in headers["Edge-Cache-Tag"].split(",")


def test_secrets_are_not_shown() -> None:
    for adapter, settings in EVERY_SETTINGS.items():
        secrets = {
            name: f"hidden-{name}"
            for name in settings
            if name in ("api_key", "api_token", "client_secret", "secret_key")
        }
        more = {"service_account": "hidden-account"} if adapter.startswith("google") else {}
        assert "hidden" not in repr(make_purger(adapter, BASE, {**settings, **secrets, **more}))


def test_a_setting_that_is_empty_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"purge fastly: api_token must be set"):
        make_purger("fastly", BASE, {"service_id": "s", "api_token": ""})
