"""What kustomize makes of deploy/k8s: the objects of an overlay, and of each pod in it what it is given."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks import ROOT

K8S = ROOT / "deploy" / "k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())
Object = dict[str, Any]
# Deployments, and the commands of Kadr that they run.
PROGRAMS = {
    "api": "api",
    "origin": "origin",
    "worker": "worker",
    "fetcher": "worker",
    "dispatcher": "dispatcher",
    "kadr-release": "migrate",
}


@cache
def rendered(folder: Path) -> tuple[Object, ...]:
    """The objects of a kustomization. Skips the test where there is no kubectl."""
    kubectl = shutil.which("kubectl", path=Path(sys.executable).parent) or shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed (make test-setup does)")
    made = subprocess.run((kubectl, "kustomize", str(folder)), capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    return tuple(yaml.safe_load_all(made.stdout))


def overlay(name: str) -> tuple[Object, ...]:
    return rendered(K8S / "overlays" / name)


def named(objects: tuple[Object, ...], kind: str) -> dict[str, Object]:
    """The objects of this kind by name; that of what has a hash in it without the hash."""
    return {_plain(one["metadata"]["name"]): one for one in objects if one["kind"] == kind}


def _plain(name: str) -> str:
    return "kadr-release" if name.startswith("kadr-release-") else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment, StatefulSet or Job, and its pods."""

    name: str
    object: Object
    objects: tuple[Object, ...]

    @property
    def pod(self) -> Object:
        pod: Object = self.object["spec"]["template"]["spec"]
        return pod

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.object["spec"]["template"]["metadata"]["labels"]
        return labels

    @property
    def containers(self) -> list[Object]:
        """The main one first, then those that run before it."""
        return [*self.pod["containers"], *self.pod.get("initContainers", [])]

    @property
    def plain(self) -> dict[str, str]:
        """The variables of the main container that are no secrets, as it sees them: its own go before a ConfigMap's."""
        main = self.pod["containers"][0]
        maps = named(self.objects, "ConfigMap")
        values: dict[str, str] = {}
        for source in main.get("envFrom", []):
            values |= maps[_plain(source["configMapRef"]["name"])]["data"]
        return values | {one["name"]: one["value"] for one in main.get("env", []) if "value" in one}

    @property
    def secret(self) -> dict[str, Object]:
        """The variables of the main container that come from Secrets, each with the reference."""
        env = self.pod["containers"][0].get("env", [])
        return {one["name"]: one["valueFrom"]["secretKeyRef"] for one in env if "valueFrom" in one}


def workloads(objects: tuple[Object, ...]) -> dict[str, Workload]:
    return {
        name: Workload(name=name, object=one, objects=objects)
        for kind in ("Deployment", "StatefulSet", "Job")
        for name, one in named(objects, kind).items()
    }


def programs(objects: tuple[Object, ...]) -> Iterator[tuple[str, Workload]]:
    """The command and the workload of each program of Kadr."""
    for name, workload in workloads(objects).items():
        if name in PROGRAMS:
            yield PROGRAMS[name], workload
