"""Levee and deltalake write one table at the same time: no row is lost, doubled or brought back, no version is skipped.

Two processes of each append, delete, optimize and vacuum. One arrangement keeps the peer's own defect out of the count: deltalake 1.6.6 commits a compaction
over another compaction of the same files, so that each of their rows is there twice. It takes no race, `test_peer_compacts_over_a_compaction` shows it step by
step, with two deltalake tables and no Levee too. So each process of the peer compacts a partition of its own, which nobody else compacts and everybody else
appends to and deletes from; all other partitions Levee compacts from both of its processes, and the peer appends to and deletes from them.

The peer's DELETE is held to nothing of the kind, for it sees what came before it: `test_peers_delete_held_before_its_commit`. Levee held still at the same place
stands back, `test_levee_held_before_its_commit`.
"""

import json
import os
import random
import subprocess
import sys
import time

import pyarrow as pa
import pytest
from contention import Contention, commits, removed_twice
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from steps import Steps

# One process of the peer that appends and compacts.
COMPACTING_PEER = """
import random, sys, time
from deltalake import DeltaTable
path, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
rng, until = random.Random(seed), time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    try:
        table = DeltaTable(path)
        time.sleep(rng.random() / 2)
        table.optimize.compact()
    except Exception as error:
        print(error, file=sys.stderr)
"""


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


@pytest.mark.parametrize("condition", ["key < 2", "key = 1", "worker = 0"])
@pytest.mark.parametrize("meanwhile", ["optimize", "delete of another row", "delete of the same row", "append"])
def test_peers_delete_held_before_its_commit(levee, table, meanwhile, condition):
    """The peer's DELETE of a table that has moved on since it was opened: it stands back, or what it takes is what it means."""
    write_deltalake(table, pa.table({"key": pa.array([0, 1, 2], pa.int64()), "worker": pa.array([0] * 3, pa.int64())}))
    append(table, 9)
    late = DeltaTable(table)
    if meanwhile == "optimize":
        levee("table", "optimize", table)
    elif meanwhile == "append":
        append(table, 7)
    else:
        levee("table", "delete", table, "--where", "key = 2" if meanwhile == "delete of another row" else "key = 1")
    before = keys(table)
    try:
        late.delete(condition)
        committed = True
    except CommitFailedError:
        committed = False
    meant = {"key < 2": {0, 1}, "key = 1": {1}, "worker = 0": {0, 1, 2, 9}}[condition]
    assert keys(table) == ([key for key in before if key not in meant] if committed else before)
    assert removed_twice(table) == []


# In the short run nothing that the table had becomes old enough to be vacuumed; what a writer left that died long ago does.
@pytest.mark.parametrize("seconds, retention", [pytest.param(15, 60, id="short"), pytest.param(130, 20, id="long", marks=pytest.mark.soak)])
def test_every_row_is_there_once_or_deleted_once(levee, tmp_path, seed, seconds, retention):
    run = Contention(levee, tmp_path, seed, seconds, retention)
    run.all_processes([run.levee_process(20), run.levee_process(21), run.peer_process(10), run.peer_process(11)])
    run.check()
    read = DeltaTable(run.table).to_pyarrow_table(columns=["id"])["id"].to_pylist()
    assert sorted(read) == run.expected_rows()


@pytest.mark.soak
def test_every_row_is_there_once_or_deleted_once_by_vectors(levee, tmp_path, seed):
    """Four processes of Levee: the peer does not write to tables with deletion vectors."""
    run = Contention(levee, tmp_path, seed, 60, 20, ["--property", "delta.enableDeletionVectors=true", "--property", "delta.enableChangeDataFeed=true"])
    run.all_processes([run.levee_process(20 + number) for number in range(4)])
    run.check()


@pytest.mark.soak
def test_rows_are_doubled_by_the_peers_compactions_alone(levee, tmp_path, seed):
    """One compacting process of the peer beside Levee's OPTIMIZE: whatever was removed twice, the peer did it."""
    table = tmp_path / "table"
    small_files(table)
    peer = subprocess.Popen([sys.executable, "-c", COMPACTING_PEER, str(table), "40", str(seed)], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 40
    rng = random.Random(seed)
    while time.monotonic() < until:
        rows = tmp_path / "rows.json"
        rows.write_text(json.dumps({"key": rng.randrange(10**9), "worker": 20}) + "\n")
        assert levee.run("table", "write", table, "--from", rows).returncode == 0
        assert levee.run("table", "optimize", table).returncode in (0, 3)
    assert peer.wait(timeout=120) == 0
    twice = removed_twice(table)
    print(f"{len(twice)} commits removed what was gone: {twice}")
    assert all("delta-rs" in engine for _, engine, _ in twice)
