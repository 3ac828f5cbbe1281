"""core.settings: what is refused names the variable, the value and the accepted form; secrets stay unseen."""

import os
import pickle
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from core.errors import ConfigError
from core.settings import Settings, parse_keys, secret

SECRET = "5ec2e7" * 8


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KADR_")]:
        monkeypatch.delenv(name)


def test_defaults() -> None:
    settings = Settings.load()
    assert settings.origin_base == settings.site_base == "http://127.0.0.1:8081"
    assert settings.api_base == "http://127.0.0.1:8080"
    assert settings.s3_presign_base == settings.s3_url
    assert settings.input_url_networks == ()
    assert settings.sandbox == "require"


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        ("KADR_API_PORT", "0", "api_port", 0),
        ("KADR_LEASE_S", "2.5", "lease_s", 2.5),
        ("KADR_FFMPEG", "/usr/bin/ffmpeg", "ffmpeg", Path("/usr/bin/ffmpeg")),
        (
            "KADR_INPUT_URL_NETWORKS",
            "10.1.0.0/16, 127.0.0.1/32,",
            "input_url_networks",
            ("10.1.0.0/16", "127.0.0.1/32"),
        ),
        ("KADR_ORIGIN_PUBLIC_URL", "https://cdn.test/", "origin_base", "https://cdn.test"),
        ("KADR_S3_PUBLIC_URL", "https://s3.test/", "s3_presign_base", "https://s3.test"),
        ("KADR_S3_URL", "https://s3.test/storage/v1/s3", "s3_presign_base", "https://s3.test/storage/v1/s3"),
        ("KADR_ORIGIN_PUBLIC_URL", "https://a.test/video", "origin_base", "https://a.test/video"),
        ("KADR_API_PUBLIC_URL", "https://studio.test/", "api_base", "https://studio.test"),
        ("KADR_SITE_URL", "https://videos.test/", "site_base", "https://videos.test"),
        ("KADR_ORIGIN_PUBLIC_URL", "https://cdn.test", "site_base", "https://cdn.test"),
        ("KADR_UPLOAD_TTL_S", "604800", "upload_ttl_s", 604_800),
        ("KADR_LOG_LEVEL", "ERROR", "log_level", "ERROR"),
    ],
)
def test_accepted_forms(monkeypatch: pytest.MonkeyPatch, name: str, value: str, attribute: str, expected) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(Settings.load(), attribute) == expected


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("KADR_API_PORT", "eighty", "valid integer"),
        ("KADR_API_PORT", "65536", "less than or equal to 65535"),
        ("KADR_ORIGIN_PORT", "-1", "greater than or equal to 0"),
        ("KADR_SANDBOX", "off", "'require' or 'best-effort'"),
        ("KADR_LOG_LEVEL", "loud", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("KADR_LEASE_S", "0", "greater than 0"),
        ("KADR_LEASE_S", "nan", "finite"),
        ("KADR_MAX_UPLOAD_BYTES", "20 GB", "valid integer"),
        ("KADR_HEAVY_SLOTS", "-1", "greater than or equal to 0"),
        ("KADR_LEASE_S", "inf", "finite"),
        ("KADR_UPLOAD_TTL_S", "604801", "less than or equal to 604800"),
        ("KADR_S3_PUBLIC_URL", "https://media.test/s3", "without a path"),
        ("KADR_S3_PUBLIC_URL", "https://media.test/s3/", "without a path"),
        ("KADR_S3_PUBLIC_URL", "https://media.test?a=b", "without a query"),
        ("KADR_S3_PUBLIC_URL", "media.test", "base URL such as"),
        ("KADR_S3_PUBLIC_URL", "//media.test", "base URL such as"),
        ("KADR_S3_URL", "s3://bucket", "base URL such as"),
        ("KADR_S3_URL", "http://minio:90o0", "Port could not be cast"),
        ("KADR_ORIGIN_PUBLIC_URL", "cdn.test", "base URL such as"),
        ("KADR_API_PUBLIC_URL", "studio.test", "base URL such as"),
        ("KADR_SITE_URL", "//videos.test", "base URL such as"),
        ("KADR_STUDIO_SESSION_S", "31536001", "less than or equal to 31536000"),
        ("KADR_ORIGIN_PUBLIC_URL", "https://cdn.test/#a", "without a query"),
    ],
)
def test_refused_forms(monkeypatch: pytest.MonkeyPatch, name: str, value: str, form: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as refused:
        Settings.load()
    assert f"{name}={value!r}" in str(refused.value)
    assert form in str(refused.value)


def test_all_faults_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KADR_API_PORT", "x")
    monkeypatch.setenv("KADR_POLL_S", "y")
    with pytest.raises(ConfigError, match=r"KADR_API_PORT='x'.*KADR_POLL_S='y'"):
        Settings.load()


def test_a_variable_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`KADR_FFMPEG=` in an env file."""
    monkeypatch.setenv("KADR_FFMPEG", "")
    monkeypatch.setenv("KADR_API_PORT", "")
    assert (Settings.load().ffmpeg, Settings.load().api_port) == (None, 8080)


SECRETS = (
    *("database_url", "redis_url", "s3_secret_key"),
    *("playback_keys", "delivery_keys", "content_keys", "origin_lock_keys"),
)


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(f"KADR_{name.upper()}", SECRET)
    settings = Settings.load()
    for shown in (repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json()):
        assert SECRET not in shown
    assert all(getattr(settings, name).get_secret_value() == SECRET for name in SECRETS)


def test_secrets_are_not_in_errors_about_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(f"KADR_{name.upper()}", SECRET)
    monkeypatch.setenv("KADR_API_PORT", "x")
    with pytest.raises(ConfigError) as refused:
        Settings.load()
    assert SECRET not in f"{refused.value} {refused.value!r} {refused.value.__cause__}"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings.load().api_port = 1  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(Settings.load())) == Settings.load()  # noqa: S301


def test_keys_keep_their_order() -> None:
    keys = parse_keys("KADR_PLAYBACK_KEYS", SecretStr(f"k2:{'ab' * 32}, k1:{'cd' * 16},"))
    assert list(keys.items()) == [("k2", b"\xab" * 32), ("k1", b"\xcd" * 16)]


@pytest.mark.parametrize(
    "raw",
    [
        "",
        ",",
        SECRET,
        f":{SECRET}",
        f"k.1:{SECRET}",
        "k1:" + "zz" * 32,
        "k1:" + SECRET[:30],
        f"k1:{SECRET},k2",
        f"k1:{SECRET}:",
        pytest.param(
            *(f"ключ:{SECRET}",),
        ),
        pytest.param(
            *(f"k1:{SECRET},k1:{SECRET[::-1]}",),
        ),
    ],
)
def test_refused_keys(raw: str) -> None:
    with pytest.raises(ConfigError, match=r"^KADR_DELIVERY_KEYS\b.*kid:hex") as refused:
        parse_keys("KADR_DELIVERY_KEYS", SecretStr(raw))
    assert SECRET[:12] not in f"{refused.value!r}"


def test_none_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KADR_WHISPER_MODEL", "none")
    assert Settings.load().whisper_model is None
    monkeypatch.setenv("KADR_WHISPER_MODEL", "base")
    assert Settings.load().whisper_model == "base"


def test_secrets_come_from_files_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, text in {
        "playback_keys": "k1:aa\n",
        "webhook_keys": "k1:file",
        "nats_url": "\n",
        "failpoint": "",
    }.items():
        (tmp_path / f"kadr_{name}").write_text(text)
    (tmp_path / "kadr_of_another_program").write_text("x")
    monkeypatch.setenv("KADR_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("KADR_WEBHOOK_KEYS", "k1:variable")  # goes first
    monkeypatch.setenv("KADR_PLAYBACK_KEYS", "")  # is not set
    settings = Settings.load()
    assert settings.playback_keys.get_secret_value() == "k1:aa"
    assert settings.webhook_keys.get_secret_value() == "k1:variable"
    assert settings.nats_url is None
    assert secret("KADR_BOOTSTRAP_API_KEY") is None
    (tmp_path / "kadr_bootstrap_api_key").write_text("live.x\n")
    assert secret("KADR_BOOTSTRAP_API_KEY") == "live.x"
    monkeypatch.setenv("KADR_BOOTSTRAP_API_KEY", "live.y")
    assert secret("KADR_BOOTSTRAP_API_KEY") == "live.y"


def test_a_folder_of_secrets_that_is_not_there_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KADR_SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"KADR_SECRETS_DIR=.*nowhere: there is no such folder"):
        Settings.load()
