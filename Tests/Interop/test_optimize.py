"""OPTIMIZE on tables that deltalake made: the same rows for every reader, fewer files, a commit that all of them understand."""

import json
import shutil
import subprocess
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import CONFORMANCE
from deltalake import DeltaTable, write_deltalake
from rows import chdb_rows, delta_rs, delta_rs_rows, rows
from samples import PARTITION_VALUES, all_types, partitioned, small_files


def log_actions(table, version):
    text = (table / "_delta_log" / f"{version:020}.json").read_text()
    return [json.loads(line) for line in text.splitlines()]


def kind(actions, name):
    return [action[name] for action in actions if name in action]


@pytest.mark.parametrize("codec", ["keep", "snappy", "zstd"])
def test_small_files_become_one(levee, table, codec):
    small_files(table, files=6, nested=True)
    before, version = delta_rs_rows(table), DeltaTable(table).version()

    result = levee("table", "optimize", table, "--codec", codec)
    metrics = result["metrics"]
    assert result["version"] == version + 1
    assert (metrics["numFilesRemoved"], metrics["numFilesAdded"], metrics["partitionsOptimized"]) == (6, 1, 1)
    assert metrics["totalConsideredFiles"] == 6 and metrics["numBatches"] == 1

    assert delta_rs_rows(table) == before
    assert rows(levee.read(table)) == before
    assert sorted(entry["id"] for entry in chdb_rows(table, ["id", "text"])) == list(range(300))

    actions = log_actions(table, version + 1)
    (add,) = kind(actions, "add")
    removes = kind(actions, "remove")
    assert add["dataChange"] is False and all(remove["dataChange"] is False for remove in removes)
    assert len(removes) == 6 and all(remove["extendedFileMetadata"] and remove["size"] > 0 for remove in removes)
    assert (table / add["path"]).stat().st_size == add["size"]
    (info,) = kind(actions, "commitInfo")
    assert info["operation"] == "OPTIMIZE"
    assert info["operationMetrics"]["numAddedFiles"] == "1" and info["operationMetrics"]["numRemovedFiles"] == "6"
    assert info["readVersion"] == version and info["engineInfo"].startswith("Levee/")
    written = pq.ParquetFile(table / add["path"])
    assert {written.metadata.row_group(0).column(c).compression for c in range(written.metadata.num_columns)} == {"ZSTD" if codec == "zstd" else "SNAPPY"}
    assert written.read().column("id").to_pylist() == list(range(300)), "rows keep their order"

    again = levee("table", "optimize", table)
    assert again["version"] is None and again["metrics"]["numFilesRemoved"] == 0
    assert DeltaTable(table).version() == version + 1


def test_statistics_of_new_files_are_complete_and_right(levee, table):
    small_files(table, files=3)
    levee("table", "optimize", table)
    (add,) = kind(log_actions(table, DeltaTable(table).version()), "add")
    stats = json.loads(add["stats"])
    data = all_types(0, 150)
    assert stats["numRecords"] == 150
    for name in data.column_names:
        assert stats["nullCount"][name] == data.column(name).null_count, name
    assert stats["minValues"]["id"] == 0 and stats["maxValues"]["id"] == 149
    assert stats["minValues"]["tiny"] == -128
    assert stats["minValues"]["text"] == "" and stats["maxValues"]["text"] >= "value 99"
    longest = "ü" * 40
    assert stats["maxValues"]["text"] >= longest and len(stats["maxValues"]["text"]) <= 33
    assert "real" not in stats["maxValues"] and "wide" not in stats["maxValues"], "a NaN has no place in JSON, and above it is nothing"
    assert "wide" not in stats["minValues"], "nor has an infinity"
    assert stats["minValues"]["real"] == 0
    assert "flag" not in stats["minValues"] and "raw" not in stats["minValues"]
    assert stats["maxValues"]["at"] >= "2024-03-01T00:00:00.000Z" and stats["maxValues"]["at"].endswith("Z")
    assert not stats["minValues"]["wall"].endswith("Z")
    # What a peer makes of them.
    actions = DeltaTable(table).get_add_actions(flatten=True)
    assert pa.table(actions).column("num_records").to_pylist() == [150]


def test_partitions_are_never_mixed(levee, table):
    partitioned(table)
    before = delta_rs_rows(table)
    result = levee("table", "optimize", table)
    assert result["metrics"]["partitionsOptimized"] == len(PARTITION_VALUES)
    assert result["metrics"]["numFilesAdded"] == len(PARTITION_VALUES)
    assert delta_rs_rows(table) == before
    assert rows(levee.read(table)) == before
    for add in kind(log_actions(table, DeltaTable(table).version()), "add"):
        assert set(add["partitionValues"]) == {"p", "day", "n"}
    write_deltalake(table, pa.table({"p": ["plain"], "day": pa.array([19723], pa.int32()).cast(pa.date32()), "n": pa.array([None], pa.int32()), "id": [999]}), mode="append")
    assert levee("table", "optimize", table)["metrics"]["numFilesRemoved"] == 2


def test_a_condition_picks_partitions(levee, table):
    partitioned(table)
    before = delta_rs_rows(table)
    result = levee("table", "optimize", table, "--where", "day = DATE '2024-01-02' AND n IS NOT NULL")
    assert result["metrics"]["partitionsOptimized"] == len(PARTITION_VALUES) // 2
    assert delta_rs_rows(table) == before
    history = levee("table", "history", table, "--limit", 1)[0]
    assert "2024-01-02" in history["operationParameters"]["predicate"]
    message = levee.fails(1, "table", "optimize", table, "--where", "id > 5")
    assert "id is no partition column" in message and "p, day, n" in message
    assert "^" in levee.fails(1, "table", "optimize", table, "--where", "day = = 3")


def test_target_size_and_dry_run(levee, table):
    small_files(table, files=6)
    version = DeltaTable(table).version()
    size = max(file["size"] for file in levee("table", "files", table))
    plan = levee("table", "optimize", table, "--target-file-size", str(int(size * 2.5)), "--dry-run")
    assert plan["metrics"]["numFilesAdded"] == 3 and plan["version"] is None
    assert DeltaTable(table).version() == version
    result = levee("table", "optimize", table, "--target-file-size", str(int(size * 2.5)))
    assert result["metrics"]["numFilesAdded"] == 3
    untouched = levee("table", "optimize", table, "--target-file-size", "1")
    assert untouched["metrics"]["numFilesRemoved"] == 0
    assert delta_rs_rows(table) == rows(all_types(0, 300))


def test_the_tables_own_target_size(levee, table):
    small_files(table, files=4)
    size = max(file["size"] for file in levee("table", "files", table))
    DeltaTable(table).alter.set_table_properties({"delta.targetFileSize": str(int(size * 2.5))}, raise_if_not_exists=False)
    assert levee("table", "optimize", table, "--dry-run")["metrics"]["numFilesAdded"] == 2


def test_columns_that_older_files_lack_are_null(levee, table):
    write_deltalake(table, pa.table({"id": [1, 2]}))
    write_deltalake(table, pa.table({"id": [3], "added": ["x"]}), mode="append", schema_mode="merge")
    write_deltalake(table, pa.table({"added": ["y"]}), mode="append", schema_mode="merge")
    before = delta_rs_rows(table)
    levee("table", "optimize", table)
    assert delta_rs_rows(table) == before == rows(levee.read(table))


def test_after_delete_update_and_merge(levee, table):
    small_files(table, files=3)
    source = all_types(140, 20)
    delta = DeltaTable(table)
    delta.delete("id % 3 = 0")
    delta.update(predicate="id > 100", updates={"text": "'changed'"})
    delta.merge(source, "t.id = s.id", source_alias="s", target_alias="t").when_matched_update_all().when_not_matched_insert_all().execute()
    write_deltalake(table, all_types(1000, 10), mode="append")
    before = delta_rs_rows(table)
    levee("table", "optimize", table)
    assert delta_rs_rows(table) == before == rows(levee.read(table))


def handmade(table, files, schema):
    """A table over files that a test wrote itself."""
    log = table / "_delta_log"
    log.mkdir(parents=True)
    actions = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {
            "metaData": {
                "id": "6a7d3c1e-0000-4000-8000-000000000000",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": schema}),
                "partitionColumns": [],
                "configuration": {},
            }
        },
    ]
    for index, (name, data, options) in enumerate(files):
        pq.write_table(data, table / name, **options)
        size = (table / name).stat().st_size
        actions.append({"add": {"path": name, "partitionValues": {}, "size": size, "modificationTime": index, "dataChange": True}})
    (log / f"{0:020}.json").write_text("".join(json.dumps(action) + "\n" for action in actions))


def field(name, kind):
    return {"name": name, "type": kind, "nullable": True, "metadata": {}}


def test_files_of_every_make_in_one_bin(levee, table):
    """INT96, decimals as integers and bytes, pages v1 and v2, dictionaries or none, several codecs: one table may have them all."""
    import datetime
    import decimal

    def data(start):
        numbers = range(start, start + 500)
        return pa.table(
            {
                "id": pa.array(numbers, pa.int64()),
                "at": pa.array([datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=n) for n in numbers], pa.timestamp("us", tz="UTC")),
                "money": pa.array([decimal.Decimal(n) / 100 if n % 9 else None for n in numbers], pa.decimal128(12, 2)),
                "text": pa.array([f"text {n % 13}" for n in numbers]),
            }
        )

    variants = [
        {"use_deprecated_int96_timestamps": True, "compression": "snappy"},
        {"store_decimal_as_integer": True, "compression": "zstd"},
        {"data_page_version": "2.0", "compression": "gzip"},
        {"use_dictionary": False, "compression": "none"},
        {"row_group_size": 77, "compression": "snappy", "data_page_size": 500},
        {"use_dictionary": False, "column_encoding": {"id": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY"}},
    ]
    files = [(f"f{index}.parquet", data(index * 500), options) for index, options in enumerate(variants)]
    handmade(table, files, [field("id", "long"), field("at", "timestamp"), field("money", "decimal(12,2)"), field("text", "string")])
    expected = rows(pa.concat_tables([data for _, data, _ in files]))
    result = levee("table", "optimize", table)
    assert result["metrics"]["numFilesRemoved"] == len(variants)
    assert delta_rs_rows(table) == expected == rows(levee.read(table))


def test_a_file_that_does_not_fit_stops_everything(levee, table):
    handmade(
        table,
        [("a.parquet", pa.table({"id": [1]}), {}), ("b.parquet", pa.table({"id": ["one"]}), {})],
        [field("id", "long")],
    )
    message = levee.fails(1, "table", "optimize", table)
    assert "b.parquet" in message and "column id is stored as string, the table says long" in message
    assert sorted(path.name for path in table.iterdir()) == ["_delta_log", "a.parquet", "b.parquet"]
    assert DeltaTable(table).version() == 0


def test_files_in_the_legacy_calendar_are_left_alone(levee, table):
    legacy = pa.table({"id": [1]}).replace_schema_metadata({"org.apache.spark.legacyDateTime": ""})
    handmade(table, [("a.parquet", legacy, {}), ("b.parquet", pa.table({"id": [2]}), {})], [field("id", "long")])
    result = levee("table", "optimize", table)
    assert result["version"] is None and result["metrics"]["numFilesRemoved"] == 0


def test_a_run_is_committed_once(levee, table):
    small_files(table, files=3)
    arguments = ("--app-id", "levee.dev/ns/orders", "--app-version", 1)
    first = levee("table", "optimize", table, *arguments)
    write_deltalake(table, all_types(1000, 10), mode="append")
    again = levee("table", "optimize", table, *arguments)
    assert again["alreadyApplied"] and DeltaTable(table).version() == first["version"] + 1
    assert DeltaTable(table).transaction_version("levee.dev/ns/orders") == 1
    assert not levee("table", "optimize", table, "--app-id", "levee.dev/ns/orders", "--app-version", 2)["alreadyApplied"]


def test_another_version_than_expected_is_refused(levee, table):
    small_files(table, files=3)
    assert "is at 2" in levee.fails(4, "table", "optimize", table, "--expected-version", 1)
    assert levee("table", "optimize", table, "--expected-version", 2)["version"] == 3


@pytest.mark.skipif(not CONFORMANCE.exists(), reason=f"the conformance tables are not at {CONFORMANCE}")
def test_features_that_levee_lacks_are_refused(levee, table):
    shutil.copytree(CONFORMANCE / "table_with_liquid_clustering", table)
    before = sorted(path.name for path in table.rglob("*"))
    assert "liquid" in levee.fails(4, "table", "optimize", table)
    assert sorted(path.name for path in table.rglob("*")) == before


def test_appends_go_on_meanwhile(levee, table):
    """Appends neither disturb OPTIMIZE nor get lost."""
    small_files(table, files=20, rows=2000)
    process = subprocess.Popen([levee.binary, "table", "optimize", str(table), "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    appended = 0
    while process.poll() is None and appended < 200:
        write_deltalake(table, all_types(1_000_000 + appended, 1), mode="append")
        appended += 1
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert json.loads(output)["metrics"]["numFilesRemoved"] >= 20
    assert DeltaTable(table).count() == 40_000 + appended


def test_two_at_once_do_the_work_once(levee, table):
    small_files(table, files=12, rows=3000)
    before = delta_rs_rows(table)
    both = [subprocess.Popen([levee.binary, "table", "optimize", str(table)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = sorted((process.wait(timeout=120), process.stderr.read()) for process in both)
    assert ends[0][0] == 0
    assert ends[1][0] in (0, 3), ends
    assert delta_rs_rows(table) == before
    # The loser has removed its own file: only what is or was in the table is there.
    known = {file["path"] for version in range(DeltaTable(table).version() + 1) for file in levee("table", "files", table, "--version", version)}
    assert {str(path.relative_to(table)) for path in table.rglob("*.parquet") if "_delta_log" not in path.parts} == known


def test_a_signal_leaves_nothing_behind(levee, table):
    small_files(table, files=20, rows=5000)
    before = sorted(path.name for path in table.iterdir())
    for delay in (0.02, 0.06, 0.1):
        process = subprocess.Popen([levee.binary, "table", "optimize", str(table)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(delay)
        process.terminate()
        code = process.wait(timeout=60)
        if code == 0:
            break
        assert code in (3, -15), process.stderr.read()
        assert sorted(path.name for path in table.iterdir()) == before
    assert sorted(delta_rs(table)["id"].to_pylist()) == list(range(100_000))
