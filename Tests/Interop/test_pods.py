"""Workers' Jobs and pods as a cluster sees them: queues, quotas, logs."""

import shlex
import subprocess
import time

from devcluster.control_plane import eventually
from operator_process import delta_table, operation
from operator_site import cluster, site
from samples import small_files


def ready(site, name="run"):
    return site.condition("tableoperation", name)


def test_a_job_waits_in_its_queue_until_somebody_else_starts_it(site):
    small_files(site.lake / "orders")
    site.operator.start()
    site.apply(delta_table("orders", site.lake / "orders"), operation("run", optimize={}, jobTemplate={"queueName": "nightly"}))
    eventually(lambda: site.status("tableoperation", "run").get("phase") == "Queued")
    (job,) = site.kubectl.json("get", "jobs")["items"]
    assert job["spec"]["suspend"] is True and job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "nightly"
    assert ready(site)["reason"] == "Queued" and "queue nightly" in ready(site)["message"]
    assert "Queued" in site.kubectl("get", "tableoperation", "run")
    # It is neither taken for one that hangs nor started by us, a restart of the operator included.
    site.operator.restart()
    time.sleep(1)
    assert site.kubectl.json("get", "job", job["metadata"]["name"])["spec"]["suspend"] is True
    assert site.kubectl.json("get", "pods")["items"] == []
    # As Kueue does when there is room: it may put the pods on other nodes, too.
    patch = '{"spec":{"suspend":false,"template":{"spec":{"nodeSelector":{"pool":"spot"}}}}}'
    site.kubectl("patch", "job", job["metadata"]["name"], "--type=merge", "-p", patch)
    run = site.until_finished("run")
    assert run["status"]["phase"] == "Succeeded", run["status"]
    assert len(site.kubectl.json("get", "jobs")["items"]) == 1


def quota(hard):
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": {"hard": hard}}


def test_what_a_quota_refuses_is_said_and_goes_on_when_there_is_room(site):
    for table in ("a", "b"):
        small_files(site.lake / table, files=3)
    site.operator.start()
    site.apply(quota({"pods": "0"}), delta_table("a", site.lake / "a"), operation("run-a", "a"))
    eventually(lambda: ready(site, "run-a")["reason"] == "PodNotStarting")
    message = ready(site, "run-a")["message"]
    assert "exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0" in message
    assert message == site.status("tableoperation", "run-a")["message"]
    # The Job itself is refused.
    site.apply(quota({"count/jobs.batch": "1"}), delta_table("b", site.lake / "b"), operation("run-b", "b"))
    eventually(lambda: ready(site, "run-b")["reason"] == "JobRefused")
    assert "exceeded quota: small, requested: count/jobs.batch=1" in ready(site, "run-b")["message"]
    site.kubectl("delete", "resourcequota", "small")
    for name in ("run-a", "run-b"):
        assert site.until_finished(name)["status"]["phase"] == "Succeeded", site.status("tableoperation", name)


def test_the_status_says_where_the_log_is(site):
    small_files(site.lake / "orders")
    site.operator.start("--log-url-template", "https://logs.example/{namespace}/{pod}/{container}?run={operation}")
    site.apply(delta_table("orders", site.lake / "orders"), operation("run", optimize={}))
    logs = site.until_finished("run")["status"]["logs"]
    (pod,) = site.kubectl.json("get", "pods")["items"]
    assert logs["pod"] == pod["metadata"]["name"] and logs["container"] == "worker"
    assert logs["url"] == f"https://logs.example/{site.name}/{logs['pod']}/worker?run=run"
    tool, *arguments = shlex.split(logs["command"])
    assert tool == "kubectl" and '{"levee":"progress"' in site.kubectl(*arguments)


def test_a_template_that_asks_for_more_than_workers_get_is_refused(site):
    small_files(site.lake / "orders", files=2)
    site.operator.start()
    site.apply(
        delta_table("orders", site.lake / "orders"),
        operation("root", optimize={}, jobTemplate={"podSecurityContext": {"runAsUser": 0}}),
        operation("host", optimize={}, jobTemplate={"volumes": [{"name": "h", "hostPath": {"path": "/"}}]}),
    )
    for name, field in (("root", "podSecurityContext.runAsUser"), ("host", "volumes")):
        status = site.until_finished(name)["status"]
        assert status["phase"] == "Failed" and f"spec.jobTemplate.{field}: " in status["message"], status
    assert site.kubectl.json("get", "jobs")["items"] == []


def test_a_log_url_that_makes_no_links_is_wrong_usage(levee):
    done = subprocess.run([levee.binary, "operator", "--log-url-template", "https://l/{node}"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "{node}" in done.stderr and "{pod}" in done.stderr
