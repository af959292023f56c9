"""Every operation on a table with every feature: what must stay the same is, row for row, for Levee and for two other readers; what must be refused is refused.

The outcome is the table in docs/operation-matrix.md. LEVEE_WRITE_MATRIX=1 writes it anew.
"""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from feature_tables import FEATURES, Site
from rows import delta_rs, rows

PAGE = ROOT / "docs" / "operation-matrix.md"
BEGIN, END = "<!-- the matrix -->\n", "<!-- end of the matrix -->\n"
VACUUM = ["--retention", "0s", "--allow-short-retention"]


class Case:
    """One table that an operation has been run on."""

    def __init__(self, levee, base, path, expected):
        self.levee, self.base, self.path, self.expected = levee, base, path, expected

    def table(self, command, *arguments):
        return self.levee("table", command, self.path, *arguments)


def on_table(command, *arguments):
    def run(case):
        case.table(command, *arguments)
        return case.path

    return run


def clone(mode):
    """The clone is what is looked at, after the source has lost all that is not its own or its clones'."""

    def run(case):
        target = case.path.with_name("clone")
        case.table("clone", target, "--mode", mode, "--verify-rows")
        case.table("vacuum", *VACUUM)
        return target

    return run


def delete(case):
    case.table("delete", "--where", "id % 3 = 0")
    case.expected = [row for row in case.expected if row[0] % 3 != 0]
    return case.path


def restore(case):
    version = Site(case.levee, case.path).version
    case.table("delete", "--where", "id >= 80")
    case.table("restore", "--version", version)
    return case.path


def repair(case):
    """A file is lost: its rows are."""
    lost = case.table("files")[0]["path"]
    before = rows(case.levee.read(case.path))
    (case.path / lost).rename(case.path.parent / "lost.parquet")
    try:
        case.table("repair", "--apply")
    except AssertionError:
        (case.path.parent / "lost.parquet").rename(case.path / lost)
        raise
    case.expected = rows(case.levee.read(case.path))
    assert 0 < len(before) - len(case.expected) <= 40
    return case.path


def log_cleanup(case):
    """All of the log but the checkpoint has expired."""
    case.table("checkpoint")
    for file in (case.path / "_delta_log").iterdir():
        if file.is_file():
            os.utime(file, (time.time() - 60 * 86400,) * 2)
    case.table("log-cleanup")
    return case.path


def statistics(case):
    """The log has none of any file."""
    log = case.path / "_delta_log"
    for file in sorted(log.glob("*.json")):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for line in lines:
            line.get("add", {}).pop("stats", None)
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        file.with_suffix(".crc").unlink(missing_ok=True)
    for checkpoint in [*log.glob("*.checkpoint*"), *log.glob("_last_checkpoint"), *log.glob("_sidecars/*")]:
        checkpoint.unlink()
    case.table("compute-statistics")
    return case.path


OPERATIONS = {
    "optimize": on_table("optimize"),
    "--reencode": on_table("optimize", "--reencode", "--verify-rows"),
    "--z-order-by": on_table("optimize", "--z-order-by", "n,id", "--verify-rows"),
    "reorg": on_table("reorg", "--verify-rows"),
    "delete": delete,
    "restore": restore,
    "repair": repair,
    "clone, shallow": clone("shallow"),
    "clone, deep": clone("deep"),
    "checkpoint": on_table("checkpoint"),
    "vacuum --mode lite": on_table("vacuum", "--mode", "lite", *VACUUM),
    "compact-log": on_table("compact-log"),
    "log-cleanup": log_cleanup,
    "compute-statistics": statistics,
    "set-properties": on_table("set-properties", "--set", "delta.checkpointInterval=3", "--set", "delta.enableChangeDataFeed=true", "--set", "team=data"),
    "generate-manifest": on_table("generate-manifest"),
}

results = {}


@pytest.fixture(scope="module")
def bases(levee, tmp_path_factory):
    """The tables as they are before, by feature, with the rows that Levee reads, and whether deltalake can read it."""
    made = {}
    for feature, make in FEATURES.items():
        site = Site(levee, tmp_path_factory.mktemp("base") / "table")
        make(site)
        expected = rows(levee.read(site.path))
        assert len(expected) >= 120
        made[feature] = (site.path, expected, peer_rows(site.path))
    return made


def peer_rows(path):
    """What deltalake reads; nothing where it refuses the table."""
    try:
        return rows(delta_rs(path))
    except Exception:
        return None


@pytest.fixture(scope="module")
def ran(levee, bases, tmp_path_factory):
    """The tables as they are behind an operation and a vacuum that keeps nothing, by operation and feature."""
    return {}


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_rows_stay_what_they_are(levee, bases, ran, tmp_path_factory, operation, feature):
    base, expected, peer = bases[feature]
    path = tmp_path_factory.mktemp("case") / "table"
    shutil.copytree(base, path)
    case = Case(levee, base, path, expected)
    refusal = refused(levee, case, OPERATIONS[operation])
    if refusal:
        assert rows(levee.read(path)) == expected, "a refused operation changed the table"
        results[operation, feature] = ("refused", None, None)
        return
    target = case.path
    found = levee.read(target)
    columns = found.column_names
    assert rows(found) == case.expected
    # Where a vacuum is refused it takes nothing either.
    assert levee.run("table", "vacuum", target, *VACUUM).returncode in (0, 4)
    assert rows(levee.read(target), columns) == case.expected, "a vacuum took what the table needs"
    if peer is not None:
        assert rows(delta_rs(target), columns) == case.expected
    ran[operation, feature] = (target, case.expected, columns)
    results[operation, feature] = ("yes", peer is not None, None)


def refused(levee, case, run):
    """What the program says where it refuses an operation (exit code 4); nothing where it does it."""
    try:
        case.path = run(case) or case.path
        return None
    except AssertionError as error:
        if "exit code 4\n" in str(error) or "has no Z-order of clustered tables" in str(error):
            return str(error)
        raise


def test_the_second_reader_finds_the_same_rows(ran, bases):
    """All tables in one process of the reader: the ids, and of every table whose base it can read."""
    queries = {f"base {feature}": str(base) for feature, (base, _, _) in bases.items()}
    queries |= {f"{operation} on {feature}": str(path) for (operation, feature), (path, _, _) in ran.items()}
    code = """if True:
        import chdb, json, sys
        found = {}
        for name, path in json.load(sys.stdin).items():
            try:
                found[name] = json.loads("[" + ",".join(str(chdb.query(f"SELECT id, n FROM deltaLakeLocal('{path}')", "JSONCompactEachRow")).split("\\n")[:-1]) + "]")
            except Exception as error:
                found[name] = str(error)
        json.dump(found, sys.stdout)
    """
    done = subprocess.run([sys.executable, "-c", code], cwd="/", input=json.dumps(queries), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    readable = {feature for feature in FEATURES if isinstance(found[f"base {feature}"], list)}
    assert {"none", "partitions", "deletion vectors", "mapping by name"} <= readable, {name: value for name, value in found.items() if isinstance(value, str)}
    for (operation, feature), (_, expected, columns) in ran.items():
        # This reader looks for all files below the table.
        if feature not in readable or operation == "clone, shallow":
            continue
        answer = found[f"{operation} on {feature}"]
        assert isinstance(answer, list), f"{operation} on {feature}: {answer}"
        places = [columns.index("id"), columns.index("n")]
        wanted = sorted(([row[place] for place in places] for row in expected), key=repr)
        assert sorted(([int(row[0]), None if row[1] is None else int(row[1])] for row in answer), key=repr) == wanted, f"{operation} on {feature}"
        outcome, peer, _ = results[operation, feature]
        results[operation, feature] = (outcome, peer, True)


def test_the_matrix_stands_in_the_docs():
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    current, tail = rest.split(END)
    if len(results) < len(OPERATIONS) * len(FEATURES):
        pytest.skip("not all operations were run")
    made = matrix()
    if os.environ.get("LEVEE_WRITE_MATRIX") == "1":
        PAGE.write_text(head + BEGIN + made + END + tail)
    else:
        assert current == made, "write it anew: LEVEE_WRITE_MATRIX=1 pytest Tests/Interop/test_operation_matrix.py"


def matrix():
    lines = ["| |" + "".join(f" {operation} |" for operation in OPERATIONS), "|---|" + "---|" * len(OPERATIONS)]
    for feature in FEATURES:
        cells = []
        for operation in OPERATIONS:
            outcome, peer, second = results[operation, feature]
            cells.append(outcome if outcome == "refused" else "L" + ("D" if peer else "") + ("C" if second else ""))
        lines.append(f"| {feature} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
