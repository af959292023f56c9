"""levee table delete beside deltalake's, and what other readers find of tables that Levee deleted from."""

import json
import shutil

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import CONFORMANCE
from deltalake import DeltaTable, write_deltalake
from rows import chdb_rows, delta_rs, delta_rs_rows, rows
from samples import all_types
from test_changes import assert_same, ours

VECTORS = {"delta.enableDeletionVectors": "true"}
FEED = {"delta.enableChangeDataFeed": "true"}

# As both dialects have it.
CONDITIONS = [
    "id < 50",
    "id >= 30 AND id < 120 AND text = 'text'",
    "small > 0 OR day < '1700-01-01'",
    "NOT (text = '')",
    "money IS NULL",
    "medium % 3 = 1 AND flag",
    "id IN (3, 77, 149)",
    "id < 0",
]


def left_by_duckdb(table, condition):
    """The rows that a condition is not true of, as another engine evaluates it."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("t", table)
    return connection.sql(f"SELECT * FROM t WHERE ({condition}) IS NOT TRUE").to_arrow_table()


def parts(path, partition_by=None, configuration=None):
    for start in (0, 50, 100):
        write_deltalake(path, all_types(start, 50), mode="append", partition_by=partition_by, configuration=configuration)


@pytest.mark.parametrize("partition_by", [None, ["small_money"]])
def test_the_same_rows_stay_as_with_the_peer(levee, tmp_path, partition_by):
    master = tmp_path / "master"
    parts(master, partition_by)
    before = delta_rs(master)
    for number, condition in enumerate(CONDITIONS[1::2] if partition_by else CONDITIONS):
        mine, theirs = tmp_path / f"mine{number}", tmp_path / f"theirs{number}"
        shutil.copytree(master, mine)
        shutil.copytree(master, theirs)
        result = levee("table", "delete", mine, "--where", condition)
        peer = DeltaTable(theirs).delete(condition)
        assert result["metrics"]["numDeletedRows"] == peer["num_deleted_rows"], condition
        expected = delta_rs_rows(theirs)
        assert delta_rs_rows(mine) == expected == rows(left_by_duckdb(before, condition), delta_rs(mine).column_names), condition
        assert rows(levee.read(mine), delta_rs(mine).column_names) == expected, condition
        entry = DeltaTable(mine).history(1)[0]
        assert (entry["operation"] == "DELETE") == (peer["num_deleted_rows"] > 0), condition


@pytest.mark.parametrize("configuration", [VECTORS, {**VECTORS, **FEED}, FEED], ids=["vectors", "vectors and feed", "feed"])
def test_what_is_marked_or_rewritten_reads_the_same_elsewhere(levee, tmp_path, table, configuration):
    """Deletes one after the other, so that vectors grow; with nested columns, in partitions."""
    schema = [{"name": "id", "type": "long"}, {"name": "part", "type": "string"}, {"name": "n", "type": "integer"}]
    schema.append({"name": "tags", "type": {"type": "array", "elementType": "string", "containsNull": True}})
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    properties = [word for name, value in configuration.items() for word in ("--property", f"{name}={value}")]
    levee("table", "create", table, "--schema", tmp_path / "schema.json", "--partition-by", "part", *properties)
    for start in (0, 100, 200):
        with open(tmp_path / "rows.json", "w") as file:
            for number in range(start, start + 100):
                row = {"id": number, "part": f"p{number % 3}", "n": None if number % 7 == 0 else number % 10, "tags": [f"t{number}", None]}
                file.write(json.dumps(row) + "\n")
        levee("table", "write", table, "--from", tmp_path / "rows.json")
    expected = {number: None if number % 7 == 0 else number % 10 for number in range(300)}
    first = DeltaTable(table).version() + 1
    steps = [
        ("n = 3", lambda id, n: n == 3),
        ("n > 6 AND id < 150", lambda id, n: n is not None and n > 6 and id < 150),
        ("part = 'p1'", lambda id, n: id % 3 == 1),
        ("n IS NULL OR id BETWEEN 200 AND 250", lambda id, n: n is None or 200 <= id <= 250),
    ]
    for condition, goes in steps:
        gone = [id for id, n in expected.items() if goes(id, n)]
        result = levee("table", "delete", table, "--where", condition)
        assert result["metrics"]["numDeletedRows"] == len(gone)
        for id in gone:
            del expected[id]
        for found in (delta_rs(table), levee.read(table)):
            assert sorted(found["id"].to_pylist()) == sorted(expected), condition
        if "delta.enableChangeDataFeed" in configuration:
            changes = ours(levee, table, "--from", result["version"])
            assert sorted(changes["id"].to_pylist()) == sorted(gone)
            assert set(changes["_change_type"].to_pylist()) == {"delete"}
    assert sorted(int(row["id"]) for row in chdb_rows(table, ["id", "n"])) == sorted(expected)
    if "delta.enableChangeDataFeed" in configuration:
        # Files that went with their vectors the peer leaves out of the feed.
        for start, end in [(first, first + 1), (first + 3, None)] if "delta.enableDeletionVectors" in configuration else [(first, None)]:
            assert_same(levee, table, start, end)
    # What was kept up from commit to commit is what the log adds up to.
    assert levee.run("table", "describe", table).stderr == ""
    # OPTIMIZE leaves no vector behind where it rewrites, VACUUM none of the old ones.
    levee("table", "optimize", table)
    assert sorted(delta_rs(table)["id"].to_pylist()) == sorted(expected)
    levee("table", "vacuum", table, "--retention", "0s", "--allow-short-retention")
    assert sorted(delta_rs(table)["id"].to_pylist()) == sorted(expected)
    levee("table", "checkpoint", table)
    assert sorted(levee.read(table)["id"].to_pylist()) == sorted(expected)


# Those that Levee must not delete from, or not rewrite, and the word that the refusal must have.
REFUSED = {"table_with_liquid_clustering": "liquid"}
# Whose rows take the peer and the test a quarter of a minute.
LARGE = {"COVID-19_NYT"}
TABLES = sorted(path.name for path in CONFORMANCE.iterdir()) if CONFORMANCE.exists() else []


@pytest.mark.skipif(not TABLES, reason=f"the conformance tables are not at {CONFORMANCE}")
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.soak) if name in LARGE else name for name in TABLES])
def test_tables_of_others_lose_the_rows_that_are_meant(levee, tmp_path, name):
    """Whatever wrote them and whatever features they have: the rows of one value go, all others stay as they are."""
    target = tmp_path / name
    shutil.copytree(CONFORMANCE / name, target)
    try:
        before = levee.read(target)
    except AssertionError:
        pytest.skip("it cannot be read as it is in this set")
    column = next((field.name for field in before.schema if pa.types.is_integer(field.type) or pa.types.is_string(field.type)), None)
    values = [] if column is None else [value for value in before[column].to_pylist() if value not in (None, "")]
    if not values:
        pytest.skip("it has no value to delete by")
    value = values[len(values) // 2]
    condition = f"`{column}` = " + (f"'{value}'" if isinstance(value, str) else str(value))
    if name in REFUSED:
        assert REFUSED[name] in levee.fails(4, "table", "delete", target, "--where", condition)
        return
    result = levee("table", "delete", target, "--where", condition)
    kept = before.filter(pa.array([other != value for other in before[column].to_pylist()], pa.bool_()))
    # Files that go as a whole and have no statistics do not say how many rows they had.
    assert result["metrics"].get("numDeletedRows") in (None, before.num_rows - kept.num_rows)
    assert kept.num_rows < before.num_rows
    assert rows(levee.read(target), before.column_names) == rows(kept)
    done = levee.run("table", "describe", target)
    assert done.returncode == 0 and "checksum" not in done.stderr
    try:
        peer = delta_rs(target)
    except Exception as error:
        print(f"delta-rs does not read {name}: {error}")
        return
    assert peer.num_rows == kept.num_rows


def test_what_it_says(levee, table, tmp_path):
    parts(table)
    before = delta_rs_rows(table)
    assert "Would delete 50 rows" in levee.run("table", "delete", table, "--where", "id < 50", "--dry-run").stdout
    assert delta_rs_rows(table) == before
    assert "there is no column `nope`" in levee.fails(1, "table", "delete", table, "--where", "nope = 1")
    levee.fails(4, "table", "delete", table, "--where", "id = 1", "--expected-version", 0)
    assert "Deleted 50 rows (1 files removed); version 3" in levee.run("table", "delete", table, "--where", "id < 50").stdout
    assert "Nothing to do" in levee.run("table", "delete", table, "--where", "id < 50").stdout
    run = ["table", "delete", table, "--where", "id = 60", "--app-id", "erasure", "--app-version", 1]
    assert levee(*run)["version"] == 4
    assert levee(*run)["alreadyApplied"]
    DeltaTable(table).alter.set_table_properties({"delta.appendOnly": "true"})
    assert "delta.appendOnly" in levee.fails(4, "table", "delete", table)
    DeltaTable(table).alter.set_table_properties({"delta.appendOnly": "false"})
    assert "Deleted 99 rows" in levee.run("table", "delete", table).stdout
    assert delta_rs_rows(table) == []
