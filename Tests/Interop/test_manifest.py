"""Symlink manifests: the files that they name, read by engines that know nothing of Delta, have the table's rows."""

import shutil

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from rows import delta_rs_rows, rows
from samples import all_types, partitioned, small_files
from test_crash import SIGKILL, enumerate_steps

DIRECTORY = "_symlink_format_manifest"


def named_files(table):
    return [line for manifest in sorted((table / DIRECTORY).rglob("manifest")) for line in manifest.read_text().splitlines()]


def rows_by_manifest(table, read):
    """All rows of the columns that files have."""
    return rows(pa.concat_tables([read(line.removeprefix("file://")) for line in named_files(table)]))


def by_duckdb(path):
    return duckdb.connect().sql("SELECT * FROM read_parquet(?, hive_partitioning = false)", params=[path]).to_arrow_table()


@pytest.mark.parametrize("read", [lambda path: pq.ParquetFile(path).read(), by_duckdb], ids=["pyarrow", "duckdb"])
@pytest.mark.parametrize("seed_table", [lambda table: small_files(table, files=3), partitioned], ids=["all types", "partitioned"])
def test_the_files_named_have_the_rows(levee, table, read, seed_table):
    seed_table(table)
    write_deltalake(table, DeltaTable(table).to_pyarrow_table().slice(0, 2), mode="append")
    DeltaTable(table).delete("id < 2")
    result = levee("table", "generate-manifest", table)
    files = levee("table", "files", table)
    assert result["metrics"]["numFiles"] == len(files) == len(named_files(table))
    assert {line.removeprefix(f"file://{table}/") for line in named_files(table)} == {file["path"] for file in files}
    ids = [row[0] for row in rows(DeltaTable(table).to_pyarrow_table(), ["id"])]
    paths = [line.removeprefix("file://") for line in named_files(table)]
    if read is by_duckdb:
        paths = [path for path in paths if not set(path) & set("*?[{")]
        ids = [row[0] for row in rows(pa.concat_tables([pq.ParquetFile(path).read(columns=["id"]) for path in paths]), ["id"])]
    found = rows(pa.concat_tables([read(path).select(["id"]) for path in paths]))
    assert [row[0] for row in found] == ids


def test_stale_partitions_go_and_the_log_stays(levee, table):
    partitioned(table, files=2)
    levee("table", "generate-manifest", table)
    version = DeltaTable(table).version()
    DeltaTable(table).delete("p = 'plain'")
    result = levee("table", "generate-manifest", table)
    assert result["metrics"]["numManifestsRemoved"] == 1 and result["version"] == version + 1
    assert not any("p=plain" in line for line in named_files(table))
    assert DeltaTable(table).version() == version + 1
    levee("table", "vacuum", table)
    assert named_files(table)


def test_deletion_vectors_and_mapped_columns_are_refused(levee, table):
    write_deltalake(table, all_types(0, 20), configuration={"delta.enableDeletionVectors": "true"})
    levee("table", "delete", table, "--where", "id = 3")
    assert "levee table reorg" in levee.fails(4, "table", "generate-manifest", table)
    levee("table", "reorg", table)
    levee("table", "generate-manifest", table)
    assert [row for row in delta_rs_rows(table)] == rows_by_manifest(table, lambda path: pq.ParquetFile(path).read())


def test_the_property_keeps_the_manifest_up_to_date(levee, table, tmp_path):
    """deltalake does not open tables with this property, so that the rows are those that Levee reads."""
    (tmp_path / "schema.json").write_text('[{"name": "id", "type": "long"}]')
    levee("table", "create", table, "--schema", tmp_path / "schema.json", "--property", "delta.compatibility.symlinkFormatManifest.enabled=true")
    (tmp_path / "rows.json").write_text("".join(f'{{"id": {number}}}\n' for number in range(20)))
    levee("table", "write", table, "--from", tmp_path / "rows.json")
    for condition in ("id < 5", "id = 7"):
        levee("table", "delete", table, "--where", condition)
        assert rows_by_manifest(table, lambda path: pq.ParquetFile(path).read()) == rows(levee.read(table))


def test_kill_at_every_step(levee, table, tmp_path):
    master = tmp_path / "master"
    partitioned(master, files=1)
    levee("table", "generate-manifest", master)
    DeltaTable(master).delete("p = 'plain'")
    shutil.copytree(master, tmp_path / "trial")
    steps = enumerate_steps(levee, ["table", "generate-manifest", tmp_path / "trial"], tmp_path / "steps")
    assert {"manifest.planned", "manifest.written", "manifest.beforeRemoval"} <= {step.rsplit(":", 1)[0] for step in steps}
    for step in steps:
        shutil.rmtree(table, ignore_errors=True)
        shutil.copytree(master, table)
        assert levee.run("table", "generate-manifest", table, env={"LEVEE_FAULT_POINT": step}).returncode == SIGKILL, step
        levee("table", "generate-manifest", table)
        assert len(named_files(table)) == len(levee("table", "files", table)), step
