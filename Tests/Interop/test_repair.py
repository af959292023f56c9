"""levee table repair and reorg, and what other readers find of the tables afterwards."""

from deltalake import DeltaTable
from operator_site import cluster, site
from operator_process import delta_table, operation
from rows import chdb_rows, delta_rs, delta_rs_rows
from samples import small_files
from test_restore import history


def remove_first_file(table):
    gone = sorted(path for path in table.glob("*.parquet") if path.name in {uri.rsplit("/", 1)[-1] for uri in DeltaTable(table).file_uris()})[0]
    gone.unlink()
    return gone.name


def test_a_file_that_is_gone_leaves_the_table(levee, tmp_path):
    table = tmp_path / "orders"
    small_files(table, files=4)
    (table / "orphan.parquet").write_bytes(b"PAR1")
    gone = remove_first_file(table)
    version = DeltaTable(table).version()
    found = levee("table", "repair", table)
    assert found["missing"] == [gone] and found["unknown"] == ["orphan.parquet"] and found["version"] is None
    assert DeltaTable(table).version() == version
    result = levee("table", "repair", table, "--apply")
    assert result["version"] == version + 1 and result["metrics"]["numRemovedFiles"] == 1
    assert len(delta_rs(table)) == len(levee.read(table)) == 150
    assert DeltaTable(table).history(1)[0]["operation"] == "FSCK"
    assert (table / "orphan.parquet").exists()
    # What the peer's own check finds after it: nothing.
    assert DeltaTable(table).repair(dry_run=True)["files_removed"] == []


def test_reorg_leaves_no_deletion_vector(levee, tmp_path):
    table = tmp_path / "orders"
    history(table, configuration={"delta.enableDeletionVectors": "true"})
    levee("table", "delete", table, "--where", "id % 2 = 0")
    expected = delta_rs_rows(table)
    assert any(file.get("deletedRows") for file in levee("table", "files", table))
    result = levee("table", "reorg", table)
    assert result["metrics"]["numFilesRemoved"] > 0
    assert not any(file.get("deletedRows") for file in levee("table", "files", table))
    assert delta_rs_rows(table) == expected
    assert {int(row["id"]) for row in chdb_rows(table, ["id"])} == {row[0] for row in expected}
    entry = DeltaTable(table).history(1)[0]
    assert entry["operation"] == "REORG" and entry["operationParameters"]["applyPurge"] == "true"
    levee("table", "vacuum", table, "--retention", "0s", "--allow-short-retention")
    assert not list(table.glob("deletion_vector_*")) and delta_rs_rows(table) == expected


def test_as_operations(levee, site):
    table = site.lake / "orders"
    small_files(table, files=4)
    gone = remove_first_file(table)
    site.operator.start()
    site.apply(delta_table("orders", table), operation("look", repair={}, dryRun=True), operation("purge", reorg={}))
    look = site.until_finished("look")["status"]
    assert look["phase"] == "Succeeded" and look["result"]["metrics"]["numMissingFiles"] == 1 and "would take 1" in look["message"], look
    site.apply(operation("mend", repair={"lostVectors": "RemoveFile"}))
    assert site.until_finished("mend")["status"]["result"]["version"] == DeltaTable(table).version()
    assert gone not in str(DeltaTable(table).file_uris()) and len(delta_rs(table)) == 150
    purge = site.until_finished("purge")["status"]
    assert purge["phase"] == "Succeeded" and purge["message"].endswith("files has a deletion vector"), purge
