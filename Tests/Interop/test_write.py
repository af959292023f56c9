"""CREATE and append: what Levee writes, everybody reads; what does not fit is refused by name."""

import datetime
import decimal
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from rows import chdb_rows, delta_rs_rows, rows
from samples import PARTITION_VALUES, all_types, small_files

SCHEMA = [
    {"name": "id", "type": "long", "nullable": False, "comment": "business key"},
    {"name": "amount", "type": "double"},
    {"name": "text", "type": "string"},
]


@pytest.fixture
def schema_file(tmp_path):
    def write(schema):
        path = tmp_path / "schema.json"
        path.write_text(json.dumps(schema))
        return path

    return write


@pytest.fixture
def input_file(tmp_path):
    def write(lines, name="input.json"):
        path = tmp_path / name
        path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
        return path

    return write


def test_create_makes_a_table_that_peers_open(levee, table, schema_file):
    result = levee(
        "table", "create", table, "--schema", schema_file(SCHEMA), "--partition-by", "text", "--property", "delta.appendOnly=true", "--name", "orders"
    )
    assert result["version"] == 0
    delta = DeltaTable(table)
    assert delta.metadata().partition_columns == ["text"]
    assert delta.metadata().configuration == {"delta.appendOnly": "true"}
    assert delta.metadata().name == "orders"
    fields = delta.schema().fields
    assert [(field.name, field.type.type, field.nullable) for field in fields] == [("id", "long", False), ("amount", "double", True), ("text", "string", True)]
    assert fields[0].metadata == {"comment": "business key"}
    assert (delta.protocol().min_reader_version, delta.protocol().min_writer_version) == (1, 2)
    assert "is a Delta table already" in levee.fails(1, "table", "create", table, "--schema", schema_file(SCHEMA))
    assert levee("table", "describe", table)["schema"]["fields"][0]["metadata"]["comment"] == "business key"


def test_deltas_own_schema_json_is_taken(levee, table, schema_file, tmp_path):
    small_files(tmp_path / "other", files=1, nested=True)
    theirs = json.loads(DeltaTable(tmp_path / "other").schema().to_json())
    levee("table", "create", table, "--schema", schema_file(theirs))
    assert json.loads(DeltaTable(table).schema().to_json()) == theirs
    assert DeltaTable(table).protocol().reader_features == ["timestampNtz"]


@pytest.mark.parametrize(
    "schema, arguments, expected",
    [
        ([{"name": "a", "type": "number"}], [], "column a has the type number"),
        ([{"name": "a b", "type": "long"}], [], "column mapping"),
        (SCHEMA, ["--partition-by", "nothing"], "partition column nothing"),
        (SCHEMA, ["--property", "delta.enableDeletionVectors"], "KEY=VALUE"),
        (SCHEMA, ["--property", "delta.deletedFileRetentionDuration=7d"], "interval 7 days"),
    ],
)
def test_impossible_tables_are_refused(levee, table, schema_file, schema, arguments, expected):
    assert expected in levee.fails(1, "table", "create", table, "--schema", schema_file(schema), *arguments)
    assert not table.exists()


def test_json_lines_of_every_type(levee, table, tmp_path, schema_file, input_file):
    """Levee prints rows as JSON lines and reads them back as the same rows."""
    source = tmp_path / "source"
    small_files(source, files=2, nested=True)
    theirs = json.loads(DeltaTable(source).schema().to_json())
    levee("table", "create", table, "--schema", schema_file(theirs))
    lines = tmp_path / "lines.json"
    assert levee.run("table", "read", source, "--format", "json", "--to", lines).returncode == 0
    result = levee("table", "write", table, "--from", lines)
    assert result["version"] == 1 and result["metrics"]["numOutputRows"] == 100
    assert delta_rs_rows(table) == delta_rs_rows(source)


@pytest.mark.parametrize("codec", ["zstd", "snappy", "uncompressed"])
def test_parquet_of_every_type(levee, table, tmp_path, codec):
    data = all_types(0, 3000, nested=True)
    write_deltalake(table, data.slice(0, 1))
    source = tmp_path / "rows.parquet"
    pq.write_table(data.slice(1), source)
    levee("table", "write", table, "--from", source, "--codec", codec)
    assert delta_rs_rows(table) == rows(data) == rows(levee.read(table))
    (path,) = [file["path"] for file in levee("table", "files", table) if file["numRecords"] == 2999]
    assert rows(pq.ParquetFile(table / path).read()) == rows(data.slice(1))
    expected = {"zstd": "ZSTD", "snappy": "SNAPPY", "uncompressed": "UNCOMPRESSED"}[codec]
    assert pq.ParquetFile(table / path).metadata.row_group(0).column(0).compression == expected
    assert sorted(int(entry["id"]) for entry in chdb_rows(table, ["id", "text"])) == list(range(3000))


def test_peers_statistics_and_ours_agree(levee, table, tmp_path):
    """The same rows written by both: the same statistics, where deltalake has any."""
    columns = ["id", "tiny", "small", "medium", "text", "day", "money"]
    data = all_types(1, 500).select(columns)
    write_deltalake(table, data)
    source = tmp_path / "rows.parquet"
    pq.write_table(data, source)
    levee("table", "write", table, "--from", source)
    theirs, ours = sorted(levee("table", "files", table), key=lambda file: file["path"].endswith("zstd.parquet"))
    assert ours["stats"]["numRecords"] == theirs["stats"]["numRecords"] == 500
    assert ours["stats"]["nullCount"] == theirs["stats"]["nullCount"]
    for name in columns:
        if name == "text":
            assert ours["stats"]["minValues"][name] == "" and ours["stats"]["maxValues"][name] > "ü" * 32
            continue
        assert ours["stats"]["minValues"][name] == theirs["stats"]["minValues"][name], name
        assert ours["stats"]["maxValues"][name] == theirs["stats"]["maxValues"][name], name


def test_partitioned_appends(levee, table, schema_file, input_file):
    schema = [
        {"name": "p", "type": "string"},
        {"name": "day", "type": "date"},
        {"name": "at", "type": "timestamp"},
        {"name": "money", "type": "decimal(10,2)"},
        {"name": "id", "type": "long"},
    ]
    levee("table", "create", table, "--schema", schema_file(schema), "--partition-by", "p,day,at,money")
    lines = [
        {"p": value, "day": "2024-02-29", "at": "2024-01-01T00:00:00.123456Z" if place % 2 else None, "money": 1.5, "id": place}
        for place, value in enumerate(PARTITION_VALUES)
    ]
    result = levee("table", "write", table, "--from", input_file(lines))
    assert result["metrics"]["numFiles"] == len(PARTITION_VALUES)
    moment = datetime.datetime(2024, 1, 1, 0, 0, 0, 123456, datetime.timezone.utc)
    expected = pa.table(
        {
            "p": PARTITION_VALUES,
            "day": [datetime.date(2024, 2, 29)] * len(lines),
            "at": pa.array([moment if place % 2 else None for place in range(len(lines))], pa.timestamp("us", tz="UTC")),
            "money": pa.array([decimal.Decimal("1.50")] * len(lines), pa.decimal128(10, 2)),
            "id": range(len(lines)),
        }
    )
    assert delta_rs_rows(table) == rows(expected) == rows(levee.read(table))
    found = {entry["p"]: int(entry["id"]) for entry in chdb_rows(table, ["p", "id"])}
    assert found == {value: place for place, value in enumerate(PARTITION_VALUES)}
    # A peer can go on with the same partitions, and still finds one partition by another's name.
    assert len(DeltaTable(table).partitions()) == len(lines)


def test_an_empty_text_partitions_as_null(levee, table, schema_file, input_file):
    levee("table", "create", table, "--schema", schema_file([{"name": "p", "type": "string"}, {"name": "id", "type": "long"}]), "--partition-by", "p")
    levee("table", "write", table, "--from", input_file([{"p": "", "id": 1}, {"id": 2}]))
    assert rows(levee.read(table)) == delta_rs_rows(table) == [(None, 1), (None, 2)]
    assert len(levee("table", "files", table)) == 1


@pytest.mark.parametrize(
    "line, expected",
    [
        ({"id": "1"}, 'column id is of type long and the value is the text "1"'),
        ({"id": 1, "amount": True}, "column amount is of type double and the value is true"),
        ({"amount": 1}, "column id must have a value"),
        ({"id": 1, "amout": 2}, "column amout is not in the table, which has id, amount, text"),
        ('{"id": 1,\n', "not a JSON object"),
        ("[1, 2]\n", "not a JSON object"),
    ],
)
def test_rows_that_do_not_fit_are_named_and_nothing_is_written(levee, table, schema_file, input_file, line, expected):
    levee("table", "create", table, "--schema", schema_file(SCHEMA))
    good = [{"id": n, "text": "x"} for n in range(100)]
    message = levee.fails(1, "table", "write", table, "--from", input_file(good + [line] + good))
    assert expected in message and "input.json, line 101" in message
    assert [path.name for path in table.iterdir()] == ["_delta_log"]
    assert DeltaTable(table).version() == 0


@pytest.mark.parametrize(
    "data, expected",
    [
        ({"id": ["1"]}, "column id is of type long and the file has string"),
        ({"id": [1], "other": [2]}, "column other is not in the table"),
        ({"amount": [1.0]}, "column id must have a value and the file does not have it"),
        ({"id": [None]}, "id"),
        ({"id": [1], "amount": pa.array([1], pa.decimal128(5, 2))}, "column amount is of type double and the file has decimal(5,2)"),
    ],
)
def test_parquet_that_does_not_fit_is_refused(levee, table, tmp_path, schema_file, data, expected):
    levee("table", "create", table, "--schema", schema_file(SCHEMA))
    source = tmp_path / "rows.parquet"
    columns = {name: values if isinstance(values, pa.Array) else pa.array(values, pa.int64() if values == [None] else None) for name, values in data.items()}
    pq.write_table(pa.table(columns), source)
    assert expected in levee.fails(1, "table", "write", table, "--from", source)
    assert [path.name for path in table.iterdir()] == ["_delta_log"]


def test_narrower_types_and_missing_columns_fit(levee, table, tmp_path, schema_file):
    levee("table", "create", table, "--schema", schema_file(SCHEMA))
    source = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"id": pa.array([7], pa.int16()), "amount": pa.array([0.5], pa.float32())}), source)
    levee("table", "write", table, "--from", source)
    assert delta_rs_rows(table) == [(7, 0.5, None)]


def test_no_rows_no_commit(levee, table, schema_file, input_file):
    levee("table", "create", table, "--schema", schema_file(SCHEMA))
    assert levee("table", "write", table, "--from", input_file(["\n", "  \n"]))["version"] is None
    assert DeltaTable(table).version() == 0


def test_a_batch_is_appended_once(levee, table, schema_file, input_file):
    levee("table", "create", table, "--schema", schema_file(SCHEMA))
    source = input_file([{"id": 1}])
    assert levee("table", "write", table, "--from", source, "--app-id", "feed", "--app-version", 5)["version"] == 1
    assert levee("table", "write", table, "--from", source, "--app-id", "feed", "--app-version", 5)["alreadyApplied"]
    assert delta_rs_rows(table) == [(1, None, None)]


def test_large_input_streams(levee, table, schema_file, tmp_path):
    """Memory stays far below the input's size."""
    levee("table", "create", table, "--schema", schema_file(SCHEMA))
    source = tmp_path / "large.json"
    with source.open("w") as out:
        for start in range(0, 1_000_000, 1000):
            out.write("".join(f'{{"id":{n},"amount":{n}.25,"text":"{n:08x}-{"x" * (n % 50)}"}}\n' for n in range(start, start + 1000)))
    assert source.stat().st_size > 60 << 20
    command = f"ulimit -v 1000000; exec {levee.binary} table write {table} --from {source} -o json"
    import subprocess

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["numOutputRows"] == 1_000_000
    assert DeltaTable(table).count() == 1_000_000


def test_rows_that_break_a_constraint_are_not_added(levee, table, input_file):
    write_deltalake(table, pa.table({"id": [1], "text": ["a"]}))
    DeltaTable(table).alter.add_constraint({"positive": "id > 0"})
    DeltaTable(table).alter.add_constraint({"known": "text in ('a', 'b') or id between 100 and 200"})
    for bad in ({"id": -1, "text": "a"}, {"id": None, "text": "a"}, {"id": 5, "text": "c"}):
        message = levee.fails(1, "table", "write", table, "--from", input_file([{"id": 2, "text": "b"}, bad]))
        assert "CHECK constraint" in message and "violates" in message
        # The peer is of the same mind.
        with pytest.raises(Exception, match="(?i)constraint|check|invariant"):
            write_deltalake(table, pa.table({"id": pa.array([bad["id"]], pa.int64()), "text": [bad["text"]]}), mode="append")
    levee("table", "write", table, "--from", input_file([{"id": 2, "text": "b"}, {"id": 150, "text": "z"}]))
    assert sorted(delta_rs_rows(table)) == [(1, "a"), (2, "b"), (150, "z")]
    levee("table", "optimize", table)
    assert sorted(DeltaTable(table).to_pyarrow_table().column("id").to_pylist()) == [1, 2, 150]
    assert "violates" in levee.fails(1, "table", "write", table, "--from", input_file([{"id": 0, "text": "a"}]))


def test_rules_that_levee_cannot_check_are_refused(levee, table, input_file):
    write_deltalake(table, pa.table({"id": [1]}))
    DeltaTable(table).alter.add_constraint({"even": "id & 1 = 1"})
    assert "checkConstraints" in levee.fails(4, "table", "write", table, "--from", input_file([{"id": 3}]))
    assert delta_rs_rows(table) == [(1,)]


def test_columns_condition_limit_and_formats(levee, table, tmp_path):
    small_files(table, files=3)
    data = all_types(0, 150)
    some = levee.read(table, "--columns", "text,id", "--where", "id >= 10 AND id < 20 AND text IS NOT NULL")
    assert some.column_names == ["text", "id"]
    expected = [(row["text"], row["id"]) for row in data.to_pylist() if 10 <= row["id"] < 20 and row["text"] is not None]
    assert rows(some) == sorted(expected, key=repr)
    assert levee.read(table, "--limit", 7).num_rows == 7
    assert "no column nothing" in levee.fails(1, "table", "read", table, "--columns", "nothing")
    csv = levee.run("table", "read", table, "--columns", "id,money", "--where", "id < 2", "--format", "csv").stdout
    assert csv.splitlines()[0] == "id,money" and len(csv.splitlines()) == 3
    text = levee.run("table", "read", table, "--columns", "id,text", "--limit", 2).stdout
    assert text.splitlines()[0].split() == ["id", "text"] and len(text.splitlines()) == 3


def test_older_versions(levee, table):
    small_files(table, files=3)
    assert levee.read(table, "--version", 0).num_rows == 50
    assert "log goes from version 0 to 2" in levee.fails(1, "table", "read", table, "--version", 9)
    assert levee.read(table, "--timestamp", "2999-01-01").num_rows == 150
    assert "begins after" in levee.fails(1, "table", "read", table, "--timestamp", "1999-01-01T00:00:00Z")
