"""`levee apply` and `levee operations`: what a machine without kubectl has."""

import json
import pathlib
import re
import shutil

import pytest
import yaml
from devcluster.control_plane import ControlPlane, Kubectl, kubectls
from operator_process import delta_table, operation, profile
from samples import small_files

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def plane(levee, tmp_path_factory):
    plane = ControlPlane(levee.binary, tmp_path_factory.mktemp("apply") / "data")
    plane.options = []
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
def in_cluster(plane):
    return ("--kubeconfig", plane.kubeconfig)


def manifest(path, *objects):
    path.write_text("---\n".join(yaml.safe_dump(each) for each in objects))
    return path


def test_the_quickstart_without_kubectl(levee, plane, in_cluster, tmp_path):
    lake = tmp_path / "lake"
    small_files(lake / "orders", files=110, rows=3)
    examples = shutil.copytree(ROOT / "examples" / "quickstart", tmp_path / "quickstart")
    for path in examples.glob("*.yaml"):
        path.write_text(path.read_text().replace("/tmp/levee-quickstart", str(lake)))
    applied = levee.run("apply", "-f", examples, *in_cluster)
    assert applied.returncode == 0, applied.stderr
    assert set(applied.stdout.splitlines()) == {f"{each} applied" for each in ("storageprofile.levee.dev/lake", "deltatable.levee.dev/orders", "maintenancepolicy.levee.dev/bronze")}
    followed = levee.run("operations", "--follow", "--expect", "1", "--timeout", "60s", *in_cluster)
    assert followed.returncode == 0, followed.stderr
    assert re.search(r"^orders-optimize-1\S* Succeeded 110/110 files$", followed.stderr, re.M), followed.stderr
    assert "110/110 files" in followed.stdout
    (run,) = levee("operations", *in_cluster)
    assert run["status"]["result"]["metrics"]["numFilesRemoved"] == 110


def test_what_is_no_longer_in_the_file_is_removed(levee, in_cluster, tmp_path):
    file = tmp_path / "table.yaml"
    table = delta_table("unread", tmp_path / "unread", labels={"a": "1", "b": "2"})
    levee("apply", "-f", manifest(file, table), *in_cluster)
    del table["metadata"]["labels"]["b"]
    (applied,) = levee("apply", "-f", manifest(file, table), *in_cluster)
    assert applied["metadata"]["labels"] == {"a": "1"}


def test_a_dry_run_keeps_nothing(levee, in_cluster, tmp_path):
    file = manifest(tmp_path / "run.yaml", operation("dry"))
    assert "(server dry run)" in levee.run("apply", "--dry-run", "-f", file, *in_cluster).stdout
    assert "dry" not in [each["metadata"]["name"] for each in levee("operations", *in_cluster)]


def test_what_the_server_refuses_is_named_and_the_rest_is_applied(levee, in_cluster, tmp_path):
    broken = delta_table("broken", tmp_path / "broken")
    broken["spec"]["management"] = "Sometimes"
    file = manifest(tmp_path / "both.yaml", broken, profile(tmp_path, "fine"))
    done = levee.run("apply", "-f", file, *in_cluster)
    assert done.returncode == 1
    assert "broken" in done.stderr and "management" in done.stderr and "1 of 2 objects were not applied" in done.stderr
    assert "storageprofile.levee.dev/fine applied" in done.stdout


@pytest.mark.parametrize(
    "text, words",
    [
        ("a: [1\n", "line"),
        ("just text\n", "object"),
        ("kind: DeltaTable\nmetadata: {name: x}\n", "apiVersion"),
        ("apiVersion: levee.dev/v1alpha1\nkind: Unheard\nmetadata: {name: x}\n", "Unheard"),
    ],
)
def test_files_that_are_no_objects(levee, in_cluster, tmp_path, text, words):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    done = levee.run("apply", "-f", file, *in_cluster)
    assert done.returncode in (1, 2) and "bad.yaml" in done.stderr and words in done.stderr, done.stderr


def test_a_file_or_a_server_that_is_not_there(levee, plane, in_cluster, tmp_path):
    assert "nowhere.yaml" in levee.run("apply", "-f", tmp_path / "nowhere.yaml", *in_cluster).stderr
    configuration = yaml.safe_load(plane.kubeconfig.read_text())
    configuration["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(configuration))
    done = levee.run("apply", "-f", manifest(tmp_path / "run.yaml", operation("run")), "--kubeconfig", config)
    assert done.returncode == 3 and "127.0.0.1:1" in done.stderr, done.stderr


def test_a_program_gives_the_credentials(levee, plane, tmp_path):
    """One kubeconfig for kubectl and for Levee: the program's first token is refused, its second is taken."""
    kubectl = Kubectl(kubectls()[-1], plane, "default")
    version = "client.authentication.k8s.io/v1beta1"
    config = yaml.safe_load(plane.kubeconfig.read_text())
    token = config["users"][0]["user"]["token"]
    config["users"][0]["user"] = {"exec": {"apiVersion": version, "command": "./bin/give", "env": [{"name": "TOKEN", "value": token}]}}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    plugin = tmp_path / "bin" / "give"
    plugin.parent.mkdir()
    plugin.write_text(
        """#!/bin/sh
        echo x >> "$0.asked"
        [ $(wc -l < "$0.asked") -gt 1 ] && token="$TOKEN" || token=stale
        printf '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"%s"}}' "$token"
        """
    )
    plugin.chmod(0o755)
    asked = pathlib.Path(f"{plugin}.asked")
    theirs = kubectl("--kubeconfig", kubeconfig, "get", "namespaces", "-o", "name")
    assert "namespace/default" in theirs and len(asked.read_text().splitlines()) == 2
    asked.unlink()
    for name in ("one", "two"):
        file = manifest(tmp_path / f"{name}.yaml", delta_table(name, tmp_path / name))
        levee("apply", "-f", file, "--kubeconfig", kubeconfig)
    assert len(asked.read_text().splitlines()) == 3
    plugin.write_text("#!/bin/sh\nexit 7\n")
    assert "ended with code 7" in levee.fails(1, "apply", "-f", file, "--kubeconfig", kubeconfig)
