"""What the interop tests share: the built program, seeds, and the conformance tables."""

import json
import os
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFORMANCE = ROOT.parent / "shared" / "conformance"
SOAK = os.environ.get("LEVEE_SOAK") == "1"


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: runs for minutes; only with LEVEE_SOAK=1 (make soak)")


def pytest_collection_modifyitems(items):
    if not SOAK:
        for item in items:
            if "soak" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="a long test: make soak runs it"))


class Levee:
    """The built `levee` program."""

    def __init__(self, path):
        self.path = str(path)

    def run(self, *arguments, check=True, timeout=120, **options):
        """Runs a command; with `check`, a failure fails the test and shows what the program said."""
        command = [self.path, *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
        if check and result.returncode != 0:
            pytest.fail(f"{' '.join(command)} ended with {result.returncode}:\n{result.stderr}{result.stdout}")
        return result

    def json(self, *arguments, **options):
        """Runs a command with `-o json` and returns what it printed."""
        return json.loads(self.run(*arguments, "-o", "json", **options).stdout)

    def start(self, *arguments, **options):
        """Starts a command and returns its process."""
        return subprocess.Popen([self.path, *map(str, arguments)], **options)


@pytest.fixture(scope="session")
def levee():
    candidates = [os.environ.get("LEVEE_BIN"), ROOT / ".build/release/levee", ROOT / ".build/debug/levee"]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return Levee(candidate)
    pytest.fail("there is no levee program: run `make build`, or set LEVEE_BIN")


@pytest.fixture
def seed():
    """The seed of a random test: LEVEE_SEED to repeat a failure. pytest prints it with the failure."""
    value = int(os.environ.get("LEVEE_SEED", "20261121"))
    print(f"seed {value} (LEVEE_SEED)")
    return value


@pytest.fixture
def rng(seed):
    return random.Random(seed)


@pytest.fixture(scope="session")
def conformance():
    """The directory of tables and files that other engines wrote; tests that need it skip where it is missing."""
    if not CONFORMANCE.is_dir():
        pytest.skip(f"{CONFORMANCE} is not there")
    return CONFORMANCE
