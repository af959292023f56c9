"""The custom resource definitions, held to Kubernetes' own schemas and to Google's CEL."""

import glob
import json
import os
import re

import pytest
import yaml
from cel_expr_python import cel
from kubernetes_validate import validate

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = sorted(glob.glob(os.path.join(ROOT, "crds", "*.yaml")))
CRDS = {crd["spec"]["names"]["kind"]: crd for crd in (yaml.safe_load(open(path)) for path in FILES)}

# Kubernetes gives up on a CRD whose rules might cost too much; the sizes that it multiplies come from these bounds.
BOUNDED = {"string": ("maxLength", "enum", "format"), "array": ("maxItems",), "object": ()}


def schema(kind):
    return CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def walk(node, path):
    yield path, node
    for key, child in node.get("properties", {}).items():
        yield from walk(child, f"{path}.{key}")
    if "items" in node:
        yield from walk(node["items"], path + "[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from walk(node["additionalProperties"], path + "{}")


@pytest.mark.parametrize("version", ["1.27", "1.30", "1.33", "1.37"])
@pytest.mark.parametrize("kind", CRDS)
def test_crds_are_what_kubernetes_takes(kind, version):
    validate(CRDS[kind], version, strict=True)


@pytest.mark.parametrize("kind", CRDS)
def test_every_field_is_described_and_bounded(kind):
    for path, node in walk(schema(kind), kind):
        if not path.endswith((".metadata", "[]", "{}")):
            assert node.get("description"), f"{path} has no description"
        if ".spec" in path and not node.get("x-kubernetes-preserve-unknown-fields"):
            wanted = BOUNDED.get(node["type"], ())
            assert not wanted or any(key in node for key in wanted), f"{path} has no bound, which CEL's cost estimate needs"
        if "pattern" in node:
            re.compile(node["pattern"])


@pytest.mark.parametrize("kind", CRDS)
def test_crds_fit_the_annotation_of_client_side_apply(kind):
    assert len(json.dumps(CRDS[kind])) < 200_000


@pytest.mark.parametrize("kind", CRDS)
def test_status_starts_below_every_generation(kind):
    assert schema(kind)["properties"]["status"]["default"] == {"observedGeneration": -1}
    assert CRDS[kind]["spec"]["names"]["categories"] == ["levee"]
    assert CRDS[kind]["spec"]["versions"][0]["subresources"] == {"status": {}}


def with_defaults(node, value):
    if isinstance(value, dict):
        value = dict(value)
        for key, child in node.get("properties", {}).items():
            if key not in value and "default" in child:
                value[key] = child["default"]
            if key in value:
                value[key] = with_defaults(child, value[key])
    elif isinstance(value, list) and "items" in node:
        value = [with_defaults(node["items"], item) for item in value]
    return value


ENVIRONMENT = cel.NewEnv(variables={"self": cel.Type.DYN, "oldSelf": cel.Type.DYN})


def violations(node, value, old=None, path=""):
    """The messages of the rules that refuse the value, as an API server evaluates them: those with oldSelf on updates only."""
    found = []
    for rule in node.get("x-kubernetes-validations", []):
        if "oldSelf" in rule["rule"] and old is None:
            continue
        result = ENVIRONMENT.compile(rule["rule"]).eval(data={"self": value, "oldSelf": old})
        outcome = result.value()
        assert isinstance(outcome, bool), f"{path}: {rule['rule']}: {outcome}"
        if not outcome:
            found.append(rule["message"])
    if isinstance(value, dict):
        for key, child in node.get("properties", {}).items():
            if key in value:
                found += violations(child, value[key], old.get(key) if isinstance(old, dict) else None, f"{path}.{key}")
    elif isinstance(value, list) and "items" in node:
        for item in value:
            found += violations(node["items"], item, None, path + "[]")
    return found


def check(kind, spec, old=None):
    node = schema(kind)["properties"]["spec"]
    return violations(node, with_defaults(node, spec), with_defaults(node, old) if old is not None else None)


OPTIMIZE = {"tableRef": {"name": "orders"}, "optimize": {}}
TABLE = {"location": "file:///lake/orders", "storageRef": {"name": "lake"}}
POLICY = {"tableSelector": {}, "optimize": {}}
CLONE = {"source": {"tableRef": {"name": "orders"}}, "target": {"location": "file:///lake/copy", "storageRef": {"name": "lake"}}}
S3 = {"root": "s3://lake/bronze", "s3": {}, "credentials": {"secretRef": {"name": "keys"}}}
PROFILE = {"root": "file:///data/lake", "filesystem": {"persistentVolumeClaim": "lake", "mountPath": "/data"}}


@pytest.mark.parametrize(
    "kind, spec",
    [
        ("TableOperation", OPTIMIZE),
        ("TableOperation", {"tableRef": {"name": "orders"}, "vacuum": {"retention": "168h"}}),
        ("TableOperation", {"tableRef": {"name": "orders"}, "vacuum": {"retention": "0s", "allowShortRetention": True}}),
        ("TableOperation", {**TABLE, "checkpoint": {}}),
        ("TableOperation", {**TABLE, "compactLog": {"from": 3, "to": 9}}),
        ("TableOperation", {**TABLE, "logCleanup": {}}),
        ("TableOperation", {**TABLE, "computeStatistics": {"missingOnly": True}}),
        ("TableOperation", {**TABLE, "generateManifest": {}}),
        ("TableOperation", {**TABLE, "setProperties": {"set": {"a": "b"}, "unset": ["c"]}}),
        ("TableOperation", {**TABLE, "createTable": {"schema": [{"name": "id", "type": "long"}], "partitionBy": ["id"]}}),
        ("TableOperation", {**TABLE, "vacuum": {"inventory": {"location": "file:///lake/inventory.parquet"}}}),
        ("MaintenancePolicy", {"tableSelector": {}, "logCleanup": {"schedule": "0 5 * * 0"}}),
        ("TableClone", CLONE),
        ("TableClone", {**CLONE, "mode": "Shallow", "sync": {"schedule": "0 6 * * *", "timeZone": "Europe/Berlin"}, "jobTemplate": {}}),
        ("TableClone", {**CLONE, "source": {**TABLE, "version": 42}}),
        ("TableClone", {**CLONE, "source": {**TABLE, "timestamp": "2026-03-01T06:00:00Z"}}),
        ("DeltaTable", TABLE),
        ("DeltaTable", {**TABLE, "observe": {"interval": "1h30m"}}),
        ("MaintenancePolicy", POLICY),
        ("MaintenancePolicy", {"tableSelector": {}, "vacuum": {"schedule": "0 4 * * 0"}}),
        ("MaintenancePolicy", {"tableSelector": {}, "vacuum": {"when": {"removableFiles": 5}}}),
        ("MaintenancePolicy", {**POLICY, "tableSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["x"]}, {"key": "b", "operator": "Exists"}]}}),
        ("StorageProfile", PROFILE),
        ("StorageProfile", {"root": "file:///data", "filesystem": {"persistentVolumeClaim": "lake"}}),
        ("StorageProfile", {"root": "file:///anywhere", "filesystem": {}}),
        ("StorageProfile", {**PROFILE, "credentials": {"serviceAccountName": "tables"}}),
        ("StorageProfile", S3),
        ("StorageProfile", {**S3, "root": "s3a://lake/bronze", "s3": {"endpoint": "http://minio:9000", "allowHTTP": True, "region": "eu-west-1", "pathStyle": True}}),
        ("StorageProfile", {**S3, "s3": {"concurrentWriters": "None", "requesterPays": True, "encryption": {"algorithm": "KMSDualLayer", "kmsKeyID": "k", "bucketKey": True}}}),
        ("StorageProfile", {**S3, "s3": {"encryption": {"algorithm": "CustomerKey"}}, "tls": {"caSecretRef": {"name": "ca"}}}),
        ("StorageProfile", {"root": "s3://lake", "s3": {}, "credentials": {"serviceAccountName": "tables"}}),
        ("StorageProfile", {"root": "gs://lake/x", "gcs": {}}),
        ("StorageProfile", {"root": "abfss://lake@account.dfs.core.windows.net/x", "azure": {}, "credentials": {"secretRef": {"name": "keys"}}}),
        ("StorageProfile", {"root": "az://lake/x", "azure": {"account": "account", "authorityHost": "https://login.example"}}),
    ],
)
def test_good_specs_pass(kind, spec):
    assert check(kind, spec) == []


@pytest.mark.parametrize(
    "kind, spec, message",
    [
        ("TableOperation", {"tableRef": {"name": "orders"}}, "set exactly one operation; kubectl explain tableoperation.spec lists them"),
        ("TableOperation", {**OPTIMIZE, "vacuum": {}}, "set exactly one operation; kubectl explain tableoperation.spec lists them"),
        ("TableOperation", {"optimize": {}}, "name the table either by tableRef or by location"),
        ("TableOperation", {**OPTIMIZE, **TABLE}, "name the table either by tableRef or by location"),
        ("TableOperation", {**OPTIMIZE, "storageRef": {"name": "lake"}}, "storageRef goes with location"),
        ("TableOperation", {"tableRef": {"name": "orders"}, "vacuum": {"retention": "24h"}}, "vacuum.retention is below 168h"),
        ("TableOperation", {**TABLE, "vacuum": {"mode": "Lite", "inventory": {"location": "file:///lake/i.parquet"}}}, "vacuum.mode Lite lists nothing"),
        ("TableOperation", {**TABLE, "setProperties": {}}, "say what to change: set or unset"),
        ("TableOperation", {**TABLE, "createTable": {"schema": [], "partitionBy": ["a"], "clusterBy": ["b"]}}, "partitionBy or clusterBy, not both"),
        ("TableOperation", {**TABLE, "compactLog": {"from": 9, "to": 3}}, "compactLog.from must be below compactLog.to"),
        ("TableClone", {**CLONE, "source": {}}, "name the source either by tableRef or by location"),
        ("TableClone", {**CLONE, "source": {"tableRef": {"name": "orders"}, **TABLE}}, "name the source either by tableRef or by location"),
        ("TableClone", {**CLONE, "source": {"location": "file:///lake/orders"}}, "storageRef goes with location"),
        ("TableClone", {**CLONE, "source": {**TABLE, "version": 4, "timestamp": "2026-03-01T06:00:00Z"}}, "by version or by timestamp, not by both"),
        ("TableClone", {**CLONE, "source": {**TABLE, "version": 4}, "sync": {"schedule": "@daily"}}, "is cloned once: leave out sync"),
        ("TableClone", {**CLONE, "source": {**TABLE, "storageRef": {"name": "other"}}}, "target.storageRef must be the storageRef of the source"),
        ("TableClone", {**CLONE, "source": {**TABLE, "location": "file:///lake/copy"}}, "target.location is the source's own"),
        ("TableClone", {**CLONE, "target": {**CLONE["target"], "location": "file:///lake/../etc"}}, "location must not contain '..'"),
        ("DeltaTable", {**TABLE, "location": "file:///lake/../etc"}, "location must not contain '..'"),
        ("DeltaTable", {**TABLE, "observe": {"interval": "10ms"}}, "observe.interval must be between 1s and 24h"),
        ("MaintenancePolicy", {"tableSelector": {}}, "the policy has no task"),
        ("MaintenancePolicy", {"tableSelector": {}, "vacuum": {}}, "vacuum needs a schedule, or thresholds in when"),
        ("MaintenancePolicy", {"tableSelector": {}, "vacuum": {"schedule": "@weekly", "retention": "1h"}}, "vacuum.retention is below 168h"),
        ("MaintenancePolicy", {**POLICY, "windows": [{"start": "22:00", "end": "22:00"}]}, "a window's start and end must differ"),
        ("MaintenancePolicy", {**POLICY, "tableSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}, "values must be given for In and NotIn"),
        ("MaintenancePolicy", {**POLICY, "tableSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}}, "values must be given for In and NotIn"),
        ("StorageProfile", {**PROFILE, "root": "file:///database"}, "root must lie below filesystem.mountPath"),
        ("StorageProfile", {**PROFILE, "root": "file:///data/../etc"}, "root must not contain '..'"),
        ("StorageProfile", {"root": "s3://lake/x"}, "set exactly one of s3, azure, gcs and filesystem"),
        ("StorageProfile", {**S3, "gcs": {}}, "set exactly one of s3, azure, gcs and filesystem"),
        ("StorageProfile", {**S3, "root": "gs://lake/x"}, "with s3, root is a URL like s3://"),
        ("StorageProfile", {"root": "s3://lake/x", "azure": {}}, "with azure, root is a URL like abfss://"),
        ("StorageProfile", {"root": "s3://lake/x", "gcs": {}}, "with gcs, root is a URL like gs://"),
        ("StorageProfile", {"root": "s3://lake/x", "filesystem": {}}, "with filesystem, root is a URL like file:///"),
        ("StorageProfile", {**S3, "s3": {"endpoint": "http://minio:9000"}}, "set s3.allowHTTP: true"),
        ("StorageProfile", {"root": "az://lake/x", "azure": {"endpoint": "http://blobs"}}, "set azure.allowHTTP: true"),
        ("StorageProfile", {"root": "gs://lake/x", "gcs": {"endpoint": "http://gcs"}}, "set gcs.allowHTTP: true"),
        ("StorageProfile", {**S3, "credentials": {}}, "set either credentials.secretRef"),
        ("StorageProfile", {**S3, "credentials": {"secretRef": {"name": "a"}, "serviceAccountName": "b"}}, "set either credentials.secretRef"),
        ("StorageProfile", {**S3, "s3": {"encryption": {"algorithm": "AES256", "kmsKeyID": "k"}}}, "kmsKeyID and bucketKey go with"),
        ("StorageProfile", {"root": "s3://lake/x", "s3": {"encryption": {"algorithm": "CustomerKey"}}}, "set credentials.secretRef"),
        ("StorageProfile", {**PROFILE, "credentials": {"secretRef": {"name": "a"}}}, "a filesystem has no credentials"),
        ("StorageProfile", {**PROFILE, "tls": {"caSecretRef": {"name": "a"}}}, "a filesystem is not reached by TLS"),
    ],
)
def test_bad_specs_are_refused_by_a_message(kind, spec, message):
    assert any(message in found for found in check(kind, spec)), check(kind, spec)


FULL = {
    **OPTIMIZE,
    "optimize": {"targetFileSize": "1Mi"},
    "idempotency": {"appId": "a", "version": 1},
    "expectedVersion": 5,
    "dryRun": True,
    "activeDeadlineSeconds": 60,
    "backoffLimit": 1,
    "jobTemplate": {"nodeSelector": {"disk": "fast"}},
}


@pytest.mark.parametrize("change", [{"suspend": True}, {"cancel": True}, {"ttlSecondsAfterFinished": 5}, {}])
def test_what_may_change_on_a_run_may(change):
    assert check("TableOperation", {**FULL, **change}, FULL) == []


@pytest.mark.parametrize(
    "change",
    [
        {"tableRef": {"name": "other"}},
        {"tableRef": None, **TABLE},
        {"optimize": {"targetFileSize": "2Mi"}},
        {"optimize": None, "vacuum": {}},
        {"idempotency": {"appId": "a", "version": 2}},
        {"idempotency": None},
        {"expectedVersion": 6},
        {"expectedVersion": None},
        {"dryRun": False},
        {"activeDeadlineSeconds": 61},
        {"backoffLimit": 2},
        {"jobTemplate": None},
        {"jobTemplate": {"nodeSelector": {"disk": "slow"}}},
    ],
)
def test_the_rest_of_a_run_is_immutable(change):
    changed = {key: value for key, value in {**FULL, **change}.items() if value is not None}
    assert any("immutable" in found for found in check("TableOperation", changed, FULL))


def test_a_cancelled_run_stays_cancelled():
    assert any("cannot be taken back" in found for found in check("TableOperation", FULL, {**FULL, "cancel": True}))


def test_a_tables_location_is_immutable():
    assert any("immutable" in found for found in check("DeltaTable", {**TABLE, "location": "file:///lake/other"}, TABLE))


@pytest.mark.parametrize(
    "change",
    [
        {"source": {"tableRef": {"name": "other"}}},
        {"source": TABLE},
        {"target": {**CLONE["target"], "location": "file:///lake/other"}},
        {"target": {**CLONE["target"], "storageRef": {"name": "other"}}},
        {"mode": "Shallow"},
    ],
)
def test_what_a_clone_is_of_and_where_it_is_are_immutable(change):
    assert any("immutable" in found for found in check("TableClone", {**CLONE, **change}, CLONE))


def test_what_a_clone_follows_may_change():
    for change in ({"source": {**CLONE["source"], "version": 3}}, {"suspend": True}, {"sync": {"schedule": "@daily"}}):
        assert check("TableClone", {**CLONE, **change}, CLONE) == []


def test_examples_use_fields_that_exist():
    for path in glob.glob(os.path.join(ROOT, "examples", "*", "*.yaml")):
        for document in yaml.safe_load_all(open(path)):
            node = schema(document["kind"])["properties"]["spec"]
            assert unknown(node, document["spec"], "spec") == []
            assert check(document["kind"], document["spec"]) == []


def unknown(node, value, path):
    if isinstance(value, dict) and "properties" in node:
        return [p for key, child in value.items() for p in (unknown(node["properties"][key], child, f"{path}.{key}") if key in node["properties"] else [f"{path}.{key}"])]
    return []
