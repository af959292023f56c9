"""Compacted commits, log cleanup and checkpoints asked for by hand, on tables that deltalake made and goes on reading."""

import json
import os
import shutil
import time

import pytest
from deltalake import DeltaTable, write_deltalake
from operator_process import delta_table, operation
from operator_site import cluster, site
from rows import delta_rs_rows, rows
from samples import all_types, partitioned, small_files
from test_checkpoints import files
from test_crash import SIGKILL, crash_at_every_step, enumerate_steps

DAY = 86_400


def log_names(table):
    return sorted(entry.name for entry in (table / "_delta_log").iterdir())


def spread(table, days_per_commit):
    """Makes the log look as if its commits had been made days apart, the last one now."""
    last = DeltaTable(table).version()
    for entry in (table / "_delta_log").iterdir():
        if entry.is_file() and entry.name[:20].isdigit():
            then = time.time() - (last - int(entry.name[:20])) * days_per_commit * DAY
            os.utime(entry, (then, then))


@pytest.fixture
def history(table):
    """Appends, deletes, an overwrite and transactions, twelve versions."""
    small_files(table, files=4)
    DeltaTable(table).delete("id % 3 = 0")
    for index in range(3):
        write_deltalake(table, all_types(1000 + index * 10, 10), mode="append")
    DeltaTable(table).optimize.compact()
    for index in range(3):
        write_deltalake(table, all_types(2000 + index * 10, 10), mode="append")
    return table


def actions(path):
    return [next(iter(json.loads(line).items())) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("arguments", [(), ("--commits-per-file", 5), ("--from", 1, "--to", 9)], ids=["all", "aligned", "range"])
def test_compacted_commits_are_the_commits(levee, history, arguments):
    before = {version: (files(history), rows(levee.read(history, "--version", version))) for version in range(12)}
    result = levee("table", "compact-log", history, *arguments)
    assert result["ranges"]
    for first, last in result["ranges"]:
        kept = actions(history / "_delta_log" / f"{first:020d}.{last:020d}.compacted.json")
        assert not any(kind in ("commitInfo", "cdc") for kind, _ in kept)
        paths = [value["path"] for kind, value in kept if kind in ("add", "remove")]
        assert len(paths) == len(set(paths))
        wanted = {}
        for version in range(first, last + 1):
            for kind, value in actions(history / "_delta_log" / f"{version:020d}.json"):
                if kind in ("add", "remove"):
                    wanted[value["path"]] = (kind, value)
        assert {value["path"]: (kind, value) for kind, value in kept if kind in ("add", "remove")} == wanted
    for version, (known, content) in before.items():
        assert rows(levee.read(history, "--version", version)) == content
        assert delta_rs_rows(history, version) == content
    assert files(history) == before[11][0]
    write_deltalake(history, all_types(9000, 5), mode="append")
    assert delta_rs_rows(history) == rows(levee.read(history))


def test_what_is_there_is_checked_and_not_written_again(levee, history):
    levee("table", "compact-log", history)
    names = log_names(history)
    again = levee("table", "compact-log", history)
    assert again["ranges"] == [] and again["metrics"]["numFilesPresent"] == 1
    assert log_names(history) == names
    assert "Nothing to do" in levee.run("table", "compact-log", history).stdout


def test_wrong_ranges_are_refused(levee, history):
    assert "no version 99" in levee.fails(1, "table", "compact-log", history, "--to", 99)
    assert "two commits" in levee.fails(1, "table", "compact-log", history, "--from", 11)
    levee.fails(4, "table", "compact-log", history, "--expected-version", 3)
    levee.fails(1, "table", "compact-log", history / "nothing")


@pytest.mark.parametrize("policy", ["classic", "v2"])
def test_cleanup_leaves_what_the_retention_keeps(levee, table, tmp_path, policy):
    (tmp_path / "schema.json").write_text('[{"name": "id", "type": "long"}]')
    properties = {"delta.logRetentionDuration": "interval 5 days", "delta.checkpointPolicy": policy, "delta.checkpointInterval": "4"}
    arguments = [part for name, value in properties.items() for part in ("--property", f"{name}={value}")]
    levee("table", "create", table, "--schema", tmp_path / "schema.json", *arguments)
    for number in range(12):
        (tmp_path / "rows.json").write_text(f'{{"id": {number}}}\n')
        levee("table", "write", table, "--from", tmp_path / "rows.json")
    spread(table, 1)
    for sidecar in (table / "_delta_log" / "_sidecars").glob("*"):
        os.utime(sidecar, (time.time() - 3 * DAY,) * 2)
    before = log_names(table)
    dry = levee("table", "log-cleanup", table, "--dry-run")
    assert (dry["firstVersion"], dry["lastVersion"]) == (4, 12)
    assert log_names(table) == before
    sizes = sum(entry.stat().st_size for entry in (table / "_delta_log").rglob("*") if entry.is_file())
    done = levee("table", "log-cleanup", table)
    assert done == {**dry, "dryRun": False}
    assert done["metrics"]["numRemovedCommits"] == 4
    assert sizes - sum(entry.stat().st_size for entry in (table / "_delta_log").rglob("*") if entry.is_file()) == done["metrics"]["numRemovedBytes"]
    for version in range(4, 13):
        assert delta_rs_rows(table, version) == [(number,) for number in sorted(range(version), key=lambda value: repr((value,)))]
    levee.fails(1, "table", "read", table, "--version", 3)
    assert "Nothing to do" in levee.run("table", "log-cleanup", table).stdout


def test_cleanup_says_what_holds_it_back(levee, table):
    write_deltalake(table, all_types(0, 5), configuration={"delta.enableExpiredLogCleanup": "false"})
    assert levee("table", "log-cleanup", table)["obstacle"] == "delta.enableExpiredLogCleanup is false"


def test_checkpoint_is_planned_and_held_to_a_version(levee, table):
    partitioned(table, files=2)
    version = DeltaTable(table).version()
    dry = levee("table", "checkpoint", table, "--dry-run")
    assert dry["version"] == version and not dry["written"]
    assert not any("checkpoint" in name for name in log_names(table))
    levee.fails(4, "table", "checkpoint", table, "--expected-version", version + 1)
    assert levee("table", "checkpoint", table, "--expected-version", version)["written"]


def test_kill_at_every_step_of_a_compaction(levee, history, tmp_path):
    compacted = f"{0:020d}.{11:020d}.compacted.json"

    def check(step):
        assert compacted in log_names(tmp_path / "copy"), step
        assert levee("table", "compact-log", tmp_path / "copy")["metrics"]["numFilesPresent"] == 1, step

    steps = crash_at_every_step(levee, history, tmp_path / "copy", tmp_path, ["table", "compact-log"], delta_rs_rows(history), check)
    assert {"compactLog.planned", "compactLog.beforeFinish", "compactLog.written", "compactLog.verified"} <= {step.rsplit(":", 1)[0] for step in steps}


def test_kill_at_every_step_of_a_cleanup(levee, table, tmp_path):
    master = tmp_path / "master"
    small_files(master, files=3)
    levee("table", "checkpoint", master)
    levee("table", "write", master, "--from", levee_rows(tmp_path))
    spread(master, 40)
    expected = delta_rs_rows(master)
    shutil.copytree(master, tmp_path / "trial")
    steps = enumerate_steps(levee, ["table", "log-cleanup", tmp_path / "trial"], tmp_path / "steps")
    assert {"log.beforeCleanup", "log.cleaning"} <= {step.rsplit(":", 1)[0] for step in steps}
    for step in steps:
        shutil.rmtree(table, ignore_errors=True)
        shutil.copytree(master, table)
        assert levee.run("table", "log-cleanup", table, env={"LEVEE_FAULT_POINT": step}).returncode == SIGKILL, step
        assert delta_rs_rows(table) == expected, step
        assert levee("table", "log-cleanup", table)["firstVersion"] == 2, step
        assert delta_rs_rows(table) == expected and not (table / "_delta_log" / f"{1:020d}.json").exists(), step


def test_as_operations(levee, site):
    """Each as a TableOperation, on a table that changes its version by the statistics alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = site.lake / "orders"
    small_files(table, files=4)
    expected = delta_rs_rows(table)
    orphan = table / "orphan.parquet"
    orphan.write_bytes(b"x")
    os.utime(orphan, (time.time() - 30 * DAY,) * 2)
    then = int((time.time() - 30 * DAY) * 1000)
    types = pa.schema([("path", pa.string()), ("length", pa.int64()), ("isDir", pa.bool_()), ("modificationTime", pa.int64())])
    pq.write_table(pa.Table.from_pylist([{"path": f"file://{orphan}", "length": 1, "isDir": False, "modificationTime": then}], types), site.lake / "inventory.parquet")
    site.operator.start()
    kinds = {
        "compact": {"compactLog": {}},
        "clean": {"logCleanup": {}},
        "manifest": {"generateManifest": {}},
        "checkpoint": {"checkpoint": {}},
        "statistics": {"computeStatistics": {"missingOnly": True}},
        "vacuum": {"vacuum": {"inventory": {"location": f"file://{site.lake}/inventory.parquet"}}},
    }
    site.apply(delta_table("orders", table))
    done = {}
    for name, spec in kinds.items():
        site.apply(operation(name, **spec))
        done[name] = site.until_finished(name)["status"]
        assert done[name]["phase"] == "Succeeded", done[name]
    assert [status["type"] for status in done.values()] == ["CompactLog", "LogCleanup", "GenerateManifest", "Checkpoint", "ComputeStatistics", "Vacuum"]
    assert done["compact"]["result"]["metrics"]["numCommitsCompacted"] == 4
    assert done["clean"]["message"].startswith("nothing to remove")
    assert done["checkpoint"]["result"]["metrics"]["checkpointVersion"] == 3
    assert done["vacuum"]["result"]["metrics"]["numDeletedFiles"] == 1 and not orphan.exists()
    assert {f"{0:020d}.{3:020d}.compacted.json", f"{3:020d}.checkpoint.parquet"} <= set(log_names(table))
    assert (table / "_symlink_format_manifest" / "manifest").exists()
    assert delta_rs_rows(table) == expected


def levee_rows(directory):
    import pyarrow.parquet as pq

    pq.write_table(all_types(5000, 10), directory / "rows.parquet")
    return directory / "rows.parquet"
