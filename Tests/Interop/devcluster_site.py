"""`levee dev` and every kubectl of this machine, each test in a namespace of its own: what the tests of the control plane start from."""

import pathlib

import pytest
from devcluster.control_plane import ControlPlane, Kubectl, kubectls

HERE = pathlib.Path(__file__).parent
CRD = HERE / "devcluster" / "widgets.crd.yaml"


@pytest.fixture(scope="module")
def cluster(levee, tmp_path_factory):
    plane = ControlPlane(levee.binary, tmp_path_factory.mktemp("dev") / "data").start()
    yield plane
    plane.stop()


_namespaces = iter(range(1, 10_000))


@pytest.fixture(params=kubectls())
def kubectl(request, cluster):
    """A kubectl in a namespace of its own, the test's custom resource installed."""
    name = f"test-{next(_namespaces)}"
    client = Kubectl(request.param, cluster, name)
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    client("apply", "-f", CRD)
    return client


def widget(name="a", **spec):
    return {"apiVersion": "test.levee.dev/v1", "kind": "Widget", "metadata": {"name": name, "labels": {"app": "x"}}, "spec": {"owner": "bob", **spec}}


def job(name, script, **spec):
    pod = {"restartPolicy": spec.pop("restartPolicy", "Never"), "containers": [{"name": "main", "image": "busybox", "command": ["sh", "-c", script]}]}
    pod.update(spec.pop("pod", {}))
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": {"spec": pod}, **spec}}
