"""What the operator makes of bad input: a condition or a message that names the thing and the way out, with the other tables served meanwhile."""

import contextlib
import json
import os
import subprocess
import time

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from devcluster.control_plane import eventually
from operator_process import delta_table, levee_object, operation, policy, profile
from operator_site import cluster, everything, optimizes, site
from rows import delta_rs_rows
from samples import small_files


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
        (lambda lake: levee_object("StorageProfile", "lake", root="file:///data/lake", filesystem={"persistentVolumeClaim": "c"}), "Probing"),
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
