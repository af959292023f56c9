"""Replicas of the operator: one leads, and whatever becomes of it, another goes on and nothing is done twice."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from devcluster.control_plane import eventually
from operator_process import delta_table, policy
from operator_site import Site, cluster, optimizes, site
from rows import delta_rs_rows
from samples import small_files

# Short, and long enough for a machine that is busy with other tests: a leader that gets no processor for RENEW seconds ends.
LEASE, RENEW, RETRY = 5, 4, 0.5
TIMES = ["--leader-elect-lease-duration", f"{LEASE}s", "--leader-elect-renew-deadline", f"{RENEW}s", "--leader-elect-retry-period", f"{RETRY}s"]
WRITES = ["operator.status.before:4", "operator.create-operation.before", "operator.create-job.before"]
MORE_WRITES = ["operator.status.before", "operator.create-operation.after", "operator.finalizer.before", "operator.create-job.after"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Replica:
    """One operator of several, with metrics and health on a port of its own."""

    def __init__(self, site, name, **env):
        self.log = site.lake.parent / f"{name}.log"
        self.port = free_port()
        address = f"127.0.0.1:{self.port}"
        command = list(site.operator.command)
        for option in ("--metrics-address", "--health-address"):
            command[command.index(option) + 1] = address
        command += ["--leader-elect", "--leader-elect-resource-namespace", site.name, *TIMES]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env={**os.environ, **env})

    def says(self, text):
        return text in self.log.read_text()

    def page(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None, ""

    def is_ready(self):
        return self.page("/readyz")[0] == 200

    def leads(self):
        return 'leader_election_master_status{name="levee-operator"} 1' in self.page("/metrics")[1]

    def is_stopped(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def replica():
    made = []

    def start(site, name, **env):
        made.append(Replica(site, name, **env))
        return made[-1]

    yield start
    for each in made:
        each.end()


def lease(site):
    return site.get("lease", "levee-operator")["spec"]


def first_and_second(site, replica):
    first = replica(site, "first")
    eventually(first.leads)
    second = replica(site, "second")
    eventually(second.is_ready)
    return first, second


def settled(site, table):
    """Whether the run is on the table's record, and nothing holds the operation any more."""
    recorded = site.status("deltatable", "orders").get("maintenance", {}).get("optimize", {}).get("lastRun")
    return recorded and not any(each["metadata"].get("finalizers") for each in site.operations())


def everything(site):
    kinds = "deltatables,tableoperations,maintenancepolicies,storageprofiles,jobs"
    return {(each["kind"], each["metadata"]["name"]): each["metadata"]["resourceVersion"] for each in site.kubectl.json("get", kinds)["items"]}


def test_another_takes_over_when_the_leader_is_killed(site, replica):
    table = site.lake / "orders"
    small_files(table)
    rows = delta_rs_rows(table)
    first, second = first_and_second(site, replica)
    site.apply(delta_table("orders", table), policy(cooldown="1s", optimize={"when": {"smallFiles": 2}}))
    eventually(lambda: settled(site, table), timeout=90)
    # The one that waits is ready and knows all, and has changed nothing.
    assert not second.leads() and second.page("/healthz")[0] == 200 and second.says("waits to lead")
    assert 'levee_tables{ready="true"} 1' in second.page("/metrics")[1]
    held = lease(site)
    assert held["leaseDurationSeconds"] == LEASE and held["leaseTransitions"] == 0

    first.signal(signal.SIGKILL)
    killed = time.monotonic()
    small_files(table, files=2)
    eventually(second.leads)
    # The leader's last renewal was no longer ago than the time after which it ends by itself.
    assert time.monotonic() - killed >= LEASE - RENEW
    taken = lease(site)
    assert taken["holderIdentity"] != held["holderIdentity"] and taken["leaseTransitions"] == 1
    eventually(lambda: len(optimizes(table)) == 2, timeout=90)
    assert {row[0] for row in delta_rs_rows(table)} == {row[0] for row in rows}
    events = [each for each in site.kubectl.json("get", "events")["items"] if each["reason"] == "LeaderElection"]
    assert {each["message"] for each in events} >= {f"{each['holderIdentity']} became leader" for each in (held, taken)}
    assert all(each["involvedObject"]["uid"] == site.get("lease", "levee-operator")["metadata"]["uid"] for each in events)


def test_a_leader_that_is_asked_to_end_hands_over_at_once(site, replica):
    first, second = first_and_second(site, replica)
    first.signal(signal.SIGTERM)
    assert first.process.wait(10) == 0
    ended = time.monotonic()
    assert lease(site)["holderIdentity"] == "" and lease(site)["leaseDurationSeconds"] == 1 or second.leads()
    eventually(second.leads)
    assert time.monotonic() - ended < LEASE
    assert lease(site)["leaseTransitions"] == 1 and lease(site)["leaseDurationSeconds"] == LEASE
    second.signal(signal.SIGTERM)
    assert second.process.wait(10) == 0 and lease(site)["holderIdentity"] == ""


@pytest.mark.parametrize("steps", [WRITES, pytest.param(MORE_WRITES, marks=pytest.mark.soak)], ids=["some", "more"])
def test_a_leader_that_was_frozen_before_a_write_does_not_make_it(levee, cluster, tmp_path, replica, steps):
    """It stops at each kind of write, sleeps through its lease and wakes: all is as the next leader left it."""
    frozen = []
    master = tmp_path / "master"
    small_files(master)
    for step in steps:
        site = Site(levee, cluster, tmp_path)
        shutil.copytree(master, site.lake / "orders")
        site.apply(delta_table("orders", site.lake / "orders", observe={"interval": "1h"}), policy(optimize={"when": {"smallFiles": 2}}))
        frozen.append((step, site, replica(site, "first", LEVEE_FAULT_POINT=step, LEVEE_FAULT_SIGNAL="STOP")))
    for step, site, first in frozen:
        eventually(first.is_stopped, timeout=60)
    seconds = [replica(site, "second") for _, site, _ in frozen]
    before = []
    for (step, site, first), second in zip(frozen, seconds):
        eventually(second.leads, timeout=60)
        eventually(lambda: settled(site, site.lake / "orders"), timeout=90)
        eventually(lambda: site.status("maintenancepolicy", "bronze").get("tables", {}).get("due") == 0, timeout=30)
        before.append((everything(site), lease(site)["holderIdentity"]))
        assert first.is_stopped(), step
        first.signal(signal.SIGCONT)
    for (step, site, first), (objects, holder) in zip(frozen, before):
        assert first.process.wait(15) == 1, step
        assert first.says("could not be renewed"), step
        assert everything(site) == objects and lease(site)["holderIdentity"] == holder, step
        assert len(site.operations()) == 1 and len(site.kubectl.json("get", "jobs")["items"]) == 1, step
        assert len(optimizes(site.lake / "orders")) == 1, step


def test_times_that_do_not_fit_together_are_refused(levee):
    arguments = ["operator", "--leader-elect", "--leader-elect-lease-duration", "10s", "--leader-elect-renew-deadline", "10s"]
    assert "longer than the renew deadline" in levee.fails(2, *arguments)
