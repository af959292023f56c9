"""An operator at work on a namespace of its own, with a directory for its tables: what the end-to-end tests start from."""

import os

import pytest
from deltalake import DeltaTable
from devcluster.control_plane import ControlPlane, Kubectl, eventually, kubectls
from operator_process import OperatorProcess, profile

FINISHED = ("Succeeded", "Failed", "Cancelled")


@pytest.fixture(scope="module")
def cluster(levee, tmp_path_factory):
    plane = ControlPlane(levee.binary, tmp_path_factory.mktemp("e2e") / "data").start()
    yield plane
    plane.stop()


_numbers = iter(range(1, 10_000))


class Site:
    """A namespace with a directory for its tables, and an operator of its own."""

    def __init__(self, levee, cluster, directory):
        self.name = f"e2e-{os.getpid()}-{next(_numbers):03}"
        self.lake = directory / self.name / "lake"
        self.lake.mkdir(parents=True)
        self.kubectl = Kubectl(kubectls()[0], cluster, self.name)
        self.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}})
        self.operator = OperatorProcess(levee.binary, cluster, self.name, directory / f"{self.name}.log")
        self.apply(profile(self.lake))

    def apply(self, *objects):
        self.kubectl.apply({"apiVersion": "v1", "kind": "List", "items": list(objects)})

    def get(self, kind, name):
        return self.kubectl.json("get", kind, name)

    def operations(self):
        return self.kubectl.json("get", "tableoperations")["items"]

    def status(self, kind, name):
        return self.get(kind, name).get("status", {})

    def condition(self, kind, name, type="Ready"):
        found = [each for each in self.status(kind, name).get("conditions", []) if each["type"] == type]
        return found[0] if found else {"status": None, "reason": None, "message": ""}

    def until_reason(self, kind, name, reason, type="Ready"):
        eventually(lambda: self.condition(kind, name, type)["reason"] == reason, timeout=90)
        return self.condition(kind, name, type)

    def until_finished(self, name, timeout=90):
        eventually(lambda: self.status("tableoperation", name).get("phase") in FINISHED, timeout)
        return self.get("tableoperation", name)

    def events(self):
        return {(each["involvedObject"]["name"], each["reason"]) for each in self.kubectl.json("get", "events")["items"]}


@pytest.fixture
def site(levee, cluster, tmp_path):
    site = Site(levee, cluster, tmp_path)
    yield site
    if site.operator.process:
        site.operator.kill()


def optimizes(path):
    return [commit for commit in DeltaTable(path).history() if commit["operation"] == "OPTIMIZE"]


def everything(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}
