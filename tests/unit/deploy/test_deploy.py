"""The container files agree with the code: variables, commands, pins, users. No container engine is needed or used."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from core.settings import Settings
from kadr import arguments
from kadr.stack.apps import BOOTSTRAP
from tests.checks import ROOT

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
ENV_EXAMPLE = (ROOT / "deploy" / ".env.example").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
KNOWN = {f"KADR_{field.upper()}" for field in Settings.model_fields} | {BOOTSTRAP}
# Any host in an image or package reference would send every build to one registry.
REGISTRY = re.compile(
    r"docker\.io|ghcr\.io|quay\.io|gcr\.io|mcr\.microsoft|public\.ecr|pypi\.|pythonhosted|npmjs|--index-url|--registry"
)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


@pytest.mark.parametrize(
    "text", [DOCKERFILE, COMPOSE_TEXT, ENV_EXAMPLE], ids=["Dockerfile", "docker-compose.yml", ".env.example"]
)
def test_every_variable_is_a_setting(text: str) -> None:
    assert set(re.findall(r"\bKADR_[A-Z0-9_]+", text)) <= KNOWN


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_a_service_is_a_setting(name: str) -> None:
    environment = OURS[name]["environment"]
    given = {variable for variable in environment if variable.startswith("KADR_")}
    assert given == set(environment)
    assert given <= KNOWN


@pytest.mark.parametrize("name", OURS)
def test_settings_load_from_what_each_service_is_given(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    secrets = {name: "k1:" + "ab" * 16 if name.endswith("KEYS") else "value" for name in example()}
    values = {name: given or secrets[name] for name, given in example().items()}
    for variable, value in OURS[name]["environment"].items():
        filled = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: values[found[1]], value)
        monkeypatch.setenv(variable, filled)
    assert isinstance(Settings.load(), Settings)


def example() -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines(ENV_EXAMPLE) if line)


def test_the_example_names_exactly_what_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE_TEXT))
    assert set(example()) == asked
    # A variable that is not set stops compose with a sentence rather than starting with an empty secret.
    assert re.findall(r"\$\{\w+(?!:\?|\w)", COMPOSE_TEXT) == []


def test_secrets_of_the_example_are_empty() -> None:
    assert {name for name, value in example().items() if value} == {"KADR_S3_PUBLIC_URL", "KADR_ORIGIN_PUBLIC_URL"}


def test_every_command_is_a_subcommand() -> None:
    assert 'ENTRYPOINT ["kadr"]' in DOCKERFILE
    commands = [service["command"] for service in OURS.values()]
    assert sorted(commands) == [["api"], ["migrate"], ["origin"], ["worker"]]
    for (command,) in commands:
        assert arguments.parser().parse_args([command]).command == command


def test_images_are_pinned() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.MULTILINE))
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images = [service["image"] for service in SERVICES.values()] + [base for base in bases if base not in stages]
    for image in images:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+[\w.-]*", image), image
    assert "latest" not in COMPOSE_TEXT + DOCKERFILE


def test_python_of_the_image_is_that_of_the_lock() -> None:
    assert set(re.findall(r"python:(\d+\.\d+)", DOCKERFILE)) == {"3.11"}


def test_nothing_runs_as_root_but_the_store_without_capabilities() -> None:
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert users
    assert all(not re.match(r"(root|0)\b", user) for user in users)
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
    assert [name for name, service in SERVICES.items() if "build" not in service and "user" not in service] == ["s3"]


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    for port in ports:
        assert port.startswith("127.0.0.1:"), port


def test_the_order_of_starting() -> None:
    for name in ("api", "origin", "worker"):
        assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed], needed


def test_no_registry_is_named() -> None:
    named = {
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in [
            *(ROOT / "requirements").iterdir(),
            *(ROOT / "deploy").iterdir(),
            ROOT / "docker-compose.yml",
            ROOT / ".dockerignore",
            ROOT / "Makefile",
            ROOT / "studio" / "package-lock.json",
        ]
        if path.is_file() and (found := REGISTRY.search(path.read_text().replace("--no-emit-index-url", "")))
    }
    assert named == set()


def test_everything_the_dockerfile_copies_gets_into_the_build() -> None:
    allowed = {line[1:] for line in lines((ROOT / ".dockerignore").read_text()) if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert {source.split("/")[0] for source in copied} == allowed
    assert all((ROOT / source).exists() for source in copied)


def test_exactly_the_packages_of_the_wheel_are_in_the_image() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE))
    assert copied == set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def test_operators_find_every_setting() -> None:
    told = set(re.findall(r"`([A-Z0-9_]+)`", (ROOT / "docs" / "operations.md").read_text()))
    # A failpoint is for tests: it makes a process die.
    assert {field.upper() for field in Settings.model_fields} - {"FAILPOINT"} <= told
