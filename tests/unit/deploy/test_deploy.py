"""The container files agree with the code: variables, commands, pins, users. No container engine is needed or used."""

import os
import re
import shutil
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from core.settings import Settings, secret
from kadr import arguments
from kadr.stack.apps import BOOTSTRAP
from tests import nats
from tests.checks import ROOT
from tests.settings_read import ENTRIES, settings_read

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
CADDYFILE = (ROOT / "deploy" / "proxy" / "Caddyfile").read_text()
ENV_EXAMPLE = (ROOT / "deploy" / ".env.example").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
KNOWN = {f"KADR_{field.upper()}" for field in Settings.model_fields} | {BOOTSTRAP, "KADR_SECRETS_DIR"}
MAKE_SECRETS = ROOT / "deploy" / "make_secrets.sh"
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
def test_settings_load_from_what_each_service_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, secrets: Path
) -> None:
    for variable, value in OURS[name]["environment"].items():
        filled = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: example()[found[1]], value)
        filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", filled)  # nobody has set it
        monkeypatch.setenv(variable, filled)
    for file in OURS[name]["secrets"]:
        shutil.copy(secrets / file, tmp_path)
    monkeypatch.setenv("KADR_SECRETS_DIR", str(tmp_path))
    settings = Settings.load()
    assert "@postgres:5432/kadr" in settings.database_url.get_secret_value()
    assert (settings.nats_url, settings.storage_events_key, settings.database_replica_url) == (None, None, None)
    assert secret(BOOTSTRAP) == (
        (secrets / "kadr_bootstrap_api_key").read_text().strip() if name == "migrate" else None
    )


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the script has made."""
    folder = tmp_path_factory.mktemp("made") / "secrets"
    subprocess.run(("sh", str(MAKE_SECRETS), str(folder)), check=True, timeout=60, env={"PATH": os.environ["PATH"]})
    return folder


def test_every_secret_of_the_compose_file_is_made(secrets: Path) -> None:
    assert {file.name for file in secrets.iterdir()} == set(COMPOSE["secrets"])
    for name, source in COMPOSE["secrets"].items():
        assert source == {"file": f"${{SECRETS_FOLDER:-./deploy/secrets}}/{name}"}
    # For whoever owns the folder alone; services of other users get their files mounted one by one.
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets.iterdir()} == {0o444}
    texts = [text for file in secrets.iterdir() if (text := file.read_text().strip())]
    assert len(set(texts)) == len(texts) > 10


def test_secrets_that_are_there_are_kept(secrets: Path) -> None:
    before = {file.name: file.read_text() for file in secrets.iterdir()}
    (secrets / "kadr_webhook_keys").unlink()
    subprocess.run(("sh", str(MAKE_SECRETS), str(secrets)), check=True, timeout=60, env={"PATH": os.environ["PATH"]})
    after = {file.name: file.read_text() for file in secrets.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"kadr_webhook_keys"}


def test_secrets_of_an_earlier_release_are_taken_over(tmp_path: Path) -> None:
    shutil.copy(MAKE_SECRETS, tmp_path)
    before = (
        "POSTGRES_PASSWORD=old",
        'KADR_CONTENT_KEYS="k9:abcd"',
        "VALKEY_PASSWORD='a'",
        "KADR_S3_PUBLIC_URL=http://a",
    )
    (tmp_path / ".env").write_text("\n".join(before))
    subprocess.run(("sh", MAKE_SECRETS.name), check=True, timeout=60, cwd=tmp_path)
    made = {file.name: file.read_text().strip() for file in (tmp_path / "secrets").iterdir()}
    assert made["kadr_database_url"] == "postgresql://kadr:old@postgres:5432/kadr"
    assert (made["kadr_content_keys"], made["valkey_password"]) == ("k9:abcd", "a")  # compose took the quotes off, too


def test_no_secret_is_made_of_nothing(tmp_path: Path) -> None:
    """Without the program that makes them they were empty, and kept for good."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "mkdir", "chmod", "mv", "sed", "tail", "tr", "cat"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    ended = subprocess.run(
        ("sh", str(MAKE_SECRETS), "made"), cwd=tmp_path, env={"PATH": str(programs)}, timeout=60, stderr=subprocess.PIPE
    )
    assert ended.returncode != 0
    assert b"openssl is not installed" in ended.stderr
    assert list((tmp_path / "made").iterdir()) == []  # in the folder that the caller has named


@nats.needed
def test_any_password_that_is_made_is_one_to_nats(secrets: Path, tmp_path: Path) -> None:
    """Without quotes one that begins like 12e4 is a number, and then something that NATS cannot read."""
    made, begun = re.subn(r"[0-9a-f]{4}(?=[0-9a-f]{44})", "12e4", (secrets / "nats_user").read_text())
    assert begun == 1
    (tmp_path / "run" / "secrets").mkdir(parents=True)
    (tmp_path / "run" / "secrets" / "nats_user").write_text(made)
    configuration = tmp_path / "etc" / "nats" / "nats.conf"
    configuration.parent.mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "observability" / "nats" / "nats.conf", configuration)
    ended = subprocess.run(
        (str(nats.SERVER), "-t", "-c", str(configuration)), capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, "is valid" in ended.stderr) == (0, True), ended.stderr


def test_no_secret_is_a_variable() -> None:
    """`docker inspect` shows those."""
    given = {name for service in SERVICES.values() for name in service.get("environment", {})}
    assert len(given) > 50
    assert {name for name in given if re.search(r"PASSWORD|SECRET_KEY|ACCESS_KEY|_KEYS?$", name)} == {
        *("POSTGRES_PASSWORD_FILE", "GF_SECURITY_ADMIN_PASSWORD__FILE", "KADR_INDEXNOW_KEY"),  # the last one is public
    }
    kept = {
        f"KADR_{name.upper()}" for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    }
    assert kept > {"KADR_DATABASE_URL", "KADR_DATABASE_REPLICA_URL"}
    assert kept & given == set()
    for name, service in OURS.items():
        needed = settings_read(name) | ({"bootstrap_api_key"} if name == "migrate" else set())
        secret_ones = {file.removeprefix("kadr_") for file in COMPOSE["secrets"] if file.startswith("kadr_")}
        assert {file.removeprefix("kadr_") for file in service["secrets"]} == needed & secret_ones, name


def example() -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines(ENV_EXAMPLE) if line)


def test_the_example_names_exactly_what_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE_TEXT))
    assert set(example()) == asked
    # One that is not set stops compose with a sentence, or may be empty.
    assert re.findall(r"\$\{\w+(?!:\?|:-|\w)", COMPOSE_TEXT) == []
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT))
    assert required == {"KADR_S3_PUBLIC_URL", "KADR_ORIGIN_PUBLIC_URL"}


@pytest.mark.parametrize("program", ENTRIES)
def test_every_service_is_given_every_setting_its_code_reads(program: str) -> None:
    given = set(OURS[program]["environment"]) | set(re.findall(r"(KADR_\w+)=", DOCKERFILE))
    given |= {file.upper() for file in OURS[program]["secrets"]}
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
        assert all(re.match(r"\.|[a-z0-9]+:|\$\{DOCKER_FOLDER:-/", volume) for volume in volumes(service)), name
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


def test_the_example_has_no_secret() -> None:
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


def test_nothing_has_a_capability_and_little_runs_as_root() -> None:
    """The store and NATS, whose images have no folder of another user; what reads logs of the engine, which is root."""
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert users
    assert all(not re.match(r"(root|0)\b", user) for user in users)
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
    others = {name: service.get("user", "0:0") for name, service in SERVICES.items() if "build" not in service}
    assert {name for name, user in others.items() if user.startswith("0")} == {"s3", "alloy", "nats"}
    # Its file is not executed where that capability cannot be had; the user has none.
    assert {name for name, service in SERVICES.items() if "cap_add" in service} == {"proxy"}


def test_ports_are_published_on_loopback_only_and_none_by_what_is_scaled() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(ports) == {"proxy", "grafana", "nats"}
    for port in (port for several in ports.values() for port in several):
        assert port.startswith("127.0.0.1:"), port


# Who may reach whom: services that share a network.
NETWORKS = {
    "database": {"postgres", "migrate", "api", "origin", "worker", "dispatcher"},
    "hints": {"valkey", "api", "origin", "worker"},
    "storage": {"s3", "migrate", "api", "origin", "worker", "proxy"},
    "doors": {"proxy", "api", "origin"},
    "metrics": {"prometheus", "api", "origin", "worker", "dispatcher"},
    "watching": {"prometheus", "grafana", "loki", "alloy"},
    "bus": {"nats", "dispatcher"},
    "out": {"api", "origin", "worker", "dispatcher"},
    "published": {"proxy", "grafana", "nats"},
}


def test_services_reach_what_they_need_only() -> None:
    members: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for network in service["networks"]:
            members.setdefault(network, set()).add(name)
    assert members == NETWORKS
    # What settings and secrets name somewhere else is reached by who is given it.
    elsewhere = {
        name
        for name, service in OURS.items()
        if {"KADR_OTLP_URL"} & set(service["environment"]) or "kadr_database_replica_url" in service["secrets"]
    }
    assert elsewhere == members["out"]
    # The internet is behind two of them alone; PostgreSQL, Valkey and the store are in neither.
    internal = {name for name, network in COMPOSE["networks"].items() if network == {"internal": True}}
    assert set(COMPOSE["networks"]) - internal == {"out", "published"}


def test_the_proxy_leads_to_the_services_and_their_ports() -> None:
    led = re.findall(r"^:(\d+) \{\n\timport to (\w+) (\d+)$", CADDYFILE, re.MULTILINE)
    assert led == [("8080", "api", "8080"), ("8081", "origin", "8081"), ("7070", "s3", "7070")]
    assert {f"127.0.0.1:{port}:{port}" for port, _, _ in led} == set(SERVICES["proxy"]["ports"])


def test_observability_is_asked_for() -> None:
    asked_for = {name for name, service in SERVICES.items() if service.get("profiles") == ["observability"]}
    assert asked_for == {"prometheus", "grafana", "loki", "alloy", "nats"}
    # Files of our own: each that a service mounts is there, and is read as what it is.
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in volumes(service)}
    ours = {folder for folder in mounted if folder.startswith("./")}
    assert ours > {"./deploy/prometheus", "./deploy/grafana"}
    assert {folder for folder in ours if not (ROOT / folder).is_dir()} == set()
    for name in ("grafana/datasources/kadr.yaml", "grafana/dashboards/kadr.yaml", "loki/loki.yaml"):
        assert yaml.safe_load((ROOT / "deploy" / "observability" / name).read_text())


def test_packages_are_a_layer_of_their_own() -> None:
    """Which is a hundred times the size of the code, and stays as it is until a lock changes."""
    packages, code = (DOCKERFILE.index(f" AS {stage}\n") for stage in ("packages", "code"))
    assert "COPY core core" in DOCKERFILE[code:]
    assert "COPY core" not in DOCKERFILE[packages:code]
    final = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert re.findall(r"^COPY .*$", final, re.MULTILINE) == [
        *("COPY --from=packages /opt/kadr /opt/kadr", "COPY --from=code /opt/code /opt/kadr"),
    ]


def test_open_requests_end_before_the_engine_ends_them() -> None:
    for name in ("api", "origin"):
        (drain_s,) = re.findall(r"^\$\{KADR_DRAIN_S:-(\d+)\}$", OURS[name]["environment"]["KADR_DRAIN_S"])
        # Those that are cancelled then have as long again.
        assert int(OURS[name]["stop_grace_period"].removesuffix("s")) >= 2 * int(drain_s) + 5


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


def test_every_command_of_compose_names_the_settings() -> None:
    """Without them compose does nothing, `exec` and `restart` included: two settings have to be there."""
    told = [ROOT / "docker-compose.yml", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.sh")]
    said = [f"{path.name}: {line}" for path in told for line in re.findall(r"docker compose[^\n`]*", path.read_text())]
    assert len(said) > 8
    assert [
        one for one in said if not re.search(r"docker compose --(env-file deploy/\.env|profile \w+ \.\.\.)", one)
    ] == []
