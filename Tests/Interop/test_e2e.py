"""The whole path, with kubectl: YAML in, the operator notices, a worker compacts, the result stands on the resource. And through crashes of each part."""

import contextlib
import datetime
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from devcluster.control_plane import ControlPlane, Kubectl, eventually, kubectls
from kubernetes_validate import validate
from operator_process import OperatorProcess, WorkerHunter, delta_table, levee_object, operation, policy, profile
from rows import delta_rs_rows
from samples import partitioned, small_files

ROOT = pathlib.Path(__file__).resolve().parents[2]
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
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
        self.name = f"e2e-{next(_numbers)}"
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
        eventually(lambda: self.condition(kind, name, type)["reason"] == reason, timeout=30)
        return self.condition(kind, name, type)

    def until_finished(self, name, timeout=60):
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
        eventually(lambda: kubectl.json("get", "tableoperations")["items"], timeout=30)
        kubectl("wait", "--for=condition=Complete", "tableoperation", "--all", "--timeout=60s")
        kubectl("wait", "--for=condition=Ready", "deltatable/orders", "storageprofile/lake", "maintenancepolicy/bronze", "--timeout=30s")
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


def test_vacuum_and_checkpoint_run_too(site):
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
        eventually(lambda: len(optimizes(table)) == round + 1, timeout=30)
        small_files(table, files=2)
    eventually(lambda: [each for each in site.operations() if each["metadata"]["name"].startswith("orders-optimize-3")], timeout=30)
    eventually(lambda: len([each for each in site.operations() if each["metadata"]["name"].startswith("orders-optimize")]) == 1, timeout=30)
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
                eventually(lambda: site.operator.process.poll() is not None or has_settled(site), timeout=60)
                if site.operator.process.poll() is not None:
                    assert site.operator.process.returncode == -signal.SIGKILL, step
                    deaths.append(step)
                    site.operator.start()
            eventually(lambda: site.operations(), timeout=30)
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
    with WorkerHunter(site.name, signal.SIGSTOP) as hunter:
        site.apply(delta_table("orders", table), operation("run"))
        assert hunter.found.wait(30)
    eventually(lambda: site.status("tableoperation", "run").get("phase") == "Running")
    site.operator.kill()
    os.kill(hunter.pid, signal.SIGCONT)
    job = site.status("tableoperation", "run")["jobRef"]["name"]
    site.kubectl("wait", "--for=condition=Complete", f"job/{job}", "--timeout=30s")
    assert site.status("tableoperation", "run")["phase"] == "Running"
    site.operator.start()
    site.kubectl("wait", "--for=condition=Complete", "tableoperation/run", "--timeout=30s")
    assert site.status("tableoperation", "run")["result"]["version"] == DeltaTable(table).version()
    assert delta_rs_rows(table) == before and len(optimizes(table)) == 1


def test_a_result_that_is_gone_is_found_in_the_table(site):
    """The operator is away while the Job ends and is deleted with its pods."""
    table = site.lake / "orders"
    small_files(table)
    site.operator.start()
    with WorkerHunter(site.name, signal.SIGSTOP) as hunter:
        site.apply(delta_table("orders", table), operation("run"))
        assert hunter.found.wait(30)
    eventually(lambda: site.status("tableoperation", "run").get("jobRef", {}).get("uid"))
    site.operator.kill()
    os.kill(hunter.pid, signal.SIGCONT)
    job = site.status("tableoperation", "run")["jobRef"]["name"]
    site.kubectl("wait", "--for=condition=Complete", f"job/{job}", "--timeout=30s")
    site.kubectl("delete", "job", job)
    site.operator.start()
    run = site.until_finished("run")["status"]
    assert run["phase"] == "Succeeded" and run["result"]["version"] == DeltaTable(table).version()
    assert run["result"]["metrics"]["numRemovedFiles"] == 6
    assert len(optimizes(table)) == 1 and site.kubectl.json("get", "jobs")["items"] == []


# The worker dies


def test_a_killed_worker_is_tried_again_and_finishes(site):
    table = site.lake / "orders"
    small_files(table)
    before = delta_rs_rows(table)
    site.operator.start()
    with WorkerHunter(site.name, signal.SIGKILL) as hunter:
        site.apply(delta_table("orders", table), operation("run"))
        assert hunter.found.wait(30)
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
    with WorkerHunter(site.name, signal.SIGSTOP) as hunter:
        site.apply(delta_table("orders", table), operation("run"))
        assert hunter.found.wait(30)
    eventually(lambda: site.status("tableoperation", "run").get("phase") == "Running")
    if way == "cancel":
        site.kubectl("patch", "tableoperation", "run", "--type", "merge", "-p", '{"spec":{"cancel":true}}')
    else:
        site.kubectl("delete", "tableoperation", "run", "--wait=false")
    time.sleep(0.5)
    os.kill(hunter.pid, signal.SIGCONT)
    if way == "cancel":
        run = site.until_finished("run")["status"]
        assert run["phase"] == "Cancelled" or optimizes(table), run
    else:
        eventually(lambda: not site.operations())
    assert site.kubectl.json("get", "jobs")["items"] == []
    if not optimizes(table):
        assert everything(table) == before


# Bad input


def broken_commit(table):
    small_files(table)
    (table / "_delta_log" / f"{3:020}.json").write_text('{"add": {"path"')


def missing_commit(table):
    small_files(table)
    (table / "_delta_log" / f"{3:020}.json").unlink()


def no_table(table):
    table.mkdir()
    (table / "readme.txt").write_text("nothing")


def unknown_feature(table):
    small_files(table)
    path = table / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if "protocol" in line:
            line["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["fromTheFuture"], "writerFeatures": ["fromTheFuture"]}
    path.write_text("\n".join(json.dumps(line) for line in lines))


@pytest.mark.parametrize(
    "make, reason, words",
    [
        (lambda table: None, "LocationNotFound", "does not exist"),
        (no_table, "NotATable", "_delta_log"),
        (broken_commit, "CorruptLog", "commit 3"),
        (missing_commit, "CorruptLog", "00000000000000000003.json"),
        (unknown_feature, "UnsupportedFeature", "fromTheFuture"),
    ],
)
def test_a_table_that_cannot_be_read_is_a_condition_and_the_others_are_served(site, make, reason, words):
    make(site.lake / "bad")
    before = everything(site.lake / "bad") if (site.lake / "bad").exists() else None
    small_files(site.lake / "good")
    site.operator.start()
    site.apply(
        delta_table("bad", site.lake / "bad"), delta_table("good", site.lake / "good"), policy(optimize={"when": {"smallFiles": 2}}),
        operation("on-bad", table="bad"),
    )
    condition = site.until_reason("deltatable", "bad", reason)
    assert condition["status"] == "False" and words in condition["message"], condition
    assert site.condition("deltatable", "bad", "Stalled")["status"] == "True"
    eventually(lambda: optimizes(site.lake / "good"))
    site.until_reason("deltatable", "good", "Observed")
    run = site.until_finished("on-bad")["status"]
    assert run["phase"] == "Failed" and words in run["message"], run
    assert (everything(site.lake / "bad") if before is not None else None) == before
    assert ("bad", reason) in site.events()


def test_a_truncated_data_file_fails_the_run_and_leaves_the_table(site):
    table = site.lake / "bad"
    small_files(table)
    victim = sorted(table.glob("*.parquet"))[0]
    victim.write_bytes(victim.read_bytes()[:100])
    before = everything(table)
    small_files(site.lake / "good")
    site.operator.start()
    site.apply(delta_table("bad", table), delta_table("good", site.lake / "good"), policy(optimize={"when": {"smallFiles": 2}}))
    failed = lambda: [each for each in site.operations() if each["status"].get("phase") == "Failed"]
    eventually(failed, timeout=60)
    (run,) = failed()
    assert victim.name in run["status"]["message"], run["status"]
    assert [each for each in run["status"]["conditions"] if each["type"] == "Failed"][0]["reason"] == "WorkerFailed"
    eventually(lambda: optimizes(site.lake / "good"))
    eventually(lambda: site.status("deltatable", "bad")["maintenance"]["optimize"]["decision"]["reason"] == "CoolingDown")
    assert site.status("deltatable", "bad")["maintenance"]["optimize"]["lastRun"]["failures"] == 1
    assert everything(table) == before


def test_a_full_disk_fails_the_run_by_name(site):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    small_files(site.lake / "good")
    disk = site.lake / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True).returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        table = disk / "bad"
        for number in range(3):
            write_deltalake(table, pa.table({"id": list(range(number * 90_000, (number + 1) * 90_000))}), mode="append")
        with open(disk / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        rows = delta_rs_rows(table)
        site.operator.start()
        site.apply(delta_table("bad", table), delta_table("good", site.lake / "good"), policy(optimize={"when": {"smallFiles": 2}}), profile(disk, "full"))
        failed = lambda: [each for each in site.operations() if each["status"].get("phase") == "Failed"]
        eventually(failed, timeout=60)
        assert "no space left" in failed()[0]["status"]["message"]
        assert "no space left" in site.until_reason("storageprofile", "full", "OutOfSpace")["message"]
        eventually(lambda: optimizes(site.lake / "good"))
        assert delta_rs_rows(table) == rows and not optimizes(table)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_two_tables_at_one_place(site):
    small_files(site.lake / "orders")
    site.operator.start()
    site.apply(delta_table("first", site.lake / "orders"))
    site.until_reason("deltatable", "first", "Observed")
    time.sleep(1.1)
    site.apply(delta_table("second", f"{site.lake}//orders/"), policy(optimize={"when": {"smallFiles": 2}}))
    assert "first" in site.until_reason("deltatable", "second", "LocationTaken")["message"]
    eventually(lambda: optimizes(site.lake / "orders"))
    assert len(site.operations()) == 1
    site.kubectl("delete", "deltatable", "first")
    site.until_reason("deltatable", "second", "Observed")


@pytest.mark.parametrize(
    "spec, field",
    [
        ({"optimize": {"schedule": "0 0 30 2 *"}}, "optimize.schedule"),
        ({"optimize": {"schedule": "whenever"}}, "optimize.schedule"),
        ({"optimize": {}, "timeZone": "Mars/Olympus_Mons"}, "timeZone"),
        ({"optimize": {"targetFileSize": "1Ki"}}, "optimize.targetFileSize"),
        ({"vacuum": {"schedule": "@daily", "retention": "99999999999999999999h", "allowShortRetention": True}}, "vacuum.retention"),
        ({"vacuum": {"schedule": "@daily", "retention": "1h"}}, "vacuum.retention"),
        ({"vacuum": {}}, "vacuum"),
    ],
)
def test_a_policy_that_cannot_be_read_names_its_field(site, spec, field):
    small_files(site.lake / "orders")
    site.operator.start()
    done = site.kubectl.command("apply", "-f", "-", stdin=json.dumps(policy("broken", priority=9, **spec)))
    if done.returncode == 0:
        condition = site.until_reason("maintenancepolicy", "broken", "InvalidSpec")
        assert f"spec.{field}" in condition["message"], condition
    else:
        # A rule of the schema was sooner.
        assert field in done.stderr, done.stderr
    site.apply(delta_table("orders", site.lake / "orders"), policy("good", optimize={"when": {"smallFiles": 2}}))
    eventually(lambda: optimizes(site.lake / "orders"))


def test_references_that_lead_nowhere_are_followed_once_they_lead_somewhere(site):
    small_files(site.lake / "orders")
    site.operator.start()
    site.apply(operation("run"))
    assert "orders" in site.until_reason("tableoperation", "run", "TableNotFound")["message"]
    table = delta_table("orders", site.lake / "orders")
    table["spec"]["storageRef"]["name"] = "other"
    site.apply(table)
    assert "other" in site.until_reason("deltatable", "orders", "StorageNotFound")["message"]
    site.apply(profile(site.lake, "other"))
    assert site.until_finished("run")["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda lake: profile(lake / "nowhere"), "Unreachable"),
        (lambda lake: levee_object("StorageProfile", "lake", root="file:///data/lake", filesystem={"persistentVolumeClaim": "c"}), "ClaimNotProbed"),
    ],
)
def test_a_profile_says_what_its_probe_found(site, change, reason):
    site.operator.start()
    site.until_reason("storageprofile", "lake", "Probed")
    assert not [path for path in site.lake.rglob("*") if path.is_file()], "the probe leaves nothing behind"
    site.apply(change(site.lake))
    site.until_reason("storageprofile", "lake", reason)


def test_a_directory_of_the_machine_is_for_levee_dev_only(site):
    site.operator.command.remove("--allow-host-filesystem")
    small_files(site.lake / "orders")
    site.operator.start()
    site.apply(delta_table("orders", site.lake / "orders"), operation("run"))
    for kind, name in [("storageprofile", "lake"), ("deltatable", "orders"), ("tableoperation", "run")]:
        assert "claim" in site.until_reason(kind, name, "HostFilesystemRefused")["message"]
    assert site.kubectl.json("get", "jobs")["items"] == []


def test_suspension_stops_new_work(site):
    small_files(site.lake / "orders")
    site.operator.start()
    site.apply(delta_table("orders", site.lake / "orders", suspend=True), policy(optimize={"when": {"smallFiles": 2}}), operation("run"))
    eventually(lambda: site.status("deltatable", "orders").get("maintenance", {}).get("optimize", {}).get("decision", {}).get("reason") == "TableSuspended")
    assert "suspended" in site.until_reason("tableoperation", "run", "Suspended")["message"]
    time.sleep(1)
    assert len(site.operations()) == 1 and not optimizes(site.lake / "orders")
    site.apply(delta_table("orders", site.lake / "orders", suspend=False))
    assert site.until_finished("run")["status"]["phase"] == "Succeeded"


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
    assert "levee_workqueue_depth" in text


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
