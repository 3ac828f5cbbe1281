"""The one frozen Settings, read once from KADR_* variables and passed explicitly.

In: environment variables, and the files of the folder that KADR_SECRETS_DIR names: kadr_playback_keys there stands for
KADR_PLAYBACK_KEYS, unless that is set. Out: `Settings`. Refuses a form it does not know by naming the variable, the
value and the accepted form.
"""

import os
import tempfile
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import ConfigError
from core.sandbox import machine

MIB = 1024 * 1024
GIB = 1024 * MIB


NO_MODEL = "none"  # as a KADR_WHISPER_MODEL: `kadr up` has one of its own where the variable is not set

# What the command line and the embedded stack read for themselves.
NOT_SETTINGS = {
    *("KADR_HOME", "KADR_API_URL", "KADR_API_KEY"),
    *("KADR_UP_HOME", "KADR_UP_WORKERS", "KADR_BOOTSTRAP_API_KEY", "KADR_SECRETS_DIR"),
}


def secrets_folder() -> Path | None:
    """The folder of secrets in files, from the environment. Raises ConfigError where it is not there."""
    folder = os.environ.get("KADR_SECRETS_DIR")
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise ConfigError(f"KADR_SECRETS_DIR={folder}: there is no such folder")
    return Path(folder)


def secret(variable: str) -> str | None:
    """A secret that is no setting: the variable of this name, or the file of its name in small letters."""
    if value := os.environ.get(variable):
        return value
    folder = secrets_folder()
    file = folder / variable.lower() if folder else None
    return file.read_text("utf-8").strip() or None if file and file.is_file() else None


class Settings(BaseSettings):
    """All settings of all processes. Durations end in `_s`, sizes in `_bytes`."""

    model_config = SettingsConfigDict(
        env_prefix="KADR_", env_ignore_empty=True, frozen=True, extra="ignore", allow_inf_nan=False
    )

    database_url: SecretStr = SecretStr("postgresql://kadr@127.0.0.1:5432/kadr")
    database_pool: PositiveInt = 8
    database_replica_url: SecretStr | None = Field(
        default=None, description="a streaming standby that API and origin read from; unset: they read from the primary"
    )
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")

    s3_url: str = "http://127.0.0.1:9000"
    s3_public_url: str | None = Field(default=None, description="What presigned URLs carry; default: s3_url")
    s3_access_key: str = ""
    s3_secret_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    uploads_bucket: str = "kadr-uploads"
    media_bucket: str = "kadr-media"

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8080, ge=0, le=65535)
    api_public_url: str | None = Field(
        default=None, description="Base of the API and the studio as people reach them; default: host:port"
    )
    origin_host: str = "127.0.0.1"
    origin_port: int = Field(default=8081, ge=0, le=65535)
    origin_public_url: str | None = Field(default=None, description="Base of playback URLs; default: host:port")
    site_url: str | None = Field(default=None, description="Base of the pages for viewers; default: the origin's")
    drain_s: PositiveFloat = Field(
        default=2.0, le=600, description="how long open requests of API and origin may go on when these are to end"
    )
    studio_session_s: PositiveInt = Field(
        default=14 * 86_400, le=365 * 86_400, description="how long a browser stays signed in"
    )

    # Each: "kid:secret,kid:secret"; the first signs, all of them verify, so keys rotate without a refused viewer.
    playback_keys: SecretStr = SecretStr("")
    delivery_keys: SecretStr = SecretStr("")
    # They wrap the keys of encrypted titles. Unset: nothing is encrypted.
    content_keys: SecretStr = SecretStr("")
    playback_token_ttl_s: PositiveInt = 3600
    # Who may say whose request it is (X-Forwarded-For, the country header): "10.0.0.0/8,127.0.0.1/32".
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    country_header: str | None = Field(default=None, description="in which a trusted proxy names the country")
    seat_slack_s: PositiveInt = Field(
        default=300, description="how long past its duration a session counts against a viewer's most"
    )
    renewal_s: PositiveInt = Field(default=24 * 3600, description="how long a session may be started again")
    delivery_slack_s: PositiveInt = Field(default=6 * 3600, description="How long past its duration a title may pause")

    # What CDNs show before they may read /v/: "kid:secret,kid:secret", any of them opens. Unset: nobody may.
    origin_lock_keys: SecretStr = SecretStr("")
    origin_cache_dir: Path | None = Field(default=None, description="default: origin-cache in work_dir")
    origin_cache_bytes: PositiveInt = GIB
    origin_max_requests: PositiveInt = Field(default=2048, description="files being sent at once by one process")
    shared_cache_s: PositiveInt = Field(
        default=3600, le=365 * 86_400, description="after which CDNs ask again whether a file is still there"
    )

    cdns: Path | None = Field(default=None, description="YAML file of the CDNs; without one the origin serves alone")

    max_upload_bytes: PositiveInt = 20 * GIB
    part_size_bytes: PositiveInt = 16 * MIB
    upload_ttl_s: PositiveInt = Field(default=24 * 3600, le=7 * 86_400, description="S3 signs URLs for a week at most")
    input_url_timeout_s: PositiveInt = 3600
    input_url_min_bytes_per_s: int = Field(default=16 * 1024, ge=0, description="of the server; 0: any rate will do")
    # Networks that input_url may reach although they are not public, on any port: "10.1.0.0/16,127.0.0.1/32".
    input_url_networks: Annotated[tuple[str, ...], NoDecode] = ()
    storage_events_key: SecretStr | None = Field(default=None, description="Bearer key of POST /storage/events")
    source_retention_s: NonNegativeInt | None = Field(
        default=None, description="how long an upload is kept after its title became ready; default: like the title"
    )
    max_duration_s: PositiveInt = 12 * 3600
    max_pixels: PositiveInt = 8192 * 4352

    # Read when presets/ is imported (presets.document), by commands without other settings, too.
    presets: Path | None = Field(default=None, description="folder of YAML files that are laid over ours")
    work_dir: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()) / f"kadr-work-{os.getuid()}")
    work_cache_bytes: PositiveInt = 20 * GIB
    ffmpeg: Path | None = Field(default=None, description="Default: the binary of the imageio-ffmpeg wheel")
    sandbox: Literal["require", "best-effort"] = "require"

    lease_s: PositiveFloat = 30.0
    heartbeat_s: PositiveFloat = 10.0
    poll_s: PositiveFloat = 5.0
    reconcile_s: PositiveFloat = 15.0
    max_attempts: PositiveInt = 5
    max_hard_deaths: PositiveInt = 3
    # Steps at once per worker, by class (core.step_kinds). 0: this worker takes none of them.
    light_slots: NonNegativeInt = Field(default=4, description="probes, plans, publications")
    # Where there are several, one owner alone gets all but one: the next owner need not wait for any of them.
    transfer_slots: NonNegativeInt = Field(default=3, description="accepts")
    fetch_slots: NonNegativeInt = Field(default=4, description="pulls from URLs, dubs, purges at CDNs")
    slow_slots: NonNegativeInt = Field(default=2, description="probes that take long")
    first_slots: NonNegativeInt = Field(default=3, description="first renditions, and what else a person waits for")
    heavy_slots: NonNegativeInt = Field(default=1, description="encodes")
    extra_slots: NonNegativeInt = Field(default=3, description="albums, downloads: what a title can be without")
    # Each takes up to four cores, and one owner gets all slots but one.
    speech_slots: NonNegativeInt = Field(
        default_factory=lambda: max(2, 1 + machine.threads() // 4),
        description="transcriptions and translations; default: one for each four cores and one more, at least 2",
    )

    # Without a model nothing is transcribed, and all else goes on.
    whisper_model: str | None = Field(
        default=None, description="a name (small), a repository of the hub, or a folder; none: none, not even in `up`"
    )
    whisper_device: Literal["auto", "cpu", "cuda"] = "auto"
    whisper_compute_type: Literal["int8", "int8_float32", "float32", "float16", "int8_float16"] = "int8"
    whisper_threads: PositiveInt | None = Field(default=None, description="default: the cores, at most 4")
    whisper_batch: PositiveInt = Field(default=1, description="clips at once; above 1 without retries of doubtful text")
    whisper_download: bool = Field(default=False, description="may a worker download a model it has not?")
    face_model: str | None = Field(
        default=None, description="centerface, or the path of its file; none: OpenCV's own detector"
    )
    models_dir: Path | None = Field(default=None, description="default: ~/.local/share/kadr/models")
    poster_avif: bool = Field(default=False, description="pictures also as AVIF: smaller, and dearer to make")
    subtitles: Literal["none", "auto"] = Field(default="none", description="auto: of every upload that does not say")
    # "ru-en=/models/ru-en,*=/models/m2m": which model translates which pair; * any that its vocabulary names.
    translation_model: str | None = None

    memory_bytes: PositiveInt | None = Field(
        default=None, description="for the encodes of one worker; default: half of the machine's"
    )

    # Wrap the secrets that sign webhooks: "kid:hex,kid:hex", the first wraps. Unset: there are no webhooks.
    webhook_keys: SecretStr = SecretStr("")
    # Networks that webhooks may reach although they are not public, on any port and without TLS: "10.1.0.0/16".
    webhook_networks: Annotated[tuple[str, ...], NoDecode] = ()
    webhook_timeout_s: PositiveFloat = Field(default=15.0, description="within which a receiver has to answer")
    # Pauses before each attempt, and so how many there are; 10 % more or less at random.
    webhook_pauses_s: Annotated[tuple[NonNegativeFloat, ...], NoDecode] = (
        *(0, 5, 5 * 60, 30 * 60),
        *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)),
    )
    webhook_disable_after_s: PositiveInt = Field(
        default=5 * 86_400, description="an endpoint that has only failed for so long is disabled"
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    # Of API, origin and worker alike. Process n of `kadr origin --processes` takes the port n - 1 above.
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65535, description="0: any free port; unset: none")

    otlp_url: str | None = Field(
        default=None, description="base URL of a collector that takes OTLP over HTTP; unset: no spans are exported"
    )
    otlp_share: float = Field(default=0.05, ge=0, le=1, description="of all traces that is exported; errors always are")

    # Named points at which a test makes this process die, e.g. "encode.after_upload". Never set in production.
    failpoint: str = ""

    # Crawlers that robots.txt sends away, by the names they give themselves: "GPTBot,ClaudeBot".
    robots_disallow: Annotated[tuple[str, ...], NoDecode] = ()
    indexnow_key: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]{8,128}$",
        description="of your site; with one, engines of IndexNow are told of listed pages that change",
    )
    indexnow_url: str = "https://api.indexnow.org/indexnow"
    indexnow_s: PositiveFloat = Field(default=300.0, description="how often engines are told")

    nats_url: SecretStr | None = Field(
        default=None,
        description="servers of the event bus, separated by commas: nats://user:password@host:4222; unset: no bus",
    )
    nats_credentials: Path | None = Field(default=None, description="credentials file (.creds) of the bus's user")
    nats_stream: str = Field(
        default="KADR_EVENTS", pattern=r"^[A-Za-z0-9_-]{1,255}$", description="stream of the bus; made where missing"
    )
    nats_subject_prefix: str = Field(
        default="kadr",
        pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$",
        max_length=100,
        description="what subjects of the bus begin with, before the type of the event",
    )

    @field_validator(
        "input_url_networks",
        "trusted_proxies",
        "robots_disallow",
        "webhook_networks",
        "webhook_pauses_s",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(v.strip() for v in value.split(",") if v.strip()) if isinstance(value, str) else value

    @field_validator("input_url_networks", "trusted_proxies", "webhook_networks")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)  # its ValueError says what is wrong
        return value

    @field_validator("database_replica_url", "storage_events_key", "nats_url", mode="before")
    @classmethod
    def _empty_file_is_unset(cls, value: object) -> object:
        return value or None

    @field_validator("whisper_model", "face_model")
    @classmethod
    def _none_is_no_model(cls, value: str | None) -> str | None:
        return None if value == NO_MODEL else value

    @field_validator("whisper_compute_type")
    @classmethod
    def _can_be_computed(cls, value: str, info: ValidationInfo) -> str:
        if value in ("float16", "int8_float16") and info.data.get("whisper_device") != "cuda":
            raise ValueError("a CPU supports int8, int8_float32 and float32; this type needs KADR_WHISPER_DEVICE=cuda")
        return value

    @field_validator("s3_url", "s3_public_url", "api_public_url", "origin_public_url", "site_url", "otlp_url")
    @classmethod
    def _is_base_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        url = urlsplit(value)
        _ = url.port  # its ValueError says what is wrong
        if url.scheme not in ("http", "https") or not url.hostname or url.username is not None:
            raise ValueError("accepted is a base URL such as https://media.example.org")
        if "?" in value or "#" in value or value != value.strip():
            raise ValueError("accepted is a base URL without a query, a fragment or spaces")
        if info.field_name == "s3_public_url" and url.path.strip("/"):
            raise ValueError("accepted is a URL without a path: S3 signs the path that arrives there, not a proxy's")
        return value

    @property
    def api_base(self) -> str:
        """Base URL of the API and the studio as people see them, without a trailing slash."""
        return (self.api_public_url or _local_url(self.api_host, self.api_port)).rstrip("/")

    @property
    def origin_base(self) -> str:
        """Base URL of the origin as players see it, without a trailing slash."""
        return (self.origin_public_url or _local_url(self.origin_host, self.origin_port)).rstrip("/")

    @property
    def site_base(self) -> str:
        """Base URL of the pages for viewers, without a trailing slash."""
        return (self.site_url or self.origin_base).rstrip("/")

    @property
    def s3_presign_base(self) -> str:
        return (self.s3_public_url or self.s3_url).rstrip("/")

    @classmethod
    def load(cls) -> Self:
        """Read the environment once; raises ConfigError that names every variable at fault."""
        ours = {f"KADR_{name.upper()}" for name in cls.model_fields} | NOT_SETTINGS
        if unknown := sorted(name for name in os.environ if name.startswith("KADR_") and name not in ours):
            raise ConfigError(f"unknown settings: {', '.join(unknown)}; check the spelling, or unset them")
        try:
            return cls(_secrets_dir=secrets_folder())
        except ValidationError as exc:
            lines = [
                f"KADR_{'_'.join(str(p) for p in e['loc']).upper()}={e['input']!r}: {e['msg']}" for e in exc.errors()
            ]
            raise ConfigError("; ".join(lines)) from exc


def _local_url(host: str, port: int) -> str:
    """The URL at which this machine reaches a server that listens there."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared only
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def parse_keys(name: str, raw: SecretStr) -> dict[str, bytes]:
    """`"k2:hex,k1:hex"` -> {kid: key bytes}, in order. Raises ConfigError without showing the secret."""
    keys: dict[str, bytes] = {}
    for item in filter(None, raw.get_secret_value().split(",")):
        kid, _, secret = item.strip().partition(":")
        try:
            key = bytes.fromhex(secret)
        except ValueError:
            key = b""
        if not (kid.isascii() and kid.isalnum()) or len(key) < 16 or kid in keys:
            raise ConfigError(
                f"{name}: each key is kid:hex with an alphanumeric kid of its own and at least 16 bytes of hex"
            )
        keys[kid] = key
    if not keys:
        raise ConfigError(f"{name} is not set: give at least one kid:hex")
    return keys
