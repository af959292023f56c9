"""The whole path, with kubectl: YAML in, the operator notices, a worker compacts, the result stands on the resource. And through crashes of each part."""

import datetime
import json
import os
import pathlib
import shutil
import signal
import socket
import time
import urllib.request

import pytest
from deltalake import DeltaTable
from devcluster.control_plane import ControlPlane, Kubectl, eventually, kubectls
from kubernetes_validate import validate
from operator_process import STOPPED_AT_WORK, delta_table, operation, policy, stopped_worker
from operator_site import Site, cluster, everything, optimizes, site
from rows import delta_rs_rows
from samples import partitioned, small_files

ROOT = pathlib.Path(__file__).resolve().parents[2]
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


# From apply to done


def test_the_quickstart_compacts_a_table(levee, tmp_path):
    """As the README has it: levee dev with its operator, kubectl apply, kubectl wait."""
    lake = tmp_path / "lake"
    small_files(lake / "orders", files=120, rows=5)
    before = delta_rs_rows(lake / "orders")
    plane = ControlPlane(levee.binary, tmp_path / "data")
    plane.options = []
    plane.start()
    try:
        kubectl = Kubectl(kubectls()[0], plane, "default")
        for path in sorted((ROOT / "examples" / "quickstart").glob("*.yaml")):
            kubectl.apply(path.read_text().replace("/tmp/levee-quickstart", str(lake)))
        eventually(lambda: kubectl.json("get", "tableoperations")["items"], timeout=90)
        kubectl("wait", "--for=condition=Complete", "tableoperation", "--all", "--timeout=60s")
        kubectl("wait", "--for=condition=Ready", "deltatable/orders", "storageprofile/lake", "maintenancepolicy/bronze", "--timeout=90s")
        eventually(lambda: kubectl.json("get", "deltatable", "orders")["status"]["table"]["numFiles"] == 1)

        (run,) = kubectl.json("get", "tableoperations")["items"]
        assert run["status"]["phase"] == "Succeeded"
        assert run["status"]["result"]["version"] == 120
        assert run["status"]["result"]["metrics"]["numFilesRemoved"] == 120
        assert run["status"]["progress"]["summary"] == "120/120 files"
        assert delta_rs_rows(lake / "orders") == before
        assert DeltaTable(lake / "orders").history(1)[0]["operation"] == "OPTIMIZE"

        table = kubectl.json("get", "deltatable", "orders")["status"]
        assert table["table"]["version"] == 120 and table["table"]["numRecords"] == 600
        assert table["maintenance"]["optimize"]["lastRun"]["phase"] == "Succeeded"
        assert table["maintenance"]["vacuum"]["decision"]["reason"] == "NotScheduled"
        assert len(table["history"]) == 10 and table["history"][0]["operation"] == "OPTIMIZE"
        shown = kubectl("get", "levee")
        assert "orders-optimize-1" in shown and "120/120 files" in shown
        described = kubectl("describe", "deltatable", "orders")
        assert "BelowThreshold" in described and "SmallFiles" in described
    finally:
        plane.stop()


def test_the_job_is_what_kubernetes_takes(site):
    small_files(site.lake / "orders")
    site.operator.start()
    template = {
        "metadata": {"labels": {"team": "data"}},
        "resources": {"limits": {"memory": "512Mi"}},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "env": [{"name": "A", "value": "b"}],
        "scratch": {"size": "1Gi"},
    }
    site.apply(delta_table("orders", site.lake / "orders"), operation("run", optimize={}, jobTemplate=template))
    run = site.until_finished("run")
    assert run["status"]["phase"] == "Succeeded", run["status"]
    job = site.get("job", run["status"]["jobRef"]["name"])
    pod = job["spec"]["template"]
    for version in ("1.30", "1.37"):
        validate({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": job["spec"]}, version, strict=True)
    assert pod["metadata"]["labels"]["team"] == "data" and pod["spec"]["nodeSelector"] == {"disk": "fast"}
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True and pod["spec"]["automountServiceAccountToken"] is False
    assert job["metadata"]["ownerReferences"][0]["uid"] == run["metadata"]["uid"]
    log = site.kubectl("logs", f"job/{job['metadata']['name']}")
    assert '{"levee":"progress"' in log


def test_vacuum_checkpoint_and_delete_run_too(site):
    table = site.lake / "orders"
    small_files(table)
    before = delta_rs_rows(table)
    site.operator.start()
    site.apply(delta_table("orders", table), operation("a-optimize", optimize={}))
    assert site.until_finished("a-optimize")["status"]["phase"] == "Succeeded"
    site.apply(
        operation("b-dry", vacuum={"retention": "0s", "allowShortRetention": True}, dryRun=True),
        operation("c-vacuum", vacuum={"retention": "0s", "allowShortRetention": True}),
        operation("d-checkpoint", checkpoint={}),
    )
    for name in ("b-dry", "c-vacuum", "d-checkpoint"):
        assert site.until_finished(name)["status"]["phase"] == "Succeeded", site.status("tableoperation", name)
    assert "would remove" in site.status("tableoperation", "b-dry")["message"]
    assert "removed" in site.status("tableoperation", "c-vacuum")["message"]
    assert len(list(table.glob("*.parquet"))) == 1
    assert list((table / "_delta_log").glob("*.checkpoint.parquet"))
    assert delta_rs_rows(table) == before
    kept = [row for row in before if row[0] % 10 != 3]
    site.apply(operation("e-delete", delete={"where": "id % 10 = 3"}))
    status = site.until_finished("e-delete")["status"]
    assert status["phase"] == "Succeeded" and status["type"] == "Delete", status
    assert status["result"]["metrics"]["numDeletedRows"] == len(before) - len(kept) > 0
    assert status["message"] == f"deleted {len(before) - len(kept)} rows"
    assert delta_rs_rows(table) == kept


def test_a_missing_table_is_made(site):
    table = site.lake / "events"
    columns = [{"name": "id", "type": "bigint", "nullable": False, "comment": "key"}, {"name": "tags", "type": "map<string,array<decimal(10,2)>>"}, {"name": "day", "type": "date"}]
    create = {"schema": columns, "partitionBy": ["day"], "properties": {"delta.appendOnly": "true"}, "description": "what happened"}
    site.operator.start()
    site.apply(delta_table("events", table), operation("make", "events", createTable=create))
    run = site.until_finished("make")["status"]
    assert run["phase"] == "Succeeded" and run["type"] == "CreateTable" and run["result"]["version"] == 0, run
    site.until_reason("deltatable", "events", "Observed")
    made = DeltaTable(table)
    assert [field.name for field in made.schema().fields] == ["id", "tags", "day"] and made.metadata().partition_columns == ["day"]
    assert not made.schema().fields[0].nullable and made.metadata().description == "what happened"
    assert made.metadata().configuration == {"delta.appendOnly": "true"}
    properties = {"set": {"delta.enableChangeDataFeed": "true", "team": "data"}, "unset": ["delta.appendOnly"]}
    site.apply(operation("set", "events", setProperties=properties), operation("wrong", "events", setProperties={"set": {"delta.appendonly": "true"}}))
    assert site.until_finished("set")["status"]["result"]["version"] == 1
    assert DeltaTable(table).metadata().configuration == {"delta.enableChangeDataFeed": "true", "team": "data"} and DeltaTable(table).protocol().min_writer_version == 4
    wrong = site.until_finished("wrong")["status"]
    assert wrong["phase"] == "Failed" and "no property that Levee knows" in wrong["message"], wrong
    site.apply(operation("again", "events", createTable=create))
    again = site.until_finished("again")["status"]
    assert again["phase"] == "Failed" and "is a Delta table already" in again["message"], again
    assert DeltaTable(table).version() == 1


def test_a_policy_vacuums_on_its_schedule_and_only_in_its_windows(site):
    """The schedule is due each minute; the window is one of another day, until it is opened."""
    table = site.lake / "orders"
    small_files(table)
    DeltaTable(table).optimize.compact()
    rows = delta_rs_rows(table)
    for path in table.glob("*.parquet"):
        os.utime(path, (time.time() - 30 * 86400,) * 2)
    closed = {"days": [DAYS[(datetime.datetime.now(datetime.UTC).weekday() + 3) % 7]], "start": "00:00", "end": "00:01"}
    spec = {"vacuum": {"schedule": "* * * * *", "retention": "0s", "allowShortRetention": True}}
    site.operator.start()
    site.apply(delta_table("orders", table), policy(windows=[closed], **spec))
    decision = lambda: site.status("deltatable", "orders").get("maintenance", {}).get("vacuum", {}).get("decision", {})
    eventually(lambda: decision().get("reason") == "OutsideWindow", timeout=90)
    assert closed["days"][0] in decision()["message"] or "opens" in decision()["message"], decision()
    assert site.operations() == [] and len(list(table.glob("*.parquet"))) == 7
    site.apply(policy(**spec))
    eventually(lambda: site.operations(), timeout=90)
    run = site.until_finished(site.operations()[0]["metadata"]["name"])
    assert run["status"]["phase"] == "Succeeded", run["status"]
    assert run["status"]["result"]["metrics"]["numDeletedFiles"] == 6, run["status"]
    assert len(list(table.glob("*.parquet"))) == 1 and delta_rs_rows(table) == rows
    assert [commit["operation"] for commit in DeltaTable(table).history(2)] == ["VACUUM END", "VACUUM START"]


def test_partitions_and_where(site):
    table = site.lake / "orders"
    partitioned(table)
    before = delta_rs_rows(table)
    site.operator.start()
    column = DeltaTable(table).metadata().partition_columns[0]
    site.apply(delta_table("orders", table), operation("one", optimize={"where": f"{column} = 'plain'"}), operation("wrong", optimize={"where": "nowhere = 1"}))
    assert site.until_finished("one")["status"]["result"]["metrics"]["partitionsOptimized"] == 1
    wrong = site.until_finished("wrong")["status"]
    assert wrong["phase"] == "Failed" and "nowhere" in wrong["message"]
    assert delta_rs_rows(table) == before


def test_a_plan_says_what_it_would_do(site):
    table = site.lake / "orders"
    small_files(table)
    site.operator.start()
    site.apply(delta_table("orders", table), policy(mode="Plan", optimize={"when": {"smallFiles": 2}}))
    eventually(lambda: site.status("maintenancepolicy", "bronze").get("planned"))
    (planned,) = site.status("maintenancepolicy", "bronze")["planned"]
    assert planned["table"] == "orders" and planned["task"] == "Optimize" and "6 small files" in planned["message"]
    assert site.status("deltatable", "orders")["maintenance"]["optimize"]["decision"]["action"] == "Planned"
    assert site.operations() == [] and not optimizes(table)


def test_a_policy_sorts_what_is_new_and_nothing_else(levee, site):
    """By the policy's columns, by the table's own where it has any, and not where a column is missing."""
    table, clustered, other = (site.lake / name for name in ("orders", "clustered", "other"))
    small_files(table)
    rows = delta_rs_rows(table)
    schema = site.lake / "schema.json"
    schema.write_text(json.dumps([{"name": "key", "type": "long"}, {"name": "name", "type": "string"}]))
    (row := site.lake / "row.json").write_text('{"key": 1, "name": "a"}\n')
    levee("table", "create", clustered, "--schema", schema, "--cluster-by", "name")
    for _ in range(2):
        levee("table", "write", clustered, "--from", row)
    levee("table", "create", other, "--schema", schema)
    sorting = {"zOrderBy": ["id"], "when": {"smallFiles": 2}}
    site.operator.start()
    decision = lambda name="orders": site.status("deltatable", name).get("maintenance", {}).get("optimize", {}).get("decision", {})
    site.apply(
        delta_table("orders", table), delta_table("clustered", clustered), delta_table("other", other), policy(mode="Plan", cooldown="1s", optimize=sorting)
    )
    eventually(lambda: len(site.status("maintenancepolicy", "bronze").get("planned", [])) == 2)
    planned = {each["table"]: each["message"] for each in site.status("maintenancepolicy", "bronze")["planned"]}
    assert planned["orders"].startswith("6 files (") and planned["orders"].endswith("are not sorted by id yet, threshold 2")
    assert "the table's own name (in place of optimize.zOrderBy)" in planned["clustered"]
    assert decision("other")["reason"] == "InvalidZOrderBy" and "no column id" in decision("other")["message"]

    site.apply(policy(cooldown="1s", optimize=sorting))
    for runs, files in ((1, 1), (2, 2)):
        eventually(lambda: len(optimizes(table)) == runs, timeout=90)
        assert optimizes(table)[0]["operationParameters"]["zOrderBy"] == '["id"]'
        eventually(lambda: "are sorted by id" in decision()["message"], timeout=90)
        assert decision()["reason"] == "BelowThreshold"
        if runs == 1:
            assert delta_rs_rows(table) == rows
            small_files(table, files=2)
    eventually(lambda: optimizes(clustered))
    assert optimizes(clustered)[0]["operationParameters"]["clusterBy"] == '["name"]'
    time.sleep(2.5)
    assert len(optimizes(table)) == 2 and len(optimizes(clustered)) == 1 and not optimizes(other)
    assert site.status("deltatable", "orders")["layout"]["unsortedFiles"] == 0


def test_an_idempotent_run_is_done_once(site):
    table = site.lake / "orders"
    small_files(table)
    site.operator.start()
    key = {"appId": "nightly", "version": 7}
    site.apply(delta_table("orders", table), operation("first", optimize={}, idempotency=key))
    assert site.until_finished("first")["status"]["result"]["version"] == DeltaTable(table).version()
    small_files(table, files=3)
    version = DeltaTable(table).version()
    site.apply(operation("again", optimize={}, idempotency=key))
    again = site.until_finished("again")["status"]
    assert again["phase"] == "Succeeded" and "already" in again["message"]
    assert DeltaTable(table).version() == version


def test_an_operation_refuses_another_version_than_expected(site):
    table = site.lake / "orders"
    small_files(table)
    site.operator.start()
    site.apply(delta_table("orders", table), operation("run", optimize={}, expectedVersion=3))
    run = site.until_finished("run")["status"]
    assert run["phase"] == "Failed"
    assert "expected to be at version 3" in run["message"]
    assert not optimizes(table)


def test_history_limits_and_times_to_live(site):
    table = site.lake / "orders"
    small_files(table)
    site.operator.start()
    site.apply(
        delta_table("orders", table),
        policy(optimize={"when": {"smallFiles": 2}}, cooldown="1s", historyLimits={"succeeded": 1}),
        operation("short", checkpoint={}, ttlSecondsAfterFinished=1),
        operation("kept", checkpoint={}),
    )
    for round in range(3):
        eventually(lambda: len(optimizes(table)) == round + 1, timeout=90)
        small_files(table, files=2)
    eventually(lambda: [each for each in site.operations() if each["metadata"]["name"].startswith("orders-optimize-3")], timeout=90)
    eventually(lambda: len([each for each in site.operations() if each["metadata"]["name"].startswith("orders-optimize")]) == 1, timeout=90)
    eventually(lambda: "short" not in [each["metadata"]["name"] for each in site.operations()])
    assert "kept" in [each["metadata"]["name"] for each in site.operations()]


# The operator dies


def test_the_operator_may_die_at_every_step(levee, cluster, tmp_path):
    """kill -9 at each fault point on the way; the next operator finishes, and there is one operation, one Job, one commit."""

    def run(step=None, log=None):
        site = Site(levee, cluster, tmp_path)
        table = site.lake / "orders"
        shutil.copytree(master, table)
        site.apply(delta_table("orders", table), policy(optimize={"when": {"smallFiles": 2}}, historyLimits={"succeeded": 1}))
        site.operator.start(**({"LEVEE_FAULT_LOG": str(log)} if log else {"LEVEE_FAULT_POINT": step}))
        try:
            if step:
                eventually(lambda: site.operator.process.poll() is not None or has_settled(site), timeout=90)
                if site.operator.process.poll() is not None:
                    assert site.operator.process.returncode == -signal.SIGKILL, step
                    deaths.append(step)
                    site.operator.start()
            eventually(lambda: site.operations(), timeout=90)
            (run,) = site.operations()
            run = site.until_finished(run["metadata"]["name"])
            eventually(lambda: has_settled(site))
            assert run["status"]["phase"] == "Succeeded", step
            assert len(site.operations()) == 1, step
            assert len(site.kubectl.json("get", "jobs")["items"]) == 1, step
            assert len(optimizes(table)) == 1, step
            assert run["status"]["result"]["version"] == DeltaTable(table).version(), step
            assert delta_rs_rows(table) == before, step
        finally:
            site.operator.kill()

    def has_settled(site):
        """Whether the run is on the table's record, and nothing holds the operation any more."""
        recorded = site.status("deltatable", "orders").get("maintenance", {}).get("optimize", {}).get("lastRun")
        return recorded and not any(each["metadata"].get("finalizers") for each in site.operations())

    deaths = []
    master = tmp_path / "master"
    small_files(master)
    before = delta_rs_rows(master)
    log = tmp_path / "steps"
    run(log=log)
    hits, steps = {}, []
    for name in log.read_text().split():
        hits[name] = hits.get(name, 0) + 1
        steps.append(f"{name}:{hits[name]}")
    chosen = [step for step in steps if step.startswith("operator.")]
    assert {step.rsplit(":")[0] for step in chosen} >= {f"operator.{write}.{side}" for write in ("create-operation", "status", "finalizer", "create-job") for side in ("before", "after")}
    for step in chosen:
        run(step)
    # How often a status is written depends on who is faster, so that the last of the writes may not come to be.
    assert len(deaths) > len(chosen) * 3 / 4


def test_the_operator_may_be_killed_while_the_worker_runs(site):
    table = site.lake / "orders"
    small_files(table)
    before = delta_rs_rows(table)
    site.operator.start()
    site.apply(delta_table("orders", table), operation("run", optimize={}, jobTemplate=STOPPED_AT_WORK))
    worker = eventually(lambda: stopped_worker(site.name))
    eventually(lambda: site.status("tableoperation", "run").get("phase") == "Running")
    site.operator.kill()
    os.kill(worker, signal.SIGCONT)
    job = site.status("tableoperation", "run")["jobRef"]["name"]
    site.kubectl("wait", "--for=condition=Complete", f"job/{job}", "--timeout=90s")
    assert site.status("tableoperation", "run")["phase"] == "Running"
    site.operator.start()
    site.kubectl("wait", "--for=condition=Complete", "tableoperation/run", "--timeout=90s")
    assert site.status("tableoperation", "run")["result"]["version"] == DeltaTable(table).version()
    assert delta_rs_rows(table) == before and len(optimizes(table)) == 1


@pytest.mark.parametrize("gone", ["job", "pods"])
def test_a_result_that_is_gone_is_found_in_the_table(site, gone):
    """The operator is away while the Job ends, and its pods, which hold the termination message, are deleted: alone, or with it."""
    table = site.lake / "orders"
    small_files(table)
    site.operator.start()
    site.apply(delta_table("orders", table), operation("run", optimize={}, jobTemplate=STOPPED_AT_WORK))
    worker = eventually(lambda: stopped_worker(site.name))
    eventually(lambda: site.status("tableoperation", "run").get("jobRef", {}).get("uid"))
    site.operator.kill()
    os.kill(worker, signal.SIGCONT)
    job = site.status("tableoperation", "run")["jobRef"]["name"]
    site.kubectl("wait", "--for=condition=Complete", f"job/{job}", "--timeout=90s")
    site.kubectl("delete", *(("job", job) if gone == "job" else ("pods", "--all")))
    assert site.kubectl.json("get", "pods")["items"] == []
    site.operator.start()
    run = site.until_finished("run")["status"]
    assert run["phase"] == "Succeeded" and run["result"]["version"] == DeltaTable(table).version()
    assert run["result"]["metrics"]["numRemovedFiles"] == 6
    assert len(optimizes(table)) == 1 and len(site.kubectl.json("get", "jobs")["items"]) == (gone == "pods")


# The worker dies


def test_a_killed_worker_is_tried_again_and_finishes(site):
    table = site.lake / "orders"
    small_files(table)
    before = delta_rs_rows(table)
    site.operator.start()
    site.apply(delta_table("orders", table), operation("run", optimize={}, jobTemplate=STOPPED_AT_WORK))
    worker = eventually(lambda: stopped_worker(site.name))
    os.kill(worker, signal.SIGKILL)
    os.kill(eventually(lambda: stopped_worker(site.name, besides=worker)), signal.SIGCONT)
    run = site.until_finished("run")["status"]
    assert run["phase"] == "Succeeded" and run["attempts"] == 1, run
    assert delta_rs_rows(table) == before and len(optimizes(table)) == 1


def test_a_worker_that_dies_after_its_commit_has_succeeded(site):
    """Every try dies at once after the commit; the first one made it, and the table says so."""
    table = site.lake / "orders"
    small_files(table)
    site.operator.start()
    template = {"env": [{"name": "LEVEE_FAULT_POINT", "value": "optimize.committed"}]}
    site.apply(delta_table("orders", table), operation("run", optimize={}, backoffLimit=0, jobTemplate=template))
    run = site.until_finished("run")["status"]
    assert run["phase"] == "Succeeded" and run["result"]["version"] == DeltaTable(table).version(), run
    assert len(optimizes(table)) == 1


def test_a_worker_that_always_dies_is_given_up(site):
    table = site.lake / "orders"
    small_files(table)
    before = delta_rs_rows(table)
    site.operator.start()
    template = {"env": [{"name": "LEVEE_FAULT_POINT", "value": "optimize.staged"}]}
    site.apply(delta_table("orders", table), operation("run", optimize={}, backoffLimit=1, jobTemplate=template))
    run = site.until_finished("run")["status"]
    assert run["phase"] == "Failed" and "given up after 2 tries" in run["message"], run
    assert not optimizes(table) and delta_rs_rows(table) == before


@pytest.mark.parametrize("way", ["cancel", "delete"])
def test_a_running_operation_is_ended_cleanly(site, way):
    table = site.lake / "orders"
    small_files(table)
    before = everything(table)
    site.operator.start()
    site.apply(delta_table("orders", table), operation("run", optimize={}, jobTemplate=STOPPED_AT_WORK))
    worker = eventually(lambda: stopped_worker(site.name))
    eventually(lambda: site.status("tableoperation", "run").get("phase") == "Running")
    if way == "cancel":
        site.kubectl("patch", "tableoperation", "run", "--type", "merge", "-p", '{"spec":{"cancel":true}}')
    else:
        site.kubectl("delete", "tableoperation", "run", "--wait=false")
    time.sleep(0.5)
    os.kill(worker, signal.SIGCONT)
    if way == "cancel":
        run = site.until_finished("run")["status"]
        assert run["phase"] == "Cancelled" or optimizes(table), run
    else:
        eventually(lambda: not site.operations())
    assert site.kubectl.json("get", "jobs")["items"] == []
    if not optimizes(table):
        assert everything(table) == before


# What it tells


def test_metrics_and_health(site):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    small_files(site.lake / "orders")
    site.operator.command = [each for each in site.operator.command if each not in ("--metrics-address", "--health-address", "0")]
    site.operator.start("--metrics-address", address, "--health-address", address)
    site.apply(delta_table("orders", site.lake / "orders"))
    site.until_reason("deltatable", "orders", "Observed")

    def read(path):
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
            return answer.read().decode()

    assert read("/healthz") == "ok\n" and read("/readyz") == "ok\n"
    text = eventually(lambda: (found := read("/metrics")) and "levee_table_files" in found and found)
    assert f'levee_table_files{{namespace="{site.name}",table="orders"}} 6' in text
    assert 'levee_tables{ready="true"} 1' in text
    assert 'levee_reconcile_total{controller="table",outcome="ok"}' in text
    assert 'workqueue_depth{name="table",namespace="' in text and 'rest_client_requests_total{code="200"' in text


def test_an_annotation_asks_for_a_look(site):
    site.operator.start()
    small_files(site.lake / "orders")
    site.apply(delta_table("orders", site.lake / "orders", observe={"interval": "24h"}))
    site.until_reason("deltatable", "orders", "Observed")
    version = DeltaTable(site.lake / "orders").version()
    small_files(site.lake / "orders", files=1)
    site.kubectl("annotate", "deltatable", "orders", "levee.dev/reconcile=now")
    eventually(lambda: site.status("deltatable", "orders")["table"]["version"] == version + 1)
    assert site.status("deltatable", "orders")["lastHandledReconcile"] == "now"
