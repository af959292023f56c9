"""levee table changes beside deltalake's load_cdf: the same rows went the same way in the same versions."""

import collections
import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import CONFORMANCE
from deltalake import CommitProperties, DeltaTable, write_deltalake
from rows import delta_rs, plain, rows
from samples import all_types

FEED = {"delta.enableChangeDataFeed": "true"}
TIME = "_commit_timestamp"


def theirs(path, start=0, end=None):
    reader = DeltaTable(path).load_cdf(starting_version=start, ending_version=end)
    return pa.table(reader.read_all())


def ours(levee, path, *arguments):
    target = path.parent / (path.name + ".changes.parquet")
    done = levee.run("table", "changes", path, "--format", "parquet", "--to-file", target, *arguments)
    assert done.returncode == 0, done.stderr
    try:
        return pq.ParquetFile(target).read()
    finally:
        target.unlink()


def assert_same(levee, path, start=0, end=None):
    mine = ours(levee, path, "--from", start, *([] if end is None else ["--to", end]))
    peer = theirs(path, start, end)
    columns = [name for name in mine.column_names if name != TIME]
    assert set(mine.column_names) == set(peer.column_names)
    assert rows(mine, columns) == rows(peer, columns)
    return mine


def replayed(changes):
    """The rows that a table has after its changes: as many of each as came and did not go, by the columns but the feed's own."""
    left = collections.Counter()
    for change in sorted(changes.to_pylist(), key=lambda change: change["_commit_version"]):
        kind = change["_change_type"]
        row = tuple(plain(value) for name, value in change.items() if not name.startswith("_"))
        left[row] += 1 if kind in ("insert", "update_postimage") else -1
    assert min(left.values(), default=0) >= 0
    return sorted(left.elements(), key=repr)


def batch(ids, text="t", part=None):
    return pa.table({"id": pa.array(ids, pa.int64()), "text": [f"{text}{n}" for n in ids], "part": [part or f"p{n % 3}" for n in ids]})


@pytest.mark.parametrize("partition_by", [None, ["part"]])
def test_every_kind_of_change(levee, table, partition_by):
    write_deltalake(table, batch(range(10)), configuration=FEED, partition_by=partition_by)
    write_deltalake(table, batch(range(10, 20)), mode="append")
    DeltaTable(table).delete("id % 4 = 0")
    DeltaTable(table).update(updates={"text": "'changed'"}, predicate="id > 12")
    source = batch([1, 2, 100, 101], text="m")
    merge = DeltaTable(table).merge(source, predicate="t.id = s.id", source_alias="s", target_alias="t")
    merge.when_matched_update_all(predicate="s.id = 1").when_matched_delete().when_not_matched_insert_all().execute()
    DeltaTable(table).optimize.compact()
    write_deltalake(table, batch([100, 200], text="o", part="p1"), mode="overwrite", predicate="part = 'p1'")
    write_deltalake(table, batch([7]), mode="overwrite")
    latest = DeltaTable(table).version()
    mine = assert_same(levee, table)
    assert set(mine.column("_change_type").to_pylist()) == {"insert", "delete", "update_preimage", "update_postimage"}
    for start in range(latest + 1):
        assert_same(levee, table, start, start)
    assert_same(levee, table, 2, 4)
    # Commit times go by the files of the log, theirs by what the writer said.
    for peer, own in zip(sorted(theirs(table).column(TIME).to_pylist()), sorted(mine.column(TIME).to_pylist())):
        assert abs(peer.replace(tzinfo=own.tzinfo) - own) < datetime.timedelta(seconds=30)


def test_random_changes_add_up_to_the_table(levee, table, rng):
    write_deltalake(table, batch(range(20)), configuration=FEED, partition_by=rng.choice([None, ["part"]]))
    for step in range(12):
        peer, at = DeltaTable(table), rng.randrange(40)
        kind = rng.choice(["append", "delete", "update", "merge", "optimize", "overwrite"])
        if kind == "append":
            write_deltalake(table, batch([rng.randrange(40) for _ in range(rng.randrange(1, 6))]), mode="append")
        elif kind == "delete":
            peer.delete(f"id % 7 = {at % 7}")
        elif kind == "update":
            peer.update(updates={"text": f"'step {step}'"}, predicate=f"id > {at}")
        elif kind == "merge":
            merge = peer.merge(batch([at, at + 1, 1000 + step], text="m"), predicate="t.id = s.id", source_alias="s", target_alias="t")
            merge.when_matched_update_all().when_not_matched_insert_all().execute()
        elif kind == "optimize":
            levee("table", "optimize", table)
        else:
            write_deltalake(table, batch([at, at + 1], text="o", part="p1"), mode="overwrite", predicate="part = 'p1'")
    assert replayed(assert_same(levee, table)) == rows(delta_rs(table)) == rows(levee.read(table))


def test_all_types_and_nested_columns(levee, table):
    write_deltalake(table, all_types(0, 40, nested=True), configuration=FEED)
    DeltaTable(table).delete("id < 10")
    DeltaTable(table).update(updates={"text": "'x'"}, predicate="id > 30")
    assert_same(levee, table)


def test_columns_conditions_limits_and_formats(levee, table):
    write_deltalake(table, batch(range(5)), configuration=FEED)
    DeltaTable(table).delete("id = 3")
    printed = levee.run("table", "changes", table, "--from", 1, "--format", "csv", "--columns", "_change_type,id,_commit_version").stdout
    assert printed == "_change_type,id,_commit_version\ndelete,3,1\n"
    printed = levee.run("table", "changes", table, "--from", 0, "--where", "_change_type = 'insert' and id > 1", "--limit", 1, "--columns", "id", "-o", "json")
    assert printed.stdout == '{"id":2}\n'
    assert "delete" in levee.run("table", "changes", table, "--from", 0).stdout
    assert "is missing" in levee.fails(2, "table", "changes", table)
    assert "not both" in levee.fails(1, "table", "changes", table, "--from", 0, "--from-timestamp", "2024-01-01")
    assert "no version of" in levee.fails(1, "table", "changes", table, "--from-timestamp", "2999-01-01")
    assert ours(levee, table, "--from-timestamp", "2024-01-01", "--to-timestamp", "2999-01-01").num_rows == 6


def test_versions_without_the_feed_are_refused(levee, table):
    write_deltalake(table, batch(range(5)))
    DeltaTable(table).alter.set_table_properties(FEED)
    write_deltalake(table, batch([9]), mode="append", commit_properties=CommitProperties(custom_metadata={"why": "test"}))
    assert "was off at version 0" in levee.fails(1, "table", "changes", table, "--from", 0)
    assert_same(levee, table, 2)


# With the first version whose changes the log still has.
CDF_TABLES = {
    "cdf-table": 0,
    "cdf-table-non-partitioned": 0,
    "cdf-table-with-cdc-and-dvs": 0,
    "checkpoint-cdf-table": 3,
    "simple_table_with_cdc": 0,
    "cdc_ict_table": 0,
}


@pytest.mark.skipif(not CONFORMANCE.exists(), reason=f"the conformance tables are not at {CONFORMANCE}")
@pytest.mark.parametrize("name", CDF_TABLES)
def test_conformance_table(levee, name, tmp_path):
    path = tmp_path / name
    path.symlink_to(CONFORMANCE / name)
    mine = assert_same(levee, path, CDF_TABLES[name])
    if CDF_TABLES[name] == 0:
        assert replayed(mine) == rows(delta_rs(path))
