"""levee table restore: every version comes back, for other readers too, and beside deltalake's own restore."""

import shutil

import pytest
from conftest import CONFORMANCE
from deltalake import DeltaTable, write_deltalake
from operator_site import cluster, site
from operator_process import delta_table, operation
from rows import chdb_rows, delta_rs, delta_rs_rows, rows
from samples import all_types

TABLES = sorted(path.name for path in CONFORMANCE.iterdir()) if CONFORMANCE.exists() else []


def history(path, partition_by=None, configuration=None):
    """A table with a version of each kind: appends, a delete, an overwrite with another schema, a compaction."""
    write_deltalake(path, all_types(0, 60), partition_by=partition_by, configuration=configuration)
    write_deltalake(path, all_types(60, 40), mode="append")
    DeltaTable(path).delete("id % 3 = 0")
    DeltaTable(path).optimize.compact()
    write_deltalake(path, all_types(200, 20).select(["id", "text", "small_money"]), mode="overwrite", schema_mode="overwrite")
    write_deltalake(path, all_types(300, 5).select(["id", "text", "small_money"]), mode="append")


@pytest.mark.parametrize("partition_by", [None, ["small_money"]])
def test_every_version_comes_back_as_with_the_peer(levee, tmp_path, partition_by):
    master = tmp_path / "master"
    history(master, partition_by)
    for version in range(DeltaTable(master).version()):
        mine, theirs = tmp_path / f"mine{version}", tmp_path / f"theirs{version}"
        shutil.copytree(master, mine)
        shutil.copytree(master, theirs)
        expected = DeltaTable(master, version=version)
        result = levee("table", "restore", mine, "--version", version)
        peer = DeltaTable(theirs).restore(version)
        assert (result["metrics"]["numRestoredFiles"], result["metrics"]["numRemovedFiles"]) == (peer["numRestoredFile"], peer["numRemovedFile"])
        assert result["metrics"]["numOfFilesAfterRestore"] == len(expected.file_uris())
        table = DeltaTable(mine)
        assert table.version() == result["version"] and table.schema() == expected.schema()
        columns = [field.name for field in expected.schema().fields]
        assert delta_rs_rows(mine) == rows(expected.to_pyarrow_table(), columns) == rows(levee.read(mine), columns)
        entry = table.history(1)[0]
        assert entry["operation"] == "RESTORE" and entry["operationParameters"]["version"] == str(version)
        # And on from there.
        write_deltalake(mine, all_types(900, 1).select(columns), mode="append", schema_mode="merge")
        assert len(levee.read(mine)) == len(expected.to_pyarrow_table()) + 1
        # The version that was left is restored in its turn.
        levee("table", "restore", mine, "--version", DeltaTable(master).version())
        assert delta_rs_rows(mine) == delta_rs_rows(master)
        levee("table", "vacuum", mine, "--retention", "0s", "--allow-short-retention")
        assert delta_rs_rows(mine) == delta_rs_rows(master)


def test_what_a_vacuum_took_is_listed(levee, tmp_path):
    table = tmp_path / "orders"
    history(table)
    gone = {uri.rsplit("/", 1)[-1] for uri in DeltaTable(table, version=0).file_uris()}
    levee("table", "vacuum", table, "--retention", "0s", "--allow-short-retention")
    version = DeltaTable(table).version()
    said = levee.fails(4, "table", "restore", table, "--version", 0)
    assert "1 files of version 0 are gone" in said and all(name in said for name in gone)
    assert DeltaTable(table).version() == version
    result = levee("table", "restore", table, "--version", 0, "--allow-missing")
    assert result["metrics"]["numMissingFiles"] == 1 and len(delta_rs(table)) == 0


@pytest.mark.skipif(not TABLES, reason=f"the conformance tables are not at {CONFORMANCE}")
def test_tables_of_others_go_back(levee, tmp_path):
    """Whatever wrote them and whatever features they have: the version before the last comes back, and then the latest."""
    restored = 0
    for name in TABLES:
        target = tmp_path / name
        shutil.copytree(CONFORMANCE / name, target)
        if levee.run("table", "describe", target).returncode:
            continue
        latest = levee("table", "describe", target)["version"]
        try:
            now = levee.read(target)
        except AssertionError:
            continue
        if len(now) > 100_000:
            continue
        for version in range(max(0, latest - 1), latest):
            try:
                then = levee.read(target, "--version", version)
            except AssertionError:
                # Its files or its log are not in this set.
                continue
            done = levee.run("table", "restore", target, "--version", version)
            if done.returncode:
                assert done.returncode == 4 and ("refused because of the table feature" in done.stderr or "are gone" in done.stderr), f"{name}: {done.stderr}"
                continue
            columns = then.column_names
            assert rows(levee.read(target), columns) == rows(then, columns), f"{name}, version {version}"
            levee("table", "restore", target, "--version", latest)
            assert rows(levee.read(target), now.column_names) == rows(now, now.column_names), f"{name}, back from {version}"
            restored += 1
    assert restored >= 20


def test_as_an_operation(site):
    table = site.lake / "orders"
    history(table)
    expected = rows(DeltaTable(table, version=2).to_pyarrow_table(), None)
    site.operator.start()
    site.apply(delta_table("orders", table), operation("back", restore={"version": 2}))
    run = site.until_finished("back")["status"]
    assert run["phase"] == "Succeeded" and run["type"] == "Restore", run
    assert run["result"]["version"] == DeltaTable(table).version()
    assert delta_rs_rows(table) == expected
