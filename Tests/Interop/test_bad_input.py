"""What people and disks get wrong: the message names the thing and the way out, and the table is as it was."""

import json
import os
import shutil
import subprocess

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from rows import delta_rs_rows
from samples import all_types, small_files


def everything(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


COMMANDS = [["describe"], ["history"], ["files"], ["read"], ["changes", "--from", "0"], ["optimize"], ["vacuum"], ["checkpoint"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_place_that_does_not_exist(levee, tmp_path, command):
    message = levee.fails(1, "table", *command, tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in message and "not a Delta table" in message
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_directory_that_is_no_table(levee, tmp_path, command):
    (tmp_path / "data.parquet").write_bytes(b"x")
    assert "not a Delta table" in levee.fails(1, "table", *command, tmp_path)
    (tmp_path / "_delta_log").mkdir()
    assert "not a Delta table" in levee.fails(1, "table", *command, tmp_path)


def test_places_that_levee_does_not_reach(levee):
    assert "hdfs" in levee.fails(1, "table", "describe", "hdfs://host/table")
    assert "ftp" in levee.fails(1, "table", "describe", "ftp://host/table")
    said = levee.fails(1, "table", "describe", "s3://bucket/table", "--storage-option", "AWS_SECRET_ACCESS_KEY=hush")
    assert "environment variable AWS_SECRET_ACCESS_KEY" in said and "hush" not in said


@pytest.mark.parametrize(
    "damage, expected",
    [
        (lambda text: text[: len(text) // 2], "line"),
        (lambda text: text.replace('"add"', '"add":{},"x"'), "path"),
        (lambda text: "\x00" * len(text), "line 1"),
        (lambda text: text.replace('"size":', '"size":-'), "size"),
    ],
)
def test_a_corrupt_commit(levee, table, damage, expected):
    small_files(table, files=3)
    commit = table / "_delta_log" / f"{1:020}.json"
    commit.write_text(damage(commit.read_text()))
    before = everything(table)
    for command in ("read", "optimize", "vacuum"):
        message = levee.fails(1, "table", command, table)
        assert "commit 1" in message and expected in message, message
    assert everything(table) == before


def test_a_missing_commit(levee, table):
    small_files(table, files=3)
    (table / "_delta_log" / f"{1:020}.json").unlink()
    message = levee.fails(1, "table", "optimize", table)
    assert f"{1:020}.json" in message and "missing" in message


@pytest.mark.parametrize("keep", [0, 3, 100, 0.5, -1])
def test_a_truncated_parquet_file(levee, table, keep):
    small_files(table, files=3)
    victim = levee("table", "files", table)[1]["path"]
    data = (table / victim).read_bytes()
    (table / victim).write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])
    before = everything(table)
    message = levee.fails(1, "table", "optimize", table)
    assert victim in message
    assert everything(table) == before, "nothing is committed, nothing is left behind"


def test_a_bit_that_flipped(levee, table):
    """Wherever it flips: an error that names the file, or rows; never a crash, and never a commit of a broken file."""
    small_files(table, files=2, rows=20)
    victim = table / levee("table", "files", table)[0]["path"]
    data = bytearray(victim.read_bytes())
    for position in range(0, len(data), max(1, len(data) // 60)):
        flipped = bytearray(data)
        flipped[position] ^= 0x40
        victim.write_bytes(flipped)
        done = levee.run("table", "optimize", table, "--dry-run")
        assert done.returncode == 0
        done = levee.run("table", "read", table, "--format", "csv", "--to", table.parent / f"out-{position}.csv")
        assert done.returncode in (0, 1), f"bit at {position}: {done.returncode} {done.stderr}"
        if done.returncode == 1:
            assert victim.name in done.stderr or "UTF-8" in done.stderr, done.stderr


def test_a_file_that_is_gone(levee, table):
    small_files(table, files=3)
    victim = levee("table", "files", table)[0]["path"]
    (table / victim).unlink()
    message = levee.fails(1, "table", "optimize", table)
    assert victim in message
    assert DeltaTable(table).version() == 2


@pytest.fixture
def full_disk(tmp_path):
    """A file system of two megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    mount = tmp_path / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount], capture_output=True).returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    yield mount
    subprocess.run(["umount", mount], check=True)


def test_a_full_disk(levee, full_disk):
    table = full_disk / "table"
    random = os.urandom(700_000).hex()
    for start in (0, 250_000):
        write_deltalake(table, pa.table({"text": [random[place : place + 100] for place in range(start, start + 500_000, 100)]}), mode="append")
    free = os.statvfs(full_disk).f_bavail * os.statvfs(full_disk).f_bsize
    (full_disk / "filler").write_bytes(bytes(free - 300_000))
    before = everything(table)
    message = levee.fails(1, "table", "optimize", table)
    assert "no space left" in message and "free some" in message
    assert everything(table) == before
    assert DeltaTable(table).version() == 1
    (full_disk / "filler").unlink()


def as_nobody(levee, *arguments):
    """Runs the program as a user without rights, in a copy that this user may execute."""
    if os.geteuid() != 0:
        return levee.run(*arguments)
    return levee.run(*arguments, user=65534, group=65534, extra_groups=[])


@pytest.mark.parametrize("command", [["optimize"], ["vacuum", "--retention", "0h", "--allow-short-retention"], ["checkpoint"]])
def test_a_directory_that_may_not_be_written(levee, tmp_path, command):
    table = tmp_path / "table"
    small_files(table, files=3)
    write_deltalake(table, all_types(0, 10), mode="overwrite")
    small_files(table, files=2)
    parent = tmp_path
    while parent != parent.parent:
        if parent.stat().st_uid == os.geteuid():
            os.chmod(parent, parent.stat().st_mode | 0o055)
        parent = parent.parent
    for path in [table, *table.rglob("*")]:
        os.chmod(path, 0o555 if path.is_dir() else 0o444)
    binary = tmp_path / "levee"
    shutil.copy(levee.binary, binary)
    os.chmod(binary, 0o755)
    before = everything(table)
    done = as_nobody(type(levee)(str(binary)), "table", *command[:1], table, *command[1:])
    assert done.returncode == 1, done.stderr
    assert "denied" in done.stderr and "give the process" in done.stderr
    assert everything(table) == before
    for path in [table, *table.rglob("*")]:
        os.chmod(path, 0o755 if path.is_dir() else 0o644)
    assert delta_rs_rows(table)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["table", "optimise", "x"], "did you mean optimize"),
        (["table", "optimize"], "URI is missing"),
        (["table", "optimize", "x", "--target-file-size", "many"], "write it like 256Mi"),
        (["table", "optimize", "x", "--target-file-size=-1Mi"], "more than nothing"),
        (["table", "optimize", "x", "--codec", "lzo"], "one of keep, snappy, zstd"),
        (["table", "vacuum", "x", "--retention", "a week"], "write it like 168h"),
        (["table", "read", "x", "--limt", "3"], "did you mean --limit"),
    ],
)
def test_wrong_usage(levee, arguments, expected):
    message = levee.fails(2, *arguments)
    assert expected in message and "--help" in message


def test_a_name_in_the_log_that_leads_out(levee, tmp_path, table):
    """A hostile log must not make Levee touch what lies outside of the table."""
    secret = tmp_path / "secret.parquet"
    write_deltalake(table, pa.table({"id": [1]}))
    shutil.copy(next(table.glob("*.parquet")), secret)
    size = secret.stat().st_size
    for version, path in enumerate(["../secret.parquet", "%2e%2e/secret.parquet", f"file://{secret}"], start=1):
        actions = [{"add": {"path": path, "partitionValues": {}, "size": size, "modificationTime": 0, "dataChange": True}}]
        commit = table / "_delta_log" / f"{version:020}.json"
        commit.write_text(json.dumps(actions[0]) + "\n")
        assert "cannot be used" in levee.fails(1, "table", "read", table)
    assert secret.exists()
