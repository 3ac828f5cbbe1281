"""The file of the CDNs: what it says, what it may not say, and that no secret is ever shown."""

import re
from pathlib import Path

import pytest

from core.errors import ConfigError
from origin.cdn.cdn_file import load, parse
from origin.cdn.cdns import Cdn, Cdns, Limits, signers
from origin.cdn.purge import purgers
from origin.cdn.purge.bunny import BunnyPurger
from origin.cdn.signers import SigningContext
from tests.checks import ROOT

ORIGIN = "https://play.example.org"
SECRET = "s3cr3t-" + "0f" * 16
ENV = {"EDGE_KEY": SECRET}
TWO = f"""
cdns:
  - id: edge-a
    base_url: https://a.example.org/
    scheme: secure_link
    keys: {{k2: env:EDGE_KEY, k1: {SECRET}-old}}
    weight: 70
    regions: [DE, north-america]
    price_per_gb: 0.01
    limits: {{max_sessions: 10}}
    probe_path: /probe.txt
    purge: {{adapter: bunny, api_key: file:api.key}}
  - id: edge-b
    base_url: http://localhost:8090
    scheme: secure_link
    keys: {{k1: {SECRET}}}
    weight: 30
"""


def read(tmp_path: Path, text: str) -> Cdns:
    (tmp_path / "api.key").write_text("purge-key\n")
    return parse(tmp_path / "cdns.yaml", text, ORIGIN, ENV)


def test_what_a_file_says(tmp_path: Path) -> None:
    cdns = read(tmp_path, TWO)
    first, second = cdns.all
    assert (first.id, first.base_url, first.scheme) == ("edge-a", "https://a.example.org", "secure_link")
    assert list(first.keys.items()) == [("k2", SECRET), ("k1", f"{SECRET}-old")], "in order: the first signs"
    assert (first.weight, first.regions) == (70, {"DE", "north-america"})
    assert (first.price_per_gb, first.probe_path) == (0.01, "/probe.txt")
    assert first.limits == Limits(max_sessions=10)
    assert second == Cdn(
        id="edge-b", base_url="http://localhost:8090", scheme="secure_link", keys={"k1": SECRET}, weight=30
    )
    assert (cdns.ids, cdns.price_sensitivity) == (("edge-a", "edge-b"), 1)


def test_its_signers_and_purgers(tmp_path: Path) -> None:
    cdns = read(tmp_path, TWO)
    made = signers(cdns, {})
    signed = made["edge-a"].sign("/v/as_1/ab/", 1_800_000_000, SigningContext(now=0))
    assert re.fullmatch(r"/s/k2\.1800000000\.[\w-]{22}/v/as_1/ab/", signed.path)
    assert purgers(cdns) == {"edge-a": BunnyPurger(base_url="https://a.example.org", api_key="purge-key")}


def test_no_file_is_the_origin_alone() -> None:
    cdns = load(None, ORIGIN)
    assert cdns.all == (Cdn(id="origin", base_url=ORIGIN, scheme="own"),)
    signed = signers(cdns, {"k1": b"1" * 32})["origin"].sign("/v/as_1/ab/", 1, SigningContext(now=0))
    assert signed.path.startswith("/s/k1.1.")
    assert purgers(cdns) == {}


def test_the_example_is_accepted(tmp_path: Path) -> None:
    """With files beside it alone: no other variable of a CDN reaches a container."""
    text = (ROOT / "deploy" / "cdns.example.yaml").read_text("utf-8")
    (tmp_path / "cdns.yaml").write_text(text)
    for file in re.findall(r"file:([a-z][\w.]+)", text):
        (tmp_path / file).write_text("PEM" if file.endswith(".pem") else SECRET)
    cdns = load(tmp_path / "cdns.yaml", ORIGIN, {})
    assert cdns.ids == ("bunny", "cloudfront", "origin")
    assert cdns.all[2].base_url == ORIGIN
    assert set(purgers(cdns)) == {"bunny", "cloudfront"}
    assert cdns.all[1].keys == {"K2JCJMDEHXQW5F": "PEM"}


REFUSED = {
    "no file of CDNs": ("[]", r"the whole file .*valid dictionary"),
    "none": ("cdns: []", r"cdns .*at least 1 item"),
    "unknown key": (TWO.replace("weight: 70", "wieght: 70"), r"cdns\.0\.wieght is no key known here: leave it out"),
    "missing": ("cdns: [{weight: 1}]", r"cdns\.0\.id is missing"),
    "twice": (TWO.replace("edge-b", "edge-a"), r"the whole file must have each id once, and has edge-a more often"),
    "key twice": (TWO + "    weight: 1\n", r"line 18: the key 'weight' stands twice"),
    "no YAML": ("cdns: [", r"line \d+: .* it must be YAML"),
    "id": (TWO.replace("edge-a", "edge_a"), r"cdns\.0\.id is 'edge_a'; it should match pattern"),
    "not encrypted": (
        TWO.replace("https://a.", "http://a."),
        r"cdns\.0\.base_url is 'http://a\.example\.org/'; it must be like https://cdn\.example\.org",
    ),
    "path": (TWO.replace("org/\n", "org/video\n"), r"base_url is .*without a path"),
    "weight": (TWO.replace("weight: 70", "weight: -1"), r"cdns\.0\.weight is -1; it should be greater than or equal"),
    "weight text": (TWO.replace("weight: 70", "weight: all"), r"cdns\.0\.weight\.\S+ is 'all'; it should be a valid"),
    "weight nan": (TWO.replace("weight: 70", "weight: .nan"), r"cdns\.0\.weight.* finite"),
    "weight inf": (TWO.replace("weight: 70", "weight: .inf"), r"cdns\.0\.weight.* finite"),
    "no weight": (TWO.replace("70", "0").replace("30", "0"), r"must have one CDN with a weight above 0"),
    "region": (TWO.replace("DE,", "EU,"), r"cdns\.0\.regions\.0 is 'EU'; it must be a country .* europe"),
    "probe": (TWO.replace("/probe.txt", "probe.txt"), r"probe_path is 'probe\.txt'; it should match pattern"),
    "limit": (TWO.replace("max_sessions: 10", "max_sessions: 0"), r"limits\.max_sessions is 0; it should be greater"),
    "no keys": (TWO.replace("keys: {k1:", "options: {k1:"), r"cdns\.1 must have base_url and keys.*secure_link"),
    "env": (TWO.replace("EDGE_KEY", "OTHER"), r"cdns\.0 \(edge-a\): keys\.k2 is env:OTHER; that variable must be set"),
    "file": (TWO.replace("api.key", "gone.key"), r"purge\.api_key is file:gone\.key; that file must be readable"),
    "no adapter": (TWO.replace("adapter: bunny, ", ""), r"must name the adapter"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_sentence(tmp_path: Path, name: str) -> None:
    text, sentence = REFUSED[name]
    with pytest.raises(ConfigError, match=rf"cdns\.yaml.*{sentence}") as refused:
        read(tmp_path, text)
    assert SECRET not in f"{refused.value!r} {refused.value.__cause__!r}"


@pytest.mark.parametrize(
    "url",
    [
        *("https://", "//a.org", "ftp://a.org", "https://a.org?x", "https://a.org#x", "https://u:p@a.org"),
        *("https://a.org:99999", "https://a b.org", "https://пример.org", "http://8.8.8.8", "https://a.org/%2e"),
    ],
)
def test_refused_urls(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"cdns\.1\.base_url"):
        read(tmp_path, TWO.replace("http://localhost:8090", f'"{url}"'))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://a.localhost:8090", "http://edge", "http://10.1.2.3", "https://[2001:db8::1]"]
)
def test_accepted_urls(tmp_path: Path, url: str) -> None:
    assert read(tmp_path, TWO.replace("http://localhost:8090", url)).all[1].base_url == url


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    cdns = read(tmp_path, TWO)
    assert SECRET not in repr(cdns)
    assert "purge-key" not in repr(cdns) + repr(purgers(cdns))
    with pytest.raises(ConfigError, match=r"keys") as refused:
        read(tmp_path, TWO.replace(f"{{k1: {SECRET}}}", f"[{SECRET}]"))
    assert SECRET not in f"{refused.value!r}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"KADR_CDNS='.*gone\.yaml'.*YAML file"):
        load(tmp_path / "gone.yaml", ORIGIN)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("scheme: secure_link", "scheme: telepathy", r"KADR_CDNS: edge-a: there is no signing scheme 'telepathy'"),
        ("weight: 70", "options: {moon: full}", r"KADR_CDNS: edge-a: secure_link: there is no option moon"),
    ],
)
def test_signers_refuse_with_the_pathway(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        signers(read(tmp_path, TWO.replace(old, new, 1)), {})


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("adapter: bunny", "adapter: broom", r"edge-a: there is no purge adapter 'broom'; accepted: akamai"),
        ("api_key:", "apikey:", r"edge-a: purge bunny: there is no setting apikey; it takes api_key"),
        ("adapter: bunny", "adapter: fastly, service_id: x", r"purge fastly: there is no setting api_key"),
        ("adapter: bunny, api_key: file:api.key", "adapter: fastly, service_id: x", r"api_token must be set"),
    ],
)
def test_purgers_refuse_with_the_pathway(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        purgers(read(tmp_path, TWO.replace(old, new)))
