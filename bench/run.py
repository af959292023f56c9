#!/usr/bin/env python3
"""Measures Levee beside deltalake on the same generated input, both in the same run, and prints ratios.

    run.py --levee PATH [--runs 3] [--scale 1.0] [--only NAME] [--json FILE] [--curve FILES,FILES,…]

Each run of each program gets a fresh copy of the input; the two take turns, so that a machine that slows down slows both. Levee's wall time is
that of the whole process, the peer's that of the operation alone. Reported are medians; CPU is user plus system, memory the peak resident set.

The curve is of Levee alone: a log of each number of files is opened from its commits, checkpointed, and opened from the checkpoint.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent
WORK = ROOT.parent / ".bench"


def generate(name, *arguments):
    target = WORK / "input" / name
    if not (target / ".complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        print(f"generating {name} …", file=sys.stderr)
        subprocess.run([sys.executable, ROOT / "generate.py", *map(str, arguments[:1]), target, *map(str, arguments[1:])], check=True)
        (target / ".complete").touch()
    return target


def measure(command):
    """Runs a command; returns (wall seconds, CPU seconds, peak MB, stdout)."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))} failed: status {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def enable_deletion_vectors(table):
    """Commits what Spark does for ALTER TABLE … SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')."""
    log = table / "_delta_log"
    metadata = json.loads((log / f"{0:020d}.json").read_text().splitlines()[2])
    metadata["metaData"]["configuration"]["delta.enableDeletionVectors"] = "true"
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["appendOnly", "deletionVectors", "invariants"]}
    lines = [{"commitInfo": {"operation": "SET TBLPROPERTIES"}}, {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}}, metadata]
    (log / f"{len(list(log.glob('*.json'))):020d}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))


def apart(function, *arguments):
    """In a process of its own, so that this one stays small: the peak of what it starts begins with its size."""
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def files_per_lookup(table, columns):
    """How many files a lookup of one value of each column has to open, by the files' statistics, on average; and how many there are."""
    import pyarrow as pa
    from deltalake import DeltaTable

    files = pa.table(DeltaTable(table).get_add_actions(flatten=True))
    counts = []
    for column in columns:
        low, high = (files.column(f"{side}.{column}").to_pylist() for side in ("min", "max"))
        first, last = min(low), max(high)
        values = [first + (last - first) * step / 1000 for step in range(1001)]
        counts.append(sum(a <= value <= b for value in values for a, b in zip(low, high)) / len(values))
    return counts, files.num_rows


def compare(name, source, levee, peer, runs, copies, prepare=lambda table: None, inspect=None):
    """Both commands `runs` times in turn, each on a copy of `source` where the operation writes; Levee's is prepared first."""
    rows = {"levee": [], "deltalake": []}
    inspected = {}
    for _ in range(runs):
        for who, command in (("levee", levee), ("deltalake", peer)):
            table = source
            if copies:
                table = WORK / "run"
                shutil.rmtree(table, ignore_errors=True)
                shutil.copytree(source, table)
                if who == "levee":
                    prepare(table)
                os.sync()
            wall, cpu, peak, output = measure(command(table))
            if who == "deltalake":
                wall = json.loads(output.splitlines()[-1])["wallSeconds"]
            rows[who].append((wall, cpu, peak))
            if inspect:
                inspected[who] = inspect(table)
    shutil.rmtree(WORK / "run", ignore_errors=True)
    for who, (counts, count) in inspected.items():
        print(f"{name}, {who}: a lookup touches {' and '.join(f'{touched:.1f}' for touched in counts)} of {count} files", file=sys.stderr)
    medians = {who: [statistics.median(column) for column in zip(*figures)] for who, figures in rows.items()}
    return {"name": name, **{who: dict(zip(("wall", "cpu", "peak"), figures)) for who, figures in medians.items()}}


def copy_baseline(source, runs):
    """What the disk alone takes: copying the table and syncing it."""
    walls = []
    for _ in range(runs):
        target = WORK / "run"
        shutil.rmtree(target, ignore_errors=True)
        os.sync()
        started = time.perf_counter()
        subprocess.run(["sh", "-c", 'cp -r "$1" "$2" && find "$2" -type f -exec sync {} +', "sh", source, target], check=True)
        walls.append(time.perf_counter() - started)
    shutil.rmtree(WORK / "run", ignore_errors=True)
    return statistics.median(walls)


def curve(levee, sizes, runs):
    """How time and memory grow with a log's files; per file they should stay what they are."""
    print(f"{'files':>10}{'open, commits':>40}{'open and write checkpoint':>52}{'open, checkpoint':>40}")
    for files in sizes:
        table = generate(f"curve-{files}", "curve", "--files", files)
        log = table / "_delta_log"

        def median(operation, before=lambda: None):
            rows = []
            for _ in range(runs):
                before()
                rows.append(measure([levee, "table", operation, table, "-o", "json"])[:3])
            return [statistics.median(column) for column in zip(*rows)]

        def without_checkpoint():
            for path in [*log.glob("*.checkpoint*.parquet"), log / "_last_checkpoint"]:
                path.unlink(missing_ok=True)

        # A log of gigabytes that was generated long ago is not in the page cache; the curve is of the engine, not of the disk.
        for path in log.iterdir():
            path.read_bytes()

        def cell(figures):
            return f"{figures[0]:.2f} s, CPU {figures[1]:.2f} s = {figures[1] / files * 1e6:.1f} µs, {figures[2]:.0f} MB"

        from_commits = median("describe", without_checkpoint)
        written = median("checkpoint", without_checkpoint)
        size = sum(path.stat().st_size for path in log.glob("*.checkpoint*.parquet"))
        print(f"{files:>10}{cell(from_commits):>40}{cell(written) + f', {size / 1e6:.1f} MB':>52}{cell(median('describe')):>40}", flush=True)
        without_checkpoint()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levee", type=pathlib.Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of the full input")
    parser.add_argument("--only", help="measure only the rows whose name contains this")
    parser.add_argument("--curve", type=lambda text: [int(size) for size in text.split(",")], help="measure Levee alone on logs of so many files")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures here")
    arguments = parser.parse_args()
    levee, python, peer = arguments.levee.resolve(), sys.executable, ROOT / "peer.py"

    files = max(2, int(400 * arguments.scale))
    small = lambda: generate(f"small-{files}", "small", "--files", files)
    large = lambda: generate("large-10", "large", "--files", 10)
    vacuum_files = max(2000, int(100_000 * arguments.scale))
    vacuum = lambda: generate(f"vacuum-{vacuum_files}", "vacuum", "--files", vacuum_files, "--dead", vacuum_files // 2)
    benchmarks = [
        ("compact, snappy", small, lambda t: [levee, "table", "optimize", t, "--codec", "snappy", "-o", "json"], lambda t: [python, peer, "compact", t, "snappy"], True),
        ("compact, zstd", small, lambda t: [levee, "table", "optimize", t, "--codec", "zstd", "-o", "json"], lambda t: [python, peer, "compact", t, "zstd"], True),
        (
            "compact, row groups", large, lambda t: [levee, "table", "optimize", t, "--target-file-size", "2Gi", "-o", "json"],
            lambda t: [python, peer, "compact", t, "snappy", 2 << 30], True,
        ),
        ("vacuum, full, dry run", vacuum, lambda t: [levee, "table", "vacuum", t, "--dry-run", "-o", "json"], lambda t: [python, peer, "vacuum-dry-run", t], False),
    ]
    keys = ["customer_id", "created_at"]
    for name, target in (("z-order, 100 MiB files", 100 << 20), ("z-order, 25 MiB files", 25 << 20)):
        benchmarks.append(
            (
                name, small, lambda t, size=target: [levee, "table", "optimize", t, "--z-order-by", ",".join(keys), "--target-file-size", size, "-o", "json"],
                lambda t, size=target: [python, peer, "zorder", t, ",".join(keys), size], True, lambda table: None, lambda table: apart(files_per_lookup, table, keys),
            )
        )
    # Half of the files have rows that go, half of each's rows do. The peer writes no deletion vectors: it rewrites files both times.
    half = f"order_id < {files // 2 * 25_000} AND amount < 84"
    delete = (small, lambda t: [levee, "table", "delete", t, "--where", half, "-o", "json"], lambda t: [python, peer, "delete", t, half], True)
    benchmarks += [("delete, vectors", *delete, enable_deletion_vectors), ("delete, rewritten", *delete)]
    log_files = max(2000, int(200_000 * arguments.scale))
    commits = max(20, log_files // 100)
    from_commits = lambda: generate(f"log-{log_files}", "log", "--files", log_files, "--commits", commits)
    from_checkpoint = lambda: generate(f"log-{log_files}-checkpoint", "log", "--files", log_files, "--commits", commits, "--checkpoint")
    opened = lambda t: [levee, "table", "describe", t, "-o", "json"]
    benchmarks += [
        (f"log: open, {commits} commits", from_commits, opened, lambda t: [python, peer, "open", t], False),
        ("log: open, checkpoint", from_checkpoint, opened, lambda t: [python, peer, "open", t], False),
        ("log: open, write checkpt.", from_commits, lambda t: [levee, "table", "checkpoint", t, "-o", "json"], lambda t: [python, peer, "checkpoint", t], True),
    ]
    if arguments.curve:
        return curve(levee, arguments.curve, arguments.runs)
    results = []
    for name, source, ours, theirs, copies, *prepare in benchmarks:
        if arguments.only and arguments.only not in name:
            continue
        results.append(compare(name, source(), ours, theirs, arguments.runs, copies, *prepare))
        if name.startswith("log") and copies:
            for who, command in (("levee", ours), ("deltalake", theirs)):
                table = WORK / "run"
                shutil.copytree(source(), table)
                measure(command(table))
                size = sum(path.stat().st_size for path in (table / "_delta_log").glob("*.checkpoint*.parquet"))
                print(f"checkpoint of {who}: {size / 1e6:.1f} MB")
                shutil.rmtree(table)
    print(f"{os.cpu_count()} cores, {files} files of 25,000 rows, medians of {arguments.runs} runs; ratio = levee / deltalake")
    if not arguments.only:
        print(f"cp -r and fsync of the table: {copy_baseline(small(), arguments.runs):.2f} s, of the one of large row groups: {copy_baseline(large(), arguments.runs):.2f} s")
    print(f"{'':24}{'wall':>24}{'CPU':>24}{'peak memory':>28}")
    for row in results:
        cells = []
        for key, unit, width in (("wall", "s", 24), ("cpu", "s", 24), ("peak", "MB", 28)):
            mine, other = row["levee"][key], row["deltalake"][key]
            digits = 0 if unit == "MB" else 2
            cells.append(f"{mine:.{digits}f} / {other:.{digits}f} {unit} = {mine / other:.2f}".rjust(width))
        print(f"{row['name']:24}{''.join(cells)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
