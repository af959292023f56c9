"""Levee and deltalake write one table at the same time: no row is lost or doubled, no version is skipped.

The peer only appends in the long runs, and that is no courtesy: deltalake 1.6.6 commits a compaction over another compaction of the same files. It takes no
race, `test_peer_compacts_over_a_compaction` shows it step by step, with two deltalake tables and no Levee too. Each row of those files is there twice then.
A delete it does see. Levee held still at the same place stands back, `test_levee_held_before_its_commit`; and where one process of the peer compacts beside
Levee, its commits alone remove what was gone (15 s, seed 1: 19 of its compactions, all over one of Levee's 115, none the other way round).
"""

import json
import os
import random
import subprocess
import sys
import time

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from steps import Steps

# One process of the peer: appends rows of its own, and reports the keys whose append was acknowledged. With a share above 0 it compacts as well.
PEER = """
import json, random, sys, time
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
path, worker, seconds, seed, compacting = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
rng, acknowledged, key = random.Random(seed), [], worker * 10_000_000
until = time.monotonic() + seconds
while time.monotonic() < until:
    if rng.random() < compacting:
        try:
            table = DeltaTable(path)
            time.sleep(rng.random() / 2)
            table.optimize.compact()
        except Exception as error:
            print(error, file=sys.stderr)
        continue
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


def commits(path):
    """The commits in order, each as its version and its actions."""
    for name in sorted(os.listdir(path / "_delta_log")):
        if name.endswith(".json") and name[:20].isdigit() and len(name) == 25:
            yield int(name[:20]), [json.loads(line) for line in (path / "_delta_log" / name).read_text().splitlines()]


def removed_twice(path):
    """The commits that removed a file which was not in the table any more: (version, engine, version that had removed it before)."""
    removed, found = {}, set()
    for version, actions in commits(path):
        engine = next((action["commitInfo"].get("engineInfo", "") for action in actions if "commitInfo" in action), "")
        for action in actions:
            if "remove" in action:
                file = action["remove"]["path"]
                if file in removed:
                    found.add((version, engine, removed[file]))
                removed[file] = version
            if "add" in action:
                removed.pop(action["add"]["path"], None)
    return sorted(found)


def small_files(path, count=4):
    """A table of that many files, one row each."""
    for key in range(count):
        append(path, key)


def append(path, key, mode="append"):
    write_deltalake(path, pa.table({"key": pa.array([key], pa.int64()), "worker": pa.array([0], pa.int64())}), mode=mode)


def keys(path):
    return sorted(DeltaTable(path).to_pyarrow_table(columns=["key"])["key"].to_pylist())


@pytest.mark.parametrize("first", ["deltalake", "levee"])
def test_peer_compacts_over_a_compaction(levee, table, first):
    """The peer's defect, one step after the other: what it is and that it needs no Levee. Should this fail with a newer peer, let it compact in the runs below."""
    small_files(table)
    late = DeltaTable(table)
    if first == "levee":
        assert levee("table", "optimize", table)["version"] == 4
    else:
        DeltaTable(table).optimize.compact()
    late.optimize.compact()
    assert keys(table) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [(version, before) for version, _, before in removed_twice(table)] == [(5, 4)]
    assert "delta-rs" in removed_twice(table)[0][1]


# What the peer commits while Levee's OPTIMIZE has planned and not committed; the exit code of that; the rows in the end.
MEANWHILE = {
    "nothing": (lambda path: None, 0, [0, 1, 2, 3]),
    "append": (lambda path: append(path, 9), 0, [0, 1, 2, 3, 9]),
    "compaction": (lambda path: DeltaTable(path).optimize.compact(), 3, [0, 1, 2, 3]),
    "delete": (lambda path: DeltaTable(path).delete("key = 1"), 3, [0, 2, 3]),
    "overwrite": (lambda path: append(path, 7, "overwrite"), 3, [7]),
    "property": (lambda path: DeltaTable(path).alter.set_table_properties({"delta.appendOnly": "true"}), 3, [0, 1, 2, 3]),
    "vacuum": (lambda path: DeltaTable(path).vacuum(0, dry_run=False, enforce_retention_duration=False), 0, [0, 1, 2, 3]),
}


# Where it is held: with its plan made, and with its files written.
@pytest.mark.parametrize("held", ["optimize.planned", "optimize.beforeCommit"])
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_levee_held_before_its_commit(levee, table, tmp_path, meanwhile, held):
    act, code, rows = MEANWHILE[meanwhile]
    small_files(table)
    with Steps(tmp_path, levee.binary, "table", "optimize", table) as optimize:
        optimize.to(held)
        act(table)
        assert optimize.finish()[0] == code
    assert keys(table) == rows
    assert removed_twice(table) == []


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
        subprocess.Popen([sys.executable, "-c", PEER, str(table), str(10 + n), str(seconds), str(seed + n), "0"], stdout=subprocess.PIPE, text=True)
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
    assert removed_twice(table) == []
    versions = sorted(int(name[:20]) for name in os.listdir(table / "_delta_log") if name.endswith(".json") and name[:20].isdigit() and len(name) == 25)
    assert versions == list(range(versions[0], versions[-1] + 1))
    assert versions[-1] == DeltaTable(table).version() == levee("table", "describe", table)["version"]
    print(f"{versions[-1]} versions, {len(expected)} rows in {seconds} s")


@pytest.mark.soak
def test_rows_are_doubled_by_the_peers_compactions_alone(levee, tmp_path, seed):
    """One compacting process of the peer beside Levee's OPTIMIZE: whatever was removed twice, the peer did it."""
    table = tmp_path / "table"
    small_files(table)
    peer = subprocess.Popen([sys.executable, "-c", PEER, str(table), "10", "40", str(seed), "0.4"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    until = time.monotonic() + 40
    rng = random.Random(seed)
    while time.monotonic() < until:
        rows = tmp_path / "rows.json"
        rows.write_text(json.dumps({"key": rng.randrange(10**9), "worker": 20}) + "\n")
        assert levee.run("table", "write", table, "--from", rows).returncode == 0
        assert levee.run("table", "optimize", table).returncode in (0, 3)
    peer.communicate(timeout=120)
    assert peer.returncode == 0
    twice = removed_twice(table)
    print(f"{len(twice)} commits removed what was gone: {twice}")
    assert all("delta-rs" in engine for _, engine, _ in twice)
