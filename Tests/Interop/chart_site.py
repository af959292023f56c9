"""A `levee dev` to install the chart into, and the operator as the chart's Deployment starts it."""

import contextlib
import json
import pathlib
import signal
import socket
import subprocess
import urllib.request

import pytest
import yaml
from devcluster.control_plane import eventually
from helm import HelmError, NoHelm, Site, objects
from kubernetes_validate import validate
from rbac_proxy import Proxy, Roles

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/levee"
# The oldest Kubernetes that the chart is for, and the newest that there are schemas of.
KUBERNETES = ("1.27", "1.37")


@pytest.fixture(scope="module")
def helm_site(levee, tmp_path_factory):
    site = Site(levee.binary, tmp_path_factory.mktemp("chart"))
    yield site
    site.plane.stop()


@pytest.fixture
def site(helm_site):
    try:
        helm_site.helm("default")
    except NoHelm as reason:
        pytest.skip(str(reason))
    return helm_site


class Release:
    def __init__(self, helm, namespace, answer):
        self.helm = helm
        self.namespace = namespace
        self.objects = objects(answer["manifest"])
        self.templates = answer["chart"]["templates"]

    def tests(self):
        """The pods of `helm test`, which the manifest leaves out."""
        status = self.helm.status("levee")
        return [yaml.safe_load(hook["manifest"]) for hook in status.get("hooks") or []]


@contextlib.contextmanager
def install(site, values, namespace="levee-system", **options):
    """A release named levee, gone afterwards. It takes over the definitions that one of another namespace has left."""
    site.namespaces(namespace, "team-a", "argocd", "monitoring", *values.get("watchNamespaces", []))
    helm = site.helm(namespace)
    try:
        yield Release(helm, namespace, helm.install("levee", CHART, values, **{"take_ownership": True, **options}))
    finally:
        with contextlib.suppress(HelmError):
            helm.uninstall("levee")


_checked = set()


def check(document):
    """Holds an object to Kubernetes' own schemas; each one once, definitions are large."""
    text = json.dumps(document, sort_keys=True)
    if document["apiVersion"].startswith("monitoring.coreos.com") or text in _checked:
        return
    for version in KUBERNETES:
        validate(document, version, strict=True)
    _checked.add(text)


def by_kind(found, kind):
    return [each for each in found if each["kind"] == kind]


def the(found, kind):
    [one] = by_kind(found, kind)
    return one


def deployment(found):
    return the(found, "Deployment")


def account(found):
    metadata = the(found, "ServiceAccount")["metadata"]
    return metadata["namespace"], metadata["name"]


def pod_specs(found):
    return [each["spec"]["template"]["spec"] for each in by_kind(found, "Deployment")] + [each["spec"] for each in by_kind(found, "Pod")]


def restricted(spec):
    """The restricted Pod Security Standard, as far as these pods touch it."""
    pod = spec["securityContext"]
    assert pod["runAsNonRoot"] is True and pod["runAsUser"] != 0 and pod["seccompProfile"]["type"] == "RuntimeDefault"
    assert not any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))
    assert all(set(volume) & {"configMap", "secret", "emptyDir", "projected", "downwardAPI", "csi", "persistentVolumeClaim"} for volume in spec.get("volumes", []))
    for container in spec["containers"] + spec.get("initContainers", []):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False and own["capabilities"] == {"drop": ["ALL"]} and not own.get("privileged")
        assert not any("hostPort" in port for port in container.get("ports", []))


def free_ports(count):
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in listeners:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in listeners]


def values_of(scope, team):
    metrics, health = free_ports(2)
    values = {
        "metrics": {"port": metrics}, "health": {"port": health}, "worker": {"image": "levee"}, "extraArgs": ["--allow-host-filesystem"],
        "log": {"format": "text"}, "kubeAPI": {"qps": 50, "burst": 1}, "fullnameOverride": "levee", "tests": {"timeout": "20s"},
    }
    if scope == "namespaced":
        values |= {"watchNamespaces": ["localhost", team]}
    return values


class OperatorOfChart:
    """The Deployment's container as a process, with the rights of its service account."""

    def __init__(self, levee, site, release, directory):
        namespace, name = account(release.objects)
        self.roles = Roles(release.objects, namespace, name)
        self.proxy = Proxy(site.plane.kubeconfig, self.roles, directory)
        [container] = deployment(release.objects)["spec"]["template"]["spec"]["containers"]
        arguments = [each.replace("$(POD_NAMESPACE)", namespace) for each in container["args"]]
        self.ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        self.command = [levee.binary, *arguments, "--kubeconfig", str(self.proxy.kubeconfig)]
        self.log = directory / "operator.log"

    def __enter__(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.command, stderr=log)
        eventually(lambda: self.is_ready() or self.has_ended(), 30)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.proxy.stop()
        assert code == 0, self.log.read_text()

    def has_ended(self):
        assert self.process.poll() is None, self.log.read_text()

    def is_ready(self):
        try:
            return self.page("/readyz", "health") == "ok\n"
        except OSError:
            return False

    def page(self, path, port="metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[port]}{path}", timeout=10) as answer:
            return answer.read().decode()

    def has_asked(self, *right):
        return right in self.proxy.used
