"""The manifests of deploy/k8s, as kustomize renders them: valid, hardened, in agreement with the code. No cluster."""

import os
import re
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from core.model import StepKind
from core.settings import Settings
from core.step_kinds import TRAITS, SlotClass
from ingest.bodies.events import LONGEST_WAIT_S
from kadr.stack.apps import BOOTSTRAP
from tests.checks import ROOT
from tests.manifests import K8S, OVERLAYS, PROGRAMS, Object, named, overlay, programs, rendered, workloads
from tests.settings_read import settings_read

VERSIONS = ("1.31", "1.37")
SECRETS = {
    f"KADR_{name.upper()}"
    for name, field in Settings.model_fields.items()
    if "SecretStr" in str(field.annotation) or name == "s3_access_key"
}
# The image says where to listen and what is on which volume; a failpoint is for tests.
BY_IMAGE = {"KADR_API_HOST", "KADR_ORIGIN_HOST", "KADR_WORK_DIR"}
DEFAULTS = {"KADR_API_PORT", "KADR_ORIGIN_PORT", "KADR_ORIGIN_CACHE_DIR", "KADR_FAILPOINT"}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

# What kubernetes-validate knows nothing of: kind -> every key that may be there, by its path; * is any index.
CUSTOM = {
    "TriggerAuthentication": "spec.secretTargetRef.*.parameter spec.secretTargetRef.*.name spec.secretTargetRef.*.key",
    "ScaledObject": (
        "spec.scaleTargetRef.name spec.minReplicaCount spec.maxReplicaCount spec.pollingInterval"
        " spec.fallback.failureThreshold spec.fallback.replicas"
        " spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.stabilizationWindowSeconds"
        " spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.policies.*.type"
        " spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.policies.*.value"
        " spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.policies.*.periodSeconds"
        " spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds"
        " spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies.*.type"
        " spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies.*.value"
        " spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies.*.periodSeconds"
        " spec.triggers.*.type spec.triggers.*.metricType spec.triggers.*.metadata.query"
        " spec.triggers.*.metadata.targetQueryValue spec.triggers.*.metadata.serverAddress"
        " spec.triggers.*.metadata.threshold spec.triggers.*.metadata.ignoreNullValues"
        " spec.triggers.*.authenticationRef.name"
    ),
}


def leaves(value: Any, at: str = "") -> dict[str, Any]:
    """Each value that has none inside, by its path."""
    if isinstance(value, dict):
        return {path: leaf for key, inner in value.items() for path, leaf in leaves(inner, f"{at}.{key}").items()}
    if isinstance(value, list):
        return {path: leaf for inner in value for path, leaf in leaves(inner, f"{at}.*").items()}
    return {at.lstrip("."): value}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_manifests_are_valid(name: str, version: str) -> None:
    """By the schemas of Kubernetes itself, without a field that they do not know."""
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    known = [one for one in overlay(name) if one["kind"] not in CUSTOM]
    assert len(known) > 10
    for one in known:
        validator.validate(one, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_misspelt_field_is_found(version: str) -> None:
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "api"},
        "spec": {"maxUnavailable": 1, "selecter": {}},
    }
    with pytest.raises(validator.ValidationError):
        validator.validate(budget, version, strict=True)


def test_custom_resources_have_no_unknown_field() -> None:
    custom = [one for one in overlay("keda") if one["kind"] in CUSTOM]
    assert {one["kind"] for one in custom} == set(CUSTOM)
    for one in custom:
        assert one["apiVersion"] == "keda.sh/v1alpha1"
        found = leaves({"spec": one["spec"]})
        assert set(found) == set(CUSTOM[one["kind"]].split())
        # KEDA takes strings there, and refuses numbers.
        assert {type(value) for path, value in found.items() if ".metadata." in path} <= {str}


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_program_is_given_every_setting_its_code_reads(name: str) -> None:
    found = dict(programs(overlay(name)))
    assert set(found) == ({"origin"} if name == "region" else set(PROGRAMS.values()))
    for program, workload in programs(overlay(name)):
        needed = {f"KADR_{one.upper()}" for one in settings_read(program) | {"log_level"}}
        given = set(workload.plain) | set(workload.secret)
        assert needed - given - BY_IMAGE - DEFAULTS == set(), workload.name
        # Of secrets each has what its code reads, and no other.
        assert set(workload.secret) == (needed & SECRETS) | ({BOOTSTRAP} if program == "migrate" else set())
        assert given - {"RELEASE"} <= {f"KADR_{one.upper()}" for one in Settings.model_fields} | {BOOTSTRAP}


@pytest.mark.parametrize("name", OVERLAYS)
def test_settings_load_from_what_each_program_is_given(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for variable in [variable for variable in os.environ if variable.startswith("KADR_")]:
        monkeypatch.delenv(variable)
    for _, workload in programs(overlay(name)):
        with monkeypatch.context() as pod:
            for variable, value in workload.plain.items():
                pod.setenv(variable, value)
            for variable in workload.secret:
                pod.setenv(variable, "k1:" + "ab" * 16)
            settings = Settings.load()
        assert settings.metrics_port == 9464
        assert settings.s3_presign_base.startswith("https://")
        assert settings.origin_base.startswith("https://")


@pytest.mark.parametrize("name", OVERLAYS)
def test_secrets_are_named_and_never_written(name: str) -> None:
    assert named(overlay(name), "Secret") == {}
    settings = named(overlay(name), "ConfigMap")["kadr-release"]["data"]
    assert len(settings) > 50
    assert SECRETS & set(settings) == set()
    told = (ROOT / "docs" / "operations.md").read_text()
    references = {(ref["name"], ref["key"]) for one in workloads(overlay(name)).values() for ref in one.secret.values()}
    assert references
    for secret, key in references:
        assert f"generic {secret} " in told, f"docs/operations.md does not say how to make the Secret {secret}"
        assert f"--from-literal={key}=" in told
    certificates = {tls["secretName"] for one in named(overlay(name), "Ingress").values() for tls in one["spec"]["tls"]}
    assert certificates
    for secret in certificates:
        assert f"secret tls {secret} " in told, f"docs/operations.md does not say how to make the Secret {secret}"


@pytest.mark.parametrize("name", OVERLAYS)
def test_files_with_keys_are_in_the_programs_that_read_them(name: str) -> None:
    """The keys of CDNs and their purges, and NATS's: not where strangers' uploads are decoded."""
    found = {
        one.name
        for one in workloads(overlay(name)).values()
        if "kadr-files" in (volume.get("secret", {}).get("secretName") for volume in one.pod["volumes"])
    }
    read = {
        one.name
        for program, one in programs(overlay(name))
        if settings_read(program) & {"cdns", "nats_credentials"} and one.plain["KADR_FETCH_SLOTS"] != "0"
    }
    assert StepKind.PURGE in SlotClass.FETCH.kinds, "workers read them for a purge"
    assert found == read


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_pod_has_a_right_it_does_not_need(name: str) -> None:
    found = workloads(overlay(name))
    assert found
    for workload in found.values():
        pod = workload.pod
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        if workload.name in PROGRAMS:
            assert (security["runAsUser"], security["runAsGroup"]) == (10001, 10001)
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        for container in workload.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    namespace = named(overlay(name), "Namespace")["kadr"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_pod_may_fill_its_node(name: str) -> None:
    found = workloads(overlay(name))
    assert found
    for workload in found.values():
        for container in workload.containers:
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"])
            assert set(resources["limits"]) == {"memory"}, "a limit of processor time throttles encoders"
        for volume in workload.pod["volumes"]:
            (source,) = set(volume) - {"name"}
            assert source in {"emptyDir", "secret", "configMap"}
            assert source != "emptyDir" or "sizeLimit" in volume["emptyDir"]
        mounted = {one["name"] for container in workload.containers for one in container["volumeMounts"]}
        claimed = workload.object["spec"].get("volumeClaimTemplates", [])
        assert mounted == {one["name"] for one in workload.pod["volumes"]} | {
            one["metadata"]["name"] for one in claimed
        }


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_program_is_probed_at_ports_it_has(name: str) -> None:
    found = [one for one in workloads(overlay(name)).values() if one.object["kind"] == "Deployment"]
    assert found
    for workload in found:
        main = workload.pod["containers"][0]
        ports = {one["name"] for one in main["ports"]}
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = main[kind]["httpGet"]
            assert probe["port"] in ports
            door = workload.name in ("api", "origin")
            expected = ("/health/ready" if kind == "readinessProbe" else "/health/live") if door else "/metrics"
            assert probe["path"] == expected
        drains_s = 2 * Settings(drain_s=float(workload.plain["KADR_DRAIN_S"])).drain_s if door else 0
        waits_s = main.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert (waits_s > 0) is door, "a Service sends requests for a moment after the pod is to end"
        assert workload.pod["terminationGracePeriodSeconds"] >= waits_s + drains_s + 5
        patience_s = main["startupProbe"]["periodSeconds"] * main["startupProbe"]["failureThreshold"]
        assert patience_s >= 60
        (schema,) = workload.pod["initContainers"]
        assert schema["args"] == ["migrate", "--check"]
        assert {one["topologyKey"] for one in workload.pod["topologySpreadConstraints"]} == {
            *("topology.kubernetes.io/zone", "kubernetes.io/hostname"),
        }


@pytest.mark.parametrize("name", OVERLAYS)
def test_images_are_pinned_and_come_from_no_registry_of_ours(name: str) -> None:
    images = {container["image"] for one in workloads(overlay(name)).values() for container in one.containers}
    assert f"kadr:{VERSION}" in images
    compose = (ROOT / "docker-compose.yml").read_text()
    for image in images - {f"kadr:{VERSION}"}:
        assert f"image: {image}\n" in compose, "the compose file has another version"
    assert named(overlay(name), "ConfigMap")["kadr-release"]["data"]["RELEASE"] == VERSION


@pytest.mark.parametrize("name", OVERLAYS)
def test_nodes_can_be_drained(name: str) -> None:
    """Budgets count what may be away: one that counts what has to be there blocks the drain of a single replica."""
    budgets = named(overlay(name), "PodDisruptionBudget")
    assert set(budgets) == ({"origin"} if name == "region" else {"api", "origin"})
    for target, budget in budgets.items():
        assert budget["spec"]["maxUnavailable"] == 1
        assert "minAvailable" not in budget["spec"]
        # Pods that are not ready, as all are while the store is away, are of use to nobody: they may go.
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        chosen = budget["spec"]["selector"]["matchLabels"].items()
        assert [one.name for one in workloads(overlay(name)).values() if chosen <= one.labels.items()] == [target]


def selected(policy: Object, labels: dict[str, str]) -> bool:
    selector = policy["spec"]["podSelector"]
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", ())
    )


def policies_of(name: str, direction: str) -> dict[str, set[str]]:
    """Workload -> the policies that let its pods send, or be sent to, anything."""
    policies = named(overlay(name), "NetworkPolicy")
    return {
        workload: {
            policy
            for policy, one in policies.items()
            if selected(one, found.labels) and one["spec"].get(direction.lower()) and policy != "nothing-else"
        }
        for workload, found in workloads(overlay(name)).items()
    }


STORES = {"names", "database", "redis", "storage"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_program_may_send_to_what_it_needs_only(name: str) -> None:
    deny = named(overlay(name), "NetworkPolicy")["nothing-else"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    expected = {
        "api": STORES,
        "worker": STORES,  # decodes and encodes: no way out
        "fetcher": STORES | {"internet"},
        "origin": STORES | {"internet"},
        "dispatcher": {"names", "database", "internet"},
        "kadr-release": {"names", "database", "storage"},
        **{store: {"names"} for store in ("postgres", "valkey", "storage")},
    }
    found = policies_of(name, "Egress")
    assert found
    assert found == {workload: expected[workload] for workload in found}


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_program_is_reached_by_those_it_serves_only(name: str) -> None:
    expected = {
        "api": {"way-in", "metrics"},
        "origin": {"way-in", "metrics"},
        **{worker: {"metrics"} for worker in ("worker", "fetcher", "dispatcher")},
        "kadr-release": set(),
        **{store: {f"{store}-serves"} for store in ("postgres", "valkey", "storage")},
    }
    found = policies_of(name, "Ingress")
    assert found
    assert found == {workload: expected[workload] for workload in found}
    for policy in named(overlay(name), "NetworkPolicy").values():
        for rule in (*policy["spec"].get("ingress", ()), *policy["spec"].get("egress", ())):
            assert rule["ports"]
            assert rule.get("from") or rule.get("to")


@pytest.mark.parametrize(
    ("address", "may"),
    [
        *((address, True) for address in ("1.1.1.1", "223.255.255.254", "2606:4700:4700::1111")),
        *((address, False) for address in ("10.96.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1")),
        *((address, False) for address in ("169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255")),
        *(
            (address, False)
            for address in ("::1", "fd00::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1")
        ),
        ("2002:a00:1::1", False),  # 10.0.0.1 in an address of 6to4
    ],
)
def test_the_way_to_the_internet_leads_nowhere_else(address: str, may: bool) -> None:
    (rule,) = named(overlay("ha"), "NetworkPolicy")["internet"]["spec"]["egress"]
    reached = [
        block["ipBlock"]["cidr"]
        for block in rule["to"]
        if ip_address(address) in ip_network(block["ipBlock"]["cidr"])
        and not any(ip_address(address) in ip_network(one) for one in block["ipBlock"]["except"])
    ]
    assert bool(reached) is may


def test_workers_and_fetchers_share_all_classes_of_steps() -> None:
    """What needs the internet is the fetcher's, and all else the worker's."""
    counts = {
        name: {slots for slots in SlotClass if workload.plain[f"KADR_{slots.name}_SLOTS"] != "0"}
        for name, workload in workloads(overlay("ha")).items()
        if PROGRAMS[name] == "worker"
    }
    assert counts == {"fetcher": {SlotClass.FETCH}, "worker": set(SlotClass) - {SlotClass.FETCH}}


def test_autoscalers_alone_count_what_they_scale() -> None:
    objects = overlay("keda")
    targets = {
        one["spec"]["scaleTargetRef"]["name"]: one
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for one in named(objects, kind).values()
    }
    assert set(targets) == {"api", "origin", "worker"}
    deployments = named(objects, "Deployment")
    assert {name for name, one in deployments.items() if "replicas" not in one["spec"]} == set(targets)
    scaled = targets["worker"]["spec"]
    (waiting,) = [one["metadata"]["query"] for one in scaled["triggers"] if one["type"] == "prometheus"]
    (left_out,) = re.findall(r'kind!~"([a-z_|]+)"', waiting)
    assert set(left_out.split("|")) == {kind.value for kind in TRAITS if TRAITS[kind].slots.waits_for_network}
    assert {one["metricType"] for one in scaled["triggers"]} == {"AverageValue"}, "a fallback needs it"
    assert scaled["fallback"]["replicas"] >= scaled["minReplicaCount"] >= 1


def test_a_release_needs_no_room_for_a_second_worker_on_a_small_cluster() -> None:
    """It would wait for that room for ever, and the worker before it is of the release before."""
    found = workloads(overlay("single"))["worker"].object["spec"]
    assert found["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}


def test_a_migration_is_tried_for_hours() -> None:
    """A Job that has given up stays as it is: to apply it again changes nothing, and every pod waits for it."""
    spec = workloads(overlay("ha"))["kadr-release"].object["spec"]
    pauses_s = [min(10 * 2**tried, 300) for tried in range(spec["backoffLimit"])]  # as kubelet restarts containers
    assert sum(pauses_s) > 6 * 3600


@pytest.mark.parametrize("name", ["ha", "keda"])
def test_operators_know_how_many_connections_all_replicas_take(name: str) -> None:
    objects = overlay(name)
    most = {
        one["spec"]["scaleTargetRef"]["name"]: one["spec"].get("maxReplicas") or one["spec"]["maxReplicaCount"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for one in named(objects, kind).values()
    }
    replicas = {target: one["spec"].get("replicas") for target, one in named(objects, "Deployment").items()} | most
    connections = sum(replicas.values()) * Settings.model_fields["database_pool"].default
    assert f"{connections} in `{name}`" in (ROOT / "docs" / "operations.md").read_text()


def own(tmp_path: Path, name: str, text: str) -> tuple[Object, ...]:
    """An overlay of an operator's own, on top of `ha`."""
    folder = tmp_path / name
    folder.mkdir()
    up = os.path.relpath(K8S, folder.resolve())
    (folder / "kustomization.yaml").write_text(f"resources: [{up}/overlays/ha]\n{text.format(up=up)}")
    return rendered(folder)


RELEASE = """images: [{{name: kadr, newName: images.example.org/kadr, newTag: 9.9.9}}]
configMapGenerator: [{{name: kadr-release, namespace: kadr, behavior: merge, literals: [RELEASE=9.9.9]}}]
"""
SETTING = (
    "configMapGenerator: [{{name: kadr-release, namespace: kadr, behavior: merge, literals: [KADR_LEASE_S=60]}}]\n"
)
CAPTIONS = "components: ['{up}/components/captions']\n"


def test_each_release_and_each_set_of_settings_has_a_job_of_its_own(tmp_path: Path) -> None:
    jobs = {
        next(one["metadata"]["name"] for one in objects if one["kind"] == "Job")
        for objects in (overlay("ha"), own(tmp_path, "a", RELEASE), own(tmp_path, "b", SETTING))
    }
    assert len(jobs) == 3
    assert all(re.fullmatch(r"kadr-release-[a-z0-9]{10}", name) for name in jobs)
    # Everything of Kadr takes the image, and is started anew.
    images = {one["image"] for found in workloads(rendered(tmp_path / "a")).values() for one in found.containers}
    assert images == {"images.example.org/kadr:9.9.9"}


def test_captions_bring_a_model_that_workers_only_read(tmp_path: Path) -> None:
    objects = own(tmp_path, "captions", CAPTIONS)
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for one in objects:
        validator.validate(one, VERSIONS[-1], strict=True)
    found = workloads(objects)
    (models,) = [one for one in found["worker"].pod["volumes"] if one["name"] == "models"]
    assert models == {"name": "models", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}}
    assert found["api"].plain["KADR_WHISPER_MODEL"] == found["worker"].plain["KADR_WHISPER_MODEL"] == "base"
    # Whatever the overlay says of namespaces: a volume in another one is not there for workers.
    assert {one["metadata"].get("namespace") for one in objects if one["kind"] != "Namespace"} == {"kadr"}
    fetching = found["fetch-model-base"]
    # Its name is the same in each release: one that stayed could not be given the new image.
    assert fetching.object["spec"]["ttlSecondsAfterFinished"] <= 600
    assert fetching.pod["containers"][0]["args"] == ["models", "fetch", "base"]
    assert fetching.labels["kadr-internet"] == "true"


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_way_in_waits_longer_than_a_long_poll(name: str) -> None:
    """By itself it gives up after a minute, which is what a request may wait for an event."""
    annotations = named(overlay(name), "Ingress")["kadr"]["metadata"]["annotations"]
    assert float(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]) >= LONGEST_WAIT_S + 15


def test_no_registry_is_named() -> None:
    texts = {path.relative_to(ROOT): path.read_text() for path in K8S.rglob("*") if path.is_file()}
    assert len(texts) > 20
    host = re.compile(r"image: *\S*\.\S*/|docker\.io|ghcr\.io|quay\.io|gcr\.io|public\.ecr")
    assert [str(path) for path, text in texts.items() if host.search(text)] == []
