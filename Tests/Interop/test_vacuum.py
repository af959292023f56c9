"""VACUUM on tables that deltalake made: what may go goes, what anybody may still need stays."""

import json
import os
import shutil
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import CONFORMANCE
from deltalake import DeltaTable, write_deltalake
from rows import delta_rs_rows

DAY = 86_400


def age(path, days):
    """Makes a file look as if it had been written days ago."""
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def data_files(table):
    return sorted(
        os.path.relpath(os.path.join(directory, name), table)
        for directory, _, names in os.walk(table)
        for name in names
        if "_delta_log" not in directory
    )


def age_all(table, days):
    for name in data_files(table):
        age(table / name, days)


@pytest.fixture
def overwritten(table):
    """A table whose first two files were removed by an overwrite; all files look 30 days old."""
    for value in range(2):
        write_deltalake(table, pa.table({"id": [value], "p": [f"a/{value}"]}), mode="append", partition_by=["p"])
    write_deltalake(table, pa.table({"id": [9], "p": ["b c"]}), mode="overwrite")
    age_all(table, 30)
    return table


def rewrite_log(table, change):
    """Applies `change` to every action of the log."""
    for commit in sorted((table / "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in commit.read_text().splitlines()]
        for action in actions:
            change(action)
        commit.write_text("".join(json.dumps(action) + "\n" for action in actions))


def make_tombstones_old(table, days=30):
    def change(action):
        if "remove" in action:
            action["remove"]["deletionTimestamp"] = int((time.time() - days * DAY) * 1000)

    rewrite_log(table, change)


def test_fresh_tombstones_keep_their_files(levee, overwritten):
    result = levee("table", "vacuum", overwritten)
    assert result["metrics"]["numFilesToDelete"] == 0
    assert result["version"] is None
    assert len(data_files(overwritten)) == 3


def test_old_tombstones_and_orphans_go(levee, overwritten):
    make_tombstones_old(overwritten)
    orphan = overwritten / "p=b%20c" / "orphan.parquet"
    orphan.write_bytes(b"x" * 100)
    young = overwritten / "young.parquet"
    young.write_bytes(b"y")
    age(orphan, 8)
    before = delta_rs_rows(overwritten)

    expected = sorted(path for path in DeltaTable(overwritten).vacuum(dry_run=True, full=True) if path != "young.parquet")
    plan = levee("table", "vacuum", overwritten, "--dry-run")
    assert sorted(plan["files"]) == expected
    assert plan["metrics"]["numFilesToDelete"] == 3
    sizes = sum((overwritten / name).stat().st_size for name in plan["files"])
    assert plan["metrics"]["sizeOfDataToDelete"] == sizes
    assert plan["version"] is None and len(data_files(overwritten)) == 5

    done = levee("table", "vacuum", overwritten)
    assert done["metrics"]["numDeletedFiles"] == 3
    assert young.exists() and not orphan.exists()
    assert len(data_files(overwritten)) == 2
    assert delta_rs_rows(overwritten) == before

    end, start = levee("table", "history", overwritten, "--limit", 2)
    assert (start["operation"], end["operation"]) == ("VACUUM START", "VACUUM END")
    assert start["operationMetrics"] == {"numFilesToDelete": "3", "sizeOfDataToDelete": str(sizes)}
    assert end["operationMetrics"]["numDeletedFiles"] == "3"
    assert end["operationParameters"] == {"status": "COMPLETED"}
    assert end["version"] == done["version"]
    assert DeltaTable(overwritten).version() == done["version"]

    assert levee("table", "vacuum", overwritten)["version"] is None


def test_short_retention_is_refused_without_the_switch(levee, overwritten):
    message = levee.fails(4, "table", "vacuum", overwritten, "--retention", "1h")
    assert "1 h" in message and "168 h" in message
    assert len(data_files(overwritten)) == 3
    done = levee("table", "vacuum", overwritten, "--retention", "0h", "--allow-short-retention")
    assert done["metrics"]["numDeletedFiles"] == 2
    assert delta_rs_rows(overwritten) == [(9, "b c")]


def test_the_tables_own_retention_is_default_and_floor(levee, overwritten):
    DeltaTable(overwritten).alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 60 days"})
    make_tombstones_old(overwritten)
    assert levee("table", "vacuum", overwritten, "--dry-run")["metrics"]["numFilesToDelete"] == 0
    assert "1440 h" in levee.fails(4, "table", "vacuum", overwritten, "--retention", "168h")


@pytest.mark.parametrize("retention", ["-1h", "soon", "5", ""])
def test_an_impossible_retention_is_wrong_usage(levee, overwritten, retention):
    message = levee.fails(2, "table", "vacuum", overwritten, f"--retention={retention}", "--allow-short-retention")
    assert "--retention" in message
    assert len(data_files(overwritten)) == 3


def test_hidden_files_stay_and_change_data_goes_by_age(levee, overwritten):
    make_tombstones_old(overwritten)
    kept, gone = [], []
    for name, stays in [
        ("_delta_index/i", True),
        ("_levee/operations/x.json", True),
        (".hidden", True),
        ("p=b%20c/_SUCCESS", True),
        ("_change_data/cdc-old.parquet", False),
        ("plain/deep/er/file", False),
    ]:
        path = overwritten / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        age(path, 30)
        (kept if stays else gone).append(path)
    young = overwritten / "_change_data" / "cdc-young.parquet"
    young.write_bytes(b"x")
    levee("table", "vacuum", overwritten)
    assert all(path.exists() for path in kept) and young.exists()
    assert not any(path.exists() for path in gone)


def test_partition_directories_with_hidden_names_are_looked_into(levee, table):
    write_deltalake(table, pa.table({"id": [1], "_p": ["x"]}), partition_by=["_p"])
    write_deltalake(table, pa.table({"id": [2], "_p": ["y"]}), mode="overwrite")
    age_all(table, 30)
    make_tombstones_old(table)
    levee("table", "vacuum", table)
    assert [name.split("/")[0] for name in data_files(table)] == ["_p=y"]


@pytest.mark.skipif(not CONFORMANCE.exists(), reason=f"the conformance tables are not at {CONFORMANCE}")
@pytest.mark.parametrize("name", ["table-with-dv-small", "cdf-table-with-cdc-and-dvs", "table_with_deletion_logs"])
def test_live_deletion_vectors_stay(levee, table, name):
    shutil.copytree(CONFORMANCE / name, table)
    before = delta_rs_rows(table)
    age_all(table, 400)
    result = levee("table", "vacuum", table, "--retention", "0h", "--allow-short-retention")
    assert result["metrics"]["numFilesListed"] > 0
    assert delta_rs_rows(table) == before
    assert any(path.endswith(".bin") for path in data_files(table))


def test_a_run_is_committed_once(levee, overwritten):
    make_tombstones_old(overwritten)
    first = levee("table", "vacuum", overwritten, "--app-id", "nightly", "--app-version", 3)
    assert not first["alreadyApplied"]
    again = levee("table", "vacuum", overwritten, "--app-id", "nightly", "--app-version", 3)
    assert again["alreadyApplied"]
    assert DeltaTable(overwritten).version() == first["version"]
    assert DeltaTable(overwritten).transaction_version("nightly") == 3


def test_another_version_than_expected_is_refused(levee, overwritten):
    make_tombstones_old(overwritten)
    message = levee.fails(4, "table", "vacuum", overwritten, "--expected-version", 1)
    assert "expected to be at version 1 and is at 2" in message
    assert len(data_files(overwritten)) == 3


def test_by_the_log_as_the_peer_does(levee, overwritten, tmp_path):
    """No listing: what the log says was removed, and nothing else. And by an inventory, which the peer does not know."""
    make_tombstones_old(overwritten)
    for commit in (overwritten / "_delta_log").glob("*.json"):
        age(commit, 30)
    (overwritten / "orphan.parquet").write_bytes(b"PAR1")
    age(overwritten / "orphan.parquet", 30)
    expected = DeltaTable(overwritten).vacuum(dry_run=True, full=False)
    lite = levee("table", "vacuum", overwritten, "--mode", "lite", "--dry-run")
    assert sorted(lite["files"]) == sorted(expected) and len(expected) == 2
    listed = [(name, (overwritten / name).stat()) for name in data_files(overwritten)]
    inventory = {
        "path": [f"file://{overwritten}/{name}" for name, _ in listed],
        "length": [stat.st_size for _, stat in listed],
        "isDir": [False] * len(listed),
        "modificationTime": [int(stat.st_mtime * 1000) for _, stat in listed],
    }
    pq.write_table(pa.table(inventory), tmp_path / "inventory.parquet")
    found = levee("table", "vacuum", overwritten, "--inventory", tmp_path / "inventory.parquet", "--dry-run")
    assert set(found["files"]) == {name for name in data_files(overwritten)} - live(overwritten)
    result = levee("table", "vacuum", overwritten, "--mode", "lite", "--max-deletes-per-second", 100)
    assert result["metrics"]["numDeletedFiles"] == 2
    assert (overwritten / "orphan.parquet").exists() and set(data_files(overwritten)) == live(overwritten) | {"orphan.parquet"}
    assert json.loads((overwritten / "_delta_log" / "_last_vacuum_info").read_text()) == {"latestCommitVersionOutsideOfRetentionWindow": 2}
    assert delta_rs_rows(overwritten) == [(9, "b c")]


def live(table):
    return {os.path.relpath(uri.removeprefix("file://"), table) for uri in DeltaTable(table).file_uris()}
