"""Checkpoints that Levee writes, read by its peers with the commits they stand for taken away."""

import json
import shutil

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from conftest import CONFORMANCE

# Tables that Levee refuses to checkpoint, by the feature that its message must name.
REFUSED = {
    "simple_table_features": "reader version 5",
    "table_with_liquid_clustering": "liquid",
}

# Tables whose `delta.checkpointPolicy` asks for V2 checkpoints.
V2 = {"checkpoint-v2-table"}

# Tables whose latest version has a checkpoint already.
THERE = {
    "checkpoint_with_partitions",
    "delta-0.2.0",
    "delta-checkpoint-stats-optional",
    "issue_1374",
    "simple_table_with_checkpoint",
    "spark-shredded-variant-preview-delta",
    "spark-variant-checkpoint",
    "table-with-domain-metadata",
    "table_failed_last_checkpoint_update",
    "table_with_deletion_logs",
}

# Statistics that the original checkpoint has as structs only, and in INT96, which the peer does not read.
WITHOUT_STATISTICS = {"delta-1.2.1-only-struct-stats"}


def files(path, statistics=True):
    """Version and files as the peer sees them, with all that a checkpoint must carry."""
    table = DeltaTable(path)
    left_out = {"data_change"}
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    kept = [
        {
            name: value
            for name, value in action.items()
            if name not in left_out and value is not None and (statistics or name.split(".")[0] not in ("num_records", "null_count", "min", "max"))
        }
        for action in actions
    ]
    return table.version(), sorted(kept, key=lambda action: action["path"]), table.metadata().configuration, table.schema()


def drop_history(path, version):
    """Leaves only what a reader needs behind the checkpoint of a version."""
    for entry in (path / "_delta_log").iterdir():
        if entry.name[:20].isdigit() and int(entry.name[:20]) < version:
            entry.unlink()


def tables():
    return sorted(entry.name for entry in CONFORMANCE.iterdir()) if CONFORMANCE.exists() else []


@pytest.mark.parametrize("name", tables())
def test_peer_reads_the_checkpoint_of(levee, tmp_path, name):
    path = tmp_path / name
    shutil.copytree(CONFORMANCE / name, path)
    if name in REFUSED:
        assert REFUSED[name] in levee.fails(4, "table", "checkpoint", path)
        return
    before = files(path, name not in WITHOUT_STATISTICS)
    result = levee("table", "checkpoint", path)
    kind = "checkpoint.*.json" if name in V2 else "checkpoint.parquet"
    assert len(list((path / "_delta_log").glob(f"{before[0]:020d}.{kind}"))) == 1 or name in THERE
    assert result["written"] == (name not in THERE)
    if name not in THERE:
        drop_history(path, before[0])
        assert files(path, name not in WITHOUT_STATISTICS) == before


def test_second_reader_reads_rows_behind_a_checkpoint(levee, tmp_path, monkeypatch):
    chdb = pytest.importorskip("chdb")
    path = tmp_path / "table"
    for batch in range(4):
        rows = {"id": list(range(batch * 10, batch * 10 + 10)), "part": [f"p {n % 3}/%é" if n % 4 else None for n in range(10)]}
        write_deltalake(path, pa.table(rows), mode="append", partition_by=["part"])
    DeltaTable(path).delete("id = 7")
    expected = sorted(DeltaTable(path).to_pyarrow_table().to_pylist(), key=lambda row: row["id"])
    levee("table", "checkpoint", path)
    drop_history(path, DeltaTable(path).version())
    monkeypatch.chdir(tmp_path)
    text = str(chdb.query(f"SELECT id, part FROM deltaLakeLocal('{path}') ORDER BY id", "JSONEachRow"))
    seen = [{"id": int(row["id"]), "part": row["part"]} for row in map(json.loads, text.splitlines())]
    assert seen == expected
    assert sorted(DeltaTable(path).to_pyarrow_table().to_pylist(), key=lambda row: row["id"]) == expected


def test_peer_goes_on_from_a_checkpoint(levee, tmp_path):
    path = tmp_path / "table"
    for batch in range(3):
        write_deltalake(path, pa.table({"id": [batch]}), mode="append")
    levee("table", "checkpoint", path)
    drop_history(path, 2)
    write_deltalake(path, pa.table({"id": [3]}), mode="append")
    DeltaTable(path).optimize.compact()
    DeltaTable(path).create_checkpoint()
    assert levee("table", "describe", path)["version"] == DeltaTable(path).version()
    assert sorted(DeltaTable(path).to_pyarrow_table()["id"].to_pylist()) == [0, 1, 2, 3]


def test_spaces_in_locations(levee, tmp_path):
    path = tmp_path / "a b é"
    write_deltalake(path, pa.table({"id": [1]}))
    assert levee("table", "checkpoint", path)["version"] == 0
