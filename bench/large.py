#!/usr/bin/env python3
"""Runs maintenance on tables of ten gigabytes under a memory limit that the kernel enforces, and says how long it took and how much memory.

    large.py --levee PATH [--memory 256] [--gigabytes 10] [--shape rowgroups|small] [--only NAME,…]

Two shapes: 200 files of 50 MB, each of many row groups, and 20,000 files of 0.5 MB. On each: compact, vacuum, deep clone, and Z-order on the table as it was.
A process that goes over the limit is killed by the kernel, which this reports as a failure. The limit is a control group's where this machine lets one be made,
and counts dirty pages of files then, too; else that of private memory (`ulimit -d`).

Ten gigabytes of input, about as much output, and what Z-order spills: have 40 GB free.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time
import uuid

import numpy as np
import pyarrow.parquet as pq
from generate import ARROW, DELTA_TYPES, orders

WORK = pathlib.Path(__file__).resolve().parent.parent / ".bench" / "large"
GROUPS = [pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")]

# Bytes of a file, rows of a row group.
SHAPES = {"rowgroups": (50e6, 25_000), "small": (0.5e6, 1 << 20)}
# UUIDs take long to make: some rows more than a file needs, of which each file takes others.
SPARE_ROWS = 100_000


def statistics(table):
    """Of one file, as a writer would put them into the log."""
    columns = {name: table.column(name) for name in ("order_id", "customer_id", "amount", "category")}
    import pyarrow.compute as pc

    bounds = {name: pc.min_max(column).as_py() for name, column in columns.items()}
    return json.dumps(
        {
            "numRecords": len(table), "minValues": {name: value["min"] for name, value in bounds.items()},
            "maxValues": {name: value["max"] for name, value in bounds.items()}, "nullCount": {name: 0 for name in columns},
        }
    )


def different(rng, pool, index, rows):
    """Other rows of the pool's kind: rows that repeat would be sorted side by side, and shrink to nothing."""
    start = int(rng.integers(0, len(pool) - rows))
    return orders(rng, index * rows, rows, identifiers=pool.column("order_uid").combine_chunks()[start : start + rows])


def generate(shape, total):
    """The table, if it is not there yet."""
    target = WORK / f"{shape}-{total}"
    if (target / ".complete").exists():
        return target
    shutil.rmtree(target, ignore_errors=True)
    (target / "_delta_log").mkdir(parents=True)
    size, group = SHAPES[shape]
    rng = np.random.default_rng(20261122)
    # 71 bytes a row in snappy, of this kind of rows.
    rows = int(size / 71)
    pool = orders(rng, 0, rows + SPARE_ROWS)
    adds = []
    written = 0
    while written < total * 1_000_000_000:
        table = different(rng, pool, len(adds), rows)
        name = f"part-{len(adds):05d}-{uuid.UUID(bytes=rng.bytes(16))}.c000.snappy.parquet"
        pq.write_table(table, target / name, compression="snappy", row_group_size=group, write_page_index=True)
        size = (target / name).stat().st_size
        adds.append(
            {"add": {"path": name, "partitionValues": {}, "size": size, "modificationTime": 1_700_000_000_000 + len(adds), "dataChange": True,
                     "stats": statistics(table)}}
        )
        written += size
    fields = [{"name": field.name, "type": kind, "nullable": True, "metadata": {}} for field, kind in zip(ARROW, DELTA_TYPES)]
    head = [
        {"commitInfo": {"operation": "WRITE", "timestamp": 1_700_000_000_000}},
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": {"id": str(uuid.UUID(bytes=rng.bytes(16))), "format": {"provider": "parquet", "options": {}}, "partitionColumns": [], "configuration": {},
                      "schemaString": json.dumps({"type": "struct", "fields": fields}), "createdTime": 1_700_000_000_000}},
    ]
    (target / "_delta_log" / f"{0:020}.json").write_text("".join(json.dumps(line) + "\n" for line in head + adds))
    (target / ".complete").touch()
    os.sync()
    return target


def limited(limit):
    """A control group with that much memory, and the file that says the most it had; nothing where none can be made."""
    for root in GROUPS:
        group = root / f"levee-bench-{os.getpid()}"
        names = ("memory.limit_in_bytes", "memory.max_usage_in_bytes") if root.name == "memory" else ("memory.max", "memory.peak")
        try:
            group.mkdir()
            (group / names[0]).write_text(str(limit))
            return group, group / names[1]
        except OSError:
            if group.exists():
                group.rmdir()
    return None


def run(levee, limit, *arguments):
    """A command under the limit: its result, seconds, processor seconds and peak resident megabytes."""
    made = limited(limit)

    def enter():
        if made:
            (made[0] / "cgroup.procs").write_text(str(os.getpid()))
        else:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    started = time.perf_counter()
    process = subprocess.Popen([str(levee), *map(str, arguments), "-o", "json"], stdout=subprocess.PIPE, preexec_fn=enter)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if made:
        made[0].rmdir()
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        return None, wall, usage, f"ended with {code}" + (": killed, over the limit" if code == -9 else "")
    return json.loads(output), wall, usage, "done"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levee", type=pathlib.Path, required=True)
    parser.add_argument("--memory", type=int, default=256, help="the limit in MiB")
    parser.add_argument("--gigabytes", type=int, default=10)
    parser.add_argument("--shape", choices=list(SHAPES), action="append")
    parser.add_argument("--only", help="compact, vacuum, clone, z-order; comma-separated")
    parser.add_argument("--keep", action="store_true", help="keep the generated tables")
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    chosen = set((arguments.only or "compact,vacuum,clone,z-order").split(","))
    table, clone = WORK / "table", WORK / "clone"
    steps = {
        "compact": ("table", "optimize", table),
        "vacuum": ("table", "vacuum", table, "--retention", "0s", "--allow-short-retention"),
        "clone": ("table", "clone", table, clone, "--mode", "deep"),
        "z-order": ("table", "optimize", table, "--z-order-by", "customer_id,created_at"),
    }
    failed = False
    print(f"{'shape':<10} {'operation':<10} {'wall':>8} {'CPU':>8} {'peak RSS':>10}  files before and after, rows")
    for shape in arguments.shape or SHAPES:
        source = generate(shape, arguments.gigabytes)
        for name, command in steps.items():
            if name not in chosen:
                continue
            # Each begins with the table that it is about: links, so that the files are there once.
            if name in ("compact", "z-order") or not table.exists():
                shutil.rmtree(table, ignore_errors=True)
                shutil.copytree(source, table, copy_function=os.link)
            shutil.rmtree(clone, ignore_errors=True)
            before = describe(arguments.levee, table)
            os.sync()
            _, wall, usage, outcome = run(arguments.levee, arguments.memory << 20, *command)
            after = describe(arguments.levee, clone if name == "clone" and outcome == "done" else table)
            same = before["numRecords"] == after["numRecords"]
            failed |= outcome != "done" or not same
            print(
                f"{shape:<10} {name:<10} {wall:>6.1f} s {usage.ru_utime + usage.ru_stime:>6.1f} s {usage.ru_maxrss / 1024:>7.0f} MB  "
                f"{before['numFiles']} → {after['numFiles']}, {after['numRecords']} rows{'' if same else ', NOT AS BEFORE'}{'' if outcome == 'done' else ', ' + outcome}", flush=True,
            )
        shutil.rmtree(table, ignore_errors=True)
        shutil.rmtree(clone, ignore_errors=True)
        if not arguments.keep:
            shutil.rmtree(source)
    sys.exit(1 if failed else 0)


def describe(levee, table):
    return json.loads(subprocess.run([str(levee), "table", "describe", table, "-o", "json"], check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
