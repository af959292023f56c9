"""The real Helm, from the shared library that PyPI's helm-sdkpy carries. Its Python side wants a newer Python than Debian has; ctypes does not."""

import contextlib
import ctypes
import glob
import json
import os
import pathlib
import tempfile

import yaml
from devcluster.control_plane import ControlPlane, Kubectl, kubectls

ROOT = pathlib.Path(__file__).resolve().parents[2]


def library_path():
    """Where scripts/install-dependencies has unpacked it (or LEVEE_HELM_LIBRARY says); None where it could not be had."""
    given = os.environ.get("LEVEE_HELM_LIBRARY")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "none")
    found = [given] if given else glob.glob(str(ROOT / f".venv/helm/helm_sdkpy/_lib/linux-{machine}/*.so"))
    return found[0] if found else None


class HelmError(Exception):
    pass


class NoHelm(Exception):
    """helm-sdkpy could not be had."""


class Helm:
    """One release's client: a namespace of one cluster."""

    _library = None

    def __init__(self, kubeconfig, namespace):
        self.namespace = namespace
        self.library = self._load()
        self.handle = ctypes.c_ulonglong()
        self._check(
            self.library.helm_sdkpy_config_create(self._text(namespace), self._text(kubeconfig), None, self._text("{}"), ctypes.byref(self.handle)))

    @classmethod
    def _load(cls):
        if Helm._library is None:
            path = library_path()
            if path is None:
                raise NoHelm("there is no Helm: helm-sdkpy could not be had from PyPI (scripts/install-dependencies --python)")
            library = ctypes.CDLL(path)
            library.helm_sdkpy_last_error.restype = ctypes.c_char_p
            library.helm_sdkpy_free.argtypes = [ctypes.c_void_p]
            Helm._library = library
        return Helm._library

    @staticmethod
    def _text(value):
        return None if value is None else str(value).encode()

    def _check(self, code):
        if code:
            raise HelmError(self.library.helm_sdkpy_last_error().decode())

    def _call(self, name, *arguments):
        answer = ctypes.c_void_p()
        self._check(getattr(self.library, f"helm_sdkpy_{name}")(self.handle, *arguments, ctypes.byref(answer)))
        text = ctypes.string_at(answer).decode() if answer else "null"
        self.library.helm_sdkpy_free(answer)
        return json.loads(text)

    def lint(self, chart):
        return self._call("lint", self._text(chart))

    def install(self, release, chart, values=None, **options):
        return self._change("install", release, chart, values, options)

    def upgrade(self, release, chart, values=None, **options):
        return self._change("upgrade", release, chart, values, options)

    def _change(self, how, release, chart, values, options):
        """Applies on the server's side. Does not wait: no Deployment's pods start on `levee dev`."""
        options = {"wait": False, "server_side_apply": "true", **options}
        return self._call(how, self._text(release), self._text(chart), self._text(json.dumps(values or {})), None, self._text(json.dumps(options)))

    def uninstall(self, release):
        return self._call("uninstall", self._text(release), ctypes.c_int(0), ctypes.c_int(60))

    def status(self, release):
        return self._call("status", self._text(release))

    def test(self, release):
        return self._call("test", self._text(release))

    def package(self, chart, directory):
        answer = ctypes.c_void_p()
        self._check(self.library.helm_sdkpy_package(self.handle, self._text(chart), self._text(directory), ctypes.byref(answer)))
        text = ctypes.string_at(answer).decode()
        self.library.helm_sdkpy_free(answer)
        return text


def monitoring_kinds():
    """Definitions of the Prometheus operator's kinds that take anything."""
    found = []
    for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule"):
        plural = f"{kind.lower()}s"
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        found.append({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.monitoring.coreos.com"},
            "spec": {
                "group": "monitoring.coreos.com", "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
            },
        })
    return found


def definitions(kubectl):
    return [each for each in kubectl.json("get", "customresourcedefinitions")["items"] if each["spec"]["group"] == "levee.dev"]


class Site:
    """A `levee dev` that knows the Prometheus operator's kinds, and has no definitions of Levee's own."""

    def __init__(self, binary, directory):
        self.plane = ControlPlane(binary, pathlib.Path(directory) / "data").start()
        self.kubectl = Kubectl(kubectls()[0], self.plane, "default")
        self.known = set()
        self.kubectl.apply({"apiVersion": "v1", "kind": "List", "items": monitoring_kinds()})
        for each in definitions(self.kubectl):
            self.kubectl("delete", "customresourcedefinition", each["metadata"]["name"])

    def namespaces(self, *names):
        items = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names if name not in self.known]
        if items:
            self.kubectl.apply({"apiVersion": "v1", "kind": "List", "items": items})
        self.known.update(names)

    def helm(self, namespace):
        return Helm(self.plane.kubeconfig, namespace)

    def render(self, chart, values, release="levee", namespace="levee-system"):
        """What Helm makes of the chart: it has no call that only renders, so it installs, and uninstalls again."""
        self.namespaces(namespace, *values.get("watchNamespaces", []))
        helm = self.helm(namespace)
        try:
            manifest = helm.install(release, chart, values)["manifest"]
        finally:
            with contextlib.suppress(HelmError):
                helm.uninstall(release)
        return objects(manifest)


def objects(manifest):
    # The definitions are long: libyaml reads them in a tenth of the time.
    return [each for each in yaml.load_all(manifest, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if each]


@contextlib.contextmanager
def rendering(binary):
    with tempfile.TemporaryDirectory(prefix="levee-chart-") as directory:
        site = Site(binary, directory)
        try:
            yield site.render
        finally:
            site.plane.stop()
