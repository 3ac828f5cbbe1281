"""The configuration file of the CDNs: YAML -> `Cdns`.

In: the file that KADR_CDNS names; without one there is a single pathway, the origin itself. Secrets are written
literally, or as `env:NAME` or `file:PATH` (relative to the YAML). A ConfigError names the file, the place, the value
and the accepted form, never a secret. `deploy/cdns.example.yaml` shows every key.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError
from pydantic import model_validator as checked
from pydantic_core import ErrorDetails

from core.errors import ConfigError
from origin.cdn.cdns import OWN_SCHEME, Cdn, Cdns, Limits, PurgeSettings, only_origin
from origin.cdn.steering import regions as places
from presets.document import Form, Number, UniqueKeyLoader

_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".test")
_SECRET_PLACES = frozenset({"keys", "purge"})


def load(path: Path | None, origin_base: str, env: Mapping[str, str] = os.environ) -> Cdns:
    """Read the file and the secrets it refers to. `origin_base` is the default of base_url. Raises ConfigError."""
    if path is None:
        return only_origin(origin_base)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"KADR_CDNS={str(path)!r}: {exc}; it must name a YAML file") from exc
    return parse(path, text, origin_base, env)


def parse(path: Path, text: str, origin_base: str, env: Mapping[str, str]) -> Cdns:
    """Parse the text of the file `path`. Raises ConfigError."""
    try:
        form = _File.model_validate(yaml.load(text, UniqueKeyLoader))  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        problem = getattr(exc, "problem", None) or "it cannot be read"
        raise ConfigError(
            f"{path}, line {mark.line + 1 if mark else 1}: {problem}; it must be YAML, each key once"
        ) from exc
    except ValidationError as exc:
        raise ConfigError("; ".join(f"{path}: {_sentence(error)}" for error in exc.errors())) from exc
    cdns = []
    for number, cdn in enumerate(form.cdns):
        read = _Secrets(f"{path}: cdns.{number} ({cdn.id})", path.parent, env)
        cdns.append(cdn.value(origin_base, read))
    return Cdns(all=tuple(cdns), price_sensitivity=form.price_sensitivity)


@dataclass(frozen=True, slots=True)
class _Secrets:
    """Resolves secrets as they are written to their values. Raises ConfigError."""

    where: str
    folder: Path
    env: Mapping[str, str]

    def all(self, name: str, written: Mapping[str, str]) -> dict[str, str]:
        """The values of a mapping of secrets; `name` is its place in the file, for errors."""
        return {key: self.one(f"{name}.{key}", value) for key, value in written.items()}

    def one(self, name: str, written: str) -> str:
        """The value of one secret: literal, `env:NAME` or `file:PATH`."""
        kind, _, rest = written.partition(":")
        if kind == "env":
            if not self.env.get(rest):
                raise ConfigError(f"{self.where}: {name} is env:{rest}; that variable must be set")
            return self.env[rest]
        if kind == "file":
            try:
                return (self.folder / rest).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as exc:
                raise ConfigError(f"{self.where}: {name} is file:{rest}; that file must be readable text") from exc
        return written


def _is_base_url(value: str) -> str:
    wrong = ValueError("must be like https://cdn.example.org, without a path; http only for a local host")
    try:
        url = urlsplit(value)
        port_is_fine = url.port is None or url.port > 0
    except ValueError:
        raise wrong from None
    host = url.hostname or ""
    plain = url.path in ("", "/") and not (url.query or url.fragment or set(url.netloc) & set("@%\\"))
    secure = url.scheme == "https" or (url.scheme == "http" and _is_local(host))
    if not (
        host and plain and secure and port_is_fine and value.isascii() and value.isprintable() and " " not in value
    ):
        raise wrong
    return value.rstrip("/")


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)  # a name without dots belongs to a private network


def _is_region(value: str) -> str:
    if not places.known(value):
        names = ", ".join(sorted(places.CONTINENTS))
        raise ValueError(f"must be a country of ISO 3166-1 in two capitals, or one of {names}")
    return value


Secrets = dict[Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")], Annotated[StrictStr, Field(min_length=1)]]
NotNegative = Annotated[Number, Field(ge=0, allow_inf_nan=False)]
ProbePath = Annotated[StrictStr, Field(pattern=r"^/[!-~]*$")]


class _StrictForm(Form):
    model_config = ConfigDict(hide_input_in_errors=True)


class _LimitsForm(_StrictForm):
    max_sessions: Annotated[StrictInt, Field(gt=0)] | None = None
    max_gb_per_month: Annotated[Number, Field(gt=0, allow_inf_nan=False)] | None = None


class _CdnForm(_StrictForm):
    id: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    base_url: Annotated[StrictStr, AfterValidator(_is_base_url)] | None = None
    scheme: Annotated[StrictStr, Field(pattern=r"^[a-z0-9_-]+$")] = OWN_SCHEME
    keys: Secrets = Field(default_factory=dict)
    options: dict[str, StrictStr | StrictInt | StrictBool] = Field(default_factory=dict)
    weight: NotNegative = 1
    regions: list[Annotated[StrictStr, AfterValidator(_is_region)]] = Field(default_factory=list)
    price_per_gb: NotNegative | None = None
    limits: _LimitsForm = _LimitsForm()
    probe_path: ProbePath | None = None
    purge: Secrets | None = None

    @checked(mode="after")
    def _is_whole(self) -> Self:
        if self.scheme != OWN_SCHEME and (self.base_url is None or not self.keys):
            raise ValueError(f"must have base_url and keys, as its scheme is {self.scheme}")
        if self.purge is not None and "adapter" not in self.purge:
            raise ValueError("must name the adapter of its purge")
        return self

    def value(self, origin_base: str, read: _Secrets) -> Cdn:
        """This entry with its defaults filled in and its secrets read."""
        purge = None
        if self.purge is not None:
            settings = {name: value for name, value in self.purge.items() if name != "adapter"}
            purge = PurgeSettings(adapter=self.purge["adapter"], settings=read.all("purge", settings))
        return Cdn(
            id=self.id,
            base_url=self.base_url or origin_base,
            scheme=self.scheme,
            keys=read.all("keys", self.keys),
            options=dict(self.options),
            weight=float(self.weight),
            regions=frozenset(self.regions),
            price_per_gb=None if self.price_per_gb is None else float(self.price_per_gb),
            limits=Limits(**self.limits.model_dump()),
            probe_path=self.probe_path,
            purge=purge,
        )


class _File(_StrictForm):
    version: Literal[1] = 1
    price_sensitivity: Annotated[Number, Field(ge=0, le=4)] = 1
    cdns: Annotated[list[_CdnForm], Field(min_length=1)]

    @checked(mode="after")
    def _go_together(self) -> Self:
        ids = [cdn.id for cdn in self.cdns]
        if twice := sorted({one for one in ids if ids.count(one) > 1}):
            raise ValueError(f"must have each id once, and has {', '.join(twice)} more often")
        if not any(cdn.weight for cdn in self.cdns):
            raise ValueError("must have one CDN with a weight above 0")
        return self


def _sentence(error: ErrorDetails) -> str:
    """Place, value and accepted form of one error. A value that may be secret is not shown."""
    place = [str(part) for part in error["loc"] if part != "[key]"]
    where = ".".join(place) or "the whole file"
    if error["type"] == "missing":
        return f"{where} is missing: it must be there"
    if error["type"] == "extra_forbidden":
        return f"{where} is no key known here: leave it out"
    accepted = error["msg"].removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ")
    hidden = bool(_SECRET_PLACES & set(place)) or not isinstance(error["input"], str | int | float | None)
    return f"{where} {accepted}" if hidden else f"{where} is {error['input']!r:.80}; it {accepted}"
