"""StorageProfiles for S3, Azure Storage and Google Cloud Storage, end to end: secrets, probes, operations, and what must not be in any of their traces."""

import base64
import http.client
import json
import socket
import subprocess
import urllib.request

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from devcluster.control_plane import eventually
from operator_process import levee_object, operation
from operator_site import Site, cluster
from servers import web
from servers.azure import AzureServer
from servers.gcs import GCSServer
from test_s3 import PYTHON, Server


class S3:
    """A bucket in moto, which checks signatures."""

    kind = "s3"

    def __init__(self, *arguments):
        if not PYTHON.exists():
            pytest.skip(f"{PYTHON} is not there; scripts/install-dependencies --python makes it")
        self.server = Server("s3_server.py", *arguments)
        self.keys = {name: self.server.environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        self.wrong = {**self.keys, "AWS_SECRET_ACCESS_KEY": "of+somebody/else"}
        self.secrets = [self.keys["AWS_SECRET_ACCESS_KEY"], self.wrong["AWS_SECRET_ACCESS_KEY"]]
        self.spec = {"endpoint": self.server.endpoint, "allowHTTP": True, "pathStyle": True}
        self.root, self.options = "s3://lake/e2e", self.server.options()

    def rotate(self):
        """Another user's key; the old one is worthless from then on."""
        script = (
            "import boto3, json, sys; c = boto3.client('iam', endpoint_url=sys.argv[1], region_name='us-east-1');"
            "print(json.dumps(c.create_access_key(UserName='levee'), default=str)); c.delete_access_key(UserName='levee', AccessKeyId=sys.argv[2])")
        command = [PYTHON, "-c", script, self.server.endpoint, self.keys["AWS_ACCESS_KEY_ID"]]
        made = json.loads(subprocess.run(command, text=True, capture_output=True, env=self.server.environment, check=True).stdout)["AccessKey"]
        self.keys = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
        self.secrets.append(self.keys["AWS_SECRET_ACCESS_KEY"])
        self.server.environment.update(self.keys)
        self.options = self.server.options()

    def put(self, key, text):
        self.server.call("put_object", Bucket="lake", Key=key, Body=text)

    def close(self):
        self.server.close()


class Azure:
    kind = "azure"

    def __init__(self):
        self.server = AzureServer().__enter__()
        self.server.create("lake")
        self.spec = {"endpoint": self.server.endpoint, "allowHTTP": True}
        self.root = "az://lake/e2e"
        self.secrets = []
        self._take(self.server.keys[0])
        self.wrong = {**self.keys, "account-key": base64.b64encode(b"of somebody else" * 4).decode()}
        self.secrets.append(self.wrong["account-key"])

    def _take(self, key):
        self.keys = {"account-name": self.server.account, "account-key": key}
        self.secrets.append(key)
        self.options = {
            "azure_storage_account_name": self.server.account, "azure_storage_account_key": key, "azure_storage_endpoint": self.server.endpoint,
            "allow_http": "true"}

    def rotate(self):
        urllib.request.urlopen(urllib.request.Request(f"{self.server.url}/-/rotate", method="POST", data=b""))
        self._take(self.server.keys[0])

    def close(self):
        self.server.__exit__(None, None, None)


class GCS:
    kind = "gcs"

    def __init__(self, directory):
        self.server = GCSServer().__enter__()
        self.server.create("lake")
        account = self.server.identity.service_account
        self.spec = {"endpoint": self.server.url, "allowHTTP": True}
        self.root = "gs://lake/e2e"
        self.keys = {"key.json": json.dumps(account)}
        other = GCSServer().identity.service_account["private_key"]
        self.wrong = {"key.json": json.dumps({**account, "private_key": other})}
        self.secrets = [line for key in (account["private_key"], other) for line in key.splitlines()[1:3]]
        path = directory / "key.json"
        path.write_text(json.dumps({**account, "gcs_base_url": self.server.url, "disable_oauth": False}))
        self.options = {"google_service_account": str(path), "allow_http": "true"}

    def rotate(self):
        """Every token that was given out is worthless from now on."""
        self.server.identity.revoke()

    def close(self):
        self.server.__exit__(None, None, None)


@pytest.fixture(scope="module", params=["s3", "azure", "gcs"])
def store(request, tmp_path_factory):
    store = {"s3": S3, "azure": Azure, "gcs": lambda: GCS(tmp_path_factory.mktemp("gcs"))}[request.param]()
    yield store
    store.close()


@pytest.fixture(scope="module")
def s3():
    store = S3()
    yield store
    store.close()


@pytest.fixture
def here(levee, cluster, tmp_path):
    site = Site(levee, cluster, tmp_path)
    site.operator.command.remove("--allow-host-filesystem")
    yield site
    if site.operator.process:
        site.operator.kill()


def secret(entries, name="keys"):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": entries}


def profile(store, name="store", **more):
    spec = {"root": store.root, store.kind: {**store.spec, **more}, "credentials": {"secretRef": {"name": "keys"}}}
    return levee_object("StorageProfile", name, **spec)


def table(store, name):
    return levee_object("DeltaTable", name, location=f"{store.root}/{name}", storageRef={"name": "store"}, observe={"interval": "1s"})


def fill(store, name, first=0, files=4):
    for number in range(files):
        rows = pa.table({"key": pa.array(range(first + number * 10, first + number * 10 + 10), pa.int64())})
        write_deltalake(f"{store.root}/{name}", rows, mode="append", storage_options=store.options)


def keys(store, name):
    return sorted(DeltaTable(f"{store.root}/{name}", storage_options=store.options).to_pyarrow_table()["key"].to_pylist())


def succeeds(here, name):
    run = here.until_finished(name)
    assert run["status"]["phase"] == "Succeeded", run["status"]
    return run


def traces(here, cluster):
    """All that anybody can read who may not read secrets: objects, events, logs of the operator, of pods and of the control plane."""
    kinds = "storageprofiles,deltatables,tableoperations,jobs,pods,events"
    found = here.kubectl("get", kinds, "-o", "json") + here.operator.log.read_text()
    for path in (cluster.directory / "pods").rglob("*"):
        if path.is_file() and "volumes" not in path.parts:
            found += path.read_text(errors="replace")
    return found + open(cluster.log.name).read()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def requested(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


def test_a_table_in_a_store_is_kept_in_shape(here, cluster, store):
    """Wrong keys, then the right ones; an operation; keys that are rotated under both; and no trace of any of them."""
    fill(store, "orders")
    metrics = f"127.0.0.1:{free_port()}"
    here.operator.command[here.operator.command.index("--metrics-address") + 1] = metrics
    here.operator.start()
    here.apply(profile(store), table(store, "orders"))
    assert "keys" in here.until_reason("storageprofile", "store", "SecretNotFound")["message"]
    here.apply(secret({"unrelated": "x"}))
    assert "keys" in here.until_reason("storageprofile", "store", "InvalidSecret")["message"]
    here.apply(secret(store.wrong))
    here.until_reason("storageprofile", "store", "InvalidCredentials")
    assert "StorageProfile store" in here.until_reason("deltatable", "orders", "InvalidCredentials")["message"]
    here.apply(operation("run"))
    here.until_reason("tableoperation", "run", "InvalidCredentials")

    here.apply(secret(store.keys))
    here.until_reason("storageprofile", "store", "Probed")
    run = succeeds(here, "run")
    assert run["status"]["result"]["metrics"]["numFilesRemoved"] == 4
    assert keys(store, "orders") == list(range(40))
    assert len(DeltaTable(f"{store.root}/orders", storage_options=store.options).file_uris()) == 1
    eventually(lambda: here.status("deltatable", "orders").get("table", {}).get("version") == 4)

    store.rotate()
    here.apply(secret(store.keys))
    fill(store, "orders", first=40, files=2)
    here.apply(operation("again"), operation("vacuum", vacuum={"retention": "0s", "allowShortRetention": True}))
    succeeds(here, "again")
    succeeds(here, "vacuum")
    assert keys(store, "orders") == list(range(60))
    here.until_reason("deltatable", "orders", "Observed")

    job = here.get("job", run["status"]["jobRef"]["name"])["spec"]["template"]["spec"]
    mounted = [volume for volume in job["volumes"] if volume["name"] == "credentials"]
    assert mounted == [{"name": "credentials", "secret": {"secretName": "keys", "defaultMode": 0o440}}]
    said = traces(here, cluster) + requested(f"http://{metrics}/metrics")
    assert f'verb="put"' in said and "levee_store_requests_total" in said and "levee_store_request_seconds" in said
    assert "InvalidCredentials" in said and '"levee":"progress"' in said
    encoded = [base64.b64encode(word.encode()).decode().rstrip("=")[:-1] for word in store.secrets]
    assert not [word for word in store.secrets + encoded if word in said]


class Forgetful(web.Server):
    """Stands before an S3 server that takes any signature, and loses the conditions of puts on the way, as some servers do."""

    def __init__(self, behind):
        super().__init__()
        self.address = behind.removeprefix("http://")
        self.ignores_conditions = True

    def handle(self, request):
        connection = http.client.HTTPConnection(self.address)
        fields = {name: value for name, value in request.headers.items() if not (self.ignores_conditions and name == "if-none-match")}
        connection.request(request.method, f"{request.raw_path}?{request.raw_query}" if request.raw_query else request.raw_path, request.body, fields)
        answer = connection.getresponse()
        body = answer.read()
        fields = {name: value for name, value in answer.getheaders() if name.lower() not in ("content-length", "transfer-encoding", "connection", "date")}
        return web.Answer(answer.status, fields, body, int(answer.headers.get("Content-Length", len(body))))


@pytest.fixture
def forgetful(store):
    """The store, which ignores the conditions of puts until it is told not to; and who is told."""
    if store.kind != "s3":
        store.server.ignores_conditions = True
        yield store, store.server
        store.server.ignores_conditions = False
        return
    unsigned = S3("--unsigned")
    with Forgetful(unsigned.server.endpoint) as proxy:
        unsigned.spec = {**unsigned.spec, "endpoint": proxy.url}
        yield unsigned, proxy
    unsigned.close()


def test_a_store_that_ignores_conditions_gets_no_commits(here, forgetful):
    store, server = forgetful
    fill(store, "plain")
    here.operator.start()
    here.apply(secret(store.keys), profile(store), table(store, "plain"), operation("run", "plain"), operation("dry", "plain", optimize={}, dryRun=True))
    assert "overwrite" in here.until_reason("storageprofile", "store", "NoConditionalWrites")["message"]
    here.until_reason("tableoperation", "run", "NoConditionalWrites")
    here.until_reason("deltatable", "plain", "Observed")
    assert "run-" not in here.kubectl("get", "job", "-o", "name")
    server.ignores_conditions = False
    here.kubectl("annotate", "storageprofile", "store", "levee.dev/reconcile=now")
    for name in ("run", "dry"):
        succeeds(here, name)
    here.until_reason("storageprofile", "store", "Probed")


SPARK = {"commitInfo": {"timestamp": 1, "operation": "WRITE", "operationParameters": {}, "engineInfo": "Apache-Spark/3.5.1 Delta-Lake/3.2.0"}}


def test_sparks_history_in_s3_holds_commits_back(here, s3):
    fill(s3, "spark")
    s3.put("e2e/spark/_delta_log/00000000000000000004.json", json.dumps(SPARK))
    here.operator.start()
    here.apply(secret(s3.keys), profile(s3), table(s3, "spark"), operation("run", "spark"))
    message = here.until_reason("deltatable", "spark", "UnsafeConcurrentWriter", "UnsafeConcurrentWriter")["message"]
    assert "Apache-Spark/3.5.1" in message and "s3.concurrentWriters" in message
    here.until_reason("tableoperation", "run", "UnsafeConcurrentWriter")
    assert here.kubectl("get", "job", "-o", "name") == ""
    here.apply(profile(s3, concurrentWriters="None"))
    here.until_reason("deltatable", "spark", "SaidToBeSafe", "UnsafeConcurrentWriter")
    succeeds(here, "run")
    assert keys(s3, "spark") == list(range(40))


@pytest.mark.parametrize(
    "change, reason, word",
    [({"root": "s3://nowhere/e2e"}, "Unreachable", "NoSuchBucket"), ({"s3": {"endpoint": "http://127.0.0.1:1", "allowHTTP": True}}, "Unreachable", "127.0.0.1")])
def test_a_store_that_is_not_there_is_said_so(here, s3, change, reason, word):
    here.operator.start()
    wrong = profile(s3)
    wrong["spec"] = {**wrong["spec"], **change}
    here.apply(secret(s3.keys), wrong)
    assert word in here.until_reason("storageprofile", "store", reason)["message"]


def test_authorities_of_a_secret_are_believed(here, tmp_path):
    store = Azure()
    fill(store, "orders")
    certificate = store.server.secure(tmp_path)
    store.spec = {"endpoint": store.server.endpoint}
    here.operator.start()
    wanted = profile(store)
    here.apply(secret(store.keys), wanted)
    assert "certificate" in here.until_reason("storageprofile", "store", "Unreachable")["message"]
    wanted["spec"]["tls"] = {"caSecretRef": {"name": "authorities"}}
    here.apply(secret({"ca.crt": certificate}, "authorities"), wanted, table(store, "orders"), operation("run"))
    assert succeeds(here, "run")["status"]["result"]["metrics"]["numFilesRemoved"] == 4
    here.until_reason("storageprofile", "store", "Probed")
    store.close()


def test_a_table_that_only_pods_reach_is_worked_on_by_them(here, s3):
    """Without a secret the pods' own identity counts, here their variables; the worker looks for itself who else writes."""
    fill(s3, "pods")
    here.operator.start()
    alone = profile(s3)
    del alone["spec"]["credentials"]
    identity = {"env": [{"name": name, "valueFrom": {"secretKeyRef": {"name": "keys", "key": name}}} for name in s3.keys]}
    here.apply(secret(s3.keys), alone, table(s3, "pods"), operation("run", "pods", optimize={}, jobTemplate=identity))
    assert "identity" in here.until_reason("deltatable", "pods", "NotObservable")["message"]
    succeeds(here, "run")
    assert keys(s3, "pods") == list(range(40))
    s3.put("e2e/pods/_delta_log/00000000000000000005.json", json.dumps(SPARK))
    here.apply(operation("behind", "pods", optimize={}, jobTemplate=identity))
    assert here.until_finished("behind")["status"]["phase"] == "Failed"
    assert "Apache-Spark" in here.condition("tableoperation", "behind", "Failed")["message"]
    assert here.condition("tableoperation", "behind", "Failed")["reason"] == "UnsafeConcurrentWriter"

    # Told to, the operator looks with an identity of its own.
    here.operator.kill()
    here.operator.start("--lend-identity", **s3.keys)
    here.until_reason("deltatable", "pods", "Observed")
    here.until_reason("storageprofile", "store", "Probed")


def test_what_only_pods_reach_is_probed_by_a_pod(here):
    """A claim: a pod of the profile's own looks whether it can be used."""
    here.operator.start()
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tables"}}
    spec = {"filesystem": {"persistentVolumeClaim": "data", "mountPath": "/data"}, "credentials": {"serviceAccountName": "tables"}}
    here.apply(claim, account, levee_object("StorageProfile", "claim", root="file:///data", **spec), levee_object("StorageProfile", "wrong", root="file:///data/none", **spec))
    here.until_reason("storageprofile", "claim", "Probed")
    assert "does not exist" in here.until_reason("storageprofile", "wrong", "Unreachable")["message"]
    (probe,) = [job for job in here.kubectl.json("get", "jobs")["items"] if job["metadata"]["name"].startswith("claim-probe-1")]
    assert probe["spec"]["template"]["spec"]["serviceAccountName"] == "tables"
    assert probe["metadata"]["ownerReferences"][0]["kind"] == "StorageProfile"
