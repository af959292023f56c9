"""Damaged files, by the hundred: each ends in right rows or a message, never a crash, a hang or a table that is changed."""

import json
import shutil

import pyarrow as pa
import pytest
from deltalake import write_deltalake


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table"
    for start in range(0, 40, 10):
        rows = range(start, start + 10)
        batch = pa.table(
            {
                "key": pa.array(rows, pa.int64()),
                "name": pa.array([None if row % 7 == 0 else f"name-{row}" for row in rows]),
                "amount": pa.array([row / 3 for row in rows], pa.float64()),
            }
        )
        write_deltalake(path, batch, mode="append")
    return path


def damaged(content, rng):
    """The bytes cut short, with bits flipped, or with a run replaced."""
    data = bytearray(content)
    kind = rng.randrange(3)
    if kind == 0:
        return bytes(data[: rng.randrange(len(data))])
    if kind == 1:
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(data)
    start = rng.randrange(len(data))
    length = rng.randint(1, 16)
    data[start : start + length] = bytes(rng.randrange(256) for _ in range(length))
    return bytes(data)


@pytest.mark.parametrize("rounds", [pytest.param(120, id="short"), pytest.param(5000, id="long", marks=pytest.mark.soak)])
@pytest.mark.parametrize("what", ["*.parquet", "_delta_log/*.json"])
def test_damage_ends_in_rows_or_a_message(levee, table, rng, what, rounds):
    victims = sorted(table.glob(what))
    for number in range(rounds):
        victim = rng.choice(victims)
        original = victim.read_bytes()
        victim.write_bytes(damaged(original, rng))
        before = sorted(path.name for path in table.rglob("*"))
        result = levee.run("table", "read", table, "--format", "json", timeout=20)
        assert result.returncode in (0, 1, 4), f"round {number}: {result.returncode} {result.stderr}"
        if result.returncode != 0:
            assert result.stderr.strip(), f"round {number}: no message"
        assert sorted(path.name for path in table.rglob("*")) == before
        victim.write_bytes(original)
    keys = [json.loads(line)["key"] for line in levee.run("table", "read", table, "--format", "json").stdout.splitlines()]
    assert sorted(keys) == list(range(40))


def test_optimize_of_a_truncated_file_commits_nothing(levee, table, tmp_path):
    victim = sorted(table.glob("*.parquet"))[1]
    copy = tmp_path / "copy"
    shutil.copytree(table, copy)
    victim.write_bytes(victim.read_bytes()[:-20])
    before = {path.relative_to(table): path.stat().st_size for path in table.rglob("*")}
    result = levee.run("table", "optimize", table)
    assert result.returncode in (1, 4)
    assert victim.name in result.stderr
    assert {path.relative_to(table): path.stat().st_size for path in table.rglob("*")} == before
