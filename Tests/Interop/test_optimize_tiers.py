"""OPTIMIZE takes over row groups and pages where it can: files of several writers, encodings and codecs in one bin, the same rows and statistics after it."""

import json
import math

import duckdb
import numpy as np
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import CONFORMANCE
from deltalake import DeltaTable, WriterProperties, write_deltalake
from parquet_index import chunks

ROWS = 12_000
CATEGORIES = np.array([f"category-{number:02d}" for number in range(20)])


def sample(rng, first, rows=ROWS, nested=True, nan=False):
    """Keys that grow, a few categories, text of its own in each row, nulls, numbers, times; lists and structures where the writer may."""
    numbers = np.round(rng.gamma(2.0, 50.0, rows), 3)
    if nan:
        numbers[rows // 2] = math.nan
    nulls = rng.random(rows) < 0.1
    columns = {
        "id": pa.array(np.arange(first, first + rows)),
        "category": pa.array(CATEGORIES[rng.integers(0, 20, rows)], mask=nulls),
        "text": pa.array([f"{first + number}-{rng.integers(0, 1 << 40)}" for number in range(rows)]),
        "number": pa.array(numbers),
        "small": pa.array(rng.integers(-100, 100, rows).astype(np.int32), mask=nulls),
        "at": pa.array(1_700_000_000_000_000 + rng.integers(0, 10**13, rows)).cast(pa.timestamp("us", tz="UTC")),
        "flag": pa.array(rng.random(rows) < 0.5),
        "none": pa.nulls(rows, pa.int64()),
    }
    if nested:
        lengths = rng.integers(0, 4, rows)
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        values = pa.array(rng.integers(0, 1000, int(lengths.sum())))
        columns["items"] = pa.ListArray.from_arrays(offsets, values)
        columns["place"] = pa.StructArray.from_arrays([columns["small"], columns["category"]], ["x", "name"])
    return pa.table(columns)


# What each file of the mixed table is written with.
PYARROW = [
    {"compression": "snappy"},
    {"compression": "snappy", "write_page_index": True, "use_dictionary": ["category", "place.name"]},
    {"compression": "snappy", "write_page_index": True, "data_page_version": "2.0", "use_dictionary": False},
    {"compression": "none", "use_dictionary": False},
    {"compression": "zstd", "write_page_index": True},
    {"compression": "gzip", "data_page_size": 1 << 17},
    {"compression": "lz4", "row_group_size": 9000},
    {"compression": "brotli"},
    {
        "compression": "snappy", "write_page_index": True, "use_dictionary": False,
        "column_encoding": {"id": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY", "number": "BYTE_STREAM_SPLIT", "small": "DELTA_BINARY_PACKED"},
    },
]


# What duckdb, polars and Levee write other than by default.
DUCKDB = ["COMPRESSION snappy", "COMPRESSION snappy, PARQUET_VERSION V2", "COMPRESSION zstd, ROW_GROUP_SIZE 8192", "COMPRESSION gzip"]
POLARS = [{"compression": "snappy"}, {"compression": "zstd"}, {"compression": "lz4", "row_group_size": 7000}, {"compression": "uncompressed"}]
LEVEE = [
    ["--codec", "snappy"],
    ["--codec", "snappy", "--deltas", "--byte-stream-split", "--page-version", 2],
    ["--codec", "zstd", "--dictionary-size", 0, "--row-group-rows", 9000],
]


def write_all(levee, table, make):
    """A file of each writer and way, all of other rows, which `make` gives by the file's number; returns the rows."""
    parts = []

    def path(writer):
        parts.append(make(len(parts)))
        return table / f"{len(parts):02d}-{writer}.parquet"

    for options in PYARROW:
        target = path("pyarrow")
        pq.write_table(parts[-1], target, **options)
    connection = duckdb.connect()
    for options in DUCKDB:
        target, data = path("duckdb"), parts[-1]
        connection.execute(f"COPY data TO '{target}' (FORMAT parquet, {options})")
    for options in POLARS:
        target = path("polars")
        polars.from_arrow(parts[-1]).write_parquet(target, **options)
    for options in LEVEE:
        target = path("levee")
        source = table.parent / "source.parquet"
        pq.write_table(parts[-1], source)
        done = levee.run("parquet", "rewrite", source, "--to", target, *options)
        assert done.returncode == 0, done.stderr
    return parts


def added(table):
    """The files of the last commit, with their statistics."""
    version = DeltaTable(table).version()
    lines = [json.loads(line) for line in (table / "_delta_log" / f"{version:020}.json").read_text().splitlines()]
    return [line["add"] for line in lines if "add" in line]


def content(table):
    """All rows as deltalake reads them, in order, with a number in the place of NaN, which equals nothing."""
    data = DeltaTable(table).to_pyarrow_table().sort_by("id")
    number = data.column("number")
    return data.set_column(data.column_names.index("number"), "number", pc.if_else(pc.is_nan(number), -1.0, number)).combine_chunks()


def expect_statistics(add, data):
    """Of the top-level columns, against the rows themselves."""
    stats = json.loads(add["stats"])
    assert stats["numRecords"] == data.num_rows
    for name in ("id", "category", "text", "number", "small", "none"):
        column = data.column(name)
        assert stats["nullCount"][name] == column.null_count, name
        if column.null_count == data.num_rows:
            assert name not in stats["minValues"]
            continue
        bounds = pc.min_max(column)
        low, high = bounds["min"].as_py(), bounds["max"].as_py()
        assert stats["minValues"][name] == low, name
        if name == "number" and pc.any(pc.is_nan(column)).as_py():
            assert name not in stats["maxValues"], "a NaN is above every bound"
        else:
            assert stats["maxValues"][name] == high, name


def expect_page_index(path):
    """Every chunk has both indexes, and they fit its pages and rows."""
    for group, metadata, column_index, offset_index in chunks(path.read_bytes()):
        assert column_index and offset_index, metadata[3]
        locations = offset_index[1]
        assert len(column_index[1]) == len(locations), metadata[3]
        firsts = [location[3] for location in locations]
        assert firsts == sorted(set(firsts)) and firsts[0] == 0 and firsts[-1] < group[3], metadata[3]


@pytest.mark.parametrize("codec", ["keep", "snappy", "zstd"])
def test_files_of_many_writers_in_one_bin(levee, table, rng, codec):
    random = np.random.default_rng(rng.randrange(1 << 32))
    table.mkdir()
    tables = write_all(levee, table, lambda number: sample(random, number * ROWS, nan=number == 5))
    levee("table", "convert", table)
    for compression in ("SNAPPY", "ZSTD"):
        tables.append(sample(random, len(tables) * ROWS))
        write_deltalake(table, tables[-1], mode="append", writer_properties=WriterProperties(compression=compression))
    expected = pa.concat_tables([part.cast(tables[0].schema) for part in tables])
    before = content(table)
    metrics = levee("table", "optimize", table, "--codec", codec)["metrics"]
    assert metrics["numFilesAdded"] == 1 and metrics["numFilesRemoved"] == len(tables)
    assert metrics["reencodedBytes"] > 0
    (add,) = added(table)
    assert before.num_rows == expected.num_rows
    assert content(table).equals(before)
    expect_statistics(add, expected)
    expect_page_index(table / add["path"])

    # Levee's own file among others'.
    for part in tables[:3]:
        write_deltalake(table, part.set_column(0, "id", pc.add(part.column("id"), 10_000_000)), mode="append")
    before = content(table)
    levee("table", "optimize", table, "--codec", codec)
    assert content(table).equals(before)


def test_pages_are_copied(levee, table):
    """Files that Levee and pyarrow would write the same way go over page by page; dictionaries are united."""
    random = np.random.default_rng(7)
    table.mkdir()
    parts = [sample(random, number * 2 * ROWS, 2 * ROWS) for number in range(6)]
    for number, part in enumerate(parts):
        pq.write_table(
            part, table / f"{number}.parquet", compression="snappy", write_page_index=number % 2 == 0, use_dictionary=["category", "place.name"],
            data_page_version="2.0" if number % 3 == 0 else "1.0")
    levee("table", "convert", table)
    before = content(table)
    metrics = levee("table", "optimize", table, "--codec", "snappy")["metrics"]
    # A list's rows may lie across two pages of version 1, and without an index nothing says that they don't.
    assert metrics["pageCopyBytes"] > 4 * metrics["reencodedBytes"] > 0 and metrics["rowGroupCopyBytes"] == 0
    (add,) = added(table)
    expect_statistics(add, pa.concat_tables(parts))
    expect_page_index(table / add["path"])
    assert pq.ParquetFile(table / add["path"]).num_row_groups == 1
    assert content(table).equals(before)
    again = levee("table", "optimize", table, "--codec", "snappy", "--target-file-size", "1Gi")
    assert again["version"] is None


@pytest.mark.parametrize("writer", ["duckdb", "polars", "levee"])
def test_every_writers_pages_are_copied(levee, table, writer):
    """Small files of one writer, in its own way: what has dictionaries in common and what has none."""
    random = np.random.default_rng(13)
    table.mkdir()
    parts = [sample(random, number * ROWS) for number in range(4)]
    for number, data in enumerate(parts):
        target = table / f"{number}.parquet"
        if writer == "duckdb":
            duckdb.connect().execute(f"COPY data TO '{target}' (FORMAT parquet, COMPRESSION snappy)")
        elif writer == "polars":
            polars.from_arrow(data).write_parquet(target, compression="snappy")
        else:
            pq.write_table(data, table.parent / "source.parquet")
            assert levee.run("parquet", "rewrite", table.parent / "source.parquet", "--to", target, "--codec", "snappy").returncode == 0
    levee("table", "convert", table)
    before = content(table)
    metrics = levee("table", "optimize", table, "--codec", "snappy")["metrics"]
    assert metrics["pageCopyBytes"] > metrics["reencodedBytes"], metrics
    (add,) = added(table)
    expect_statistics(add, pa.concat_tables(part.cast(parts[0].schema) for part in parts))
    expect_page_index(table / add["path"])
    assert content(table).equals(before)


def test_sparks_pages_among_others(levee, table):
    """Spark's own files of a table, and the rest of its rows as others write them."""
    table.mkdir()
    sources = sorted((CONFORMANCE / "COVID-19_NYT").glob("*.parquet"))
    parts = [pq.ParquetFile(path).read() for path in sources]
    (table / "0.parquet").write_bytes(sources[0].read_bytes())
    (table / "1.parquet").write_bytes(sources[1].read_bytes())
    pq.write_table(parts[2], table / "2.parquet", compression="snappy")
    data = parts[3]
    duckdb.connect().execute(f"COPY data TO '{table}/3.parquet' (FORMAT parquet, COMPRESSION snappy)")
    polars.from_arrow(parts[4]).write_parquet(table / "4.parquet", compression="snappy")
    levee("table", "convert", table)
    write_deltalake(table, parts[5], mode="append", writer_properties=WriterProperties(compression="SNAPPY"))
    metrics = levee("table", "optimize", table, "--codec", "snappy")["metrics"]
    assert metrics["numFilesAdded"] == 1 and metrics["numFilesRemoved"] == 6
    assert metrics["pageCopyBytes"] > 0, metrics
    (add,) = added(table)
    expect_page_index(table / add["path"])
    result = pq.ParquetFile(table / add["path"]).read()
    keys = [(name, "ascending") for name in result.column_names]
    expected = pa.concat_tables(part.cast(result.schema) for part in parts[:6])
    assert result.sort_by(keys).equals(expected.sort_by(keys))


def test_large_row_groups_go_over_whole(levee, table):
    rows = 1 << 20
    table.mkdir()
    random = np.random.default_rng(11)
    parts = []
    for number in range(3):
        numbers = random.random(rows)
        if number == 1:
            numbers[17] = math.nan
        parts.append(
            pa.table(
                {
                    "id": pa.array(np.arange(number * rows, (number + 1) * rows)), "number": numbers,
                    "category": pa.array(CATEGORIES[random.integers(0, 20, rows)], mask=random.random(rows) < 0.1),
                }
            )
        )
        pq.write_table(parts[-1], table / f"{number}.parquet", compression="snappy", write_page_index=True, row_group_size=rows)
    levee("table", "convert", table)
    metrics = levee("table", "optimize", table)["metrics"]
    assert metrics["rowGroupCopyBytes"] > 0 and metrics["pageCopyBytes"] == metrics["reencodedBytes"] == 0
    (add,) = added(table)
    stats = json.loads(add["stats"])
    assert stats["numRecords"] == 3 * rows and stats["maxValues"]["id"] == 3 * rows - 1
    assert "number" not in stats["maxValues"], "a NaN is above every bound"
    expect_page_index(table / add["path"])
    result = pq.read_table(table / add["path"])
    assert result.slice(0, rows).equals(parts[0].cast(result.schema)) and result.slice(2 * rows).equals(parts[2].cast(result.schema))
    assert DeltaTable(table).to_pyarrow_dataset().to_table(filter=pc.field("id") == 2 * rows + 5).num_rows == 1
