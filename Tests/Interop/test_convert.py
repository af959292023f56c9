"""`levee table convert`: the table as delta-rs and a second Delta reader find it, beside the directory as pyarrow reads it."""

import datetime
import decimal
import json

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from operator_process import levee_object
from operator_site import cluster, site
from rows import chdb_rows, delta_rs_rows, rows
from samples import NESTED, PARTITION_VALUES, all_types


def hive(*fields):
    return ds.partitioning(pa.schema(fields), flavor="hive")


def write(directory, data, partitioning=None):
    ds.write_dataset(data, directory, format="parquet", partitioning=partitioning)


def dataset_rows(directory, schema=None, partitioning=None):
    """What a reader of plain Parquet finds; it passes over the log's files, as names with an underscore."""
    return rows(ds.dataset(directory, schema=schema, format="parquet", partitioning=partitioning).to_table())


def first_commit(table):
    return [json.loads(line) for line in (table / "_delta_log" / f"{0:020}.json").read_text().splitlines()]


def stats(table):
    return [json.loads(action["add"]["stats"]) for action in first_commit(table) if "add" in action]


def test_all_types(levee, table):
    data = all_types(0, 200)
    for part in range(4):
        write_path = table / f"part-{part}.parquet"
        table.mkdir(exist_ok=True)
        pq.write_table(data.slice(part * 50, 50), write_path, row_group_size=20)
    dry = levee("table", "convert", table, "--dry-run")
    assert dry["version"] is None and dry["metrics"] == {"numConvertedFiles": 4, "convertedFilesSize": sum(p.stat().st_size for p in table.iterdir()), "numRecords": 200}
    assert not (table / "_delta_log").exists()
    assert levee("table", "convert", table)["version"] == 0
    assert delta_rs_rows(table) == rows(data) == dataset_rows(table)
    assert rows(levee.read(table)) == rows(data)
    assert len(chdb_rows(table, ["id", "text"])) == 200
    info = first_commit(table)[0]["commitInfo"]
    assert info["operation"] == "CONVERT" and info["operationMetrics"] == {"numConvertedFiles": "4"}
    assert info["operationParameters"] == {"numFiles": "4", "partitionedBy": "[]", "collectStats": "true", "sourceFormat": "parquet"}
    assert [part["numRecords"] for part in stats(table)] == [50] * 4
    again = levee("table", "convert", table)
    assert again["wasTable"] and again["version"] is None
    # It is a table like any other.
    DeltaTable(table).delete("id < 100")
    levee("table", "optimize", table)
    assert delta_rs_rows(table) == [row for row in rows(data) if row[0] >= 100]


def test_partitions_of_every_character(levee, table):
    values = [value for value in PARTITION_VALUES if value != ".."]
    data = all_types(0, 110).append_column("p q", pa.array([values[n % 11] for n in range(110)])).append_column("n", pa.array([n % 3 for n in range(110)], pa.int32()))
    partitioning = hive(("p q", pa.string()), ("n", pa.int32()))
    write(table, data, partitioning)
    before = dataset_rows(table, partitioning=partitioning)
    said = levee.fails(1, "table", "convert", table)
    assert "p q" in said and "--name-mapping" in said
    levee("table", "convert", table, "--name-mapping")
    assert delta_rs_rows(table) == before
    assert rows(levee.read(table)) == before


def test_types_of_partition_columns(levee, tmp_path):
    data = pa.table({"id": range(6), "day": [datetime.date(2024, 1, n % 2 + 1) for n in range(6)], "code": ["01", "2", None] * 2, "big": [2**40, 1] * 3, "small": [1, None] * 3})
    names = hive(("day", pa.date32()), ("code", pa.string()), ("big", pa.int64()), ("small", pa.int32()))
    for name in ("guessed", "given"):
        write(tmp_path / name, data, names)
    types = {field["name"]: field["type"] for field in levee("table", "convert", tmp_path / "guessed")["schema"]["fields"]}
    assert types == {"id": "long", "day": "date", "code": "string", "big": "long", "small": "integer"}
    levee("table", "convert", tmp_path / "given", "--partition-by", "day timestamp, code string, big decimal(20,2), small bigint")
    assert len(delta_rs_rows(tmp_path / "given")) == 6
    assert delta_rs_rows(tmp_path / "guessed") == rows(data)
    write(tmp_path / "wrong", data, names)
    assert "big" in levee.fails(1, "table", "convert", tmp_path / "wrong", "--partition-by", "day date, code string, small int, big long")
    assert "abc" in levee.fails(1, "table", "convert", tmp_path / "wrong", "--partition-by", "abc string")
    assert "is not a value" in levee.fails(1, "table", "convert", tmp_path / "wrong", "--partition-by", "day date, code string, big int, small int")


def test_schemas_are_united(levee, table):
    table.mkdir()
    pq.write_table(pa.table({"a": pa.array([1], pa.int8()), "s": [{"x": 1}]}), table / "1.parquet")
    pq.write_table(pa.table({"a": pa.array([70_000], pa.int32()), "s": [{"y": "b", "x": 2}], "new": ["n"]}), table / "2.parquet")
    pq.write_table(pa.table({"new": pa.array([None], pa.null()), "a": pa.array([3], pa.int16())}), table / "3.parquet")
    levee("table", "convert", table)
    assert [field.name for field in DeltaTable(table).schema().fields] == ["a", "s", "new"]
    found = levee.read(table).to_pylist()
    assert sorted(found, key=lambda row: row["a"]) == [
        {"a": 1, "s": {"x": 1, "y": None}, "new": None},
        {"a": 3, "s": None, "new": None},
        {"a": 70_000, "s": {"x": 2, "y": "b"}, "new": "n"},
    ]


def test_nested(levee, table):
    table.mkdir()
    data = pa.table({"id": [1, 2], "tags": [["a", None], []], "point": [{"x": 1, "label": "l"}, None], "scores": [[("k", 1)], None]}, schema=pa.schema([("id", pa.int64()), *NESTED]))
    pq.write_table(data, table / "x.parquet")
    levee("table", "convert", table)
    assert rows(levee.read(table)) == rows(data) and delta_rs_rows(table) == rows(data)


@pytest.mark.parametrize(
    "left, right, words",
    [
        (pa.int32(), pa.int64(), ["1.parquet", "2.parquet", "integer", "long"]),
        (pa.string(), pa.int64(), ["1.parquet", "2.parquet"]),
        (pa.decimal128(10, 2), pa.decimal128(12, 2), ["decimal(10,2)", "decimal(12,2)"]),
        (pa.uint64(), pa.uint64(), ["unsigned 64-bit", "column"]),
        (pa.time64("us"), pa.time64("us"), ["time of day"]),
        (pa.timestamp("ns"), pa.timestamp("ns"), ["nanoseconds"]),
        (pa.float16(), pa.float16(), ["16-bit"]),
        (pa.null(), pa.null(), ["void"]),
    ],
)
def test_what_makes_no_table(levee, table, left, right, words):
    table.mkdir()
    for number, kind in enumerate((left, right), 1):
        pq.write_table(pa.table({"id": [1], "column": pa.array([None], kind)}), table / f"{number}.parquet")
    done = levee.run("table", "convert", table)
    assert done.returncode in (1, 4) and all(word in done.stderr for word in words), done.stderr
    assert not (table / "_delta_log").exists()


def test_other_files(levee, table):
    assert "no Parquet files" in levee.fails(1, "table", "convert", table)
    table.mkdir()
    for name in ("_SUCCESS", ".part.crc", "_temporary/x", ".hidden/y.parquet"):
        (table / name).parent.mkdir(exist_ok=True)
        (table / name).write_text("x")
    (table / "empty").touch()
    assert "no Parquet files" in levee.fails(1, "table", "convert", table)
    pq.write_table(pa.table({"id": [1]}), table / "part-00000")
    levee("table", "convert", table, "--dry-run")
    (table / "README.txt").write_text("a text of some length")
    assert "README.txt" in levee.fails(1, "table", "convert", table)
    (table / "README.txt").unlink()
    (table / "day=1").mkdir()
    pq.write_table(pa.table({"id": [1]}), table / "day=1" / "x.parquet")
    assert "same partition columns" in levee.fails(1, "table", "convert", table)
    assert not (table / "_delta_log").exists()


def test_statistics_are_bounds(levee, table):
    table.mkdir()
    data = {
        "text": ["a" * 40, "b" * 40 + "c"], "real": [1.5, float("nan")], "money": [decimal.Decimal("1.10"), decimal.Decimal("2.20")],
        "at": pa.array([1_000_001, 2_000_999], pa.timestamp("us", tz="UTC")), "none": pa.array([None, None], pa.int32()), "day": [datetime.date(1600, 1, 1), None],
    }
    pq.write_table(pa.table(data), table / "x.parquet", row_group_size=1)
    levee("table", "convert", table)
    (found,) = stats(table)
    assert found["numRecords"] == 2 and found["nullCount"] == {"text": 0, "real": 0, "money": 0, "at": 0, "none": 2, "day": 1}
    assert found["minValues"]["text"] == "a" * 32 and found["maxValues"]["text"] > "b" * 40 + "c"
    # NaN is above all numbers, and whether there is one the footer does not say.
    assert "real" not in found["maxValues"] and "none" not in found["minValues"]
    assert found["minValues"]["at"] == "1970-01-01T00:00:01.000Z" and found["maxValues"]["at"] == "1970-01-01T00:00:02.001Z"
    write_deltalake(table, pa.table(data), mode="append")
    assert len(levee.read(table, "--where", "text > 'b'").to_pylist()) == 2
    levee("table", "restore", table, "--version", 0)


def test_a_table_of_another_partitioning(levee, table):
    write(table, pa.table({"id": [1], "p": ["a"]}), hive(("p", pa.string())))
    levee("table", "convert", table, "--no-statistics")
    assert all("stats" not in action["add"] for action in first_commit(table) if "add" in action)
    assert levee("table", "convert", table, "--partition-by", "p string")["wasTable"]
    assert "is a Delta table already" in levee.fails(1, "table", "convert", table, "--partition-by", "q string")


def test_rows_are_read_before_the_commit(levee, table):
    table.mkdir()
    for part in range(3):
        pq.write_table(all_types(part * 50, 50), table / f"{part}.parquet")
    (table / "1.parquet").rename(table / "1")
    damaged = bytearray((table / "2.parquet").read_bytes())
    damaged[4:300] = b"\xff" * 296
    whole = (table / "2.parquet").read_bytes()
    (table / "2.parquet").write_bytes(damaged)
    assert "2.parquet" in levee.fails(1, "table", "convert", table, "--verify-rows")
    assert not (table / "_delta_log").exists()
    assert levee("table", "convert", table, "--dry-run")["metrics"]["numRecords"] == 150
    (table / "2.parquet").write_bytes(whole)
    found = levee("table", "convert", table, "--verify-rows")["verification"]
    size = sum(path.stat().st_size for path in table.iterdir() if path.is_file())
    assert found == {"staged": {"files": 3, "rows": 150, "bytes": size, "readRows": 150}, "table": {"version": 0, "files": 3, "rows": 150, "filesFound": 3}}
    assert delta_rs_rows(table) == rows(all_types(0, 150))


def test_as_an_operation(site):
    directory = site.lake / "raw"
    write(directory, pa.table({"id": range(10), "day": [f"2024-01-0{1 + n % 2}" for n in range(10)]}), hive(("day", pa.string())))
    spec = {"location": f"file://{directory}", "storageRef": {"name": "lake"}, "convert": {"partitionBy": ["day date"]}, "verify": "Rows"}
    site.operator.start()
    site.apply(levee_object("TableOperation", "convert", **spec))
    run = site.until_finished("convert")["status"]
    assert (run["phase"], run["type"], run["result"]["version"]) == ("Succeeded", "Convert", 0), run
    found = run["result"]["verification"]
    assert (found["staged"]["files"], found["staged"]["readRows"], found["table"]["rows"]) == (2, 10, 10)
    assert [row[0] for row in sorted(delta_rs_rows(directory))] == list(range(10))
