"""A Levee process that is let go one step at a time, by the names that it notes of the steps it reaches (`LEVEE_FAULT_LOG`)."""

import os
import select
import subprocess
import time


class Steps:
    """Runs a command, held at each of its fault points until `to` or `finish` lets it go on.

    It notes a step by opening the log, writing and closing it; a pipe without a reader holds it in the opening. Before a pipe gets its reader another one has
    taken its name, so that the process is held again at the step behind, however fast it is.
    """

    def __init__(self, directory, *command, env=None):
        self.directory, self.count, self.readers = directory, 0, []
        self.log = directory / "steps"
        os.mkfifo(self.log)
        self.process = subprocess.Popen(
            [str(part) for part in command], env={**os.environ, **(env or {}), "LEVEE_FAULT_LOG": str(self.log)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        for reader in self.readers:
            os.close(reader)

    def _retire(self, make):
        """Puts another file in the place of the pipe, which gets its reader."""
        self.count += 1
        old, new = self.directory / f"steps.{self.count}", self.directory / f"steps.{self.count}.next"
        os.link(self.log, old)
        make(new)
        os.rename(new, self.log)
        self.readers.append(os.open(old, os.O_RDONLY | os.O_NONBLOCK))

    def _note(self):
        """The step that the process stood at, if it stood at one. A pipe without data tells by its end of file whether anybody is writing."""
        for reader in self.readers:
            try:
                text = os.read(reader, 4096)
            except BlockingIOError:
                select.select([reader], [], [], 60)
                text = os.read(reader, 4096)
            if text:
                return text.decode().strip()
        return None

    def to(self, step):
        """Lets the process go on until it has passed this step; the next one holds it."""
        while True:
            self._retire(os.mkfifo)
            reached = self._note()
            if reached == step:
                return self
            if reached is None:
                if self.process.poll() is not None:
                    raise AssertionError(f"it ended before {step}: {self.process.communicate()[1]}")
                time.sleep(0.005)

    def finish(self, timeout=60):
        """Lets the process go on to its end; returns its exit code and what it said of errors."""
        self._retire(lambda path: path.touch())
        _, error = self.process.communicate(timeout=timeout)
        return self.process.returncode, error
