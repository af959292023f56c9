"""Levee and deltalake write one table at the same time: no row is lost or doubled, no version is skipped."""

import json
import os
import random
import subprocess
import sys
import time

import pytest
from deltalake import DeltaTable


# One process of the peer: appends rows of its own, and reports the keys whose append was acknowledged. It does not compact: deltalake 1.6.6 commits an
# OPTIMIZE over another commit that has removed the same files, and their rows are there twice.
PEER = """
import json, random, sys, time
import pyarrow as pa
from deltalake import write_deltalake
path, worker, seconds, seed = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
rng, acknowledged, key = random.Random(seed), [], worker * 10_000_000
until = time.monotonic() + seconds
while time.monotonic() < until:
    keys = list(range(key, key + rng.randint(1, 50)))
    key = keys[-1] + 1
    try:
        write_deltalake(path, pa.table({"key": pa.array(keys, pa.int64()), "worker": pa.array([worker] * len(keys), pa.int64())}), mode="append")
        acknowledged += keys
    except Exception as error:
        message = str(error).lower()
        if "conflict" not in message and "concurrent" not in message and "transaction" not in message and "version" not in message:
            raise
print(json.dumps(acknowledged))
"""


def levee_worker(levee, path, worker, seconds, seed, scratch):
    """Appends, optimizes and vacuums through the command line; returns the keys whose append was acknowledged."""
    rng, acknowledged, key = random.Random(seed), [], worker * 10_000_000
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        choice = rng.random()
        if choice < 0.2:
            result = levee.run("table", "optimize", path)
        elif choice < 0.25:
            result = levee.run("table", "vacuum", path)
        else:
            keys = list(range(key, key + rng.randint(1, 50)))
            key = keys[-1] + 1
            rows = scratch / f"rows-{worker}.json"
            rows.write_text("".join(json.dumps({"key": k, "worker": worker}) + "\n" for k in keys))
            result = levee.run("table", "write", path, "--from", rows)
            if result.returncode == 0:
                acknowledged += keys
        # 3 is a conflict or busy storage: for an append it never comes from an OPTIMIZE, for an OPTIMIZE it may.
        assert result.returncode in (0, 3), result.stderr
        if result.returncode == 3:
            assert choice < 0.25, f"an append gave up: {result.stderr}"
    return acknowledged


@pytest.mark.parametrize("seconds", [pytest.param(8, id="short"), pytest.param(150, id="long", marks=pytest.mark.soak)])
def test_every_acknowledged_row_is_there_once(levee, tmp_path, seed, seconds):
    from concurrent.futures import ThreadPoolExecutor

    table = tmp_path / "table"
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps([{"name": "key", "type": "long"}, {"name": "worker", "type": "long"}]))
    levee("table", "create", table, "--schema", schema)
    peers = [
        subprocess.Popen([sys.executable, "-c", PEER, str(table), str(10 + n), str(seconds), str(seed + n)], stdout=subprocess.PIPE, text=True)
        for n in range(2)
    ]
    with ThreadPoolExecutor(2) as pool:
        ours = [pool.submit(levee_worker, levee, table, 20 + n, seconds, seed + 100 + n, tmp_path) for n in range(2)]
        expected = [key for future in ours for key in future.result()]
    for peer in peers:
        output, _ = peer.communicate(timeout=120)
        assert peer.returncode == 0
        expected += json.loads(output)

    found = DeltaTable(table).to_pyarrow_table(columns=["key"])["key"].to_pylist()
    assert sorted(found) == sorted(expected)
    lines = levee.run("table", "read", table, "--columns", "key", "--format", "json").stdout.splitlines()
    assert sorted(json.loads(line)["key"] for line in lines) == sorted(expected)
    versions = sorted(int(name[:20]) for name in os.listdir(table / "_delta_log") if name.endswith(".json") and name[:20].isdigit() and len(name) == 25)
    assert versions == list(range(versions[0], versions[-1] + 1))
    assert versions[-1] == DeltaTable(table).version() == levee("table", "describe", table)["version"]
    print(f"{versions[-1]} versions, {len(expected)} rows in {seconds} s")
