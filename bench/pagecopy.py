#!/usr/bin/env python3
"""Is what page copy makes as good to read as what a re-encode makes? Compacts the same small files both ways, and reads the results with pyarrow.

    pagecopy.py --levee PATH [--runs 9] [--only SHAPE,…] [--rows 1000000] [--codec snappy|zstd]

Each shape is a table of small files, of one writer or with pages of one kind. Both results hold the same rows in the same order, in the same codec and in row
groups of the same size. A full scan and a read of two columns, from the page cache and by one thread, take turns between the two, now one first and now the
other; reported are the medians of processor time, copied against re-encoded, which other work on the machine disturbs least. Pages say how many data pages
there are, and `copied` which part of the sources' bytes went by page copy: the columns that the rules leave to the encoder are the same in both.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import duckdb
import numpy as np
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import WriterProperties, convert_to_deltalake, write_deltalake
from generate import orders

WORK = pathlib.Path(__file__).resolve().parent.parent / ".bench" / "pagecopy"


def words(rng, count, distinct, length):
    """Text of few distinct values."""
    alphabet = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    values = ["".join(row) for row in alphabet[rng.integers(0, 26, (distinct, length))]]
    return pa.array(np.array(values, dtype=object)[rng.integers(0, distinct, count)])


def strings(rng, first, count):
    columns = {"id": pa.array(np.arange(first, first + count))}
    shared = np.random.default_rng(1)
    for distinct in (5, 50, 500, 3000):
        pool = pa.array(words(shared, distinct, distinct, 24).to_pylist())
        columns[f"of_{distinct}"] = pool.take(pa.array(rng.integers(0, distinct, count)))
    columns["with_nulls"] = pc.if_else(pa.array(rng.random(count) < 0.3), None, columns["of_50"])
    columns["own"] = words(rng, count, 800, 16)
    return pa.table(columns)


def nested(rng, first, count):
    lengths = rng.integers(0, 6, count)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    inner = int(lengths.sum())
    tags = pa.array([f"tag {number:03d}" for number in range(200)]).take(pa.array(rng.integers(0, 200, inner)))
    return pa.table(
        {
            "id": pa.array(np.arange(first, first + count)),
            "numbers": pa.ListArray.from_arrays(offsets, pa.array(rng.integers(0, 1 << 40, inner))),
            "tags": pa.ListArray.from_arrays(offsets, tags),
            "place": pa.StructArray.from_arrays(
                [pa.array(rng.random(count)), pa.array(rng.integers(0, 99, count), mask=rng.random(count) < 0.2)], ["x", "zone"]
            ),
            "parts": pa.ListArray.from_arrays(
                offsets, pa.StructArray.from_arrays([pa.array(rng.random(inner)), tags], ["weight", "tag"])
            ),
        }
    )


def by_pyarrow(**options):
    return lambda path, data, codec: pq.write_table(data, path, compression=codec, **options)


def by_duckdb(path, data, codec):
    connection = duckdb.connect()
    connection.register("data", data)
    connection.execute(f"COPY data TO '{path}' (FORMAT parquet, COMPRESSION {codec})")


def by_polars(path, data, codec):
    polars.from_arrow(data).write_parquet(path, compression=codec)


DELTAS = {
    "order_id": "DELTA_BINARY_PACKED", "customer_id": "DELTA_BINARY_PACKED", "amount": "BYTE_STREAM_SPLIT", "category": "DELTA_BYTE_ARRAY",
    "order_uid": "DELTA_LENGTH_BYTE_ARRAY", "created_at": "DELTA_BINARY_PACKED", "day": "DELTA_BINARY_PACKED",
}

# What the rows are, rows of a file, what writes it (None: deltalake), the two columns.
KEYS = ["order_id", "category"]
SHAPES = {
    "orders": (orders, 25_000, by_pyarrow(), KEYS),
    "plain": (orders, 25_000, by_pyarrow(use_dictionary=["category", "day"], write_page_index=True), KEYS),
    "plain-v2": (orders, 25_000, by_pyarrow(use_dictionary=["category", "day"], data_page_version="2.0"), KEYS),
    "deltalake": (orders, 25_000, None, KEYS),
    "duckdb": (orders, 25_000, by_duckdb, KEYS),
    "polars": (orders, 25_000, by_polars, KEYS),
    "strings": (strings, 25_000, by_pyarrow(use_dictionary=["of_5", "of_50", "of_500", "of_3000", "with_nulls", "own"]), ["id", "of_500"]),
    "nested": (nested, 25_000, by_pyarrow(write_page_index=True, use_dictionary=["tags.list.element", "parts.list.element.tag"]), ["id", "tags"]),
    "deltas": (orders, 25_000, by_pyarrow(use_dictionary=False, column_encoding=DELTAS, write_page_index=True), KEYS),
    # As small as the rules let pages be.
    "short": (orders, 8_200, by_pyarrow(use_dictionary=["category", "day"], write_page_index=True), KEYS),
    "short-strings": (strings, 8_200, by_pyarrow(use_dictionary=["of_5", "of_50", "of_500", "of_3000", "with_nulls", "own"]), ["id", "of_500"]),
    "short-nested": (nested, 8_200, by_pyarrow(write_page_index=True, use_dictionary=["tags.list.element", "parts.list.element.tag"]), ["id", "tags"]),
    "short-deltas": (orders, 8_200, by_pyarrow(use_dictionary=False, column_encoding=DELTAS, write_page_index=True), KEYS),
}


def generate(name, rows, codec):
    make, per_file, write, _ = SHAPES[name]
    table = WORK / f"{name}-{rows}-{codec}"
    if (table / ".complete").exists():
        return table
    shutil.rmtree(table, ignore_errors=True)
    table.mkdir(parents=True)
    rng = np.random.default_rng([20261122, len(name)])
    for number in range(-(-rows // per_file)):
        data = make(rng, number * per_file, min(per_file, rows - number * per_file))
        if write:
            write(table / f"{number:05d}.parquet", data, codec)
        else:
            write_deltalake(table, data, mode="append", writer_properties=WriterProperties(compression=codec.upper()))
    if write:
        convert_to_deltalake(table)
    (table / ".complete").touch()
    return table


def compact(levee, source, how, codec):
    """Returns the files of the result, and the part of the sources' bytes that was copied."""
    table = WORK / how
    shutil.rmtree(table, ignore_errors=True)
    shutil.copytree(source, table, copy_function=os.link)
    command = [levee, "table", "optimize", table, "--codec", codec, "-o", "json", *(["--reencode"] if how == "reencoded" else [])]
    before = set(table.glob("*.parquet"))
    metrics = json.loads(subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE).stdout)["metrics"]
    tiers = [metrics[name] for name in ("rowGroupCopyBytes", "pageCopyBytes", "reencodedBytes")]
    if how == "reencoded" and sum(tiers[:2]):
        sys.exit("--reencode copied")
    return sorted(set(table.glob("*.parquet")) - before), tiers[1] / sum(tiers)


def pages(levee, files):
    count = 0
    for path in files:
        listed = json.loads(subprocess.run([str(levee), "parquet", "pages", path, "-o", "json"], check=True, stdout=subprocess.PIPE).stdout)
        count += sum(page["kind"] != "dictionary" for page in listed)
    return count


def read(files, columns=None):
    """Processor seconds."""
    started = time.process_time()
    for path in files:
        pq.ParquetFile(path).read(columns=columns, use_threads=False)
    return time.process_time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levee", type=pathlib.Path, required=True)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--codec", choices=["snappy", "zstd"], default="snappy")
    parser.add_argument("--only", help=f"{', '.join(SHAPES)}; comma-separated")
    parser.add_argument("--columns", action="store_true", help="read each column by itself as well")
    arguments = parser.parse_args()
    levee = arguments.levee.resolve()
    print(f"{'shape':<14}{'copied':>8}{'size, MB':>24}{'pages':>18}{'full scan, ms':>26}{'two columns, ms':>26}")
    for name in arguments.only.split(",") if arguments.only else SHAPES:
        source = generate(name, arguments.rows, arguments.codec)
        copied, share = compact(levee, source, "copied", arguments.codec)
        encoded, _ = compact(levee, source, "reencoded", arguments.codec)
        if not all(pq.ParquetFile(one).read().equals(pq.ParquetFile(other).read()) for one, other in zip(copied, encoded, strict=True)):
            sys.exit(f"{name}: the results differ")

        def compared(columns=None):
            times = ([], [])
            for run in range(arguments.runs + 1):
                for side in (0, 1) if run % 2 else (1, 0):
                    times[side].append(read((copied, encoded)[side], columns))
            # The first round warms up.
            return [statistics.median(side[1:]) * 1000 for side in times]

        def cell(pair, width, digits=1):
            return f"{pair[0]:.{digits}f} / {pair[1]:.{digits}f} = {pair[0] / pair[1]:.2f}".rjust(width)

        sizes = [sum(path.stat().st_size for path in files) / 1e6 for files in (copied, encoded)]
        counts = [pages(levee, files) for files in (copied, encoded)]
        print(
            f"{name:<14}{share:>8.0%}{cell(sizes, 24)}{'{} / {}'.format(*counts):>18}{cell(compared(), 26)}{cell(compared(SHAPES[name][3]), 26)}", flush=True)
        if arguments.columns:
            for column in pq.ParquetFile(copied[0]).schema_arrow.names:
                print(f"    {column:<60}{cell(compared([column]), 26)}", flush=True)
    for how in ("copied", "reencoded"):
        shutil.rmtree(WORK / how, ignore_errors=True)


if __name__ == "__main__":
    main()
