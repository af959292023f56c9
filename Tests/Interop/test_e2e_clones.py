"""TableClones with kubectl: once, on a schedule, what moves when they are repeated, what stands in their way; and an operator that dies on the way."""

import datetime
import json
import os
import shutil
import signal

from deltalake import DeltaTable
from devcluster.control_plane import eventually
from operator_process import delta_table, levee_object, operation, stopped_worker
from operator_site import cluster, site
from rows import delta_rs_rows
from samples import small_files

STOPPED_BEFORE_COMMIT = {"env": [{"name": "LEVEE_FAULT_POINT", "value": "clone.planned"}, {"name": "LEVEE_FAULT_SIGNAL", "value": "STOP"}]}


def table_clone(site, name="copy", target=None, source=None, create_table=False, **spec):
    target = {"location": f"file://{target or site.lake / name}", "storageRef": {"name": "lake"}, **({"createTable": True} if create_table else {})}
    return levee_object("TableClone", name, source=source or {"tableRef": {"name": "orders"}}, target=target, **spec)


def until(site, check, name="copy"):
    """Until the clone's status is so; returns it."""
    return eventually(lambda: (status := site.status("tableclone", name)) and check(status) and status, timeout=90)


def until_synced(site, version, name="copy"):
    return until(site, lambda status: status.get("sourceVersion") == version and "operationRef" not in status, name)


def ask(site, value, name="copy"):
    site.kubectl("annotate", "tableclone", name, f"levee.dev/reconcile={value}", "--overwrite")


def clones_of(path):
    return [commit for commit in DeltaTable(path).history() if commit["operation"] == "CLONE"]


def files(path):
    return sorted(each.name for each in path.glob("*.parquet"))


def test_a_table_is_cloned_once_and_shown(site):
    source, target = site.lake / "orders", site.lake / "copy"
    small_files(source, files=3)
    site.operator.start()
    site.apply(delta_table("orders", source), table_clone(site, create_table=True))
    site.kubectl("wait", "--for=condition=Ready", "tableclone/copy", "--timeout=60s")
    status = until_synced(site, 2)
    assert status["source"] == "orders" and status["synced"] == "latest" and status["targetVersion"] == 0, status
    assert status["lastRun"]["copiedFiles"] == 3 and status["lastRun"]["copiedBytes"] > 0 and status["runs"] == 1, status
    assert delta_rs_rows(target) == delta_rs_rows(source) and files(target) == files(source)
    (run,) = site.operations()
    assert run["status"]["type"] == "Clone" and run["status"]["result"]["metrics"]["sourceVersion"] == 2
    assert run["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "levee" and run["metadata"]["ownerReferences"][0]["kind"] == "TableClone"
    table = eventually(lambda: (found := site.kubectl.json("get", "deltatables")["items"]) and len(found) == 2 and next(each for each in found if each["metadata"]["name"] == "copy"))
    assert table["spec"]["location"] == f"file://{target}" and "ownerReferences" not in table["metadata"]
    site.until_reason("deltatable", "copy", "Observed")
    assert "orders" in site.kubectl("get", "tableclones") and "tableclone.levee.dev/copy" in site.kubectl("get", "levee")
    until(site, lambda status: status["decision"]["reason"] == "Cloned")

    # What is new in the source moves when it is asked for, and nothing else.
    small_files(source, files=2)
    ask(site, "again")
    status = until_synced(site, 4)
    assert status["lastHandledReconcile"] == "again" and status["lastRun"]["copiedFiles"] == 2 and status["targetVersion"] == 1, status
    assert delta_rs_rows(target) == delta_rs_rows(source) and len(clones_of(target)) == 2

    # The TableClone goes; target and table stay.
    site.kubectl("delete", "tableclone", "copy")
    eventually(lambda: site.operations() == [])
    assert site.condition("deltatable", "copy")["status"] == "True" and delta_rs_rows(target) == delta_rs_rows(source)


def test_a_schedule_is_made_up_for_and_runs_only_for_what_is_new(site):
    """The operator was away when the schedule came: the status it finds is of some minutes ago."""
    source, target = site.lake / "orders", site.lake / "copy"
    small_files(source, files=2)
    site.operator.start()
    # Comes each day, at a time that was a minute ago.
    considered = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
    sync = {"schedule": f"{considered.minute} {considered.hour} * * *"}
    site.apply(delta_table("orders", source), table_clone(site, sync=sync))
    status = until_synced(site, 1)
    tomorrow = (considered + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:00Z")
    assert status["nextSyncTime"] == tomorrow and status["runs"] == 1, status

    def miss_it():
        site.operator.kill()
        clone = site.get("tableclone", "copy")
        clone["metadata"].pop("managedFields", None)
        clone["status"]["lastConsideredTime"] = (considered - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:00Z")
        site.kubectl("replace", "--raw", f"/apis/levee.dev/v1alpha1/namespaces/{site.name}/tableclones/copy/status", "-f", "-", stdin=json.dumps(clone))
        site.operator.start()

    miss_it()
    status = until(site, lambda status: status["decision"]["reason"] == "UpToDate")
    assert status["runs"] == 1 and status["lastConsideredTime"] == considered.strftime("%Y-%m-%dT%H:%M:00Z"), status
    small_files(source, files=1)
    miss_it()
    status = until_synced(site, 2)
    assert status["decision"]["reason"] == "Scheduled" and status["runs"] == 2 and status["lastRun"]["copiedFiles"] == 1, status
    assert delta_rs_rows(target) == delta_rs_rows(source)


def test_a_shallow_clone_holds_the_sources_vacuum_back(site):
    source, target = site.lake / "orders", site.lake / "copy"
    small_files(source, files=3)
    rows = delta_rs_rows(source)
    old = files(source)
    site.operator.start()
    site.apply(delta_table("orders", source), table_clone(site, mode="Shallow"))
    status = until_synced(site, 2)
    assert files(target) == [] and status["lastRun"]["copiedFiles"] == 0, status
    DeltaTable(source).optimize.compact()
    for path in source.glob("*.parquet"):
        os.utime(path, (0, 0))
    vacuum = {"retention": "0s", "allowShortRetention": True}
    site.apply(operation("a-vacuum", vacuum=vacuum))
    run = site.until_finished("a-vacuum")["status"]
    assert run["phase"] == "Succeeded" and run["result"]["metrics"]["numFilesKeptForClones"] == 3, run
    assert set(old) <= set(files(source)) and delta_rs_rows(target) == rows

    # Brought up to date the clone needs them no more, but for its own retention.
    ask(site, "now")
    until_synced(site, 3)
    assert delta_rs_rows(target) == rows
    # Without the TableClone its target still has the last word.
    site.kubectl("delete", "tableclone", "copy")
    site.apply(operation("b-vacuum", vacuum=vacuum))
    run = site.until_finished("b-vacuum")["status"]
    assert run["phase"] == "Succeeded" and run["result"]["metrics"]["numClones"] == 1, run
    assert delta_rs_rows(target) == rows == delta_rs_rows(source)


def test_what_is_missing_or_taken_is_said_and_awaited(site):
    source = site.lake / "orders"
    site.operator.start()
    site.apply(table_clone(site), table_clone(site, "elsewhere", target=site.lake.parent / "elsewhere"))
    assert "there is no DeltaTable orders" in site.until_reason("tableclone", "copy", "TableNotFound", "Stalled")["message"]
    site.apply(delta_table("orders", source))
    site.until_reason("tableclone", "copy", "LocationNotFound", "Stalled")
    assert "does not lie below" in site.until_reason("tableclone", "elsewhere", "LocationOutsideRoot", "Stalled")["message"]
    assert site.operations() == []
    small_files(source, files=2)
    until_synced(site, 1)
    assert site.condition("tableclone", "copy", "Stalled")["status"] is None

    # Its target is its own now.
    site.apply(table_clone(site, "second", target=site.lake / "copy"))
    assert f"{site.name}/copy" in site.until_reason("tableclone", "second", "LocationTaken", "Stalled")["message"]
    site.apply(delta_table("held", site.lake / "third"), table_clone(site, "third"))
    message = site.until_reason("tableclone", "third", "LocationTaken", "Stalled")["message"]
    assert "levee.dev/clone=third" in message
    site.kubectl("label", "deltatable", "held", "levee.dev/clone=third")
    site.kubectl("delete", "tableclone", "copy")
    until_synced(site, 1, "third")
    until_synced(site, 1, "second")
    assert delta_rs_rows(site.lake / "third") == delta_rs_rows(source)
    assert ("third", "Synced") in eventually(site.events)


def test_a_suspended_clone_waits_and_a_failed_one_says_why(site):
    source, other = site.lake / "orders", site.lake / "other"
    small_files(source, files=2)
    small_files(other, files=1)
    site.operator.start()
    site.apply(delta_table("orders", source), table_clone(site, suspend=True), table_clone(site, "other"))
    site.until_reason("tableclone", "copy", "Suspended")
    message = site.until_reason("tableclone", "other", "SyncFailed")["message"]
    assert "tried again at" in message and site.status("tableclone", "other")["lastRun"]["failures"] == 1
    assert not (site.lake / "copy").exists() and clones_of(other) == []
    shutil.rmtree(other)
    ask(site, "now", "other")
    until_synced(site, 1, "other")
    site.apply(table_clone(site))
    site.kubectl("patch", "tableclone", "copy", "--type", "merge", "-p", '{"spec":{"suspend":false}}')
    until_synced(site, 1)


def test_an_operator_that_dies_has_its_run_taken_up(site):
    """kill -9 while the worker is at work; and a TableClone that is deleted then ends it cleanly."""
    source = site.lake / "orders"
    small_files(source, files=2)
    site.operator.start()
    site.apply(delta_table("orders", source), table_clone(site, jobTemplate=STOPPED_BEFORE_COMMIT))
    worker = eventually(lambda: stopped_worker(site.name))
    site.operator.restart()
    until(site, lambda status: status.get("operationRef"))
    os.kill(worker, signal.SIGCONT)
    status = until_synced(site, 1)
    assert status["runs"] == 1 and len(site.operations()) == 1 and len(clones_of(site.lake / "copy")) == 1, status

    site.apply(table_clone(site, "gone", jobTemplate=STOPPED_BEFORE_COMMIT))
    worker = eventually(lambda: stopped_worker(f"{site.name}/lake/gone"))
    site.kubectl("delete", "tableclone", "gone", "--wait=false")
    eventually(lambda: any(job["metadata"].get("deletionTimestamp") for job in site.kubectl.json("get", "jobs")["items"]))
    os.kill(worker, signal.SIGCONT)
    eventually(lambda: len(site.operations()) == 1)
    eventually(lambda: len(site.kubectl.json("get", "jobs")["items"]) == 1)
    assert files(site.lake / "gone") == [] and delta_rs_rows(source) == delta_rs_rows(site.lake / "copy")


def test_a_bad_spec_is_refused_with_the_message(site):
    """By the server where it evaluates the definition's rules, else by the operator."""
    pinned = {"tableRef": {"name": "orders"}, "version": 3}
    bad = {
        "scheduled": ({"sync": {"schedule": "0 6 * * *"}, "source": pinned}, "is cloned once: leave out sync"),
        "both": ({"source": {**pinned, "timestamp": "2026-03-01T06:00:00Z"}}, "not by both"),
        "nothing": ({"source": {"version": 3}}, "name the source either by tableRef or by location"),
        "profiles": ({"source": {"location": "file:///x", "storageRef": {"name": "other"}}}, "one pod has the credentials of one StorageProfile"),
        "never": ({"sync": {"schedule": "0 0 30 2 *"}}, "spec.sync.schedule"),
    }
    site.operator.start()
    for name, (change, message) in bad.items():
        applied = site.kubectl.command("apply", "-f", "-", stdin=json.dumps(table_clone(site, name, **change)))
        said = applied.stderr if applied.returncode else site.until_reason("tableclone", name, "InvalidSpec", "Stalled")["message"]
        assert message in said, name
    assert site.operations() == []
    assert "transform" in site.kubectl.fails("apply", "--validate=true", "-f", "-", stdin=json.dumps(table_clone(site, transform={"where": "a = 1"})))


def test_what_must_not_change_is_refused(site):
    site.apply(table_clone(site))
    for changed in (table_clone(site, target=site.lake / "x"), table_clone(site, mode="Shallow"), table_clone(site, source={"tableRef": {"name": "x"}})):
        assert "immutable" in site.kubectl.fails("apply", "-f", "-", stdin=json.dumps(changed))
    site.apply(table_clone(site, source={"tableRef": {"name": "orders"}, "version": 3}, suspend=True))
