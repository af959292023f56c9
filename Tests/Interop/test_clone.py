"""`levee table clone`: the clone as delta-rs and, where it can, a second reader on another engine find it."""

import json

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from operator_process import delta_table, operation
from operator_site import cluster, site
from rows import chdb_rows, delta_rs_rows
from samples import all_types, partitioned, small_files
from test_vacuum import age_all, data_files


def last_commit(table):
    commits = sorted((table / "_delta_log").glob("*.json"))
    return [json.loads(line) for line in commits[-1].read_text().splitlines()]


@pytest.mark.parametrize("mode", ["shallow", "deep"])
@pytest.mark.parametrize("make", [small_files, partitioned], ids=["types", "partitions"])
def test_a_clone_reads_as_its_source(levee, tmp_path, mode, make):
    """Delta-rs follows absolute paths. Partition values with every kind of character are escaped twice in them."""
    source, clone = tmp_path / "the sourcé +", tmp_path / "clone"
    make(source, files=2)
    levee("table", "clone", source, clone, "--mode", mode)
    assert delta_rs_rows(clone) == delta_rs_rows(source)
    info = last_commit(clone)[0]["commitInfo"]
    assert info["operation"] == "CLONE" and info["operationParameters"]["isShallow"] == str(mode == "shallow").lower()
    assert set(info["operationMetrics"]) == {"sourceTableSize", "sourceNumOfFiles", "numRemovedFiles", "numCopiedFiles", "removedFilesSize", "copiedFilesSize"}
    assert (len(data_files(clone)) == 0) == (mode == "shallow")
    # The clone is a table of its own to others.
    DeltaTable(clone).delete()
    assert delta_rs_rows(clone) == [] and delta_rs_rows(source) != []


def test_deletion_vectors_go_along(levee, tmp_path):
    source, shallow, deep = (tmp_path / name for name in ("source", "shallow", "deep"))
    write_deltalake(source, pa.table({"id": range(100), "p": [str(n % 3) for n in range(100)]}), partition_by=["p"], configuration={"delta.enableDeletionVectors": "true"})
    levee("table", "delete", source, "--where", "id % 7 = 0")
    levee("table", "clone", source, shallow, "--mode", "shallow")
    levee("table", "clone", source, deep, "--mode", "deep")
    wanted = delta_rs_rows(source)
    assert len(wanted) == 85 and delta_rs_rows(shallow) == wanted and delta_rs_rows(deep) == wanted
    # The second reader does not follow paths outside of the table, so that it can say nothing of the shallow one.
    assert sorted(row["id"] for row in chdb_rows(deep, ["id"])) == [row[0] for row in sorted(wanted)]


def test_a_repeated_deep_clone_moves_what_changed(levee, tmp_path):
    source, clone = tmp_path / "source", tmp_path / "clone"
    small_files(source, files=3)
    assert levee("table", "clone", source, clone, "--mode", "deep")["metrics"]["numCopiedFiles"] == 3
    inodes = {path: (clone / path).stat().st_ino for path in data_files(clone)}
    write_deltalake(source, all_types(500, 50), mode="append")
    (gone,) = {levee("table", "files", source, "--version", 0)[0]["path"]}
    DeltaTable(source).delete(f"id < {100}")
    result = levee("table", "clone", source, clone, "--mode", "deep")
    assert result["version"] == 1 and result["metrics"]["numCopiedFiles"] >= 1 and result["metrics"]["numRemovedFiles"] >= 1
    assert all((clone / path).stat().st_ino == inode for path, inode in inodes.items())
    assert delta_rs_rows(clone) == delta_rs_rows(source)
    assert levee("table", "clone", source, clone, "--mode", "deep")["version"] is None
    assert [entry["operation"] for entry in DeltaTable(clone).history()] == ["CLONE", "CLONE"]
    # Somebody's own rows are not overwritten unasked.
    write_deltalake(clone, all_types(900, 1), mode="append")
    assert "--replace" in levee.fails(1, "table", "clone", source, clone, "--mode", "deep")
    levee("table", "clone", source, clone, "--mode", "deep", "--replace")
    assert delta_rs_rows(clone) == delta_rs_rows(source)


def test_an_older_version(levee, tmp_path):
    source = tmp_path / "source"
    small_files(source, files=3)
    levee("table", "clone", source, tmp_path / "old", "--mode", "shallow", "--version", 1)
    assert delta_rs_rows(tmp_path / "old") == delta_rs_rows(source, version=1)
    levee("table", "optimize", source)
    age_all(source, 30)
    for path in data_files(source):
        if path not in {file["path"] for file in levee("table", "files", source)}:
            (source / path).unlink()
    assert "gone" in levee.fails(4, "table", "clone", source, tmp_path / "late", "--mode", "deep", "--version", 1)
    assert not (tmp_path / "late").exists()


def test_maintenance_of_a_shallow_clone_stays_inside(levee, tmp_path):
    source, clone = tmp_path / "source", tmp_path / "clone"
    small_files(source, files=4)
    levee("table", "clone", source, clone, "--mode", "shallow")
    before, files = delta_rs_rows(source), {path: (source / path).stat().st_mtime_ns for path in data_files(source)}
    levee("table", "optimize", clone)
    levee("table", "delete", clone, "--where", "id < 50")
    levee("table", "checkpoint", clone)
    age_all(clone, 30)
    levee("table", "vacuum", clone, "--retention", "0h", "--allow-short-retention")
    assert delta_rs_rows(clone) == [row for row in before if row[0] >= 50]
    assert delta_rs_rows(source) == before and files == {path: (source / path).stat().st_mtime_ns for path in data_files(source)}
    assert all((clone / path).exists() for path in {file["path"] for file in levee("table", "files", clone)})


def test_a_vacuum_of_the_source_keeps_what_clones_need(levee, tmp_path):
    source, clone, second = (tmp_path / name for name in ("source", "clone", "second"))
    write_deltalake(source, pa.table({"id": range(100)}), configuration={"delta.enableDeletionVectors": "true"})
    levee("table", "delete", source, "--where", "id % 10 = 0")
    levee("table", "clone", source, clone, "--mode", "shallow")
    levee("table", "clone", clone, second, "--mode", "shallow")
    wanted = delta_rs_rows(clone)
    levee("table", "reorg", source)
    age_all(source, 30)
    force = ["--retention", "0h", "--allow-short-retention"]
    for arguments in ([], ["--mode", "lite"], ["--dry-run"]):
        result = levee("table", "vacuum", source, *force, *arguments)
        assert result["metrics"]["numFilesToDelete"] == 0 and result["metrics"]["numClones"] == 2 and result["metrics"]["numFilesKeptForClones"] == 2, arguments
    assert delta_rs_rows(clone) == wanted == delta_rs_rows(second)

    # One that cannot be read stops it; the clone of a clone counts when the one between is gone.
    log = clone / "_delta_log" / f"{0:020}.json"
    whole = log.read_bytes()
    log.write_text("{")
    said = levee.fails(4, "table", "vacuum", source, *force)
    assert str(clone) in said and "--forget-clone" in said
    log.write_bytes(whole)
    marker = next((source / "_levee" / "clones").iterdir())
    old = json.loads(marker.read_text())
    marker.write_text(json.dumps({**old, "created": old["created"] - 30 * 86_400_000}))
    (clone / "_delta_log").rename(tmp_path / "moved")
    assert levee("table", "vacuum", source, *force)["metrics"]["numFilesKeptForClones"] == 2
    (tmp_path / "moved").rename(clone / "_delta_log")

    # Forgotten, and named again by hand.
    assert levee("table", "vacuum", source, *force, "--forget-clone", clone, "--keep-for", second, "--dry-run")["metrics"]["numFilesKeptForClones"] == 2
    levee("table", "vacuum", source, *force, "--forget-clone", clone)
    assert not marker.exists() and len(data_files(source)) == 1


def test_a_clone_that_is_gone_is_forgotten(levee, tmp_path):
    import shutil

    source, clone = tmp_path / "source", tmp_path / "clone"
    small_files(source, files=3)
    levee("table", "clone", source, clone, "--mode", "shallow")
    levee("table", "optimize", source)
    age_all(source, 30)
    shutil.rmtree(clone)
    force = ["--retention", "0h", "--allow-short-retention"]
    # It may be on its way yet.
    assert levee("table", "vacuum", source, *force)["metrics"]["numFilesKeptForClones"] == 3
    (marker,) = (source / "_levee" / "clones").iterdir()
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "created": 0}))
    assert levee("table", "vacuum", source, *force)["metrics"]["numFilesToDelete"] == 3
    assert not marker.exists()


def test_rows_are_read_before_the_commit(levee, tmp_path):
    """A page is damaged, the footer is not: the bytes move all the same, the rows do not."""
    source = tmp_path / "source"
    small_files(source, files=3)
    count = len(delta_rs_rows(source))
    staged = levee("table", "clone", source, tmp_path / "whole", "--mode", "deep", "--verify-rows")["verification"]["staged"]
    assert staged == {"files": 3, "rows": count, "bytes": sum((source / path).stat().st_size for path in data_files(source)), "comparedRows": count}
    assert levee("table", "clone", source, tmp_path / "named", "--mode", "shallow", "--verify-rows")["verification"]["staged"]["readRows"] == count
    first = min(source.glob("*.parquet"))
    damaged = bytearray(first.read_bytes())
    damaged[4:300] = b"\xff" * 296
    first.write_bytes(damaged)
    for mode in ("deep", "shallow"):
        target = tmp_path / f"refused-{mode}"
        assert first.name in levee.fails(1, "table", "clone", source, target, "--mode", mode, "--verify-rows")
        assert not list(target.glob("_delta_log/*")) and not list(target.glob("**/*.parquet"))
        found = levee("table", "clone", source, target, "--mode", mode)["verification"]
        assert found.get("staged") == ({key: staged[key] for key in ("files", "rows", "bytes")} if mode == "deep" else None)
        assert found["table"]["filesFound"] == 3
    first.write_bytes(b"PAR1" + bytes(len(damaged) - 4))
    assert first.name in levee.fails(1, "table", "clone", source, tmp_path / "footless", "--mode", "deep")
    assert not list((tmp_path / "footless").glob("**/*.parquet"))


def test_as_operations(site):
    table, deep, shallow = (site.lake / name for name in ("orders", "deep", "shallow"))
    small_files(table, files=3)

    def clone(name, target, mode):
        return operation(name, clone={"target": {"location": f"file://{target}", "storageRef": {"name": "lake"}}, "mode": mode}, verify="Rows")

    site.operator.start()
    outside = site.lake.parent / "outside"
    site.apply(delta_table("orders", table), clone("deep", deep, "Deep"), clone("shallow", shallow, "Shallow"), clone("outside", outside, "Deep"))
    for name, target in (("deep", deep), ("shallow", shallow)):
        run = site.until_finished(name)["status"]
        assert (run["phase"], run["type"], run["result"]["version"]) == ("Succeeded", "Clone", 0), run
        staged = run["result"]["verification"]["staged"]
        assert staged["files"] == 3 and staged["comparedRows" if name == "deep" else "readRows"] == staged["rows"] == len(delta_rs_rows(table))
        assert delta_rs_rows(target) == delta_rs_rows(table)
    site.until_reason("tableoperation", "outside", "LocationOutsideRoot")
    assert not outside.exists()
    write_deltalake(table, all_types(900, 50), mode="append")
    site.apply(clone("again", deep, "Deep"))
    run = site.until_finished("again")["status"]
    assert (run["phase"], run["result"]["version"]) == ("Succeeded", 1), run
    assert delta_rs_rows(deep) == delta_rs_rows(table)
