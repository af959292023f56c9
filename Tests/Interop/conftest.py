"""What the interop tests share: the built program, a place for tables, and the peers' view of rows."""

import json
import os
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("LEVEE_SHARED", ROOT.parent / "shared"))
CONFORMANCE = SHARED / "conformance" / "delta"


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: runs for minutes; only with LEVEE_SOAK=1 (make soak)")


def pytest_collection_modifyitems(items):
    if os.environ.get("LEVEE_SOAK") != "1":
        for item in items:
            if "soak" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="a long test: make soak runs it"))


class Levee:
    """The program under test. Each call is a process of its own."""

    def __init__(self, binary):
        self.binary = binary

    def run(self, *arguments, env=None, timeout=120, **options):
        """Runs a command and returns the finished process, whatever its exit code."""
        command = [self.binary, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})}, timeout=timeout, **options)

    def __call__(self, *arguments, **options):
        """Runs a command that must succeed; returns its JSON result."""
        done = self.run(*arguments, "-o", "json", **options)
        assert done.returncode == 0, f"levee {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stderr}"
        return json.loads(done.stdout)

    def fails(self, code, *arguments, **options):
        """Runs a command that must fail with this exit code; returns what it says."""
        done = self.run(*arguments, **options)
        assert done.returncode == code, f"exit code {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
        assert done.stderr.startswith("error: ") or code == 2, done.stderr
        return done.stderr

    def read(self, table, *arguments):
        """The rows as Levee reads them, as a pyarrow table."""
        import pyarrow.parquet as pq

        target = pathlib.Path(str(table).rstrip("/") + ".read.parquet")
        done = self.run("table", "read", table, "--format", "parquet", "--to", target, *arguments)
        assert done.returncode == 0, done.stderr
        try:
            return pq.ParquetFile(target).read()
        finally:
            target.unlink()


def find_binary():
    if "LEVEE_BIN" in os.environ:
        return os.environ["LEVEE_BIN"]
    for candidate in (ROOT / ".build/release/levee", ROOT / ".build/debug/levee"):
        if candidate.exists():
            return str(candidate)
    return None


@pytest.fixture(scope="session")
def levee():
    binary = find_binary()
    if binary is None:
        pytest.fail("no levee binary: run `make build`, or set LEVEE_BIN")
    return Levee(binary)


@pytest.fixture
def table(tmp_path):
    """A path at which a test may make a table."""
    return tmp_path / "table"


@pytest.fixture
def seed():
    """The seed of a random test; LEVEE_SEED repeats a failure, with which pytest prints it."""
    value = int(os.environ.get("LEVEE_SEED", "20261121"))
    print(f"seed {value} (LEVEE_SEED)")
    return value


@pytest.fixture
def rng(seed):
    return random.Random(seed)
