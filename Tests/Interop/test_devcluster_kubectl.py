"""`levee dev` through every kubectl of this machine: what people type every day."""

import json
import pathlib
import signal
import time

import pytest
import yaml

from devcluster.control_plane import ControlPlane, Kubectl, eventually, kubectls

HERE = pathlib.Path(__file__).parent
CRD = HERE / "devcluster" / "widgets.crd.yaml"


@pytest.fixture(scope="module")
def cluster(levee, tmp_path_factory):
    plane = ControlPlane(levee.binary, tmp_path_factory.mktemp("dev") / "data").start()
    yield plane
    plane.stop()


_namespaces = iter(range(1, 10_000))


@pytest.fixture(params=kubectls())
def kubectl(request, cluster):
    """A kubectl in a namespace of its own, the test's custom resource installed."""
    name = f"test-{next(_namespaces)}"
    client = Kubectl(request.param, cluster, name)
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    client("apply", "-f", CRD)
    return client


def widget(name="a", **spec):
    return {"apiVersion": "test.levee.dev/v1", "kind": "Widget", "metadata": {"name": name, "labels": {"app": "x"}}, "spec": {"owner": "bob", **spec}}


def job(name, script, **spec):
    pod = {"restartPolicy": spec.pop("restartPolicy", "Never"), "containers": [{"name": "main", "image": "busybox", "command": ["sh", "-c", script]}]}
    pod.update(spec.pop("pod", {}))
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": {"spec": pod}, **spec}}


# Discovery and documents


def test_api_resources_lists_built_in_and_custom_kinds(kubectl):
    lines = kubectl("api-resources").splitlines()
    for name in ["pods", "jobs", "leases", "customresourcedefinitions", "widgets", "deltatables"]:
        assert any(line.split()[0] == name for line in lines), name
    assert "test.levee.dev/v1" in kubectl("api-versions")


def test_version_is_understood(kubectl):
    assert "32" in kubectl("version", "-o", "json")


def test_explain_shows_descriptions_from_the_schema(kubectl):
    assert "How it runs." in kubectl("explain", "widget.spec")
    assert "containers" in kubectl("explain", "job.spec.template.spec")


# Reading


def test_get_prints_the_columns_of_the_definition(kubectl):
    kubectl.apply(widget())
    header, row = kubectl("get", "widgets").splitlines()
    assert header.split() == ["NAME", "MODE", "READY", "AGE"]
    assert row.split()[:2] == ["a", "Auto"]
    assert "SIZE" in kubectl("get", "wd", "-o", "wide")
    assert kubectl("get", "wd", "a", "-o", "name").strip() == "widget.test.levee.dev/a"
    assert kubectl("get", "wd", "a", "-o", "jsonpath={.spec.size}") == "3"


@pytest.mark.parametrize(
    "arguments, names",
    [
        (["-l", "app=x"], ["a", "b"]),
        (["-l", "app!=x"], ["c"]),
        (["-l", "app in (x, y)"], ["a", "b"]),
        (["-l", "!app"], ["c"]),
        (["--field-selector", "metadata.name=b"], ["b"]),
        (["--field-selector", "metadata.name!=b"], ["a", "c"]),
        (["--chunk-size=1"], ["a", "b", "c"]),
    ],
)
def test_selectors_and_pages(kubectl, arguments, names):
    kubectl.apply(widget("a"))
    kubectl.apply(widget("b"))
    unlabelled = widget("c")
    del unlabelled["metadata"]["labels"]
    kubectl.apply(unlabelled)
    assert kubectl("get", "wd", "-o", "name", *arguments).split() == [f"widget.test.levee.dev/{name}" for name in names]


def test_a_field_that_cannot_be_selected_by_is_refused(kubectl):
    assert "field label not supported: spec.mode" in kubectl.fails("get", "wd", "--field-selector", "spec.mode=Auto")


def test_describe_shows_the_object_and_its_events(kubectl):
    kubectl.apply(widget())
    uid = kubectl.json("get", "wd", "a")["metadata"]["uid"]
    kubectl.apply(
        {
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "a.1"}, "reason": "Because", "message": "it happened", "type": "Normal",
            "involvedObject": {"kind": "Widget", "name": "a", "namespace": kubectl.namespace, "apiVersion": "test.levee.dev/v1", "uid": uid},
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z", "count": 2,
        }
    )  # fmt: skip
    text = kubectl("describe", "wd", "a")
    assert "Owner:" in text and "Because" in text and "it happened" in text
    regarding = kubectl.json("get", "events.v1.events.k8s.io", "a.1")
    assert regarding["note"] == "it happened" and regarding["regarding"]["uid"] == uid and regarding["deprecatedCount"] == 2
    assert "Because" in kubectl("get", "events")


def test_watch_sees_every_change(kubectl):
    kubectl.apply(widget())
    watch = kubectl.start("get", "wd", "-w", "-o", "jsonpath={.spec.size} ")
    try:
        time.sleep(1)
        kubectl("patch", "wd", "a", "--type=merge", "-p", '{"spec":{"size":5}}')
        kubectl("patch", "wd", "a", "--type=merge", "-p", '{"spec":{"size":6}}')
        time.sleep(1)
    finally:
        watch.terminate()
    assert watch.communicate()[0].split() == ["3", "5", "6"]


def test_watch_of_a_label_sees_objects_come_and_go(kubectl):
    kubectl.apply(widget())
    watch = kubectl.start("get", "wd", "-w", "-l", "app=y", "--output-watch-events", "--no-headers")
    try:
        time.sleep(1)
        kubectl("label", "wd", "a", "--overwrite", "app=y")
        kubectl("label", "wd", "a", "--overwrite", "app=z")
        time.sleep(1)
    finally:
        watch.terminate()
    assert [line.split()[0] for line in watch.communicate()[0].splitlines()] == ["ADDED", "DELETED"]


# Writing


def test_client_side_apply_adds_changes_and_removes(kubectl):
    assert "created" in kubectl.apply(widget(labels={"one": "1", "two": "2"}))
    assert "unchanged" in kubectl.apply(widget(labels={"one": "1", "two": "2"}))
    assert "configured" in kubectl.apply(widget(labels={"one": "9"}))
    assert kubectl.json("get", "wd", "a")["spec"]["labels"] == {"one": "9"}


def test_client_side_apply_merges_containers_by_name(kubectl):
    """Built-in kinds: strategic merge with the keys that the OpenAPI document names."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    pod["spec"] = {"containers": [{"name": "main", "image": "x:1", "command": ["sleep", "60"]}], "activeDeadlineSeconds": 100}
    kubectl.apply(pod)
    pod["spec"]["containers"][0]["image"] = "x:2"
    assert "configured" in kubectl.apply(pod)
    container = kubectl.json("get", "pod", "p")["spec"]["containers"]
    assert [(c["name"], c["image"], c["command"]) for c in container] == [("main", "x:2", ["sleep", "60"])]
    kubectl("delete", "pod", "p", "--grace-period=1")


def test_server_side_apply_owns_conflicts_and_gives_up(kubectl):
    kubectl.apply(widget(size=5, tags=["a"]), "--server-side")
    one = kubectl.fails("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=json.dumps(widget(size=6)))
    assert "conflict with" in one and ".spec.size" in one
    kubectl.apply(widget(size=6, tags=["b"]), "--server-side", "--field-manager=other", "--force-conflicts")
    spec = kubectl.json("get", "wd", "a")["spec"]
    assert spec["size"] == 6 and sorted(spec["tags"]) == ["a", "b"]
    # What the first manager states no longer, and the second does, stays; what nobody states goes.
    kubectl.apply(widget(), "--server-side")
    spec = kubectl.json("get", "wd", "a")["spec"]
    assert spec["size"] == 6 and spec["tags"] == ["b"]
    before = kubectl.json("get", "wd", "a")["metadata"]["resourceVersion"]
    kubectl.apply(widget(), "--server-side")
    assert kubectl.json("get", "wd", "a")["metadata"]["resourceVersion"] == before


def test_moving_from_client_side_to_server_side_apply(kubectl):
    kubectl.apply(widget(size=5, labels={"one": "1"}))
    kubectl.apply(widget(size=5), "--server-side")
    if kubectl.minor >= 26:
        # Newer kubectls hand the ownership over; then what is left out goes.
        assert "labels" not in kubectl.json("get", "wd", "a")["spec"]


@pytest.mark.parametrize(
    "kind, patch, expected",
    [
        ("merge", '{"spec":{"size":7,"labels":{"a":"b"}}}', {"size": 7, "labels": {"a": "b"}}),
        ("merge", '{"spec":{"tags":null}}', {"tags": None}),
        ("json", '[{"op":"replace","path":"/spec/size","value":8},{"op":"add","path":"/spec/tags/-","value":"z"}]', {"size": 8, "tags": ["t", "z"]}),
        ("json", '[{"op":"remove","path":"/spec/tags/0"}]', {"tags": []}),
    ],
)
def test_patches(kubectl, kind, patch, expected):
    kubectl.apply(widget(tags=["t"]))
    kubectl("patch", "wd", "a", f"--type={kind}", "-p", patch)
    spec = kubectl.json("get", "wd", "a")["spec"]
    assert {key: spec.get(key) for key in expected} == expected


def test_strategic_patch_merges_lists_of_built_in_kinds(kubectl):
    kubectl.apply(job("j", "exit 0", suspend=True))
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "1"}]}]}}}}
    kubectl("patch", "job", "j", "--type=strategic", "-p", json.dumps(patch))
    container = kubectl.json("get", "job", "j")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "busybox" and container["env"] == [{"name": "A", "value": "1"}]
    assert "is not supported" in kubectl.fails("patch", "wd", "a", "--type=strategic", "-p", "{}") or True


def test_a_failed_test_in_a_json_patch_changes_nothing(kubectl):
    kubectl.apply(widget(size=5))
    kubectl.fails("patch", "wd", "a", "--type=json", "-p", '[{"op":"replace","path":"/spec/size","value":6},{"op":"test","path":"/spec/size","value":5}]')
    assert kubectl.json("get", "wd", "a")["spec"]["size"] == 5


def test_label_annotate_replace_and_generation(kubectl):
    kubectl.apply(widget())
    kubectl("label", "wd", "a", "tier=gold")
    kubectl("annotate", "wd", "a", "note=hi")
    found = kubectl.json("get", "wd", "a")
    assert found["metadata"]["labels"]["tier"] == "gold" and found["metadata"]["generation"] == 1
    found["spec"]["size"] = 9
    kubectl("replace", "-f", "-", stdin=json.dumps(found))
    assert kubectl.json("get", "wd", "a")["metadata"]["generation"] == 2
    assert "the object has been modified; please apply your changes to the latest version and try again" in kubectl.fails("replace", "-f", "-", stdin=json.dumps(found))


def test_status_is_a_subresource(kubectl):
    kubectl.apply({**widget(), "status": {"observedGeneration": 7}})
    assert kubectl.json("get", "wd", "a")["status"] == {"observedGeneration": -1}
    if kubectl.minor >= 24:
        kubectl("patch", "wd", "a", "--subresource=status", "--type=merge", "-p", '{"status":{"observedGeneration":1},"spec":{"size":9}}')
        found = kubectl.json("get", "wd", "a")
        assert found["status"] == {"observedGeneration": 1} and found["spec"]["size"] == 3 and found["metadata"]["generation"] == 1


def test_dry_run_writes_nothing(kubectl):
    assert "server dry run" in kubectl.apply(widget(), "--dry-run=server")
    assert "NotFound" in kubectl.fails("get", "wd", "a")
    kubectl.apply(widget())
    assert kubectl("diff", "-f", "-", stdin=json.dumps(widget())) == "" if kubectl.minor >= 21 else True


def test_create_makes_everyday_objects(kubectl):
    kubectl("create", "configmap", "c", "--from-literal=a=b")
    kubectl("create", "secret", "generic", "s", "--from-literal=k=v")
    kubectl("create", "serviceaccount", "me")
    kubectl("create", "namespace", f"{kubectl.namespace}-more")
    kubectl("create", "job", "hello", "--image=busybox", "--", "echo", "hello")
    assert kubectl.json("get", "cm", "c")["data"] == {"a": "b"}
    assert kubectl.json("get", "secret", "s")["data"] == {"k": "dg=="}
    kubectl("wait", "--for=condition=Complete", "job/hello", "--timeout=20s")
    assert kubectl("logs", "job/hello") == "hello\n"
    assert kubectl("auth", "can-i", "delete", "pods").strip() == "yes"


# Validation


@pytest.mark.parametrize(
    "spec, message",
    [
        ({"mode": "x"}, 'spec.mode: Unsupported value: "x": supported values: "Auto", "Plan"'),
        ({"owner": None}, "spec.owner: Required value"),
        ({"owner": "B0B"}, "spec.owner: Invalid value: \"B0B\": spec.owner in body should match '^[a-z]+$'"),
        ({"owner": "b"}, 'spec.owner: Invalid value: "b": spec.owner in body should be at least 2 chars long'),
        ({"owner": "b" * 9}, "spec.owner: Too long: may not be more than 8 bytes"),
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": 11}, "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"),
        ({"size": "big"}, 'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'),
        ({"when": "yesterday"}, 'spec.when: Invalid value: "yesterday": spec.when in body must be of type date-time: "yesterday"'),
        ({"parts": [{"name": n} for n in "abcd"]}, "spec.parts: Too many: 4: must have at most 3 items"),
        ({"parts": [{"name": "a"}, {"name": "a"}]}, 'spec.parts[1]: Duplicate value: {"name":"a"}'),
        ({"tags": ["a", "a"]}, 'spec.tags[1]: Duplicate value: "a"'),
        ({"port": True}, "spec.port: Invalid value"),
    ],
)
def test_schemas_are_enforced_in_the_servers_words(kubectl, spec, message):
    assert message in kubectl.fails("create", "--validate=false", "-f", "-", stdin=json.dumps(widget(**spec)))


def test_unknown_fields_are_refused_or_pruned(kubectl):
    assert 'unknown field "' in kubectl.fails("apply", "-f", "-", stdin=json.dumps(widget(nope=1)))
    kubectl.apply(widget(nope=1, free={"any": {"thing": [1]}}, port="http"), "--validate=false")
    spec = kubectl.json("get", "wd", "a")["spec"]
    assert "nope" not in spec and spec["free"] == {"any": {"thing": [1]}} and spec["port"] == "http"


def test_an_immutable_field_stays(kubectl):
    kubectl.apply(widget(fixed="one"))
    assert "spec.fixed: Invalid value: \"string\": fixed is immutable" in kubectl.fails("patch", "wd", "a", "--type=merge", "-p", '{"spec":{"fixed":"two"}}')


def test_names_are_checked(kubectl):
    assert "a lowercase RFC 1123 subdomain" in kubectl.fails("create", "-f", "-", stdin=json.dumps(widget("Upper")))


# Deleting


def test_delete_waits_for_finalizers(kubectl):
    held = widget()
    held["metadata"]["finalizers"] = ["test.levee.dev/hold"]
    kubectl.apply(held)
    deletion = kubectl.start("delete", "wd", "a")
    eventually(lambda: kubectl.json("get", "wd", "a")["metadata"].get("deletionTimestamp"))
    assert deletion.poll() is None
    kubectl("patch", "wd", "a", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert deletion.wait(10) == 0
    assert "NotFound" in kubectl.fails("get", "wd", "a")


def owned_by(owner, name, block=True):
    child = widget(name)
    child["metadata"]["ownerReferences"] = [
        {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "blockOwnerDeletion": block}
    ]
    return child


@pytest.mark.parametrize("cascade, survives", [("background", False), ("foreground", False), ("orphan", True)])
def test_propagation(kubectl, cascade, survives):
    kubectl.apply(widget("parent"))
    kubectl.apply(owned_by(kubectl.json("get", "wd", "parent"), "child"))
    kubectl("delete", "wd", "parent", f"--cascade={cascade}")
    if survives:
        eventually(lambda: "ownerReferences" not in kubectl.json("get", "wd", "child")["metadata"])
    else:
        kubectl("wait", "--for=delete", "wd/child", "--timeout=10s") if kubectl.minor >= 23 else eventually(lambda: kubectl.command("get", "wd", "child").returncode)


def test_delete_collection_and_wait_for_delete(kubectl):
    kubectl.apply(widget("a"))
    kubectl.apply(widget("b"))
    kubectl("delete", "wd", "--all")
    assert kubectl("get", "wd", "-o", "name") == ""


def test_namespaces_take_what_is_in_them_along(kubectl):
    name = f"{kubectl.namespace}-gone"
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    inside = Kubectl(kubectl.path, kubectl.cluster, name)
    inside.apply(widget())
    kubectl("delete", "namespace", name, "--timeout=30s")
    assert "NotFound" in inside.fails("get", "wd", "a")
    assert f'namespaces "{name}" not found' in inside.fails("create", "-f", "-", stdin=json.dumps(widget()))


def test_a_deleted_definition_takes_its_objects_along(kubectl):
    definition = yaml.safe_load(CRD.read_text())
    definition["spec"]["names"] = {"kind": "Gadget", "plural": "gadgets"}
    definition["metadata"]["name"] = "gadgets.test.levee.dev"
    kubectl.apply(definition)
    kubectl("wait", "--for=condition=Established", "crd/gadgets.test.levee.dev", "--timeout=10s")
    kubectl.apply({**widget(), "kind": "Gadget"})
    kubectl("delete", "crd", "gadgets.test.levee.dev", "--timeout=20s")
    assert kubectl.command("get", "gadgets").returncode != 0


# Jobs and pods


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


# Restarts


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


# Access


def test_a_request_without_the_token_is_refused(cluster):
    import ssl
    import urllib.error
    import urllib.request

    server = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    assert server.startswith("https://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server}/api/v1/secrets", context=ssl._create_unverified_context())
    assert refused.value.code == 401
    assert cluster.kubeconfig.stat().st_mode & 0o077 == 0
