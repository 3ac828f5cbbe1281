"""What an operator may say of a signer, in YAML or to `kadr sign`, and the sentence where it is refused."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.errors import ConfigError
from kadr import cli
from origin.cdn.signers import SCHEMES, kadr, secure_link
from origin.cdn.signers.registry import make_signer

PREFIX = "/v/abc123/"


def pem(key: Any, passphrase: bytes | None = None) -> str:
    hidden = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden).decode()


@pytest.mark.parametrize(
    ("scheme", "keys", "options", "told"),
    [
        ("nginx", {"k1": "s"}, {}, "no signing scheme 'nginx'; accepted: own, secure_link, cloudfront"),
        ("own", {}, {}, "own: no key is given"),
        ("own", {"k1": " "}, {}, "own: a key's secret is empty"),
        ("own", {"k.1": "s"}, {}, "own: a key's id is 'k.1'"),
        ("own", {"k-1": "s"}, {}, "own: a key's id is 'k-1'; accepted: letters and digits"),
        ("own", {"k1": "one", "k2": "one"}, {}, "own: two keys have the same secret"),
        ("own", {"k1": "s"}, {"lock_ip": True}, "own: there is no option lock_ip; it takes base_url"),
        ("bunny", {"k1": "s"}, {"Place": "path", "x": 1}, "bunny: there is no option Place, x; it takes base_url, ign"),
        ("bunny", {"k1": "s"}, {"place": "cookie"}, "bunny: option place is 'cookie'; accepted: path, query"),
        ("bunny", {"k1": "s"}, {"lock_ip": "maybe"}, "bunny: option lock_ip is 'maybe'; accepted: true or false"),
        ("cloudflare", {"k1": "s"}, {"lifetime_s": -1}, "option lifetime_s is '-1'; accepted: a whole number"),
        ("cloudflare", {"k1": "s"}, {"name": "a&b"}, "cloudflare: option name is 'a&b'"),
        ("akamai", {"k1": "xyz"}, {}, "akamai: the secret of key k1 cannot be read; accepted: an even number of hex"),
        ("akamai", {"k1": "aa"}, {"payload": "a~exp=9"}, "akamai: option payload is 'a~exp=9'"),
        ("akamai", {"k1": "aa"}, {"salt": "hush~"}, "akamai: option salt is '(hidden)'"),
        ("fastly", {"k1": "?"}, {}, "fastly: the secret of key k1 cannot be read; accepted: base64"),
        ("secure_link", {"k1": "a b"}, {}, "secure_link: the secret of key k1 cannot be read; accepted: printable"),
        ("google_cdn", {"k1": "AAAA"}, {}, "google_cdn: option base_url is ''; accepted: a scheme and a host"),
        ("google_cdn", {"k1": "AAAA"}, {"base_url": "https://a/b"}, "option base_url is 'https://a/b'"),
        ("google_media", {"k1": "AAAA"}, {"form": "token"}, "secret of key k1 cannot be read; accepted: 32 bytes"),
        ("google_media", {"k1": "A" * 43}, {"lock_ip": 1, "base_url": "https://a"}, "need form=token"),
        ("cloudfront", {"k1": "none"}, {"base_url": "https://a"}, "key k1 cannot be read; accepted: an RSA or P-256"),
        ("cloudfront", {"k1": "x"}, {"policy": "canned", "lock_ip": 1}, "lock_ip needs policy=custom"),
    ],
)
def test_refused_in_a_sentence(scheme: str, keys: dict[str, str], options: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        make_signer(scheme, keys, options)
    assert told in str(refused.value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_secret_is_never_shown(scheme: str) -> None:
    with pytest.raises(ConfigError) as refused:
        make_signer(scheme, {"k1": "hush hush\N{SNOWMAN}", "k2": "hush hush\N{SNOWMAN}"}, {"nothing": 1})
    assert "hush" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "key",
    [
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(Ed25519PrivateKey.generate()),
        pem(ec.generate_private_key(ec.SECP256R1()), passphrase=b"secret"),
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    ],
    ids=["P-384", "Ed25519", "with a passphrase", "public"],
)
def test_cloudfront_takes_no_other_key(key: str) -> None:
    with pytest.raises(ConfigError, match="an RSA or P-256 private key in PEM, without a passphrase"):
        make_signer("cloudfront", {"k1": key}, {"base_url": "https://a.example"})


# kadr sign


def run(monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    monkeypatch.setattr("sys.argv", ["kadr", "sign", *argv])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert isinstance(end.value.code, int)
    return end.value.code


def test_prints_path_query_and_cookies(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    common = ("--prefix", PREFIX, "--expires", "1700003600")
    assert run(monkeypatch, "--scheme", "bunny", "--key", "SecurityKey", *common) == 0
    token = "HS256-rqEmu42iJTU3sxtpOFP9Ldj490YxNqNe-lu6d7DNLQo"
    assert capsys.readouterr().out == (
        f"path: /bcdn_token={token}&token_path=%2Fv%2Fabc123%2F&expires=1700003600{PREFIX}\n"
    )
    akamai = ("--scheme", "akamai", "--key", "52a152a152a152a152a152a152a1", "--option", "starts=1700000000")
    assert run(monkeypatch, *akamai, "--option", "place=query", *common) == 0
    mac = "d9da1d3340536d7f3b0e4038e6dd0c6f3abf1cb1f58560c1f3d98108bde6dd5e"
    assert capsys.readouterr().out == (
        f"path: {PREFIX}\nquery: hdnts=st=1700000000~exp=1700003600~acl=/v/abc123/*~hmac={mac}\n"
    )
    assert run(monkeypatch, *akamai, "--option", "place=cookie", *common, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "path": PREFIX,
        "query": "",
        "cookies": {"hdnts": f"st=1700000000~exp=1700003600~acl=/v/abc123/*~hmac={mac}"},
    }


def test_what_it_prints_is_good_at_our_own_door(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--scheme", "own", "--key", "ab" * 16, "--prefix", PREFIX, "--expires", "+60") == 0
    token = capsys.readouterr().out.removeprefix("path: /s/").removesuffix(f"{PREFIX}\n")
    kadr.verify(token, PREFIX, {"k1": b"\xab" * 16}, time.time())
    with pytest.raises(kadr.DeliveryExpired):
        kadr.verify(token, PREFIX, {"k1": b"\xab" * 16}, time.time() + 61)


def test_key_from_a_file_and_prefix_as_a_url(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    argv = ("--scheme", "cloudfront", "--key", f"@{file}", "--prefix", f"https://d1.example{PREFIX}", "--expires", "+9")
    assert run(monkeypatch, *argv, "--key-id", "K2JC") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"path: {PREFIX}\nquery: Policy=")
    assert out.endswith("&Key-Pair-Id=K2JC\n")
    (tmp_path / "secret").write_text("hush\n")
    argv = ("--scheme", "secure_link", "--key", f"@{tmp_path / 'secret'}", "--prefix", PREFIX, "--expires", "17")
    assert run(monkeypatch, *argv) == 0
    assert f"k1.17.{secure_link.digest(f'17{PREFIX} hush')}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (("--prefix", "/v/abc123"), "kadr sign: /v/abc123: a prefix ends in /"),
        (("--prefix", "/v/%2e%2e/"), "kadr sign: '/v/%2e%2e/': a path starts with /"),
        (("--expires", "soon"), "kadr sign: --expires soon: accepted: Unix seconds, or +SECONDS from now"),
        (("--scheme", "ftp"), "kadr sign: there is no signing scheme 'ftp'"),
        (("--scheme", "cloudfront"), "kadr sign: cloudfront needs --key-id: the id that the CDN has assigned"),
        (("--key", "@/nonexistent/key"), "kadr sign: --key @/nonexistent/key: the file cannot be read as text"),
        (("--option", "place"), "kadr sign: --option place: accepted: NAME=VALUE, each name once"),
        (("--option", "lock_ip=1"), "kadr sign: the token is to be bound to the viewer's address, which is not known"),
    ],
)
def test_errors_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changed: tuple[str, str], told: str
) -> None:
    argv = ("--scheme", "bunny", "--key", "s", "--prefix", PREFIX, "--expires", "17", *changed)
    assert run(monkeypatch, *argv) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith(told)
    assert written.err.count("\n") == 1
