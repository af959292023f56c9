#!/usr/bin/env python3
"""Deterministic Delta tables to measure with.

    generate.py small  DIR [--files 400] [--rows 25000]   small snappy files, one append commit each
    generate.py large  DIR [--files 10]                   files of one row group of a million rows, with page indexes
    generate.py vacuum DIR [--files 20000] [--dead 10000] one-byte files, some of them removed 30 days ago
    generate.py log    DIR [--files 200000] [--commits 2000] [--checkpoint]
                                                          a log without data files; with a checkpoint of the peer's in the place of the commits
    generate.py curve  DIR [--files 1000000]              the same kind of log, made faster, 1000 files a commit

The rows are an order table's: a growing key, a foreign key, an amount, a category of twenty, a UUID, a time, its day and a flag. Keys and
UUIDs make the dictionaries of two files never overlap, which is the hard case for compaction.
"""

import argparse
import json
import os
import pathlib
import time
import uuid

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

EPOCH_US = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z
YEAR_US = 366 * 86_400_000_000
DAY_MS = 86_400_000

ARROW = pa.schema(
    [
        ("order_id", pa.int64()),
        ("customer_id", pa.int64()),
        ("amount", pa.float64()),
        ("category", pa.string()),
        ("order_uid", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("day", pa.date32()),
        ("paid", pa.bool_()),
    ]
)
DELTA_TYPES = ["long", "long", "double", "string", "string", "timestamp", "date", "boolean"]
CATEGORIES = np.array([f"category-{i:02d}" for i in range(20)])


def random_uuids(rng, count):
    raw = rng.integers(0, 256, size=(count, 16), dtype=np.uint8)
    return [str(uuid.UUID(bytes=row.tobytes())) for row in raw]


def orders(rng, first, count, identifiers=None):
    created = EPOCH_US + rng.integers(0, YEAR_US, count)
    days = (created // 86_400_000_000).astype("int32")
    columns = [
        pa.array(np.arange(first, first + count)),
        pa.array(rng.integers(0, 1_000_000, count)),
        pa.array(np.round(rng.gamma(2.0, 50.0, count), 6)),
        pa.array(CATEGORIES[rng.integers(0, len(CATEGORIES), count)]),
        pa.array(random_uuids(rng, count)) if identifiers is None else identifiers,
        pa.array(created).cast(ARROW.field("created_at").type),
        pa.array(days).cast(pa.date32()),
        pa.array(rng.random(count) < 0.5),
    ]
    return pa.Table.from_arrays(columns, schema=ARROW)


def statistics(table):
    low, high = {}, {}
    for name in ARROW.names[:-1]:
        bounds = pc.min_max(table[name])
        for target, value in ((low, bounds["min"]), (high, bounds["max"])):
            if name == "created_at":
                milliseconds = (value.value + (999 if target is high else 0)) // 1000
                moment = time.gmtime(milliseconds // 1000)
                target[name] = time.strftime("%Y-%m-%dT%H:%M:%S", moment) + f".{milliseconds % 1000:03d}Z"
            else:
                value = value.as_py()
                target[name] = value if isinstance(value, (int, float)) else str(value)
    nulls = {name: table[name].null_count for name in ARROW.names}
    return json.dumps({"numRecords": table.num_rows, "minValues": low, "maxValues": high, "nullCount": nulls})


def write_commit(log, version, actions):
    info = {"commitInfo": {"timestamp": EPOCH_US // 1000 + version, "operation": "WRITE", "operationParameters": {"mode": "Append"}}}
    lines = [json.dumps(action, separators=(",", ":")) for action in [info, *actions]]
    (log / f"{version:020d}.json").write_text("\n".join(lines) + "\n")


def start_table(directory):
    log = directory / "_delta_log"
    log.mkdir(parents=True)
    fields = [{"name": n, "type": t, "nullable": True, "metadata": {}} for n, t in zip(ARROW.names, DELTA_TYPES)]
    write_commit(
        log,
        0,
        [
            {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
            {
                "metaData": {
                    "id": "5f0b8f5e-0d0c-4d3c-8d4e-3f6f1f7f0a01",
                    "format": {"provider": "parquet", "options": {}},
                    "schemaString": json.dumps({"type": "struct", "fields": fields}),
                    "partitionColumns": [],
                    "configuration": {},
                    "createdTime": EPOCH_US // 1000,
                }
            },
        ],
    )
    return log


def add(path, size, modified_ms, stats):
    return {"add": {"path": path, "partitionValues": {}, "size": size, "modificationTime": modified_ms, "dataChange": True, "stats": stats}}


def small(directory, files, rows):
    log = start_table(directory)
    for index in range(files):
        rng = np.random.default_rng([20240101, index])
        table = orders(rng, index * rows, rows)
        name = f"part-{index:05d}-{uuid.UUID(bytes=rng.bytes(16), version=4)}-c000.snappy.parquet"
        pq.write_table(table, directory / name, compression="snappy")
        size = os.path.getsize(directory / name)
        write_commit(log, index + 1, [add(name, size, EPOCH_US // 1000 + index, statistics(table))])


def large(directory, files):
    log = start_table(directory)
    rows = 1 << 20
    for index in range(files):
        rng = np.random.default_rng([20240105, index])
        table = orders(rng, index * rows, rows)
        name = f"part-{index:05d}-{uuid.UUID(bytes=rng.bytes(16), version=4)}-c000.snappy.parquet"
        pq.write_table(table, directory / name, compression="snappy", row_group_size=rows, write_page_index=True)
        write_commit(log, index + 1, [add(name, os.path.getsize(directory / name), EPOCH_US // 1000 + index, statistics(table))])


def log_only(directory, files, commits, checkpoint):
    log = start_table(directory)
    rng = np.random.default_rng(20240103)
    for version in range(1, commits + 1):
        actions = []
        for index in range((version - 1) * files // commits, version * files // commits):
            first, day = index * 25_000, index % 366
            name = f"part-{index:05d}-{uuid.UUID(bytes=rng.bytes(16), version=4)}-c000.snappy.parquet"
            ids = random_uuids(rng, 2)
            low = {
                "order_id": first, "customer_id": 3, "amount": 0.0123, "category": "category-00",
                "order_uid": min(ids), "created_at": f"2024-01-01T00:{day % 60:02d}:00.{index % 1000:03d}Z", "day": "2024-01-01",
            }
            high = {
                "order_id": first + 24_999, "customer_id": 999_990, "amount": 999.987, "category": "category-19",
                "order_uid": max(ids), "created_at": f"2024-12-31T23:{day % 60:02d}:59.{index % 1000:03d}Z", "day": "2024-12-31",
            }
            stats = json.dumps({"numRecords": 25_000, "minValues": low, "maxValues": high, "nullCount": dict.fromkeys(ARROW.names, 0)}, separators=(",", ":"))
            actions.append(add(name, 1_800_000 + index % 50_000, EPOCH_US // 1000 + index, stats))
        write_commit(log, version, actions)
    if checkpoint:
        from deltalake import DeltaTable

        DeltaTable(directory).create_checkpoint()
        for version in range(commits):
            (log / f"{version:020d}.json").unlink()


def curve(directory, files):
    log = start_table(directory)
    rng = np.random.default_rng(20240104)
    nulls = json.dumps(dict.fromkeys(ARROW.names, 0), separators=(",", ":")).replace('"', '\\"')
    per_commit = 1000
    for version in range(1, (files + per_commit - 1) // per_commit + 1):
        lines = []
        for index in range((version - 1) * per_commit, min(files, version * per_commit)):
            ids = rng.bytes(48).hex()
            first, low, high = index * 25_000, ids[32:64], ids[64:96]
            lines.append(
                f'{{"add":{{"path":"part-{index:07d}-{ids[:8]}-{ids[8:12]}-{ids[12:16]}-{ids[16:20]}-{ids[20:32]}-c000.snappy.parquet","partitionValues":{{}},'
                f'"size":{1_800_000 + index % 50_000},"modificationTime":{EPOCH_US // 1000 + index},"dataChange":true,"stats":"{{\\"numRecords\\":25000,'
                f'\\"minValues\\":{{\\"order_id\\":{first},\\"customer_id\\":{index % 40},\\"amount\\":0.{index % 997_003:06d},\\"category\\":\\"category-00\\",'
                f'\\"order_uid\\":\\"{low[:8]}-{low[8:12]}-{low[12:16]}-{low[16:20]}-{low[20:]}\\",\\"created_at\\":\\"2024-01-01T00:00:00.{index % 1000:03d}Z\\"}},'
                f'\\"maxValues\\":{{\\"order_id\\":{first + 24_999},\\"customer_id\\":{999_999 - index % 40},\\"amount\\":900.{index % 996_001:06d},'
                f'\\"category\\":\\"category-19\\",\\"order_uid\\":\\"{high[:8]}-{high[8:12]}-{high[12:16]}-{high[16:20]}-{high[20:]}\\",'
                f'\\"created_at\\":\\"2024-12-31T23:59:59.{index % 1000:03d}Z\\"}},\\"nullCount\\":{nulls}}}"}}}}\n'
            )
        (log / f"{version:020d}.json").write_text("".join(lines))


def vacuum(directory, files, dead):
    log = start_table(directory)
    rng = np.random.default_rng(20240102)
    old_ms = int(time.time() * 1000) - 30 * DAY_MS
    names = [f"part-{index:05d}-{uuid.UUID(bytes=rng.bytes(16), version=4)}-c000.snappy.parquet" for index in range(files)]
    for name in names:
        (directory / name).write_bytes(b"x")
        os.utime(directory / name, (old_ms / 1000 - 86_400,) * 2)
    batch, version = 1000, 1
    for start in range(0, files, batch):
        stats = json.dumps({"numRecords": 1})
        write_commit(log, version, [add(name, 1, old_ms, stats) for name in names[start : start + batch]])
        version += 1
    for start in range(0, dead, batch):
        removed = names[start : min(start + batch, dead)]
        write_commit(
            log,
            version,
            [
                {"remove": {"path": n, "deletionTimestamp": old_ms, "dataChange": True, "extendedFileMetadata": True, "partitionValues": {}, "size": 1}}
                for n in removed
            ],
        )
        version += 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["small", "large", "vacuum", "log", "curve"])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--files", type=int)
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--dead", type=int, default=10_000)
    parser.add_argument("--commits", type=int, default=2000)
    parser.add_argument("--checkpoint", action="store_true")
    arguments = parser.parse_args()
    if arguments.table == "small":
        small(arguments.directory, arguments.files or 400, arguments.rows)
    elif arguments.table == "large":
        large(arguments.directory, arguments.files or 10)
    elif arguments.table == "log":
        log_only(arguments.directory, arguments.files or 200_000, arguments.commits, arguments.checkpoint)
    elif arguments.table == "curve":
        curve(arguments.directory, arguments.files or 1_000_000)
    else:
        vacuum(arguments.directory, arguments.files or 20_000, arguments.dead)
