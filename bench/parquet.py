#!/usr/bin/env python3
"""Measures Levee's Parquet reader and writer beside pyarrow on the same data, both in the same run, on one and on two threads.

    parquet.py --bench PATH [--runs 5] [--rows 2000000] [--only TEXT] [--workload | --encode | --encode-matrix] [--json FILE]

Each case is a file of two equal columns of one type, encoding and codec in four row groups, so that two threads have something to share. Figures are
MB of decoded column memory per second (pyarrow's count of it for both), best of the runs. `--workload` decodes all columns of the table that
generate.py makes instead, beside pyarrow's dataset scanner and deltalake's own. `--encode` writes rows of that table, which are in memory, over and over
into a file that nobody keeps: 10 million rows in all. `--encode-matrix` writes the columns of the first cases the same way, type by type.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from generate import random_uuids

ROOT = pathlib.Path(__file__).resolve().parent
WORK = ROOT.parent / ".bench"
GROUPS = 4


def nullable(array, rng):
    return pa.array(array.to_numpy(zero_copy_only=False), array.type, mask=rng.random(len(array)) < 0.1)


def columns(rows):
    """Name, data, and the encodings worth measuring for it (None: dictionary)."""
    rng = np.random.default_rng(20240103)
    key = pa.array(np.arange(rows, dtype=np.int64))
    number = pa.array(rng.integers(-(2**62), 2**62, rows))
    small = pa.array(rng.integers(0, 1000, rows).astype(np.int32))
    amount = pa.array(np.round(rng.gamma(2.0, 50.0, rows), 2))
    category = pa.array(np.array([f"category-{i:02d}" for i in range(20)])[rng.integers(0, 20, rows)])
    uid = pa.array(random_uuids(rng, rows))
    flag = pa.array(rng.random(rows) < 0.5)
    cents = pa.array(rng.integers(0, 10**9, rows)).cast(pa.decimal128(20, 0))
    lists = pa.ListArray.from_arrays(np.arange(0, rows + 1, dtype=np.int32) // 2 * 2, pa.array(rng.integers(0, 1000, rows // 2 * 2)))
    return [
        ("int64 key", key, ["PLAIN", "DELTA_BINARY_PACKED", None]),
        ("int64 random", number, ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]),
        ("int32 below 1000", small, ["PLAIN", "DELTA_BINARY_PACKED", None]),
        ("int32, 10% null", nullable(small, rng), ["PLAIN", None]),
        ("double", amount, ["PLAIN", "BYTE_STREAM_SPLIT", None]),
        ("string, 20 values", category, ["PLAIN", None]),
        ("string, UUIDs", uid, ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", None]),
        ("boolean", flag, ["PLAIN", "RLE"]),
        ("decimal(20, 0)", cents, ["PLAIN", None]),
        ("list of int64", lists, ["PLAIN"]),
    ]


def cases(rows, only):
    for name, data, encodings in columns(rows):
        for encoding in encodings:
            codecs = ["none", "snappy", "zstd"] if encoding in ("PLAIN", None) else ["none"]
            for codec in codecs:
                label = f"{name}, {encoding or 'dictionary'}, {codec}"
                if not only or only in label:
                    yield label, data, encoding, codec


def write(label, data, encoding, codec):
    target = WORK / "parquet" / (label.replace(", ", "-").replace(" ", "_") + f"-{len(data)}.parquet")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table({"a": data, "b": data})
        leaves = ["a.list.element", "b.list.element"] if pa.types.is_list(data.type) else ["a", "b"]
        if encoding is None:
            how = {"use_dictionary": leaves}
        else:
            how = {"use_dictionary": False, "column_encoding": {leaf: encoding for leaf in leaves}}
        partial = target.with_suffix(".partial")
        pq.write_table(table, partial, compression=codec, row_group_size=len(data) // GROUPS, data_page_version="2.0" if encoding == "RLE" else "1.0", **how)
        partial.rename(target)
    return target


def ours(bench, arguments, threads, runs):
    command = [str(bench), "decode", "--threads", str(threads), "--runs", str(runs), *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def timed(runs, body):
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        body()
        times.append(time.perf_counter() - started)
    return min(times)


def matrix(arguments):
    print(f"{os.cpu_count()} cores, {arguments.rows:,} rows twice, best of {arguments.runs}; MB/s levee / pyarrow = ratio")
    print(f"{'':46}{'1 thread':>26}{'2 threads':>26}")
    results = []
    for label, data, encoding, codec in cases(arguments.rows, arguments.only):
        path = write(label, data, encoding, codec)
        megabytes = 2 * data.nbytes / 1e6
        row = {"name": label}
        cells = []
        for threads in (1, 2):
            pa.set_cpu_count(threads)
            theirs = timed(arguments.runs, lambda: pq.read_table(path, use_threads=threads > 1))
            mine = min(ours(arguments.bench, [path], threads, arguments.runs)["seconds"])
            row[f"threads{threads}"] = {"levee": megabytes / mine, "pyarrow": megabytes / theirs}
            cells.append(f"{megabytes / mine:.0f} / {megabytes / theirs:.0f} = {theirs / mine:.2f}".rjust(26))
        print(f"{label:46}{''.join(cells)}", flush=True)
        results.append(row)
    return results


PEER = """
import json, resource, sys, time
import pyarrow as pa
pa.set_cpu_count(2)
pa.set_io_thread_count(2)
kind, path, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
if kind == "deltalake":
    from deltalake import DeltaTable
    dataset = DeltaTable(path).to_pyarrow_dataset()
else:
    import pyarrow.dataset as ds
    dataset = ds.dataset(sorted(str(p) for p in __import__("pathlib").Path(path).glob("*.parquet")))
times = []
for _ in range(runs):
    started = time.perf_counter()
    rows = sum(batch.num_rows for batch in dataset.scanner(use_threads=True).to_batches())
    times.append(time.perf_counter() - started)
print(json.dumps({"seconds": times, "rows": rows, "peakMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def reference_files(arguments):
    """The reference table's (DESIGN: 400 files of 25,000 rows)."""
    table = arguments.table
    if table is None:
        table = WORK / "input" / "small-400"
        if not (table / ".complete").exists():
            subprocess.run([sys.executable, ROOT / "generate.py", "small", table, "--files", "400"], check=True)
            (table / ".complete").touch()
    return table, sorted(table.glob("*.parquet"))


ENCODE_CASE_PEER = """
import json, sys, time
import pyarrow as pa
import pyarrow.parquet as pq
path, codec, runs, encoding = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
pa.set_cpu_count(1)
table = pq.read_table(path).combine_chunks()
leaves = ["a.list.element", "b.list.element"] if pa.types.is_list(table.schema.field(0).type) else ["a", "b"]
how = {"use_dictionary": leaves} if encoding == "-" else {"use_dictionary": False, "column_encoding": {leaf: encoding for leaf in leaves}}
times = []
for _ in range(runs):
    started = time.perf_counter()
    output = pa.MockOutputStream()
    with pq.ParquetWriter(output, table.schema, compression=codec, **how) as writer:
        writer.write_table(table, row_group_size=1 << 20)
    times.append(time.perf_counter() - started)
print(json.dumps({"seconds": times, "bytes": output.size(), "decoded": table.nbytes}))
"""


def encode_matrix(arguments):
    """The columns of the decoding cases, written from memory. pyarrow encodes on one thread whatever it is told; Levee on one and on two."""
    print(f"{os.cpu_count()} cores, {arguments.rows:,} rows twice, best of {arguments.runs}; MB/s, the ratio to pyarrow's, and the size beside pyarrow's")
    print(f"{'':46}{'pyarrow':>9}{'1 thread':>16}{'2 threads':>16}{'size':>8}")
    results = []
    for label, data, encoding, codec in cases(arguments.rows, arguments.only):
        # Levee writes RLE for booleans in v2 pages only, as the format's own writers do; neither side has that as an option here.
        if encoding == "RLE":
            continue
        path = write(label, data, encoding, codec)
        runs = str(arguments.runs)
        peer = [sys.executable, "-c", ENCODE_CASE_PEER, str(path), codec, runs, encoding or "-"]
        theirs = json.loads(subprocess.run(peer, check=True, capture_output=True, text=True).stdout)
        megabytes = theirs["decoded"] / 1e6
        row = {"name": label, "pyarrow": theirs}
        line = f"{label:46}{megabytes / min(theirs['seconds']):9.0f}"
        for threads in (1, 2):
            command = [str(arguments.bench), "encode", "--threads", str(threads), "--codec", codec, "--runs", runs, "--minimum-savings", "0"]
            command += [*(["--encoding", encoding] if encoding else []), str(path)]
            mine = row[f"levee{threads}"] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            seconds = min(mine["seconds"])
            line += f"{megabytes / seconds:.0f} = {min(theirs['seconds']) / seconds:.2f}".rjust(16)
        print(f"{line}{mine['bytes'] / theirs['bytes']:8.2f}", flush=True)
        results.append(row)
    return results


ENCODE_PEER = """
import json, resource, sys, time
import pyarrow as pa
import pyarrow.parquet as pq
threads, codec, runs, repeats, *files = sys.argv[1:]
pa.set_cpu_count(int(threads))
table = pa.concat_tables([pq.ParquetFile(path).read() for path in files]).combine_chunks()
times = []
for _ in range(int(runs)):
    started = time.perf_counter()
    output = pa.MockOutputStream()
    with pq.ParquetWriter(output, table.schema, compression=codec) as writer:
        for _ in range(int(repeats)):
            writer.write_table(table, row_group_size=1 << 20)
    times.append(time.perf_counter() - started)
print(json.dumps({"seconds": times, "bytes": output.size(), "peakMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def encode(arguments):
    """Rows of ten files of the reference table, forty times. Levee once compressing everything, as pyarrow does, and once by its own rule, which stores
    column chunks that snappy hardly makes smaller."""
    _, files = reference_files(arguments)
    files, repeats = files[:10], 40
    print(f"{os.cpu_count()} cores, {len(files)} files' rows {repeats} times, best of {arguments.runs}")
    print(f"{'':10}{'threads':>8}{'':22}{'seconds':>10}{'size':>12}{'peak':>10}{'pyarrow / levee':>18}")
    results = []
    for codec in ("none", "snappy", "zstd"):
        for threads in (1, 2):
            peer = [sys.executable, "-c", ENCODE_PEER, str(threads), codec, str(arguments.runs), str(repeats), *map(str, files)]
            command = [str(arguments.bench), "encode", "--threads", str(threads), "--codec", codec, "--runs", str(arguments.runs), "--repeats", str(repeats)]
            command += [str(path) for path in files]
            runs = {"pyarrow": peer, "levee, all compressed": [*command, "--minimum-savings", "0"], "levee": command}
            row = {who: json.loads(subprocess.run(how, check=True, capture_output=True, text=True).stdout) for who, how in runs.items()}
            best = {who: min(figures["seconds"]) for who, figures in row.items()}
            for who, figures in row.items():
                size, peak = f"{figures['bytes'] / 1e6:.1f} MB", f"{figures['peakMB']:.0f} MB"
                print(f"{codec:10}{threads:8}  {who:20}{best[who]:10.3f}{size:>12}{peak:>10}{best['pyarrow'] / best[who]:18.2f}", flush=True)
            results.append({"name": f"encode {codec}, {threads} threads", **row})
    return results


def workload(arguments):
    """All columns of the reference table, two threads."""
    table, files = reference_files(arguments)
    row = {"levee": ours(arguments.bench, files, 2, arguments.runs)}
    for kind in ("pyarrow", "deltalake"):
        done = subprocess.run([sys.executable, "-c", PEER, kind, table, str(arguments.runs)], check=True, capture_output=True, text=True)
        row[kind] = json.loads(done.stdout)
    print(f"{os.cpu_count()} cores, {len(files)} files, all columns, 2 threads, best of {arguments.runs}")
    best = {who: min(figures["seconds"]) for who, figures in row.items()}
    for who, figures in row.items():
        print(f"{who:12}{best[who]:8.3f} s{figures['peakMB']:8.0f} MB{best[who] / best['levee']:8.2f} × levee's time")
    return [{"name": "workload", **row}]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=pathlib.Path, required=True, help="the built ParquetBench")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--only", help="measure only the cases whose name contains this")
    parser.add_argument("--workload", action="store_true")
    parser.add_argument("--encode", action="store_true")
    parser.add_argument("--encode-matrix", action="store_true")
    parser.add_argument("--table", type=pathlib.Path, help="the workload's table, made where it is not given")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures here")
    arguments = parser.parse_args()
    asked = [(arguments.workload, workload), (arguments.encode, encode), (arguments.encode_matrix, encode_matrix), (True, matrix)]
    results = next(measure for wanted, measure in asked if wanted)(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
