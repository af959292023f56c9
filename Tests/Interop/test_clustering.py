"""OPTIMIZE that sorts rows along a curve: the same rows for every reader, and fewer files for a lookup."""

import json

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from rows import delta_rs_rows, rows
from samples import PARTITION_VALUES, partitioned, small_files
from test_crash import crash_at_every_step

ROWS, FILES = 40_000, 16


def points(path, seed, files=FILES, count=ROWS):
    """Rows whose two keys are anywhere in every file; one of them is skewed, one a text."""
    rng = np.random.default_rng(seed)
    for index in range(files):
        size = count // files
        table = pa.table(
            {
                "x": pa.array(rng.integers(0, 1_000_000, size)),
                "y": pa.array(np.exp(rng.normal(0, 3, size))),
                "name": pa.array([f"customer-{n:06d}" for n in rng.integers(0, 5000, size)]),
                "id": pa.array(np.arange(index * size, (index + 1) * size)),
            }
        )
        write_deltalake(path, table, mode="append")


def bounds(path, column):
    actions = pa.table(DeltaTable(path).get_add_actions(flatten=True))
    return list(zip(actions.column(f"min.{column}").to_pylist(), actions.column(f"max.{column}").to_pylist()))


def touched(path, column, values):
    """How many files a lookup of one value has to open, by their statistics, on average."""
    files = bounds(path, column)
    return sum(low <= value <= high for value in values for low, high in files) / len(values)


def log_actions(table, version):
    return [json.loads(line) for line in (table / "_delta_log" / f"{version:020}.json").read_text().splitlines()]


@pytest.mark.parametrize("curve", ["zorder", "hilbert"])
def test_lookups_touch_few_files_and_rows_stay(levee, table, seed, curve):
    points(table, seed)
    before = delta_rs_rows(table)
    values = {name: [row[place] for row in before[:: len(before) // 200]] for place, name in enumerate(["x", "y", "name"])}
    unsorted = {name: touched(table, name, values[name]) for name in ("x", "y")}
    assert all(count > FILES * 0.9 for count in unsorted.values())

    result = levee("table", "optimize", table, "--z-order-by", "x,y", "--curve", curve, "--target-file-size", "25000")
    metrics = result["metrics"]
    assert metrics["numFilesRemoved"] == FILES and metrics["zOrderStats"]["mergedFiles"]["num"] == FILES
    files = metrics["numFilesAdded"]
    assert 20 <= files <= 4 * FILES

    assert delta_rs_rows(table) == before
    assert rows(levee.read(table)) == before
    with duckdb.connect() as db:
        paths = [str(table / path) for path in pa.table(DeltaTable(table).get_add_actions(flatten=True)).column("path").to_pylist()]
        assert db.execute("select count(*), sum(x), sum(id) from read_parquet(?)", [paths]).fetchone() == (
            ROWS, sum(row[0] for row in before), sum(row[3] for row in before)
        )
    for name in ("x", "y"):
        assert touched(table, name, values[name]) / files < unsorted[name] / FILES / 2, name

    version = result["version"]
    (info,) = [action["commitInfo"] for action in log_actions(table, version) if "commitInfo" in action]
    assert info["operation"] == "OPTIMIZE" and info["operationParameters"]["zOrderBy"] == '["x","y"]'
    assert all(action["add"]["dataChange"] is False for action in log_actions(table, version) if "add" in action)
    for path in paths:
        metadata = pq.ParquetFile(path).metadata
        assert all(metadata.row_group(g).column(c).has_column_index for g in range(metadata.num_row_groups) for c in range(metadata.num_columns))

    # Nothing new, nothing to do; a few more rows, and only they are sorted.
    assert levee("table", "optimize", table, "--z-order-by", "x,y", "--curve", curve, "--target-file-size", "25000")["version"] is None
    points(table, seed + 1, files=1, count=200)
    after = delta_rs_rows(table)
    again = levee("table", "optimize", table, "--z-order-by", "x,y", "--curve", curve, "--target-file-size", "25000")
    assert again["metrics"]["numFilesRemoved"] < files / 2
    assert delta_rs_rows(table) == after
    full = levee("table", "optimize", table, "--z-order-by", "x,y", "--curve", curve, "--target-file-size", "25000", "--full")
    assert full["metrics"]["totalFilesSkipped"] == 0
    assert delta_rs_rows(table) == after


def test_little_memory_gives_the_same_files(levee, tmp_path, seed):
    orders = []
    for name, options in (("large", []), ("small", ["--memory-limit", "1Mi"])):
        table = tmp_path / name
        points(table, seed)
        levee("table", "optimize", table, "--z-order-by", "name,x", *options)
        (path,) = DeltaTable(table).file_uris()
        orders.append(pq.ParquetFile(path).read().column("id").to_pylist())
    assert orders[0] == orders[1]
    assert orders[0] != sorted(orders[0])


def test_a_change_feed_shows_nothing(levee, table, seed):
    rng = np.random.default_rng(seed)
    for start in (0, 100):
        rows_ = pa.table({"id": pa.array(np.arange(start, start + 100)), "v": pa.array(rng.random(100))})
        write_deltalake(table, rows_, mode="append", configuration={"delta.enableChangeDataFeed": "true"} if start == 0 else None)
    version = levee("table", "optimize", table, "--z-order-by", "v")["version"]
    assert DeltaTable(table).load_cdf(starting_version=version).read_all().num_rows == 0


@pytest.mark.parametrize("by", ["the run's columns", "the table's own"])
def test_kill_at_every_step(levee, tmp_path, table, seed, by):
    master = tmp_path / "master"
    if by == "the table's own":
        clustered(levee, master, tmp_path)
        for number in range(2):
            write(levee, master, tmp_path, seed + number, 100)
    else:
        small_files(master, files=2)

    def check(step):
        assert len(levee("table", "files", table)) == 1, step
        assert DeltaTable(table).transaction_version("crash") == 1, step

    arguments = ["table", "optimize", *([] if by == "the table's own" else ["--z-order-by", "id"]), "--app-id", "crash", "--app-version", 1]
    steps = crash_at_every_step(levee, master, table, tmp_path, arguments, delta_rs_rows(master), check)
    assert {"cluster.sampled", "cluster.distributed", "rewrite.beforeFile", "rewrite.afterFile", "optimize.beforeCommit", "optimize.committed"} <= {
        step.rsplit(":", 1)[0] for step in steps
    }


@pytest.mark.parametrize("step", ["optimize.committed:1", "rewrite.afterFile:2"])
def test_a_run_that_is_killed_between_batches_goes_on(levee, table, step):
    partitioned(table, files=2)
    before, version = delta_rs_rows(table), DeltaTable(table).version()
    arguments = ["table", "optimize", table, "--z-order-by", "id", "--max-commit-bytes", "1", "--app-id", "batches", "--app-version", "1"]
    assert levee.run(*arguments, env={"LEVEE_FAULT_POINT": step}).returncode == -9
    assert DeltaTable(table).version() == version + 1
    assert DeltaTable(table).transaction_version("batches") is None
    assert delta_rs_rows(table) == before
    assert levee(*arguments)["metrics"]["numBatches"] == len(PARTITION_VALUES) - 1
    assert DeltaTable(table).version() == version + len(PARTITION_VALUES)
    assert DeltaTable(table).transaction_version("batches") == 1
    assert delta_rs_rows(table) == before


def test_nothing_is_left_in_the_scratch_directory(levee, tmp_path, table, seed):
    points(table, seed, files=4, count=20_000)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    arguments = ["table", "optimize", table, "--z-order-by", "x", "--memory-limit", "1Mi"]
    done = levee.run(*arguments, env={"TMPDIR": str(scratch), "LEVEE_FAULT_POINT": "cluster.distributed"})
    assert done.returncode == -9
    assert list(scratch.iterdir()) == []
    refused = levee.run(*arguments, env={"TMPDIR": str(tmp_path / "nowhere")})
    assert refused.returncode != 0 and str(tmp_path / "nowhere") in refused.stderr and "TMPDIR" in refused.stderr
    assert levee(*arguments, env={"TMPDIR": str(scratch)})["metrics"]["numFilesAdded"] == 1


@pytest.mark.parametrize("columns, words", [("nope", "no column nope"), ("id,id", "twice"), ("list", "no order")])
def test_what_cannot_be_sorted_by_is_named(levee, table, columns, words):
    small_files(table, files=2, nested=True)
    column = columns if columns != "list" else next(field.name for field in DeltaTable(table).schema().fields if "array" in str(field.type).lower())
    assert words in levee.fails(1, "table", "optimize", table, "--z-order-by", column)


# Clustered tables


def clustered(levee, table, tmp_path, columns="x,y"):
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps([{"name": n, "type": t} for n, t in (("x", "long"), ("y", "double"), ("name", "string"), ("id", "long"))]))
    levee("table", "create", table, "--schema", schema, "--cluster-by", columns)


def write(levee, table, tmp_path, seed, count):
    rng = np.random.default_rng(seed)
    source = tmp_path / "rows.parquet"
    pq.write_table(
        pa.table(
            {
                "x": pa.array(rng.integers(0, 1000, count)), "y": pa.array(rng.random(count)),
                "name": pa.array([f"n{n}" for n in rng.integers(0, 50, count)]), "id": pa.array(np.arange(count)),
            }
        ),
        source,
    )
    levee("table", "write", table, "--from", source)


def test_a_clustered_table_is_clustered_by_its_own_columns(levee, table, tmp_path, seed):
    clustered(levee, table, tmp_path)
    assert levee("table", "describe", table)["clusteringColumns"] == ["x", "y"]
    for index in range(4):
        write(levee, table, tmp_path, seed + index, 3000)
    before = rows(levee.read(table))
    result = levee("table", "optimize", table, "--target-file-size", "40000")
    assert result["metrics"]["clusteringStats"]["mergedFiles"]["numFiles"] == 4
    assert rows(levee.read(table)) == before
    adds = [action["add"] for action in log_actions(table, result["version"]) if "add" in action]
    assert len(adds) > 1
    assert {add["clusteringProvider"] for add in adds} == {"liquid"}
    assert {add["tags"]["ZCUBE_ZORDER_BY"] for add in adds} == {'["x","y"]'} and len({add["tags"]["ZCUBE_ID"] for add in adds}) == 1
    assert levee("table", "optimize", table, "--target-file-size", "40000")["version"] is None
    assert "clustered by x, y" in levee.fails(1, "table", "optimize", table, "--z-order-by", "x")


def test_columns_without_statistics_are_refused(levee, table, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps([{"name": "flag", "type": "boolean"}, {"name": "id", "type": "long"}]))
    assert "no statistics" in levee.fails(1, "table", "create", table, "--schema", schema, "--cluster-by", "flag")
