"""The image, without a container engine: what is in its root file system, and whether the program works below it as in a pod."""

import functools
import gzip
import hashlib
import http.server
import io
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import stat
import subprocess
import tarfile
import threading
import urllib.error
import urllib.request

import pytest
from container import Container, missing
from deltalake import DeltaTable
from devcluster.control_plane import ControlPlane, Kubectl, eventually, kubectls
from operator_process import delta_table, policy, profile
from samples import small_files

ROOT = pathlib.Path(__file__).resolve().parents[2]
EPOCH = 1770000000
SIZE_LIMIT = 64_000_000
PULL_LIMIT = 26_000_000
SHELLS = {"sh", "bash", "dash", "ash", "zsh", "busybox", "env", "perl", "python3"}


def assemble(levee, *options):
    command = [ROOT / "scripts/rootfs", "--strip", *options, levee.binary]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)})


@pytest.fixture(scope="module")
def image(levee, tmp_path_factory):
    """A directory with the root file system and the archive."""
    needed = subprocess.run(["readelf", "-d", levee.binary], capture_output=True, text=True).stdout
    if "libswiftCore" in needed:
        pytest.skip("the binary is not linked with the static Swift library, as `make build` links it")
    if not shutil.which("dpkg-query"):
        pytest.skip("the image is made of Debian's packages, and this machine has none")
    directory = tmp_path_factory.mktemp("image")
    done = assemble(levee, "--output", directory / "root", "--oci", directory / "levee.tar", "--sbom", directory / "sbom.json")
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return directory


@pytest.fixture(scope="module")
def root(image):
    return image / "root"


@pytest.fixture
def container(root, tmp_path):
    why = missing()
    if why:
        pytest.skip(f"the image was not started: {why}")
    return Container(root, tmp_path)


def files(root):
    return [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]


def tree(root):
    """All that can be told of a root file system: names, kinds, modes, times and contents."""
    entries = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        entries[str(path.relative_to(root))] = (stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), int(status.st_mtime), content)
    return entries


def libraries(root):
    return [path for path in files(root) if path.read_bytes()[:4] == b"\x7fELF"]


# What is in it


def test_it_holds_the_program_and_nothing_that_could_be_misused(root):
    for path in [root, *root.rglob("*")]:
        mode = path.lstat().st_mode
        name = f"/{path.relative_to(root)}"
        assert not mode & (stat.S_ISUID | stat.S_ISGID), f"{name} lends its owner's rights"
        if not path.is_symlink() and name != "/tmp":
            assert not mode & 0o022, f"{name} can be written to by others"
        assert path.name not in SHELLS, name
    programs = [path for path in files(root) if path.stat().st_mode & 0o111]
    assert [path.name for path in programs] == ["levee", *[path.name for path in programs if path.name.startswith("ld-linux")]]
    assert "65532" in (root / "etc/passwd").read_text()
    for link in (path for path in root.rglob("*") if path.is_symlink()):
        assert link.resolve().is_relative_to(root.resolve()) and link.exists(), f"{link} leads nowhere"


def test_every_library_that_is_needed_is_inside(root):
    names = {path.name for path in root.rglob("usr/lib*/**/*")}
    for path in libraries(root):
        text = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True, check=True).stdout
        needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", text))
        assert needed <= names, f"{path.name} needs {needed - names}"


def test_it_is_small(image, root):
    size = sum(path.stat().st_size for path in files(root))
    with tarfile.open(image / "levee.tar") as archive:
        pulled = max(entry.size for entry in archive.getmembers())
    print(f"root file system {size / 1e6:.1f} MB, to pull {pulled / 1e6:.1f} MB")
    assert size < SIZE_LIMIT and pulled < PULL_LIMIT


def test_it_is_the_same_each_time(levee, image, root, tmp_path):
    done = assemble(levee, "--output", tmp_path / "root", "--sbom", tmp_path / "sbom.json")
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "root") == tree(root)
    assert (tmp_path / "sbom.json").read_bytes() == (image / "sbom.json").read_bytes()
    assert {entry[2] for entry in tree(root).values()} == {EPOCH}


def test_the_bill_of_materials_names_every_file_with_what_it_is_from(image, root):
    bill = json.loads((image / "sbom.json").read_text())
    assert bill["spdxVersion"] == "SPDX-2.3" and (root / "usr/share/doc/levee/sbom.spdx.json").read_bytes() == (image / "sbom.json").read_bytes()
    packages = {package["SPDXID"]: package for package in bill["packages"]}
    of_file = {each["relatedSpdxElement"]: packages[each["spdxElementId"]] for each in bill["relationships"] if each["relationshipType"] == "CONTAINS"}
    listed = {}
    for file in bill["files"]:
        sums = {each["algorithm"]: each["checksumValue"] for each in file["checksums"]}
        content = (root / file["fileName"]).read_bytes()
        assert sums["SHA256"] == hashlib.sha256(content).hexdigest() and sums["SHA1"] == hashlib.sha1(content).hexdigest(), file["fileName"]
        listed[file["fileName"].removeprefix("./")] = of_file[file["SPDXID"]]
    assert set(listed) == {str(path.relative_to(root)) for path in files(root)} - {"usr/share/doc/levee/sbom.spdx.json"}
    for path in libraries(root):
        package = listed[str(path.relative_to(root))]
        if path.name == "levee":
            assert package["name"] == "levee"
            continue
        asked = ["dpkg-query", "--show", "--showformat", "${Version}\n", package["name"]]
        installed = subprocess.run(asked, capture_output=True, text=True).stdout.split()
        assert package["versionInfo"] in installed and package["externalRefs"][0]["referenceLocator"].startswith("pkg:deb/debian/"), path
        assert (root / "usr/share/doc" / package["name"] / "copyright").stat().st_size > 100, f"no licence of {package['name']}"
        assert f"Version: {package['versionInfo']}" in (root / "var/lib/dpkg/status.d" / package["name"]).read_text()
    assert any(package["name"] == "swift-runtime" and re.match(r"6\.", package["versionInfo"]) for package in packages.values())


# As an image


def test_the_archive_is_an_image_that_says_how_it_starts(image, root):
    with tarfile.open(image / "levee.tar") as archive:
        content = {entry.name: archive.extractfile(entry).read() for entry in archive.getmembers()}
    for name, data in content.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"

    def blob(descriptor):
        data = content["blobs/" + descriptor["digest"].replace(":", "/")]
        assert len(data) == descriptor["size"]
        return data

    assert json.loads(content["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (descriptor,) = json.loads(content["index.json"])["manifests"]
    manifest = json.loads(blob(descriptor))
    configuration = json.loads(blob(manifest["config"]))
    assert descriptor["platform"] == {"architecture": configuration["architecture"], "os": "linux"}
    (layer,) = manifest["layers"]
    tar = gzip.decompress(blob(layer))
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(tar).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        members = {entry.name: entry for entry in archive.getmembers()}
    assert set(members) == {str(path.relative_to(root)) for path in root.rglob("*")}
    assert {(entry.uid, entry.gid, entry.mtime) for entry in members.values()} == {(0, 0, EPOCH)}
    (docker,) = json.loads(content["manifest.json"])
    assert all(name in content for name in [docker["Config"], *docker["Layers"]])

    # What the Dockerfile says is the same.
    final = (ROOT / "Dockerfile").read_text().split("\nFROM ")[-1]
    said = dict(re.findall(r"^(ENV|WORKDIR|USER|STOPSIGNAL|ENTRYPOINT) (.+)$", final, re.MULTILINE))
    config = configuration["config"]
    assert final.startswith("scratch") and said["USER"] == config["User"] and json.loads(said["ENTRYPOINT"]) == config["Entrypoint"]
    assert [said["ENV"]] == config["Env"] and said["WORKDIR"] == config["WorkingDir"] and said["STOPSIGNAL"] == config["StopSignal"]
    labels = set(re.findall(r"(org\.opencontainers\.image\.\w+)=", final))
    assert set(config["Labels"]) <= labels


def test_skopeo_takes_the_archive(image):
    if not shutil.which("skopeo"):
        pytest.skip("there is no skopeo on this machine")
    for transport in ("oci-archive", "docker-archive"):
        done = subprocess.run(["skopeo", "inspect", f"{transport}:{image / 'levee.tar'}"], capture_output=True, text=True)
        assert done.returncode == 0 and json.loads(done.stdout)["Env"] == ["PATH=/usr/bin"], done.stderr


# At work, below a root that it cannot write to


def test_the_program_starts_with_the_libraries_inside(container):
    done = container.run("version")
    assert done.returncode == 0 and done.stdout.startswith("levee "), done.stderr
    # The loader itself says what it took, and from where.
    loader = "/" + next(path for path in container.root.glob("usr/lib*/*/ld-linux*")).relative_to(container.root).as_posix()
    taken = container.run("--list", "/usr/bin/levee", program=loader)
    assert taken.returncode == 0 and "not found" not in taken.stdout, taken.stdout
    assert len(re.findall(r"=> /(?:usr/)?lib", taken.stdout)) > 10


def test_a_worker_does_its_work_and_writes_nowhere_else(container):
    small_files(container.data / "orders", files=6)
    operation = {"uid": "u-1", "namespace": "lake", "name": "run"}
    task = {"operation": operation, "location": "file:///data/orders", "work": {"optimize": {}}, "dryRun": False, "verifiesRows": False}
    (container.data / "task.json").write_text(json.dumps(task))
    before = tree(container.root)
    done = container.run("worker", "--task-file", "/data/task.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((container.data / "result").read_text())["outcome"] == "succeeded"
    assert DeltaTable(container.data / "orders").history(1)[0]["operation"] == "OPTIMIZE"
    assert tree(container.root) == before


def test_the_operator_reconciles(levee, container, tmp_path):
    small_files(container.data / "orders", files=3)
    plane = ControlPlane(levee.binary, tmp_path / "control-plane").start()
    process = None
    try:
        shutil.copy(plane.kubeconfig, container.data / "kubeconfig")
        addresses = ["--metrics-address", "127.0.0.1:0", "--health-address", f"127.0.0.1:{free_port()}"]
        ready = f"http://{addresses[3]}/readyz"
        with open(tmp_path / "operator.log", "w") as log:
            process = container.start("operator", "--kubeconfig", "/data/kubeconfig", "--allow-host-filesystem", *addresses, log=log)
        eventually(lambda: answers(ready))
        kubectl = Kubectl(kubectls()[0], plane, "default")
        objects = [profile("/data"), delta_table("orders", "/data/orders")]
        # A window in a zone: its policy is in force only where the zone's rules are found.
        objects.append(policy(timeZone="Europe/Berlin", windows=[{"days": ["Mon"], "start": "01:00", "end": "02:00"}], optimize={"when": {"smallFiles": 2}}))
        kubectl.apply({"apiVersion": "v1", "kind": "List", "items": objects})
        kubectl("wait", "--for=condition=Ready", "deltatable/orders", "maintenancepolicy/bronze", "--timeout=30s")
        assert kubectl.json("get", "deltatable", "orders")["status"]["table"]["numFiles"] == 3
        assert kubectl.json("get", "maintenancepolicy", "bronze")["status"]["conditions"][0]["reason"] == "InForce"
    finally:
        if process:
            process.terminate()
            assert process.wait(30) == 0, (tmp_path / "operator.log").read_text()
        plane.stop()


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_servers_are_trusted_by_the_authorities_inside(container, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        do_HEAD = do_PUT = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    describe = functools.partial(
        container.run, "table", "describe", "s3://lake/orders", AWS_ENDPOINT_URL_S3=f"https://127.0.0.1:{server.server_port}", AWS_ACCESS_KEY_ID="k",
        AWS_SECRET_ACCESS_KEY="s", AWS_REGION="us-east-1", AWS_S3_FORCE_PATH_STYLE="true")
    try:
        bundle = container.root / "etc/ssl/certs/ca-certificates.crt"
        assert bundle.read_text().count("BEGIN CERTIFICATE") > 100
        stranger = describe()
        # Not that the bundle could not be read.
        assert stranger.returncode != 0 and re.search("self.signed certificate|unable to get local issuer", stranger.stderr), stranger.stderr
        # With the server's authority among them, the same connection stands, and the server is heard.
        authorities = bundle.read_bytes() + certificate.read_bytes()
        bundle.unlink()
        bundle.write_bytes(authorities)
        known = describe()
        assert known.returncode != 0 and "certificate" not in known.stderr, known.stderr
    finally:
        server.shutdown()
