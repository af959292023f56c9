"""Every table of the conformance set either reads as delta-rs reads it, or is refused by the name of the feature that Levee lacks."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import CONFORMANCE
from deltalake import DeltaTable
from rows import chdb_rows, delta_rs, rows

# What Levee says no to, by the name that the protocol gives it.
REFUSED = {"simple_table_features": "reader version 5"}

# What delta-rs says no to, and Levee reads: the rows are those of the table's files, which have no deletion vectors and are not partitioned.
PLAIN_FILES = {"spark-shredded-variant-preview-delta": "VariantShredding"}

TABLES = sorted(path.name for path in CONFORMANCE.iterdir()) if CONFORMANCE.exists() else []


def paths(table):
    root = table.table_uri.removeprefix("file://").rstrip("/") + "/"
    return [uri.removeprefix("file://").removeprefix(root) for uri in table.file_uris()]


@pytest.mark.skipif(not TABLES, reason=f"the conformance tables are not at {CONFORMANCE}")
@pytest.mark.parametrize("name", TABLES)
def test_conformance_table(levee, name, tmp_path):
    path = CONFORMANCE / name
    if name in REFUSED:
        assert REFUSED[name] in levee.fails(4, "table", "read", path, "--limit", 1)
        return
    try:
        theirs = delta_rs(path)
    except Exception as error:
        if name not in PLAIN_FILES:
            # The set has the log of some tables without their data.
            assert "not found" in str(error), error
            assert "there is no such object" in levee.fails(1, "table", "read", path)
            assert sorted(file["path"] for file in levee("table", "files", path)) == sorted(paths(DeltaTable(path)))
            return
        assert PLAIN_FILES[name] in str(error)
        theirs = pa.concat_tables(pq.ParquetFile(path / file["path"]).read() for file in levee("table", "files", path))
    target = tmp_path / "rows.parquet"
    done = levee.run("table", "read", path, "--format", "parquet", "--to", target)
    assert done.returncode == 0, done.stderr
    ours = pq.ParquetFile(target).read()
    assert ours.column_names == theirs.column_names
    if name == "table_with_edge_timestamps":
        # INT96 beyond the range of 64-bit nanoseconds: delta-rs wraps around; the log's own statistics say what Spark wrote.
        assert [str(value) for value in ours.column("BIG_DATE").to_pylist()] == ["9999-12-31 00:00:00+00:00", "9999-12-30 00:00:00+00:00"]
        ours, theirs = ours.drop_columns("BIG_DATE"), theirs.drop_columns("BIG_DATE")
    assert rows(ours) == rows(theirs)


# Optimized by Levee where it may: what the rewrite must not be allowed to lose is in these tables.
REWRITTEN = {
    "cdf-table-with-cdc-and-dvs": None,
    "checkpoint-v2-table": None,
    "spark-variant-checkpoint": None,
    "cdc_ict_table": None,
    "table-with-dv-small": None,
    "table_with_deletion_logs": None,
    "table_with_column_mapping": None,
    "table_with_partitioning_mapping": None,
    "delta-2.2.0-partitioned-types": None,
    "table_with_liquid_clustering": "liquid",
}


@pytest.mark.skipif(not TABLES, reason=f"the conformance tables are not at {CONFORMANCE}")
@pytest.mark.parametrize("name", REWRITTEN)
def test_rewritten_table_has_the_same_rows(levee, name, tmp_path):
    path = tmp_path / name
    shutil.copytree(CONFORMANCE / name, path)
    if REWRITTEN[name]:
        assert REWRITTEN[name] in levee.fails(4, "table", "optimize", path)
        return
    before = rows(delta_rs(path))
    # A second file in every partition, so that there is something to put together: the table's own rows once more where Levee may append.
    again = tmp_path / "again.parquet"
    assert levee.run("table", "read", path, "--format", "parquet", "--to", again).returncode == 0
    appended = levee.run("table", "write", path, "--from", again)
    assert appended.returncode in (0, 4), appended.stderr
    expected = sorted(before * (2 if appended.returncode == 0 else 1), key=repr)
    files = levee("table", "describe", path)["numFiles"]
    result = levee("table", "optimize", path)
    assert levee("table", "describe", path)["numFiles"] < files or result["version"] is None
    levee("table", "checkpoint", path)
    levee("table", "vacuum", path, "--retention", "0h", "--allow-short-retention")
    assert rows(delta_rs(path)) == expected
    assert rows(levee.read(path)) == expected


# Tables that a second reader, on another engine, is asked about too when Levee has written to them.
SECOND = {"table-with-dv-small": ["value"], "table_with_column_mapping": ["Company Very Short", "Super Name"], "checkpoint-v2-table": ["id", "name"]}


@pytest.mark.skipif(not TABLES, reason=f"the conformance tables are not at {CONFORMANCE}")
@pytest.mark.parametrize("name", SECOND)
def test_second_reader_agrees(levee, name, tmp_path):
    pytest.importorskip("chdb")
    path, columns = tmp_path / name, SECOND[name]
    shutil.copytree(CONFORMANCE / name, path)

    def ours():
        return sorted((tuple(str(row[column]) for column in columns) for row in levee.read(path).to_pylist()))

    def theirs():
        return sorted(tuple(str(row[column]) for column in columns) for row in chdb_rows(path, columns))

    again = tmp_path / "again.parquet"
    assert levee.run("table", "read", path, "--format", "parquet", "--to", again).returncode == 0
    assert levee.run("table", "write", path, "--from", again).returncode in (0, 4)
    levee("table", "optimize", path)
    levee("table", "checkpoint", path)
    assert ours() == theirs()


def test_set_is_there():
    if not TABLES:
        pytest.skip(f"the conformance tables are not at {CONFORMANCE}")
    assert set(REFUSED) <= set(TABLES)
