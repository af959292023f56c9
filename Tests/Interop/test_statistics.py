"""Statistics found anew, held against those of deltalake and of pyarrow for the same files."""

import datetime
import json
import math

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from rows import delta_rs_rows
from samples import all_types, partitioned, small_files
from test_crash import crash_at_every_step
from test_vacuum import rewrite_log


def strip(table):
    """Takes all statistics out of the log."""
    rewrite_log(table, lambda action: action.get("add", {}).pop("stats", None))


def statistics(table):
    """The statistics of all files, by path."""
    return {
        action["path"]: {name: value for name, value in action.items() if name.split(".")[0] in ("num_records", "null_count", "min", "max")}
        for action in pa.table(DeltaTable(table).get_add_actions(flatten=True)).to_pylist()
    }


def loosely(value):
    """Moments at the millisecond below, which deltalake keeps of a maximum; zeros without a sign."""
    if isinstance(value, datetime.datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=None)
    return 0.0 if value == 0 else value


def is_same(ours, theirs, name):
    if loosely(ours) == loosely(theirs):
        return True
    if isinstance(ours, datetime.datetime) and isinstance(theirs, datetime.datetime):
        # A maximum is rounded up, so that it goes on being one.
        return datetime.timedelta(0) <= loosely(ours) - loosely(theirs) <= datetime.timedelta(milliseconds=1)
    if isinstance(theirs, str) and isinstance(ours, str) and len(ours) > 31:
        # Both cut; deltalake makes the last character that is left larger, Levee adds one behind it.
        return ours[:31] == theirs[:31]
    # Where there may be a NaN, and beyond what a JSON number holds, nothing is said; nor of booleans, as Spark has it.
    return ours is None and isinstance(theirs, (float, bool))


@pytest.mark.parametrize("make", [lambda table: small_files(table, files=3, nested=True), partitioned], ids=["all types", "partitioned"])
def test_statistics_are_those_of_deltalake(levee, table, make):
    make(table)
    before, rows = statistics(table), delta_rs_rows(table)
    strip(table)
    result = levee("table", "compute-statistics", table)
    assert result["metrics"]["numUpdatedFiles"] == len(before)
    after = statistics(table)
    assert after.keys() == before.keys()
    for path, known in before.items():
        for name, value in known.items():
            if value is not None and not (name.startswith("null_count") and name not in after[path]):
                ours = after[path].get(name)
                # deltalake counts the entries of lists and maps; nobody else does.
                if name in ("null_count.tags", "null_count.scores"):
                    continue
                assert is_same(ours, value, name), f"{name} of {path}: {ours} and {value}"
    assert delta_rs_rows(table) == rows
    assert DeltaTable(table).history(1)[0]["operation"] == "COMPUTE STATS"
    assert levee("table", "compute-statistics", table)["version"] is None


def test_statistics_are_what_pyarrow_finds_in_the_rows(levee, table):
    """Each bound holds, and those that need no cutting are met."""
    small_files(table, files=3)
    strip(table)
    levee("table", "compute-statistics", table, "--missing-only")
    for path, found in statistics(table).items():
        content = pq.read_table(table / path)
        assert found["num_records"] == content.num_rows
        for name in content.column_names:
            column = content.column(name)
            assert found[f"null_count.{name}"] == column.null_count, name
            low, high = found.get(f"min.{name}"), found.get(f"max.{name}")
            if low is None and high is None:
                continue
            values = [value for value in column.to_pylist() if value is not None and not (isinstance(value, float) and math.isnan(value))]
            if isinstance(values[0], datetime.datetime):
                low, high = (moment and moment.replace(tzinfo=values[0].tzinfo) for moment in (low, high))
            assert low is None or low <= min(values), name
            assert high is None or high >= max(values), name
            if isinstance(values[0], (int, datetime.date)) and not isinstance(values[0], (bool, datetime.datetime)):
                assert (low, high) == (min(values), max(values)) == (pc.min(column).as_py(), pc.max(column).as_py()), name


def test_deletion_vectors_stay_and_bounds_are_wide(levee, table):
    write_deltalake(table, all_types(0, 50), configuration={"delta.enableDeletionVectors": "true"})
    levee("table", "delete", table, "--where", "id % 3 = 0")
    rows = delta_rs_rows(table)
    (before,) = levee("table", "files", table)

    def forget(action):
        if stats := action.get("add", {}).get("stats"):
            action["add"]["stats"] = json.dumps({name: value for name, value in json.loads(stats).items() if name in ("numRecords", "tightBounds")})

    rewrite_log(table, forget)
    levee("table", "compute-statistics", table)
    commit = table / "_delta_log" / f"{DeltaTable(table).version():020d}.json"
    (add,) = [action["add"] for action in map(json.loads, commit.read_text().splitlines()) if "add" in action]
    stats = json.loads(add["stats"])
    assert stats["tightBounds"] is False and stats["numRecords"] == 50 and (stats["minValues"]["id"], stats["maxValues"]["id"]) == (0, 49)
    assert add["deletionVector"]["cardinality"] == 17 and not add["dataChange"]
    (after,) = levee("table", "files", table)
    assert after["path"] == before["path"]
    assert delta_rs_rows(table) == rows


def test_a_file_that_is_not_what_the_log_says_is_named(levee, table):
    small_files(table, files=2)
    path = levee("table", "files", table)[0]["path"]

    def more(action):
        add = action.get("add", {})
        if add.get("path") == path:
            add["stats"] = json.dumps({"numRecords": 51})

    rewrite_log(table, more)
    message = levee.fails(1, "table", "compute-statistics", table)
    assert path in message and "levee table repair" in message


def test_only_partitions_that_are_asked_for(levee, table):
    partitioned(table, files=2)
    strip(table)
    dry = levee("table", "compute-statistics", table, "--where", "p = 'plain'", "--dry-run")
    assert dry["metrics"]["numUpdatedFiles"] == 2 and dry["version"] is None
    done = levee("table", "compute-statistics", table, "--where", "p = 'plain'")
    assert done["version"] == DeltaTable(table).version()
    assert sum("num_records" in found and found["num_records"] is not None for found in statistics(table).values()) == 2
    levee.fails(1, "table", "compute-statistics", table, "--where", "id = 3")


def test_kill_at_every_step(levee, table, tmp_path):
    master = tmp_path / "master"
    small_files(master, files=2)
    strip(master)

    def check(step):
        assert all(found["num_records"] == 50 for found in statistics(table).values()), step
        assert DeltaTable(table).transaction_version("crash") == 1, step

    arguments = ["table", "compute-statistics", "--app-id", "crash", "--app-version", 1]
    steps = crash_at_every_step(levee, master, table, tmp_path, arguments, delta_rs_rows(master), check)
    names = {step.rsplit(":", 1)[0] for step in steps}
    assert {"computeStatistics.planned", "computeStatistics.computed", "computeStatistics.beforeCommit", "computeStatistics.committed"} <= names
