"""Jobs and pods of `levee dev`, as local processes."""

import json
import pathlib

import pytest
from devcluster.control_plane import eventually
from devcluster_site import cluster, job, kubectl


def test_a_job_runs_to_its_end_and_its_log_can_be_followed(kubectl):
    kubectl.apply(job("j", "for i in 1 2 3; do echo line $i; sleep 0.3; done; echo fine > $LEVEE_TERMINATION_MESSAGE"))
    eventually(lambda: kubectl.command("logs", "job/j").returncode == 0)
    assert kubectl("logs", "-f", "job/j") == "line 1\nline 2\nline 3\n"
    kubectl("wait", "--for=condition=complete", "job/j", "--timeout=20s")
    assert kubectl("logs", "job/j", "--tail=1") == "line 3\n"
    pod = kubectl.json("get", "pods", "-l", "job-name=j")["items"][0]
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (0, "Completed", "fine\n")
    assert kubectl("get", "job", "j").splitlines()[1].split()[1:3] == ["Complete", "1/1"]
    assert "Completed" in kubectl("get", "pods") and "Pods Statuses" in kubectl("describe", "job", "j")


def condition(document, kind):
    return next((c for c in document["status"].get("conditions", []) if c["type"] == kind and c["status"] == "True"), None)


@pytest.mark.parametrize(
    "name, make, reason, failed",
    [
        ("retries", lambda: job("j", "exit 3", backoffLimit=1), "BackoffLimitExceeded", 2),
        ("deadline", lambda: job("j", "trap '' TERM; sleep 60", activeDeadlineSeconds=1, pod={"terminationGracePeriodSeconds": 1}), "DeadlineExceeded", 1),
        (
            "policy",
            lambda: job("j", "exit 4", podFailurePolicy={"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [4]}}]}),
            "PodFailurePolicy",
            1,
        ),
        ("missing program", lambda: job("j", "x", backoffLimit=0, pod={"containers": [{"name": "main", "image": "x", "command": ["/no/such/program"]}]}), "BackoffLimitExceeded", 1),
    ],
    ids=lambda value: value if isinstance(value, str) and value[0].islower() else "",
)  # fmt: skip
def test_failed_jobs_say_why(kubectl, name, make, reason, failed):
    kubectl.apply(make())
    kubectl("wait", "--for=condition=failed", "job/j", "--timeout=30s")
    found = kubectl.json("get", "job", "j")
    assert condition(found, "Failed")["reason"] == reason
    assert found["status"]["failed"] == failed and found["status"].get("active", 0) == 0


def test_an_ignored_failure_is_replaced_without_counting(kubectl, tmp_path):
    marker = tmp_path / "marker"
    policy = {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [7]}}]}
    kubectl.apply(job("j", f"[ -e {marker} ] && exit 0; touch {marker}; exit 7", backoffLimit=0, podFailurePolicy=policy))
    kubectl("wait", "--for=condition=complete", "job/j", "--timeout=20s")
    status = kubectl.json("get", "job", "j")["status"]
    assert status["succeeded"] == 1 and status.get("failed", 0) == 0


def test_on_failure_restarts_in_the_same_pod(kubectl, tmp_path):
    marker = tmp_path / "marker"
    kubectl.apply(job("j", f"echo run; [ -e {marker} ] && exit 0; touch {marker}; exit 1", restartPolicy="OnFailure"))
    kubectl("wait", "--for=condition=complete", "job/j", "--timeout=20s")
    (pod,) = kubectl.json("get", "pods", "-l", "job-name=j")["items"]
    status = pod["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1 and status["lastState"]["terminated"]["exitCode"] == 1
    assert kubectl("logs", pod["metadata"]["name"], "--previous") == "run\n"


def test_an_indexed_job_runs_each_index_once(kubectl, tmp_path):
    script = f"echo $JOB_COMPLETION_INDEX >> {tmp_path}/indexes"
    kubectl.apply(job("j", script, completions=5, parallelism=3, completionMode="Indexed", ttlSecondsAfterFinished=1))
    eventually(lambda: sorted((tmp_path / "indexes").read_text().split()) == list("01234") if (tmp_path / "indexes").exists() else False)
    # The TTL takes the Job, and the Job its pods.
    eventually(lambda: kubectl("get", "jobs,pods", "-o", "name") == "")
    assert sorted((tmp_path / "indexes").read_text().split()) == list("01234")


def test_a_suspended_job_starts_when_it_is_resumed(kubectl):
    kubectl.apply(job("j", "exit 0", suspend=True))
    eventually(lambda: condition(kubectl.json("get", "job", "j"), "Suspended"))
    assert kubectl("get", "pods", "-o", "name") == ""
    kubectl("patch", "job", "j", "--type=merge", "-p", '{"spec":{"suspend":false}}')
    kubectl("wait", "--for=condition=complete", "job/j", "--timeout=20s")


def test_what_a_suspension_ends_is_no_failure(kubectl, tmp_path):
    started = tmp_path / "started"
    script = f"trap 'exit 143' TERM; [ -e {started} ] && exit 0; touch {started}; while :; do sleep 0.1; done"
    kubectl.apply(job("j", script, backoffLimit=0))
    eventually(started.exists)
    kubectl("patch", "job", "j", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    eventually(lambda: kubectl("get", "pods", "-o", "name") == "")
    kubectl("patch", "job", "j", "--type=merge", "-p", '{"spec":{"suspend":false}}')
    kubectl("wait", "--for=condition=complete", "job/j", "--timeout=20s")
    assert kubectl.json("get", "job", "j")["status"].get("failed", 0) == 0


def test_a_quota_counts_objects(kubectl):
    hard = {"count/jobs.batch": "2", "pods": "1"}
    kubectl.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}})
    kubectl.apply(job("a", "sleep 60"))
    kubectl.apply(job("b", "exit 0"))
    refused = kubectl.fails("apply", "-f", "-", stdin=json.dumps(job("c", "exit 0")))
    assert 'jobs.batch "c" is forbidden: exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=2, limited: count/jobs.batch=2' in refused
    said = "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    eventually(lambda: any(event["reason"] == "FailedCreate" and said in event["message"] for event in kubectl.json("get", "events")["items"]))
    # A pod that has ended gives its place away.
    kubectl("delete", "job", "a", "--cascade=foreground", "--timeout=20s")
    kubectl("wait", "--for=condition=complete", "job/b", "--timeout=40s")


def test_deleting_a_job_ends_its_process(kubectl, tmp_path):
    pidfile, ended = tmp_path / "pid", tmp_path / "ended"
    kubectl.apply(job("j", f"trap 'echo bye > {ended}; exit 0' TERM; echo $$ > {pidfile}; while :; do sleep 0.1; done"))
    eventually(lambda: pidfile.exists() and pidfile.read_text().strip())
    kubectl("delete", "job", "j", "--cascade=foreground", "--timeout=20s")
    assert ended.read_text() == "bye\n"
    assert not pathlib.Path("/proc", pidfile.read_text().strip()).exists()
    assert kubectl("get", "pods", "-o", "name") == ""


def test_pods_see_configuration_secrets_and_volumes(kubectl):
    kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}})
    kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "hidden"}})
    kubectl.apply(
        {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "v"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    )  # fmt: skip
    pod = {
        "containers": [
            {
                "name": "main", "image": "x", "command": ["sh", "-c", 'cat "$C" "$S/k"; echo "$NAME $FROM $EXPANDED $1"; echo kept > "$V/file"', "sh", "/data/x"],
                "env": [
                    {"name": "C", "value": "/etc/config/a"},
                    {"name": "S", "value": "/secrets"},
                    {"name": "V", "value": "/data"},
                    {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                    {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    {"name": "EXPANDED", "value": "<$(NAME)>"},
                ],
                "volumeMounts": [
                    {"name": "c", "mountPath": "/etc/config"},
                    {"name": "s", "mountPath": "/secrets"},
                    {"name": "v", "mountPath": "/data"},
                ],
            }
        ],
        "volumes": [
            {"name": "c", "configMap": {"name": "c"}},
            {"name": "s", "secret": {"secretName": "s"}},
            {"name": "v", "persistentVolumeClaim": {"claimName": "v"}},
        ],
    }  # fmt: skip
    kubectl.apply(job("j", "", pod=pod))
    kubectl("wait", "--for=condition=complete", "job/j", "--timeout=20s")
    log = kubectl("logs", "job/j")
    assert log.startswith(f"1hidden{kubectl.namespace} hidden <{kubectl.namespace}> ") and log.endswith("/x\n")
    again = dict(pod, containers=[dict(pod["containers"][0], command=["sh", "-c", 'cat "$V/file"'])])
    kubectl.apply(job("k", "", pod=again))
    kubectl("wait", "--for=condition=complete", "job/k", "--timeout=20s")
    assert kubectl("logs", "job/k") == "kept\n"


def test_a_pod_waits_for_its_configuration(kubectl):
    environment = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "a"}}}]
    kubectl.apply(job("j", "", pod={"containers": [{"name": "main", "image": "x", "command": ["sh", "-c", "echo $A"], "env": environment}]}))
    eventually(lambda: "CreateContainerConfigError" in kubectl("get", "pods"))
    kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}, "data": {"a": "now"}})
    kubectl("wait", "--for=condition=complete", "job/j", "--timeout=20s")
    assert kubectl("logs", "job/j") == "now\n"
