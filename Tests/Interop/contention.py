"""Processes of Levee and deltalake that append to, delete from, optimize and vacuum one table, each keeping a ledger of what was acknowledged, and the
comparison of all ledgers with the table and its log.

Run as a program it is one of these processes: contention.py ENGINE TABLE LEDGERS WORKER SECONDS SEED [BINARY].
"""

import collections
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

SHARED_ZONES = ["a", "b"]


def commits(path):
    """The commits in order, each as its version and its actions."""
    for name in sorted(os.listdir(path / "_delta_log")):
        if name.endswith(".json") and name[:20].isdigit() and len(name) == 25:
            yield int(name[:20]), [json.loads(line) for line in (path / "_delta_log" / name).read_text().splitlines()]


def identity(file):
    """What tells a file with one deletion vector from the same with another."""
    vector = file.get("deletionVector") or {}
    return file["path"], vector.get("pathOrInlineDv"), vector.get("offset")


def removed_twice(path):
    """The commits that removed a file which was not in the table any more: (version, engine, version that had removed it before)."""
    removed, found = {}, set()
    for version, actions in commits(path):
        engine = next((action["commitInfo"].get("engineInfo", "") for action in actions if "commitInfo" in action), "")
        for action in actions:
            if "remove" in action:
                file = identity(action["remove"])
                if file in removed:
                    found.add((version, engine, removed[file]))
                removed[file] = version
        for action in actions:
            if "add" in action:
                removed.pop(identity(action["add"]), None)
    return sorted(found)


class Conflict(Exception):
    """Another writer was faster; nothing was committed."""


class LeveeEngine:
    def __init__(self, table, worker, scratch, binary):
        self.table, self.worker, self.scratch, self.binary, self.runs = table, worker, scratch, binary, 0
        # Partitions that a process of the peer compacts are its own to compact.
        self.compacted = "zone NOT LIKE 'peer%'"

    def _run(self, *arguments):
        self.runs += 1
        command = [self.binary, "table", *map(str, arguments), "--app-id", f"worker-{self.worker}", "--app-version", str(self.runs), "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        # 3 is a conflict, or storage that is busy.
        if done.returncode == 3:
            raise Conflict(done.stderr)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: exit code {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)

    def next_commit(self):
        return f"worker-{self.worker}/{self.runs + 1}"

    def append(self, ids, zone):
        rows = self.scratch / f"rows-{self.worker}.json"
        rows.write_text("".join(json.dumps({"id": id, "zone": zone, "worker": self.worker}) + "\n" for id in ids))
        return {"version": self._run("write", self.table, "--from", rows)["version"]}

    def delete(self, condition):
        result = self._run("delete", self.table, "--where", condition)
        return {"version": result["version"], "rows": result["metrics"]["numDeletedRows"], "tries": result["tries"]}

    def optimize(self):
        return {"version": self._run("optimize", self.table, "--where", self.compacted)["version"]}

    def vacuum(self):
        result = self._run("vacuum", self.table)
        return {"version": result["version"], "files": result["metrics"]["numDeletedFiles"]}


# The peer lists the log while others write to it, and gives up where it sees a version's checksum and not yet its commit; by its own words a bug.
CHECKSUM_AHEAD = re.compile(r"CRC file version \d+ is newer than log segment version")


class PeerEngine:
    def __init__(self, table, worker):
        self.table, self.worker, self.runs = table, worker, 0

    def _open(self):
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        while True:
            try:
                return DeltaTable(self.table)
            except DeltaError as error:
                if not CHECKSUM_AHEAD.search(str(error)):
                    raise

    def _metrics_in_log(self, ledger):
        """Of a commit whose answer was lost; None where it is not in the log."""
        for _, actions in commits(pathlib.Path(self.table)):
            for action in actions:
                if action.get("commitInfo", {}).get("ledger") == ledger:
                    return action["commitInfo"].get("operationMetrics", {})
        return None

    def next_commit(self):
        return f"worker-{self.worker}/{self.runs + 1}"

    def _run(self, action, of_metrics=lambda metrics: None):
        """What `action` returns; where only its commit is there to tell, what `of_metrics` makes of the commit's metrics."""
        from deltalake import CommitProperties
        from deltalake.exceptions import CommitFailedError, DeltaError

        self.runs += 1
        ledger = f"worker-{self.worker}/{self.runs}"
        try:
            return action(self._open(), CommitProperties(custom_metadata={"ledger": ledger}))
        except CommitFailedError as error:
            raise Conflict(str(error)) from error
        except DeltaError as error:
            if not CHECKSUM_AHEAD.search(str(error)):
                raise
            # It looks at the table before its commit, and again after it.
            metrics = self._metrics_in_log(ledger)
            if metrics is None:
                raise Conflict(str(error)) from error
            return of_metrics(metrics)

    def append(self, ids, zone):
        import pyarrow as pa
        from deltalake import write_deltalake

        columns = {"id": pa.array(ids, pa.int64()), "zone": [zone] * len(ids), "worker": pa.array([self.worker] * len(ids), pa.int64())}
        self._run(lambda table, properties: write_deltalake(table, pa.table(columns), mode="append", commit_properties=properties))
        return {}

    def delete(self, condition):
        metrics = self._run(lambda table, properties: table.delete(condition, commit_properties=properties), of_metrics=lambda metrics: metrics)
        return {"rows": int(metrics["num_deleted_rows"])}

    def optimize(self):
        own = [("zone", "=", f"peer{self.worker}")]
        self._run(lambda table, properties: table.optimize.compact(partition_filters=own, commit_properties=properties))
        return {}

    def vacuum(self):
        files = self._run(lambda table, properties: table.vacuum(dry_run=False, commit_properties=properties), of_metrics=lambda metrics: [])
        return {"files": len(files)}


def work(engine, ledgers, worker, seconds, seed):
    """Does one thing after the other, and notes what was acknowledged."""
    rng, ledger, next_id = random.Random(seed), ledgers / f"{worker}.jsonl", worker * 10_000_000
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        commit, choice = engine.next_commit(), rng.random()
        if choice < 0.5:
            ids = list(range(next_id, next_id + rng.randint(1, 40)))
            next_id = ids[-1] + 1
            zone = rng.choice(SHARED_ZONES + ["peer10", "peer11"])
            entry, act = {"kind": "append", "ids": ids, "zone": zone}, lambda: engine.append(ids, zone)
        elif choice < 0.8:
            condition, targets = deletion(rng, acknowledged(ledgers))
            entry, act = {"kind": "delete", "ids": targets, "condition": condition}, lambda: engine.delete(condition)
        elif choice < 0.95:
            entry, act = {"kind": "optimize"}, engine.optimize
        else:
            entry, act = {"kind": "vacuum"}, engine.vacuum
        try:
            entry |= {"commit": commit, "acknowledged": True, **act()}
        except Conflict as error:
            # The peer gives up an append over any concurrent delete.
            assert entry["kind"] != "append" or isinstance(engine, PeerEngine), f"an append gave up: {error}"
            entry |= {"commit": commit, "acknowledged": False, "error": str(error)}
        with open(ledger, "a") as file:
            file.write(json.dumps(entry) + "\n")


def entries(ledgers):
    for path in sorted(pathlib.Path(ledgers).glob("*.jsonl")):
        # The last line may be on its way.
        yield from (json.loads(line) for line in path.read_text().split("\n")[:-1])


def acknowledged(ledgers):
    return [entry for entry in entries(ledgers) if entry["kind"] == "append" and entry["acknowledged"]]


def deletion(rng, appends):
    """A condition on rows that are known to have come, and their ids: which of them are gone already the deleting process does not look up."""
    if not appends:
        return "id < 0", []
    batch = rng.choice(appends)
    ids = batch["ids"]
    match rng.randrange(4):
        case 0:
            return f"id BETWEEN {ids[0]} AND {ids[-1]}", ids
        case 1:
            some = [rng.choice(other["ids"]) for other in rng.sample(appends, min(5, len(appends)))]
            return f"id IN ({', '.join(map(str, some))})", some
        case 2:
            zone = rng.choice([batch["zone"], "a"])
            return f"zone = '{zone}' AND id >= {ids[0]} AND id <= {ids[-1]}", ids if zone == batch["zone"] else []
        case _:
            return f"id BETWEEN {ids[0]} AND {ids[-1]} AND id % 3 = 1", [id for id in ids if id % 3 == 1]


class Contention:
    def __init__(self, levee, scratch, seed, seconds, retention, properties=()):
        self.levee, self.scratch, self.seed, self.seconds = levee, scratch, seed, seconds
        self.table, self.ledgers = scratch / "table", scratch / "ledgers"
        self.ledgers.mkdir()
        columns = [("id", "long"), ("zone", "string"), ("worker", "long")]
        (scratch / "schema.json").write_text(json.dumps([{"name": name, "type": type} for name, type in columns]))
        # Longer than the longest transaction: what a vacuum takes nobody reads any more.
        kept = f"delta.deletedFileRetentionDuration=interval {retention} seconds"
        levee("table", "create", self.table, "--schema", scratch / "schema.json", "--partition-by", "zone", "--property", kept, *properties)
        for number in range(20):
            left = self.table / f"left-{number}.parquet"
            left.touch()
            os.utime(left, (0, 0))

    def _process(self, engine, worker, *arguments):
        command = [sys.executable, __file__, engine, self.table, self.ledgers, worker, self.seconds, self.seed + worker, *arguments]
        return subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE, text=True)

    def levee_process(self, worker):
        return self._process("levee", worker, self.levee.binary)

    def peer_process(self, worker):
        return self._process("deltalake", worker)

    def all_processes(self, processes):
        for process in processes:
            _, errors = process.communicate(timeout=self.seconds + 300)
            assert process.returncode == 0, errors

    def expected_rows(self):
        acknowledged = [entry for entry in entries(self.ledgers) if entry["acknowledged"]]
        came = [id for entry in acknowledged if entry["kind"] == "append" for id in entry["ids"]]
        went = {id for entry in acknowledged if entry["kind"] == "delete" for id in entry["ids"]}
        return sorted(id for id in came if id not in went)

    def check(self):
        everything = list(entries(self.ledgers))
        done = [entry for entry in everything if entry["acknowledged"]]
        came = {id for entry in done if entry["kind"] == "append" for id in entry["ids"]}
        went = {id for entry in done if entry["kind"] == "delete" for id in entry["ids"]}
        assert went <= came
        # Each row that went was counted by exactly one of those who deleted.
        assert sum(entry["rows"] for entry in done if entry["kind"] == "delete") == len(went)

        lines = self.levee.run("table", "read", self.table, "--columns", "id", "--format", "json", timeout=300).stdout.splitlines()
        assert sorted(json.loads(line)["id"] for line in lines) == self.expected_rows()

        versions, found = [], collections.defaultdict(list)
        for version, actions in commits(self.table):
            versions.append(version)
            for action in actions:
                if "txn" in action:
                    found[f"{action['txn']['appId']}/{action['txn']['version']}"].append(version)
                if "ledger" in action.get("commitInfo", {}):
                    found[action["commitInfo"]["ledger"]].append(version)
        assert versions == list(range(len(versions)))
        assert self.levee("table", "describe", self.table)["version"] == versions[-1]
        for entry in everything:
            at = found.get(entry["commit"], [])
            if not entry["acknowledged"]:
                # The peer's vacuum may have said that it starts.
                assert len(at) <= (1 if entry["kind"] == "vacuum" else 0), f"{entry} failed, and is in the log"
            elif entry["kind"] == "append" or entry.get("rows"):
                assert len(at) == 1, f"{entry} is in the log {len(at)} times"
            # A vacuum of the peer announces itself under the same name.
            assert len(at) <= (2 if entry["kind"] == "vacuum" else 1), entry
            if entry.get("version") is not None:
                assert at == [entry["version"]], entry
        assert removed_twice(self.table) == []
        if any(entry["kind"] == "vacuum" and "version" in entry for entry in done):
            assert not list(self.table.glob("left-*"))
        self.report(everything, len(versions), len(came), len(went))

    def report(self, everything, versions, came, went):
        print(f"seed {self.seed}, {self.seconds} s: {versions} versions, {came} rows came, {went} went")
        for worker in sorted({entry["commit"].split("/")[0] for entry in everything}):
            mine = [entry for entry in everything if entry["commit"].split("/")[0] == worker]
            counts = collections.Counter((entry["kind"], entry["acknowledged"]) for entry in mine)
            kinds = [f"{counts[kind, True]} {kind} ({counts[kind, False]} conflicts)" for kind in ("append", "delete", "optimize", "vacuum")]
            again = sum(entry.get("tries", 1) - 1 for entry in mine)
            print(f"  {worker}: {', '.join(kinds)}, {sum(entry.get('files', 0) for entry in mine)} files vacuumed, {again} deletes tried again")


if __name__ == "__main__":
    name, table, ledgers, worker, seconds, seed, *rest = sys.argv[1:]
    ledgers = pathlib.Path(ledgers)
    engine = LeveeEngine(table, int(worker), ledgers.parent, rest[0]) if name == "levee" else PeerEngine(table, int(worker))
    work(engine, ledgers, int(worker), float(seconds), int(seed))
