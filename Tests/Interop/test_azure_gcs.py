"""Levee and deltalake on one table in Azure Storage and in Google Cloud Storage: what either writes the other reads, and nothing is lost when both write."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from servers.azure import AzureServer
from servers.gcs import GCSServer


class Store:
    """A place for tables: its URL, how each of the two gets in, and what Levee's commits look like to the server."""

    def __init__(self, server, url, environment, options, commit):
        self.server, self.url, self.options, self.commit = server, url, options, commit
        # Nothing of the machine's own.
        self.environment = {**environment, "HOME": "/nonexistent"}

    def write(self, table, rows, **options):
        write_deltalake(f"{self.url}/{table}", rows, storage_options=self.options, **options)

    def open(self, table):
        return DeltaTable(f"{self.url}/{table}", storage_options=self.options)

    def keys(self, table):
        return sorted(self.open(table).to_pyarrow_table(columns=["key"])["key"].to_pylist())


def azure(hierarchical):
    server = AzureServer(hierarchical=hierarchical)
    server.create("lake")
    environment = {"AZURE_STORAGE_ACCOUNT_NAME": server.account, "AZURE_STORAGE_ACCOUNT_KEY": server.keys[0], "AZURE_STORAGE_ENDPOINT": server.endpoint}
    options = {**{name.lower(): value for name, value in environment.items()}, "allow_http": "true"}
    return Store(server, "az://lake", {**environment, "AZURE_ALLOW_HTTP": "true"}, options, "^PUT .*_delta_log")


def gcs(directory):
    server = GCSServer()
    server.create("lake")
    key = directory / "key.json"
    key.write_text(json.dumps({**server.identity.service_account, "gcs_base_url": server.url, "disable_oauth": False}))
    environment = {"GOOGLE_SERVICE_ACCOUNT": str(key), "GOOGLE_BASE_URL": server.url, "GOOGLE_ALLOW_HTTP": "true"}
    return Store(server, "gs://lake", environment, {"google_service_account": str(key), "allow_http": "true"}, "^POST .*uploadType=multipart")


@pytest.fixture(scope="module", params=["azure", "azure hierarchical", "gcs"])
def store(request, tmp_path_factory):
    made = gcs(tmp_path_factory.mktemp("gcs")) if request.param == "gcs" else azure("hierarchical" in request.param)
    with made.server:
        yield made


@pytest.fixture
def run(levee, store):
    """Runs a command on the store; returns its JSON result."""
    return lambda *arguments, **options: levee(*arguments, env=store.environment, **options)


def rows(first, count, part="a b/ü%20"):
    return pa.table({"key": pa.array(range(first, first + count), pa.int64()), "part": [part] * count})


def test_what_deltalake_writes_is_read_compacted_and_vacuumed(levee, store, run, tmp_path):
    url = f"{store.url}/tables/peer 1"
    for number in range(8):
        store.write("tables/peer 1", rows(number * 10, 10, "x" if number % 2 else "a b/ü%20"), mode="append", partition_by=["part"])
    assert run("table", "describe", url)["version"] == 7
    assert run("table", "optimize", url)["version"] == 8
    assert store.keys("tables/peer 1") == list(range(80))
    run("table", "vacuum", url, "--retention", "0h", "--allow-short-retention")
    assert store.keys("tables/peer 1") == list(range(80))
    run("table", "checkpoint", url)
    lines = levee.run("table", "read", url, "--format", "json", env=store.environment).stdout.splitlines()
    assert sorted(json.loads(line)["key"] for line in lines) == list(range(80))
    files = [action for action in store.open("tables/peer 1").get_add_actions(flatten=True)["path"].to_pylist()]
    assert len(files) == 2


def test_what_levee_writes_deltalake_reads(store, run, tmp_path):
    url = f"{store.url}/tables/own"
    schema, source = tmp_path / "schema.json", tmp_path / "rows.json"
    schema.write_text(json.dumps([{"name": "key", "type": "long"}, {"name": "part", "type": "string"}]))
    run("table", "create", url, "--schema", schema, "--partition-by", "part")
    for number in range(3):
        source.write_text("".join(json.dumps({"key": number * 10 + n, "part": "p/ é%+"}) + "\n" for n in range(10)))
        run("table", "write", url, "--from", source)
    assert store.keys("tables/own") == list(range(30))
    store.open("tables/own").optimize.compact()
    assert run("table", "describe", url)["version"] == 4
    assert store.keys("tables/own") == list(range(30))


PEER = """
import json, sys
import pyarrow as pa
from deltalake import write_deltalake
url, options, first, count = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
done = []
for number in range(count):
    keys = [first + number * 3 + n for n in range(3)]
    try:
        write_deltalake(url, pa.table({"key": pa.array(keys, pa.int64())}), mode="append", storage_options=options)
        done += keys
    except Exception as error:
        print(error, file=sys.stderr)
print(json.dumps(done))
"""


@pytest.mark.parametrize("count", [pytest.param(8, id="short"), pytest.param(150, id="long", marks=pytest.mark.soak)])
def test_both_write_and_nothing_is_lost(levee, store, tmp_path, count):
    """Two writers of each at the same time: every acknowledged row is there once, and none that was refused."""
    name = f"tables/race{count}"
    url = f"{store.url}/{name}"
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps([{"name": "key", "type": "long"}]))
    levee("table", "create", url, "--schema", schema, env=store.environment)

    def ours(writer):
        acknowledged = []
        for number in range(count):
            keys = [1_000_000 * writer + number * 3 + n for n in range(3)]
            source = tmp_path / f"rows-{writer}.json"
            source.write_text("".join(json.dumps({"key": key}) + "\n" for key in keys))
            done = levee.run("table", "write", url, "--from", source, env=store.environment)
            assert done.returncode == 0, done.stderr
            acknowledged += keys
        return acknowledged

    peers = [
        subprocess.Popen([sys.executable, "-c", PEER, url, json.dumps(store.options), str(10_000_000 * n), str(count)], stdout=subprocess.PIPE, text=True)
        for n in (1, 2)
    ]
    with ThreadPoolExecutor(2) as pool:
        expected = [key for keys in pool.map(ours, (1, 2)) for key in keys]
    for peer in peers:
        output, _ = peer.communicate(timeout=300)
        assert peer.returncode == 0
        expected += json.loads(output)
    assert store.keys(name) == sorted(expected)


def test_lost_answers_double_nothing(levee, store, tmp_path):
    """Levee alone; the store carries commits out and its answers do not come, or come as errors."""
    url = f"{store.url}/tables/faults"
    store.write("tables/faults", rows(0, 3))
    source = tmp_path / "rows.json"
    for number, fault in enumerate([{"after": True}, {"status": 503, "after": True}, {"status": 500}, {"truncate": 1, "after": True}, {}]):
        store.server.fail(store.commit, **fault)
        source.write_text(json.dumps({"key": 100 + number, "part": "f"}) + "\n")
        levee("table", "write", url, "--from", source, env=store.environment)
    assert store.keys("tables/faults") == [0, 1, 2, 100, 101, 102, 103, 104]
    assert store.open("tables/faults").version() == 5
    assert not [fault for fault in store.server.faults if fault.count]


def test_secrets_are_in_no_message(levee, store, tmp_path):
    """What goes wrong says so, with the store's words, and without what lets anybody in."""
    refusal = {"x-ms-error-code": "AuthorizationFailure", "x-ms-request-id": "an-id"}
    store.server.fail("tables.*nowhere|nowhere.*tables|prefix=tables", count=100, status=403, headers=refusal)
    done = levee.run("table", "describe", f"{store.url}/tables/nowhere", env={**os.environ, **store.environment})
    store.server.forget()
    assert done.returncode != 0 and "403" in done.stderr
    secrets = [store.environment.get("AZURE_STORAGE_ACCOUNT_KEY"), "PRIVATE KEY", "Bearer"]
    assert not [secret for secret in secrets if secret and secret in done.stderr]
