"""kill -9 at every step that a command takes. The steps are not picked but enumerated: a run that survives writes them down."""

import json
import shutil
import uuid

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from rows import delta_rs_rows
from samples import PARTITION_VALUES, all_types, partitioned, small_files
from test_vacuum import age_all, data_files, make_tombstones_old

SIGKILL = -9


def enumerate_steps(levee, arguments, log):
    """The steps that a run hits, each with the number of the hit: `rewrite.afterFile:2`."""
    done = levee.run(*arguments, env={"LEVEE_FAULT_LOG": str(log)})
    assert done.returncode == 0, done.stderr
    counts, steps = {}, []
    for name in log.read_text().split():
        counts[name] = counts.get(name, 0) + 1
        steps.append(f"{name}:{counts[name]}")
    return steps


def some(steps, each=3):
    """All steps, but of one that comes many times only the first, a middle one and the last."""
    chosen = []
    for step in steps:
        name, number = step.rsplit(":", 1)
        hits = [int(other.rsplit(":", 1)[1]) for other in steps if other.rsplit(":", 1)[0] == name]
        if len(hits) <= each or int(number) in (1, hits[len(hits) // 2], hits[-1]):
            chosen.append(step)
    return chosen


Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def vector_file(encoded):
    """The file of a deletion vector by its UUID, which the log writes in base 85."""
    words = [sum(Z85.index(letter) * 85 ** (4 - place) for place, letter in enumerate(encoded[start : start + 5])) for start in range(0, 20, 5)]
    return f"deletion_vector_{uuid.UUID(bytes=b''.join(word.to_bytes(4, 'big') for word in words))}.bin"


def everything_in_the_log(levee, table):
    """The paths of all files that any version has, and of their deletion vectors."""
    paths = {file["path"] for version in range(DeltaTable(table).version() + 1) for file in levee("table", "files", table, "--version", version)}
    for commit in (table / "_delta_log").glob("*.json"):
        for action in map(json.loads, commit.read_text().splitlines()):
            if vector := action.get("add", {}).get("deletionVector"):
                paths.add(vector_file(vector["pathOrInlineDv"]))
    return paths


def crash_at_every_step(levee, master, table, tmp_path, arguments, rows_after, check):
    trial = tmp_path / "trial"
    shutil.copytree(master, trial)
    steps = enumerate_steps(levee, [*arguments[:2], trial, *arguments[2:]], tmp_path / "steps")
    before = delta_rs_rows(master)
    for step in some(steps):
        shutil.rmtree(table, ignore_errors=True)
        shutil.copytree(master, table)
        command = [*arguments[:2], table, *arguments[2:]]
        done = levee.run(*command, env={"LEVEE_FAULT_POINT": step})
        assert done.returncode == SIGKILL, f"{step}: exit code {done.returncode}, {done.stderr}"
        assert delta_rs_rows(table) in (before, rows_after), step
        retry = levee.run(*command)
        assert retry.returncode == 0, f"{step}: {retry.stderr}"
        assert delta_rs_rows(table) == rows_after, step
        check(step)
        # What the killed process left, the next vacuum takes.
        known = everything_in_the_log(levee, table)
        age_all(table, 30)
        levee("table", "vacuum", table)
        assert set(data_files(table)) <= known, step
        assert delta_rs_rows(table) == rows_after, step
    return steps


def test_optimize(levee, tmp_path, table):
    master = tmp_path / "master"
    partitioned(master, files=2)

    def check(step):
        assert len(levee("table", "files", table)) == len(PARTITION_VALUES), step
        assert DeltaTable(table).transaction_version("crash") == 1, step

    steps = crash_at_every_step(
        levee, master, table, tmp_path, ["table", "optimize", "--app-id", "crash", "--app-version", 1], delta_rs_rows(master), check
    )
    names = {step.rsplit(":", 1)[0] for step in steps}
    assert {"optimize.planned", "rewrite.beforeFile", "rewrite.afterFile", "optimize.beforeCommit", "commit.beforePut", "commit.afterPut", "optimize.committed"} <= names


def test_write(levee, tmp_path, table):
    master = tmp_path / "master"
    small_files(master, files=2)
    import pyarrow.parquet as pq
    from rows import rows

    source = tmp_path / "rows.parquet"
    pq.write_table(all_types(500, 50), source)
    after = rows(pa.concat_tables([all_types(0, 100), all_types(500, 50)]))
    crash_at_every_step(levee, master, table, tmp_path, ["table", "write", "--from", source, "--app-id", "crash", "--app-version", 1], after, lambda step: None)


@pytest.mark.parametrize("vectors", [False, True], ids=["rewritten", "vectors"])
def test_delete(levee, tmp_path, table, vectors):
    """A file goes as a whole, others lose rows, and the change feed tells of all of it."""
    master = tmp_path / "master"
    (tmp_path / "schema.json").write_text('[{"name": "id", "type": "long"}, {"name": "part", "type": "string"}]')
    properties = ["--property", "delta.enableChangeDataFeed=true", *(["--property", "delta.enableDeletionVectors=true"] if vectors else [])]
    levee("table", "create", master, "--schema", tmp_path / "schema.json", "--partition-by", "part", *properties)
    for start in (0, 10, 20):
        (tmp_path / "rows.json").write_text("".join(f'{{"id": {n}, "part": "p{n % 2}"}}\n' for n in range(start, start + 10)))
        levee("table", "write", master, "--from", tmp_path / "rows.json")
    after = [row for row in delta_rs_rows(master) if not (row[0] < 10 or row[0] % 5 == 3)]
    steps = crash_at_every_step(
        levee, master, table, tmp_path, ["table", "delete", "--where", "id < 10 OR id % 5 = 3", "--app-id", "crash", "--app-version", 1], after, lambda step: None
    )
    names = {step.rsplit(":", 1)[0] for step in steps}
    assert {"delete.planned", "delete.scanned", "changes.written", "delete.staged", "delete.beforeCommit", "delete.committed"} <= names
    assert ("deletionVectors.written" if vectors else "rewrite.afterFile") in names


def test_restore(levee, tmp_path, table):
    master = tmp_path / "master"
    small_files(master, files=2)
    after = delta_rs_rows(master)
    version = DeltaTable(master).version()
    DeltaTable(master).delete("id % 2 = 0")
    write_deltalake(master, all_types(500, 50), mode="append")
    arguments = ["table", "restore", "--version", version, "--app-id", "crash", "--app-version", 1]
    steps = crash_at_every_step(levee, master, table, tmp_path, arguments, after, lambda step: None)
    names = {step.rsplit(":", 1)[0] for step in steps}
    assert {"restore.planned", "restore.beforeCommit", "commit.beforePut", "commit.afterPut", "restore.committed"} <= names


def test_reorg(levee, tmp_path, table):
    master = tmp_path / "master"
    write_deltalake(master, all_types(0, 50), configuration={"delta.enableDeletionVectors": "true"})
    write_deltalake(master, all_types(50, 50), mode="append")
    levee("table", "delete", master, "--where", "id % 2 = 0")

    def check(step):
        assert not any(file.get("deletedRows") for file in levee("table", "files", table)), step

    steps = crash_at_every_step(levee, master, table, tmp_path, ["table", "reorg", "--app-id", "crash", "--app-version", 1], delta_rs_rows(master), check)
    assert {"rewrite.beforeFile", "rewrite.afterFile", "optimize.beforeCommit"} <= {step.rsplit(":", 1)[0] for step in steps}


def test_repair(levee, tmp_path, table):
    """The table cannot be read before it; after the retry it can."""
    master = tmp_path / "master"
    small_files(master, files=3)
    after = [row for row in delta_rs_rows(master) if row[0] < 100]
    last = levee("table", "files", master, "--version", 2)
    (gone,) = {file["path"] for file in last} - {file["path"] for file in levee("table", "files", master, "--version", 1)}
    (master / gone).unlink()
    arguments = ["--apply", "--app-id", "crash", "--app-version", 1]
    shutil.copytree(master, tmp_path / "trial")
    for step in some(enumerate_steps(levee, ["table", "repair", tmp_path / "trial", *arguments], tmp_path / "steps")):
        shutil.rmtree(table, ignore_errors=True)
        shutil.copytree(master, table)
        assert levee.run("table", "repair", table, *arguments, env={"LEVEE_FAULT_POINT": step}).returncode == SIGKILL, step
        assert levee.run("table", "repair", table, *arguments).returncode == 0, step
        assert delta_rs_rows(table) == after and DeltaTable(table).transaction_version("crash") == 1, step
        assert [entry["operation"] for entry in DeltaTable(table).history()].count("FSCK") == 1, step


def test_vacuum(levee, tmp_path, table):
    master = tmp_path / "master"
    for number in range(5):
        write_deltalake(master, pa.table({"id": [number]}), mode="overwrite")
    make_tombstones_old(master)
    age_all(master, 30)
    live = {file["path"] for file in levee("table", "files", master)}

    def check(step):
        assert set(data_files(table)) == live, step

    crash_at_every_step(levee, master, table, tmp_path, ["table", "vacuum"], delta_rs_rows(master), check)


def test_checkpoint(levee, tmp_path, table):
    master = tmp_path / "master"
    small_files(master, files=3)

    def check(step):
        for commit in (table / "_delta_log").glob("*.json"):
            if commit.name != f"{DeltaTable(table).version():020}.json":
                commit.unlink()
        assert delta_rs_rows(table) == delta_rs_rows(master), f"{step}: the checkpoint alone must do"

    before = delta_rs_rows(master)
    trial = tmp_path / "trial"
    shutil.copytree(master, trial)
    steps = enumerate_steps(levee, ["table", "checkpoint", trial], tmp_path / "steps")
    for step in steps:
        shutil.rmtree(table, ignore_errors=True)
        shutil.copytree(master, table)
        assert levee.run("table", "checkpoint", table, env={"LEVEE_FAULT_POINT": step}).returncode == SIGKILL
        assert delta_rs_rows(table) == before, step
        levee("table", "checkpoint", table)
        check(step)


@pytest.mark.parametrize("mode", ["shallow", "deep"])
@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_clone(levee, tmp_path, table, mode, again):
    """What a killed clone leaves does not hinder the next one, and goes with a vacuum; the source is as it was."""
    source, master = tmp_path / "source", tmp_path / "master"
    write_deltalake(source, pa.table({"id": range(40), "p": [n % 2 for n in range(40)]}), partition_by=["p"], configuration={"delta.enableDeletionVectors": "true"})
    if again:
        levee("table", "clone", source, master, "--mode", mode)
        write_deltalake(source, pa.table({"id": range(40, 60), "p": [n % 3 for n in range(20)]}), mode="append")
    levee("table", "delete", source, "--where", "id % 7 = 0")
    before, after = delta_rs_rows(master) if again else None, delta_rs_rows(source)
    trial = tmp_path / "trial"
    arguments = ["--mode", mode, "--app-id", "crash", "--app-version", 1]

    def fresh(place):
        shutil.rmtree(place, ignore_errors=True)
        if again:
            shutil.copytree(master, place)

    fresh(trial)
    steps = enumerate_steps(levee, ["table", "clone", source, trial, *arguments], tmp_path / "steps")
    for step in some(steps, each=2):
        fresh(table)
        assert levee.run("table", "clone", source, table, *arguments, env={"LEVEE_FAULT_POINT": step}).returncode == SIGKILL, step
        if again or list(table.glob("_delta_log/*.json")):
            assert delta_rs_rows(table) in (before, after), step
        retry = levee.run("table", "clone", source, table, *arguments)
        assert retry.returncode == 0, f"{step}: {retry.stderr}"
        assert delta_rs_rows(table) == after, step
        age_all(table, 30)
        levee("table", "vacuum", table)
        assert set(data_files(table)) - {"_levee/clone.json"} <= everything_in_the_log(levee, table), step
        assert delta_rs_rows(table) == after == delta_rs_rows(source), step
    names = {step.rsplit(":", 1)[0] for step in steps}
    assert {"clone.planned", "clone.marked", "clone.copied", "clone.beforeCommit", "commit.beforePut", "commit.afterPut", "clone.committed"} <= names
    if mode == "deep":
        assert {"clone.beforeFile", "clone.afterFile", "clone.afterVectors"} <= names


def test_convert(levee, tmp_path, table):
    import pyarrow.dataset as ds

    master = tmp_path / "master"
    ds.write_dataset(all_types(0, 60), master, format="parquet", max_rows_per_file=10, max_rows_per_group=10)
    from rows import rows

    after, files = rows(all_types(0, 60)), data_files(master)
    trial = tmp_path / "trial"
    shutil.copytree(master, trial)
    steps = enumerate_steps(levee, ["table", "convert", trial], tmp_path / "steps")
    for step in steps:
        shutil.rmtree(table, ignore_errors=True)
        shutil.copytree(master, table)
        assert levee.run("table", "convert", table, env={"LEVEE_FAULT_POINT": step}).returncode == SIGKILL, step
        retry = levee("table", "convert", table)
        assert retry["version"] == 0 or retry["wasTable"], step
        age_all(table, 30)
        levee("table", "vacuum", table)
        assert delta_rs_rows(table) == after and data_files(table) == files, step
    assert {"convert.listed", "convert.read", "convert.beforeCommit", "convert.committed"} <= {step.rsplit(":", 1)[0] for step in steps}
