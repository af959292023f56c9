"""What `levee dev` keeps when it is stopped, killed and started again."""

import json
import pathlib
import signal
import threading
import time

import pytest
from devcluster.control_plane import ControlPlane, Kubectl, eventually, kubectls
from devcluster_site import CRD, job, widget


@pytest.fixture
def fresh(levee, tmp_path):
    plane = ControlPlane(levee.binary, tmp_path / "data").start()
    yield plane
    plane.stop()


@pytest.fixture(params=kubectls()[:1])
def own_kubectl(request, fresh):
    client = Kubectl(request.param, fresh, "default")
    client("apply", "-f", CRD)
    return client


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_state_survives_a_restart(own_kubectl, fresh, how):
    own_kubectl.apply(widget("a", size=4))
    own_kubectl.apply(widget("b"))
    own_kubectl("delete", "wd", "b")
    before = own_kubectl.json("get", "wd", "a")
    fresh.restart(how)
    assert own_kubectl.json("get", "wd", "a") == before
    assert own_kubectl("get", "wd", "-o", "name").split() == ["widget.test.levee.dev/a"]


def test_a_process_that_outlives_the_control_plane_is_taken_up_again(own_kubectl, fresh, tmp_path):
    own_kubectl.apply(job("j", f"echo started >> {tmp_path}/runs; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; exit 0"))
    eventually(lambda: (tmp_path / "runs").exists())
    fresh.stop(signal.SIGKILL)
    time.sleep(0.3)
    fresh.start()
    (tmp_path / "go").touch()
    own_kubectl("wait", "--for=condition=complete", "job/j", "--timeout=20s")
    assert (tmp_path / "runs").read_text() == "started\n"


def test_a_process_that_ended_meanwhile_is_counted_by_its_exit_code(own_kubectl, fresh, tmp_path):
    own_kubectl.apply(job("j", f"echo started >> {tmp_path}/runs; sleep 1; exit 5", backoffLimit=0))
    eventually(lambda: (tmp_path / "runs").exists())
    fresh.stop(signal.SIGKILL)
    time.sleep(1.5)
    fresh.start()
    own_kubectl("wait", "--for=condition=failed", "job/j", "--timeout=20s")
    pod = own_kubectl.json("get", "pods", "-l", "job-name=j")["items"][0]
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 5


def test_a_stopped_control_plane_leaves_no_process_and_its_jobs_go_on_later(own_kubectl, fresh, tmp_path):
    policy = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}
    own_kubectl.apply(job("j", f"echo $$ >> {tmp_path}/runs; [ -e {tmp_path}/go ] || sleep 60", backoffLimit=0, podFailurePolicy=policy))
    pid = eventually(lambda: (tmp_path / "runs").exists() and (tmp_path / "runs").read_text().split()[0])
    fresh.stop(signal.SIGTERM)
    assert not pathlib.Path("/proc", pid).exists()
    (tmp_path / "go").touch()
    fresh.start()
    own_kubectl("wait", "--for=condition=complete", "job/j", "--timeout=20s")


def test_nothing_acknowledged_is_lost_when_killed_while_writing(own_kubectl, fresh):
    """Killed at a random moment under load, ten times: what kubectl reported as created is there."""
    created = []
    for round in range(10):
        writers = [own_kubectl.start("create", "-f", "-") for _ in range(0)]
        assert not writers
        import threading

        stop = threading.Event()

        def write(worker):
            number = 0
            while not stop.is_set():
                name = f"w-{round}-{worker}-{number}"
                done = own_kubectl.command("create", "--validate=false", "-f", "-", stdin=json.dumps(widget(name)))
                if done.returncode == 0:
                    created.append(name)
                number += 1

        threads = [threading.Thread(target=write, args=(worker,)) for worker in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        fresh.stop(signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
        fresh.start()
    found = {line.removeprefix("widget.test.levee.dev/") for line in own_kubectl("get", "wd", "-o", "name").split()}
    assert created and set(created) <= found


def test_two_control_planes_do_not_share_a_directory(fresh, levee):
    assert "is in use by another levee dev" in levee.fails(1, "dev", "--data-dir", fresh.directory, "--no-operator")
