"""A `levee dev` to test against, and a kubectl to test it with."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time


def kubectls():
    """Every kubectl of this machine: the one in PATH, and others that LEVEE_KUBECTLS or Debian's package (unpacked beside) name."""
    found = [shutil.which("kubectl"), "/opt/kubectl120/usr/bin/kubectl", *os.environ.get("LEVEE_KUBECTLS", "").split(":")]
    unique = []
    for path in found:
        if path and os.access(path, os.X_OK) and os.path.realpath(path) not in map(os.path.realpath, unique):
            unique.append(path)
    return unique


class ControlPlane:
    """The server's process. Its state outlives it, so that it can be killed and started again."""

    def __init__(self, binary, directory):
        self.binary = binary
        self.directory = pathlib.Path(directory)
        self.kubeconfig = self.directory / "kubeconfig"
        self.process = None
        self.options = ["--no-operator"]

    def start(self, env=None):
        self.log = open(self.directory.parent / f"{self.directory.name}.log", "a")
        command = [self.binary, "dev", "--data-dir", str(self.directory), *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True, env={**os.environ, **(env or {})})
        line = self.process.stdout.readline()
        assert line.startswith("export KUBECONFIG="), line
        return self

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)
        self.process.stdout.close()
        self.log.close()

    def restart(self, how=signal.SIGKILL):
        self.stop(how)
        return self.start()


class Kubectl:
    def __init__(self, path, cluster, namespace):
        self.path = path
        self.cluster = cluster
        self.namespace = namespace
        # Goes when the object does.
        self.cache = tempfile.TemporaryDirectory(prefix="kubectl-cache-", ignore_cleanup_errors=True)
        version = json.loads(self.command("version", "--client", "-o", "json").stdout)
        self.minor = int(version["clientVersion"]["minor"].rstrip("+"))

    def command(self, *arguments, stdin=None, timeout=60):
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig), "HOME": self.cache.name}
        command = [self.path, "--namespace", self.namespace, *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, env=environment)

    def __call__(self, *arguments, **options):
        """Runs a command that must succeed; returns its output."""
        done = self.command(*arguments, **options)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}: {done.stderr}"
        return done.stdout

    def fails(self, *arguments, **options):
        """Runs a command that must fail; returns what it says."""
        done = self.command(*arguments, **options)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def json(self, *arguments):
        return json.loads(self(*arguments, "-o", "json"))

    def apply(self, document, *arguments):
        text = document if isinstance(document, str) else json.dumps(document)
        return self("apply", *arguments, "-f", "-", stdin=text)

    def start(self, *arguments):
        """A command that goes on: a watch, a log that is followed."""
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig), "HOME": self.cache.name}
        command = [self.path, "--namespace", self.namespace, *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def eventually(check, timeout=60):
    """Repeats `check` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)
