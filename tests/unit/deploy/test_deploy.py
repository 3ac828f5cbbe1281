"""The container files agree with the code: variables, commands, pins, users. No container engine is needed or used."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
import yaml

from core.settings import Settings
from kadr import arguments
from kadr.stack.apps import BOOTSTRAP
from tests.checks import ROOT
from tests.settings_read import ENTRIES, settings_read

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
ENV_EXAMPLE = (ROOT / "deploy" / ".env.example").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
KNOWN = {f"KADR_{field.upper()}" for field in Settings.model_fields} | {BOOTSTRAP}
# Decided by the image and the ports that compose publishes; a failpoint is for tests.
DECIDED_HERE = {"KADR_API_PORT", "KADR_ORIGIN_PORT", "KADR_API_HOST", "KADR_ORIGIN_CACHE_DIR", "KADR_FAILPOINT"}
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


def test_no_key_is_written_twice() -> None:
    """Compose refuses such a file; PyYAML takes the last one without a word."""
    mappings = list(_mappings(yaml.compose(COMPOSE_TEXT)))
    assert len(mappings) > 20
    for mapping in mappings:
        names = [key.value for key, _ in mapping.value]
        assert sorted(set(names)) == sorted(names), mapping.start_mark


def _mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
    for inner in node.value if isinstance(node, yaml.CollectionNode) else ():
        for child in inner if isinstance(inner, tuple) else (inner,):
            yield from _mappings(child)


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
        filled = re.sub(r"\$\{\w+:-\}", "", filled)  # nobody has set it
        monkeypatch.setenv(variable, filled)
    assert isinstance(Settings.load(), Settings)


def example() -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines(ENV_EXAMPLE) if line)


def test_the_example_names_exactly_what_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE_TEXT))
    assert set(example()) == asked
    # One that is not set stops compose with a sentence, rather than starting with an empty secret, or may be empty.
    assert re.findall(r"\$\{\w+(?!:\?|:-0?\}|\w)", COMPOSE_TEXT) == []
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT))
    assert required == {
        name for name in asked if re.search("_PASSWORD|_ACCESS_|_SECRET_|(S3|ORIGIN)_PUBLIC_URL|BOOTSTRAP", name)
    } | {
        *("KADR_PLAYBACK_KEYS", "KADR_DELIVERY_KEYS", "KADR_CONTENT_KEYS", "KADR_WEBHOOK_KEYS"),
    }


@pytest.mark.parametrize("program", ENTRIES)
def test_every_service_is_given_every_setting_its_code_reads(program: str) -> None:
    given = set(OURS[program]["environment"]) | set(re.findall(r"(KADR_\w+)=", DOCKERFILE))
    needed = {f"KADR_{name.upper()}" for name in settings_read(program) | {"log_level"}}
    assert needed > {"KADR_DATABASE_URL", "KADR_LOG_LEVEL"}
    assert needed - given - DECIDED_HERE == set()


def test_the_settings_a_program_reads_are_found() -> None:
    assert settings_read("origin") > {"redis_url", "trusted_proxies", "country_header", "cdns", "origin_lock_keys"}
    assert settings_read("worker") > {"whisper_model", "models_dir", "source_retention_s", "heavy_slots", "cdns"}
    assert settings_read("api") > {"playback_keys", "storage_events_key", "part_size_bytes", "origin_public_url"}
    assert settings_read("dispatcher") > {"webhook_keys", "webhook_pauses_s", "lease_s"}
    # What one program reads is not held to be another's.
    assert settings_read("api").isdisjoint({"whisper_threads", "models_dir", "delivery_keys", "country_header"})
    assert settings_read("worker").isdisjoint({"playback_keys", "storage_events_key"})
    assert settings_read("dispatcher").isdisjoint({"content_keys", "playback_keys", "s3_secret_key", "redis_url"})
    read_by_any = set().union(*map(settings_read, ENTRIES)) | {"log_level"}
    assert read_by_any == set(Settings.model_fields)


def test_no_service_may_fork_or_fill_memory_without_end() -> None:
    for name, service in SERVICES.items():
        assert 0 < service["pids_limit"] <= 4096, name
        assert all(re.search(r":size=\d+m$", folder) for folder in service["tmpfs"]), name
        # A nameless volume stays when its container is replaced.
        assert all(re.match(r"\.|[a-z0-9]+:", volume) for volume in volumes(service)), name
    assert "VOLUME" not in re.findall(r"^[A-Z]+", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("name", SERVICES)
def test_the_memory_of_every_service_can_be_limited(name: str) -> None:
    """In the environment file; 0 is no limit, where compose refuses an empty size."""
    variable = "API_MEMORY" if name == "migrate" else f"{name.upper()}_MEMORY"
    assert SERVICES[name]["mem_limit"] == f"${{{variable}:-0}}"
    assert f"`{variable}`" in (ROOT / "docs" / "operations.md").read_text()


def test_the_client_that_downloads_models_keeps_its_own_files_on_their_volume() -> None:
    """It keeps them in the home folder otherwise, and there is none."""
    models = SERVICES["worker"]["environment"]["KADR_MODELS_DIR"]
    assert f"models:{models}" in SERVICES["worker"]["volumes"]
    (home,) = re.findall(r"HF_HOME=(\S+)", DOCKERFILE)
    assert home.startswith(f"{models}/")


def volumes(service: dict[str, Any]) -> list[str]:
    return service.get("volumes", [])


def test_health_checks_start_no_python() -> None:
    checks = {name: OURS[name]["healthcheck"]["test"] for name in ("api", "origin", "worker", "dispatcher")}
    assert {check[1] for check in checks.values()} == {"bash"}


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (503, False), (None, False)])
def test_a_health_check_tells_a_good_answer_from_others(status: int | None, is_healthy: bool) -> None:
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        server.status = status  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        _, *command, _, path = OURS["api"]["healthcheck"]["test"]
        shell = [word.replace("$$", "$") for word in command]
        ended = subprocess.run([*shell, str(server.server_port), path], timeout=30, capture_output=True)
        server.shutdown()
    assert (ended.returncode == 0) is is_healthy


class _Answers(BaseHTTPRequestHandler):
    """Answers with the server's status; None: not at all."""

    def do_GET(self) -> None:
        assert self.path == "/health/ready"
        if self.server.status is not None:  # type: ignore[attr-defined]
            self.send_response(self.server.status)  # type: ignore[attr-defined]
            self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_secrets_of_the_example_are_empty() -> None:
    assert {name for name, value in example().items() if value} == {"KADR_S3_PUBLIC_URL", "KADR_ORIGIN_PUBLIC_URL"}


def test_every_command_is_a_subcommand() -> None:
    assert 'ENTRYPOINT ["kadr"]' in DOCKERFILE
    commands = [service["command"] for service in OURS.values()]
    assert sorted(commands) == [["api"], ["dispatcher"], ["migrate"], ["origin"], ["worker"]]
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
    for name in ("api", "origin", "worker", "dispatcher"):
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
    assert {source if source in allowed else source.split("/")[0] for source in copied} == allowed
    assert all((ROOT / source).exists() for source in copied)


def test_exactly_the_packages_of_the_wheel_are_in_the_image() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    copied = set(re.findall(r"^COPY ([\w/]+) \1$", DOCKERFILE, re.MULTILINE))
    assert copied == set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def test_operators_find_every_setting() -> None:
    told = set(re.findall(r"`([A-Z0-9_]+)`", (ROOT / "docs" / "operations.md").read_text()))
    # A failpoint is for tests: it makes a process die.
    assert {field.upper() for field in Settings.model_fields} - {"FAILPOINT"} <= told
